"""Zarr core specification v3, "Data types": the core data types, and those of the zarr-extensions registry.

https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html
https://github.com/zarr-developers/zarr-extensions/tree/main/data-types

Knows names, configurations and numpy dtypes; knows nothing of fill values, nor of how codecs lay elements out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.data_type.low_precision import COMPLEX, FORMATS, low_precision_dtype, name_of
from zarr_hdf5.errors import UnsupportedFeatureError

__all__ = ["CORE", "MAX_DEPTH", "MAX_FIELDS", "MAX_NBYTES", "STRUCT_NAMES", "DataType", "packed"]

MAX_FIELDS = 10_000
"""Fields of a structure, those of structures within it too: a hostile array type could ask for billions."""
MAX_DEPTH = 32
MAX_NBYTES = 2**31 - 1
"""numpy's own limit on an element."""
STRUCT_NAMES = ("structured", "struct")


@dataclass(frozen=True, slots=True)
class DataType:
    """The type of an array's elements.

    Attributes
    ----------
    name
        The identifier, such as "uint16", "r24", "string" or "structured".
    dtype
        In memory: little-endian, or without byte order, and packed, unless `verbatim` has said otherwise; of strings
        and bytes of variable length, Python objects; of complex numbers that numpy has no type for, fields "r" and "i".
    fields
        Of a structure: names and types. Otherwise empty.
    """

    name: str
    dtype: np.dtype[Any]
    fields: tuple[tuple[str, "DataType"], ...] = ()

    @classmethod
    def from_numpy(cls, dtype: npt.DTypeLike | None) -> "DataType":
        """The data type of a numpy dtype of any byte order and layout.

        Python's str and numpy's StringDType are strings of variable length, Python's bytes are bytes of such.

        Raises
        ------
        UnsupportedFeatureError
            If Zarr has no such data type; of a structure, naming the field.
        """
        wanted = _as_dtype(dtype)
        if wanted.fields is not None and (nfields := _nfields(wanted)) > MAX_FIELDS:
            raise UnsupportedFeatureError(f"a data type of {nfields} fields; more than {MAX_FIELDS} are not handled")
        return _from_dtype(wanted, "")

    @classmethod
    def verbatim(cls, dtype: npt.DTypeLike) -> "DataType":
        """The same, but a structure is in memory exactly `dtype`: padding, offsets, byte orders and subarrays.

        `to_json` knows nothing of that: read again, it is the packed type. Raises UnsupportedFeatureError.
        """
        found = cls.from_numpy(dtype)
        return replace(found, dtype=np.dtype(dtype)) if found.fields else found

    @classmethod
    def string(cls) -> "DataType":
        """Strings of any length."""
        return cls("string", np.dtype(object))

    @classmethod
    def variable_length_bytes(cls) -> "DataType":
        """Bytes of any length."""
        return cls("variable_length_bytes", np.dtype(object))

    @classmethod
    def raw_bytes(cls, nbytes: int) -> "DataType":
        """Opaque bytes, by the name that zarr-python knows; the core specification's name is `r` and the bits."""
        return cls("raw_bytes", np.dtype((np.void, nbytes)))

    @classmethod
    def low_precision(cls, name: str) -> "DataType | None":
        """A registered type of numbers beyond the core ones, such as "int4", "bfloat16" or "complex_float16".

        None for other names. Raises UnsupportedFeatureError if the package ml_dtypes is needed, and not there.
        """
        dtype = low_precision_dtype(name)
        return None if dtype is None else cls(name, dtype)

    @classmethod
    def structure(cls, name: str, fields: tuple[tuple[str, "DataType"], ...]) -> "DataType":
        """A structure, packed; `name` is one of the two that documents have for it."""
        # Not as a list of pairs, where numpy gives a field without a name one.
        formats = [kind.canonical.dtype for _, kind in fields]
        return cls(name, np.dtype({"names": [name for name, _ in fields], "formats": formats}), fields)

    @property
    def canonical(self) -> "DataType":
        """What is read again from `to_json()`: little-endian and packed."""
        return DataType.structure(self.name, self.fields) if self.fields else self

    @property
    def is_variable(self) -> bool:
        """Whether elements are Python objects, each of its own length."""
        return self.dtype.hasobject

    @property
    def is_number(self) -> bool:
        """Whether elements are numbers or booleans."""
        return self.name in CORE or self.name in FORMATS or self.name in COMPLEX

    @property
    def nfields(self) -> int:
        """Fields of a structure, those of structures within it too."""
        return sum(1 + kind.nfields for _, kind in self.fields)

    def to_json(self) -> str | dict[str, Any]:
        """The `data_type` member of array metadata."""
        configuration = self._configuration()
        return {"name": self.name, "configuration": configuration} if configuration else self.name

    def _configuration(self) -> dict[str, Any]:
        match self.name:
            case "null_terminated_bytes" | "fixed_length_utf32" | "raw_bytes":
                return {"length_bytes": self.dtype.itemsize}
            case "numpy.datetime64" | "numpy.timedelta64":
                unit, count = np.datetime_data(self.dtype)
                return {"unit": unit, "scale_factor": count}
            case "structured":
                return {"fields": [[name, kind.to_json()] for name, kind in self.fields]}
            case "struct":
                return {"fields": [{"name": name, "data_type": kind.to_json()} for name, kind in self.fields]}
        return {}


