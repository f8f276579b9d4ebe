"""The `crc32c` codec: the data, then their CRC-32C as four little-endian bytes.

Specification: https://zarr-specs.readthedocs.io/en/latest/v3/codecs/crc32c/index.html
"""

from dataclasses import dataclass
from typing import ClassVar

import google_crc32c
import numpy as np

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.bounded_decompression import check_room
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.errors import ChecksumError, CorruptDataError, Problem

__all__ = ["Crc32cCodec", "parse_crc32c"]


@dataclass(frozen=True, slots=True)
class Crc32cCodec:
    """Appends and verifies the checksum."""

    name: ClassVar[str] = "crc32c"

    def configuration(self) -> Configuration:
        """The JSON `configuration`: empty."""
        return {}

    def encoded_nbytes(self, nbytes: int) -> int:
        """Four bytes more."""
        return nbytes + 4

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """Four bytes more."""
        return nbytes + 4

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode."""
        view = byte_view(buffer)
        return b"".join((view, _checksum(view).to_bytes(4, "little")))

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Verify; the data come out as a view. Raises ChecksumError, and CorruptDataError where there is none."""
        view = byte_view(buffer)
        nbytes = len(view) - 4
        if nbytes < 0:
            raise CorruptDataError("too short for a checksum", structure=self.name, found=f"{len(view)} bytes")
        check_room(nbytes, max_nbytes, self.name)
        data, stored = view[:nbytes], int.from_bytes(view[nbytes:], "little")
        if (computed := _checksum(data)) != stored:
            raise ChecksumError(
                "checksums differ", structure=self.name, expected=f"{stored:#010x}", found=f"{computed:#010x}"
            )
        return data


def _checksum(view: "memoryview[int]") -> int:
    # google_crc32c takes no memoryview, but an array of one.
    return int(google_crc32c.value(np.frombuffer(view, np.uint8)))


def parse_crc32c(configuration: Configuration, path: Path, problems: list[Problem]) -> Crc32cCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    return Fields(configuration, path, problems).finish(Crc32cCodec())
