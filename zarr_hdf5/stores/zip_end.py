"""The end of a ZIP file: the records that say where its central directory lies.

Knows no file: bytes in, values out, and back.
Source: PKWARE APPNOTE 6.3.10 (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), 4.3.14 "Zip64 end of
central directory record", 4.3.15 "Zip64 end of central directory locator", 4.3.16 "End of central directory record".
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from struct import Struct

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError

__all__ = ["END_SIGNATURE", "MAX_END_NBYTES", "CentralDirectory", "encode_end", "find_directory", "last_end"]

END_SIGNATURE, LOCATOR_SIGNATURE, END64_SIGNATURE = b"PK\5\6", b"PK\6\7", b"PK\6\6"
END, LOCATOR, END64 = Struct("<4s4H2IH"), Struct("<4sIQI"), Struct("<4sQ2H2I4Q")
MAX_16, MAX_32 = 2**16 - 1, 2**32 - 1
MAX_END_NBYTES = END64.size + LOCATOR.size + END.size + MAX_16
"""All of these records, with the longest comment."""
VERSION_ZIP64 = 45
BLOCK_NBYTES = 1 << 20
STRUCTURE = "ZIP end of central directory"


@dataclass(frozen=True, slots=True)
class CentralDirectory:
    """Where the central directory lies (bytes from the start of the file), and how many members it has."""

    offset: int
    nbytes: int
    count: int


def encode_end(directory: CentralDirectory, comment: bytes = b"") -> bytes:
    """What follows a central directory and ends the file."""
    found, at = directory, directory.offset + directory.nbytes
    large = found.count >= MAX_16 or found.offset >= MAX_32 or found.nbytes >= MAX_32
    zip64 = b""
    if large:
        head = (END64_SIGNATURE, END64.size - 12, VERSION_ZIP64, VERSION_ZIP64, 0, 0)
        zip64 = END64.pack(*head, found.count, found.count, found.nbytes, found.offset)
        zip64 += LOCATOR.pack(LOCATOR_SIGNATURE, 0, at, 1)
    count = min(found.count, MAX_16)
    sizes = (count, count, min(found.nbytes, MAX_32), min(found.offset, MAX_32))
    return zip64 + END.pack(END_SIGNATURE, 0, 0, *sizes, len(comment)) + comment


def find_directory(tail: Buffer, end: int) -> CentralDirectory:
    """Where the directory is of a file that ends at byte `end`, the last of its bytes being `tail`.

    Raises
    ------
    NotFoundError
        If this is not the end of a ZIP file.
    CorruptDataError, UnsupportedFeatureError
    """
    data = bytes(byte_view(tail)[-MAX_END_NBYTES:])
    at = _find(data)
    start = end - len(data)
    _, disk, first_disk, here, count, nbytes, offset, _ = END.unpack_from(data, at)
    locator = at - LOCATOR.size
    if locator >= 0 and data.startswith(LOCATOR_SIGNATURE, locator):
        _, first_disk, end64, disks = LOCATOR.unpack_from(data, locator)
        if disks > 1:
            raise UnsupportedFeatureError("a ZIP file in several parts")
        at = end64 - start
        if not (0 <= at <= locator - END64.size and data.startswith(END64_SIGNATURE, at)):
            raise CorruptDataError("no ZIP64 record where there should be one", structure=STRUCTURE, offset=end64)
        _, _, _, _, disk, first_disk, here, count, nbytes, offset = END64.unpack_from(data, at)
    if disk or first_disk or here != count:
        raise UnsupportedFeatureError("a ZIP file in several parts")
    if offset + nbytes > start + at:
        raise CorruptDataError("the central directory runs into its own end", structure=STRUCTURE, offset=start + at)
    return CentralDirectory(offset, nbytes, count)


def last_end(read: Callable[[int, int], bytes], size: int) -> int:
    """The last byte of a file of `size` bytes at which a ZIP file in it may have ended, without a comment.

    `read` is asked for bytes, (offset, length), from the end to the start. Raises NotFoundError.
    """
    stop = size
    while stop > 0:
        start = max(0, stop - BLOCK_NBYTES)
        block = read(start, min(stop + END.size, size) - start)
        at = len(block)
        while (at := block.rfind(END_SIGNATURE, 0, at)) >= 0:
            end = start + at + END.size
            first = max(0, end - MAX_END_NBYTES)
            with suppress(NotFoundError, CorruptDataError, UnsupportedFeatureError):
                found = find_directory(read(first, end - first), end)
                if found.offset + found.nbytes + END.size in (end, end - END64.size - LOCATOR.size):
                    return end
        stop = start
    raise NotFoundError("no end of a ZIP file anywhere")


def _find(data: bytes) -> int:
    """The last place of an end record whose comment ends where the file does."""
    at = len(data)
    while (at := data.rfind(END_SIGNATURE, 0, at)) >= 0:
        if at + END.size <= len(data) and at + END.size + END.unpack_from(data, at)[-1] == len(data):
            return at
    raise NotFoundError("not the end of a ZIP file")
