"""Object headers: the list of messages that make a group or a dataset.

Finds each message, versions 1 and 2, continuation blocks included. Knows no message's inside.
Source: HDF5 File Format Specification 3.0, IV.A "Disk Format: Level 2A - Data Object Headers".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.index_walk import FileSpace, Walk, check_sum, run_walk
from zarr_hdf5.hdf5.lookup3 import lookup3

__all__ = [
    "ATTRIBUTE",
    "BTREE_K_VALUES",
    "DATA_LAYOUT",
    "EXTERNAL_FILES",
    "FILTER_PIPELINE",
    "SYMBOL_TABLE",
    "Block",
    "HeaderMessage",
    "header_guess",
    "patch_checksum",
    "read_messages",
    "walk_messages",
]

EXTERNAL_FILES = 0x0007
DATA_LAYOUT = 0x0008
FILTER_PIPELINE = 0x000B
ATTRIBUTE = 0x000C
CONTINUATION = 0x0010
SYMBOL_TABLE = 0x0011
BTREE_K_VALUES = 0x0013
HEAD_V1, HEAD_V2 = Struct("<HH"), Struct("<BH")
"""Type and length of a message."""
MAX_MESSAGES = 1_000_000
MAX_BLOCK_NBYTES = 64 << 20
FIRST_GUESS = 512
"""Bytes that hold most headers whole."""


@dataclass(frozen=True, slots=True)
class Block:
    """A run of messages from byte `start` to `end` of the file.

    In version 2 a checksum of what begins at `checked_from` lies at `end`.
    """

    start: int
    end: int
    checked_from: int | None

    @property
    def first_byte(self) -> int:
        """Where what must be read begins."""
        return self.start if self.checked_from is None else self.checked_from

    @property
    def last_byte(self) -> int:
        """Where it ends, checksum included."""
        return self.end + (0 if self.checked_from is None else 4)


@dataclass(frozen=True, slots=True)
class HeaderMessage:
    """Type number, first byte (of the file) and length of a message's body, the block it lies in, and the body."""

    type: int
    offset: int
    nbytes: int
    block: Block
    body: bytes


def read_messages(image: bytes | bytearray | memoryview, offset: int, base_address: int = 0) -> list[HeaderMessage]:
    """All messages of the object header at byte `offset` of `image`."""
    view = memoryview(image)
    space = FileSpace(base_address, len(view))
    walk = walk_messages(space, offset - base_address)
    return run_walk(walk, lambda ranges: [view[r.offset : r.end] for r in ranges], len(view))


def walk_messages(space: FileSpace, address: int, until: int | None = None) -> Walk[list[HeaderMessage]]:
    """The messages of the object header at `address`.

    All of them; or only those of the blocks up to the one that has a message of type `until`.

    Raises
    ------
    ChecksumError, CorruptDataError, UnsupportedFeatureError
    """
    first = header_guess(space, address)
    (buffer,) = yield [first]
    guess = byte_view(buffer)
    version_2 = bytes(guess[:4]) == b"OHDR"
    if not version_2 and guess[0] != 1:
        raise CorruptDataError("no object header", structure="object header", offset=first.offset)
    block, has_order = _first_block_v2(guess, first.offset) if version_2 else _first_block_v1(guess, first.offset)
    blocks, seen, messages = [block], {block.start}, list[HeaderMessage]()
    while blocks:
        block = blocks.pop(0)
        data = yield from _walk_block(space, block, guess, first.offset)
        for message in _block_messages(data, block, version_2, has_order):
            messages.append(message)
            if message.type == CONTINUATION:
                further = _continuation(space, message, version_2)
                if further.start in seen:
                    raise CorruptDataError("cyclic continuation", structure="object header", offset=further.start)
                seen.add(further.start)
                blocks.append(further)
        if len(messages) > MAX_MESSAGES:
            raise CorruptDataError("too many messages", structure="object header", offset=first.offset)
        if any(message.type == until for message in messages):
            break
    return messages


def header_guess(space: FileSpace, address: int) -> ByteRange:
    """Where all of the object header at `address` is likely to lie; at least its first 16 bytes."""
    left = space.nbytes - space.base_address - address
    return space.span(address, min(FIRST_GUESS, max(16, left)), "object header")


def _walk_block(space: FileSpace, block: Block, guess: memoryview, guess_at: int) -> Walk[memoryview]:
    """The bytes of a block up to its end; its checksum is right."""
    nbytes = block.last_byte - block.first_byte
    if nbytes > MAX_BLOCK_NBYTES:
        raise CorruptDataError(f"a block of {nbytes} bytes", structure="object header", offset=block.start)
    span = space.span(block.first_byte - space.base_address, nbytes, "object header")
    if guess_at <= span.offset and span.end <= guess_at + len(guess):
        data = guess[span.offset - guess_at : span.end - guess_at]
    else:
        (buffer,) = yield [span]
        data = byte_view(buffer)
    if block.checked_from is not None:
        check_sum(data, "object header", span.offset)
    return data


def _first_block_v1(data: memoryview, offset: int) -> tuple[Block, bool]:
    nbytes = int.from_bytes(data[8:12], "little")
    return Block(offset + 16, offset + 16 + nbytes, None), False


def _first_block_v2(data: memoryview, offset: int) -> tuple[Block, bool]:
    if data[4] != 2:
        raise UnsupportedFeatureError(f"object header version {data[4]}")
    flags, at = data[5], 6
    at += (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    if len(data) < at + width:
        raise CorruptDataError("truncated", structure="object header", offset=offset)
    nbytes = int.from_bytes(data[at : at + width], "little")
    return Block(offset + at + width, offset + at + width + nbytes, offset), bool(flags & 0x04)


def _continuation(space: FileSpace, message: HeaderMessage, version_2: bool) -> Block:
    if message.nbytes < 16:
        raise CorruptDataError("truncated", structure="continuation message", offset=message.offset)
    address, nbytes = (int.from_bytes(message.body[i : i + 8], "little") for i in (0, 8))
    start = space.span(address, nbytes, "object header").offset
    if not version_2:
        return Block(start, start + nbytes, None)
    if nbytes < 8:
        raise CorruptDataError("truncated", structure="object header", offset=start)
    return Block(start + 4, start + nbytes - 4, start)


def _block_messages(data: memoryview, block: Block, version_2: bool, has_order: bool) -> Iterator[HeaderMessage]:
    """The messages of a block, whose bytes (from `block.first_byte`) are `data`."""
    head, prefix = (HEAD_V2, 6 if has_order else 4) if version_2 else (HEAD_V1, 8)
    at, end = block.start - block.first_byte, block.end - block.first_byte
    if version_2 and at == 4 and bytes(data[:4]) != b"OCHK":
        raise CorruptDataError("no continuation block", structure="object header", offset=block.first_byte)
    while at + prefix <= end:
        kind, nbytes = head.unpack_from(data, at)
        body = at + prefix
        at = body + nbytes
        if at > end:
            offset = block.first_byte + body - prefix
            raise CorruptDataError("a message runs past its block", structure="object header", offset=offset)
        yield HeaderMessage(kind, block.first_byte + body, nbytes, block, bytes(data[body:at]))


def patch_checksum(image: bytearray, block: Block) -> None:
    """Recompute a version 2 block's checksum after a change of its bytes; version 1 has none."""
    if block.checked_from is not None:
        checksum = lookup3(memoryview(image)[block.checked_from : block.end])
        image[block.end : block.end + 4] = checksum.to_bytes(4, "little")
