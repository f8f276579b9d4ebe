"""Object headers: the list of messages that make a group or a dataset.

Finds where each message lies, versions 1 and 2, continuation blocks included. Knows no message's inside.
Source: HDF5 File Format Specification 3.0, IV.A "Disk Format: Level 2A - Data Object Headers".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.lookup3 import lookup3

__all__ = ["ATTRIBUTE", "DATA_LAYOUT", "FILTER_PIPELINE", "HeaderMessage", "patch_checksum", "read_messages"]

DATA_LAYOUT = 0x0008
FILTER_PIPELINE = 0x000B
ATTRIBUTE = 0x000C
CONTINUATION = 0x0010
MAX_MESSAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """A run of messages from byte `start` to `end`.

    In version 2 a checksum of what begins at `checked_from` lies at `end`.
    """

    start: int
    end: int
    checked_from: int | None


@dataclass(frozen=True, slots=True)
class HeaderMessage:
    """Type number, first byte and length of a message's body, and the block it lies in."""

    type: int
    offset: int
    nbytes: int
    block: Block


def read_messages(image: bytes | bytearray | memoryview, offset: int, base_address: int = 0) -> list[HeaderMessage]:
    """All messages of the object header at byte `offset` of `image`."""
    return list(islice(_messages(memoryview(image), offset, base_address), MAX_MESSAGES))


def _messages(image: memoryview, offset: int, base_address: int) -> Iterator[HeaderMessage]:
    version_2 = bytes(image[offset : offset + 4]) == b"OHDR"
    if not version_2 and bytes(image[offset : offset + 1]) != b"\x01":
        raise CorruptDataError("no object header", structure="object header", offset=offset)
    first, has_order = _first_block_v2(image, offset) if version_2 else (_first_block_v1(image, offset), False)
    blocks, seen = [first], {first.start}
    while blocks:
        block = blocks.pop(0)
        for message in _block_messages(image, block, version_2, has_order):
            yield message
            if message.type == CONTINUATION:
                at, nbytes = _u64(image, message.offset) + base_address, _u64(image, message.offset + 8)
                block = Block(at + 4, at + nbytes - 4, at) if version_2 else Block(at, at + nbytes, None)
                if block.end > len(image) or block.start in seen:
                    raise CorruptDataError("continuation out of bounds or cyclic", structure="object header", offset=at)
                seen.add(block.start)
                blocks.append(block)


def _first_block_v1(image: memoryview, offset: int) -> Block:
    _check_length(image, offset, 16)
    nbytes = int.from_bytes(image[offset + 8 : offset + 12], "little")
    return Block(offset + 16, offset + 16 + nbytes, None)


def _first_block_v2(image: memoryview, offset: int) -> tuple[Block, bool]:
    _check_length(image, offset, 6)
    if image[offset + 4] != 2:
        raise UnsupportedFeatureError(f"object header version {image[offset + 4]}")
    flags, at = image[offset + 5], offset + 6
    at += (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    nbytes = int.from_bytes(image[at : at + width], "little")
    return Block(at + width, at + width + nbytes, offset), bool(flags & 0x04)


def _check_length(image: memoryview, offset: int, nbytes: int) -> None:
    if offset + nbytes > len(image):
        raise CorruptDataError("truncated", structure="object header", offset=offset)


def _block_messages(image: memoryview, block: Block, version_2: bool, has_order: bool) -> Iterator[HeaderMessage]:
    if block.end > len(image):
        raise CorruptDataError("truncated", structure="object header", offset=block.start)
    prefix = (6 if has_order else 4) if version_2 else 8
    at = block.start
    while at + prefix <= block.end:
        size_at = at + (1 if version_2 else 2)
        kind = image[at] if version_2 else int.from_bytes(image[at : at + 2], "little")
        nbytes = int.from_bytes(image[size_at : size_at + 2], "little")
        body = at + prefix
        if body + nbytes > block.end:
            raise CorruptDataError("a message runs past its block", structure="object header", offset=at)
        yield HeaderMessage(kind, body, nbytes, block)
        at = body + nbytes


def _u64(image: memoryview, at: int) -> int:
    return int.from_bytes(image[at : at + 8], "little")


def patch_checksum(image: bytearray, block: Block) -> None:
    """Recompute a version 2 block's checksum after a change of its bytes; version 1 has none."""
    if block.checked_from is not None:
        checksum = lookup3(memoryview(image)[block.checked_from : block.end])
        image[block.end : block.end + 4] = checksum.to_bytes(4, "little")
