"""From selections to plans, and from numpy's arrays to those of the engine: what is the same for all selections."""

from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.fields import of_fields
from zarr_hdf5.array.plan import plan_objects, plan_parts
from zarr_hdf5.array.points import plan_points
from zarr_hdf5.array.read import read
from zarr_hdf5.array.write import WritableObject, write
from zarr_hdf5.chunk_source import ChunkSink
from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import AxisSelection, DimSelection, Selection
from zarr_hdf5.indexing.coordinates import ElementSelection
from zarr_hdf5.indexing.fields import FieldIndex
from zarr_hdf5.stored_array import StoredArray

__all__ = ["broadcast", "new_result", "read_selection", "write_selection"]

Values = npt.NDArray[Any]
Planned = tuple[Iterable[WritableObject], Values]
MASK_SIZE = 4 << 20
"""Elements of a mask to look at in one go."""


def new_result(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Values:
    """Memory for a result; SelectionError where there is not enough."""
    # Zeros where there may be padding, which nobody writes to.
    new = np.zeros if dtype.names else np.empty
    try:
        return new(shape, dtype)
    except (MemoryError, ValueError) as error:  # ValueError: more than any address can say
        raise SelectionError(f"a result of shape {shape} and type {dtype} does not fit in memory") from error


def read_selection(
    stored: StoredArray, chosen: Selection[AxisSelection] | ElementSelection, out: Values | None = None
) -> Values:
    """The selected elements, into `out` if given (of the result's shape; any dtype they cast to)."""
    dtype = stored.chain.spec.dtype
    if isinstance(chosen, Selection) and not chosen.picks:
        result = new_result(chosen.shape, dtype) if out is None else out
        _read(stored, chosen.dims, result.reshape(chosen.full_shape))
        return result
    if isinstance(chosen, Selection):
        found = new_result(tuple(dim.count for dim in chosen.dims), dtype)
        _read(stored, chosen.dims, found)
        for axis, pick in chosen.picks:
            found = found.take(pick, axis)
    else:
        found = new_result((prod(chosen.shape),), dtype)
        for points, some in _elements(stored, chosen):
            read(stored, plan_points(points, stored.source.grid), found[some])
    found = found.reshape(chosen.shape)
    if out is None:
        return found
    out[...] = found
    return out


def _read(stored: StoredArray, dims: tuple[AxisSelection, ...], target: Values) -> None:
    grid, along = stored.source.grid, tuple([dims[axis] for axis in stored.order])
    slices = tuple([dim for dim in along if isinstance(dim, DimSelection)])
    plan = plan_parts(slices, grid) if len(slices) == len(along) else plan_objects(along, grid)
    read(stored, plan, target.transpose(stored.order))


def write_selection(
    stored: StoredArray,
    sink: ChunkSink,
    chosen: Selection[AxisSelection] | ElementSelection,
    value: Values,
    fields: FieldIndex | None = None,
) -> None:
    """Give the selected elements, or these fields of theirs, `value`, which is of the selection's shape."""
    grid = stored.source.grid
    if isinstance(chosen, Selection):
        value = value.reshape(chosen.full_shape)
        for axis, pick in chosen.picks:
            value = _last(value, axis, pick, chosen.dims[axis].count)
        dims = tuple(chosen.dims[axis] for axis in stored.order)
        parts: Iterable[Planned] = [(plan_objects(dims, grid), value.transpose(stored.order))]
    else:
        flat = value.reshape(-1)
        parts = ((plan_points(points, grid), flat[some]) for points, some in _elements(stored, chosen))
    for plan, values in parts:
        write(stored, sink, plan if fields is None else of_fields(plan, fields), values)


def _elements(stored: StoredArray, chosen: ElementSelection) -> Iterator[tuple[npt.NDArray[np.int64], slice]]:
    """Positions of the elements, in the stored order of dimensions, and their places in the result.

    Of a mask not all at once, for a position takes more memory than an element; objects are not cut.
    """
    shape, order, start = stored.source.grid.shape, stored.order, 0
    length = 1
    if order:
        axis = order.index(0)
        length = stored.source.grid.object_shape[axis]
        length *= max(1, MASK_SIZE // max(1, length * prod(shape) // max(1, shape[axis])))
    for points in chosen.parts(length):
        stop = start + points.shape[1]
        yield points[list(order)], slice(start, stop)
        start = stop


def _last(value: Values, axis: int, pick: npt.NDArray[np.intp], count: int) -> Values:
    """Of values for positions that `pick` puts in another order, one for each; the last, where there are several."""
    if value.strides[axis] == 0:  # broadcast: all the same
        return value[(*(slice(None),) * axis, slice(count))]
    last = np.empty(count, np.intp)
    last[pick] = np.arange(len(pick))
    return value.take(last, axis)


def broadcast(value: Values, shape: tuple[int, ...]) -> Values:
    """A view of a value that is assigned to `shape`; as in numpy, it may have more dimensions, of length 1.

    Raises SelectionError where it does not fit.
    """
    extra = value.ndim - len(shape)
    fitting = value.reshape(value.shape[extra:]) if extra > 0 and set(value.shape[:extra]) == {1} else value
    try:
        return np.broadcast_to(fitting, shape)
    except ValueError as error:
        raise SelectionError(f"cannot broadcast a value of shape {value.shape} to {shape}") from error
