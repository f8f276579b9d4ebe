"""Integers and floats of few bits, which numpy has from the package ml_dtypes, and complex numbers of such floats.

https://github.com/zarr-developers/zarr-extensions/tree/main/data-types: int2, int4, uint2, uint4, float4_e2m1fn, ...,
bfloat16, complex_float16, ... Of `float8_e4m3fn`, which is not registered, tensorstore is the source.

An element of fewer than 8 bits is a byte whose upper bits mean nothing. A complex number is a structure of "r" and "i",
as h5py calls them: numpy has no complex type for it. Knows bits; knows no JSON.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import UnsupportedFeatureError

__all__ = [
    "COMPLEX",
    "FORMATS",
    "PARTS",
    "NumberFormat",
    "as_integers",
    "cast",
    "complex_elements",
    "component",
    "format_of",
    "has_low_precision",
    "in_byte_order",
    "low_precision_dtype",
    "name_of",
    "widened",
]

PARTS = ("r", "i")
"""Fields of a complex number."""


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """What the lowest `bits` bits of an element mean.

    kind
        "i", "u" and "f", as in numpy: signed and unsigned integers, floats.
    mantissa, bias
        Of floats: bits of the mantissa, the lowest; what is subtracted from the exponent, which lies above it. Above
        that is the sign.
    nan
        The bits of the one "NaN" in JSON; None where there is none.
    ieee
        Whether the largest exponent means infinity and NaN, as in IEEE 754. Then HDF5 reads the same numbers.
    """

    kind: Literal["i", "u", "f"]
    bits: int
    mantissa: int = 0
    bias: int = 0
    nan: int | None = None
    ieee: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of an element."""
        return -(-self.bits // 8)

    @property
    def mask(self) -> int:
        """The bits that mean something, all set."""
        return (1 << self.bits) - 1


FORMATS: Mapping[str, NumberFormat] = MappingProxyType(
    {
        "int2": NumberFormat("i", 2),
        "int4": NumberFormat("i", 4),
        "uint2": NumberFormat("u", 2),
        "uint4": NumberFormat("u", 4),
        "float4_e2m1fn": NumberFormat("f", 4, 1, 1),
        "float6_e2m3fn": NumberFormat("f", 6, 3, 1),
        "float6_e3m2fn": NumberFormat("f", 6, 2, 3),
        "float8_e3m4": NumberFormat("f", 8, 4, 3, 0x78, ieee=True),
        "float8_e4m3": NumberFormat("f", 8, 3, 7, 0x7C, ieee=True),
        "float8_e4m3b11fnuz": NumberFormat("f", 8, 3, 11, 0x80),
        "float8_e4m3fn": NumberFormat("f", 8, 3, 7, 0x7F),
        "float8_e4m3fnuz": NumberFormat("f", 8, 3, 8, 0x80),
        "float8_e5m2": NumberFormat("f", 8, 2, 15, 0x7E, ieee=True),
        "float8_e5m2fnuz": NumberFormat("f", 8, 2, 16, 0x80),
        "float8_e8m0fnu": NumberFormat("f", 8, 0, 127, 0xFF),
        "bfloat16": NumberFormat("f", 16, 7, 127, 0x7FC0, ieee=True),
    }
)
"""By name: Zarr's, which is also that of the numpy scalar type."""

COMPLEX: Mapping[str, str] = MappingProxyType(
    {
        "complex_float32": "complex64",
        "complex_float64": "complex128",
        "complex_float16": "float16",
        **{f"complex_{name}": name for name, form in FORMATS.items() if form.kind == "f" and name != "float8_e4m3fn"},
    }
)
"""Complex types: the core type that is the very same, or the type of the two parts."""
_ML_COMPLEX = {"complex32": "complex_float16", "bcomplex32": "complex_bfloat16"}


def low_precision_dtype(name: str) -> np.dtype[Any] | None:
    """The numpy dtype of a type of this name, None for other names.

    Raises UnsupportedFeatureError if ml_dtypes is needed, and is not installed or too old to have it.
    """
    if name in FORMATS:
        return _from_ml_dtypes(name)
    part = COMPLEX.get(name)
    if part is None:
        return None
    dtype: np.dtype[Any] = _from_ml_dtypes(part) if part in FORMATS else np.dtype(part).newbyteorder("<")
    return dtype if dtype.kind == "c" else np.dtype([(field, dtype) for field in PARTS])


def _from_ml_dtypes(name: str) -> np.dtype[Any]:
    try:
        found: np.dtype[Any] = np.dtype(getattr(importlib.import_module("ml_dtypes"), name))
    except (ImportError, AttributeError) as error:
        raise UnsupportedFeatureError(f"data type {name} needs the package ml_dtypes: zarr-hdf5[ml]") from error
    return found


def name_of(dtype: np.dtype[Any]) -> str | None:
    """The name of the type that ml_dtypes' dtype is in Zarr; None for other dtypes."""
    if dtype.isbuiltin != 2:
        return None
    name = dtype.type.__name__
    return name if name in FORMATS else _ML_COMPLEX.get(name)


def format_of(dtype: np.dtype[Any]) -> NumberFormat | None:
    """The format of a number of few bits; None for other dtypes."""
    # 2 is numpy's word for types from outside.
    return FORMATS.get(dtype.type.__name__) if dtype.isbuiltin == 2 else None


def component(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """The type of the two parts, if the dtype is a complex type's as here; else None."""
    if dtype.names != PARTS or dtype["r"] != dtype["i"] or dtype.itemsize != 2 * dtype["r"].itemsize:
        return None
    found = format_of(dtype["r"])
    is_float = dtype["r"] == np.dtype("<f2") if found is None else found.kind == "f"
    return dtype["r"] if is_float else None


def complex_elements(value: npt.ArrayLike, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Numbers, or pairs of parts, as elements of a complex type that is a structure: numpy does not cast to that."""
    leaf = value
    while isinstance(leaf, list) and leaf:
        leaf = leaf[0]
    found = np.asarray(value, dtype if isinstance(leaf, tuple) else None)
    if found.dtype.names is not None:
        return found
    if name_of(found.dtype) in _ML_COMPLEX.values():
        found = found.astype(np.complex64)
    elements = np.empty(found.shape, dtype)
    for field, part in zip(PARTS, (found.real, found.imag), strict=True):
        elements[field] = part
    return elements


def has_low_precision(dtype: np.dtype[Any]) -> bool:
    """Whether elements, or parts of them, are numbers of few bits."""
    if dtype.subdtype is not None:
        return has_low_precision(dtype.subdtype[0])
    return format_of(dtype) is not None or any(has_low_precision(dtype[name]) for name in dtype.names or ())


@lru_cache(maxsize=128)
def as_integers(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The same layout with unsigned integers for numbers of few bits, whose byte order numpy does not handle.

    The same where there are none.
    """
    return _replaced(dtype, lambda number, found: _like(number, f"u{found.nbytes}"), packed=False)


@lru_cache(maxsize=128)
def widened(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The same fields, packed, with one of numpy's own types for numbers of few bits: float32, int8 or uint8.

    These hold all of their values. The same where there are no such numbers.
    """
    codes = {"f": "f4", "i": "i1", "u": "u1"}
    return _replaced(dtype, lambda number, found: _like(number, codes[found.kind]), packed=True)


def in_byte_order(dtype: np.dtype[Any], order: Literal["<", ">"]) -> np.dtype[Any]:
    """The same in that byte order. Single bytes have none, though ml_dtypes' dtypes do."""
    ordered = dtype.newbyteorder(order)
    return _replaced(ordered, lambda number, found: number if found.nbytes > 1 else np.dtype(number.type), packed=False)


def cast(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """`values` as `dtype`: numpy's cast, which mixes up byte orders of ml_dtypes' types within structures."""
    if not (has_low_precision(values.dtype) or has_low_precision(dtype)):
        return values.astype(dtype, copy=False)
    native = _reordered(values, in_byte_order(values.dtype, "<"))
    return _reordered(native.astype(in_byte_order(dtype, "<"), copy=False), dtype)


def _reordered(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Elements of the same type in another byte order."""
    return values.view(as_integers(values.dtype)).astype(as_integers(dtype), copy=False).view(dtype)


def _like(number: np.dtype[Any], code: str) -> np.dtype[Any]:
    return np.dtype(code).newbyteorder(">" if number.byteorder == ">" else "<")


def _replaced(
    dtype: np.dtype[Any], replace: Callable[[np.dtype[Any], NumberFormat], np.dtype[Any]], *, packed: bool
) -> np.dtype[Any]:
    if not has_low_precision(dtype):
        return dtype
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return np.dtype((_replaced(base, replace, packed=packed), shape))
    found = format_of(dtype)
    if found is not None:
        return replace(dtype, found)
    names, fields = list(dtype.names or ()), dict(dtype.fields or {})
    layout: Any = {"names": names, "formats": [_replaced(dtype[n], replace, packed=packed) for n in names]}
    if not packed:
        layout |= {"offsets": [fields[n][1] for n in names], "itemsize": dtype.itemsize}
    replaced: np.dtype[Any] = np.dtype(layout)
    return replaced
