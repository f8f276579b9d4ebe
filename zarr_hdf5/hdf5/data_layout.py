"""The data layout message: how a dataset's elements are stored, and where.

Source: HDF5 File Format Specification 3.0, IV.A.2.i "The Data Layout Message", versions 1 to 4, and version 5 of
HDF5 2.0, which is written as version 4 is (its chunk indexes keep wider sizes, as they say themselves).
"""

from dataclasses import dataclass
from enum import IntEnum
from math import prod
from typing import TypeAlias

from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.index_walk import UNDEFINED_ADDRESS

__all__ = [
    "ChunkIndex",
    "ChunkIndexType",
    "ChunkedLayout",
    "CompactLayout",
    "ContiguousLayout",
    "Layout",
    "VirtualLayout",
    "parse_chunked_layout",
    "parse_layout",
]

COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL = range(4)
MAX_RANK = 32


class ChunkIndexType(IntEnum):
    """Chunk index types; the numbers of layout version 4, and 0 for version 3's B-tree v1."""

    BTREE_V1 = 0
    SINGLE_CHUNK = 1
    IMPLICIT = 2
    FIXED_ARRAY = 3
    EXTENSIBLE_ARRAY = 4
    BTREE_V2 = 5


PARAMETER_NBYTES = {
    ChunkIndexType.IMPLICIT: 0,
    ChunkIndexType.FIXED_ARRAY: 1,
    ChunkIndexType.EXTENSIBLE_ARRAY: 5,
    ChunkIndexType.BTREE_V2: 6,
}
"""Creation parameters before the address: the index's own header repeats those that a reader needs."""


@dataclass(frozen=True, slots=True)
class CompactLayout:
    """The elements are in the message: `nbytes` bytes from byte `offset` of the file."""

    offset: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class ContiguousLayout:
    """The elements lie at `address` (None: never allocated); `nbytes` is None where the message does not say."""

    address: int | None
    nbytes: int | None


@dataclass(frozen=True, slots=True)
class VirtualLayout:
    """The elements are those of other datasets."""


@dataclass(frozen=True, slots=True)
class ChunkIndex:
    """The elements are in chunks.

    index_type, address
        Which index, and where; None where no chunk was ever allocated. For SINGLE_CHUNK the address of the chunk.
    chunk_shape, itemsize
        Elements of a chunk, bytes of an element.
    raw_edges
        Chunks that overhang the dataset are stored without filters.
    single_chunk
        SINGLE_CHUNK with filters only: stored bytes, filter mask.
    """

    index_type: ChunkIndexType
    address: int | None
    chunk_shape: tuple[int, ...]
    itemsize: int
    raw_edges: bool = False
    single_chunk: tuple[int, int] | None = None


Layout: TypeAlias = CompactLayout | ContiguousLayout | ChunkIndex | VirtualLayout


@dataclass(slots=True)
class Fields:
    """The numbers of a message, one after the other. Raises CorruptDataError where it ends too early."""

    body: bytes | memoryview
    offset: int
    at: int = 0

    def take(self, nbytes: int) -> int:
        """The next number, of `nbytes` bytes."""
        end = self.at + nbytes
        if end > len(self.body):
            raise CorruptDataError("truncated", structure="data layout message", offset=self.offset)
        value = int.from_bytes(self.body[self.at : end], "little")
        self.at = end
        return value

    def address(self) -> int | None:
        """The next address."""
        value = self.take(8)
        return None if value == UNDEFINED_ADDRESS else value


def parse_layout(body: bytes | memoryview, offset: int) -> Layout:
    """Parse the message whose `body` lies at byte `offset` of the file.

    Raises
    ------
    CorruptDataError, UnsupportedFeatureError
    """
    fields = Fields(body, offset)
    version = fields.take(1)
    if version in (1, 2):
        return _parse_old(fields)
    if version not in (3, 4, 5):
        raise UnsupportedFeatureError(f"data layout message version {version}")
    layout_class = fields.take(1)
    if layout_class == COMPACT:
        return _compact(fields, fields.take(2))
    if layout_class == CONTIGUOUS:
        return ContiguousLayout(fields.address(), fields.take(8))
    if layout_class == VIRTUAL and version > 3:
        return VirtualLayout()
    if layout_class != CHUNKED:
        raise CorruptDataError(f"layout class {layout_class}", structure="data layout message", offset=offset)
    if version > 3:
        return _parse_chunked_v4(fields)
    rank = fields.take(1)
    address = fields.address()
    return _chunk_index(fields, ChunkIndexType.BTREE_V1, address, [fields.take(4) for _ in range(rank)])


