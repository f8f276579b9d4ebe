"""A one-file being changed: opened, locked, added to, and finished or left as it was.

The lock is that of libhdf5 (`flock`): HDF5 programs that have the file open keep it from being changed, and cannot
open it meanwhile.
"""

import errno
import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from zarr_hdf5.errors import CorruptDataError, NotFoundError, ReadOnlyError, StorageError, ZarrHDF5Error
from zarr_hdf5.hierarchy import DOCUMENT
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.onefile.documents import is_document
from zarr_hdf5.onefile.front import FRONT_NBYTES, end_of, is_one_file
from zarr_hdf5.onefile.publish import publish
from zarr_hdf5.stores.files import create_temporary
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.zip_end import last_end
from zarr_hdf5.stores.zip_index import read_index
from zarr_hdf5.stores.zip_members import Member
from zarr_hdf5.stores.zip_writer import ZipWriter

__all__ = ["Transaction", "begin", "begin_anew", "cut_off_unfinished", "lost_zarr_side"]

OZX_SUFFIX, OZX_COMMENT = ".ozx", b'{"ome": {"zipFile": {"version": "1.0"}}}'
IN_USE = {errno.EAGAIN, errno.EACCES}
DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@dataclass(slots=True)
class Transaction:
    """What is to become the new state of the file at `path`; `temporary` is where, if not in the file itself."""

    path: Path
    writer: ZipWriter
    temporary: str | None = None

    def finish(self) -> None:
        """Make it so. Raises what `publish` raises; then this may be tried again."""
        with self.writer.lock:
            publish(self.writer, _comment(self.path))
            if self.temporary is not None:
                with _errors_of(self.path):
                    os.replace(self.temporary, self.path)
                self.temporary = None
            self.writer.finished = True

    def let_read(self) -> None:
        """Let others read what is finished: nothing of that is touched."""
        with suppress(OSError):  # the file system knows no locks
            fcntl.flock(self.writer.fd, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let go of the file. What was not finished is lost; who is reading goes on to the end."""
        with self.writer.lock:
            self.writer.finished = True
        with suppress(OSError):
            fcntl.flock(self.writer.fd, fcntl.LOCK_UN)
        if self.temporary is not None:
            with suppress(OSError):
                os.unlink(self.temporary)


def begin(path: Path, *, recover: bool = False) -> Transaction:
    """Change the one-file at `path`, which is made if there is nothing.

    With `recover` the Zarr side may have been lost: what it last was is what is changed.

    Raises
    ------
    StorageError
        If another program has it open, or the storage failed.
    ReadOnlyError
        If it may not be written.
    CorruptDataError
        If it is no one-file, or was left unfinished, or changed by an HDF5 program so that the ZIP side is lost.
    """
    with _errors_of(path):
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _begin_empty(path, str(path), os.O_CREAT | os.O_EXCL)
        try:
            _lock(fd, path)
            end = _end_of(fd, path)
            if (size := os.fstat(fd).st_size) != end:
                raise CorruptDataError(
                    f"{path} was not finished by who changed it last: zarr_hdf5.sync undoes that",
                    structure="one-file",
                    expected=f"{end} bytes",
                    found=f"{size} bytes",
                )
            return Transaction(path, _writer(fd, path, _members(fd, path, recover), end))
        except BaseException:
            os.close(fd)
            raise


def _members(fd: int, path: Path, recover: bool) -> dict[str, Member]:
    try:
        return read_index(LocalStore(path.parent), path.name, end_of).members
    except NotFoundError as error:
        if not recover:
            raise lost_zarr_side(path) from error
        last = last_end(lambda offset, nbytes: os.pread(fd, nbytes, offset), os.fstat(fd).st_size)
        return read_index(LocalStore(path.parent), path.name, lambda _: last).members


def begin_anew(path: Path) -> Transaction:
    """Put another one-file, empty for now, in the place of whatever is at `path`."""
    with _errors_of(path):
        fd, temporary = create_temporary(str(path.parent))
        os.close(fd)
        begun = _begin_empty(path, temporary, 0)
        begun.temporary = temporary
        return begun


def cut_off_unfinished(path: Path) -> int:
    """Undo what was not finished; how many bytes that were.

    HDF5's end of the file says where the last finished state ends, with its directory. Raises as `begin`.
    """
    with _errors_of(path):
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            _lock(fd, path)
            end, size = _end_of(fd, path), os.fstat(fd).st_size
            if size < end:
                message = f"{path} is cut short"
                raise CorruptDataError(message, structure="one-file", expected=end, found=size)
            os.ftruncate(fd, end)
            return size - end
        finally:
            os.close(fd)


def lost_zarr_side(path: Path) -> CorruptDataError:
    """What to say of a file that does not end with its directory."""
    message = f"{path} was made longer by an HDF5 program; zarr_hdf5.sync brings its Zarr side back"
    return CorruptDataError(message, structure="one-file")


def _begin_empty(path: Path, place: str, flags: int) -> Transaction:
    """A new file at `place`, with an empty hierarchy as its finished state, so that there is one to go back to."""
    fd = os.open(place, os.O_RDWR | os.O_CLOEXEC | flags, 0o666)
    writer = _writer(fd, path, {}, FRONT_NBYTES)
    try:
        _lock(fd, path)
        writer.set(DOCUMENT, [dump_json(GroupMetadata().to_json())])
        publish(writer, _comment(path))
    except BaseException:
        os.unlink(place)
        raise
    return Transaction(path, writer)


def _writer(fd: int, path: Path, members: dict[str, Member], end: int) -> ZipWriter:
    """Closes the file when nobody uses it any more, and not before: another might get its number."""
    writer = ZipWriter(fd, path.as_uri(), members, end, is_document)
    weakref.finalize(writer, os.close, fd)
    return writer


def _comment(path: Path) -> bytes:
    """What the ZIP file says of itself: zipped OME-Zarr, RFC-9, if it is called so."""
    return OZX_COMMENT if path.suffix.lower() == OZX_SUFFIX else b""


def _end_of(fd: int, path: Path) -> int:
    head = os.pread(fd, FRONT_NBYTES, 0)
    if not is_one_file(head):
        raise CorruptDataError(f"{path} was not written by zarr_hdf5 as one file", structure="one-file")
    return end_of(head)


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in IN_USE:  # elsewhere the file system knows no locks
            raise StorageError(error.errno, f"{path} is open in another program, or in h5py; close it there") from error


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    try:
        yield
    except ZarrHDF5Error:
        raise
    except OSError as error:
        kind: type[ZarrHDF5Error] = NotFoundError if isinstance(error, FileNotFoundError) else StorageError
        kind = ReadOnlyError if error.errno in DENIED else kind
        raise kind(error.errno, f"cannot write {path}: {error.strerror or error}") from error
