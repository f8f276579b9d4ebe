"""Zarr core specification v3, "Permitted fill values": JSON to numpy scalar and back, every bit kept.

https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html#permitted-fill-values

A value travels as the little-endian bytes of its element until the very end: Python floats and numpy casts may quiet a
signalling NaN or drop its payload. Knows nothing of the rest of a metadata document.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from zarr_hdf5.data_type.data_type import DataType
from zarr_hdf5.errors import InvalidMetadataError, Problem

__all__ = ["as_fill_value", "default_fill_value", "fill_value_to_json", "parse_fill_value"]

_Path: TypeAlias = tuple[str | int, ...]
_Dtype: TypeAlias = np.dtype[Any]

# "NaN" is exactly these bits; by itemsize.
_STANDARD_NAN = {2: "7e00", 4: "7fc00000", 8: "7ff8000000000000"}


def default_fill_value(data_type: DataType) -> np.generic:
    """Zero, False or zero bytes."""
    return _from_bytes(bytes(data_type.dtype.itemsize), data_type.dtype)


def parse_fill_value(data_type: DataType, document: object, path: _Path, problems: list[Problem]) -> np.generic | None:
    """Parse the `fill_value` member to a scalar of `data_type.dtype`, bit for bit.

    Faults are appended to `problems`, each at its place below `path`; then the result is None.

    Notes
    -----
    A bare NaN or Infinity, which is not JSON but is found in files, is taken as the string of that name.
    """
    raw = _PARSERS[data_type.dtype.kind](data_type.dtype, document, path, problems)
    return None if raw is None else _from_bytes(raw, data_type.dtype)


def fill_value_to_json(data_type: DataType, value: np.generic) -> Any:
    """The shortest JSON that `parse_fill_value` turns into exactly the bits of `value`, a scalar of `data_type`."""
    dtype, raw = data_type.dtype, _to_bytes(value, data_type.dtype)
    match dtype.kind:
        case "f":
            return _float_to_json(raw, dtype)
        case "c":
            part = _component(dtype)
            return [_float_to_json(raw[i : i + part.itemsize], part) for i in (0, part.itemsize)]
        case "V":
            return list(raw)
        case _:
            return value.item()


def as_fill_value(data_type: DataType, value: object) -> np.generic:
    """A user's fill value as a scalar of `data_type.dtype`.

    Takes Python and numpy numbers, any form that JSON metadata may have, and bytes for `r*`. Fractions are rounded to
    the nearest float; everything else must fit exactly.

    Raises
    ------
    InvalidMetadataError
        If `value` is of another kind or does not fit.
    """
    dtype, path = data_type.dtype, ("fill_value",)
    problems: list[Problem] = []
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    raw: bytes | None
    if isinstance(value, np.generic) and value.dtype.newbyteorder("<") == dtype:
        raw = _to_bytes(value, dtype)
    elif isinstance(value, str | list | tuple):
        document = list(value) if isinstance(value, tuple) else value
        raw = _PARSERS[dtype.kind](dtype, document, path, problems)
    elif dtype.kind == "V" and isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        if len(raw) != dtype.itemsize:
            problems.append(Problem(path, f"expected {dtype.itemsize} bytes, found {len(raw)}"))
    else:
        raw = _encode_number(dtype, _as_number(value), path, problems)
    if problems or raw is None:
        raise InvalidMetadataError(problems)
    return _from_bytes(raw, dtype)


def _from_bytes(raw: bytes, dtype: _Dtype) -> np.generic:
    scalar: np.generic = np.frombuffer(raw, dtype)[0]
    return scalar


def _to_bytes(value: np.generic, dtype: _Dtype) -> bytes:
    return np.asarray(value).astype(dtype).tobytes()


def _component(dtype: _Dtype) -> _Dtype:
    """The float type of a complex type's two parts."""
    return np.dtype(f"<f{dtype.itemsize // 2}")


# JSON to bytes


def _parse_bool(dtype: _Dtype, document: object, path: _Path, problems: list[Problem]) -> bytes | None:
    if isinstance(document, bool):
        return bytes([document])
    problems.append(Problem(path, "expected true or false", "type"))
    return None


def _parse_integer(dtype: _Dtype, document: object, path: _Path, problems: list[Problem]) -> bytes | None:
    if isinstance(document, int) and not isinstance(document, bool):
        return _encode_number(dtype, document, path, problems)
    problems.append(Problem(path, "expected an integer", "type"))
    return None


def _parse_float(dtype: _Dtype, document: object, path: _Path, problems: list[Problem]) -> bytes | None:
    if isinstance(document, str):
        return _parse_float_string(dtype, document, path, problems)
    if isinstance(document, bool) or not isinstance(document, int | float):
        problems.append(Problem(path, "expected a number or a string", "type"))
        return None
    try:
        number = float(document)
    except OverflowError:  # JSON numbers are rounded; the nearest to these is infinite
        number = math.inf if document > 0 else -math.inf
    return _round(number, dtype)


