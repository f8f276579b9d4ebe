"""Fewer, longer reads for many byte ranges. Pure arithmetic: knows ranges, neither stores nor chunks."""

import numpy as np
import numpy.typing as npt

from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import CorruptDataError

__all__ = ["coalesce"]


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
    if np.any(offsets < 0) or np.any(nbytes < 0) or np.any(nbytes > np.iinfo(np.int64).max - offsets):
        raise CorruptDataError("a byte range is negative or ends past 2**63 bytes", structure="byte ranges")
    order = np.argsort(offsets, kind="stable")
    begins = offsets[order]
    ends = begins + nbytes[order]
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = begins[1:] - np.maximum.accumulate(ends)[:-1] > max_gap
    firsts = _split(begins, ends, np.flatnonzero(is_first), max_nbytes)

    starts = begins[firsts]
    lengths = (np.maximum.reduceat(ends, firsts) if len(firsts) else ends) - starts
    run_of = np.empty(len(order), dtype=np.intp)
    run_of[order] = np.repeat(np.arange(len(firsts)), np.diff(firsts, append=len(order)))
    return list(map(ByteRange, starts.tolist(), lengths.tolist())), run_of


def _split(
    begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], firsts: npt.NDArray[np.intp], max_nbytes: int
) -> npt.NDArray[np.intp]:
    """The first range of each run (`firsts`), with further ones where a run would be too long."""
    if not len(firsts):
        return firsts
    too_long = np.maximum.reduceat(ends, firsts) - begins[firsts] > max_nbytes
    lasts = np.append(firsts[1:], len(begins))
    more: list[int] = []
    for first, stop in zip(firsts[too_long].tolist(), lasts[too_long].tolist(), strict=True):
        run_begin = run_end = int(begins[first])
        pairs = zip(begins[first:stop].tolist(), ends[first:stop].tolist(), strict=True)
        for i, (begin, end) in enumerate(pairs, start=first):
            if i > first and end > run_end and end - run_begin > max_nbytes:
                more.append(i)
                run_begin, run_end = begin, end
            run_end = max(run_end, end)
    return np.sort(np.append(firsts, np.array(more, dtype=np.intp)))
