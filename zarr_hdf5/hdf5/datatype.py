"""Datatypes: what numpy calls them, and whether their bytes in the file are numpy's already.

Source: HDF5 File Format Specification 3.0, IV.A.2.d "The Datatype Message"; h5py says what numpy's equivalent is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import h5py
import numpy as np
from h5py import h5t

from zarr_hdf5.data_type import format_of
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.custom_datatype import custom_dtype
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS

__all__ = ["Datatype", "Reading", "describe_datatype"]

Reading = Literal["plain", "converted", "text", "rounded", "raw", "object"]

STRING_CLASSES: dict[int, str] = {h5t.CSET_ASCII: "ASCII", h5t.CSET_UTF8: "UTF-8"}
WHOLE_BITFIELDS = tuple(getattr(h5t, f"STD_B{bits}{order}") for bits in (8, 16, 32, 64) for order in ("LE", "BE"))
PADDINGS: dict[int, str] = {h5t.STR_NULLTERM: "nullterm", h5t.STR_NULLPAD: "nullpad", h5t.STR_SPACEPAD: "spacepad"}


@dataclass(frozen=True, slots=True, eq=False)
class Datatype:
    """The datatype of a dataset's elements.

    name
        For people to read: "float 32 bits", "string 20 bytes, UTF-8".
    dtype
        The equivalent of numpy, or of ml_dtypes where that is installed, byte order included, without the dimensions of
        an array datatype.
    element_shape
        The dimensions of an array datatype; empty for others.
    reading
        How elements come from the file: "plain": their bytes are those of `dtype`; "converted": libhdf5 makes them so;
        "text": variable-length strings; "rounded": floats beyond 64 bits, of which float64 keeps what it can; "raw":
        the file's own bytes, which libhdf5 does not convert; "object": what numpy has no type for (references,
        sequences, and compounds that hold such).
    enumeration
        Names and values of an enumeration.
    """

    name: str
    dtype: np.dtype[Any]
    element_shape: tuple[int, ...]
    reading: Reading
    enumeration: tuple[tuple[str, int], ...] = ()


def describe_datatype(datatype: h5t.TypeID, *, low_precision: bool = True) -> Datatype:
    """Describe a datatype; without `low_precision`, numbers of few bits as numpy's that libhdf5 converts them to.

    Raises UnsupportedFeatureError where numpy has nothing for it.
    """
    name = _name(datatype)
    element_shape: tuple[int, ...] = ()
    while isinstance(datatype, h5t.TypeArrayID):
        element_shape += datatype.get_array_dims()
        datatype = datatype.get_super()
    try:
        custom = custom_dtype(datatype) if low_precision else None
        dtype: np.dtype[Any] = datatype.dtype if custom is None else custom
    except LIBRARY_ERRORS as error:
        dtype, reading = _without_numpy_equivalent(datatype, name, error)
        return Datatype(name, dtype, element_shape, reading)
    metadata: Mapping[str, Any] = dtype.metadata or {}
    enumeration = tuple((str(k), int(v)) for k, v in (h5py.check_enum_dtype(dtype) or {}).items())
    if dtype.kind in "fc" and format_of(dtype) is None and np.finfo(dtype).nmant > 52:
        rounded = np.dtype("<f8" if dtype.kind == "f" else "<c16")
        return Datatype(name, rounded, element_shape, "rounded")
    if dtype.hasobject:
        text = metadata.get("vlen") in (str, bytes)
        return Datatype(name, np.dtype(object), element_shape, "text" if text else "object")
    reading = "plain" if _is_plain(datatype, dtype) else "converted"
    return Datatype(name, _bare(dtype), element_shape, reading, enumeration)


def _without_numpy_equivalent(datatype: h5t.TypeID, name: str, error: BaseException) -> tuple[np.dtype[Any], Reading]:
    """What stands in for it, if anything can."""
    size = datatype.get_size()
    if isinstance(datatype, h5t.TypeFloatID):
        return np.dtype("<f8"), "rounded"
    if isinstance(datatype, h5t.TypeIntegerID) and size < 8:
        sign = "i" if datatype.get_sign() == h5t.SGN_2 else "u"
        return np.dtype(f"<{sign}{4 if size < 4 else 8}"), "converted"
    if isinstance(datatype, h5t.TypeTimeID) and size in (4, 8):
        # h5py does not say its byte order: bit 0 of the byte behind the class in the encoded message.
        return np.dtype(f"{'>' if datatype.encode()[3] & 1 else '<'}i{size}"), "raw"
    raise UnsupportedFeatureError(f"numpy has no such data type ({name}): {error}") from error


def _is_plain(datatype: h5t.TypeID, dtype: np.dtype[Any]) -> bool:
    """Whether the bytes of elements in the file are those of `dtype`."""
    size = datatype.get_size()
    if size != dtype.itemsize:
        return False
    if format_of(dtype) is not None:
        return custom_dtype(datatype) == dtype
    match datatype:
        case h5t.TypeEnumID():
            return _is_plain(datatype.get_super(), dtype)
        case h5t.TypeBitfieldID():
            return any(datatype.equal(whole) for whole in WHOLE_BITFIELDS)
        case h5t.TypeIntegerID():
            return bool(datatype.get_precision() == 8 * size and datatype.get_offset() == 0)
        case h5t.TypeFloatID():
            return bool(datatype.equal(h5t.py_create(dtype)))
        case h5t.TypeStringID():
            # One character with a terminator is one byte either way; netCDF's characters are such.
            return bool(datatype.get_strpad() == h5t.STR_NULLPAD or size == 1)
        case h5t.TypeOpaqueID():
            return True
        case h5t.TypeArrayID():
            return dtype.subdtype is not None and _is_plain(datatype.get_super(), dtype.subdtype[0])
        case h5t.TypeCompoundID() if dtype.kind == "c":
            return bool(datatype.equal(h5t.py_create(dtype)))
        case h5t.TypeCompoundID():
            return _is_plain_compound(datatype, dtype)
    return bool(type(datatype).__name__ == "TypeComplexID" and datatype.equal(h5t.py_create(dtype)))


def _is_plain_compound(datatype: h5t.TypeID, dtype: np.dtype[Any]) -> bool:
    fields = list((dtype.fields or {}).values())
    if len(fields) != datatype.get_nmembers():
        return False
    return all(
        field[1] == datatype.get_member_offset(i) and _is_plain(datatype.get_member_type(i), field[0])
        for i, field in enumerate(fields)
    )


def _bare(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The same without h5py's metadata."""
    if dtype.names is None:
        return dtype if dtype.metadata is None else np.dtype(dtype.str)
    by_name: Mapping[str, Any] = dtype.fields or {}
    fields = [by_name[name] for name in dtype.names]
    return np.dtype(
        {
            "names": list(dtype.names),
            "formats": [_bare_field(field[0]) for field in fields],
            "offsets": [field[1] for field in fields],
            "itemsize": dtype.itemsize,
        }
    )


