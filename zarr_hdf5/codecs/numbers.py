"""What the numbers of a dtype are made of: their kind, and how many bits mean anything.

numpy's own kinds do not tell the dtypes that other packages bring along (bfloat16, int4, ...); their names say it all.
"""

import re
from typing import Any

import numpy as np

from zarr_hdf5.errors import UnsupportedFeatureError

__all__ = ["bits_of", "check_kind", "component_of", "int_bounds", "is_foreign", "kind_of", "native"]

DType = np.dtype[Any]

_REGISTERED = 2  # `isbuiltin` of a dtype that was added to numpy's own
_FOREIGN = re.compile(r"(int|uint|b?float)(\d+)(?:_e\d+m\d+\w*)?")


def native(dtype: DType) -> DType:
    """The same dtype in this machine's byte order."""
    return dtype.newbyteorder("=")


def is_foreign(dtype: DType) -> bool:
    """Whether these are another package's numbers, of which numpy itself knows only the size."""
    return dtype.isbuiltin == _REGISTERED and bool(_FOREIGN.fullmatch(dtype.name))


def kind_of(dtype: DType) -> str:
    """numpy's letter: b, i, u, f, c, m, M; those of other packages are i, u or f. "" for what is no number."""
    if is_foreign(dtype):
        return {"int": "i", "uin": "u"}.get(dtype.name[:3], "f")
    return dtype.kind if dtype.kind in "biufcmM" else ""


def component_of(dtype: DType) -> tuple[DType, int]:
    """The dtype of a number's components and how many there are: two of a complex number, one of any other.

    A complex number of floats that numpy has no complex dtype for is a structure of such floats, `r` and `i`.
    """
    if dtype.kind == "c":
        return np.dtype(f"{dtype.byteorder}f{dtype.itemsize // 2}"), 2
    if dtype.names == ("r", "i") and dtype["r"] == dtype["i"] and dtype.itemsize == 2 * dtype["r"].itemsize:
        return dtype["r"], 2
    return dtype, 1


def bits_of(dtype: DType) -> int:
    """Bits of a component that mean something: 1 of a bool, 4 of an int4, which takes a byte in memory."""
    if dtype.kind == "b":
        return 1
    match = _FOREIGN.fullmatch(dtype.name) if is_foreign(dtype) else None
    return int(match[2]) if match else 8 * dtype.itemsize


def int_bounds(dtype: DType) -> tuple[int, int]:
    """Least and greatest integer."""
    bits = bits_of(dtype)
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind_of(dtype) == "i" else (0, (1 << bits) - 1)


def check_kind(codec: str, dtype: DType, kinds: str) -> None:
    """Raise UnsupportedFeatureError unless the numbers are of one of `kinds`."""
    if not kind_of(dtype) or kind_of(dtype) not in kinds:
        raise UnsupportedFeatureError(f"{codec} does not apply to {dtype}")
