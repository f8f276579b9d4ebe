"""libhdf5, through h5py: opening a file, and what comes out of it when something is wrong with the file.

No h5py object outlives a `with open_file(...)`: one that is collected on another thread waits for h5py's lock.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO, RawIOBase

import h5py

from zarr_hdf5.errors import CorruptDataError, NotFoundError, ZarrHDF5Error

__all__ = ["LIBRARY_ERRORS", "open_file"]

LIBRARY_ERRORS = (OSError, RuntimeError, ValueError, LookupError, TypeError, ArithmeticError, SystemError, MemoryError)
"""What h5py raises for broken files, depending on which part is broken."""


@cache
def _access() -> h5py.h5p.PropFAID:
    """As h5py opens files, which takes it longer; closing the file closes all that is open in it."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    return access


@contextmanager
def open_file(file: str | RawIOBase | BytesIO) -> Iterator[h5py.File]:
    """The file, open for reading; whatever libhdf5 finds wrong with it comes out as CorruptDataError.

    A file object may have an attribute `error`: what went wrong while libhdf5 read from it, which is raised instead.
    """
    try:
        if isinstance(file, str):
            opened = h5py.File(h5py.h5f.open(os.fsencode(file), h5py.h5f.ACC_RDONLY, _access()))
        else:
            opened = h5py.File(file, "r")
        try:
            yield opened
        finally:
            opened.id.close()
    except ZarrHDF5Error:
        raise
    except FileNotFoundError as error:
        raise NotFoundError(f"no such file: {file}") from error
    except LIBRARY_ERRORS as error:
        reading = getattr(file, "error", None)
        if isinstance(reading, ZarrHDF5Error):
            raise reading from error
        where = file if isinstance(file, str) else ""
        raise CorruptDataError(f"libhdf5 cannot read it: {error}", structure="HDF5 file", key=where) from error
