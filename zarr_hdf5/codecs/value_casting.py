"""From the numbers of one data type to those of another, rounded and bounded as asked for: arithmetic of `cast_value`.

The number in the new type that comes nearest to the old one in the asked direction is found with one rounding only,
whatever numpy's own conversions do in between. Shorter floats are computed with as float32, or where a difference has
to be exact as float64, which hold all of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.codecs.numbers import bits_of, int_bounds, is_foreign, kind_of, native

__all__ = ["OUT_OF_RANGE", "ROUNDINGS", "Casting", "cast"]

ROUNDINGS = ("nearest-even", "towards-zero", "towards-positive", "towards-negative", "nearest-away")
OUT_OF_RANGE = ("clamp", "wrap")

Numbers = npt.NDArray[Any]
DType = np.dtype[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Casting:
    """`rounding` is one of `ROUNDINGS`; `out_of_range` one of `OUT_OF_RANGE`, or None where that is an error.

    Clamped floats become infinite where the type has infinity, as zarr-python and zarrs have it.
    """

    rounding: str = "nearest-even"
    out_of_range: str | None = None


def cast(array: Numbers, dtype: DType, casting: Casting) -> Numbers:
    """The numbers as `dtype`; both of kind i, u or f. Raises ValueError for those that have no place in it.

    Infinity and NaN are no integers, whatever `casting` says.
    """
    wanted = native(dtype)
    numbers = array.astype(native(array.dtype), copy=False)
    if not numbers.size:
        return np.empty(array.shape, dtype)
    floats = kind_of(numbers.dtype) == "f"
    if kind_of(wanted) == "f":
        found = _to_floats(numbers, wanted, casting)
    elif floats:
        shorter = is_foreign(numbers.dtype) or numbers.dtype.itemsize < 4
        found = _to_integers(numbers.astype(np.float32) if shorter else numbers, wanted, casting)
    else:
        found = _between_integers(_as_numpy_integers(numbers), wanted, casting)
    return found.astype(dtype, copy=False)


def _as_float64(numbers: Numbers) -> Numbers:
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return numbers.astype(np.float64, copy=False)


def _as_numpy_integers(numbers: Numbers) -> Numbers:
    return numbers.astype(np.int64) if is_foreign(numbers.dtype) else numbers


# To integers


def _between_integers(integers: Numbers, dtype: DType, casting: Casting) -> Numbers:
    low, high = int_bounds(dtype)
    least, greatest = int(integers.min()), int(integers.max())
    if low <= least and greatest <= high:
        return integers.astype(dtype)
    if casting.out_of_range == "clamp":
        limits = np.iinfo(integers.dtype)
        return np.clip(integers, max(low, limits.min), min(high, limits.max)).astype(dtype)
    if casting.out_of_range == "wrap":
        return _wrapped(integers.astype(np.int64), dtype)
    raise _no_place(least if least < low else greatest, dtype)


def _wrapped(integers: npt.NDArray[np.int64], dtype: DType) -> Numbers:
    """Modulo 2 to the power of the bits of `dtype`; int64 wraps by itself where it comes from uint64 or goes there."""
    if not is_foreign(dtype):
        return integers.astype(dtype)
    bits = bits_of(dtype)
    lowest = integers & ((1 << bits) - 1)
    return np.where(lowest > int_bounds(dtype)[1], lowest - (1 << bits), lowest).astype(dtype)


def _to_integers(floats: Numbers, dtype: DType, casting: Casting) -> Numbers:
    if not np.isfinite(floats).all():
        raise ValueError(f"{floats[~np.isfinite(floats)].flat[0]} is no {dtype}")
    whole = _round(floats, casting.rounding)
    low, high = int_bounds(dtype)
    below, above = whole < low, whole >= float(high + 1)  # powers of two, which floats hold exactly
    outside = below | above
    if not outside.any():
        return _exact_integers(whole, dtype)
    if casting.out_of_range == "clamp":
        found = _exact_integers(np.where(outside, 0, whole), dtype)
        found[below], found[above] = low, high
        return found
    if casting.out_of_range == "wrap":
        modulus = 2.0 ** bits_of(dtype)
        rest = np.fmod(whole, modulus)
        rest = np.where(rest >= modulus / 2, rest - modulus, np.where(rest < -modulus / 2, rest + modulus, rest))
        return _wrapped(rest.astype(np.int64), dtype)
    raise _no_place(floats[outside].flat[0], dtype)


def _exact_integers(whole: Numbers, dtype: DType) -> Numbers:
    return whole.astype(np.int64).astype(dtype) if is_foreign(dtype) else whole.astype(dtype)


def _round(floats: Numbers, rounding: str) -> Numbers:
    match rounding:
        case "nearest-even":
            return np.rint(floats)
        case "towards-zero":
            return np.trunc(floats)
        case "towards-positive":
            return np.ceil(floats)
        case "towards-negative":
            return np.floor(floats)
    whole = np.trunc(floats)
    return np.where(np.abs(floats - whole) >= 0.5, whole + np.copysign(1, floats), whole)


# To floats


def _to_floats(numbers: Numbers, dtype: DType, casting: Casting) -> Numbers:
    exact = _as_float64(numbers) if kind_of(numbers.dtype) == "f" else _as_numpy_integers(numbers)
    if dtype == np.float64 and exact.dtype == np.float64:
        return exact
    low, high = _float_bounds(dtype)
    outside = _overflow(exact, dtype, low, high, casting.rounding)
    if outside.any() and casting.out_of_range != "clamp":
        raise _no_place(exact[outside].flat[0], dtype)
    if np.isnan(exact).any() and not _has(dtype, np.nan):
        raise ValueError(f"NaN is no {dtype}")
    within = np.where(np.isfinite(exact), np.clip(exact, low, high), exact) if exact.dtype == np.float64 else exact
    found = _nearby(within, dtype, casting.rounding)
    if outside.any():
        ends = (-np.inf, np.inf) if _has(dtype, np.inf) else (low, high)
        found[outside] = np.where(exact[outside] < 0, *np.array(ends).astype(dtype))
    return found


def _overflow(exact: Numbers, dtype: DType, low: float, high: float, rounding: str) -> Mask:
    """Where a number is, once rounded as if exponents had no bounds, beyond the outermost ones."""
    excess = np.abs(exact.astype(np.float64)) - high
    if not (excess > 0).any() and low < 0:
        return np.zeros(exact.shape, np.bool_)
    outermost = np.array([high]).astype(dtype)
    unit = high - float(np.nextafter(outermost, np.zeros(1, dtype)).astype(np.float64)[0])
    odd = outermost.view(f"u{dtype.itemsize}")[0] & 1
    outward = np.asarray((exact > 0) if rounding == "towards-positive" else (exact < 0))
    match rounding:
        case "nearest-even":
            beyond = (excess >= unit / 2) if odd else (excess > unit / 2)
        case "nearest-away":
            beyond = excess >= unit / 2
        case "towards-zero":
            beyond = excess >= unit
        case _:
            beyond = np.where(outward, excess > 0, excess >= unit)
    infinite = np.isinf(exact)
    beyond = np.where(infinite, not _has(dtype, np.inf), beyond)
    return np.asarray(beyond | (exact < low) if low > 0 else beyond)


def _nearby(exact: Numbers, dtype: DType, rounding: str) -> Numbers:
    """Numbers within the bounds of `dtype`, rounded once."""
    with np.errstate(all="ignore"):
        found: Numbers = exact.astype(dtype)
        # numpy's own types it rounds to once, and to the nearest even number.
        if rounding == "nearest-even" and not is_foreign(dtype):
            return found
        error = _difference(exact, _as_float64(found))
        low, high = _float_bounds(dtype)
        other = np.nextafter(found, np.where(error > 0, high, low).astype(dtype))
        return np.where((error != 0) & _is_asked_for(other, found, error, rounding), other, found)


def _is_asked_for(other: Numbers, found: Numbers, error: Numbers, rounding: str) -> Mask:
    """Where `other`, behind the exact number as seen from `found`, is to be taken; the number is `found + error`."""
    near, far = _as_float64(found), _as_float64(other)
    match rounding:
        case "towards-positive":
            return np.asarray(error > 0)
        case "towards-negative":
            return np.asarray(error < 0)
        case "towards-zero":
            return np.asarray(np.abs(far) < np.abs(near))
    gap, twice = np.abs(far - near), 2 * np.abs(error)
    if rounding == "nearest-away":
        tie = np.abs(far) > np.abs(near)
    else:
        tie = (found.view(f"u{found.dtype.itemsize}") & 1).astype(np.bool_)
    return np.asarray((twice > gap) | ((twice == gap) & tie))


def _difference(numbers: Numbers, near: Numbers) -> Numbers:
    """`numbers - near`, exactly, as float64; `near` is a neighbour of each. 0 for infinity and NaN."""
    if numbers.dtype.kind == "f":
        return np.where(np.isfinite(numbers), numbers - near, 0)
    # 64 bits do not fit into a float64: first the upper half, of which hardly anything is left.
    lower = numbers & numbers.dtype.type(min(0xFFFFFFFF, np.iinfo(numbers.dtype).max))
    upper = numbers - lower
    return np.asarray((upper.astype(np.float64) - near) + lower.astype(np.float64))


def _float_bounds(dtype: DType) -> tuple[float, float]:
    """The least and the greatest finite number."""
    if dtype.itemsize == 1:
        numbers = _as_float64(np.arange(1 << bits_of(dtype), dtype=np.uint8).view(dtype))
        finite = numbers[np.isfinite(numbers)]
        return float(finite.min()), float(finite.max())
    if not is_foreign(dtype):
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    greatest = float.fromhex("0x1.fep127")  # bfloat16, of which every other bit is that of a float32
    return -greatest, greatest


def _has(dtype: DType, number: float) -> bool:
    """Whether the type has infinity, or NaN."""
    with np.errstate(all="ignore"):
        found = float(_as_float64(np.array([number]).astype(dtype))[0])
    return found == number or (number != number and found != found)


def _no_place(number: Any, dtype: DType) -> ValueError:
    return ValueError(f"{number} is out of the range of {dtype}")
