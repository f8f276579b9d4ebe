"""A ZIP file, an object of another store, as a read-only store: its members are the objects.

Members that are only stored are ranges of the file, which are read where they are; deflated ones are inflated whole.
The directory is read again when the file has changed.
"""

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

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
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Blob, Store, check_key, max_gap_of, reads_into
from zarr_hdf5.stores.zip_index import MIN_LOCAL_NBYTES, EndOf, ZipIndex, read_index
from zarr_hdf5.stores.zip_members import DEFLATED, STORED, Member, check_local_header, local_header_nbytes

__all__ = ["ZipStore"]

MAX_INFLATED_NBYTES = 1 << 31
ATTEMPTS = 10
"""Times to look again at a file that others keep changing."""
INFLATED_KEPT = 4
"""Inflated members that are kept, for readers of several of their ranges."""

Place = tuple[int, int, int]


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
