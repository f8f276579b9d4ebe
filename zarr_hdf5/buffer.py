"""Bytes in memory, whoever holds them, and one way of looking at them."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Buffer", "byte_view"]

Buffer: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[Any]
"""An ndarray is taken as its elements in C order, in its own byte order."""


def byte_view(buffer: Buffer) -> "memoryview[int]":
    """The bytes of `buffer`, flat; without a copy if it is C-contiguous."""
    if isinstance(buffer, np.ndarray):
        # Not straight from the array: a memoryview knows no datetime64, and cannot be cast when a dimension is 0.
        buffer = np.ascontiguousarray(buffer).reshape(-1).view(np.uint8).data
    view = memoryview(buffer)
    return view.cast("B") if view.nbytes else memoryview(b"")
