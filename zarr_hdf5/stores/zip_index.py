"""The directory of a ZIP file that is an object of a store: read with the end of the file, and checked.

`zip_members` and `zip_end` know the records.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import CorruptDataError, NotFoundError
from zarr_hdf5.stores.block_file import GetStart
from zarr_hdf5.stores.key_index import KeyIndex
from zarr_hdf5.stores.protocol import Blob, Store, check_key
from zarr_hdf5.stores.zip_end import END_SIGNATURE, MAX_END_NBYTES, CentralDirectory, find_directory
from zarr_hdf5.stores.zip_members import LOCAL_SIGNATURE, Member, decode_central_headers

__all__ = ["MIN_LOCAL_NBYTES", "EndOf", "ZipIndex", "is_zip", "read_index"]

TAIL_NBYTES = 256 << 10
"""Read from the end of the file at once: the directory of some thousand members, and the last of these."""
HEAD_NBYTES = 256
MAX_DIRECTORY_NBYTES = 1 << 30
MIN_ENTRY_NBYTES, MIN_LOCAL_NBYTES = 46, 30
"""Bytes of a central and of a local header without name and extra fields."""

EndOf = Callable[["memoryview[int]"], int | None]
"""From the first bytes of a file to the byte where the ZIP file in it ends; None: where the file does."""


def is_zip(head: Buffer) -> bool:
    """Whether a file begins as ZIP files do."""
    return bytes(byte_view(head)[:4]) in (LOCAL_SIGNATURE, END_SIGNATURE)


@dataclass(frozen=True, slots=True, eq=False)
class ZipIndex:
    """What one version of a file says of its members.

    size, end
        Bytes of the file; byte at which the ZIP file in it ends.
    members
        By key; of several with one name, the last.
    starts
        Where the data of those members begin whose local header was looked at.
    tail_offset, tail
        The last bytes before the end; none where they are read again as easily.
    """

    version: Hashable
    size: int
    end: int
    members: dict[str, Member]
    keys: KeyIndex
    tail_offset: int
    tail: "memoryview[int]"
    starts: dict[str, int] = field(default_factory=dict)


def read_index(store: Store, key: str, end_of: EndOf | None = None) -> ZipIndex:
    """Read the directory of the ZIP file `key`.

    Raises
    ------
    NotFoundError
        If there is no such object, or it is no ZIP file.
    CorruptDataError, UnsupportedFeatureError, StorageError
    StaleVersionError
        If the object changed meanwhile.
    """
    head = _head(store, key)
    end = head.size
    if end_of is not None:
        end = end_of(byte_view(head.data)) or end
    if end > head.size:
        raise CorruptDataError("the file is cut short", structure="ZIP file", expected=end, found=head.size, key=key)
    tail_offset = max(0, end - max(TAIL_NBYTES, MAX_END_NBYTES))
    (tail,) = _ranges(store, key, [ByteRange(tail_offset, end - tail_offset)], head)
    found = find_directory(tail, end)
    if found.count * MIN_ENTRY_NBYTES > found.nbytes or found.nbytes > MAX_DIRECTORY_NBYTES:
        message = f"{found.count} members in a directory of {found.nbytes} bytes"
        raise CorruptDataError(message, structure="ZIP central directory", offset=found.offset, key=key)
    if found.offset >= tail_offset:
        directory = tail[found.offset - tail_offset :]
    else:
        (directory,) = _ranges(store, key, [ByteRange(found.offset, found.nbytes)], head)
    listed = decode_central_headers(directory[: found.nbytes], found.count, found.offset)
    members = {member.name: member for member in listed if _is_key(member.name)}
    _check_apart(members, found, key)
    kept = tail if isinstance(store, GetStart) else tail[:0]
    return ZipIndex(head.version, head.size, end, members, KeyIndex(members), tail_offset, kept)


def _head(store: Store, key: str) -> Blob:
    if isinstance(store, GetStart):
        return store.get_start(key, max(TAIL_NBYTES, HEAD_NBYTES))
    size = store.get_range(key, ByteRange(0, 0)).size
    return store.get_range(key, ByteRange(0, min(size, HEAD_NBYTES)))


def _ranges(store: Store, key: str, wanted: list[ByteRange], head: Blob) -> "list[memoryview[int]]":
    """Ranges of the version that `head` is the start of; out of it where it has them."""
    view = byte_view(head.data)
    if all(one.end <= len(view) for one in wanted):
        return [view[one.offset : one.end] for one in wanted]
    return [byte_view(data) for data in store.get_ranges(key, wanted, head.version)]


def _is_key(name: str) -> bool:
    """Whether a member can be an object: not a directory, nor a name that leads out of one."""
    try:
        check_key(name)
    except NotFoundError:
        return False
    return True


def _check_apart(members: dict[str, Member], directory: CentralDirectory, key: str) -> None:
    """Raise CorruptDataError if members overlap, or lie behind the directory: such files are bombs, or damaged."""
    if not members:
        return
    spans = [
        (m.header_offset, m.header_offset + MIN_LOCAL_NBYTES + len(m.raw_name) + m.nbytes) for m in members.values()
    ]
    if max(end for _, end in spans) > directory.offset:
        raise CorruptDataError("a member lies behind the directory", structure="ZIP central directory", key=key)
    starts, ends = np.array(spans, np.int64)[np.argsort([start for start, _ in spans])].T
    if (starts[1:] < ends[:-1]).any():
        raise CorruptDataError("members overlap", structure="ZIP central directory", key=key)
