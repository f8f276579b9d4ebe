"""A selection along one dimension, cut at the boundaries of chunks.

Knows positions, lengths and slices; knows nothing of stored chunks.
"""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.indexing.basic import DimSelection

__all__ = ["ChunkDim", "InChunk", "project", "project_edges", "slice_between"]

InChunk: TypeAlias = slice | npt.NDArray[np.int64]


class ChunkDim(NamedTuple):
    """What a selection takes from one chunk, along one dimension.

    `chunk`: index of the chunk. `in_chunk`: the positions within it, in the order of the selection (the step may be
    negative; an array is ascending). `in_out`: where they go in the result (step 1). `whole`: they are all the
    positions of the chunk that lie within the array.
    """

    chunk: int
    in_chunk: InChunk
    in_out: slice
    whole: bool


def project(dim: DimSelection, length: int, chunk_length: int) -> list[ChunkDim]:
    """The chunks that `dim` touches, ascending; `length` and `chunk_length` (at least 1) in elements.

    The work is proportional to the chunks touched, not to those stepped over.
    """
    count, step = dim.count, dim.step
    if not count:
        return []
    # look at the positions in ascending order: low + j * stride, j = 0 ... count - 1
    stride = abs(step)
    low = dim.start if step > 0 else dim.start + (count - 1) * step
    parts: list[ChunkDim] = []
    first = 0  # the first j within the chunk
    for chunk in _touched(low, stride, count, chunk_length):
        begin = chunk * chunk_length
        stop = min(count, -((low - begin - chunk_length) // stride))  # a division rounded up
        bottom = low + first * stride - begin
        top = low + (stop - 1) * stride - begin
        whole = stop - first == min(chunk_length, length - begin)
        if step > 0:
            parts.append(ChunkDim(chunk, slice_between(bottom, top, stride), slice(first, stop, 1), whole))
        else:
            down = slice_between(top, bottom, -stride)
            parts.append(ChunkDim(chunk, down, slice(count - stop, count - first, 1), whole))
        first = stop
    return parts


def project_edges(dim: DimSelection, length: int, edges: ChunkEdges) -> list[ChunkDim]:
    """The same for chunks of these edge lengths: each run of equal ones is a regular grid."""
    count, stride = dim.count, abs(dim.step)
    low = dim.start if dim.step > 0 else dim.start + (count - 1) * dim.step
    parts: list[ChunkDim] = []
    first = 0  # as above
    while first < count:
        run = edges.run_at(low + first * stride)
        stop = min(count, -((low - run.end) // stride))
        bottom, n = low + first * stride - run.begin, stop - first
        step = dim.step if n > 1 else 1
        within = DimSelection(bottom if step > 0 else bottom + (n - 1) * stride, step, n, False)
        shift = first if dim.step > 0 else count - stop
        for part in project(within, min(run.end, length) - run.begin, run.length):
            in_out = slice(part.in_out.start + shift, part.in_out.stop + shift, 1)
            parts.append(ChunkDim(run.first + part.chunk, part.in_chunk, in_out, part.whole))
        first = stop
    return parts


def slice_between(first: int, last: int, step: int) -> slice:
    """The positions from `first` to `last`, both included; counting down to 0 has no stop, -1 would be the last."""
    stop = last + (1 if step > 0 else -1)
    return slice(first, stop if stop >= 0 else None, step)


def _touched(low: int, stride: int, count: int, chunk_length: int) -> Iterable[int]:
    if stride >= chunk_length:  # never two positions in one chunk
        return (position // chunk_length for position in range(low, low + count * stride, stride))
    return range(low // chunk_length, (low + (count - 1) * stride) // chunk_length + 1)
