"""HDF5 datatypes as Zarr data types."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.data_type import DataType, component, name_of, packed
from zarr_hdf5.hdf5.datatype import Datatype

__all__ = ["as_told", "is_as_told", "zarr_data_type"]


def zarr_data_type(datatype: Datatype) -> DataType:
    """The Zarr data type of a dataset's elements, which `hdf5.values` reads as numpy has them.

    What numpy has no type for (references, sequences, compounds with such members) becomes JSON in strings. A
    compound keeps its padding and byte orders in memory; others' documents have it packed and little-endian. One of two
    floats r and i of few bits is a complex number.
    Raises UnsupportedFeatureError where Zarr has no such type.
    """
    if datatype.dtype.hasobject:
        return DataType.string()
    part = component(datatype.dtype)
    number = None if part is None else DataType.low_precision(f"complex_{name_of(part)}")
    if number is not None:
        return number
    if datatype.dtype.names:
        return DataType.verbatim(datatype.dtype)
    if datatype.dtype.type is np.void:
        return DataType.raw_bytes(datatype.dtype.itemsize)
    return DataType.from_numpy(datatype.dtype)


def is_as_told(data_type: DataType) -> bool:
    """Whether elements are in memory as other readers of the type's document expect them."""
    return data_type.dtype.names is None or data_type.dtype == packed(data_type.dtype)


def as_told(values: npt.NDArray[Any], data_type: DataType) -> npt.NDArray[Any]:
    """Elements of a type in memory as the type's document has them."""
    if data_type.dtype.names is None:
        return values
    return values.astype(packed(data_type.dtype), copy=False).view(data_type.canonical.dtype)