def _parse_old(fields: Fields) -> Layout:
    """Versions 1 and 2, of HDF5 before 1.6.3."""
    rank, layout_class = fields.take(1), fields.take(1)
    fields.take(5)
    address = None if layout_class == COMPACT else fields.address()
    dims = [fields.take(4) for _ in range(rank)]
    if layout_class == COMPACT:
        return _compact(fields, fields.take(4))
    if layout_class == CONTIGUOUS:
        return ContiguousLayout(address, None)
    if layout_class == CHUNKED:
        return _chunk_index(fields, ChunkIndexType.BTREE_V1, address, dims)
    raise CorruptDataError(f"layout class {layout_class}", structure="data layout message", offset=fields.offset)


def _parse_chunked_v4(fields: Fields) -> ChunkIndex:
    flags, rank, width = fields.take(1), fields.take(1), fields.take(1)
    if not 1 <= width <= 8:
        raise CorruptDataError(f"dimensions of {width} bytes", structure="data layout message", offset=fields.offset)
    dims = [fields.take(width) for _ in range(rank)]
    index_type = _index_type(fields)
    single = None
    if index_type is ChunkIndexType.SINGLE_CHUNK:
        single = (fields.take(8), fields.take(4)) if flags & 0x02 else None
    else:
        fields.take(PARAMETER_NBYTES[index_type])
    return _chunk_index(fields, index_type, fields.address(), dims, bool(flags & 0x01), single)


def _index_type(fields: Fields) -> ChunkIndexType:
    number = fields.take(1)
    if number not in set(ChunkIndexType) - {ChunkIndexType.BTREE_V1}:
        at = fields.offset + fields.at - 1
        raise CorruptDataError(f"chunk index type {number}", structure="data layout message", offset=at)
    return ChunkIndexType(number)


def _compact(fields: Fields, nbytes: int) -> CompactLayout:
    if fields.at + nbytes > len(fields.body):
        raise CorruptDataError("truncated", structure="data layout message", offset=fields.offset)
    return CompactLayout(fields.offset + fields.at, nbytes)


def _chunk_index(
    fields: Fields,
    index_type: ChunkIndexType,
    address: int | None,
    dims: list[int],
    raw_edges: bool = False,
    single_chunk: tuple[int, int] | None = None,
) -> ChunkIndex:
    """`dims`: the chunk's elements along each dimension, then the bytes of an element."""
    too_large = prod(dims) >= 2**63
    if not 2 <= len(dims) <= MAX_RANK + 1 or 0 in dims or too_large:
        raise CorruptDataError(f"chunk dimensions {dims}", structure="data layout message", offset=fields.offset)
    return ChunkIndex(index_type, address, tuple(dims[:-1]), dims[-1], raw_edges, single_chunk)


@dataclass(frozen=True, slots=True)
class ChunkedLayout:
    """Where the parts of a chunked layout message lie (bytes from the start of the file), for those who patch it.

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
    """Find the fields of the message whose `body` lies at byte `offset`; only of indexes that we write."""
    fields = Fields(body, offset)
    version, layout_class, flags, rank, width = (fields.take(1) for _ in range(5))
    if layout_class != CHUNKED or version not in (3, 4):
        raise UnsupportedFeatureError(f"data layout message version {version}, class {layout_class}")
    if version == 3:
        return ChunkedLayout(ChunkIndexType.BTREE_V1, offset + 3)
    fields.take(rank * width)
    index_type, at = _index_type(fields), offset + fields.at
    if index_type is ChunkIndexType.FIXED_ARRAY:
        return ChunkedLayout(index_type, at + 1, page_bits_field=at)
    if index_type is ChunkIndexType.SINGLE_CHUNK:
        if flags & 0x02:
            return ChunkedLayout(index_type, at + 12, single_size_field=at)
        return ChunkedLayout(index_type, at)
    raise UnsupportedFeatureError(f"writing a chunk index of type {index_type.name}")
