"""The superblock: where an HDF5 file begins and ends.

Knows the fields that must change when bytes are put behind the metadata of a file. Everything else in it is libhdf5's.
Source: HDF5 File Format Specification 3.0, II.A "Format Signature and Superblock".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.lookup3 import lookup3

__all__ = ["SIGNATURE", "Superblock", "parse_superblock", "patch_end_of_file", "signature_offsets"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED_ADDRESS = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Superblock:
    """The part of a superblock that concerns addresses.

    offset
        Byte of the file at which the signature lies: the size of the user block before it.
    version
        0 to 3.
    base_address
        All addresses in the file count from here (bytes from the start of the file).
    end_of_file
        First byte after the file's HDF5 data, absolute.
    end_of_file_field
        Where in the file that number is stored.
    """

    offset: int
    version: int
    base_address: int
    end_of_file: int
    end_of_file_field: int


def signature_offsets(size: int) -> Iterator[int]:
    """The bytes at which the signature may lie in a file of `size` bytes: 0, 512, 1024, 2048 ..."""
    offset = 0
    while offset + len(SIGNATURE) <= size:
        yield offset
        offset = max(512, offset * 2)


def parse_superblock(data: bytes | bytearray | memoryview, offset: int = 0) -> Superblock:
    """The superblock at `offset` of `data`."""
    if bytes(data[offset : offset + 8]) != SIGNATURE:
        raise CorruptDataError("no HDF5 signature", structure="superblock", offset=offset)
    if len(data) < offset + 64:
        raise CorruptDataError(
            "truncated", structure="superblock", offset=offset, expected=64, found=len(data) - offset
        )
    version = data[offset + 8]
    if version in (0, 1):
        size_of_offsets, base_at = data[offset + 13], offset + (24 if version == 0 else 28)
        eof_at = base_at + 16
    elif version in (2, 3):
        size_of_offsets, base_at = data[offset + 9], offset + 12
        eof_at = base_at + 16
    else:
        raise UnsupportedFeatureError(f"superblock version {version}")
    if size_of_offsets != 8:
        raise UnsupportedFeatureError(f"HDF5 addresses of {size_of_offsets} bytes")
    base = int.from_bytes(data[base_at : base_at + 8], "little")
    end = int.from_bytes(data[eof_at : eof_at + 8], "little")
    return Superblock(offset, version, base, end, eof_at)


def patch_end_of_file(image: bytearray, superblock: Superblock, end_of_file: int) -> None:
    """Set the end-of-file address, and the checksum where the version has one."""
    at = superblock.end_of_file_field
    image[at : at + 8] = end_of_file.to_bytes(8, "little")
    if superblock.version >= 2:
        start = superblock.offset
        image[start + 44 : start + 48] = lookup3(image[start : start + 44]).to_bytes(4, "little")
