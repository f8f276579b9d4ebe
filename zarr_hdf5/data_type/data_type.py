"""Zarr core specification v3, "Data types": the core data types.

https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html

Knows names and numpy dtypes; knows nothing of fill values, nor of how codecs lay elements out.
"""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import Problem, UnsupportedFeatureError

__all__ = ["DataType", "parse_data_type"]


@dataclass(frozen=True, slots=True)
class DataType:
    """The type of an array's elements.

    Attributes
    ----------
    name
        The specification's identifier, such as "uint16" or "r24".
    dtype
        Little-endian, or without byte order: `<u2`, `|b1`, `|V3`.
    """

    name: str
    dtype: np.dtype[Any]

    @classmethod
    def from_numpy(cls, dtype: npt.DTypeLike) -> "DataType":
        """The data type of a numpy dtype of any byte order.

        Raises
        ------
        UnsupportedFeatureError
            If `dtype` is not one of the core data types.
        """
        if dtype is None:  # numpy takes None for float64
            raise UnsupportedFeatureError("None is not a data type")
        try:
            wanted = np.dtype(dtype)
        except (TypeError, ValueError, SyntaxError) as error:
            raise UnsupportedFeatureError(f"not a data type: {error}") from error
        if wanted.type is np.void and wanted.names is None and wanted.subdtype is None and wanted.itemsize:
            return _raw(8 * wanted.itemsize)
        little_endian = wanted.newbyteorder("<")
        for core in _CORE.values():
            if core.dtype == little_endian:
                return core
        raise UnsupportedFeatureError(f"numpy's data type {wanted} is not one of Zarr's core data types")

    def to_json(self) -> str:
        """The `data_type` member of array metadata."""
        return self.name


_CORE: Mapping[str, DataType] = MappingProxyType(
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

_MAX_RAW_NBYTES = 2**31 - 1  # numpy's own limit on an element


def _raw(bits: int) -> DataType:
    return DataType(f"r{bits}", np.dtype((np.void, bits // 8)))


def parse_data_type(document: object, path: tuple[str | int, ...], problems: list[Problem]) -> DataType | None:
    """Parse the `data_type` member: a name, or the equivalent object `{"name": ...}`.

    Faults are appended to `problems`, each at its place below `path`; then the result is None. A name that is not a
    core data type is of kind "unsupported".
    """
    if isinstance(document, str):
        return _parse_name(document, path, problems)
    if not isinstance(document, Mapping):
        problems.append(Problem(path, "expected a name or an object", "type"))
        return None
    if "name" not in document:
        problems.append(Problem((*path, "name"), "is required", "missing"))
        return None
    if not isinstance(document["name"], str):
        problems.append(Problem((*path, "name"), "expected a string", "type"))
        return None
    before = len(problems)
    data_type = _parse_name(document["name"], path, problems)
    if data_type is not None:
        _check_bare(document, path, problems)
    return data_type if len(problems) == before else None


def _parse_name(name: str, path: tuple[str | int, ...], problems: list[Problem]) -> DataType | None:
    if name in _CORE:
        return _CORE[name]
    if re.fullmatch(r"r(0|[1-9][0-9]{0,11})", name):
        bits = int(name[1:])
        if bits == 0 or bits % 8:
            problems.append(Problem(path, f"the number of bits in {name!r} is not a positive multiple of 8"))
            return None
        if bits // 8 <= _MAX_RAW_NBYTES:
            return _raw(bits)
    problems.append(Problem(path, f"the data type {reprlib.repr(name)} is not supported", "unsupported"))
    return None


def _check_bare(document: Mapping[str, Any], path: tuple[str | int, ...], problems: list[Problem]) -> None:
    """A core data type has no configuration, and no reader may ignore it."""
    for key, value in document.items():
        if key == "configuration" and not isinstance(value, Mapping):
            problems.append(Problem((*path, key), "expected an object", "type"))
        elif key == "configuration":
            problems.extend(Problem((*path, key, k), "this data type has no configuration", "unknown") for k in value)
        elif key == "must_understand" and value is not True:
            problems.append(Problem((*path, key), "a data type must be understood"))
        elif key not in ("name", "configuration", "must_understand"):
            problems.append(Problem((*path, key), "is not a member of a data type", "unknown"))
