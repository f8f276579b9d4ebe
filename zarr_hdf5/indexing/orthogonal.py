"""Orthogonal (outer) selections: of each dimension its own integer, slice, array of integers or mask.

As zarr-python's `oindex` (https://zarr.readthedocs.io/en/stable/user-guide/arrays/#orthogonal-indexing) and numpy's
`ix_`. Knows shapes; knows nothing of chunks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import AxisSelection, Selection, expand, parse_axis
from zarr_hdf5.indexing.positions import as_index, is_index_array, mask_positions, parse_positions, select_positions

__all__ = ["by_name", "parse_orthogonal"]


def parse_orthogonal(selection: object, shape: tuple[int, ...]) -> Selection[AxisSelection]:
    """What `array.oindex[selection]` means for an array of `shape`.

    Raises
    ------
    SelectionError
        If an array has more than one dimension, a mask another length than its dimension, or something lies outside.
    """
    items, new_axes = expand(selection if isinstance(selection, tuple) else (selection,), shape)
    dims: list[AxisSelection] = []
    picks: list[tuple[int, npt.NDArray[np.intp]]] = []
    for axis, (item, length) in enumerate(zip(items, shape, strict=True)):
        if not is_index_array(item):
            dims.append(parse_axis(item, axis, length))
            continue
        dim, pick = select_positions(_positions(item, axis, length))
        dims.append(dim)
        if pick is not None:
            picks.append((axis, pick))
    return Selection(tuple(dims), new_axes, tuple(picks))


def _positions(item: Any, axis: int, length: int) -> npt.NDArray[np.int64]:
    index = as_index(item, axis)
    if index.ndim != 1:
        raise SelectionError(f"an array of {index.ndim} dimensions for axis {axis} of an orthogonal selection; use one")
    return mask_positions(index, axis, length) if index.dtype.kind == "b" else parse_positions(index, axis, length)


def by_name(indexers: Mapping[str, Any], names: Sequence[str | None] | None) -> tuple[Any, ...]:
    """The orthogonal selection that has these items for the dimensions of these names, all of the others.

    Raises SelectionError for names that no dimension has, or more than one.
    """
    items: list[Any] = [slice(None)] * len(names or ())
    for name, item in indexers.items():
        axes = [axis for axis, known in enumerate(names or ()) if known == name]
        if len(axes) != 1:
            raise SelectionError(f"{len(axes) or 'no'} dimensions are called {name!r}; the names are {names}")
        if item is None or item is Ellipsis:
            raise SelectionError(f"{item!r} for dimension {name!r}; use integers, slices and arrays")
        items[axes[0]] = item
    return tuple(items)
