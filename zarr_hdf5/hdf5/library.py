"""libhdf5, through h5py: opening a file, and what comes out of it when something is wrong with the file.

No h5py object outlives a `with open_file(...)`: one that is collected on another thread waits for h5py's lock.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, RawIOBase
from itertools import count
from typing import Protocol, runtime_checkable

import h5py

from zarr_hdf5.errors import CorruptDataError, NotFoundError, ZarrHDF5Error

__all__ = ["LIBRARY_ERRORS", "memory_file_name", "open_file"]

LIBRARY_ERRORS = (OSError, RuntimeError, ValueError, LookupError, TypeError, ArithmeticError, SystemError, MemoryError)
"""What h5py raises for broken files, depending on which part is broken."""

_numbers = count()


def memory_file_name() -> str:
    """A name for a file in memory: of two open ones of the same name, libhdf5 refuses the second."""
    return f"memory {next(_numbers)}"


@runtime_checkable
class RemembersError(Protocol):
    """A file object that knows what went wrong while libhdf5 read from it."""

    error: ZarrHDF5Error | None


@contextmanager
def open_file(file: str | RawIOBase | BytesIO) -> Iterator[h5py.File]:
    """The file, open for reading; whatever libhdf5 finds wrong with it comes out as CorruptDataError.

    A file object may have an attribute `error`: what went wrong while libhdf5 read from it, which is raised instead.
    """
    try:
        if isinstance(file, str):
            # Quicker than h5py.File(file), and with its access properties: a file may be open in both ways at once.
            opened = h5py.File(h5py.h5f.open(os.fsencode(file), h5py.h5f.ACC_RDONLY))
        else:
            opened = h5py.File(file, "r")
        try:
            yield opened
        finally:
            _close(opened)
    except (ZarrHDF5Error, RecursionError):
        raise
    except FileNotFoundError as error:
        raise NotFoundError(f"no such file: {file}") from error
    except LIBRARY_ERRORS as error:
        if isinstance(file, RemembersError) and file.error is not None:
            # The error would hold this one's frames, they libhdf5's access list, and that the file, for ever.
            reading, file.error = file.error, None
            raise reading from error
        where = file if isinstance(file, str) else ""
        raise CorruptDataError(f"libhdf5 cannot read it: {error}", structure="HDF5 file", key=where) from error


def _close(file: h5py.File) -> None:
    """Close the file, and what is open in it: an error's traceback may hold something."""
    if h5py.h5f.get_obj_count(file.id, h5py.h5f.OBJ_ALL | h5py.h5f.OBJ_LOCAL) > 1:
        file.close()
    else:  # `close` would look at all that is open in any file, which takes longer than opening this one
        h5py.h5i.dec_ref(file.id)
