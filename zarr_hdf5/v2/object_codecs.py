"""Zarr storage specification v2, "Data type encoding", of objects: the codecs that make bytes of them.

https://numcodecs.readthedocs.io/en/stable/vlen.html

What is called `|O` may be anything; the first filter says what it is. v3 has data types for strings and bytes only.
`vlen-array` writes the bytes of each array, each with its length, as `vlen-bytes` does: such elements are bytes, too.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from zarr_hdf5.data_type import DataType
from zarr_hdf5.errors import Problem
from zarr_hdf5.v2.data_type import parse_dtype
from zarr_hdf5.v2.translations import Document

__all__ = ["OF_OBJECTS", "REFUSED", "VLEN_ARRAY_ATTRIBUTE", "Objects"]

VLEN_ARRAY_ATTRIBUTE = "_numcodecs_vlen_array_dtype"
"""Says of elements that are bytes of what type the numbers in them are: `numpy.frombuffer(element, dtype)`."""


Objects: TypeAlias = tuple[DataType, str, Mapping[str, Any]]
"""Data type, name of the v3 codec, attributes."""


def _vlen_utf8(document: Document, problems: list[Problem]) -> Objects:
    _check_empty(document, problems)
    return DataType.string(), "vlen-utf8", {}


def _vlen_bytes(document: Document, problems: list[Problem]) -> Objects:
    _check_empty(document, problems)
    return DataType.variable_length_bytes(), "vlen-bytes", {}


def _vlen_array(document: Document, problems: list[Problem]) -> Objects:
    given = document.configuration.get("dtype")
    dtype = parse_dtype(given, (*document.path, "dtype"), problems)
    if dtype is not None and dtype.kind not in "biufcmM":
        problems.append(Problem((*document.path, "dtype"), "expected a type of numbers"))
    _check_empty(document, problems, "dtype")
    return DataType.variable_length_bytes(), "vlen-bytes", {VLEN_ARRAY_ATTRIBUTE: given}


def _check_empty(document: Document, problems: list[Problem], *known: str) -> None:
    unknown = [key for key in document.configuration if key not in known]
    problems.extend(Problem((*document.path, key), "is not a known member", "unknown") for key in unknown)


OF_OBJECTS: Mapping[str, Callable[[Document, list[Problem]], Objects]] = {
    "vlen-utf8": _vlen_utf8,
    "vlen-bytes": _vlen_bytes,
    "vlen-array": _vlen_array,
}
"""By numcodecs' id: what elements are; faults are appended to the problems."""
_ANY_OBJECTS = "objects other than strings, bytes and arrays of numbers are not read"
REFUSED: Mapping[str, str] = {
    "categorize": _ANY_OBJECTS,
    "json2": _ANY_OBJECTS,
    "msgpack2": _ANY_OBJECTS,
    "pickle": "data can make it run any program, so it is never read",
}
"""Ids of codecs that are never used, and why."""
