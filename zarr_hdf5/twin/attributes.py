"""Zarr attributes as HDF5 attributes.

Numbers, strings, booleans and lists of one kind of them become HDF5 values; whatever else JSON can say becomes JSON
text.
"""

import base64
import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from zarr_hdf5.data_type import widened
from zarr_hdf5.hdf5.template import AttributeValue
from zarr_hdf5.twin.plain_json import json_value, readable

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
        dtype = widened(dtype)
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
    """The attributes of an HDF5 object, as `hdf5.attributes` has them, as JSON values; the libraries' own are left out.

    `dtype` is that of a dataset's elements.

    An array of one element becomes that element, as netCDF's programs have it; a null attribute becomes null.
    """
    values = {readable(name): _json_value(value) for name, value in attributes if name not in RESERVED}
    fill = values.get(FILL_VALUE)
    if dtype is not None and widened(dtype).kind == "f" and not isinstance(fill, bool):
        if isinstance(fill, int | float):
            values[FILL_VALUE] = _base64_of(fill)
        elif fill in ("NaN", "Infinity", "-Infinity"):
            values[FILL_VALUE] = _base64_of(float(str(fill).replace("Infinity", "inf")))
    return values


def _base64_of(number: float) -> str:
    return base64.b64encode(struct.pack("<d", number)).decode()


def _json_value(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.size == 1:
        value = value[0]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "S":
        # Text here, though within opaque values bytes are bytes.
        texts = [readable(item.decode("utf-8", "surrogateescape")) for item in np.asarray(value).reshape(-1).tolist()]
        return texts[0] if not np.ndim(value) else json_value(np.array(texts, object).reshape(value.shape).tolist())
    return json_value(value)
