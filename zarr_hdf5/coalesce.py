"""Fewer, longer reads for many byte ranges. Pure arithmetic: knows ranges, neither stores nor chunks."""

import numpy as np
import numpy.typing as npt

from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import CorruptDataError

__all__ = ["coalesce"]

_MOST = (1 << 63) - 1


def coalesce(
    offsets: npt.NDArray[np.int64],
    nbytes: npt.NDArray[np.int64],
    *,
    max_gap: int = 4096,
    max_nbytes: int = 64 << 20,
) -> tuple[list[ByteRange], npt.NDArray[np.intp]]:
    """Merge ranges of one object, given in any order and possibly overlapping, into few runs.

    Parameters
    ----------
    offsets, nbytes
        Shape (n,): where each range begins and how long it is, in bytes.
    max_gap
        Unwanted bytes between two ranges that are read along rather than skipped.
    max_nbytes
        No run is longer, unless one range alone is.

    Returns
    -------
    runs
        Ascending by offset.
    run_of
        Shape (n,): the index of the run that holds each range, whole.

    Raises
    ------
    CorruptDataError
        If a range is negative, or ends past what 64 bits can say.
    """
    count = len(offsets)
    if not count:
        return [], np.empty(0, np.intp)
    if offsets.min() < 0 or nbytes.min() < 0 or (nbytes > _MOST - offsets).any():
        raise CorruptDataError("a byte range is negative or ends past 2**63 bytes", structure="byte ranges")
    order = offsets.argsort(kind="stable")
    begins = offsets[order]
    ends = np.maximum.accumulate(begins + nbytes[order])  # of all ranges up to each
    is_first = np.ones(count, np.bool_)
    np.greater(begins[1:] - ends[:-1], max_gap, out=is_first[1:])
    if ends[-1] - begins[0] > max_nbytes:
        _split(begins, ends, is_first, max_nbytes)
    (firsts,) = is_first.nonzero()
    starts, stops = begins[firsts].tolist(), ends[[*(firsts[1:] - 1), -1]].tolist()
    run_of = np.empty(count, np.intp)
    run_of[order] = is_first.cumsum() - 1
    return [ByteRange(start, stop - start) for start, stop in zip(starts, stops, strict=True)], run_of


def _split(
    begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], is_first: npt.NDArray[np.bool_], max_nbytes: int
) -> None:
    """Let a run begin where the one before would be too long, and there is something new."""
    run_begin = run_end = 0
    for i, (begin, end, first) in enumerate(zip(begins.tolist(), ends.tolist(), is_first.tolist(), strict=True)):
        if first or (end > run_end and end - run_begin > max_nbytes):
            is_first[i] = True
            run_begin = begin
        run_end = end
