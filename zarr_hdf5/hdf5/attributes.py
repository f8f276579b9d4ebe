"""Attributes of groups and datasets, as values that need no open file.

Source: reference manual, H5A.
"""

import math
from dataclasses import dataclass
from itertools import islice
from typing import Any

import h5py
import numpy as np

from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.datatype import describe_datatype
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS
from zarr_hdf5.hdf5.links import to_text
from zarr_hdf5.hdf5.values import plain_value

__all__ = ["Attributes", "read_attributes"]

MAX_ATTRIBUTES = 10_000
"""More are not read: all must fit in one document."""
MAX_NBYTES = 16 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Attributes:
    """Attributes by name, in the file's order.

    values
        numpy arrays and scalars of numbers, booleans and fixed strings; `str`; None for a null dataspace; for
        everything else what `plain_value` makes of it.
    unreadable
        Names and reasons.
    """

    values: tuple[tuple[str, Any], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()


def read_attributes(holder: h5py.HLObject) -> Attributes:
    """All attributes of a group or dataset."""
    count = h5py.h5a.get_num_attrs(holder.id)
    if not count:
        return Attributes()
    values, unreadable = [], []
    for found in islice(holder.attrs, MAX_ATTRIBUTES):
        name = to_text(found)
        try:
            values.append((name, _read(holder, found)))
        except (*LIBRARY_ERRORS, UnsupportedFeatureError) as error:
            unreadable.append((name, str(error)))
    if count > MAX_ATTRIBUTES:
        unreadable.append(("", f"{count} attributes, of which the first {MAX_ATTRIBUTES} are read"))
    return Attributes(tuple(values), tuple(unreadable))


def _read(holder: h5py.HLObject, name: str) -> Any:
    attribute = holder.attrs.get_id(name)
    nbytes = math.prod(attribute.shape or ()) * attribute.get_type().get_size()
    if nbytes > MAX_NBYTES:
        raise UnsupportedFeatureError(f"an attribute of {nbytes} bytes")
    try:
        value = holder.attrs[name]
    except LIBRARY_ERRORS:
        return _read_converted(attribute)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.char in "gG":  # beyond 64 bits, which JSON cannot say
        value = value.astype("<f8" if value.dtype.char == "g" else "<c16")
    if isinstance(value, str | np.number | np.bool_):
        return value
    is_plain = isinstance(value, np.ndarray) and value.dtype.kind in "biufcSU"
    return value if is_plain else plain_value(value, holder.file)


def _read_converted(attribute: h5py.h5a.AttrID) -> Any:
    """What h5py has no type for, such as very long floats."""
    datatype = describe_datatype(attribute.get_type())
    if datatype.reading not in ("rounded", "converted", "raw") or datatype.element_shape:
        raise UnsupportedFeatureError(f"an attribute of type {datatype.name}")
    out = np.zeros(attribute.shape, datatype.dtype)
    raw = datatype.reading == "raw"
    attribute.read(out, mtype=attribute.get_type() if raw else h5py.h5t.py_create(datatype.dtype))
    return out[()] if not out.ndim else out
