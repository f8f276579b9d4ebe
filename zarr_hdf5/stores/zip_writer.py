"""A ZIP file that is being added to, as a store: new members go behind what is there, old ones become gaps.

Nothing of this is seen by others before `write_directory`. Small documents that change often are held back until then,
to be written together: one read finds all of them.
"""

import os
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from isal import isal_zlib

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.errors import NotFoundError, StaleVersionError, StorageError, UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.stores.files import read_into, read_range, write_parts
from zarr_hdf5.stores.key_index import KeyIndex
from zarr_hdf5.stores.protocol import Blob, check_key, check_prefix
from zarr_hdf5.stores.zip_end import CentralDirectory, encode_end
from zarr_hdf5.stores.zip_members import (
    STORED,
    Member,
    check_local_header,
    encode_central_header,
    encode_local_header,
    local_header_nbytes,
)

__all__ = ["ZipWriter"]


class ZipWriter:
    """The ZIP file open for reading and writing as `fd`.

    Parameters
    ----------
    url
        Where it is; for messages.
    members
        Those that it has, all of them stored.
    end
        Byte from which on it may be written.
    is_document
        Which keys are of documents.

    Raises
    ------
    UnsupportedFeatureError
        If a member is compressed: whoever adds to this file needs to know where its bytes are.

    Attributes
    ----------
    lock
        Held while the file or what is known of it changes.
    finished
        Whether no more may be written; reading goes on.
    """

    def __init__(
        self, fd: int, url: str, members: dict[str, Member], end: int, is_document: Callable[[str], bool]
    ) -> None:
        for member in members.values():
            if member.method != STORED or member.encrypted:
                raise UnsupportedFeatureError(f"{url}: {member.name} was compressed or encrypted by another program")
        self.fd, self.end, self._url = fd, end, url
        self.finished = False
        self.lock = threading.RLock()
        self._members = dict(members)
        self._held: dict[str, bytes] = {}
        self._starts: dict[int, int] = {}  # byte of the local header: byte of the data
        self._is_document = is_document
        self._keys: KeyIndex | None = None

    @property
    def read_only(self) -> bool:
        """False."""
        return False

    @property
    def url(self) -> str:
        """Where the file is."""
        return self._url

    def get(self, key: str) -> Blob:
        """See `Get`."""
        return self._get(key, lambda size: ByteRange(0, size))

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        return self._get(key, lambda size: resolve(wanted, size, key))

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`."""
        found = self._found(key, version)
        size = len(found) if isinstance(found, bytes) else found.nbytes
        ranges = [resolve(one, size, key) for one in wanted]
        return [self._read(found, one, key) for one in ranges]

    def read_into(
        self, key: str, wanted: Sequence[tuple[int, "memoryview[int]"]], version: Hashable | None = None
    ) -> None:
        """See `ReadInto`."""
        found = self._found(key, version)
        if isinstance(found, bytes):
            for (_, buffer), data in zip(wanted, self.get_ranges(key, _ranges(wanted)), strict=True):
                buffer[:] = byte_view(data)
            return
        for one in _ranges(wanted):
            resolve(one, found.nbytes, key)
        start = self._start(found)
        with self._errors(key):
            for offset, buffer in wanted:
                read_into(self.fd, start + offset, buffer, key)

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """See `Set`. All parts are in memory at once."""
        _encoded(check_key(key))
        views = [byte_view(part) for part in parts]
        if self._is_document(key):
            with self._changing(key):
                self._forget(key)
                self._held[key] = b"".join(views)
            return
        self._append(key, views)

    def delete(self, key: str) -> None:
        """See `Delete`."""
        check_key(key)
        with self._changing(key):
            self._forget(key)

    def delete_prefix(self, prefix: str) -> None:
        """See `DeletePrefix`."""
        with self._changing(prefix):
            for key in list(self.list_prefix(prefix)):
                self._forget(key)

    def exists(self, key: str) -> bool:
        """See `Exists`."""
        return key in self._held or key in self._members

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`."""
        return self._index().list_prefix(prefix)

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`."""
        return self._index().list_dir(check_prefix(prefix))

    def start(self, key: str) -> int:
        """The byte of the file at which the data of a member begin. Raises NotFoundError, CorruptDataError."""
        found = self._found(key)
        if isinstance(found, bytes):
            raise NotFoundError(f"{self._url}: {key} is not in the file yet")
        return self._start(found)

    def rewrite_changed(self) -> None:
        """Write those members anew whose bytes were changed by somebody who knows nothing of their checksums."""
        for key, member in list(self._members.items()):
            data = self.get(key).data
            if isal_zlib.crc32(data) != member.crc32:
                self._append(key, [byte_view(data)])

    def read_at(self, offset: int, nbytes: int) -> bytes:
        """Bytes of the file; fewer where it ends. Raises StorageError."""
        with self._errors("metadata"):
            return os.pread(self.fd, nbytes, offset)

    def write_at(self, offset: int, data: Buffer) -> None:
        """Write what is no member, anywhere. Raises StorageError."""
        with self._errors("metadata"):
            write_parts(self.fd, [data], offset)

    def cut_at(self, end: int) -> None:
        """Let the file end here. Raises StorageError."""
        with self._errors("the end of the file"):
            os.ftruncate(self.fd, end)

    def write_directory(self, offset: int, comment: bytes = b"") -> int:
        """Write what was held back, from byte `offset` on, and the directory; the byte behind it.

        Should it not come to be seen, it can be written again.
        """
        with self.lock:
            members, parts = dict(self._members), list[Buffer]()
            at = offset
            for key in sorted(self._held, key=self._rank):
                data = self._held[key]
                header, members[key] = _stored(key, [data], at)
                parts += [header, data]
                at += len(header) + len(data)
            in_order = sorted(members.values(), key=lambda member: self._rank(member.name))
            entries = [encode_central_header(member) for member in in_order]
            directory = CentralDirectory(at, sum(map(len, entries)), len(entries))
            with self._errors("the directory"):
                return write_parts(self.fd, [*parts, *entries, encode_end(directory, comment)], offset)

    def _rank(self, key: str) -> tuple[bool, int, str]:
        """Order of the directory: documents first, those of the root before those below."""
        return (False, key.count("/"), key) if self._is_document(key) else (True, 0, "")

    def _append(self, key: str, views: "list[memoryview[int]]") -> None:
        header, member = _stored(key, views, 0)
        with self._changing(key):
            at = self.end
            with self._errors(key):
                # Should this fail, the next member takes its place.
                self.end = write_parts(self.fd, [header, *views], at)
            self._forget(key)
            self._members[key] = replace(member, header_offset=at)
            self._starts[at] = at + len(header)

    def _forget(self, key: str) -> None:
        self._held.pop(key, None)
        self._members.pop(key, None)
        self._keys = None

    def _start(self, member: Member) -> int:
        start = self._starts.get(member.header_offset)
        if start is None:
            header = ByteRange(member.header_offset, local_header_nbytes(member))
            with self._errors(member.name):
                data = read_range(self.fd, header, member.name)
            start = self._starts[member.header_offset] = member.header_offset + check_local_header(data, member)
        return start

    def _index(self) -> KeyIndex:
        with self.lock:
            if self._keys is None:
                self._keys = KeyIndex([*self._members, *self._held])
            return self._keys

    def _found(self, key: str, version: Hashable | None = None) -> bytes | Member:
        check_key(key)
        with self.lock:
            found = self._held[key] if key in self._held else self._members.get(key)
        if found is None:
            raise NotFoundError(f"no object {key!r} in {self._url}")
        if version is not None and version != _version(found):
            raise StaleVersionError(f"{key}: the object was replaced")
        return found

    def _get(self, key: str, range_in: Callable[[int], ByteRange]) -> Blob:
        found = self._found(key)
        size = len(found) if isinstance(found, bytes) else found.nbytes
        return Blob(self._read(found, range_in(size), key), size, _version(found))

    def _read(self, found: bytes | Member, wanted: ByteRange, key: str) -> bytes | memoryview:
        if isinstance(found, bytes):
            return found[wanted.offset : wanted.end]
        with self._errors(key):
            return read_range(self.fd, ByteRange(self._start(found) + wanted.offset, wanted.nbytes), key)

    @contextmanager
    def _changing(self, key: str) -> Iterator[None]:
        """Hold the lock. Raises StaleVersionError where somebody has finished the file meanwhile."""
        with self.lock:
            if self.finished:
                raise StaleVersionError(f"{key}: {self._url} was finished meanwhile")
            yield

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except ZarrHDF5Error:
            raise
        except OSError as error:
            message = f"cannot read or write {key!r} in {self._url}: {error.strerror or error}"
            raise StorageError(error.errno, message) from error


def _stored(key: str, views: "Sequence[Buffer]", at: int) -> tuple[bytes, Member]:
    """The local header of a new member at byte `at`, and its place in the directory."""
    crc32 = nbytes = 0
    for view in views:
        crc32 = isal_zlib.crc32(view, crc32)
        nbytes += len(view)
    return encode_local_header(key, nbytes, crc32), Member(key, at, nbytes, nbytes, crc32, _encoded(key))


def _encoded(key: str) -> bytes:
    try:
        return key.encode()
    except UnicodeEncodeError as error:
        raise NotFoundError(f"no object can have the key {key!r}: names in a ZIP file are text") from error


def _ranges(wanted: Sequence[tuple[int, "memoryview[int]"]]) -> list[ByteRange]:
    return [ByteRange(offset, len(buffer)) for offset, buffer in wanted]


def _version(found: bytes | Member) -> Hashable:
    return found if isinstance(found, bytes) else (found.header_offset, found.nbytes, found.crc32)
