"""A ZIP file, an object of another store, as a read-only store: its members are the objects.

Members that are only stored are ranges of the file, which are read where they are; deflated ones are inflated whole.
The directory is read with the end of the file, and again when the file has changed. `zip_members` and `zip_end` know
the records.
"""

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from isal import isal_zlib

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.errors import (
    ChecksumError,
    CorruptDataError,
    NotFoundError,
    ReadOnlyError,
    StaleVersionError,
    UnsupportedFeatureError,
)
from zarr_hdf5.stores.block_file import GetStart
from zarr_hdf5.stores.key_index import KeyIndex
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Blob, Store, check_key, max_gap_of, reads_into
from zarr_hdf5.stores.zip_end import END_SIGNATURE, MAX_END_NBYTES, CentralDirectory, find_directory
from zarr_hdf5.stores.zip_members import (
    DEFLATED,
    LOCAL_SIGNATURE,
    STORED,
    Member,
    check_local_header,
    decode_central_headers,
    local_header_nbytes,
)

__all__ = ["EndOf", "ZipIndex", "ZipStore", "is_zip", "read_index"]

TAIL_NBYTES = 256 << 10
"""Read from the end of the file at once: the directory of some thousand members, and the last of these."""
HEAD_NBYTES = 256
MAX_DIRECTORY_NBYTES = 1 << 30
MAX_INFLATED_NBYTES = 1 << 31
MIN_ENTRY_NBYTES, MIN_LOCAL_NBYTES = 46, 30
"""Bytes of a central and of a local header without name and extra fields."""
ATTEMPTS = 10
"""Times to look again at a file that others keep changing."""
INFLATED_KEPT = 4
"""Inflated members that are kept, for readers of several of their ranges."""

EndOf = Callable[["memoryview[int]"], int | None]
"""From the first bytes of a file to the byte where the ZIP file in it ends; None: where the file does."""

Place = tuple[int, int, int]


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


