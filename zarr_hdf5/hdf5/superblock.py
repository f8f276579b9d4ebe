"""The superblock: where an HDF5 file begins and ends.

Knows the fields that must change when bytes are put behind the metadata of a file. Everything else in it is libhdf5's.
Source: HDF5 File Format Specification 3.0, II.A "Format Signature and Superblock".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5.index_walk import UNDEFINED_ADDRESS, FileSpace, Walk
from zarr_hdf5.hdf5.lookup3 import lookup3
from zarr_hdf5.hdf5.object_header import BTREE_K_VALUES, walk_messages

__all__ = [
    "SIGNATURE",
    "Superblock",
    "parse_superblock",
    "patch_end_of_file",
    "patch_root_group",
    "signature_offsets",
    "walk_file_space",
]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
ADDRESSES = Struct("<3Q")
"""Base address, extension or free-space information, end of file."""
ROOT_ENTRY_FIELD = 56
"""Where the symbol table entry of the root group lies in version 0."""
SUPERBLOCK_NBYTES = 64
"""Enough of any version; a file with a group in it is longer."""


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
    extension_address
        Of the object header with what the superblock has no room for; None where there is none.
    indexed_storage_k
        Half the children of a full node in version 1 B-trees of chunks, unless the extension has another.
    """

    offset: int
    version: int
    base_address: int
    end_of_file: int
    end_of_file_field: int
    extension_address: int | None = None
    indexed_storage_k: int = 32


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
        sizes_at, base_at = offset + 13, offset + (24 if version == 0 else 28)
    elif version in (2, 3):
        sizes_at, base_at = offset + 9, offset + 12
    else:
        raise UnsupportedFeatureError(f"superblock version {version}")
    if data[sizes_at] != 8 or data[sizes_at + 1] != 8:
        raise UnsupportedFeatureError(f"HDF5 addresses of {data[sizes_at]} bytes, lengths of {data[sizes_at + 1]}")
    base, extension, end = ADDRESSES.unpack_from(data, base_at)
    return Superblock(
        offset=offset,
        version=version,
        base_address=base,
        end_of_file=end,
        end_of_file_field=base_at + 16,
        # Where older versions keep the address of a free-space manager that was never written.
        extension_address=extension if version >= 2 and extension != UNDEFINED_ADDRESS else None,
        indexed_storage_k=int.from_bytes(data[offset + 24 : offset + 26], "little") if version == 1 else 32,
    )


def walk_file_space(nbytes: int) -> Walk[FileSpace]:
    """What addresses count from in a file of `nbytes` bytes.

    Raises
    ------
    NotFoundError
        If this is no HDF5 file.
    CorruptDataError, UnsupportedFeatureError
    """
    for offset in signature_offsets(nbytes):
        (buffer,) = yield [ByteRange(offset, min(SUPERBLOCK_NBYTES, nbytes - offset))]
        data = bytes(byte_view(buffer))
        if data.startswith(SIGNATURE):
            break
    else:
        raise NotFoundError("no HDF5 signature")
    # A file that was put behind something else says an old base address: libhdf5 goes by the signature, too.
    space = FileSpace(offset, nbytes)
    superblock = parse_superblock(data)
    k = superblock.indexed_storage_k
    if superblock.extension_address is not None:
        for message in (yield from walk_messages(space, superblock.extension_address)):
            if message.type == BTREE_K_VALUES and message.nbytes >= 3:
                k = int.from_bytes(message.body[1:3], "little")
    if not 1 <= k < 1 << 15:
        raise CorruptDataError(f"B-tree nodes of {k} children", structure="superblock", offset=offset)
    return FileSpace(offset, nbytes, k)


def patch_end_of_file(image: bytearray, superblock: Superblock, end_of_file: int) -> None:
    """Set the end-of-file address, and the checksum where the version has one."""
    at = superblock.end_of_file_field
    image[at : at + 8] = end_of_file.to_bytes(8, "little")
    if superblock.version >= 2:
        start = superblock.offset
        image[start + 44 : start + 48] = lookup3(image[start : start + 44]).to_bytes(4, "little")


def patch_root_group(image: bytearray, address: int, symbol_table: bytes | None) -> None:
    """Set the root group of a version 0 superblock at byte 0.

    `address` is that of its object header, `symbol_table` the body of the message of this name there, which the
    superblock repeats; None for a group of the newer kind, which has none.
    """
    at = ROOT_ENTRY_FIELD
    image[at + 8 : at + 16] = address.to_bytes(8, "little")
    image[at + 16 : at + 20] = (0 if symbol_table is None else 1).to_bytes(4, "little")
    image[at + 24 : at + 40] = symbol_table or bytes(16)
