"""Coordinate selections: an integer or an array of integers for each dimension, broadcast against each other.

As numpy's advanced indexing with integer arrays alone
(https://numpy.org/doc/stable/user/basics.indexing.html#advanced-indexing). Knows shapes; knows nothing of chunks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import SelectionError

__all__ = ["CoordinateSelection", "parse_coordinates"]


@dataclass(frozen=True, slots=True, eq=False)
class CoordinateSelection:
    """Single elements.

    points
        (rank, n) int64: their positions, none of them negative, in C order of the result.
    shape
        Of the result, which has n elements.
    """

    points: npt.NDArray[np.int64]
    shape: tuple[int, ...]


def parse_coordinates(selection: object, shape: tuple[int, ...]) -> CoordinateSelection:
    """What `array.vindex[selection]` means for an array of `shape`.

    Raises
    ------
    SelectionError
        If there is not one integer or array of integers for each dimension, or they do not broadcast, or one lies
        outside the array.
    """
    items = selection if isinstance(selection, tuple) else (selection,)
    if len(items) != len(shape):
        raise SelectionError(
            f"{len(items)} coordinates for an array of {len(shape)} dimensions; one for each is needed"
        )
    columns = [_parse_column(item, axis, length) for axis, (item, length) in enumerate(zip(items, shape, strict=True))]
    try:
        full = np.broadcast_arrays(*columns)
    except ValueError as error:
        shapes = ", ".join(str(column.shape) for column in columns)
        raise SelectionError(f"coordinates of shapes {shapes} do not broadcast") from error
    if not full:
        return CoordinateSelection(np.empty((0, 1), np.int64), ())
    return CoordinateSelection(np.stack([column.ravel() for column in full]), full[0].shape)


def _parse_column(item: Any, axis: int, length: int) -> npt.NDArray[np.int64]:
    if isinstance(item, slice) or item is Ellipsis or item is None:
        raise SelectionError(f"{item!r} is no coordinate for axis {axis}; use integers and arrays of integers")
    try:
        column = np.asarray(item)
    except ValueError as error:  # ragged lists
        raise SelectionError(f"no coordinates for axis {axis}: {error}") from error
    if not column.size:
        column = column.astype(np.int64)
    if column.dtype.kind not in "iu":
        raise SelectionError(f"coordinates for axis {axis} are {column.dtype}; use integers and arrays of integers")
    outside = (column < -length) | (column >= length)
    if outside.any():
        raise SelectionError(
            f"coordinate {column[outside].flat[0]} is out of bounds for axis {axis} with length {length}"
        )
    column = column.astype(np.int64)
    return np.where(column < 0, column + length, column)
