"""Extensible arrays: the chunk index of datasets with one unlimited dimension, since HDF5 1.10.

Decodes all of an array, or only the blocks and pages that hold a few chunks. Writes none. The entries are numbered
with the unlimited dimension first (libhdf5's own chunk queries forget that; its reading does not).
Source: HDF5 File Format Specification 3.0, VII.D "The Extensible Array Index" (appendix C).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from struct import Struct

import numpy as np

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.chunk_extent import (
    ChunkExtent,
    Entries,
    array_table,
    check_entry_nbytes,
    extensible_order,
    touches,
    wanted_numbers,
)
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.index_walk import UNDEFINED_ADDRESS, FileSpace, Walk, check_sum

__all__ = ["walk_extensible_array"]

HEADER = Struct("<4sBBBBBBBB6QQI")
PREFIX_NBYTES = 14
"""Signature, version, client and header address, with which every block begins."""


@dataclass(frozen=True, slots=True)
class Group:
    """Data blocks of one size: `count` of them, `each` entries in each, numbered from `first` on.

    pages
        Of each data block; 0 where it is in one piece.
    """

    first: int
    count: int
    each: int
    pages: int


@dataclass(frozen=True, slots=True)
class Geometry:
    """The parts of an array, as its header has them.

    direct
        Entries in the index block itself.
    named
        How many groups have the addresses of their data blocks in the index block; the others have a super block each.
    page_entries
        Entries of a page.
    offset_nbytes
        Width of the field of data and super blocks that says which entry they begin with.
    """

    client: int
    entry_nbytes: int
    direct: int
    groups: tuple[Group, ...]
    named: int
    page_entries: int
    offset_nbytes: int
    index_block: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A data block or a page of one, to be read: the number of its first entry, and bytes before the entries."""

    first: int
    span: ByteRange
    prefix: int


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for: the sorted numbers of chunks (None: all), and the end of all numbers."""

    wanted: list[int] | None
    end: int

    def touches(self, first: int, count: int) -> bool:
        """Whether it is among the entries from `first` on."""
        return touches(self.wanted, first, count, self.end)


def walk_extensible_array(
    space: FileSpace, address: int, extent: ChunkExtent, wanted: list[tuple[int, ...]] | None = None
) -> Walk[ChunkTable]:
    """The chunks in the array whose header is at `address`; only the blocks of those at `wanted`, if given.

    Raises
    ------
    ChecksumError, CorruptDataError, UnsupportedFeatureError
    """
    span = space.span(address, HEADER.size, "extensible array header")
    (buffer,) = yield [span]
    geometry = _geometry(byte_view(buffer), extent, span.offset)
    order = extensible_order(extent)
    search = Search(wanted_numbers(order, wanted), prod(order.counts))
    runs: list[Entries] = []
    if geometry.index_block != UNDEFINED_ADDRESS:
        runs = yield from _walk_blocks(space, geometry, search)
    return array_table(space, extent, order, runs, geometry.entry_nbytes)


def _geometry(data: memoryview, extent: ChunkExtent, offset: int) -> Geometry:
    check_sum(data, "extensible array header", offset)
    signature, version, client, entry_nbytes, bits, direct, least, pointers, page_bits, *rest = HEADER.unpack(data)
    if (signature, version, client) != (b"EAHD", 0, int(extent.nfilters > 0)):
        raise CorruptDataError("not a chunk index of this dataset", structure="extensible array", offset=offset)
    check_entry_nbytes(entry_nbytes, extent, "extensible array")
    powers = least.bit_count() == pointers.bit_count() == 1
    count, named = 1 + bits - least.bit_length() + 1, 2 * (pointers.bit_length() - 1)
    if not powers or bits > 64 or not 0 < named <= count or page_bits > 63:
        raise CorruptDataError("impossible parameters", structure="extensible array", offset=offset)
    groups, first = [], direct
    for i in range(count):
        each = least << ((i + 1) // 2)
        pages = each >> page_bits if each > 1 << page_bits else 0
        groups.append(Group(first, 1 << (i // 2), each, pages))
        first += each << (i // 2)
    if any(group.pages for group in groups[:named]):
        raise UnsupportedFeatureError("an extensible array with pages below its index block")
    return Geometry(client, entry_nbytes, direct, tuple(groups), named, 1 << page_bits, (bits + 7) // 8, rest[6])


def _walk_blocks(space: FileSpace, geometry: Geometry, search: Search) -> Walk[list[Entries]]:
    """Index block, super blocks, then data blocks and pages."""
    named = sum(group.count for group in geometry.groups[: geometry.named])
    direct_nbytes = geometry.direct * geometry.entry_nbytes
    nbytes = PREFIX_NBYTES + direct_nbytes + 8 * (named + len(geometry.groups) - geometry.named) + 4
    span = space.span(geometry.index_block, nbytes, "extensible array index block")
    (buffer,) = yield [span]
    data = _checked(byte_view(buffer), b"EAIB", geometry, span)
    runs = [Entries(0, data[PREFIX_NBYTES : PREFIX_NBYTES + direct_nbytes])]
    addresses = np.frombuffer(data[PREFIX_NBYTES + direct_nbytes : -4], "<u8").tolist()
    pieces: list[Piece] = []
    for group in geometry.groups[: geometry.named]:
        pieces += _pieces(space, geometry, search, group, addresses[: group.count], None)
        del addresses[: group.count]
    pieces += yield from _walk_super_blocks(space, geometry, search, addresses)
    buffers = yield [piece.span for piece in pieces]
    for piece, buffer in zip(pieces, buffers, strict=True):
        data = byte_view(buffer)
        if piece.prefix:
            _checked(data, b"EADB", geometry, piece.span)
        else:
            check_sum(data, "extensible array page", piece.span.offset)
        runs.append(Entries(piece.first, data[piece.prefix : -4]))
    return runs


def _walk_super_blocks(space: FileSpace, geometry: Geometry, search: Search, addresses: list[int]) -> Walk[list[Piece]]:
    """The pieces of the groups that have super blocks, which lie at `addresses`."""
    groups, spans = [], []
    for group, address in zip(geometry.groups[geometry.named :], addresses, strict=True):
        if address != UNDEFINED_ADDRESS and search.touches(group.first, group.count * group.each):
            nbytes = PREFIX_NBYTES + geometry.offset_nbytes + group.count * ((group.pages + 7) // 8 + 8) + 4
            groups.append(group)
            spans.append(space.span(address, nbytes, "extensible array super block"))
    buffers = yield spans
    pieces: list[Piece] = []
    for group, span, buffer in zip(groups, spans, buffers, strict=True):
        data = _checked(byte_view(buffer), b"EASB", geometry, span)
        below = np.frombuffer(data[-4 - 8 * group.count : -4], "<u8").tolist()
        bitmap = data[PREFIX_NBYTES + geometry.offset_nbytes : -4 - 8 * group.count]
        pieces += _pieces(space, geometry, search, group, below, bitmap if group.pages else None)
    return pieces


def _pieces(
    space: FileSpace,
    geometry: Geometry,
    search: Search,
    group: Group,
    addresses: list[int],
    bitmap: memoryview | None,
) -> Iterator[Piece]:
    """What to read of a group's data blocks; the i-th bit of `bitmap`: its i-th page has ever been written."""
    prefix = PREFIX_NBYTES + geometry.offset_nbytes
    structure = "extensible array data block"
    whole = sum(address != UNDEFINED_ADDRESS for address in addresses) * group.each * geometry.entry_nbytes
    if whole > space.nbytes:
        raise CorruptDataError("its data blocks overlap", structure=structure)
    for i, address in enumerate(addresses):
        first = group.first + i * group.each
        if address == UNDEFINED_ADDRESS or not search.touches(first, group.each):
            continue
        if bitmap is None:
            nbytes = prefix + group.each * geometry.entry_nbytes + 4
            yield Piece(first, space.span(address, nbytes, structure), prefix)
            continue
        nbytes = geometry.page_entries * geometry.entry_nbytes + 4
        for page in range(group.pages):
            bit = i * group.pages + page
            start = first + page * geometry.page_entries
            if bitmap[bit // 8] & 0x80 >> bit % 8 and search.touches(start, geometry.page_entries):
                yield Piece(start, space.span(address + prefix + 4 + page * nbytes, nbytes, structure), 0)


def _checked(data: memoryview, signature: bytes, geometry: Geometry, span: ByteRange) -> memoryview:
    structure = f"extensible array block {signature.decode()}"
    if bytes(data[:6]) != signature + bytes([0, geometry.client]):
        raise CorruptDataError("not a block of this array", structure=structure, offset=span.offset)
    check_sum(data, structure, span.offset)
    return data
