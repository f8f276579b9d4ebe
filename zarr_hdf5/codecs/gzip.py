"""The `gzip` codec.

Specification: https://zarr-specs.readthedocs.io/en/latest/v3/codecs/gzip/index.html, RFC 1952.
Several members in a row are read as one; zero bytes after the last are taken for padding, as gzip programs do.
"""

import zlib
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from zarr_hdf5.buffer import Buffer, Buffers, byte_views
from zarr_hdf5.codecs.begins import decode_begins
from zarr_hdf5.codecs.bounded_decompression import decompress_streams, gunzip, inflate_begin
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.deflate_encoding import deflate_gzip, max_deflated_nbytes
from zarr_hdf5.codecs.protocol import Wanted
from zarr_hdf5.errors import Problem
from zarr_hdf5.scratch import Allocate, fresh

__all__ = ["GzipCodec", "parse_gzip"]

_WBITS = 16 + zlib.MAX_WBITS  # 16: the gzip wrapper, not zlib's


@dataclass(frozen=True, slots=True)
class GzipCodec:
    """gzip at a `level` from 0 to 9, encoded as `numcodecs.zlib` is."""

    level: int = 5
    name: ClassVar[str] = "gzip"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"level": self.level}

    def encoded_nbytes(self, nbytes: int) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """The encoders' bound."""
        return max_deflated_nbytes(nbytes)

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode as one member, without name or time."""
        return deflate_gzip(buffer, self.level)

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError or zlib.error."""
        decoded = gunzip(buffer, max_nbytes)
        if decoded is not None:
            return decoded
        return decompress_streams(_new, buffer, max_nbytes, self.name, zero_padding=True)

    def decode_wanted(
        self, buffers: Buffers, nbytes: int, wanted: Wanted, allocate: Allocate = fresh
    ) -> Buffers | None:
        """See `BlockwiseBytesBytesCodec`."""
        return decode_begins(byte_views(buffers), nbytes, wanted, partial(inflate_begin, wbits=_WBITS), allocate)


def _new() -> "zlib._Decompress":
    return zlib.decompressobj(_WBITS)


def parse_gzip(configuration: Configuration, path: Path, problems: list[Problem]) -> GzipCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(GzipCodec(fields.integer("level", 5, 0, 9)))
