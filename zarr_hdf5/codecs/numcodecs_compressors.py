"""`numcodecs.zlib`, `numcodecs.bz2`, `numcodecs.lzma`, `numcodecs.lz4`.

Source: zarr-python's `zarr.codecs.numcodecs`, numcodecs' codecs of the same names, whose defaults these are.
"""

import bz2
import lzma
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from numcodecs import lz4

from zarr_hdf5.buffer import Buffer, Buffers, byte_view, byte_views
from zarr_hdf5.codecs.begins import decode_begins
from zarr_hdf5.codecs.bounded_decompression import check_room, decompress_streams, inflate, inflate_begin, inflate_many
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.deflate_encoding import deflate_zlib, deflate_zlib_many, max_deflated_nbytes
from zarr_hdf5.codecs.protocol import Wanted
from zarr_hdf5.errors import CorruptDataError, Problem
from zarr_hdf5.scratch import Allocate, fresh

__all__ = [
    "Bz2Codec",
    "Lz4Codec",
    "LzmaCodec",
    "ZlibCodec",
    "parse_bz2",
    "parse_lz4",
    "parse_lzma",
    "parse_zlib",
]


@dataclass(frozen=True, slots=True)
class ZlibCodec:
    """One zlib stream, as HDF5's deflate filter writes; `level` from -1 (the default of zlib, 6) to 9.

    zlib itself is slow. Its levels are done by others that compress about as well or better, and faster: 0 is stored;
    1 is igzip's level 2; 2 to 9 are libdeflate's 3, 5, 5, 6, 7, 7, 9, 9.
    """

    level: int = 1
    name: ClassVar[str] = "numcodecs.zlib"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"level": self.level}

    def encoded_nbytes(self, nbytes: int) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """The encoders' bound."""
        return max_deflated_nbytes(nbytes)

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode."""
        return deflate_zlib(buffer, self.level)

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError or zlib.error."""
        decoded = inflate(buffer, max_nbytes)
        if decoded is not None:
            return decoded
        return decompress_streams(zlib.decompressobj, buffer, max_nbytes, self.name, single=True)

    def encode_many(self, buffers: Buffers, allocate: Allocate = fresh) -> Buffers:
        """See `BatchBytesBytesCodec`."""
        return deflate_zlib_many(buffers, self.level)

    def decode_many(self, buffers: Buffers, nbytes: int, allocate: Allocate = fresh) -> Buffers:
        """See `BatchBytesBytesCodec`."""
        rows = inflate_many(buffers, nbytes, allocate) if len(buffers) > 1 else None
        return [self.decode(buffer, nbytes) for buffer in buffers] if rows is None else rows

    def decode_wanted(
        self, buffers: Buffers, nbytes: int, wanted: Wanted, allocate: Allocate = fresh
    ) -> Buffers | None:
        """See `BlockwiseBytesBytesCodec`."""
        return decode_begins(byte_views(buffers), nbytes, wanted, inflate_begin, allocate)


@dataclass(frozen=True, slots=True)
class Bz2Codec:
    """bzip2 at a `level` from 1 to 9."""

    level: int = 1
    name: ClassVar[str] = "numcodecs.bz2"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"level": self.level}

    def encoded_nbytes(self, nbytes: int) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """As bzip2's manual says: 1% and 600 bytes."""
        return nbytes + nbytes // 100 + 601

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode."""
        return bz2.compress(byte_view(buffer), self.level)

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError or OSError."""
        return decompress_streams(bz2.BZ2Decompressor, buffer, max_nbytes, self.name)


# A header may ask for a dictionary of up to 4 GiB, and gets it before a byte is decoded; `xz -9` asks for 64 MiB.
_LZMA_MAX_MEMORY = 1 << 28
_LZMA_FILTER_MEMBERS = (
    "id",
    "dict_size",
    "lc",
    "lp",
    "pb",
    "mode",
    "nice_len",
    "mf",
    "depth",
    "preset",
    "dist",
    "start_offset",
)
_LZMA_FORMATS = (lzma.FORMAT_XZ, lzma.FORMAT_ALONE, lzma.FORMAT_RAW)
_LZMA_CHECKS = (-1, lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256)

_LZ4_MAX_NBYTES = 0x7E000000

