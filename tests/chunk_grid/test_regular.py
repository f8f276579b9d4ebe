import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zarr.core.chunk_grids import RegularChunkGrid as ZarrPythonGrid

from zarr_hdf5.chunk_grid import RegularChunkGrid
from zarr_hdf5.errors import InvalidMetadataError, SelectionError

GRIDS = [
    # shape, chunk shape, grid shape
    ((10, 200, 3000), (5, 20, 400), (2, 10, 8)),  # the specification's example
    ((), (), ()),
    ((1,), (1,), (1,)),
    ((0,), (4,), (0,)),
    ((5, 0), (2, 3), (3, 0)),
    ((3,), (100,), (1,)),
    ((2**63 - 1,), (2**62,), (2,)),
]


@pytest.mark.parametrize(("shape", "chunk_shape", "grid_shape"), GRIDS)
def test_grid_shape(shape: tuple[int, ...], chunk_shape: tuple[int, ...], grid_shape: tuple[int, ...]) -> None:
    grid = RegularChunkGrid(shape, chunk_shape)
    assert grid.grid_shape == grid_shape
    assert grid.nchunks == math.prod(grid_shape)


LENGTHS = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 9)), max_size=3)


@given(LENGTHS)
def test_chunks_cover_every_element_once(lengths: list[tuple[int, int]]) -> None:
    shape, chunk_shape = tuple(n for n, _ in lengths), tuple(c for _, c in lengths)
    grid = RegularChunkGrid(shape, chunk_shape)
    covered = np.zeros(shape, int)
    coords = list(itertools.product(*map(range, grid.grid_shape)))
    assert coords == list(ZarrPythonGrid(chunk_shape=chunk_shape).all_chunk_coords(shape))
    for chunk_coords in coords:
        grid.check(chunk_coords)
        clipped = grid.clipped_shape(chunk_coords)
        assert all(1 <= n <= c for n, c in zip(clipped, chunk_shape, strict=True))
        origin = grid.chunk_origin(chunk_coords)
        part = tuple(slice(o, o + n) for o, n in zip(origin, clipped, strict=True))
        assert covered[part].shape == clipped
        covered[part] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("chunk_coords", [(2, 0), (0, 3), (-1, 0), (0,), (0, 0, 0), ()])
def test_no_such_chunk(chunk_coords: tuple[int, ...]) -> None:
    grid = RegularChunkGrid((4, 5), (2, 2))
    with pytest.raises(SelectionError, match=r"grid of \(2, 3\) chunks"):
        grid.check(chunk_coords)


@pytest.mark.parametrize(
    ("shape", "chunk_shape"), [((4,), (2, 2)), ((4,), ()), ((4,), (0,)), ((4,), (-1,)), ((-1,), (1,))]
)
def test_no_such_grid(shape: tuple[int, ...], chunk_shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidMetadataError):
        RegularChunkGrid(shape, chunk_shape)
