from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import BasicSelection, DimSelection, parse_basic


class Index:
    def __repr__(self) -> str:
        return "Index()"

    def __index__(self) -> int:
        return 2


class BadIndex:
    def __repr__(self) -> str:
        return "BadIndex()"

    def __index__(self) -> int:
        raise TypeError("no")


SHAPE = (10, 5)
ACCEPTED: list[Any] = [
    (),
    ...,
    (...,),
    0,
    -10,
    (9, -5),
    np.int64(3),
    np.uint8(4),
    (Index(), Index()),
    slice(None),
    slice(2, 7),
    slice(7, 2),
    slice(-100, 100),
    slice(3, None, 4),
    slice(None, None, -1),
    slice(8, 1, -3),
    slice(1, 8, -3),
    slice(100, -100, -1),
    slice(-1, -100, -100),
    slice(10, 10),
    slice(0, 1, 10**30),
    slice(10**30, -(10**30), -(10**30)),
    slice(np.int16(2), np.int16(9), np.int16(2)),
    slice(False, True),
    (..., 3),
    (3, ...),
    (3, ..., 4),
    (..., slice(1, 3), slice(None, None, 2)),
    (slice(1, 3), slice(1, 3), ...),
]


def assemble(selection: BasicSelection, shape: tuple[int, ...]) -> Any:
    """What numpy takes at the very positions that the selection lists."""
    array = np.arange(np.prod(shape)).reshape(shape)
    positions = [[d.start + k * d.step for k in range(d.count)] for d in selection.dims]
    taken = array[np.ix_(*(np.array(p, dtype=np.intp) for p in positions))] if shape else array
    assert taken.shape == selection.full_shape
    return taken.reshape(selection.shape)


@pytest.mark.parametrize("selection", ACCEPTED, ids=repr)
def test_accepted_as_numpy_and_zarr_do(selection: Any) -> None:
    array = np.arange(50).reshape(SHAPE)
    found = assemble(parse_basic(selection, SHAPE), SHAPE)
    assert np.array_equal(found, array[selection])
    assert found.shape == array[selection].shape
    z = zarr.create_array({}, data=array, chunks=(3, 2))
    if zarr_python_refuses(selection):
        with pytest.raises(IndexError):
            z.get_basic_selection(selection)
    else:
        theirs = z.get_basic_selection(selection)
        assert np.array_equal(found, theirs)
        assert found.shape == np.shape(theirs)


def zarr_python_refuses(selection: Any) -> bool:
    """It has neither negative steps nor indices that are not registered as integers."""
    items = selection if isinstance(selection, tuple) else (selection,)
    return any(isinstance(i, Index) or (isinstance(i, slice) and (i.step or 1) < 0) for i in items)


REFUSED: list[tuple[Any, str]] = [
    (10, "index 10 is out of bounds for axis 0 with length 10"),
    (-11, "index -11 is out of bounds for axis 0 with length 10"),
    ((0, 5), "index 5 is out of bounds for axis 1 with length 5"),
    ((..., 10**30), "out of bounds for axis 1"),
    ((0, 0, 0), "too many indices: 3 for an array of 2"),
    ((0, 0, ..., 0), "too many indices"),
    ((..., ...), "one ellipsis"),
    (None, "new axis"),
    ((0, None), "new axis"),
    (True, "bool"),
    ((0, np.False_), "bool"),
    (1.0, "use integers"),
    (np.float32(1), "use integers"),
    (1j, "use integers"),
    ("name", "fields"),
    (b"name", "use integers"),
    ([0, 1], "select from a slice"),
    ((0, (1, 2)), "select from a slice"),
    (np.array([0, 1]), "select from a slice"),
    (np.ones(SHAPE, dtype=bool), "select from a slice"),
    (NotImplemented, "use integers"),
    (BadIndex(), "axis 0"),
    (slice(0, 5, 0), "illegal slice for axis 0: slice step cannot be zero"),
    (slice(0.5, 3), "illegal slice"),
    ((0, slice("a", "b")), "illegal slice for axis 1"),
]


@pytest.mark.parametrize(("selection", "message"), REFUSED, ids=repr)
def test_refused(selection: Any, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        parse_basic(selection, SHAPE)
    z = zarr.create_array({}, data=np.arange(50).reshape(SHAPE), chunks=(3, 2))
    with pytest.raises((IndexError, TypeError, ValueError), match=r"index|indices|slice"):
        z.get_basic_selection(selection)


@pytest.mark.parametrize("selection", [0, slice(None), (..., 0), None])
def test_scalars_have_nothing_to_index(selection: Any) -> None:
    with pytest.raises(SelectionError):
        parse_basic(selection, ())


@pytest.mark.parametrize("selection", [(), ..., (...,)])
def test_scalars(selection: Any) -> None:
    assert parse_basic(selection, ()) == BasicSelection(())
    assert parse_basic(selection, ()).shape == ()


FORMS: list[tuple[Any, DimSelection]] = [
    (slice(9, 2), DimSelection(0, 1, 0, False)),
    (slice(4, 5, 7), DimSelection(4, 1, 1, False)),
    (slice(None, None, -2), DimSelection(9, -2, 5, False)),
    (-1, DimSelection(9, 1, 1, True)),
]


@pytest.mark.parametrize(("selection", "expected"), FORMS, ids=repr)
def test_one_form_for_one_meaning(selection: Any, expected: DimSelection) -> None:
    assert parse_basic(selection, (10,)).dims == (expected,)


def test_lengths_beyond_the_machine() -> None:
    (dim,) = parse_basic(slice(None, None, -2), (2**70,)).dims
    assert dim == DimSelection(2**70 - 1, -2, 2**69, False)


@given(st.data())
def test_any_basic_index_is_as_in_numpy(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6))
    selection = data.draw(basic_indices(shape, allow_newaxis=False, allow_ellipsis=True))
    expected = np.arange(np.prod(shape)).reshape(shape)[selection]
    found = assemble(parse_basic(selection, shape), shape)
    assert found.shape == np.shape(expected)
    assert np.array_equal(found, expected)


limits = st.none() | st.integers(-12, 12)


@given(st.integers(0, 8), limits, limits, limits)
def test_any_slice_is_as_in_python(length: int, start: int | None, stop: int | None, step: int | None) -> None:
    select: Callable[[], BasicSelection] = lambda: parse_basic(slice(start, stop, step), (length,))  # noqa: E731
    if step == 0:
        with pytest.raises(SelectionError):
            select()
        return
    (dim,) = select().dims
    assert [dim.start + k * dim.step for k in range(dim.count)] == list(range(length))[start:stop:step]
