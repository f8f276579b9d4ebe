"""Coordinate and mask selections: single elements, by integers for each dimension or by a mask over all.

As numpy's advanced indexing with arrays alone
(https://numpy.org/doc/stable/user/basics.indexing.html#advanced-indexing). Knows shapes; knows nothing of chunks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import AxisSelection, Selection
from zarr_hdf5.indexing.orthogonal import parse_orthogonal
from zarr_hdf5.indexing.positions import parse_positions

__all__ = [
    "CoordinateSelection",
    "ElementSelection",
    "MaskSelection",
    "parse_coordinates",
    "parse_mask",
    "parse_vectorized",
]


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

    def parts(self, length: int) -> Iterator[npt.NDArray[np.int64]]:
        """Positions, (rank, m), of all elements, some after the others; here all at once."""
        yield self.points


@dataclass(frozen=True, slots=True, eq=False)
class MaskSelection:
    """Single elements, in C order.

    mask
        Of the array's shape, true where they are.
    shape
        Of the result, (n,).
    """

    mask: npt.NDArray[np.bool_]
    shape: tuple[int, ...]

    def parts(self, length: int) -> Iterator[npt.NDArray[np.int64]]:
        """Positions, (rank, m), of all elements, some after the others: of `length` along the first dimension."""
        if not self.mask.ndim:
            yield np.empty((0, self.shape[0]), np.int64)
            return
        for start in range(0, len(self.mask), length):
            points = np.array(self.mask[start : start + length].nonzero(), np.int64)
            points[0] += start
            yield points


ElementSelection: TypeAlias = CoordinateSelection | MaskSelection


def parse_vectorized(selection: object, shape: tuple[int, ...]) -> ElementSelection | Selection[AxisSelection]:
    """What `array.vindex[selection]` means for an array of `shape`: coordinates, or one mask over all dimensions.

    Coordinates that `numpy.ix_` has made are the orthogonal selection that they came from. Raises as the others.
    """
    items = selection if isinstance(selection, tuple) else (selection,)
    if len(items) == 1 and is_mask(items[0]):
        return parse_mask(items[0], shape)
    if len(items) > 1 and _is_open_mesh(items):
        return parse_orthogonal(tuple([item.ravel() for item in items]), shape)
    return parse_coordinates(selection, shape)


def parse_coordinates(selection: object, shape: tuple[int, ...]) -> CoordinateSelection:
    """An integer or an array of integers for each dimension, broadcast against each other.

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
    columns = [parse_positions(item, axis, n) for axis, (item, n) in enumerate(zip(items, shape, strict=True))]
    try:
        full = np.broadcast_arrays(*columns)
    except ValueError as error:
        shapes = ", ".join(str(column.shape) for column in columns)
        raise SelectionError(f"coordinates of shapes {shapes} do not broadcast") from error
    if not full:
        return CoordinateSelection(np.empty((0, 1), np.int64), ())
    return CoordinateSelection(np.stack([column.ravel() for column in full]), full[0].shape)


def parse_mask(mask: Any, shape: tuple[int, ...]) -> MaskSelection:
    """The elements where a boolean array of the array's `shape` is true, in C order.

    Raises SelectionError for anything else.
    """
    items = mask if isinstance(mask, tuple) else (mask,)
    if len(items) != 1 or not is_mask(items[0]):
        raise SelectionError("a mask selection is one array of booleans")
    found = np.asarray(items[0])
    if found.shape != shape:
        raise SelectionError(f"a mask of shape {found.shape} for an array of shape {shape}")
    return MaskSelection(found, (int(np.count_nonzero(found)),))


def is_mask(item: Any) -> bool:
    """Whether this is a boolean, or an array or lists of such."""
    if isinstance(item, bool | np.bool_):
        return True
    if isinstance(item, list):
        while isinstance(item, list) and item:
            item = item[0]
        return isinstance(item, bool | np.bool_)
    return hasattr(item, "shape") and getattr(item, "dtype", None) == np.bool_


def _is_open_mesh(items: Sequence[Any]) -> bool:
    """Whether each item is an array that varies along the axis of its own place alone."""
    return all(
        isinstance(item, np.ndarray)
        and item.dtype.kind in "iu"
        and item.shape == tuple(item.size if i == axis else 1 for i in range(len(items)))
        for axis, item in enumerate(items)
    )
