"""What users assign, as arrays of the elements' data type, or of one that casts to it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.data_type import DataType, packed

__all__ = ["as_values"]


def as_values(value: Any, dtype: np.dtype[Any], *, typed: bool) -> npt.NDArray[Any]:
    """The value as an array; `typed`: it has a data type of its own, which numpy may cast from."""
    if not typed and not isinstance(value, np.ndarray | np.void):
        return np.asarray(value, dtype)
    values = np.asarray(value)
    if not values.dtype.names or values.dtype == dtype or not dtype.names:
        return values
    # Structures with subarrays, which numpy does not cast to the structures that stand for them here.
    own, theirs = DataType.from_numpy(dtype).dtype, packed(values.dtype)
    if DataType.from_numpy(values.dtype).dtype != own:
        return values
    return np.ascontiguousarray(values, theirs).view(own).reshape(values.shape)
