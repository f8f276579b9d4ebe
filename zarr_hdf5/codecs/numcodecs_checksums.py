"""`numcodecs.fletcher32`, `.adler32`, `.crc32`, `.crc32c`, `.jenkins_lookup3`: four bytes before or after the data.

Source: zarr-python's `zarr.codecs.numcodecs`, numcodecs' `Fletcher32` (HDF5's filter of that name) and `Checksum32`.
The bytes are little-endian.
"""

import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import google_crc32c
import numcodecs
import numpy as np
from numcodecs.jenkins import jenkins_lookup3

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.bounded_decompression import check_room
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.errors import ChecksumError, CorruptDataError, Problem

__all__ = [
    "Adler32Codec",
    "Crc32Codec",
    "Fletcher32Codec",
    "JenkinsLookup3Codec",
    "NumcodecsCrc32cCodec",
    "parse_adler32",
    "parse_crc32",
    "parse_fletcher32",
    "parse_jenkins_lookup3",
    "parse_numcodecs_crc32c",
]

_FLETCHER32 = numcodecs.Fletcher32()


@dataclass(frozen=True, slots=True)
class _Checksum32(ABC):
    """A checksum at the `location` "start" or "end"."""

    location: str = "start"
    name: ClassVar[str]

    @abstractmethod
    def checksum(self, view: "memoryview[int]") -> bytes:
        """The four bytes for the data."""

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"location": self.location}

    def encoded_nbytes(self, nbytes: int) -> int:
        """Four bytes more."""
        return nbytes + 4

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """Four bytes more."""
        return nbytes + 4

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode."""
        view = byte_view(buffer)
        parts = (view, self.checksum(view))
        return b"".join(parts if self.location == "end" else parts[::-1])

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Verify; the data come out as a view. Raises ChecksumError, and CorruptDataError where there is none."""
        view = byte_view(buffer)
        if len(view) < 4:
            raise CorruptDataError("too short for a checksum", structure=self.name, found=f"{len(view)} bytes")
        check_room(len(view) - 4, max_nbytes, self.name)
        data, stored = (view[:-4], view[-4:]) if self.location == "end" else (view[4:], view[:4])
        self.verify(data, bytes(stored))
        return data

    def verify(self, data: "memoryview[int]", stored: bytes) -> None:
        """Raise ChecksumError unless `stored` is the checksum of `data`."""
        if (computed := self.checksum(data)) != stored:
            raise ChecksumError("checksums differ", structure=self.name, expected=stored.hex(), found=computed.hex())


@dataclass(frozen=True, slots=True)
class Crc32Codec(_Checksum32):
    """zlib's CRC-32."""

    name: ClassVar[str] = "numcodecs.crc32"

    def checksum(self, view: "memoryview[int]") -> bytes:
        """The four bytes for the data."""
        return zlib.crc32(view).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Adler32Codec(_Checksum32):
    """zlib's Adler-32."""

    name: ClassVar[str] = "numcodecs.adler32"

    def checksum(self, view: "memoryview[int]") -> bytes:
        """The four bytes for the data."""
        return zlib.adler32(view).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class NumcodecsCrc32cCodec(_Checksum32):
    """CRC-32C, which at the end is the core codec `crc32c`."""

    location: str = "end"
    name: ClassVar[str] = "numcodecs.crc32c"

    def checksum(self, view: "memoryview[int]") -> bytes:
        """The four bytes for the data."""
        return int(google_crc32c.value(np.frombuffer(view, np.uint8))).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class JenkinsLookup3Codec(_Checksum32):
    """Bob Jenkins' lookup3, HDF5's checksum of its metadata, always after the data; `initval` is its seed."""

    location: str = "end"
    initval: int = 0
    name: ClassVar[str] = "numcodecs.jenkins_lookup3"

    def configuration(self) -> Configuration:
        """The JSON `configuration`: empty but for a seed."""
        return {"initval": self.initval} if self.initval else {}

    def checksum(self, view: "memoryview[int]") -> bytes:
        """The four bytes for the data."""
        return int(jenkins_lookup3(np.frombuffer(view, np.uint8), self.initval)).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Fletcher32Codec(_Checksum32):
    """HDF5's Fletcher-32, always after the data."""

    location: str = "end"
    name: ClassVar[str] = "numcodecs.fletcher32"

    def checksum(self, view: "memoryview[int]") -> bytes:
        """The four bytes for the data."""
        encoded: bytes = _FLETCHER32.encode(view) if len(view) else bytes(4)
        return encoded[-4:]

    def configuration(self) -> Configuration:
        """The JSON `configuration`: empty."""
        return {}

    def verify(self, data: "memoryview[int]", stored: bytes) -> None:
        """Raise ChecksumError unless `stored` is the checksum of `data`."""
        computed = self.checksum(data)
        # HDF5 up to 1.6.2 stored the bytes of each 16-bit half swapped; HDF5 reads either to this day, and so do we.
        if stored not in (computed, _swapped(computed)):
            raise ChecksumError("checksums differ", structure=self.name, expected=stored.hex(), found=computed.hex())

    def renewed(self, buffer: Buffer) -> Buffer:
        """`buffer`, or if its checksum is one of HDF5's old ones, the same data with today's."""
        view = byte_view(buffer)
        computed = self.checksum(view[:-4])
        return bytes(view[:-4]) + computed if bytes(view[-4:]) == _swapped(computed) != computed else buffer


def _swapped(checksum: bytes) -> bytes:
    return bytes(checksum[i] for i in (1, 0, 3, 2))


C = TypeVar("C", Crc32Codec, Adler32Codec, NumcodecsCrc32cCodec)


def _parse(codec: type[C], configuration: Configuration, path: Path, problems: list[Problem]) -> C | None:
    fields = Fields(configuration, path, problems)
    return fields.finish(codec(fields.choice("location", codec().location, ("start", "end"))))


def parse_crc32(configuration: Configuration, path: Path, problems: list[Problem]) -> Crc32Codec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    return _parse(Crc32Codec, configuration, path, problems)


def parse_adler32(configuration: Configuration, path: Path, problems: list[Problem]) -> Adler32Codec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    return _parse(Adler32Codec, configuration, path, problems)


def parse_fletcher32(configuration: Configuration, path: Path, problems: list[Problem]) -> Fletcher32Codec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    return Fields(configuration, path, problems).finish(Fletcher32Codec())


def parse_numcodecs_crc32c(
    configuration: Configuration, path: Path, problems: list[Problem]
) -> NumcodecsCrc32cCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    return _parse(NumcodecsCrc32cCodec, configuration, path, problems)


def parse_jenkins_lookup3(
    configuration: Configuration, path: Path, problems: list[Problem]
) -> JenkinsLookup3Codec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    prefix: Any = fields.take("prefix", None)
    if prefix is not None:  # numcodecs takes bytes, for which JSON has no word
        fields.problem("prefix", f"must be null, not {prefix!r:.80}", "type")
    return fields.finish(JenkinsLookup3Codec(initval=fields.integer("initval", 0, 0, 2**32 - 1)))
