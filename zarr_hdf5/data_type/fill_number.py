"""Zarr core specification v3, "Permitted fill values", of numbers: JSON to the bytes of an element, every bit kept.

https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html#permitted-fill-values

Knows the little-endian bytes of one number of a numpy dtype: Python floats and numpy casts may quiet a signalling NaN
or drop its payload. Does not know how data types are named. A complex number is two floats, be it a structure of them.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from zarr_hdf5.data_type.low_precision import format_of
from zarr_hdf5.errors import Problem

__all__ = ["Path", "encode_number", "number_to_json", "parse_byte_list", "parse_number"]

Path: TypeAlias = tuple[str | int, ...]
_Dtype: TypeAlias = np.dtype[Any]

# "NaN" is exactly these bits; by itemsize.
_STANDARD_NAN = {2: "7e00", 4: "7fc00000", 8: "7ff8000000000000"}


def parse_number(dtype: _Dtype, document: object, path: Path, problems: list[Problem]) -> bytes | None:
    """The little-endian element that a JSON value stands for; None, with `problems` noted, where it stands for none."""
    return _PARSERS[_kind(dtype)](dtype, document, path, problems)


def number_to_json(dtype: _Dtype, raw: bytes) -> Any:
    """The shortest JSON that is parsed to exactly these bits; of floats of few bits, the exact number."""
    match _kind(dtype):
        case "f":
            return _float_to_json(raw, dtype)
        case "c":
            part = _component(dtype)
            return [_float_to_json(raw[i : i + part.itemsize], part) for i in (0, part.itemsize)]
        case _:
            return np.frombuffer(raw, dtype)[0].item()


def _kind(dtype: _Dtype) -> str:
    """One of numpy's letters for a bool, integers, floats and complex numbers; another for what is no number."""
    if dtype.names is not None:
        return "c"
    found = format_of(dtype)
    return dtype.kind if found is None else found.kind


def _component(dtype: _Dtype) -> _Dtype:
    """The float type of a complex type's two parts."""
    return np.dtype(f"<f{dtype.itemsize // 2}") if dtype.names is None else dtype[0]


def _standard_nan(dtype: _Dtype) -> str | None:
    """The hexadecimal digits of "NaN"; None where there is none."""
    found = format_of(dtype)
    if found is None:
        return _STANDARD_NAN[dtype.itemsize]
    return None if found.nan is None else f"{found.nan:0{2 * dtype.itemsize}x}"


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
    return _require(_round(number, dtype), dtype, path, problems)


def _parse_float_string(dtype: _Dtype, document: str, path: Path, problems: list[Problem]) -> bytes | None:
    digits = 2 * dtype.itemsize
    if document in ("NaN", "Infinity", "-Infinity"):
        return _require(_round(float(document), dtype), dtype, path, problems)
    if re.fullmatch(f"0x[0-9a-fA-F]{{{digits}}}", document):
        found = format_of(dtype)
        if found is None or int(document, 16) <= found.mask:
            return bytes.fromhex(document[2:])[::-1]
    message = f'expected "NaN", "Infinity", "-Infinity" or "0x" and {digits} hexadecimal digits'
    problems.append(Problem(path, message if format_of(dtype) is None else f"{message}, as far as {dtype.name} has it"))
    return None


def _require(raw: bytes | None, dtype: _Dtype, path: Path, problems: list[Problem]) -> bytes | None:
    if raw is None:
        problems.append(Problem(path, f"{dtype.name} has no such number"))
    return raw


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


def _round(number: float, dtype: _Dtype) -> bytes | None:
    """The element nearest to `number`, be it infinite; None where `dtype` has nothing of the kind."""
    if math.isnan(number):
        nan = _standard_nan(dtype)
        return None if nan is None else bytes.fromhex(nan)[::-1]
    found = format_of(dtype)
    if number == 0 and found is not None and not found.mantissa:
        return bytes(dtype.itemsize)  # float8_e8m0fnu, whose smallest number tensorstore calls 0.0
    with np.errstate(all="ignore"):
        element = np.array(number if found is None else _to_odd(number)).astype(dtype)
    # Without infinity, what is too large becomes NaN or the largest; without a sign, so does what is negative.
    if found is not None and not found.ieee and (np.isnan(element) or abs(number) > _largest(dtype)):
        return None
    return element.tobytes()


def _to_odd(number: float) -> "np.float32":
    """What rounds to fewer bits as `number` does: ml_dtypes rounds to float32 first, where two roundings may differ.

    Cut off instead, with the last bit set for what is lost.
    """
    near = np.float32(number)
    if float(near) == number:
        return near
    if abs(float(near)) > abs(number):
        near = np.nextafter(near, np.float32(0))
    return np.uint32(near.view(np.uint32) | 1).view(np.float32)


def _largest(dtype: _Dtype) -> float:
    """The largest number of a type of one byte."""
    return float(np.nanmax(np.arange(256, dtype=np.uint8).view(dtype).astype(np.float64)))


def _float_to_json(raw: bytes, dtype: _Dtype) -> float | str:
    value = np.frombuffer(raw, dtype)[0]
    with np.errstate(all="ignore"):  # of signalling NaNs
        is_nan, is_infinite = np.isnan(value), np.isinf(value)
    if is_nan:
        bits = raw[::-1].hex()
        return "NaN" if bits == _standard_nan(dtype) else f"0x{bits}"
    if is_infinite:
        return "Infinity" if value > 0 else "-Infinity"
    found = format_of(dtype)
    if found is not None:
        # tensorstore takes numbers of float8_e8m0fnu, all powers of two, for others.
        return float(value) if found.mantissa else f"0x{raw[::-1].hex()}"
    # Readers parse to float64 first, which rounds a few short decimals (7.038531e-26) to the wrong float32.
    shortest = float(str(value))
    return shortest if _round(shortest, dtype) == raw else float(value)


def encode_number(dtype: _Dtype, number: complex | None, path: Path, problems: list[Problem]) -> bytes | None:
    """The element equal to `number`, or, where a float loses digits only, nearest to it."""
    kind, name = _kind(dtype), dtype.name if dtype.names is None else f"complex numbers of {dtype[0].name}"
    if number is None or kind not in "biufc":
        problems.append(Problem(path, f"a value of this type is no fill value for {name}", "type"))
        return None
    if kind == "c":
        parts = (number.real, number.imag)
    elif isinstance(number, complex):
        problems.append(Problem(path, f"a complex number is no fill value for {name}", "type"))
        return None
    else:
        parts = (number,)
    encode = _encode_float if kind in "fc" else _encode_integer
    part_dtype = _component(dtype) if kind == "c" else dtype
    encoded = [encode(part_dtype, part) for part in parts]
    if None in encoded:
        problems.append(Problem(path, f"the number does not fit into {name}"))
        return None
    return b"".join(part for part in encoded if part is not None)


def _encode_integer(dtype: _Dtype, number: float) -> bytes | None:
    found = format_of(dtype)
    bits = (1 if dtype.kind == "b" else 8 * dtype.itemsize) if found is None else found.bits
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if _kind(dtype) == "i" else (0, (1 << bits) - 1)
    if not low <= number <= high or number != int(number):
        return None
    return (int(number) & (1 << bits) - 1).to_bytes(dtype.itemsize, "little")


def _encode_float(dtype: _Dtype, number: float) -> bytes | None:
    try:
        raw = _round(float(number), dtype)
    except OverflowError:
        return None
    if raw is None:
        return None
    rounded = np.frombuffer(raw, dtype)[0].item()
    if math.isinf(rounded) and rounded != number:
        return None
    return None if isinstance(number, int) and rounded != number else raw
