"""An HDF5 file as an object of a store: on a disk libhdf5 opens it itself, elsewhere it reads through blocks."""

import os
import posixpath
from collections.abc import Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property

import h5py

from zarr_hdf5.errors import NotFoundError, StorageError, UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.hdf5.index_walk import FileSpace
from zarr_hdf5.hdf5.library import open_file
from zarr_hdf5.hdf5.superblock import walk_file_space
from zarr_hdf5.legacy.reads import Reads, Start, read_start
from zarr_hdf5.stores.block_file import BlockCache, BlockFile, BlockStore
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store, check_key

__all__ = ["HDF5Object", "Look"]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the start of a file says: with it, from where addresses count."""

    start: Start
    space: FileSpace


@dataclass(frozen=True, eq=False)
class HDF5Object:
    """The file at `key` of `store`, which may hold other files that its links lead to.

    outside
        Whether links may lead to files that are not below the directory of this one.
    """

    store: Store
    key: str
    outside: bool = False
    cache: BlockCache = field(default_factory=BlockCache)
    _starts: dict[Hashable, Start] = field(default_factory=dict, init=False)
    _looks: dict[Hashable, Look] = field(default_factory=dict, init=False)

    @cached_property
    def url(self) -> str:
        """Where it is."""
        return f"{self.store.url}/{self.key}"

    @cached_property
    def local_path(self) -> str | None:
        """The path of the file, if it is one."""
        return os.path.join(self.store.root, check_key(self.key)) if isinstance(self.store, LocalStore) else None

    def open(self) -> AbstractContextManager[h5py.File]:
        """Open for reading. Raises NotFoundError, CorruptDataError, or what the store raises."""
        return open_file(self.local_path or BlockFile(self.store, self.key, cache=self.cache))

    def is_hdf5(self) -> bool:
        """Whether there is an object, with an HDF5 signature at one of the places where it may be."""
        try:
            self.look()
        except (NotFoundError, StorageError):  # a directory of a web server is forbidden, not absent
            return False
        except ZarrHDF5Error:  # what is broken says so when it is opened
            pass
        return True

    def version(self) -> Hashable:
        """Changes when the file does; None where each look would be a request: there, reads notice."""
        if self.local_path is None:
            return None
        try:
            status = os.stat(self.local_path)
        except OSError:
            return ()  # what is wrong is said when it is opened
        return status.st_ino, status.st_size, status.st_mtime_ns

    def start(self) -> Start:
        """What the object begins with, be it no HDF5 file. Raises NotFoundError, StorageError."""
        version = self.version()
        found = self._starts.get(version)
        if found is None:
            found = read_start(self.metadata_store, self.key)
            self._starts.clear()
            self._starts[version] = found
        return found

    def look(self) -> Look:
        """The start of the file. Raises NotFoundError if this is no HDF5 file."""
        version = self.version()
        found = self._looks.get(version)
        if found is None:
            start = self.start()
            whole = FileSpace(0, start.size)
            found = Look(start, Reads(self.metadata_store, self.key, start, whole).run(walk_file_space(start.size)))
            self._looks.clear()
            self._looks[version] = found
        return found

    @property
    def metadata_store(self) -> Store | BlockStore:
        """What to read this library's own walks of the file from."""
        return self.store if self.local_path is not None else BlockStore(self.store, self.cache)

    def beside(self, name: str) -> "HDF5Object":
        """The file that this one calls `name`.

        Raises
        ------
        UnsupportedFeatureError
            If it does not lie below the directory of this one.
        """
        path = self.local_path
        if path is not None:
            return self._beside_local(path, name)
        key = posixpath.normpath(posixpath.join(posixpath.dirname(self.key), name))
        if posixpath.isabs(name) or "://" in name or key.split("/")[0] == "..":
            raise self._leads_out(name)
        return HDF5Object(self.store, key, self.outside, self.cache)

    def check_beside(self, names: tuple[str, ...]) -> None:
        """Raise UnsupportedFeatureError unless libhdf5 may open the files that this one calls so."""
        if names and self.local_path is None:
            raise UnsupportedFeatureError(f"{self.url}: its data are in other files ({names[0]}), which libhdf5 opens")
        for name in names:
            self.beside(name)

    def _beside_local(self, path: str, name: str) -> "HDF5Object":
        here = os.path.realpath(os.path.dirname(path))
        found = os.path.realpath(os.path.join(here, name))
        if self.outside:
            return HDF5Object(LocalStore(os.path.dirname(found), read_only=True), os.path.basename(found), True)
        if os.path.commonpath([here, found]) != here:
            raise self._leads_out(name)
        return HDF5Object(LocalStore(here, read_only=True), os.path.relpath(found, here))

    def _leads_out(self, name: str) -> UnsupportedFeatureError:
        return UnsupportedFeatureError(f"a link to {name} leads out of the directory of {self.url}")
