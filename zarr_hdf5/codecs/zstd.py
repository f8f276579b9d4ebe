"""The `zstd` codec.

Specification: https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/zstd, RFC 8878 (Zstandard).
Any sequence of frames is read, with or without their content size, with skippable frames between.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import numcodecs.zstd
import zstandard

from zarr_hdf5.buffer import Buffer, Buffers, as_list, byte_view, byte_views, joined
from zarr_hdf5.codecs.begins import decode_begins
from zarr_hdf5.codecs.bounded_decompression import check_room
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.protocol import Wanted
from zarr_hdf5.errors import CorruptDataError, Problem
from zarr_hdf5.scratch import Allocate, fresh

__all__ = ["ZstdCodec", "parse_zstd"]

_MAX_BLOCK_NBYTES = 128 * 1024
_RLE_BLOCK, _RESERVED_BLOCK = 1, 3
_EMPTY_FRAME = bytes.fromhex("28b52ffd 00 00 010000")
"""Of unknown content size, one last block of no bytes: what numcodecs reads after it may be many frames."""


class _Contexts(threading.local):
    """This thread's compressors, by level and checksum, and its decompressor: costly to make, not to be shared."""

    def __init__(self) -> None:
        self.compressors: dict[tuple[int, bool], zstandard.ZstdCompressor] = {}
        self.decompressor = zstandard.ZstdDecompressor()


_contexts = _Contexts()


@dataclass(frozen=True, slots=True)
class ZstdCodec:
    """Zstandard at a `level` from -131072 to 22 (0: the library's default), with or without a content checksum."""

    level: int = 0
    checksum: bool = False
    name: ClassVar[str] = "zstd"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"level": self.level, "checksum": self.checksum}

    def encoded_nbytes(self, nbytes: int) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """ZSTD_COMPRESSBOUND."""
        return nbytes + (nbytes >> 8) + (max(_MAX_BLOCK_NBYTES - nbytes, 0) >> 11)

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode as one frame with its content size."""
        return self._compressor().compress(byte_view(buffer))

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError or zstandard.ZstdError."""
        view = byte_view(buffer)
        try:
            # The usual: one frame, and nothing else. Its size is trusted with an allocation only up to max_nbytes.
            if 0 < zstandard.frame_content_size(view) <= max_nbytes:
                return _contexts.decompressor.decompress(view, allow_extra_data=False)
        except zstandard.ZstdError:
            pass
        return _decode_frames(view, max_nbytes)

    def encode_many(self, buffers: Buffers, allocate: Allocate = fresh) -> Buffers:
        """See `BatchBytesBytesCodec`."""
        return list(map(self._compressor().compress, as_list(buffers)))

    def decode_many(self, buffers: Buffers, nbytes: int, allocate: Allocate = fresh) -> Buffers:
        """See `BatchBytesBytesCodec`."""
        views = byte_views(buffers)
        with suppress(zstandard.ZstdError, RuntimeError):
            if len(views) > 1 and nbytes and all(zstandard.frame_content_size(view) == nbytes for view in views):
                # All in one call, which holds the interpreter lock at its begin and end only. It fails if there are
                # more or fewer bytes in the frames.
                rows = allocate(len(views) * nbytes).reshape(len(views), nbytes)
                numcodecs.zstd.decompress(joined(_EMPTY_FRAME, buffers, allocate), rows)
                return rows
        return [self.decode(view, nbytes) for view in views]

    def decode_wanted(
        self, buffers: Buffers, nbytes: int, wanted: Wanted, allocate: Allocate = fresh
    ) -> Buffers | None:
        """See `BlockwiseBytesBytesCodec`."""
        views = byte_views(buffers)
        if any(zstandard.frame_content_size(view) != nbytes for view in views):
            return None
        return decode_begins(views, nbytes, wanted, _read_begin, allocate)

    def _compressor(self) -> zstandard.ZstdCompressor:
        options = (self.level, self.checksum)
        compressor = _contexts.compressors.get(options)
        if compressor is None:
            compressor = zstandard.ZstdCompressor(level=self.level, write_checksum=self.checksum)
            _contexts.compressors[options] = compressor
        return compressor


def _read_begin(frame: "memoryview[int]", begin: "memoryview[int]") -> int:
    with _contexts.decompressor.stream_reader(frame) as reader:
        return reader.readinto(begin)


def _decode_frames(view: "memoryview[int]", max_nbytes: int) -> bytes:
    """All frames of `view`, one after the other."""
    parts: list[bytes] = []
    offset, room = 0, max_nbytes
    while offset < len(view) or not offset:
        end, nblocks = _frame_end(view, offset)
        if nblocks:
            frame = view[offset:end]
            nbytes = zstandard.frame_content_size(frame)
            check_room(max_nbytes - room + nbytes, max_nbytes, "zstd")
            if nbytes < 0:
                nbytes = max(min(room, nblocks * _MAX_BLOCK_NBYTES), 1)  # no size: what can come of it, at most
            part = _contexts.decompressor.decompress(frame, max_output_size=nbytes)
            room -= len(part)
            check_room(max_nbytes - room, max_nbytes, "zstd")
            parts.append(part)
        offset = end
    return b"".join(parts)


def _frame_end(view: "memoryview[int]", start: int) -> tuple[int, int]:
    """Where the frame at `start` ends, and how many blocks it has; a skippable frame has none.

    Raises CorruptDataError for anything but a whole frame; ZstdError for a damaged header.
    """
    magic, nblocks = int.from_bytes(view[start : start + 4], "little"), 0
    if magic & 0xFFFFFFF0 == 0x184D2A50:
        end = start + 8 + int.from_bytes(view[start + 4 : start + 8], "little")
    elif magic == 0xFD2FB528:
        end, last = start + zstandard.frame_header_size(view[start:]), False
        while not last and end + 3 <= len(view):
            header = int.from_bytes(view[end : end + 3], "little")
            last, kind, nbytes = bool(header & 1), header >> 1 & 3, header >> 3
            if kind == _RESERVED_BLOCK:
                raise CorruptDataError("a block of a reserved type", structure="zstd", offset=end)
            end += 3 + (1 if kind == _RLE_BLOCK else nbytes)
            nblocks += 1
        end += 4 if zstandard.get_frame_parameters(view[start:]).has_checksum else 0
        if not last:
            end = len(view) + 1
    else:
        raise CorruptDataError("no zstd frame here", structure="zstd", offset=start, found=f"{magic:#010x}")
    if end > len(view):
        raise CorruptDataError("a frame ends too early", structure="zstd", offset=len(view))
    return end, nblocks


def parse_zstd(configuration: Configuration, path: Path, problems: list[Problem]) -> ZstdCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    level = fields.integer("level", 0, -131072, 22)
    return fields.finish(ZstdCodec(level, fields.boolean("checksum", False)))
