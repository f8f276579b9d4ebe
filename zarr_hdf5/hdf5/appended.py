"""Metadata that libhdf5 writes behind what a file already holds, of which not a byte is changed.

libhdf5 is shown an empty file whose end-of-file address is where the new metadata shall begin; all that it allocates
lies behind. What it writes further in front, the superblock among it, stays in memory. A group that it makes is the
root group of a new superblock: nothing of what was appended is seen before somebody writes that into the file.

Source: HDF5 File Format Specification 3.0, II.A "Format Signature and Superblock" (version 0) and III.C "Symbol Table
Entry".
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import h5py

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.errors import UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS, memory_file_name
from zarr_hdf5.hdf5.object_header import SYMBOL_TABLE, HeaderMessage
from zarr_hdf5.hdf5.superblock import parse_superblock, patch_end_of_file, patch_root_group

__all__ = ["MIN_START", "SUPERBLOCK_NBYTES", "Appended", "append_metadata", "try_metadata"]

T = TypeVar("T")
Read = Callable[[int, int], Buffer]
Write = Callable[[int, Buffer], object]
LIBVER = ("earliest", "v108")
SUPERBLOCK_NBYTES = 96
"""Of version 0."""
MIN_START = 1024
"""An empty file as libhdf5 writes it is shorter."""


@dataclass(frozen=True, slots=True)
class Appended(Generic[T]):
    """What was made: the root group's object header, the byte behind all of it, and what `build` returned."""

    root_address: int
    end: int
    result: T

    def superblock(self, root_header: list[HeaderMessage], end_of_file: int) -> bytes:
        """The superblock, of version 0, of a file with this root group that ends at byte `end_of_file`."""
        image = bytearray(_empty_image()[:SUPERBLOCK_NBYTES])
        tables = [message.body[:16] for message in root_header if message.type == SYMBOL_TABLE]
        patch_root_group(image, self.root_address, tables[0] if tables else None)
        patch_end_of_file(image, parse_superblock(image), end_of_file)
        return bytes(image)


def append_metadata(read: Read, write: Write, start: int, build: Callable[[h5py.Group], T]) -> Appended[T]:
    """Let libhdf5 write a group, and what `build` makes in it, into a file from byte `start` on.

    Parameters
    ----------
    read, write
        Bytes of the file, (offset, length) and (offset, bytes). Nothing in front of `start` is asked for.
    start
        At least MIN_START.

    Raises
    ------
    UnsupportedFeatureError
        If libhdf5 refuses what `build` asks of it; also whatever `build`, `read` and `write` raise.
    """
    behind = _Behind(read, write, start)
    try:
        with h5py.File(behind, "r+", libver=LIBVER) as file:
            root = file.create_group("root")
            try:
                result = build(root)
            except BaseException:
                behind.dead = True
                raise
            address = int(h5py.h5o.get_info(root.id).addr)
    except (ZarrHDF5Error, RecursionError):
        raise
    except LIBRARY_ERRORS as error:
        if behind.error is not None:
            raise behind.error from error
        raise UnsupportedFeatureError(f"libhdf5 cannot make this: {error}") from error
    finally:
        behind.forget()
    if behind.error is not None:
        raise behind.error
    return Appended(address, behind.end, result)


def try_metadata(build: Callable[[h5py.Group], object]) -> None:
    """Let libhdf5 make what `build` makes, in memory only. Raises as `append_metadata`."""
    try:
        with h5py.File(memory_file_name(), "w", driver="core", backing_store=False, libver=LIBVER) as file:
            build(file)
    except (ZarrHDF5Error, RecursionError):
        raise
    except LIBRARY_ERRORS as error:
        raise UnsupportedFeatureError(f"libhdf5 cannot make this: {error}") from error


class _Behind(io.RawIOBase):
    """The file as libhdf5 is shown it; `dead`: what it writes is no longer wanted."""

    def __init__(self, read: Read, write: Write, start: int) -> None:
        image = bytearray(_empty_image())
        patch_end_of_file(image, parse_superblock(image), start)
        self._front = image
        self._read: Read | None = read
        self._write: Write | None = write
        self._start = self.end = start
        self._position = 0
        self.dead = False
        self.error: ZarrHDF5Error | None = None

    def forget(self) -> None:
        """Hold nothing any more: libhdf5 may hold this for ever."""
        self._read = self._write = None
        self.dead = True

    def readable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where the next read or write begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Where the next read or write begins, from the start (0), from here (1) or from the end (2)."""
        self._position = offset + (0, self._position, self.end)[whence]
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        """Fill `buffer`; with zeros where nothing was written."""
        view = memoryview(buffer).cast("B")
        at, nbytes = self._position, len(view)
        found: Buffer = b""
        if at < self._start:
            found = self._front[at : at + nbytes]
        elif self._read is not None and at < self.end:
            try:
                found = self._read(at, min(nbytes, self.end - at))
            except ZarrHDF5Error as error:
                self._give_up(error)
                raise OSError(str(error)) from None  # libhdf5 would not pass ours on
        data = byte_view(found)
        view[: len(data)] = data
        view[len(data) :] = bytes(nbytes - len(data))
        self._position += nbytes
        return nbytes

    def write(self, buffer: bytes | memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        """Write all of `buffer`."""
        view = memoryview(buffer).cast("B")
        at = self._position
        if at < self._start:
            self._front[at : at + len(view)] = view
        elif self._write is not None and not self.dead:
            try:
                self._write(at, view)
            except ZarrHDF5Error as error:
                self._give_up(error)  # libhdf5 goes on as if nothing had happened, so that it can close the file
        self._position += len(view)
        self.end = max(self.end, self._position)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """What libhdf5 takes for the end of the file."""
        self.end = max(self._start, self._position if size is None else size)
        return self.end

    def _give_up(self, error: ZarrHDF5Error) -> None:
        self.error = self.error or error
        self.dead = True


@lru_cache(maxsize=1)
def _empty_image() -> bytes:
    """A file with nothing in it, as libhdf5 writes it."""
    with h5py.File(memory_file_name(), "w", driver="core", backing_store=False, libver=LIBVER) as file:
        file.flush()
        image: bytes = file.id.get_file_image()
    return image
