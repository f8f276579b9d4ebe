"""What the numbers of a dtype are made of: their kind, and how many bits mean anything.

numpy's own kinds do not tell numbers of few bits (bfloat16, int4, ...).
"""

from typing import Any

import numpy as np

from zarr_hdf5.data_type import component, format_of
from zarr_hdf5.errors import UnsupportedFeatureError

__all__ = ["bits_of", "check_kind", "component_of", "int_bounds", "is_foreign", "kind_of", "native"]

DType = np.dtype[Any]


def native(dtype: DType) -> DType:
    """The same dtype in this machine's byte order."""
    return dtype.newbyteorder("=")


def is_foreign(dtype: DType) -> bool:
    """Whether these are another package's numbers, of which numpy itself knows only the size."""
    return format_of(dtype) is not None


def kind_of(dtype: DType) -> str:
    """numpy's letter: b, i, u, f, c, m, M; of numbers of few bits i, u or f. "" for what is no number."""
    found = format_of(dtype)
    if found is not None:
        return found.kind
    return dtype.kind if dtype.kind in "biufcmM" else ""


def component_of(dtype: DType) -> tuple[DType, int]:
    """The dtype of a number's components and how many there are: two of a complex number, one of any other."""
    if dtype.kind == "c":
        return np.dtype(f"{dtype.byteorder}f{dtype.itemsize // 2}"), 2
    part = component(dtype)
    return (dtype, 1) if part is None else (part, 2)


def bits_of(dtype: DType) -> int:
    """Bits of a component that mean something: 1 of a bool, 4 of an int4, which takes a byte in memory."""
    if dtype.kind == "b":
        return 1
    found = format_of(dtype)
    return 8 * dtype.itemsize if found is None else found.bits


def int_bounds(dtype: DType) -> tuple[int, int]:
    """Least and greatest integer."""
    bits = bits_of(dtype)
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind_of(dtype) == "i" else (0, (1 << bits) - 1)


def check_kind(codec: str, dtype: DType, kinds: str) -> None:
    """Raise UnsupportedFeatureError unless the numbers are of one of `kinds`."""
    if not kind_of(dtype) or kind_of(dtype) not in kinds:
        raise UnsupportedFeatureError(f"{codec} does not apply to {dtype}")
