"""Decompression to no more than a given length: a check for all libraries, the standard library's streams, libdeflate.

The streams may follow each other, and may be of any compression; libdeflate reads single zlib streams and gzip members.
"""

import struct
import zlib
from collections.abc import Callable
from itertools import repeat
from operator import eq
from typing import Protocol

import deflate
import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from zarr_hdf5.buffer import Buffer, Buffers, byte_view, put_rows
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.scratch import Allocate, fresh

__all__ = ["Decompressor", "check_room", "decompress_streams", "gunzip", "inflate", "inflate_begin", "inflate_many"]

# Streams after the first are fed in pieces: what follows a stream is copied by `unused_data`, each time anew.
_PIECE_NBYTES = 4096

# RFC 1951: the shortest code for the longest match, 258 bytes, takes two bits.
_MOST_PER_BYTE = 4 * 258

_HEADER_CHECKSUM = 0x02  # FHCRC in RFC 1952


class Decompressor(Protocol):
    """What zlib, bz2 and lzma decompressor objects share."""

    @property
    def eof(self) -> bool:
        """The end of the stream was reached."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was fed after the end of the stream."""
        ...

    def decompress(self, data: "memoryview[int]", max_length: int, /) -> bytes:
        """Feed `data`; at most `max_length` (> 0) bytes come out."""
        ...


def decompress_streams(
    new: Callable[[], Decompressor],
    buffer: Buffer,
    max_nbytes: int,
    codec: str,
    *,
    single: bool = False,
    zero_padding: bool = False,
) -> bytes:
    """The data of all streams in `buffer`, each read by a `new()` decompressor.

    With `single` there may be but one stream; with `zero_padding` zero bytes may follow the last.
    Raises CorruptDataError for truncated or too long data, and whatever error the decompressor raises.
    """
    data = byte_view(buffer)
    parts: list[bytes] = []
    room = max_nbytes + 1  # the byte too many tells "too long" from "just right"
    offset, step = 0, max(len(data), 1)
    while True:
        stream = new()
        while not stream.eof:
            piece = data[offset : offset + step]
            if not piece:
                raise CorruptDataError("compressed data end too early", structure=codec, offset=len(data))
            part = stream.decompress(piece, room)
            offset += len(piece)
            room -= len(part)
            check_room(max_nbytes + 1 - room, max_nbytes, codec)
            if part:
                parts.append(part)
        offset -= len(stream.unused_data)
        padded = zero_padding and offset < len(data) and data[offset] == 0
        if offset == len(data) or (padded and not np.frombuffer(data[offset:], np.uint8).any()):
            return parts[0] if len(parts) == 1 else b"".join(parts)
        if single:
            raise CorruptDataError("data go on after the end of the stream", structure=codec, offset=offset)
        step = _PIECE_NBYTES


def inflate(buffer: Buffer, max_nbytes: int) -> bytearray | None:
    """The data of one zlib stream (RFC 1950), by libdeflate; None where it cannot say, which may not mean an error.

    Three times as fast as the standard library. Takes no more memory than the stream can fill.
    """
    data = byte_view(buffer)
    decoded = _libdeflate(deflate.zlib_decompress, data, max_nbytes)
    if decoded is None:
        return None
    # The checksum was found right where the stream ends; libdeflate does not say whether anything follows.
    return decoded if deflate.adler32(decoded) == int.from_bytes(data[-4:], "big") else None


def inflate_begin(stream: "memoryview[int]", begin: "memoryview[int]", wbits: int = zlib.MAX_WBITS) -> int:
    """Fill `begin` with what a stream begins with, by igzip; how many bytes that were. `wbits` as zlib has it."""
    part = isal_zlib.decompressobj(wbits).decompress(stream, len(begin))
    begin[: len(part)] = part
    return len(part)


def inflate_many(buffers: Buffers, nbytes: int, allocate: Allocate = fresh) -> npt.NDArray[np.uint8] | None:
    """(n, nbytes): `inflate` for each of many streams of one length; None where it cannot say of one."""
    views = list(map(byte_view, buffers))
    if not 0 < nbytes < 1 << 32:
        return None
    try:
        rows = put_rows(map(deflate.zlib_decompress, views, repeat(nbytes)), len(views), nbytes, allocate)
    except (deflate.DeflateError, ValueError):  # ValueError: another length
        return None
    sums = map(deflate.adler32, rows)
    ends = [int.from_bytes(view[-4:], "big") for view in views]
    return rows if all(map(eq, sums, ends)) else None


def gunzip(buffer: Buffer, max_nbytes: int) -> bytearray | None:
    """The data of one gzip member (RFC 1952) with nothing behind it, by libdeflate; None as `inflate` has it."""
    data = byte_view(buffer)
    if len(data) < 18 or data[3] & _HEADER_CHECKSUM:  # the shortest member; libdeflate does not verify this checksum
        return None
    decoded = _libdeflate(deflate.gzip_decompress, data, max_nbytes)
    if decoded is None:
        return None
    # The member ends with these bytes. It is the only one if they are nowhere but at the end of `data`; looking at
    # the end alone would take two equal members for one.
    trailer = struct.pack("<II", deflate.crc32(decoded), len(decoded))
    return decoded if bytes(data).find(trailer) == len(data) - len(trailer) else None


def _libdeflate(
    decompress: Callable[["memoryview[int]", int], bytearray], data: "memoryview[int]", max_nbytes: int
) -> bytearray | None:
    room = min(max_nbytes, _MOST_PER_BYTE * len(data))
    if not 0 < room < 1 << 32:  # the wrapper takes 32 bits, and 0 for "there is nothing to decode"
        return None
    try:
        return decompress(data, room)
    except deflate.DeflateError:
        return None


def check_room(nbytes: int, max_nbytes: int, codec: str) -> None:
    """Raise CorruptDataError where decoding would give `nbytes` bytes, more than `max_nbytes`."""
    if nbytes > max_nbytes:
        raise CorruptDataError(
            "decoded data are longer than they may be",
            structure=codec,
            expected=f"at most {max_nbytes} bytes",
            found=f"{nbytes} bytes",
        )
