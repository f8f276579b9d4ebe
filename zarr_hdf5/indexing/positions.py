"""Arrays of integers and booleans as indexes of one dimension: which positions they mean."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import AxisSelection, DimSelection, IndexSelection

__all__ = ["as_index", "is_index_array", "mask_positions", "parse_positions", "select_positions"]

Positions = npt.NDArray[np.int64]
MOST = 2**63 - 1
"""Longest dimension whose positions are integers of numpy."""


def is_index_array(item: Any) -> bool:
    """Whether an item of a selection is a list, or an array of one dimension or more, whatever it holds."""
    return isinstance(item, list) or (hasattr(item, "dtype") and hasattr(item, "shape") and len(item.shape) > 0)


def as_index(item: Any, axis: int) -> npt.NDArray[Any]:
    """An item of a selection as an array, of integers if it is empty; SelectionError if it is none."""
    try:
        found = np.asarray(item)
    except ValueError as error:  # ragged lists
        raise SelectionError(f"no positions for axis {axis}: {error}") from error
    return found if found.size or found.dtype.kind == "b" else found.astype(np.int64)


def parse_positions(item: Any, axis: int, length: int) -> Positions:
    """An array of integers, or one integer, as positions from the beginning of a dimension of `length`.

    Raises
    ------
    SelectionError
        If it holds something else, or a position outside.
    """
    if isinstance(item, slice) or item is Ellipsis or item is None:
        raise SelectionError(f"{item!r} is no coordinate for axis {axis}; use integers and arrays of integers")
    found = as_index(item, axis)
    if found.dtype.kind not in "iu":
        raise SelectionError(f"positions for axis {axis} are {found.dtype}; use integers and arrays of integers")
    if length > MOST:
        raise SelectionError(f"arrays of integers for axis {axis} with length {length}: no numpy integer is that large")
    outside = (found < -length) | (found >= length)
    if outside.any():
        raise SelectionError(f"index {found[outside].flat[0]} is out of bounds for axis {axis} with length {length}")
    found = found.astype(np.int64)
    return np.where(found < 0, found + length, found)


def mask_positions(mask: npt.NDArray[np.bool_], axis: int, length: int) -> Positions:
    """Where a boolean array for one dimension is true."""
    if mask.shape != (length,):
        raise SelectionError(f"a mask of shape {mask.shape} for axis {axis} with length {length}")
    return np.flatnonzero(mask).astype(np.int64)


def select_positions(positions: Positions) -> tuple[AxisSelection, npt.NDArray[np.intp] | None]:
    """The selection of `positions`, (n,), each once; and which of them, (n,), make them up; None if all in order."""
    if not len(positions):
        return DimSelection(0, 1, 0, False), None
    steps = np.diff(positions)
    step = int(steps[0]) if len(steps) else 1
    if step and (steps == step).all():
        return DimSelection(int(positions[0]), step, len(positions), False), None
    if (steps > 0).all():
        return IndexSelection(positions), None
    unique, pick = np.unique(positions, return_inverse=True)
    return select_positions(unique)[0], pick.reshape(-1)
