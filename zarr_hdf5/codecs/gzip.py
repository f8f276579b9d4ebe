"""The `gzip` codec.

Specification: https://zarr-specs.readthedocs.io/en/latest/v3/codecs/gzip/index.html, RFC 1952.
Several members in a row are read as one; zero bytes after the last are taken for padding, as gzip programs do.
"""

import zlib
from dataclasses import dataclass
from typing import ClassVar

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.bounded_decompression import decompress_streams
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.errors import Problem

__all__ = ["GzipCodec", "parse_gzip"]

_WBITS = 16 + zlib.MAX_WBITS  # 16: the gzip wrapper, not zlib's


@dataclass(frozen=True, slots=True)
class GzipCodec:
    """gzip at a `level` from 0 to 9."""

    level: int = 5
    name: ClassVar[str] = "gzip"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"level": self.level}

    def encoded_nbytes(self, nbytes: int) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """zlib's compressBound, and the wrapper."""
        return nbytes + (nbytes >> 12) + (nbytes >> 14) + (nbytes >> 25) + 13 + 12

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode as one member, without name or time."""
        return zlib.compress(byte_view(buffer), self.level, _WBITS)

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError or zlib.error."""
        return decompress_streams(_new, buffer, max_nbytes, self.name, zero_padding=True)


def _new() -> "zlib._Decompress":
    return zlib.decompressobj(_WBITS)


def parse_gzip(configuration: Configuration, path: Path, problems: list[Problem]) -> GzipCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(GzipCodec(fields.integer("level", 5, 0, 9)))