CORE: Mapping[str, DataType] = MappingProxyType(
    {
        name: DataType(name, np.dtype(code))
        for name, code in {
            "bool": "|b1",
            "int8": "|i1",
            "int16": "<i2",
            "int32": "<i4",
            "int64": "<i8",
            "uint8": "|u1",
            "uint16": "<u2",
            "uint32": "<u4",
            "uint64": "<u8",
            "float16": "<f2",
            "float32": "<f4",
            "float64": "<f8",
            "complex64": "<c8",
            "complex128": "<c16",
        }.items()
    }
)
_BY_KIND = {
    "S": "null_terminated_bytes",
    "U": "fixed_length_utf32",
    "M": "numpy.datetime64",
    "m": "numpy.timedelta64",
}


def packed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The same with every field little-endian and directly behind the one before; subarrays stay."""
    if dtype.subdtype is not None:
        return np.dtype((packed(dtype.subdtype[0]), dtype.subdtype[1]))
    if dtype.names is None:
        return dtype.newbyteorder("<")
    return np.dtype({"names": list(dtype.names), "formats": [packed(dtype[name]) for name in dtype.names]})


def _as_dtype(dtype: npt.DTypeLike | None) -> np.dtype[Any]:
    if dtype is None:  # numpy takes None for float64
        raise UnsupportedFeatureError("None is not a data type")
    try:
        return np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError) as error:
        raise UnsupportedFeatureError(f"not a data type: {error}") from error


def _nfields(dtype: np.dtype[Any], depth: int = 0) -> int:
    """Fields in JSON, where each element of a subarray is one."""
    if depth > MAX_DEPTH:
        raise UnsupportedFeatureError(f"a data type of more than {MAX_DEPTH} structures within each other")
    if dtype.subdtype is not None:
        nfields = _nfields(dtype.subdtype[0], depth + 1)
        for length in reversed(dtype.subdtype[1]):
            nfields = length * (1 + nfields)
        return nfields
    return sum(1 + _nfields(dtype[name], depth + 1) for name in dtype.names or ())


def _from_dtype(dtype: np.dtype[Any], field: str) -> DataType:
    """The canonical type of a dtype; `field` is its place in the structures around it, "" without any."""
    if dtype.names is not None:
        names = [(name, f"{field}.{name}" if field else name) for name in dtype.names]
        if not names:
            raise _refusal(dtype, field, "a structure without fields")
        return DataType.structure("structured", tuple((n, _from_dtype(dtype[n], place)) for n, place in names))
    if dtype.subdtype is not None and field:
        return _from_subarray(*dtype.subdtype, field)
    if (number := DataType.low_precision(name_of(dtype) or "")) is not None:
        return number
    if dtype.kind == "T" or (dtype.kind == "U" and not dtype.itemsize):
        found = DataType.string()
    elif dtype.kind == "S" and not dtype.itemsize:
        found = DataType.variable_length_bytes()
    elif dtype.kind in _BY_KIND:
        found = DataType(_BY_KIND[dtype.kind], dtype.newbyteorder("<"))
    elif dtype.type is np.void and dtype.subdtype is None and dtype.itemsize:
        # Within structures zarr-python must know the name, or it could read none of the fields.
        found = DataType.raw_bytes(dtype.itemsize) if field else raw(8 * dtype.itemsize)
    else:
        found = _core(dtype, field)
    if found.is_variable and field:
        raise _refusal(dtype, field, "elements of variable length")
    return found


def _core(dtype: np.dtype[Any], field: str) -> DataType:
    if dtype.hasobject:
        why = "Python objects, be it strings or bytes; say dtype=str or dtype=bytes"
        raise _refusal(dtype, field, "Python objects" if field else why)
    little_endian = dtype.newbyteorder("<")
    for core in CORE.values():
        if core.dtype == little_endian:
            return core
    raise _refusal(dtype, field, "not one of Zarr's data types")


def _from_subarray(base: np.dtype[Any], shape: tuple[int, ...], field: str) -> DataType:
    """A structure whose fields "0", "1", ... are the elements along the first dimension: the same bytes."""
    if not prod(shape):
        raise _refusal(base, field, "an array of no elements")
    found = _from_dtype(base, field)
    for length in reversed(shape):
        found = DataType.structure("structured", tuple((str(i), found) for i in range(length)))
    return found


def _refusal(dtype: np.dtype[Any], field: str, why: str) -> UnsupportedFeatureError:
    where = f"field {field!r}: " if field else ""
    return UnsupportedFeatureError(f"{where}numpy's data type {dtype}: {why}")


def raw(bits: int) -> DataType:
    """The core specification's opaque bytes."""
    return DataType(f"r{bits}", np.dtype((np.void, bits // 8)))
