"""What square brackets mean: numpy's choice where it is one, zarr-python's between coordinates and orthogonal."""

from typing import Any

import numpy as np
import pytest
import zarr

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import Selection
from zarr_hdf5.indexing.brackets import parse_brackets
from zarr_hdf5.indexing.coordinates import MaskSelection

SHAPE = (6, 5)
VALUES = np.arange(30).reshape(SHAPE)
MASK = VALUES % 4 == 1
# Selections, and whether they are of single elements.
AS_NUMPY: dict[str, tuple[Any, bool]] = {
    "integers and slices": (np.s_[1, ::2], False),
    "a mask": (MASK, True),
    "a mask in a tuple": ((MASK,), True),
    "integers for all": (([1, 2, -1], [0, 0, 4]), True),
    "an integer and a list": ((3, [1, 1]), True),
    "two arrays that broadcast": ((np.array([[1], [2]]), np.array([0, 3])), True),
    "one array": ([4, 1, 1], False),
    "one array in a tuple": ((np.array([4, 1, 1], "i2"),), False),
    "an array and a slice": (([5, 0], slice(1, 4)), False),
    "a slice and an array": ((slice(1, 4), [4, 2]), False),
    "a mask of a dimension": ((slice(None), [True, False, True, False, False]), False),
    "made by ix_": (np.ix_([5, 1, 1], [0, 4]), False),
}
NUMPY_ALONE: dict[str, tuple[Any, bool]] = {  # zarr-python refuses these
    "backwards": (np.s_[::-1, 2], False),
    "a new axis": (np.s_[None, 1], False),
    "an array beside an ellipsis": ((..., [1, 2]), False),
    "a new axis beside an array": (([1, 2], None), False),
    "a mask of the first dimension": (np.arange(6) % 2 == 0, False),
}
ZARR_ALONE: dict[str, tuple[Any, bool]] = {  # numpy would broadcast the two
    "a mask and an array": (([True, False, True, False, True, False], [1, 2]), False),
    "two masks": ((np.arange(6) < 2, np.arange(5) < 3), False),
}


def taken(selection: Any) -> Any:
    chosen = parse_brackets(selection, SHAPE)
    if not isinstance(chosen, Selection):
        (points,) = chosen.parts(99)
        return VALUES[tuple(points)].reshape(chosen.shape)
    found = VALUES
    for axis, dim in enumerate(chosen.dims):
        along = getattr(dim, "positions", None)
        along = np.arange(dim.count) * getattr(dim, "step", 1) + getattr(dim, "start", 0) if along is None else along
        found = found.take(along, axis)
    for axis, pick in chosen.picks:
        found = found.take(pick, axis)
    return found.reshape(chosen.shape)


@pytest.mark.parametrize(("selection", "points"), (AS_NUMPY | NUMPY_ALONE).values(), ids=AS_NUMPY | NUMPY_ALONE)
def test_as_numpy(selection: Any, points: bool) -> None:
    assert isinstance(parse_brackets(selection, SHAPE), Selection) != points
    wanted = VALUES[selection]
    assert taken(selection).shape == wanted.shape
    np.testing.assert_array_equal(taken(selection), wanted)


@pytest.mark.parametrize(("selection", "points"), (AS_NUMPY | ZARR_ALONE).values(), ids=AS_NUMPY | ZARR_ALONE)
def test_as_zarr_python(selection: Any, points: bool) -> None:
    assert isinstance(parse_brackets(selection, SHAPE), Selection) != points
    judge = zarr.create_array({}, data=VALUES, chunks=(2, 2))
    wanted = np.asarray(judge[selection])
    assert taken(selection).shape == wanted.shape
    np.testing.assert_array_equal(taken(selection), wanted)


def test_an_array_behind_an_integer_and_a_slice() -> None:
    """numpy would put the array's axis first; zarr-python leaves it in its place."""
    cube = np.arange(24).reshape(2, 3, 4)
    judge: Any = zarr.create_array({}, data=cube, chunks=(1, 2, 2))
    chosen = parse_brackets((0, slice(None), [3, 1]), cube.shape)
    assert isinstance(chosen, Selection)
    assert chosen.shape == np.asarray(judge[0, :, [3, 1]]).shape == (3, 2)


REFUSED: dict[str, tuple[Any, tuple[int, ...], str]] = {
    "arrays beside a slice": ((slice(None), [0], [1]), (2, 3, 4), "oindex"),
    "arrays beside an integer that are not all": (([0], [1]), (2, 3, 4), "oindex"),
    "a mask of another shape": (MASK[1:], SHAPE, "2 dimensions"),
    "an array of two dimensions": ([[0, 1], [1, 0]], SHAPE, "2 dimensions"),
    "coordinates that do not broadcast": (([0, 1], [0, 1, 2]), SHAPE, "broadcast"),
    "outside": (([0, 6], [0, 1]), SHAPE, "index 6 is out of bounds"),
    "text": ((0, ["1"]), SHAPE, "integers"),
}


@pytest.mark.parametrize(("selection", "shape", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(selection: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        parse_brackets(selection, shape)
    judge = zarr.create_array({}, shape=shape, dtype="i4", chunks=(1,) * len(shape))
    with pytest.raises((IndexError, ValueError, TypeError)):
        judge[selection]


@pytest.mark.parametrize("value", [True, np.False_, np.array(True)])
def test_a_boolean_is_the_mask_of_a_scalar(value: Any) -> None:
    chosen = parse_brackets(value, ())
    assert isinstance(chosen, MaskSelection)
    assert chosen.shape == np.array(5)[value].shape
    with pytest.raises(SelectionError, match=r"bool|axis 0"):
        parse_brackets(value, SHAPE)
