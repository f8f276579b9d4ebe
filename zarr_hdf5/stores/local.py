"""A directory as a store: the key is the path of the file below it.

Knows POSIX files: one descriptor a read, a temporary file and a rename a write. Knows no format. Adopted objects may
be symbolic links: reading follows them, writing and deleting replace or remove the link and leave its target alone.
"""

import errno
import os
import stat
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.errors import NotFoundError, ReadOnlyError, StaleVersionError, StorageError, ZarrHDF5Error
from zarr_hdf5.stores.files import (
    ABSENT,
    create_temporary,
    is_temporary,
    open_alone,
    patch_file,
    read_into,
    read_range,
    remove_below,
    remove_if_there,
    write_parts,
)
from zarr_hdf5.stores.protocol import Blob, check_key, check_prefix

__all__ = ["LocalStore"]

MAX_GAP = 16384

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


class LocalStore:
    """The files below the directory `root`, which the first write makes.

    Parameters
    ----------
    root
        A path; taken as absolute at once.
    read_only
        Refuse to write.
    fsync
        Have each write on disk, with its directories up to the root, before `set` returns.
    in_place
        Let parts of objects be changed where they are, instead of replacing objects whole. Small updates get faster;
        readers at the same moment may meet an object that is half changed, and after a crash in the middle of an update
        the Zarr index may have to be mended.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        read_only: bool = False,
        fsync: bool = False,
        in_place: bool = False,
    ) -> None:
        try:
            name = os.fsencode(root)
        except UnicodeEncodeError as error:
            raise NotFoundError(f"not a path: {root!r}") from error
        if not name or b"\0" in name:
            raise NotFoundError(f"not a path: {root!r}")
        self.root = Path(root).absolute()
        self._root = str(self.root)
        self._read_only = read_only
        self._fsync = fsync
        self._in_place = in_place

    @property
    def max_gap(self) -> int:
        """Bytes that are read along, from the page cache or a disk, sooner than the system is asked once more."""
        return MAX_GAP

    def __repr__(self) -> str:
        options = ", read_only=True" * self._read_only + ", in_place=True" * self._in_place
        return f"LocalStore({str(self.root)!r}{options})"

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        return self._read_only

    @property
    def in_place(self) -> bool:
        """Whether parts of objects are changed where they are."""
        return self._in_place and not self._read_only

    @cached_property
    def url(self) -> str:
        """`file://` URL of the root."""
        return self.root.as_uri()

    def path_of(self, key: str) -> Path:
        """The file that holds the object. Raises NotFoundError if the key is illegal."""
        return Path(self._path(key))

    def get(self, key: str) -> Blob:
        """See `Get`."""
        with _Open(self._path(key), key) as file:
            return Blob(read_range(file.fd, ByteRange(0, file.size), key), file.size, file.version)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        with _Open(self._path(key), key) as file:
            return Blob(read_range(file.fd, resolve(wanted, file.size, key), key), file.size, file.version)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`."""
        with _Open(self._path(key), key, version) as file:
            ranges = [resolve(r, file.size, key) for r in wanted]
            return [read_range(file.fd, r, key) for r in ranges]

    def read_into(
        self, key: str, wanted: Sequence[tuple[int, "memoryview[int]"]], version: Hashable | None = None
    ) -> None:
        """See `ReadInto`."""
        with _Open(self._path(key), key, version) as file:
            fd, size = file.fd, file.size
            for offset, buffer in wanted:
                if not 0 <= offset <= size - len(buffer):
                    resolve(ByteRange(offset, len(buffer)), size, key)  # raises
            for offset, buffer in wanted:
                read_into(fd, offset, buffer, key)

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """See `Set`."""
        new = self.create(key)
        try:
            new.write(0, parts)
            new.finish()
        except BaseException:
            new.abandon()
            raise

    @property
    def creates(self) -> bool:
        """Objects can be written piece by piece."""
        return True

    def create(self, key: str) -> "NewFile":
        """See `Create`."""
        return NewFile(self, key)

    def patch(self, key: str, version: Hashable, steps: Iterable[tuple[int, Sequence[Buffer]]]) -> Hashable:
        """See `Patch`."""
        path = self._path(key)
        with self._writing(key), open_alone(path) as fd:
            if fd is None:
                raise StaleVersionError(f"{key}: the object is gone, or open elsewhere, or has other names")
            status = os.fstat(fd)
            if _version(status) != version:
                raise StaleVersionError(f"{key}: the object was replaced or modified")
            patch_file(fd, status.st_size, steps, self._fsync)
            return _version(os.fstat(fd))

    def delete(self, key: str) -> None:
        """See `Delete`. Directories left empty are removed."""
        path = self._path(key)
        with self._writing(key):
            remove_if_there(os.unlink, path)
            self._remove_empty(os.path.dirname(path))

    def delete_prefix(self, prefix: str) -> None:
        """See `DeletePrefix`. Takes temporary files along."""
        top = self._path(prefix) if check_prefix(prefix) else str(self.root)
        with self._writing(prefix):
            if prefix and os.path.islink(top) and os.path.isdir(top):
                remove_if_there(os.unlink, top)
                top = os.path.dirname(top)
            elif os.path.isdir(top):
                remove_below(top)
            self._remove_empty(top)

    def move_prefix(self, prefix: str, to: str) -> None:
        """See `MovePrefix`. In one step."""
        old, new = self._path(prefix), self._path(to)
        with self._writing(to):
            if not os.path.isdir(old):
                raise NotFoundError(f"nothing below {prefix!r} in {self.url}")
            os.makedirs(os.path.dirname(new), exist_ok=True)
            os.rename(old, new)
            if self._fsync:
                self._fsync_directories(new)
                self._fsync_directories(old)
            self._remove_empty(os.path.dirname(old))

    def exists(self, key: str) -> bool:
        """See `Exists`."""
        try:
            path = self._path(key)
            with _Reading(key):
                return stat.S_ISREG(os.stat(path).st_mode)
        except NotFoundError:
            return False

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`."""
        return self._walk(check_prefix(prefix))

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`. An empty directory counts as a sub-prefix."""
        path = self._path(prefix) if check_prefix(prefix) else str(self.root)
        objects, prefixes = [], []
        with suppress(NotFoundError), _Reading(prefix), os.scandir(path) as entries:
            for entry in entries:
                link = entry.is_symlink()
                if os.path.isdir(entry.path) if link else entry.is_dir():
                    prefixes.append(entry.name)
                elif (os.path.isfile(entry.path) if link else entry.is_file()) and not is_temporary(entry.name):
                    objects.append(entry.name)
        return sorted(objects), sorted(prefixes)

    def _walk(self, prefix: str) -> Iterator[str]:
        """Depth first, in the order of the keys; a link to a directory above itself is not entered."""
        stack: list[tuple[str, frozenset[tuple[int, int]] | None]] = [(prefix, frozenset())]
        while stack:
            name, above = stack.pop()
            if above is None:
                yield name
                continue
            try:
                with _Reading(name):
                    status = os.stat(self.root / name)
            except NotFoundError:
                continue
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                continue
            objects, prefixes = self.list_dir(name)
            start = f"{name}/" if name else ""
            below = [(start + n, None) for n in objects]
            deeper = [(start + n, above | {identity}) for n in prefixes]
            # keys compare with "/" after a directory's name: "a.b" comes before "a/b"
            stack += sorted([*below, *deeper], key=lambda e: e[0] if e[1] is None else e[0] + "/", reverse=True)

    def _path(self, key: str) -> str:
        if is_temporary(check_key(key).rpartition("/")[2]):
            raise NotFoundError(f"no object can have the key {key!r}: the name is that of a temporary file")
        return f"{self._root}/{key}"

    @contextmanager
    def _writing(self, key: str) -> Iterator[None]:
        if self._read_only:
            raise ReadOnlyError(f"{key}: the store {self.url} is open for reading only")
        try:
            yield
        except ZarrHDF5Error:  # raised by the parts: already ours
            raise
        except OSError as error:
            kind = ReadOnlyError if error.errno in _DENIED else StorageError
            raise kind(error.errno, f"cannot write {key!r} in {self.url}: {error.strerror or error}") from error

    def _remove_empty(self, directory: str) -> None:
        """Remove `directory` and those above it, below the root, as long as they are empty."""
        with suppress(OSError):
            while len(directory) > len(str(self.root)):
                os.rmdir(directory)
                directory = os.path.dirname(directory)

    def _fsync_directories(self, path: str) -> None:
        for directory in Path(path).parents:
            fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
            if directory == self.root:
                break


class NewFile:
    """A `NewObject` of a `LocalStore`: a temporary file, which gets the object's name when it is finished."""

    def __init__(self, store: LocalStore, key: str) -> None:
        self._store, self._key, self._path = store, key, store._path(key)
        with store._writing(key):
            self._fd, self._temporary = create_temporary(os.path.dirname(self._path))

    def write(self, offset: int, parts: Iterable[Buffer]) -> None:
        """See `NewObject`."""
        with self._store._writing(self._key):
            write_parts(self._fd, parts, offset)

    def finish(self) -> None:
        """See `NewObject`."""
        with self._store._writing(self._key):
            if self._store._fsync:
                os.fsync(self._fd)
            self._close()
            os.replace(self._temporary, self._path)
            self._temporary = ""
            if self._store._fsync:
                self._store._fsync_directories(self._path)

    def abandon(self) -> None:
        """See `NewObject`."""
        with suppress(OSError):
            self._close()
        if self._temporary:
            with suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = ""

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class _Reading:
    """Makes errors of reading ours."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __enter__(self) -> "_Reading":
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        if isinstance(error, OSError) and not isinstance(error, ZarrHDF5Error):
            raise _as_ours(error, self.key) from error


class _Open(_Reading):
    """An object open for reading: descriptor, size in bytes, version. A class, for what it is made for each chunk.

    Raises StaleVersionError if `version` is another.
    """

    __slots__ = ("fd", "path", "size", "version")

    def __init__(self, path: str, key: str, version: Hashable | None = None) -> None:
        super().__init__(key)
        self.path = path
        self.version = version

    def __enter__(self) -> "_Open":
        try:
            self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO would wait for its writer
        except OSError as error:
            raise _as_ours(error, self.key) from error
        try:
            self._look()
        except BaseException as error:
            self.__exit__(None, error, None)
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        os.close(self.fd)
        super().__exit__(kind, error, traceback)

    def _look(self) -> None:
        status = os.fstat(self.fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotFoundError(f"{self.key}: not a regular file")
        found = _version(status)
        if self.version is not None and self.version != found:
            raise StaleVersionError(f"{self.key}: the object was replaced or modified")
        self.size, self.version = status.st_size, found


def _version(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _as_ours(error: OSError, key: str) -> ZarrHDF5Error:
    if error.errno in ABSENT:
        return NotFoundError(f"no object {key!r}: {error.strerror}")
    return StorageError(error.errno, f"cannot read {key!r}: {error.strerror or error}")
