"""Zarr core specification v3, "Permitted fill values": JSON to a value and back, every bit kept.

https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html#permitted-fill-values
https://github.com/zarr-developers/zarr-extensions/tree/main/data-types

A value travels as the bytes of its canonical element, little-endian and packed, until the very end. Bytes are base64 in
JSON, as are structures: the one form of them that all versions of zarr-python read. Knows nothing of the rest of a
metadata document.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from zarr_hdf5.data_type.data_type import DataType, packed
from zarr_hdf5.data_type.elements import sound_elements
from zarr_hdf5.data_type.fill_number import Path, encode_number, number_to_json, parse_byte_list, parse_number
from zarr_hdf5.data_type.low_precision import format_of
from zarr_hdf5.errors import CorruptDataError, InvalidMetadataError, Problem

__all__ = ["FillValue", "as_fill_value", "default_fill_value", "fill_value_to_json", "parse_base64", "parse_fill_value"]

FillValue: TypeAlias = np.generic | str | bytes
"""A scalar of the data type's dtype; str or bytes where elements are of variable length."""

_NAT = (-(2**63)).to_bytes(8, "little", signed=True)
_UNICODE = "utf-32-le"


def default_fill_value(data_type: DataType) -> FillValue:
    """Zero, False, nothing, or zero bytes; of a date or a time, NaT."""
    if data_type.dtype.kind in "mM":
        return _from_bytes(data_type, _NAT)
    return _from_bytes(data_type, bytes(0 if data_type.is_variable else packed(data_type.dtype).itemsize))


def parse_fill_value(data_type: DataType, document: object, path: Path, problems: list[Problem]) -> FillValue | None:
    """Parse the `fill_value` member to a value of `data_type`, bit for bit.

    Faults are appended to `problems`, each at its place below `path`; then the result is None.

    Notes
    -----
    A bare NaN or Infinity, which is not JSON but is found in files, is taken as the string of that name.
    """
    raw = _parse(data_type, document, path, problems)
    return None if raw is None else _from_bytes(data_type, raw)


def fill_value_to_json(data_type: DataType, value: FillValue) -> Any:
    """JSON that `parse_fill_value` turns into exactly the bits of `value`, of `data_type`."""
    dtype, raw = data_type.dtype, _to_bytes(data_type, value)
    if data_type.is_number:
        return number_to_json(dtype, raw)
    match dtype.kind:
        case "O" if data_type.name == "string":
            return raw.decode()
        case "U":
            return raw.decode(_UNICODE, "surrogatepass").rstrip("\0")
        case "S":
            return _base64(raw.rstrip(b"\0"))
        case "m" | "M":
            return "NaT" if raw == _NAT else int.from_bytes(raw, "little", signed=True)
        case "V" if data_type.name.startswith("r") and data_type.name != "raw_bytes":
            return list(raw)
        case _:
            return _base64(raw)


def as_fill_value(data_type: DataType, value: object) -> FillValue:
    """A user's fill value as a value of `data_type`.

    Takes Python and numpy values, and any form that JSON metadata may have; but text for a type of bytes is that text
    in UTF-8, not base64. Fractions are rounded to the nearest float; everything else must fit exactly.

    Raises
    ------
    InvalidMetadataError
        If `value` is of another kind or does not fit.
    """
    path: Path = ("fill_value",)
    problems: list[Problem] = []
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    raw = _encode(data_type, value, path, problems)
    if problems or raw is None:
        raise InvalidMetadataError(problems)
    return _from_bytes(data_type, raw)


def _from_bytes(data_type: DataType, raw: bytes) -> FillValue:
    if data_type.is_variable:
        return raw.decode() if data_type.name == "string" else raw
    elements = np.frombuffer(raw, packed(data_type.dtype))
    scalar: np.generic = (elements if elements.dtype == data_type.dtype else elements.astype(data_type.dtype))[0]
    return scalar


