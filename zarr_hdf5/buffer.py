"""Bytes in memory, whoever holds them, and one way of looking at them."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Buffer", "Buffers", "as_list", "as_rows", "byte_view"]

Buffer: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[Any]
"""An ndarray is taken as its elements in C order, in its own byte order."""

Buffers: TypeAlias = Sequence[Buffer] | npt.NDArray[np.uint8]
"""Several, one after the other; as an ndarray, (n, nbytes), whose rows are contiguous."""


def byte_view(buffer: Buffer) -> "memoryview[int]":
    """The bytes of `buffer`, flat; without a copy if it is C-contiguous."""
    if isinstance(buffer, np.ndarray):
        # Not straight from the array: a memoryview knows no datetime64, and cannot be cast when a dimension is 0.
        buffer = np.ascontiguousarray(buffer).reshape(-1).view(np.uint8).data
    view = memoryview(buffer)
    if view.format == "B" and view.ndim == 1:
        return view
    return view.cast("B") if view.nbytes else memoryview(b"")


def as_list(buffers: Buffers) -> Sequence[Buffer]:
    """Rows as buffers of their own, which are views."""
    if not isinstance(buffers, np.ndarray):
        return buffers
    data, nbytes = byte_view(buffers), buffers.shape[1]
    return [data[start : start + nbytes] for start in range(0, len(data), nbytes)] if nbytes else [b""] * len(buffers)


def as_rows(buffers: Buffers) -> npt.NDArray[np.uint8]:
    """(n, nbytes): buffers of one length as rows; without a copy if there is only one. Raises ValueError for others."""
    if isinstance(buffers, np.ndarray):
        return buffers
    if len(buffers) == 1:
        view = byte_view(buffers[0])
        return np.frombuffer(view, np.uint8)[np.newaxis] if view.nbytes else np.empty((1, 0), np.uint8)
    views = [buffer if isinstance(buffer, bytes) else byte_view(buffer) for buffer in buffers]
    lengths = set(map(len, views))
    if len(lengths) > 1:
        raise ValueError(f"buffers of different lengths, from {min(lengths)} to {max(lengths)} bytes")
    return np.frombuffer(b"".join(views), np.uint8).reshape(len(views), *lengths)
