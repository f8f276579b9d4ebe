"""Basic selections: integers, slices and an ellipsis, as in numpy (https://numpy.org/doc/stable/user/basics.indexing.html).

Knows shapes; knows nothing of chunks. numpy's new axes and boolean scalars are refused.
"""

import operator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zarr_hdf5.errors import SelectionError

__all__ = ["BasicSelection", "DimSelection", "parse_basic"]


class DimSelection(NamedTuple):
    """Along one dimension the positions `start + k * step`, k from 0 to `count` - 1.

    `step` may be negative and is never 0; it is 1 where there are fewer than two positions. `start` is 0 where there
    are none. `drop`: selected by an integer, so the result lacks this dimension.
    """

    start: int
    step: int
    count: int  # type: ignore[assignment]  # hides tuple's method, which nobody asks a selection for
    drop: bool


@dataclass(frozen=True, slots=True)
class BasicSelection:
    """One selection per dimension of the array."""

    dims: tuple[DimSelection, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return tuple(dim.count for dim in self.dims if not dim.drop)

    @property
    def full_shape(self) -> tuple[int, ...]:
        """Shape of the result with the dropped dimensions still in it, of length 1."""
        return tuple(dim.count for dim in self.dims)


def parse_basic(selection: object, shape: tuple[int, ...]) -> BasicSelection:
    """What `array[selection]` means for an array of `shape`.

    Raises
    ------
    SelectionError
        If the selection is not basic, or lies outside the array.
    """
    items = selection if isinstance(selection, tuple) else (selection,)
    if len(items) != len(shape) or any(item is Ellipsis for item in items):
        items = _expand(items, shape)
    return BasicSelection(tuple([_parse_dim(item, axis, shape[axis]) for axis, item in enumerate(items)]))


def _expand(items: tuple[object, ...], shape: tuple[int, ...]) -> tuple[object, ...]:
    """One item for each dimension, whole dimensions in place of the ellipsis."""
    ellipses = [i for i, item in enumerate(items) if item is Ellipsis]
    if len(ellipses) > 1:
        raise SelectionError("a selection can have only one ellipsis ('...')")
    given = len(items) - len(ellipses)
    if given > len(shape):
        for item in items:
            _check_kind(item)
        raise SelectionError(f"too many indices: {given} for an array of {len(shape)} dimensions")
    at = ellipses[0] if ellipses else len(items)
    return (*items[:at], *(slice(None),) * (len(shape) - given), *items[at + 1 :])


def _check_kind(item: object) -> None:
    """Raise SelectionError, which says what to use instead, for all but integers, slices and the ellipsis."""
    if item is Ellipsis or isinstance(item, slice):
        return
    if item is None:
        problem = "a new axis (None) cannot be selected; add it to the result"
    elif isinstance(item, bool | np.bool_):
        problem = "a bool is no index; use an integer"
    elif isinstance(item, np.ndarray | list | tuple):
        problem = (
            f"a {type(item).__name__} is no basic index; for single elements use array.vindex, else select from a slice"
        )
    elif isinstance(item, str):
        problem = f"{item!r} is no index: the array has no fields"
    elif not hasattr(item, "__index__"):
        problem = f"{item!r} is no index; use integers, slices and '...'"
    else:
        return
    raise SelectionError(problem)


def _parse_dim(item: object, axis: int, length: int) -> DimSelection:
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