def _to_bytes(data_type: DataType, value: FillValue) -> bytes:
    if data_type.is_variable:
        return value.encode() if isinstance(value, str) else bytes(np.asarray(value, object).item())
    return np.asarray(value).astype(packed(data_type.dtype)).tobytes()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


# JSON to bytes


def _parse(data_type: DataType, document: object, path: Path, problems: list[Problem]) -> bytes | None:
    dtype, nbytes = data_type.dtype, None if data_type.is_variable else packed(data_type.dtype).itemsize
    if data_type.is_number:
        return parse_number(dtype, document, path, problems)
    match dtype.kind:
        case "O" if data_type.name == "string":
            return _parse_text(document, "utf-8", None, path, problems)
        case "U":
            return _parse_text(document, _UNICODE, nbytes, path, problems)
        case "S":
            raw = parse_base64(document, path, problems)
            return None if raw is None else _fit(raw, dtype.itemsize, path, problems)
        case "m" | "M":
            return _NAT if document == "NaT" else parse_number(np.dtype("<i8"), document, path, problems)
        case "V" if data_type.fields:
            return _parse_struct(data_type, document, path, problems)
        case _:
            return _parse_bytes(data_type, document, nbytes, path, problems)


def _parse_text(
    document: object, encoding: str, nbytes: int | None, path: Path, problems: list[Problem]
) -> bytes | None:
    if not isinstance(document, str):
        problems.append(Problem(path, "expected a string", "type"))
        return None
    try:
        raw = document.encode(encoding)
    except UnicodeEncodeError as error:
        problems.append(Problem(path, f"is no text: {error.reason}"))
        return None
    return raw if nbytes is None else _fit(raw, nbytes, path, problems)


def _fit(raw: bytes, nbytes: int, path: Path, problems: list[Problem]) -> bytes | None:
    """`raw` filled up with zeros to the size of an element."""
    if len(raw) > nbytes:
        problems.append(Problem(path, f"expected at most {nbytes} bytes, found {len(raw)}"))
        return None
    return raw.ljust(nbytes, b"\0")


def parse_base64(document: object, path: Path, problems: list[Problem]) -> bytes | None:
    """Bytes from a string of base64; None where it is none, which is noted in `problems`."""
    if not isinstance(document, str):
        problems.append(Problem(path, "expected a string of base64", "type"))
        return None
    try:
        return base64.b64decode(document, validate=True)
    except (binascii.Error, ValueError) as error:
        problems.append(Problem(path, f"expected base64: {error}"))
        return None


def _parse_bytes(
    data_type: DataType, document: object, nbytes: int | None, path: Path, problems: list[Problem]
) -> bytes | None:
    """Bytes, `nbytes` of them if that is fixed: a list of integers, or, but for the core data type, base64."""
    if isinstance(document, list):
        if nbytes is None or len(document) == nbytes:
            return parse_byte_list(document, path, problems)
        found = len(document)
    elif data_type.dtype.kind == "V" and data_type.name != "raw_bytes":
        problems.append(Problem(path, "expected a list of bytes", "type"))
        return None
    else:
        raw = parse_base64(document, path, problems)
        if raw is None or nbytes is None or len(raw) == nbytes:
            return raw
        found = len(raw)
    problems.append(Problem(path, f"expected {nbytes} bytes, found {found}"))
    return None


def _parse_struct(data_type: DataType, document: object, path: Path, problems: list[Problem]) -> bytes | None:
    """Base64 of a whole element, or an object with a value for each field."""
    if not isinstance(document, Mapping):
        raw = parse_base64(document, path, problems)
        return None if raw is None else _sound(data_type, raw, path, problems)
    before = len(problems)
    names = {name for name, _ in data_type.fields}
    problems.extend(Problem((*path, key), "is no field", "unknown") for key in document if key not in names)
    problems.extend(Problem((*path, name), "is required", "missing") for name in names if name not in document)
    parts = [
        _parse(kind, document[name], (*path, name), problems) for name, kind in data_type.fields if name in document
    ]
    return b"".join(part for part in parts if part is not None) if len(problems) == before else None