LzmaFilter = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class LzmaCodec:
    """lzma; `format`, `check`, `preset` and `filters` (as items of mappings) are those of Python's module `lzma`."""

    format: int = lzma.FORMAT_XZ
    check: int = -1
    preset: int | None = None
    filters: tuple[LzmaFilter, ...] | None = None
    name: ClassVar[str] = "numcodecs.lzma"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"format": self.format, "check": self.check, "preset": self.preset, "filters": self._filter_chain()}

    def encoded_nbytes(self, nbytes: int) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """Generous: the two older formats cannot store what does not shrink."""
        return nbytes + nbytes // 8 + 2048

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode."""
        return lzma.compress(
            byte_view(buffer), format=self.format, check=self.check, preset=self.preset, filters=self._filter_chain()
        )

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError, LZMAError or ValueError."""
        if self.format == lzma.FORMAT_RAW:
            new = partial(lzma.LZMADecompressor, self.format, filters=self._filter_chain())
        else:
            new = partial(lzma.LZMADecompressor, self.format, _LZMA_MAX_MEMORY)
        return decompress_streams(new, buffer, max_nbytes, self.name)

    def _filter_chain(self) -> list[dict[str, Any]] | None:
        return None if self.filters is None else [dict(members) for members in self.filters]


@dataclass(frozen=True, slots=True)
class Lz4Codec:
    """One LZ4 block after its decoded length, four little-endian bytes."""

    acceleration: int = 1
    name: ClassVar[str] = "numcodecs.lz4"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"acceleration": self.acceleration}

    def encoded_nbytes(self, nbytes: int) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """LZ4_COMPRESSBOUND, and the length."""
        return nbytes + nbytes // 255 + 16 + 4

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode. Raises ValueError past LZ4's limit, not quite 2 GiB."""
        view = byte_view(buffer)
        if len(view) > _LZ4_MAX_NBYTES:
            raise ValueError(f"LZ4 takes at most {_LZ4_MAX_NBYTES} bytes, not {len(view)}")
        encoded: bytes = lz4.compress(view, self.acceleration)
        return encoded

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError or RuntimeError."""
        view = byte_view(buffer)
        if len(view) < 4:
            raise CorruptDataError("too short for a length", structure=self.name, found=f"{len(view)} bytes")
        nbytes = int.from_bytes(view[:4], "little")
        check_room(nbytes, min(max_nbytes, _LZ4_MAX_NBYTES), self.name)
        # numcodecs writes nothing at all as one zero byte, and cannot read it.
        decoded: bytes = lz4.decompress(view) if nbytes or bytes(view[4:]) != b"\0" else b""
        return decoded


def parse_zlib(configuration: Configuration, path: Path, problems: list[Problem]) -> ZlibCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(ZlibCodec(fields.integer("level", 1, -1, 9)))


def parse_bz2(configuration: Configuration, path: Path, problems: list[Problem]) -> Bz2Codec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(Bz2Codec(fields.integer("level", 1, 1, 9)))


def parse_lz4(configuration: Configuration, path: Path, problems: list[Problem]) -> Lz4Codec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(Lz4Codec(fields.integer("acceleration", 1)))


def parse_lzma(configuration: Configuration, path: Path, problems: list[Problem]) -> LzmaCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    form = fields.integer("format", lzma.FORMAT_XZ, min(_LZMA_FORMATS), max(_LZMA_FORMATS))
    check = fields.integer("check", -1)
    preset = fields.integer("preset", None, 0, 9 | lzma.PRESET_EXTREME)
    filters = _parse_lzma_filters(fields)
    if check not in _LZMA_CHECKS:
        fields.problem("check", f"must be one of {_LZMA_CHECKS}, not {check}")
    elif check > 0 and form != lzma.FORMAT_XZ:
        fields.problem("check", f"is only for format {lzma.FORMAT_XZ}")
    if preset is not None and preset & ~lzma.PRESET_EXTREME > 9:
        fields.problem("preset", f"must be from 0 to 9, perhaps with {lzma.PRESET_EXTREME} added, not {preset}")
    if preset is not None and filters is not None:
        fields.problem("preset", "excludes filters")
    if form == lzma.FORMAT_RAW and filters is None:
        fields.problem("filters", f"is required for format {lzma.FORMAT_RAW}", "missing")
    return fields.finish(LzmaCodec(form, check, preset, filters))


def _parse_lzma_filters(fields: Fields) -> tuple[LzmaFilter, ...] | None:
    filters = fields.take("filters", None)
    if filters is None:
        return None
    if not isinstance(filters, list | tuple) or not all(isinstance(f, Mapping) for f in filters):
        fields.problem("filters", "must be an array of objects", "type")
        return ()
    for member, value in (item for f in filters for item in f.items()):
        if member not in _LZMA_FILTER_MEMBERS:
            fields.problem("filters", f"{member!r:.80} is not a member of an lzma filter", "unknown")
        elif type(value) is not int:
            fields.problem("filters", f"{member} must be an integer, not {value!r:.80}", "type")
        elif not 0 <= value < (_LZMA_MAX_MEMORY + 1 if member == "dict_size" else 1 << 63):
            fields.problem("filters", f"{member} is out of range: {value!r:.80}")
    if not 1 <= len(filters) <= 4 or not all("id" in f for f in filters):
        fields.problem("filters", "must be one to four objects, each with an id")
    return tuple(tuple(f.items()) for f in filters)
