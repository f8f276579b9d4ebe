"""What may stand in an array's own square brackets: basic selections, and of arrays what is sure to be meant.

Arrays and integers for all dimensions are coordinates and a mask of the array's shape is a mask, as in numpy; one array
among slices, or arrays for every dimension that are not coordinates, are orthogonal, as in zarr-python
(https://zarr.readthedocs.io/en/stable/user-guide/arrays/#fancy-indexing). Where numpy would broadcast arrays beside
slices, nothing is guessed.
"""

from typing import Any

import numpy as np

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import AxisSelection, Selection, parse_basic
from zarr_hdf5.indexing.coordinates import ElementSelection, is_mask, parse_mask, parse_vectorized
from zarr_hdf5.indexing.orthogonal import parse_orthogonal
from zarr_hdf5.indexing.positions import is_index_array

__all__ = ["parse_brackets"]


def parse_brackets(selection: Any, shape: tuple[int, ...]) -> Selection[AxisSelection] | ElementSelection:
    """What `array[selection]` means for an array of `shape`.

    Raises
    ------
    SelectionError
        If it has several arrays and slices too, or as `parse_basic`, `parse_orthogonal` and `parse_coordinates` do.
    """
    items = selection if isinstance(selection, tuple) else (selection,)
    arrays = [item for item in items if is_index_array(item)]
    if len(items) == 1 and is_mask(items[0]) and np.shape(items[0]) == shape:
        return parse_mask(items[0], shape)
    if not arrays:
        return parse_basic(selection, shape)
    if len(items) == len(shape) and not any(_keeps_its_axis(item) for item in items):
        return parse_vectorized(selection, shape)
    if len(arrays) == 1 or len(arrays) == len(items) == len(shape):
        return parse_orthogonal(selection, shape)
    raise SelectionError("several arrays beside other items: use array.oindex, or array.vindex for single elements")


def _keeps_its_axis(item: Any) -> bool:
    return item is None or item is Ellipsis or isinstance(item, slice) or is_mask(item)
