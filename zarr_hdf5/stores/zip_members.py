"""ZIP members: the header before each member's data, and its entry in the central directory.

Knows no file: bytes in, values out, and back.
Source: PKWARE APPNOTE 6.3.10 (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), 4.3.7 "Local file header",
4.3.12 "Central directory structure", 4.5.3 "Zip64 Extended Information Extra Field".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError

__all__ = [
    "DEFLATED",
    "LOCAL_SIGNATURE",
    "STORED",
    "Member",
    "check_local_header",
    "decode_central_headers",
    "encode_central_header",
    "encode_local_header",
    "local_header_nbytes",
]

LOCAL_SIGNATURE, CENTRAL_SIGNATURE = b"PK\3\4", b"PK\1\2"
LOCAL, CENTRAL = Struct("<4s5H3I2H"), Struct("<4s6H3I5H2I")
STORED, DEFLATED = 0, 8
"""Compression methods."""
ENCRYPTED, UTF8_NAME = 1 << 0, 1 << 11
"""General purpose flags."""
ZIP64 = 0x0001
"""Number of the extra field that has what 32 bits do not hold."""
MAX_32 = 2**32 - 1
VERSION, VERSION_ZIP64 = 20, 45
UNIX, FILE_MODE = 3 << 8, 0o100644 << 16
JANUARY_1980 = 1 << 5 | 1
"""Times would make two equal files differ; this is the earliest that there is."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member, as the central directory has it.

    header_offset
        Byte of the file at which its local header lies; its data follow.
    nbytes, size
        Bytes stored, and bytes once decompressed.
    crc32
        Of the latter.
    raw_name
        The name as it is in the file.
    """

    name: str
    header_offset: int
    nbytes: int
    size: int
    crc32: int
    raw_name: bytes
    method: int = STORED
    encrypted: bool = False


def encode_local_header(name: str, nbytes: int, crc32: int) -> bytes:
    """What goes before the data of a stored member."""
    encoded = name.encode()
    large = nbytes >= MAX_32
    extra = Struct("<2H2Q").pack(ZIP64, 16, nbytes, nbytes) if large else b""
    length = MAX_32 if large else nbytes
    needed = VERSION_ZIP64 if large else VERSION
    sizes = (crc32, length, length, len(encoded), len(extra))
    return LOCAL.pack(LOCAL_SIGNATURE, needed, UTF8_NAME, STORED, 0, JANUARY_1980, *sizes) + encoded + extra


def local_header_nbytes(member: Member) -> int:
    """How long the local header is as this library writes it; that of others may have more in it."""
    return LOCAL.size + len(member.raw_name) + (20 if member.nbytes >= MAX_32 else 0)


def check_local_header(data: Buffer, member: Member) -> int:
    """The length of the local header whose first 30 bytes and name are `data`.

    Raises
    ------
    CorruptDataError
        If it is not that of `member`.
    """
    view = byte_view(data)
    if len(view) >= LOCAL.size:
        signature, _, _, method, _, _, _, _, _, name_nbytes, extra_nbytes = LOCAL.unpack_from(view)
        name = view[LOCAL.size : LOCAL.size + name_nbytes]
        if signature == LOCAL_SIGNATURE and method == member.method and name == member.raw_name:
            return LOCAL.size + int(name_nbytes) + int(extra_nbytes)
    raise CorruptDataError(
        "not that of the member", structure="ZIP local file header", offset=member.header_offset, key=member.name
    )


def encode_central_header(member: Member) -> bytes:
    """The entry of a stored member in the central directory."""
    name = member.raw_name
    numbers = [member.size, member.nbytes, member.header_offset]
    large = [number for number in numbers if number >= MAX_32]
    extra = Struct(f"<2H{len(large)}Q").pack(ZIP64, 8 * len(large), *large) if large else b""
    size, nbytes, offset = (min(number, MAX_32) for number in numbers)
    needed = VERSION_ZIP64 if large else VERSION
    head = (CENTRAL_SIGNATURE, UNIX | needed, needed, UTF8_NAME, STORED, 0, JANUARY_1980, member.crc32)
    return CENTRAL.pack(*head, nbytes, size, len(name), len(extra), 0, 0, 0, FILE_MODE, offset) + name + extra


def decode_central_headers(data: Buffer, count: int, offset: int) -> Iterator[Member]:
    """The `count` entries of the central directory `data`, which lies at byte `offset` of the file.

    Raises
    ------
    CorruptDataError
        If there are not so many.
    UnsupportedFeatureError
        If the file is one of several that belong together.
    """
    view = byte_view(data)
    at = 0
    for _ in range(count):
        if at + CENTRAL.size > len(view):
            raise _corrupt("there are fewer members than the directory says", offset + at)
        fields = CENTRAL.unpack_from(view, at)
        signature, flags, method, crc32 = fields[0], fields[3], fields[4], fields[7]
        nbytes, size, name_nbytes, extra_nbytes, comment_nbytes, disk = fields[8:14]
        header_offset = fields[16]
        name_at = at + CENTRAL.size
        extra_at = name_at + name_nbytes
        end = extra_at + extra_nbytes + comment_nbytes
        if signature != CENTRAL_SIGNATURE or end > len(view):
            raise _corrupt("no entry of a member", offset + at)
        if MAX_32 in (size, nbytes, header_offset):
            extra = view[extra_at : extra_at + extra_nbytes]
            size, nbytes, header_offset = _zip64(extra, [size, nbytes, header_offset], offset + at)
        if disk:
            raise UnsupportedFeatureError("a ZIP file in several parts")
        raw = bytes(view[name_at:extra_at])
        name = raw.decode("utf-8", "surrogateescape") if flags & UTF8_NAME or raw.isascii() else raw.decode("cp437")
        yield Member(name, header_offset, nbytes, size, crc32, raw, method, bool(flags & ENCRYPTED))
        at = end


def _zip64(extra: "memoryview[int]", numbers: list[int], offset: int) -> list[int]:
    """The numbers, those that 32 bits do not hold taken from the extra fields, where they are in this order."""
    at = 0
    while at + 4 <= len(extra):
        kind, nbytes = Struct("<2H").unpack_from(extra, at)
        if kind == ZIP64:
            wanted = sum(number == MAX_32 for number in numbers)
            if nbytes < 8 * wanted or at + 4 + nbytes > len(extra):
                break
            found = iter(Struct(f"<{wanted}Q").unpack_from(extra, at + 4))
            return [next(found) if number == MAX_32 else number for number in numbers]
        at += 4 + nbytes
    raise _corrupt("its 64-bit numbers are missing", offset)


def _corrupt(message: str, offset: int) -> CorruptDataError:
    return CorruptDataError(message, structure="ZIP central directory", offset=offset)
