"""POSIX files: what the directory store does with descriptors and paths.

Knows partial reads and writes, temporary names and what else may happen to a file meanwhile. Knows no keys. Raises
OSError as it comes; Python itself repeats interrupted calls (PEP 475).
"""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import StaleVersionError

__all__ = [
    "ABSENT",
    "create_temporary",
    "is_temporary",
    "open_alone",
    "patch_file",
    "read_into",
    "read_range",
    "remove_below",
    "remove_if_there",
    "write_parts",
]

ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO}
"""Errors that mean: there is no regular file of this name."""

_IOV_MAX = max(16, os.sysconf("SC_IOV_MAX"))
_BATCH_NBYTES = 8 << 20  # parts may come from a generator: hold little more than this of them
_ONE_READ_NBYTES = 1 << 30  # Linux reads less than 2 GiB a call


def read_range(fd: int, wanted: ByteRange, key: str) -> bytes | memoryview:
    """A range that lies within the file. Raises StaleVersionError if it no longer does."""
    if wanted.nbytes <= _ONE_READ_NBYTES:
        data = os.pread(fd, wanted.nbytes, wanted.offset)
        if len(data) == wanted.nbytes:
            return data
    view = memoryview(bytearray(wanted.nbytes))
    read_into(fd, wanted.offset, view, key)
    return view


def read_into(fd: int, offset: int, buffer: "memoryview[int]", key: str) -> None:
    """Fill `buffer` from a range that lies within the file. Raises StaleVersionError if it no longer does."""
    done = os.preadv(fd, (buffer,), offset) if 0 < len(buffer) <= _ONE_READ_NBYTES else 0
    while done < len(buffer):
        count = os.preadv(fd, [buffer[done : done + _ONE_READ_NBYTES]], offset + done)
        if count == 0:
            raise StaleVersionError(f"{key}: the object became shorter while it was read")
        done += count


@contextmanager
def open_alone(path: str) -> Iterator[int | None]:
    """Descriptor of a file that has no other name and that nobody else has locked, as libhdf5 locks what it has open.

    None where there is no such file, or the file system knows no locks.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        _raise_unless_absent(error)
        yield None
        return
    try:
        status = os.fstat(fd)
        alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if alone:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                alone = False
        yield fd if alone else None
    finally:
        os.close(fd)


def patch_file(fd: int, size: int, steps: Iterable[tuple[int, Sequence[Buffer]]], fsync: bool) -> None:
    """Write each step at its offset; a file of `size` bytes is that again if the first step fails."""
    begun = 0
    try:
        for offset, parts in steps:
            begun += 1
            write_parts(fd, parts, offset)
            if fsync:
                os.fsync(fd)
    except BaseException:
        if begun == 1:
            os.ftruncate(fd, size)
        raise


def write_parts(fd: int, parts: Iterable[Buffer], offset: int = 0) -> int:
    """Write the concatenation of `parts`, without joining them, from `offset` on; the byte behind it."""
    batch: list[memoryview] = []
    nbytes = 0
    for part in parts:
        view = byte_view(part)
        if view.nbytes:
            batch.append(view)
            nbytes += view.nbytes
        if len(batch) == _IOV_MAX or nbytes >= _BATCH_NBYTES:
            _write_batch(fd, batch, offset)
            offset += nbytes
            batch, nbytes = [], 0
    _write_batch(fd, batch, offset)
    return offset + nbytes


def _write_batch(fd: int, batch: list[memoryview], offset: int) -> None:
    """Write all of `batch`, none of it empty."""
    while batch:
        written = os.pwritev(fd, batch, offset)
        offset += written
        whole = 0
        while whole < len(batch) and written >= batch[whole].nbytes:
            written -= batch[whole].nbytes
            whole += 1
        batch = batch[whole:]
        if written:
            batch[0] = batch[0][written:]


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that `create_temporary` made."""
    return name.startswith(".zarr_hdf5-") and name.endswith(".tmp")


def create_temporary(directory: str) -> tuple[int, str]:
    """Descriptor and path of a new file in `directory`, which is made if need be."""
    path = os.path.join(directory, f".zarr_hdf5-{secrets.token_hex(8)}.tmp")
    for _ in range(100):  # whoever deletes the last file beside it may delete the directory again
        with suppress(FileNotFoundError):
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), path
        with suppress(FileNotFoundError, FileExistsError):
            os.makedirs(directory, exist_ok=True)
    raise FileNotFoundError(errno.ENOENT, "its directory cannot be made, or does not stay")


def remove_if_there(remove: Callable[[str], None], path: str) -> None:
    """`remove` is `os.unlink` or `os.rmdir`."""
    try:
        remove(path)
    except OSError as error:
        _raise_unless_absent(error)


def remove_below(top: str) -> None:
    """Remove all that the directory `top` holds, following no links; others may be removing it too."""
    for directory, subdirectories, files in os.walk(top, topdown=False, onerror=_raise_unless_absent):
        for name in files:
            remove_if_there(os.unlink, os.path.join(directory, name))
        for name in subdirectories:
            path = os.path.join(directory, name)
            remove_if_there(os.unlink if os.path.islink(path) else os.rmdir, path)


def _raise_unless_absent(error: OSError) -> None:
    if error.errno not in ABSENT:
        raise error
