"""Is a chunk nothing but the fill value? Such chunks need not be stored.

Compared bit for bit: -0.0 is not 0.0, and one NaN is not another, so nothing is ever lost by leaving a chunk out.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.data_type import FillValue

__all__ = ["are_fill", "is_fill"]

WORDS = {1: "u1", 2: "u2", 4: "u4", 8: "u8"}


def are_fill(arrays: npt.NDArray[Any], fill_value: FillValue) -> npt.NDArray[np.bool_]:
    """(n,): `is_fill` of each of the arrays, (n, *shape)."""
    found = np.zeros(len(arrays), np.bool_)
    index: Any = (slice(None), *(0,) * (arrays.ndim - 1))
    first = arrays[index]
    if arrays.dtype.itemsize in WORDS and not arrays.dtype.hasobject:
        word = WORDS[arrays.dtype.itemsize]
        candidates = first.view(word) == np.array(fill_value, arrays.dtype).view(word)
    else:
        candidates = np.ones(len(arrays), np.bool_)
    for row in candidates.nonzero()[0].tolist():
        found[row] = is_fill(arrays[row, ...], fill_value)
    return found


def is_fill(array: npt.NDArray[Any], fill_value: FillValue) -> bool:
    """Whether every element has exactly the bits of `fill_value` (of the array's dtype), or is that str or bytes."""
    if not array.size:
        return True
    if array.dtype.hasobject:
        kind = type(fill_value)
        return all(isinstance(element, kind) and element == fill_value for element in array.flat)
    word = WORDS.get(array.dtype.itemsize)
    fill = np.array(fill_value, array.dtype)
    first = array[(0,) * array.ndim]
    if np.asarray(first, array.dtype).tobytes() != fill.tobytes():
        return False
    if word is not None:
        return bool((array.view(word) == fill.view(word)).all())
    # Complex128, raw types, strings, structures: compare bytes.
    contiguous = np.ascontiguousarray(array)
    return bool((contiguous.view("u1").reshape(-1, array.dtype.itemsize) == fill.reshape(1).view("u1")).all())
