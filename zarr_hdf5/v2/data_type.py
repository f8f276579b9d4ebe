"""Zarr storage specification v2, "Data type encoding": the `dtype` member of `.zarray`.

https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#data-type-encoding

Knows how numpy's type strings and lists of fields are spelt; knows nothing of fill values, nor of codecs.
"""

import re
import reprlib
from collections.abc import Iterator
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np

from zarr_hdf5.data_type import DataType, packed, parse_data_type
from zarr_hdf5.data_type.data_type import MAX_DEPTH, MAX_FIELDS, MAX_NBYTES
from zarr_hdf5.errors import Problem, UnsupportedFeatureError

__all__ = ["Endian", "data_type_of", "endian_of", "parse_dtype"]

Path: TypeAlias = tuple[str | int, ...]
DType: TypeAlias = np.dtype[Any]
Endian: TypeAlias = Literal["little", "big"]

_SIMPLE = re.compile(r"[<>|][biufcSUV][0-9]{1,10}|[<>|][mM]8(\[([1-9][0-9]{0,8})?[a-zA-Z]{1,2}\])?|\|O")
_OF_ANY_SIZE = re.compile("[<>|]([SUV])([0-9]+)")
_OF_TENSORSTORE = re.compile(r"bfloat16|int4|float8_\w{1,20}")
"""Names that v3 has too, and tensorstore's "zarr" driver beside those of the specification."""


def parse_dtype(document: object, path: Path, problems: list[Problem]) -> DType | None:
    """The dtype of the elements as they are stored, byte orders and subarrays included; of objects, `object`.

    Faults are appended to `problems`, each at its place below `path`; then the result is None.
    """
    if isinstance(document, str):
        return _parse_simple(document, path, problems)
    if isinstance(document, list):
        return _parse_structure(document, path, problems, MAX_DEPTH)
    problems.append(Problem(path, "expected a type string or a list of fields", "type"))
    return None


def data_type_of(dtype: DType, path: Path, problems: list[Problem]) -> DataType | None:
    """What elements stored as `dtype`, which are no objects, are in memory.

    Little-endian, but for structures of mixed byte orders: those stay as they are, for `bytes` has one `endian`.
    """
    try:
        if dtype.names is None:
            # Of the two names that v3 has for opaque bytes, the one that zarr-python knows: it may have written them.
            return DataType.raw_bytes(dtype.itemsize) if dtype.type is np.void else DataType.from_numpy(dtype)
        return DataType.verbatim(dtype if endian_of(dtype) is None else packed(dtype))
    except UnsupportedFeatureError as error:
        problems.append(Problem(path, str(error), "unsupported"))
        return None


def endian_of(dtype: DType) -> Endian | None:
    """The byte order of all numbers in an element, "little" where there is none; None where there are two."""
    orders = set(_byte_orders(dtype))
    if orders >= {"<", ">"}:
        return None
    return "big" if ">" in orders else "little"


def _byte_orders(dtype: DType) -> Iterator[str]:
    if dtype.subdtype is not None:
        dtype = dtype.subdtype[0]
    if dtype.names is None:
        yield dtype.str[0]
    else:
        for name in dtype.names:
            yield from _byte_orders(dtype[name])


def _parse_simple(document: str, path: Path, problems: list[Problem]) -> DType | None:
    shown = reprlib.repr(document)
    if _OF_TENSORSTORE.fullmatch(document):
        known = parse_data_type(document, path, problems)
        return None if known is None else known.dtype
    if not _SIMPLE.fullmatch(document):
        problems.append(Problem(path, f"the data type {shown} is not supported", "unsupported"))
        return None
    sized = _OF_ANY_SIZE.fullmatch(document)
    if sized and not 1 <= int(sized[2]) * (4 if sized[1] == "U" else 1) <= MAX_NBYTES:
        problems.append(Problem(path, f"{shown}: expected elements of 1 to {MAX_NBYTES} bytes"))
        return None
    try:
        return np.dtype(document)
    except (TypeError, ValueError):
        problems.append(Problem(path, f"{shown} is not a type string of numpy"))
        return None


def _parse_structure(document: list[object], path: Path, problems: list[Problem], depth: int) -> DType | None:
    """A list of [name, type] or [name, type, shape of a subarray]."""
    if not document:
        problems.append(Problem(path, "a structure has at least one field"))
        return None
    if len(document) > MAX_FIELDS or not depth:
        message = f"more than {MAX_FIELDS} fields, or {MAX_DEPTH} structures within each other"
        problems.append(Problem(path, message, "unsupported"))
        return None
    fields = [_parse_field(field, (*path, i), problems, depth) for i, field in enumerate(document)]
    known = [field for field in fields if field is not None]
    if len(known) < len(fields):
        return None
    if sum(dtype.itemsize * prod(shape) for _, dtype, shape in known) > MAX_NBYTES:
        problems.append(Problem(path, f"an element of more than {MAX_NBYTES} bytes", "unsupported"))
        return None
    try:
        return np.dtype(known)
    except (TypeError, ValueError) as error:  # a name that occurs twice, a subarray of too many dimensions
        problems.append(Problem(path, f"not a structure: {error}"))
        return None


def _parse_field(
    document: object, path: Path, problems: list[Problem], depth: int
) -> tuple[str, DType, tuple[int, ...]] | None:
    if not isinstance(document, list) or not 2 <= len(document) <= 3 or not isinstance(document[0], str):
        problems.append(Problem(path, "expected [name, type] or [name, type, shape]", "type"))
        return None
    name, inner, *more = document
    if isinstance(inner, list):
        dtype = _parse_structure(inner, (*path, 1), problems, depth - 1)
    else:
        dtype = parse_dtype(inner, (*path, 1), problems)
    shape = more[0] if more else []
    shape = [shape] if isinstance(shape, int) else shape
    if not isinstance(shape, list) or not all(type(n) is int and 0 < n <= MAX_NBYTES for n in shape):
        problems.append(Problem((*path, 2), "expected a list of positive integers", "type"))
        return None
    if dtype is not None and dtype.hasobject:
        problems.append(Problem((*path, 1), "objects in a structure", "unsupported"))
        return None
    return None if dtype is None else (name, dtype, tuple(shape))
