"""Orthogonal selections: what numpy takes along one axis after the other, and zarr-python's `oindex`."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import AxisSelection, DimSelection, IndexSelection, Selection
from zarr_hdf5.indexing.orthogonal import by_name, parse_orthogonal

SHAPE = (10, 5)
VALUES = np.arange(50).reshape(SHAPE)
MASK = np.arange(10) % 3 == 0
ACCEPTED: list[Any] = [
    [1, 2, 3],
    [3, 1, 1, -1, 7],
    ([9, 7, 5], [4, 0]),
    (slice(None, None, 2), [0, 0, 4]),
    ([2, 8], 3),
    (3, [2, 2]),
    (np.array([8, 2], "u1"), slice(4, 1)),
    MASK,
    (MASK, [True, False, False, True, True]),
    (list(MASK), np.array([3], "<i2")),
    ([True] * 10, [False] * 5),
    (..., [1, 3]),
    slice(2, 4),
    (),
]
OURS: list[Any] = [  # zarr-python refuses these
    ([], []),
    ([1, 3], ...),
    (np.array(3), [1]),
    (slice(None, None, -1), [0, 3]),
    (None, [1, 3], None, 2),
    ([4, 0], None, [1, 1]),
]
REFUSED: dict[str, tuple[Any, str]] = {
    "two dimensions": ([[1, 2], [3, 4]], "2 dimensions for axis 0"),
    "a mask over both": (np.ones(SHAPE, bool), "2 dimensions for axis 0"),
    "a short mask": (MASK[:9], r"shape \(9,\) for axis 0 with length 10"),
    "a long mask": ((0, MASK), r"shape \(10,\) for axis 1 with length 5"),
    "floats": (([1.0], 0), "float64"),
    "text": ((0, ["x"]), "axis 1 are <U1"),
    "ragged": ([[1], [2, 3]], "axis 0"),
    "beyond the end": (([0, 10], 1), "index 10 is out of bounds for axis 0"),
    "before the beginning": ((1, [-6]), "index -6 is out of bounds for axis 1"),
    "beyond all integers": ((np.array([2**64 - 1], "u8"), 1), "out of bounds"),
    "an integer outside": (([1], 5), "index 5 is out of bounds for axis 1"),
    "too many": (([1], [2], [3]), "too many indices"),
    "two ellipses": ((..., [1], ...), "one ellipsis"),
    "a tuple": ((0, (1, 2)), "array.oindex"),
}


def one_by_one(values: npt.NDArray[Any], selection: Any) -> npt.NDArray[Any]:
    """Axis after axis, the last first."""
    items = selection if isinstance(selection, tuple) else (selection,)
    if ... in [item for item in items if item is ...]:
        at = next(i for i, item in enumerate(items) if item is ...)
        given = sum(item is not None for item in items) - 1
        items = (*items[:at], *(slice(None),) * (values.ndim - given), *items[at + 1 :])
    axes = np.cumsum([item is not None for item in items]) - 1
    for axis, item in list(zip(axes.tolist(), items, strict=True))[::-1]:
        if item is None:
            values = np.expand_dims(values, axis + 1)
        else:
            empty = isinstance(item, list) and not item
            values = values[(*(slice(None),) * axis, np.asarray(item, np.intp) if empty else item)]
    return values


def positions(dim: AxisSelection) -> npt.NDArray[np.int64]:
    if isinstance(dim, IndexSelection):
        assert (np.diff(dim.positions) > 0).all()
        return dim.positions
    return np.array([dim.start + k * dim.step for k in range(dim.count)], np.int64)


def assemble(chosen: Selection[AxisSelection], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    taken = values[np.ix_(*map(positions, chosen.dims))]
    for axis, pick in chosen.picks:
        taken = taken.take(pick, axis)
    assert taken.shape == chosen.full_shape
    return taken.reshape(chosen.shape)


@pytest.mark.parametrize("selection", ACCEPTED, ids=str)
def test_is_what_zarr_python_takes(selection: Any) -> None:
    judge = zarr.create_array({}, data=VALUES, chunks=(3, 2))
    found = assemble(parse_orthogonal(selection, SHAPE), VALUES)
    wanted = one_by_one(VALUES, selection)
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)
    theirs = np.asarray(judge.oindex[selection])
    assert found.shape == theirs.shape
    np.testing.assert_array_equal(found, theirs)


@pytest.mark.parametrize("selection", OURS, ids=str)
def test_is_what_numpy_takes(selection: Any) -> None:
    found = assemble(parse_orthogonal(selection, SHAPE), VALUES)
    wanted = one_by_one(VALUES, selection)
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("selection", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(selection: Any, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        parse_orthogonal(selection, SHAPE)
    with pytest.raises((IndexError, ValueError, TypeError)):
        zarr.create_array({}, data=VALUES, chunks=(3, 2)).oindex[selection]


# Positions, what is selected, and which of that makes them up.
FORMS: dict[str, tuple[list[int], AxisSelection, list[int] | None]] = {
    "none": ([], DimSelection(0, 1, 0, False), None),
    "one": ([7], DimSelection(7, 1, 1, False), None),
    "a slice": ([2, 4, 6], DimSelection(2, 2, 3, False), None),
    "a slice backwards": ([9, 6], DimSelection(9, -3, 2, False), None),
    "the same twice": ([3, 3], DimSelection(3, 1, 1, False), [0, 0]),
    "a slice in another order": ([4, 2, 6, 4], DimSelection(2, 2, 3, False), [1, 0, 2, 1]),
}


@pytest.mark.parametrize(("index", "dim", "pick"), FORMS.values(), ids=FORMS)
def test_slices_are_found(index: list[int], dim: AxisSelection, pick: list[int] | None) -> None:
    chosen = parse_orthogonal(index, (10,))
    assert chosen.dims == (dim,)
    assert [p.tolist() for _, p in chosen.picks] == ([] if pick is None else [pick])


def test_positions_that_are_no_slice() -> None:
    chosen = parse_orthogonal([5, 1, 2, 5], (10,))
    (dim,) = chosen.dims
    assert isinstance(dim, IndexSelection)
    assert dim.positions.tolist() == [1, 2, 5]
    assert [(axis, pick.tolist()) for axis, pick in chosen.picks] == [(0, [2, 0, 1, 2])]


def test_dimensions_longer_than_integers() -> None:
    assert parse_orthogonal(2**70, (2**71,)).dims == (DimSelection(2**70, 1, 1, True),)
    with pytest.raises(SelectionError, match="no numpy integer"):
        parse_orthogonal([1], (2**71,))
    assert parse_orthogonal([-1], (2**63 - 1,)).dims == (DimSelection(2**63 - 2, 1, 1, False),)


@settings(deadline=None)
@given(st.data())
def test_any_selection_is_as_in_numpy(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(0, 6), max_size=3).map(tuple))
    items: list[Any] = []
    for length in shape:
        limit = st.none() | st.integers(-8, 8)
        kinds: list[st.SearchStrategy[Any]] = [st.builds(slice, limit, limit, limit.filter(lambda step: step != 0))]
        kinds.append(st.lists(st.booleans(), min_size=length, max_size=length).map(lambda m: np.array(m, bool)))
        if length:
            index = st.integers(-length, length - 1)
            kinds += [index, st.lists(index, max_size=9).map(lambda i: np.array(i, np.intp))]
        items.append(data.draw(st.one_of(kinds)))
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    wanted = one_by_one(values, tuple(items)) if items else values
    found = assemble(parse_orthogonal(tuple(items), shape), values) if items else values
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)


NAMES = ("time", None, "x", "x")


def test_by_name() -> None:
    assert by_name({"time": [1, 2]}, NAMES) == ([1, 2], slice(None), slice(None), slice(None))
    assert by_name({}, None) == ()


@pytest.mark.parametrize(
    ("indexers", "message"),
    [
        ({"y": 1}, "no dimensions are called 'y'"),
        ({"x": 1}, "2 dimensions are called 'x'"),
        ({"time": None}, "None for dimension"),
        ({"time": ...}, "Ellipsis for dimension"),
    ],
)
def test_names_that_are_refused(indexers: dict[str, Any], message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        by_name(indexers, NAMES)
