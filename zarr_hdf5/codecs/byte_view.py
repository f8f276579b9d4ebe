"""One look at every kind of buffer: a flat memoryview of its bytes, without a copy.

Knows buffers; knows nothing of any codec.
"""

import numpy as np

from zarr_hdf5.codecs.protocol import Buffer
from zarr_hdf5.errors import CorruptDataError

__all__ = ["byte_view", "check_room"]


def byte_view(buffer: Buffer) -> "memoryview[int]":
    """The bytes of `buffer`, flat; an ndarray must be C-contiguous."""
    if isinstance(buffer, np.ndarray):
        # Not straight from the array: a memoryview knows no datetime64, and cannot be cast when a dimension is 0.
        buffer = buffer.reshape(-1).view(np.uint8).data
    return memoryview(buffer).cast("B")


def check_room(nbytes: int, max_nbytes: int, codec: str) -> None:
    """Raise CorruptDataError where decoding would give `nbytes` bytes, more than `max_nbytes`."""
    if nbytes > max_nbytes:
        raise CorruptDataError(
            "decoded data are longer than they may be",
            structure=codec,
            expected=f"at most {max_nbytes} bytes",
            found=f"{nbytes} bytes",
        )
