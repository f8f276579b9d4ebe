"""Basic selections: integers, slices, new axes and an ellipsis, as in numpy.

https://numpy.org/doc/stable/user/basics.indexing.html

Knows shapes; knows nothing of chunks. numpy's boolean scalars are refused.
"""

import operator
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import SelectionError

__all__ = [
    "AxisSelection",
    "DimSelection",
    "IndexSelection",
    "Selection",
    "expand",
    "is_plain",
    "parse_axis",
    "parse_basic",
]


class DimSelection(NamedTuple):
    """Along one dimension the positions `start + k * step`, k from 0 to `count` - 1.

    `step` may be negative and is never 0; it is 1 where there are fewer than two positions. `start` is 0 where there
    are none. `drop`: selected by an integer, so the result lacks this dimension.
    """

    start: int
    step: int
    count: int  # type: ignore[assignment]  # hides tuple's method, which nobody asks a selection for
    drop: bool


@dataclass(frozen=True, slots=True, eq=False)
class IndexSelection:
    """Along one dimension, positions that do not follow each other by one step.

    positions
        (n,) int64, ascending, none of them twice.
    """

    positions: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of positions."""
        return len(self.positions)

    @property
    def drop(self) -> bool:
        """See `DimSelection`."""
        return False


AxisSelection: TypeAlias = DimSelection | IndexSelection
Axis_co = TypeVar("Axis_co", bound=AxisSelection, covariant=True)


@dataclass(frozen=True, slots=True)
class Selection(Generic[Axis_co]):
    """One selection per dimension of the array; the elements are at all combinations of their positions.

    new_axes
        Axes of the result, of length 1, that are no dimensions of the array; ascending.
    picks
        Dimensions that the result has in another order, or in part more than once: along this one, (n,), of which of
        the selected positions each is.
    """

    dims: tuple[Axis_co, ...]
    new_axes: tuple[int, ...] = ()
    picks: tuple[tuple[int, npt.NDArray[np.intp]], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        if not self.picks and not self.new_axes:
            return tuple([dim.count for dim in self.dims if not dim.drop])
        full = zip(self.full_shape, self.dims, strict=True)
        lengths = [length for length, dim in full if not dim.drop]
        for axis in self.new_axes:
            lengths.insert(axis, 1)
        return tuple(lengths)

    @property
    def full_shape(self) -> tuple[int, ...]:
        """Shape of the result with the dropped dimensions still in it, of length 1, and no new ones."""
        lengths = [dim.count for dim in self.dims]
        for axis, pick in self.picks:
            lengths[axis] = len(pick)
        return tuple(lengths)


_ONE_AXIS = frozenset((int, np.int64, slice))
_PLAIN = _ONE_AXIS | {EllipsisType, type(None)}


def is_plain(items: tuple[object, ...]) -> bool:
    """Whether a selection is sure to be basic, by its types alone."""
    return _PLAIN.issuperset(map(type, items))


def parse_basic(selection: object, shape: tuple[int, ...]) -> Selection[DimSelection]:
    """What `array[selection]` means for an array of `shape`.

    Raises
    ------
    SelectionError
        If the selection is not basic, or lies outside the array.
    """
    items = selection if isinstance(selection, tuple) else (selection,)
    new_axes: tuple[int, ...] = ()
    if len(items) != len(shape) or not _ONE_AXIS.issuperset(map(type, items)):
        items, new_axes = expand(items, shape)
    dims = tuple([parse_axis(item, axis, shape[axis]) for axis, item in enumerate(items)])
    return Selection(dims, new_axes)


def expand(items: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """One item for each dimension, whole dimensions in place of the ellipsis; and the new axes of the result."""
    ellipses = [i for i, item in enumerate(items) if item is Ellipsis]
    if len(ellipses) > 1:
        raise SelectionError("a selection can have only one ellipsis ('...')")
    given = sum(item is not None and item is not Ellipsis for item in items)
    if given > len(shape):
        raise SelectionError(f"too many indices: {given} for an array of {len(shape)} dimensions")
    at = ellipses[0] if ellipses else len(items)
    full = (*items[:at], *(slice(None),) * (len(shape) - given), *items[at + 1 :])
    if not any(item is None for item in full):
        return full, ()
    kept = [item for item in full if not _drops(item)]
    return tuple(i for i in full if i is not None), tuple(axis for axis, item in enumerate(kept) if item is None)


def _drops(item: Any) -> bool:
    """Whether an item is an integer, so that the result lacks its dimension."""
    return item is not None and not isinstance(item, slice | list) and np.ndim(item) == 0


def _check_kind(item: object) -> None:
    """Raise SelectionError, which says what to use instead, for all but what is basic."""
    if item is Ellipsis or item is None or isinstance(item, slice):
        return
    if isinstance(item, bool | np.bool_):
        problem = "a bool is no index; use an integer"
    elif isinstance(item, list | tuple) or (isinstance(item, np.ndarray) and item.ndim):
        problem = f"a {type(item).__name__} is no basic index; use array.oindex or array.vindex"
    elif isinstance(item, str):
        problem = f"{item!r} is no basic index; name fields in square brackets alone, or by fields="
    elif not hasattr(item, "__index__"):
        problem = f"{item!r} is no index; use integers, slices and '...'"
    else:
        return
    raise SelectionError(problem)


def parse_axis(item: object, axis: int, length: int) -> DimSelection:
    """What an integer or a slice selects along dimension `axis`; raises as `parse_basic`."""
    if isinstance(item, slice):
        return _parse_slice(item, axis, length)
    _check_kind(item)
    try:
        index = operator.index(item)  # type: ignore[arg-type]
    except TypeError as error:
        raise SelectionError(f"{item!r} is no index for axis {axis}; use integers, slices and '...'") from error
    if not -length <= index < length:
        raise SelectionError(f"index {index} is out of bounds for axis {axis} with length {length}")
    return DimSelection(index % length, 1, 1, True)


def _parse_slice(item: slice, axis: int, length: int) -> DimSelection:
    try:
        start, stop, step = item.indices(length)
    except (TypeError, ValueError) as error:
        raise SelectionError(f"illegal slice for axis {axis}: {error}") from error
    # not len(range(...)), which cannot exceed the machine's integers
    count = max(0, (stop - start + step - (1 if step > 0 else -1)) // step)
    return DimSelection(start if count else 0, step if count > 1 else 1, count, False)
