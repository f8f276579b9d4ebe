"""The data layout message of a chunked dataset: which chunk index it has, and where.

Source: HDF5 File Format Specification 3.0, IV.A.2.i "The Data Layout Message", versions 3 and 4, layout class 2.
"""

from dataclasses import dataclass
from enum import IntEnum

from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError

__all__ = ["ChunkIndexType", "ChunkedLayout", "parse_chunked_layout"]


class ChunkIndexType(IntEnum):
    """Chunk index types; the numbers of layout version 4, and 0 for version 3's B-tree v1."""

    BTREE_V1 = 0
    SINGLE_CHUNK = 1
    IMPLICIT = 2
    FIXED_ARRAY = 3
    EXTENSIBLE_ARRAY = 4
    BTREE_V2 = 5


@dataclass(frozen=True, slots=True)
class ChunkedLayout:
    """Where the parts of a chunked layout message lie (bytes from the start of the file).

    address_field
        The u64 address of the chunk index (of the chunk itself for SINGLE_CHUNK).
    page_bits_field
        FIXED_ARRAY only: the u8 log2 of entries per page.
    single_size_field
        SINGLE_CHUNK with filters only: u64 chunk size, u32 filter mask.
    """

    index_type: ChunkIndexType
    address_field: int
    page_bits_field: int | None = None
    single_size_field: int | None = None


def parse_chunked_layout(body: bytes | memoryview, offset: int) -> ChunkedLayout:
    """Parse the message whose `body` lies at byte `offset` of the file."""
    if len(body) < 5:
        raise CorruptDataError("truncated", structure="data layout message", offset=offset)
    version, layout_class = body[0], body[1]
    if layout_class != 2 or version not in (3, 4):
        raise UnsupportedFeatureError(f"data layout message version {version}, class {layout_class}")
    if version == 3:
        return ChunkedLayout(ChunkIndexType.BTREE_V1, offset + 3)
    flags, rank, width = body[2], body[3], body[4]
    at = 5 + rank * width
    if len(body) <= at:
        raise CorruptDataError("truncated", structure="data layout message", offset=offset)
    if body[at] not in set(ChunkIndexType):
        raise CorruptDataError(f"chunk index type {body[at]}", structure="data layout message", offset=offset + at)
    index_type = ChunkIndexType(body[at])
    at += 1
    if index_type is ChunkIndexType.FIXED_ARRAY:
        return ChunkedLayout(index_type, offset + at + 1, page_bits_field=offset + at)
    if index_type is ChunkIndexType.SINGLE_CHUNK:
        if flags & 0x02:
            return ChunkedLayout(index_type, offset + at + 12, single_size_field=offset + at)
        return ChunkedLayout(index_type, offset + at)
    raise UnsupportedFeatureError(f"writing a chunk index of type {index_type.name}")
