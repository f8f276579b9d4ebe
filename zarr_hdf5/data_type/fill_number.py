"""Zarr core specification v3, "Permitted fill values", of numbers: JSON to the bytes of an element, every bit kept.

https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html#permitted-fill-values

Knows the little-endian bytes of one number of a numpy dtype: Python floats and numpy casts may quiet a signalling NaN
or drop its payload. Does not know how data types are named.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from zarr_hdf5.errors import Problem

__all__ = ["Path", "encode_number", "number_to_json", "parse_byte_list", "parse_number"]

Path: TypeAlias = tuple[str | int, ...]
_Dtype: TypeAlias = np.dtype[Any]

# "NaN" is exactly these bits; by itemsize.
_STANDARD_NAN = {2: "7e00", 4: "7fc00000", 8: "7ff8000000000000"}


def parse_number(dtype: _Dtype, document: object, path: Path, problems: list[Problem]) -> bytes | None:
    """The little-endian element that a JSON value stands for; None, with `problems` noted, where it stands for none."""
    return _PARSERS[dtype.kind](dtype, document, path, problems)


def number_to_json(dtype: _Dtype, raw: bytes) -> Any:
    """The shortest JSON that is parsed to exactly these bits."""
    match dtype.kind:
        case "f":
            return _float_to_json(raw, dtype)
        case "c":
            part = _component(dtype)
            return [_float_to_json(raw[i : i + part.itemsize], part) for i in (0, part.itemsize)]
        case _:
            return np.frombuffer(raw, dtype)[0].item()


def _component(dtype: _Dtype) -> _Dtype:
    """The float type of a complex type's two parts."""
    return np.dtype(f"<f{dtype.itemsize // 2}")


def _parse_bool(dtype: _Dtype, document: object, path: Path, problems: list[Problem]) -> bytes | None:
    if isinstance(document, bool):
        return bytes([document])
    problems.append(Problem(path, "expected true or false", "type"))
    return None


def _parse_integer(dtype: _Dtype, document: object, path: Path, problems: list[Problem]) -> bytes | None:
    if isinstance(document, int) and not isinstance(document, bool):
        return encode_number(dtype, document, path, problems)
    problems.append(Problem(path, "expected an integer", "type"))
    return None


def _parse_float(dtype: _Dtype, document: object, path: Path, problems: list[Problem]) -> bytes | None:
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


def _parse_float_string(dtype: _Dtype, document: str, path: Path, problems: list[Problem]) -> bytes | None:
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


def _parse_complex(dtype: _Dtype, document: object, path: Path, problems: list[Problem]) -> bytes | None:
    if not isinstance(document, list):
        problems.append(Problem(path, "expected a list of the real and the imaginary part", "type"))
        return None
    if len(document) != 2:
        problems.append(Problem(path, f"expected the real and the imaginary part, found {len(document)} values"))
        return None
    real, imag = (_parse_float(_component(dtype), part, (*path, i), problems) for i, part in enumerate(document))
    return None if real is None or imag is None else real + imag


def parse_byte_list(document: list[Any], path: Path, problems: list[Problem]) -> bytes | None:
    """Bytes as a list of integers."""
    before = len(problems)
    for i, byte in enumerate(document):
        if isinstance(byte, bool) or not isinstance(byte, int):
            problems.append(Problem((*path, i), "expected an integer", "type"))
        elif not 0 <= byte <= 255:
            problems.append(Problem((*path, i), "expected an integer from 0 to 255"))
    return bytes(document) if len(problems) == before else None


_Parser: TypeAlias = Callable[[_Dtype, object, Path, list[Problem]], bytes | None]
_PARSERS: Mapping[str, _Parser] = {
    "b": _parse_bool,
    "i": _parse_integer,
    "u": _parse_integer,
    "f": _parse_float,
    "c": _parse_complex,
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


def encode_number(dtype: _Dtype, number: complex | None, path: Path, problems: list[Problem]) -> bytes | None:
    """The element equal to `number`, or, where a float loses digits only, nearest to it."""
    if number is None or dtype.kind not in "biufc":
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
