"""The chunk index of a dataset whose chunks are already in place: the one thing libhdf5's API cannot write.

Chooses the encoding that the dataset's layout message asks for.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.btree_v1 import encode_btree_v1, node_counts, node_dtype
from zarr_hdf5.hdf5.data_layout import ChunkIndexType
from zarr_hdf5.hdf5.fixed_array import encode_fixed_array, fixed_array_nbytes, page_bits

__all__ = [
    "UNDEFINED_ADDRESS",
    "EncodedIndex",
    "StoredChunks",
    "chunk_index_nbytes",
    "chunk_index_page_bits",
    "encode_chunk_index",
]

UNDEFINED_ADDRESS = 2**64 - 1


@dataclass(frozen=True, slots=True, eq=False)
class StoredChunks:
    """Where the chunks of a dataset lie, as columns over its whole chunk grid in C order.

    grid_shape
        Chunks along each dimension of the dataset's maximum shape.
    chunk_shape
        Elements of a chunk.
    chunk_nbytes
        Bytes of a chunk before any filter.
    addresses
        (n,) u64, from the base address; all ones where there is no chunk.
    nbytes
        (n,) u64 stored bytes; anything where there is no chunk.
    filtered
        Whether the dataset has filters.
    """

    grid_shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    chunk_nbytes: int
    addresses: npt.NDArray[np.uint64]
    nbytes: npt.NDArray[np.uint64]
    filtered: bool


@dataclass(frozen=True, slots=True)
class EncodedIndex:
    """The bytes of an index, and what the dataset's layout message must say of it (beside its pages)."""

    data: bytes
    address: int
    single_chunk: tuple[int, int] | None = None


def chunk_index_page_bits(index_type: ChunkIndexType, nchunks: int) -> int:
    """What the layout message must say of the pages of an index that `encode_chunk_index` makes."""
    return page_bits(nchunks) if index_type is ChunkIndexType.FIXED_ARRAY else 0


def chunk_index_nbytes(index_type: ChunkIndexType, chunks: StoredChunks) -> int:
    """Length of what `encode_chunk_index` makes."""
    if index_type is ChunkIndexType.BTREE_V1:
        present = int(np.count_nonzero(chunks.addresses != np.uint64(UNDEFINED_ADDRESS)))
        return sum(node_counts(present)) * node_dtype(len(chunks.chunk_shape)).itemsize
    if index_type is ChunkIndexType.FIXED_ARRAY:
        return fixed_array_nbytes(len(chunks.addresses), chunks.filtered, chunks.chunk_nbytes)
    return 0


def encode_chunk_index(index_type: ChunkIndexType, chunks: StoredChunks, address: int) -> EncodedIndex:
    """The index over `chunks`, its first byte at `address` (from the base address)."""
    if index_type is ChunkIndexType.BTREE_V1:
        present = np.flatnonzero(chunks.addresses != np.uint64(UNDEFINED_ADDRESS))
        coords = np.stack(np.unravel_index(present, chunks.grid_shape), axis=1)
        offsets = coords.astype("<u8") * np.asarray(chunks.chunk_shape, "<u8")
        data, root = encode_btree_v1(
            offsets, chunks.addresses[present], chunks.nbytes[present], chunks.chunk_shape, address
        )
        return EncodedIndex(data, root)
    if index_type is ChunkIndexType.FIXED_ARRAY:
        sizes = chunks.nbytes if chunks.filtered else None
        data = encode_fixed_array(chunks.addresses, sizes, chunks.chunk_nbytes, address)
        return EncodedIndex(data, address)
    if index_type is ChunkIndexType.SINGLE_CHUNK:
        single = (int(chunks.nbytes[0]), 0) if chunks.filtered else None
        return EncodedIndex(b"", int(chunks.addresses[0]), single_chunk=single)
    raise UnsupportedFeatureError(f"writing a chunk index of type {index_type.name}")
