import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.chunk_grid import ChunkEdges, RectilinearChunkGrid, RegularChunkGrid
from zarr_hdf5.errors import InvalidMetadataError, SelectionError

DIMENSION = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def grid_of(shape: tuple[int, ...], *edges: list[int]) -> RectilinearChunkGrid:
    return RectilinearChunkGrid(shape, tuple(map(ChunkEdges.of, edges)))


@given(st.lists(DIMENSION, min_size=1, max_size=3), st.data())
def test_chunks_cover_every_element_once(dimensions: list[list[int]], data: st.DataObject) -> None:
    shape = tuple(data.draw(st.integers(0, sum(edges))) for edges in dimensions)
    grid = grid_of(shape, *dimensions)
    coords = list(itertools.product(*map(range, grid.grid_shape)))
    assert grid.nchunks == len(coords) == math.prod(grid.grid_shape)
    covered = np.zeros(shape, int)
    for place in coords:
        grid.check(place)
        origin, clipped = grid.chunk_origin(place), grid.clipped_shape(place)
        assert grid.shape_of(place) == tuple(edges[i] for edges, i in zip(dimensions, place, strict=True))
        covered[tuple(slice(o, o + n) for o, n in zip(origin, clipped, strict=True))] += 1
    assert (covered == 1).all()
    many = np.array(coords, np.int64).reshape(len(coords), len(shape))
    origins, lengths = grid.spans(many)
    assert origins.tolist() == [list(grid.chunk_origin(place)) for place in coords]
    assert lengths.tolist() == [list(grid.clipped_shape(place)) for place in coords]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), min_size=1, max_size=3))
def test_equal_edges_are_a_regular_grid(dimensions: list[tuple[int, int]]) -> None:
    shape, chunk_shape = tuple(n for n, _ in dimensions), tuple(c for _, c in dimensions)
    regular = RegularChunkGrid(shape, chunk_shape)
    listed = RectilinearChunkGrid(shape, tuple(ChunkEdges.regular(c, n) for n, c in dimensions))
    assert listed.grid_shape == regular.grid_shape
    coords = np.array(list(itertools.product(*map(range, regular.grid_shape))), np.int64).reshape(-1, len(shape))
    for ours, theirs in zip(listed.spans(coords), regular.spans(coords), strict=True):
        assert ours.tolist() == theirs.tolist()
    for place in map(tuple, coords.tolist()):
        assert listed.shape_of(place) == regular.shape_of(place) == chunk_shape


def test_chunks_beyond_the_array() -> None:
    grid = grid_of((12, 0), [10, 20, 30], [5])
    assert grid.grid_shape == (2, 0)
    assert grid.clipped_shape((1, 0)) == (2, 0)
    assert grid.shape_of((1, 0)) == (20, 5)
    with pytest.raises(SelectionError, match=r"no chunk \(2, 0\) in a grid of \(2, 0\) chunks"):
        grid.check((2, 0))


@pytest.mark.parametrize(("shape", "edges"), [((7,), [[3, 3]]), ((3, 3), [[3]]), ((), [[1]]), ((-1,), [[1]])])
def test_no_such_grid(shape: tuple[int, ...], edges: list[list[int]]) -> None:
    with pytest.raises(InvalidMetadataError):
        grid_of(shape, *edges)
