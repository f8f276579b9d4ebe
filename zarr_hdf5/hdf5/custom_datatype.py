"""Datatypes of numbers of few bits: HDF5's own integers and floats, of other sizes than numpy has.

An integer may have fewer bits than its bytes; a float has its sign, exponent and mantissa at places and of sizes that
the datatype says. libhdf5 converts them, and takes the largest exponent for infinity and NaN, as IEEE 754 does.

Sources: HDF5 File Format Specification 3.0, IV.A.2.d "The Datatype Message", classes 0 and 1; reference manual,
H5Tset_fields, H5Tset_precision.
"""

from typing import Any

import numpy as np
from h5py import h5t

from zarr_hdf5.data_type import (
    FORMATS,
    NumberFormat,
    format_of,
    has_low_precision,
    in_byte_order,
    low_precision_dtype,
)
from zarr_hdf5.errors import UnsupportedFeatureError

__all__ = ["create_datatype", "custom_dtype"]


def create_datatype(dtype: np.dtype[Any]) -> h5t.TypeID:
    """The datatype whose bytes are those of `dtype`.

    Raises UnsupportedFeatureError for floats that HDF5 cannot say, and what h5py raises.
    """
    if not has_low_precision(dtype):
        return h5t.py_create(dtype, logical=True)
    if dtype.subdtype is not None:
        return h5t.array_create(create_datatype(dtype.subdtype[0]), dtype.subdtype[1])
    found = format_of(dtype)
    if found is not None:
        return _number(dtype, found)
    compound = h5t.create(h5t.COMPOUND, dtype.itemsize)
    for name in dtype.names or ():
        field: tuple[Any, ...] = dict(dtype.fields or {})[name]
        compound.insert(name.encode("utf-8", "surrogateescape"), field[1], create_datatype(field[0]))
    return compound


def _number(dtype: np.dtype[Any], found: NumberFormat) -> h5t.TypeID:
    if found.kind != "f":
        integer = (h5t.STD_I8LE if found.kind == "i" else h5t.STD_U8LE).copy()
        integer.set_precision(found.bits)
        return integer
    if not found.ieee:
        raise UnsupportedFeatureError(f"HDF5 has no {dtype.name}: largest exponents are infinity and NaN")
    number = h5t.IEEE_F32LE.copy()
    number.set_fields(*_fields(found))
    number.set_precision(found.bits)
    number.set_size(found.nbytes)
    number.set_ebias(found.bias)
    number.set_order(h5t.ORDER_BE if dtype.byteorder == ">" and found.nbytes > 1 else h5t.ORDER_LE)
    return number


def _fields(found: NumberFormat) -> tuple[int, int, int, int, int]:
    """As HDF5 has them: bit of the sign; bit and bits of the exponent; bit and bits of the mantissa."""
    return found.bits - 1, found.mantissa, found.bits - 1 - found.mantissa, 0, found.mantissa


def custom_dtype(datatype: h5t.TypeID) -> np.dtype[Any] | None:
    """The dtype that has the datatype's bytes, if there are numbers of few bits in it, and ml_dtypes is installed."""
    match datatype:
        case h5t.TypeEnumID():
            return None
        case h5t.TypeIntegerID() | h5t.TypeFloatID():
            return _number_dtype(datatype)
        case h5t.TypeArrayID():
            base = custom_dtype(datatype.get_super())
            return None if base is None else np.dtype((base, datatype.get_array_dims()))
        case h5t.TypeCompoundID():
            return _compound_dtype(datatype)
    return None


def _number_dtype(datatype: h5t.TypeIntegerID | h5t.TypeFloatID) -> np.dtype[Any] | None:
    size, bits = datatype.get_size(), datatype.get_precision()
    if size > 2 or datatype.get_offset() != 0:
        return None
    if isinstance(datatype, h5t.TypeIntegerID):
        kind = "i" if datatype.get_sign() == h5t.SGN_2 else "u"
        names = [n for n, f in FORMATS.items() if (f.kind, f.bits, f.nbytes) == (kind, bits, size)]
    else:
        layout = (datatype.get_fields(), datatype.get_ebias(), bits, size)
        names = [n for n, f in FORMATS.items() if f.ieee and (_fields(f), f.bias, f.bits, f.nbytes) == layout]
        if datatype.get_norm() != h5t.NORM_IMPLIED:
            return None
    try:
        dtype = low_precision_dtype(names[0]) if names else None
    except UnsupportedFeatureError:  # without ml_dtypes, libhdf5 converts
        return None
    return None if dtype is None else in_byte_order(dtype, ">" if datatype.get_order() == h5t.ORDER_BE else "<")


def _compound_dtype(datatype: h5t.TypeCompoundID) -> np.dtype[Any] | None:
    members = [datatype.get_member_type(i) for i in range(datatype.get_nmembers())]
    customs = [custom_dtype(member) for member in members]
    if not any(custom is not None for custom in customs):
        return None
    formats = [custom if custom is not None else member.dtype for custom, member in zip(customs, members, strict=True)]
    if any(each.hasobject for each in formats):
        return None
    places = range(len(members))
    layout: Any = {
        "names": [datatype.get_member_name(i).decode("utf-8", "surrogateescape") for i in places],
        "formats": formats,
        "offsets": [datatype.get_member_offset(i) for i in places],
        "itemsize": datatype.get_size(),
    }
    dtype: np.dtype[Any] = np.dtype(layout)
    return dtype
