"""Block selections: the elements that zarr-python's `blocks` takes."""

from typing import Any

import numpy as np
import pytest
import zarr

from zarr_hdf5.chunk_grid import RegularChunkGrid
from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.blocks import parse_blocks

GRID = RegularChunkGrid((10, 5), (4, 2))
VALUES = np.arange(50).reshape(10, 5)
ACCEPTED: list[Any] = [
    0,
    (2, 2),
    (-1, -3),
    slice(1, 3),
    (slice(0, 2), 1),
    (slice(None), slice(-2, None)),
    (slice(1, 100), slice(None, -1)),
    (slice(0, 0), 1),
    (np.int64(1), slice(0, 3, 1)),
    ...,
    (..., 1),
    (),
]
REFUSED: dict[str, tuple[Any, str]] = {
    "beyond the end": (3, "index 3 is out of bounds for axis 0 with length 3"),
    "before the beginning": ((0, -4), "out of bounds for axis 1"),
    "a step": (slice(0, 3, 2), "step 1"),
    "a step beyond": (slice(0, 3, 5), "step 1"),
    "backwards": (slice(None, None, -1), "step 1"),
    "a list": ([0, 1], "list"),
    "a mask": (np.ones(3, bool), "ndarray"),
    "too many": ((0, 0, 0), "too many"),
    "a new axis": ((None, 0), "step 1"),
    "a float": (1.5, "integers"),
}


@pytest.mark.parametrize("selection", ACCEPTED, ids=str)
def test_is_what_zarr_python_takes(selection: Any) -> None:
    chosen = parse_blocks(selection, GRID)
    found = VALUES[tuple(slice(dim.start, dim.start + dim.count) for dim in chosen.dims)]
    assert not any(dim.drop for dim in chosen.dims)
    judge = zarr.create_array({}, data=VALUES, chunks=GRID.chunk_shape)
    wanted = np.asarray(judge.blocks[selection])
    assert found.shape == chosen.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("selection", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(selection: Any, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        parse_blocks(selection, GRID)
    with pytest.raises((IndexError, ValueError, TypeError)):
        zarr.create_array({}, data=VALUES, chunks=GRID.chunk_shape).blocks[selection]


def test_slices_beyond_the_end_are_empty() -> None:
    """As slices elsewhere; zarr-python refuses them."""
    assert parse_blocks(slice(3, 5), GRID).shape == (0, 5)
    assert parse_blocks((), RegularChunkGrid((), ())).shape == ()
    assert parse_blocks(..., RegularChunkGrid((0, 5), (4, 2))).shape == (0, 5)
