"""The `blosc` codec.

Specification: https://zarr-specs.readthedocs.io/en/latest/v3/codecs/blosc/index.html; chunks: `blosc_blocks`.
The lengths in the header are checked here: c-blosc is not told how long its input is.
"""

import struct
from dataclasses import dataclass, replace
from itertools import repeat
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from numcodecs import blosc

from zarr_hdf5.buffer import Buffer, Buffers, as_list, byte_view, byte_views
from zarr_hdf5.codecs.blosc_blocks import SNAPPY_FORMAT, STORED_FLAG, VERSIONS, ChunkBlocks, find_blocks
from zarr_hdf5.codecs.bounded_decompression import check_room
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.protocol import ChunkSpec, Wanted
from zarr_hdf5.errors import CorruptDataError, Problem, UnsupportedFeatureError
from zarr_hdf5.scratch import Allocate, fresh

__all__ = ["BloscCodec", "parse_blosc"]

# As zarr-python does too: with threads of its own, blosc gives other bytes each time. Chunks run in parallel instead.
blosc.use_threads = False

_CNAMES = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")  # in the order of blosc's numbers

_WORTHWHILE = 0.6
"""Where more is wanted of the blocks, it is faster to decode all than to copy each from one place to another."""

_LARGE_NBYTES = 256 << 10
"""Of a decoded chunk: putting many together takes longer than a call for each."""

_HEADER = struct.Struct("<BBBBIII")  # as in `blosc_blocks`; for one chunk this is faster


@dataclass(frozen=True, slots=True)
class BloscCodec:
    """Blosc; `shuffle` and `typesize` (bytes) may be None until the data type is known, `blocksize` 0 is automatic."""

    cname: str = "zstd"
    clevel: int = 5
    shuffle: str | None = None
    typesize: int | None = None
    blocksize: int = 0
    name: ClassVar[str] = "blosc"

    def configuration(self) -> Configuration:
        """The JSON `configuration`; complete once resolved."""
        members = {
            "typesize": self.typesize,
            "cname": self.cname,
            "clevel": self.clevel,
            "shuffle": self.shuffle,
            "blocksize": self.blocksize,
        }
        return {key: value for key, value in members.items() if value is not None}

    def resolve(self, spec: ChunkSpec) -> "BloscCodec":
        """This codec with `typesize` and `shuffle` chosen by the data type, as zarr-python does, where absent."""
        # c-blosc takes larger elements for single bytes, and tensorstore refuses to read of them.
        itemsize = spec.dtype.itemsize if spec.dtype.itemsize <= blosc.MAX_TYPESIZE else 1
        shuffle = self.shuffle or ("bitshuffle" if itemsize == 1 else "shuffle")
        return replace(self, typesize=self.typesize or itemsize, shuffle=shuffle)

    def encoded_nbytes(self, nbytes: int) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """The header more: what does not shrink is stored."""
        return nbytes + _HEADER.size

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode. Raises UnsupportedFeatureError for snappy, which numcodecs comes without."""
        return self.encode_many([byte_view(buffer)])[0]

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError or RuntimeError."""
        view = byte_view(buffer)
        if not self._decoded_nbytes(view, max_nbytes):
            return b""
        decoded: bytes = blosc.decompress(view)
        return decoded

    def encode_many(self, buffers: Buffers, allocate: Allocate = fresh) -> Buffers:
        """See `BatchBytesBytesCodec`."""
        if self.cname == "snappy":
            raise UnsupportedFeatureError("blosc: encoding with snappy")
        shuffle = _SHUFFLES.index(self.shuffle or "noshuffle")
        options = (self.cname.encode(), self.clevel, shuffle, self.blocksize, self.typesize or 1)
        return list(map(blosc.compress, as_list(buffers), *map(repeat, options)))

    def decode_many(self, buffers: Buffers, nbytes: int, allocate: Allocate = fresh) -> Buffers:
        """See `BatchBytesBytesCodec`."""
        views = byte_views(buffers)
        blocks = find_blocks(views, nbytes) if len(views) > 1 else None
        if blocks is None:
            return [self.decode(view, nbytes) for view in views]
        try:
            rows = allocate(len(views) * nbytes).reshape(len(views), nbytes)
            if nbytes < _LARGE_NBYTES and not blocks.last_nbytes:
                blosc.decompress(blocks.whole(buffers, allocate), rows)
            else:
                for view, row in zip(views, rows, strict=True):
                    blosc.decompress(view, row)
        except RuntimeError:  # of a damaged chunk, and here of those beside it too
            return [self.decode(view, nbytes) for view in views]
        return rows

    def decode_wanted(
        self, buffers: Buffers, nbytes: int, wanted: Wanted, allocate: Allocate = fresh
    ) -> Buffers | None:
        """See `BlockwiseBytesBytesCodec`."""
        blocks = find_blocks(byte_views(buffers), nbytes)
        if blocks is None or blocks.nblocks == 1:
            return None
        which = wanted.blocks(blocks.blocksize)
        return _decode_some(blocks, which, allocate) if which.mean() < _WORTHWHILE else None

    def _decoded_nbytes(self, view: "memoryview[int]", max_nbytes: int) -> int:
        """Bytes that the frame holds, by its header. Raises CorruptDataError, UnsupportedFeatureError."""
        if len(view) < _HEADER.size:
            raise CorruptDataError("too short for a header", structure=self.name, found=f"{len(view)} bytes")
        version, _, flags, _, nbytes, _, cbytes = _HEADER.unpack_from(view)
        check_room(nbytes, min(max_nbytes, blosc.MAX_BUFFERSIZE), self.name)
        if version not in VERSIONS:
            raise CorruptDataError("unknown version", structure=self.name, expected=VERSIONS, found=version)
        if cbytes != len(view):
            raise CorruptDataError(
                "compressed data are not of their length", structure=self.name, expected=cbytes, found=len(view)
            )
        if nbytes and flags >> 5 == SNAPPY_FORMAT and not flags & STORED_FLAG:
            raise UnsupportedFeatureError("blosc: decoding of snappy")
        return int(nbytes)


def _decode_some(blocks: ChunkBlocks, which: npt.NDArray[np.bool_], allocate: Allocate) -> npt.NDArray[np.uint8]:
    count, size = len(blocks.chunks), blocks.blocksize
    rows = allocate(count * blocks.nbytes).reshape(count, blocks.nbytes)
    full = blocks.nbytes // size
    which, last = which[:, :full], which[:, full:]
    if which.any():
        decoded = allocate(int(which.sum()) * size).reshape(-1, size)
        blosc.decompress(blocks.some(which, allocate), decoded)
        rows[:, : full * size].reshape(count, full, size)[which] = decoded
    for row in np.flatnonzero(last).tolist():
        rows[row, full * size :] = np.frombuffer(blosc.decompress(blocks.last(row)), np.uint8)
    return rows


def parse_blosc(configuration: Configuration, path: Path, problems: list[Problem]) -> BloscCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    codec = BloscCodec(
        cname=fields.choice("cname", "zstd", _CNAMES),
        clevel=fields.integer("clevel", 5, 0, 9),
        shuffle=fields.choice("shuffle", None, _SHUFFLES),
        typesize=fields.integer("typesize", None, 1),
        blocksize=fields.integer("blocksize", 0, 0),
    )
    return fields.finish(codec)
