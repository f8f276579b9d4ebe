"""Coordinate selections: what numpy and zarr-python take for the same."""

from typing import Any

import numpy as np
import pytest

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.coordinates import parse_coordinates

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