class ZipStore:
    """The members of the ZIP file `key` of `store`.

    Raises what `read_index` raises, at once and whenever the file has changed.
    """

    def __init__(self, store: Store, key: str, end_of: EndOf | None = None) -> None:
        self._store, self._key, self._end_of = store, key, end_of
        self._lock = threading.Lock()
        self._inflated: OrderedDict[Place, bytes] = OrderedDict()
        self._index = read_index(store, key, end_of)

    def __repr__(self) -> str:
        return f"ZipStore({self._store!r}, {self._key!r})"

    @property
    def read_only(self) -> bool:
        """True."""
        return True

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"{self._store.url}/{self._key}"

    @property
    def local_path(self) -> str | None:
        """The path of the file, if it is one."""
        return str(self._store.path_of(self._key)) if isinstance(self._store, LocalStore) else None

    @property
    def max_gap(self) -> int:
        """That of the store which holds the file."""
        return max_gap_of(self._store)

    def index(self) -> ZipIndex:
        """The directory of the file as it is now; where each look is a request, as it was last seen to be."""
        if isinstance(self._store, GetStart):
            return self._index
        if self._store.get_range(self._key, ByteRange(0, 0)).version != self._index.version:
            return self._renew(self._index)
        return self._index

    def get(self, key: str) -> Blob:
        """See `Get`. Raises ChecksumError, too."""
        self.index()
        (data,), member = self._read(key, lambda size: [ByteRange(0, size)], None)
        if isal_zlib.crc32(data) != member.crc32:
            raise ChecksumError("checksum does not match", structure="ZIP member", offset=member.header_offset, key=key)
        return Blob(byte_view(data), member.size, _version(member))

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        self.index()
        (data,), member = self._read(key, lambda size: [resolve(wanted, size, key)], None)
        return Blob(byte_view(data), member.size, _version(member))

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`."""
        if not wanted:
            self._member(self.index(), key, version)
        return self._read(key, lambda size: [resolve(one, size, key) for one in wanted], version)[0]

    def read_into(
        self, key: str, wanted: Sequence[tuple[int, "memoryview[int]"]], version: Hashable | None = None
    ) -> None:
        """See `ReadInto`."""
        store, index = self._store, self._index
        member = index.members.get(key)
        start = index.starts.get(key)
        if reads_into(store) and member is not None and start is not None and member.method == STORED:
            self._member(index, key, version)
            for offset, buffer in wanted:
                resolve(ByteRange(offset, len(buffer)), member.nbytes, key)
            try:
                return store.read_into(self._key, [(start + o, b) for o, b in wanted], index.version)
            except StaleVersionError:
                self._renew(index)
        ranges = [ByteRange(offset, len(buffer)) for offset, buffer in wanted]
        for (_, buffer), data in zip(wanted, self.get_ranges(key, ranges, version), strict=True):
            buffer[:] = byte_view(data)

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """Raises ReadOnlyError."""
        raise self._refusal()

    def delete(self, key: str) -> None:
        """Raises ReadOnlyError."""
        raise self._refusal()

    def delete_prefix(self, prefix: str) -> None:
        """Raises ReadOnlyError."""
        raise self._refusal()

    def exists(self, key: str) -> bool:
        """See `Exists`."""
        return key in self.index().members

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`."""
        return self.index().keys.list_prefix(prefix)

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`."""
        return self.index().keys.list_dir(prefix)

    def start(self, key: str) -> int:
        """The byte of the file at which the data of a member begin. Raises NotFoundError, CorruptDataError."""
        while True:
            index = self._index
            self._read(key, lambda size: [], None)
            if key in index.starts:
                return index.starts[key]

    def _member(self, index: ZipIndex, key: str, version: Hashable | None = None) -> Member:
        """Raises NotFoundError, StaleVersionError, and UnsupportedFeatureError where it cannot be read."""
        member = index.members.get(check_key(key))
        if member is None:
            raise NotFoundError(f"no object {key!r} in {self.url}")
        if version is not None and version != _version(member):
            raise StaleVersionError(f"{key}: the object was replaced")
        if member.encrypted or member.method not in (STORED, DEFLATED):
            what = "encrypted" if member.encrypted else f"compressed by method {member.method}"
            raise UnsupportedFeatureError(f"{self.url}: {key} is {what}")
        return member

    def _read(
        self, key: str, ranges_in: Callable[[int], list[ByteRange]], version: Hashable | None
    ) -> tuple[list[bytes | memoryview | bytearray], Member]:
        """Ranges, told the size, of a member's decompressed bytes; and the member they are of."""
        for _ in range(ATTEMPTS):
            index = self._index
            member = self._member(index, key, version)
            wanted = ranges_in(member.size)
            try:
                if member.method == STORED:
                    return self._read_stored(index, key, member, wanted), member
                inflated = memoryview(self._inflate(index, key, member))
                return [inflated[one.offset : one.end] for one in wanted], member
            except StaleVersionError:
                self._renew(index)
        raise StaleVersionError(f"{self.url} was changed again and again while it was read")

    def _read_stored(
        self, index: ZipIndex, key: str, member: Member, wanted: Sequence[ByteRange]
    ) -> list[bytes | memoryview | bytearray]:
        """Ranges of a member's bytes as they are stored, with its local header where that was never looked at."""
        start = index.starts.get(key)
        if start is not None:
            return self._read_file(index, [ByteRange(start + one.offset, one.nbytes) for one in wanted])
        guess = member.header_offset + local_header_nbytes(member)
        header = ByteRange(member.header_offset, MIN_LOCAL_NBYTES + len(member.raw_name))
        guessed = [ByteRange(guess + one.offset, one.nbytes) for one in wanted]
        found, *data = self._read_file(index, [header, *guessed])
        start = index.starts[key] = member.header_offset + check_local_header(found, member)
        if start + member.nbytes > index.end:
            raise CorruptDataError("a member lies outside the file", structure="ZIP member", offset=start, key=key)
        return data if start == guess else self._read_stored(index, key, member, wanted)

    def _read_file(self, index: ZipIndex, wanted: list[ByteRange]) -> list[bytes | memoryview | bytearray]:
        """Ranges of the file; out of its tail where they lie there."""
        first, tail = index.tail_offset, index.tail
        if wanted and all(first <= one.offset and one.end <= first + len(tail) for one in wanted):
            return [tail[one.offset - first : one.end - first] for one in wanted]
        return self._store.get_ranges(self._key, wanted, index.version)

    def _inflate(self, index: ZipIndex, key: str, member: Member) -> bytes:
        with self._lock:
            kept = self._inflated.get(_version(member))
        if kept is not None:
            return kept
        if member.size > MAX_INFLATED_NBYTES:
            raise UnsupportedFeatureError(f"{self.url}: {key} has {member.size} bytes, too many to inflate")
        (data,) = self._read_stored(index, key, member, [ByteRange(0, member.nbytes)])
        try:
            inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.size + 1)
        except zlib.error as error:
            raise CorruptDataError(f"cannot be inflated: {error}", structure="ZIP member", key=key) from error
        if len(inflated) != member.size:
            message = "a member is not of its length"
            found = f"{len(inflated)} bytes"
            raise CorruptDataError(message, structure="ZIP member", expected=member.size, found=found, key=key)
        with self._lock:
            self._inflated[_version(member)] = inflated
            while len(self._inflated) > INFLATED_KEPT:
                self._inflated.popitem(last=False)
        return inflated

    def _renew(self, old: ZipIndex) -> ZipIndex:
        """The directory as it is now, read anew unless somebody else has done so since `old`."""
        with self._lock:
            for _ in range(ATTEMPTS):
                if self._index is not old:
                    break
                try:
                    self._index = read_index(self._store, self._key, self._end_of)
                except StaleVersionError:
                    continue
            return self._index

    def _refusal(self) -> ReadOnlyError:
        return ReadOnlyError(f"{self.url} is a ZIP file, open for reading only")


def _version(member: Member) -> Place:
    """The same bytes at the same place are the same object, whatever is appended to the file."""
    return member.header_offset, member.nbytes, member.crc32
