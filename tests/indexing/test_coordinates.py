"""Coordinate selections: what numpy and zarr-python take for the same."""

from typing import Any

import numpy as np
import pytest

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import Selection
from zarr_hdf5.indexing.coordinates import (
    CoordinateSelection,
    MaskSelection,
    parse_coordinates,
    parse_mask,
    parse_vectorized,
)

SHAPE = (10, 5)
VALUES = np.arange(50).reshape(SHAPE)
ACCEPTED: list[Any] = [
    (3, 4),
    (-10, -5),
    ([1, 2, 2, -1], [0, 0, 0, 4]),
    ([[1], [2]], [[0, 1, 2]]),
    (np.array([1, 2], "u1"), np.array([3], "<i2")),
    (np.array(3), [1, 2]),
    ([], []),
    (np.zeros((0, 3), int), 2),
    (np.array([2**63], "u8") - np.uint64(2**63 - 9), 4),
]
REFUSED: dict[str, tuple[Any, str]] = {
    "too few": ([1, 2], "one for each"),
    "too many": ((1, 2, 3), "one for each"),
    "a slice": ((1, slice(None)), "no coordinate"),
    "an ellipsis": ((1, ...), "no coordinate"),
    "a new axis": ((None, 1), "no coordinate"),
    "floats": (([1.0], [2]), "float64"),
    "bools": (([True], [2]), "bool"),
    "text": (("x", 1), "integers"),
    "ragged": (([[1], [2, 3]], 1), "axis 0"),
    "beyond the end": (([0, 10], 1), "10 is out of bounds for axis 0"),
    "before the beginning": ((1, [-6]), "-6 is out of bounds for axis 1"),
    "beyond all integers": ((np.array([2**64 - 1], "u8"), 1), "out of bounds"),
    "shapes that do not fit": (([1, 2], [1, 2, 3]), "broadcast"),
}
MASK = VALUES % 3 == 1
MASKS: list[Any] = [MASK, (MASK,), np.zeros(SHAPE, bool), np.ones(SHAPE, bool), MASK.tolist()]
NO_MASKS: dict[str, tuple[Any, str]] = {
    "another shape": (MASK[:5], r"shape \(5, 5\)"),
    "one dimension": (MASK[:, 0], r"shape \(10,\)"),
    "integers": (MASK.astype(int), "array of booleans"),
    "two": ((MASK, MASK), "one array of booleans"),
    "a slice": (slice(None), "array of booleans"),
    "nothing": ((), "one array of booleans"),
}


@pytest.mark.parametrize("selection", ACCEPTED, ids=str)
def test_is_what_numpy_takes(selection: Any) -> None:
    chosen = parse_coordinates(selection, SHAPE)
    wanted = VALUES[tuple(np.asarray(item, np.intp) for item in selection)]
    assert chosen.shape == wanted.shape
    np.testing.assert_array_equal(VALUES[tuple(chosen.points)].reshape(chosen.shape), wanted)


@pytest.mark.parametrize(("selection", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(selection: Any, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        parse_coordinates(selection, SHAPE)


def test_one_dimension_and_none() -> None:
    assert parse_coordinates([3, -1], (4,)).points.tolist() == [[3, 3]]
    scalar = parse_coordinates((), ())
    assert (scalar.shape, scalar.points.shape) == ((), (0, 1))


@pytest.mark.parametrize("mask", MASKS, ids=range(len(MASKS)))
def test_masks(mask: Any) -> None:
    for parse in (parse_mask, parse_vectorized):
        chosen = parse(mask, SHAPE)
        assert isinstance(chosen, MaskSelection)
        wanted = VALUES[np.asarray(mask[0] if isinstance(mask, tuple) else mask)]
        assert chosen.shape == wanted.shape
        for length in (1, 4, 10, 99):
            parts = list(chosen.parts(length))
            assert len(parts) == -(-10 // length)
            np.testing.assert_array_equal(np.concatenate([VALUES[tuple(points)] for points in parts]), wanted)


@pytest.mark.parametrize(("mask", "message"), NO_MASKS.values(), ids=NO_MASKS)
def test_no_masks(mask: Any, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        parse_mask(mask, SHAPE)


@pytest.mark.parametrize("value", [True, False])
def test_mask_of_a_scalar(value: bool) -> None:
    assert parse_mask(np.array(value), ()).shape == np.array(7)[np.array(value)].shape


def test_an_open_mesh_is_no_list_of_points() -> None:
    mesh = np.ix_([9, 0, 0], [4, 1])
    chosen = parse_vectorized(mesh, SHAPE)
    assert isinstance(chosen, Selection)
    assert chosen.shape == VALUES[mesh].shape
    assert isinstance(parse_vectorized(mesh[::-1], (5, 10)), CoordinateSelection)  # would have to be transposed
