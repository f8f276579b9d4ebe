"""Streams that are decoded up to what is wanted: what comes before has to be decoded, what comes after has not."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from zarr_hdf5.codecs.protocol import Wanted
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.scratch import Allocate

__all__ = ["decode_begins"]

MIN_NBYTES = 128 << 10
"""Shorter streams are decoded as a whole: many of them take one step, and most are but one block."""
PIECE_NBYTES = 32 << 10
WORTHWHILE = 0.8
"""Where more than this is wanted, decoding all is faster."""


def decode_begins(
    views: "Sequence[memoryview[int]]",
    nbytes: int,
    wanted: Wanted,
    read: "Callable[[memoryview[int], memoryview[int]], int]",
    allocate: Allocate,
) -> npt.NDArray[np.uint8] | None:
    """Rows of `nbytes`, (n, nbytes), of which the begin is right; None where all should be decoded.

    Parameters
    ----------
    read
        Fills the second with what the stream in the first begins with, and returns how many bytes that were.

    Raises
    ------
    CorruptDataError
        If a stream is too short. Also whatever `read` raises.
    """
    if nbytes <= MIN_NBYTES:
        return None
    which = wanted.blocks(PIECE_NBYTES)
    pieces = np.where(which, np.arange(1, len(which[0]) + 1), 0).max(axis=1)
    if pieces.sum() > WORTHWHILE * which.size:
        return None
    rows = allocate(len(views) * nbytes).reshape(len(views), nbytes)
    for view, row, length in zip(views, rows, (pieces * PIECE_NBYTES).tolist(), strict=True):
        begin = row.data[:length]
        found = read(view, begin) if length else 0
        if found != len(begin):
            raise CorruptDataError("compressed data end too early", expected=len(begin), found=found)
    return rows
