"""Positions along one dimension, cut at the boundaries of chunks."""

import numpy as np
import numpy.typing as npt

from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.indexing.basic import IndexSelection
from zarr_hdf5.indexing.projection import ChunkDim

__all__ = ["cut", "project_index", "project_index_edges"]

Numbers = npt.NDArray[np.int64]


def project_index(dim: IndexSelection, length: int, chunk_length: int) -> list[ChunkDim]:
    """The chunks that `dim` touches, ascending; `length` and `chunk_length` (at least 1) in elements."""
    chunk_length = min(chunk_length, length)  # longer ones need not be integers of numpy
    chunks = dim.positions // chunk_length
    origins = chunks * chunk_length
    return cut(dim.positions, chunks, origins, np.minimum(chunk_length, length - origins))


def project_index_edges(dim: IndexSelection, length: int, edges: ChunkEdges) -> list[ChunkDim]:
    """The same for chunks of these edge lengths."""
    chunks = edges.chunks_at(dim.positions)
    origins, lengths = edges.spans(chunks)
    return cut(dim.positions, chunks, origins, np.minimum(lengths, length - origins))


def cut(positions: Numbers, chunks: Numbers, origins: Numbers, lengths: Numbers) -> list[ChunkDim]:
    """What each chunk has of ascending `positions`; for each of these (n,) its chunk, and where that begins and its
    length within the array.
    """
    begins = np.flatnonzero(np.diff(chunks, prepend=-1))
    ends = [*begins[1:].tolist(), len(chunks)]
    inside = positions - origins
    each = zip(chunks[begins].tolist(), begins.tolist(), ends, lengths[begins].tolist(), strict=True)
    return [ChunkDim(chunk, inside[a:b], slice(a, b, 1), b - a == length) for chunk, a, b, length in each]
