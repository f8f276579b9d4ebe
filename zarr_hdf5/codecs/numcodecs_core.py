"""`numcodecs.zstd`, `.gzip`, `.blosc`: core codecs under numcodecs' names, with its defaults and spellings.

https://github.com/zarr-developers/zarr-extensions/tree/main/codecs (numcodecs.*)
The same bytes as those of the core codecs, which new arrays better have.
"""

from dataclasses import dataclass
from typing import ClassVar

from zarr_hdf5.codecs.blosc import BloscCodec
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.gzip import GzipCodec
from zarr_hdf5.codecs.zstd import ZstdCodec
from zarr_hdf5.errors import Problem

__all__ = [
    "NumcodecsBloscCodec",
    "NumcodecsGzipCodec",
    "NumcodecsZstdCodec",
    "parse_numcodecs_blosc",
    "parse_numcodecs_gzip",
    "parse_numcodecs_zstd",
]

_CNAMES = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")
_AUTOMATIC_SHUFFLE = -1


@dataclass(frozen=True, slots=True)
class NumcodecsZstdCodec(ZstdCodec):
    """See `ZstdCodec`."""

    name: ClassVar[str] = "numcodecs.zstd"


@dataclass(frozen=True, slots=True)
class NumcodecsGzipCodec(GzipCodec):
    """See `GzipCodec`."""

    name: ClassVar[str] = "numcodecs.gzip"


@dataclass(frozen=True, slots=True)
class NumcodecsBloscCodec(BloscCodec):
    """See `BloscCodec`; in JSON, shuffles are numbers, and the size of elements is not told."""

    name: ClassVar[str] = "numcodecs.blosc"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        shuffle = _AUTOMATIC_SHUFFLE if self.shuffle is None else _SHUFFLES.index(self.shuffle)
        return {"cname": self.cname, "clevel": self.clevel, "shuffle": shuffle, "blocksize": self.blocksize}


def parse_numcodecs_zstd(configuration: Configuration, path: Path, problems: list[Problem]) -> ZstdCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    level = fields.integer("level", 0, -131072, 22)
    return fields.finish(NumcodecsZstdCodec(level, fields.boolean("checksum", False)))


def parse_numcodecs_gzip(configuration: Configuration, path: Path, problems: list[Problem]) -> GzipCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(NumcodecsGzipCodec(fields.integer("level", 1, 0, 9)))


def parse_numcodecs_blosc(configuration: Configuration, path: Path, problems: list[Problem]) -> BloscCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    cname, clevel = fields.choice("cname", "lz4", _CNAMES), fields.integer("clevel", 5, 0, 9)
    shuffle = fields.integer("shuffle", 1, _AUTOMATIC_SHUFFLE, len(_SHUFFLES) - 1)
    blocksize, typesize = fields.integer("blocksize", 0, 0), fields.integer("typesize", None, 1)
    name = None if shuffle == _AUTOMATIC_SHUFFLE else _SHUFFLES[shuffle]
    return fields.finish(NumcodecsBloscCodec(cname, clevel, name, typesize, blocksize))