def _parse_float_string(dtype: _Dtype, document: str, path: _Path, problems: list[Problem]) -> bytes | None:
    digits = 2 * dtype.itemsize
    if document in ("Infinity", "-Infinity"):
        return _round(float(document), dtype)
    if document == "NaN":
        document = "0x" + _STANDARD_NAN[dtype.itemsize]
    if re.fullmatch(f"0x[0-9a-fA-F]{{{digits}}}", document):
        return bytes.fromhex(document[2:])[::-1]
    message = f'expected "NaN", "Infinity", "-Infinity" or "0x" and {digits} hexadecimal digits'
    problems.append(Problem(path, message))
    return None


def _parse_complex(dtype: _Dtype, document: object, path: _Path, problems: list[Problem]) -> bytes | None:
    if not isinstance(document, list):
        problems.append(Problem(path, "expected a list of the real and the imaginary part", "type"))
        return None
    if len(document) != 2:
        problems.append(Problem(path, f"expected the real and the imaginary part, found {len(document)} values"))
        return None
    real, imag = (_parse_float(_component(dtype), part, (*path, i), problems) for i, part in enumerate(document))
    return None if real is None or imag is None else real + imag


def _parse_raw(dtype: _Dtype, document: object, path: _Path, problems: list[Problem]) -> bytes | None:
    if not isinstance(document, list):
        problems.append(Problem(path, "expected a list of bytes", "type"))
        return None
    if len(document) != dtype.itemsize:
        problems.append(Problem(path, f"expected {dtype.itemsize} bytes, found {len(document)}"))
        return None
    before = len(problems)
    for i, byte in enumerate(document):
        if isinstance(byte, bool) or not isinstance(byte, int):
            problems.append(Problem((*path, i), "expected an integer", "type"))
        elif not 0 <= byte <= 255:
            problems.append(Problem((*path, i), "expected an integer from 0 to 255"))
    return bytes(document) if len(problems) == before else None


_Parser: TypeAlias = Callable[[_Dtype, object, _Path, list[Problem]], bytes | None]
_PARSERS: Mapping[str, _Parser] = {
    "b": _parse_bool,
    "i": _parse_integer,
    "u": _parse_integer,
    "f": _parse_float,
    "c": _parse_complex,
    "V": _parse_raw,
}


# Numbers to bytes


def _round(number: float, dtype: _Dtype) -> bytes:
    if math.isnan(number):
        return bytes.fromhex(_STANDARD_NAN[dtype.itemsize])[::-1]
    with np.errstate(over="ignore", under="ignore"):
        return np.array(number, dtype).tobytes()


def _float_to_json(raw: bytes, dtype: _Dtype) -> float | str:
    value = np.frombuffer(raw, dtype)[0]
    if np.isnan(value):
        bits = raw[::-1].hex()
        return "NaN" if bits == _STANDARD_NAN[dtype.itemsize] else f"0x{bits}"
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    # Readers parse to float64 first, which rounds a few short decimals (7.038531e-26) to the wrong float32.
    shortest = float(str(value))
    return shortest if _round(shortest, dtype) == raw else float(value)


def _as_number(value: object) -> bool | int | float | complex | None:
    """`value` as the Python number equal to it; None if it is no number, or of more than 64 bits a part."""
    if isinstance(value, np.generic):
        exact = value.dtype.kind in "biu" or value.dtype in ("f2", "f4", "f8", "c8", "c16")
        value = value.item() if exact else None
    return value if isinstance(value, int | float | complex) else None


def _encode_number(dtype: _Dtype, number: complex | None, path: _Path, problems: list[Problem]) -> bytes | None:
    """The element equal to `number`, or, where a float loses digits only, nearest to it."""
    if number is None or dtype.kind == "V":
        problems.append(Problem(path, f"a value of this type is no fill value for {dtype.name}", "type"))
        return None
    if dtype.kind == "c":
        parts = (number.real, number.imag)
    elif isinstance(number, complex):
        problems.append(Problem(path, f"a complex number is no fill value for {dtype.name}", "type"))
        return None
    else:
        parts = (number,)
    encode = _encode_float if dtype.kind in "fc" else _encode_integer
    part_dtype = _component(dtype) if dtype.kind == "c" else dtype
    encoded = [encode(part_dtype, part) for part in parts]
    if None in encoded:
        problems.append(Problem(path, f"the number does not fit into {dtype.name}"))
        return None
    return b"".join(part for part in encoded if part is not None)


def _encode_integer(dtype: _Dtype, number: float) -> bytes | None:
    low, high = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    if not low <= number <= high or number != int(number):
        return None
    return int(number).to_bytes(dtype.itemsize, "little", signed=dtype.kind == "i")


def _encode_float(dtype: _Dtype, number: float) -> bytes | None:
    try:
        raw = _round(float(number), dtype)
    except OverflowError:
        return None
    rounded = np.frombuffer(raw, dtype)[0].item()
    if math.isinf(rounded) and rounded != number:
        return None
    return None if isinstance(number, int) and rounded != number else raw