def _bare_field(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.subdtype is None:
        return _bare(dtype)
    return np.dtype((_bare(dtype.subdtype[0]), dtype.subdtype[1]))


def _name(datatype: h5t.TypeID) -> str:
    bits = 8 * datatype.get_size()
    match datatype:
        case h5t.TypeArrayID():
            return f"array {datatype.get_array_dims()} of {_name(datatype.get_super())}"
        case h5t.TypeEnumID():
            return f"enumeration of {_name(datatype.get_super())}"
        case h5t.TypeVlenID():
            return f"sequence of {_name(datatype.get_super())}"
        case h5t.TypeCompoundID():
            return f"compound of {datatype.get_nmembers()} members, {bits // 8} bytes"
        case h5t.TypeStringID():
            size = "variable length" if datatype.is_variable_str() else f"{bits // 8} bytes"
            kinds = (STRING_CLASSES.get(datatype.get_cset(), "?"), PADDINGS.get(datatype.get_strpad(), "?"))
            return f"string, {size}, {', '.join(kinds)}"
        case h5t.TypeReferenceID():
            return "reference"
        case h5t.TypeOpaqueID():
            return f"opaque, {bits // 8} bytes"
    plain = type(datatype).__name__.removeprefix("Type").removesuffix("ID").lower()
    return f"{plain}, {bits} bits"
