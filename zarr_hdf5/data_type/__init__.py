"""Data types and their fill values; see `data_type.py` and `fill_value.py`."""

from zarr_hdf5.data_type.data_type import DataType, parse_data_type
from zarr_hdf5.data_type.fill_value import as_fill_value, default_fill_value, fill_value_to_json, parse_fill_value

__all__ = [
    "DataType",
    "as_fill_value",
    "default_fill_value",
    "fill_value_to_json",
    "parse_data_type",
    "parse_fill_value",
]