def _sound(data_type: DataType, raw: bytes, path: Path, problems: list[Problem]) -> bytes | None:
    dtype = data_type.canonical.dtype
    if len(raw) != dtype.itemsize:
        problems.append(Problem(path, f"expected {dtype.itemsize} bytes, found {len(raw)}"))
        return None
    try:
        return sound_elements(np.frombuffer(raw, dtype)).tobytes()
    except CorruptDataError as error:
        problems.append(Problem(path, str(error)))
        return None


# Users' values to bytes


def _encode(data_type: DataType, value: object, path: Path, problems: list[Problem]) -> bytes | None:
    dtype = data_type.dtype
    if isinstance(value, np.generic) and dtype.kind not in "SUO" and value.dtype.newbyteorder("<") == dtype:
        return _to_bytes(data_type, value)
    if data_type.is_number:
        return _encode_number(data_type, value, path, problems)
    if isinstance(value, bytes | bytearray | memoryview) and dtype.kind in "SVO" and data_type.name != "string":
        return _encode_bytes(data_type, bytes(value), path, problems)
    if isinstance(value, str) and (dtype.kind == "S" or data_type.name in ("variable_length_bytes", "bytes")):
        return _encode_bytes(data_type, value.encode("utf-8", "surrogateescape"), path, problems)
    if dtype.kind in "mM" and value != "NaT" and (not isinstance(value, int) or isinstance(value, np.generic)):
        return _encode_with_numpy(data_type, value, path, problems)
    if data_type.fields and not isinstance(value, str | Mapping):
        value = tuple(value) if isinstance(value, list) else value
        return _encode_with_numpy(data_type, value, path, problems)
    if isinstance(value, str | list | tuple | Mapping) or dtype.kind in "SUOmM":
        return _parse(data_type, list(value) if isinstance(value, tuple) else value, path, problems)
    return encode_number(dtype, None, path, problems)


def _encode_number(data_type: DataType, value: object, path: Path, problems: list[Problem]) -> bytes | None:
    if isinstance(value, str | list | tuple | Mapping):
        return _parse(data_type, list(value) if isinstance(value, tuple) else value, path, problems)
    return encode_number(data_type.dtype, _as_number(value), path, problems)


def _encode_bytes(data_type: DataType, raw: bytes, path: Path, problems: list[Problem]) -> bytes | None:
    if data_type.is_variable:
        return raw
    if data_type.dtype.kind == "S":
        return _fit(raw, data_type.dtype.itemsize, path, problems)
    nbytes = packed(data_type.dtype).itemsize
    if len(raw) != nbytes:
        problems.append(Problem(path, f"expected {nbytes} bytes, found {len(raw)}"))
        return None
    return _sound(data_type, raw, path, problems) if data_type.fields else raw


def _encode_with_numpy(data_type: DataType, value: object, path: Path, problems: list[Problem]) -> bytes | None:
    """Dates, and structures given as tuples or scalars of numpy's: what numpy makes of them."""
    try:
        found = np.array(value, data_type.dtype)
        if found.ndim == 0 and (data_type.fields or not isinstance(value, np.generic) or _is_same(found, value)):
            return found.astype(packed(data_type.dtype)).tobytes()
    except (TypeError, ValueError, OverflowError):
        pass
    problems.append(Problem(path, f"{value!r:.80} is no value of type {data_type.name}"))
    return None


def _is_same(found: np.ndarray[Any, Any], value: np.generic) -> bool:
    return bool(found == value) or bool(np.isnat(found) and np.isnat(np.asarray(value)))


def _as_number(value: object) -> bool | int | float | complex | None:
    """`value` as the Python number equal to it; None if it is no number, or of more than 64 bits a part."""
    if isinstance(value, np.generic):
        exact = value.dtype.kind in "biu" or format_of(value.dtype) or value.dtype in ("f2", "f4", "f8", "c8", "c16")
        value = value.item() if exact else None
    return value if isinstance(value, int | float | complex) else None
