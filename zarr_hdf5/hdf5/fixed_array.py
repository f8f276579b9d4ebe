"""Fixed Arrays: the chunk index of datasets whose maximum size is fixed, since HDF5 1.10.

Source: HDF5 File Format Specification 3.0, VII.C "The Fixed Array Index" (appendix C).
"""

from math import prod
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.hdf5.chunk_extent import (
    ChunkExtent,
    Entries,
    array_order,
    array_table,
    check_entry_nbytes,
    touches,
    wanted_numbers,
)
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.index_walk import FileSpace, Walk, check_sum
from zarr_hdf5.hdf5.lookup3 import lookup3

__all__ = [
    "HEADER_NBYTES",
    "encode_fixed_array",
    "fixed_array_block",
    "fixed_array_header",
    "fixed_array_nbytes",
    "page_bits",
    "walk_fixed_array",
]

HEADER = Struct("<4sBBBBQQI")
HEADER_NBYTES = 28
PREFIX_NBYTES = 14
"""Signature, version, client and header address of a data block."""
UNDEFINED = 2**64 - 1


def page_bits(count: int) -> int:
    """log2 of the entries per page that keeps `count` entries in a single, unpaged data block."""
    return max(10, (count - 1).bit_length())


def encode_fixed_array(
    addresses: npt.NDArray[np.uint64],
    nbytes: npt.NDArray[np.uint64] | None,
    chunk_nbytes: int,
    address: int,
) -> bytes:
    """Header and data block, one after the other, to be placed at `address`.

    Parameters
    ----------
    addresses
        (count,) one for each chunk of the maximum size, in C order; all ones where there is none.
    nbytes
        (count,) stored bytes of each chunk where the dataset has filters, else None.
    chunk_nbytes
        Bytes of an unfiltered chunk: it decides how wide a stored size is.
    address
        Where the header will lie.
    """
    header = fixed_array_header(len(addresses), nbytes is not None, chunk_nbytes, address + HEADER_NBYTES)
    return header + fixed_array_block(addresses, nbytes, chunk_nbytes, address)


def fixed_array_header(count: int, filtered: bool, chunk_nbytes: int, block_address: int) -> bytes:
    """The header of an array of `count` entries, whose data block is at `block_address`."""
    entry_nbytes = _entry_nbytes(filtered, chunk_nbytes)
    header = b"FAHD" + bytes([0, int(filtered), entry_nbytes, page_bits(count)])
    return _with_checksum(header + count.to_bytes(8, "little") + block_address.to_bytes(8, "little"))


def fixed_array_block(
    addresses: npt.NDArray[np.uint64], nbytes: npt.NDArray[np.uint64] | None, chunk_nbytes: int, header_address: int
) -> bytes:
    """The data block of the array whose header is at `header_address`; the rest as for `encode_fixed_array`."""
    entries: npt.NDArray[Any] = addresses.astype("<u8")
    if nbytes is not None:
        width = _size_width(chunk_nbytes)
        entries = np.zeros((len(addresses), 8 + width + 4), "u1")
        present = addresses != np.uint64(UNDEFINED)
        entries[:, :8] = addresses.astype("<u8").view("u1").reshape(-1, 8)
        sizes = np.where(present, nbytes, np.uint64(0)).astype("<u8")
        entries[:, 8 : 8 + width] = sizes.view("u1").reshape(-1, 8)[:, :width]
    prefix = b"FADB" + bytes([0, int(nbytes is not None)]) + header_address.to_bytes(8, "little")
    return _with_checksum(prefix + entries.tobytes())


def fixed_array_nbytes(count: int, filtered: bool, chunk_nbytes: int) -> int:
    """Length of what `encode_fixed_array` makes."""
    return HEADER_NBYTES + PREFIX_NBYTES + count * _entry_nbytes(filtered, chunk_nbytes) + 4


def _entry_nbytes(filtered: bool, chunk_nbytes: int) -> int:
    return 8 + (_size_width(chunk_nbytes) + 4 if filtered else 0)


def _size_width(chunk_nbytes: int) -> int:
    """Bytes of the size in the entry of a filtered chunk."""
    return min(8, 1 + (chunk_nbytes.bit_length() - 1 + 8) // 8)


def _with_checksum(data: bytes) -> bytes:
    return data + lookup3(data).to_bytes(4, "little")


def walk_fixed_array(
    space: FileSpace, address: int, extent: ChunkExtent, wanted: list[tuple[int, ...]] | None = None
) -> Walk[ChunkTable]:
    """The chunks in the array whose header is at `address`; only the pages of those at `wanted`, if given.

    Raises
    ------
    ChecksumError, CorruptDataError
    """
    span = space.span(address, HEADER_NBYTES, "fixed array header")
    (buffer,) = yield [span]
    check_sum(byte_view(buffer), "fixed array header", span.offset)
    signature, version, client, entry_nbytes, bits, count, block, _ = HEADER.unpack(byte_view(buffer))
    order = array_order(extent)
    if (signature, version, client, count) != (b"FAHD", 0, int(extent.nfilters > 0), prod(order.counts)):
        raise CorruptDataError("not the chunk index of this dataset", structure="fixed array", offset=span.offset)
    check_entry_nbytes(entry_nbytes, extent, "fixed array")
    runs: list[Entries] = []
    if block != UNDEFINED and count <= 1 << bits:
        runs = yield from _walk_block(space, block, client, count * entry_nbytes)
    elif block != UNDEFINED:
        numbers = wanted_numbers(order, wanted)
        runs = yield from _walk_pages(space, block, client, count, bits, entry_nbytes, numbers)
    return array_table(space, extent, order, runs, entry_nbytes)


def _walk_block(space: FileSpace, address: int, client: int, nbytes: int) -> Walk[list[Entries]]:
    """A data block that begins with its prefix and `nbytes` bytes of entries, or of which pages have entries."""
    span = space.span(address, PREFIX_NBYTES + nbytes + 4, "fixed array data block")
    (buffer,) = yield [span]
    data = byte_view(buffer)
    if bytes(data[:6]) != b"FADB" + bytes([0, client]):
        raise CorruptDataError("not a data block", structure="fixed array data block", offset=span.offset)
    check_sum(data, "fixed array data block", span.offset)
    return [Entries(0, data[PREFIX_NBYTES:-4])]


def _walk_pages(
    space: FileSpace, address: int, client: int, count: int, bits: int, entry_nbytes: int, wanted: list[int] | None
) -> Walk[list[Entries]]:
    """The initialized pages, all of `1 << bits` entries except the last."""
    each = 1 << bits
    npages = -(-count // each)
    (bitmap,) = yield from _walk_block(space, address, client, (npages + 7) // 8)
    written = np.flatnonzero(np.unpackbits(np.frombuffer(bitmap.data, "u1"), count=npages)).tolist()
    if (len(written) - 1) * each * entry_nbytes > space.nbytes:
        raise CorruptDataError("more pages than there is room for", structure="fixed array data block")
    start = address + PREFIX_NBYTES + len(bitmap.data) + 4
    spans = []
    pages = [page for page in written if touches(wanted, page * each, each, count)]
    for page in pages:
        nbytes = min(each, count - page * each) * entry_nbytes + 4
        spans.append(space.span(start + page * (each * entry_nbytes + 4), nbytes, "fixed array page"))
    buffers = yield spans
    runs = []
    for page, span, buffer in zip(pages, spans, buffers, strict=True):
        check_sum(byte_view(buffer), "fixed array page", span.offset)
        runs.append(Entries(page * each, byte_view(buffer)[:-4]))
    return runs
