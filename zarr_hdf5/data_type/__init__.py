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
from zarr_hdf5.data_type.low_precision import (
    COMPLEX,
    FORMATS,
    NumberFormat,
    as_integers,
    cast,
    complex_elements,
    component,
    format_of,
    has_low_precision,
    in_byte_order,
    low_precision_dtype,
    name_of,
    widened,
)
from zarr_hdf5.data_type.parse import parse_data_type

__all__ = [
    "COMPLEX",
    "CORE",
    "FORMATS",
    "STRUCT_NAMES",
    "DataType",
    "FillValue",
    "NumberFormat",
    "as_fill_value",
    "as_integers",
    "cast",
    "complex_elements",
    "component",
    "default_fill_value",
    "fill_value_to_json",
    "format_of",
    "has_low_precision",
    "in_byte_order",
    "is_fragile",
    "low_precision_dtype",
    "name_of",
    "packed",
    "parse_data_type",
    "parse_fill_value",
    "sound_elements",
    "widened",
]
