"""Zarr attributes as HDF5 attributes.

Numbers, strings, booleans and lists of one kind of them become HDF5 values; whatever else JSON can say becomes JSON
text.
"""

import base64
import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import h5py
import numpy as np

from zarr_hdf5.hdf5.template import AttributeValue

__all__ = ["RESERVED", "hdf5_attributes", "json_attributes"]

RESERVED = frozenset(
    {
        *("CLASS", "NAME", "DIMENSION_LIST", "DIMENSION_LABELS", "REFERENCE_LIST"),
        *("_Netcdf4Dimid", "_Netcdf4Coordinates", "_NCProperties", "_nc3_strict"),
        *("_zarr_json", "_zarr_shard_coords", "_zarr_dimension_order"),
    }
)
"""Names that mean something to HDF5's or netCDF's libraries, or to this one: a copy would be misread."""

MAX_NBYTES = 60_000
"""An attribute must fit in one object header message of less than 64 KiB, name and type included."""
MAX_NAME_NBYTES = 1024
REFERENCE_NBYTES = 16
"""A variable-length string takes this much in the header, and the rest in a heap."""


FILL_VALUE = "_FillValue"
"""netCDF wants this attribute in the variable's own type; xarray, in Zarr v3, wants floats as base64 of a float64."""


def hdf5_attributes(attributes: Mapping[str, Any], dtype: np.dtype[Any]) -> tuple[tuple[str, AttributeValue], ...]:
    """Names and HDF5 values of the attributes, of an array of `dtype`, that HDF5 can hold under their own name."""
    return tuple(
        (name, _hdf5_fill_value(value, dtype) if name == FILL_VALUE else _hdf5_value(value))
        for name, value in attributes.items()
        if _can_name(name)
    )


def _hdf5_fill_value(value: Any, dtype: np.dtype[Any]) -> AttributeValue:
    try:
        if dtype.kind == "f" and isinstance(value, str):
            value = struct.unpack("<d", base64.b64decode(value, validate=True))[0]
        if dtype.kind in "iuf" and isinstance(value, int | float):
            return np.array([value], dtype)
    except (ValueError, OverflowError, struct.error):
        pass
    return _hdf5_value(value)


def _can_name(name: str) -> bool:
    if not name or name in RESERVED or "\0" in name:
        return False
    return len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_NBYTES and name.isprintable()


def _hdf5_value(value: Any) -> AttributeValue:
    if isinstance(value, str) and _is_text(value):
        return value
    if isinstance(value, list) and value and all(isinstance(v, str) and _is_text(v) for v in value):
        return list(value) if len(value) * REFERENCE_NBYTES <= MAX_NBYTES else json.dumps(value)
    number = _number(value)
    return json.dumps(value) if number is None else number


def _is_text(value: str) -> bool:
    """Whether HDF5 can hold it: no NUL, which ends a string, and encodable."""
    return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _number(value: Any) -> np.ndarray[Any, Any] | np.generic | None:
    """A number, a boolean, or a list of one kind, as numpy has it; None where it is none of these.

    Not a list of lists: an attribute of two dimensions keeps netCDF's library from opening the whole file.
    """
    items = value if isinstance(value, list) else [value]
    kinds = {type(item) for item in items}
    if not kinds or not (kinds <= {int, float} or kinds == {bool}):
        return None
    try:
        array = np.asarray(value, np.float64 if float in kinds else None)
    except OverflowError:
        return None
    # Integers beyond 64 bits come back as objects or, mixed, as floats.
    if array.dtype.kind not in ("b" if bool in kinds else "f" if float in kinds else "iu"):
        return None
    return (array if array.ndim else array[()]) if array.nbytes <= MAX_NBYTES else None


def json_attributes(attributes: Iterable[tuple[str, Any]], dtype: np.dtype[Any] | None = None) -> dict[str, Any]:
    """The attributes of an HDF5 object, as h5py reads them, as JSON values; the libraries' own are left out.

    `dtype` is that of a dataset's elements.

    An array of one element becomes that element, as netCDF's programs have it; a null attribute becomes null; complex
    numbers become pairs. What JSON cannot say at all (references, compounds) becomes its text.
    """
    values = {name: _json_value(value) for name, value in attributes if name not in RESERVED}
    fill = values.get(FILL_VALUE)
    if dtype is not None and dtype.kind == "f" and isinstance(fill, int | float):
        values[FILL_VALUE] = base64.b64encode(struct.pack("<d", fill)).decode()
    return values


def _json_value(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcSUO" and value.dtype.names is None:
        flat = value.reshape(-1)[0] if value.size == 1 and value.ndim == 1 else value
        return _json_list(flat.tolist()) if isinstance(flat, np.ndarray) else _json_value(flat)
    if isinstance(value, np.generic) and not isinstance(value, np.void):
        return _json_list(value.item())
    if isinstance(value, bytes | str):
        return _json_list(value)
    return None if isinstance(value, h5py.Empty) else str(value)


def _json_list(value: Any) -> Any:
    if isinstance(value, list):
        return [_json_list(item) for item in value]
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        # h5py hands on bytes that are not UTF-8 as lone surrogates, which no other program could read.
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return value if isinstance(value, bool | int | float) else str(value)
