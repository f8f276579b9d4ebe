"""Data types and their fill values; see `data_type.py` and `fill_value.py`."""

from zarr_hdf5.data_type.data_type import CORE, STRUCT_NAMES, DataType, packed
from zarr_hdf5.data_type.elements import is_fragile, sound_elements
from zarr_hdf5.data_type.fill_value import (
    FillValue,
    as_fill_value,
    default_fill_value,
    fill_value_to_json,
    parse_fill_value,
)
from zarr_hdf5.data_type.parse import parse_data_type

__all__ = [
    "CORE",
    "STRUCT_NAMES",
    "DataType",
    "FillValue",
    "as_fill_value",
    "default_fill_value",
    "fill_value_to_json",
    "is_fragile",
    "packed",
    "parse_data_type",
    "parse_fill_value",
    "sound_elements",
]
