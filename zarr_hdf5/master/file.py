"""The master file itself: where it is, writing it, keeping it current, and whether it tells the truth.

It lies at the root of the hierarchy, is called after the directory (`x.zarr/x.h5`), and names the shards relative to
itself. That it exists is all there is to say that it is wanted: whatever this library changes of documents in a
hierarchy that has one is said there, too. Documents are written first, so that what a crash leaves is a master file
that is older, which `verify` finds and `link` mends.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from zarr_hdf5.array.array import Array
from zarr_hdf5.errors import AlreadyExistsError, CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.library import open_file
from zarr_hdf5.hdf5.netcdf_file import NetCDFFile, write_netcdf_file
from zarr_hdf5.hdf5.same_contents import differences
from zarr_hdf5.hdf5.superblock import SIGNATURE
from zarr_hdf5.hierarchy import hierarchies_above
from zarr_hdf5.master.contents import Contents, is_copied, read_contents
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store

__all__ = ["Master", "MasterFollower", "is_master_file", "master_faults", "master_path", "wants_master", "write_master"]

MADE_BY = "zarr_hdf5=master file"
"""In the provenance attribute: this file is written here, and may be replaced."""
ATTEMPTS = 10
"""Times to write it again for others who keep changing the hierarchy."""
MARK_WITHIN = 4096
"""Bytes at the beginning of the file that this attribute is in."""


@dataclass(frozen=True, slots=True)
class Master:
    """A master file that was written, and what it says."""

    path: Path
    contents: Contents
    made: NetCDFFile


def wants_master(store: Store, hdf5: bool | HDF5) -> bool:
    """Whether a new node of `store` asks for a master file. Raises UnsupportedFeatureError where there can be none."""
    wanted = isinstance(hdf5, HDF5) and hdf5.virtual_dataset
    if wanted and not isinstance(store, LocalStore):
        raise UnsupportedFeatureError(f"{store.url}: a master file is for local directories; libhdf5 opens no others")
    return wanted


def master_path(store: LocalStore) -> Path:
    """Where the master file of a hierarchy is: `x.zarr/x.h5`, `data/data.h5`."""
    root = Path(os.path.abspath(store.root))
    return root / f"{root.name.removesuffix('.zarr') or 'data'}.h5"


def is_master_file(path: Path) -> bool:
    """Whether there is a master file, and not something else of that name.

    Without libhdf5, which would find a file locked that others have open for writing.
    """
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            beginning = file.read(MARK_WITHIN)
    except OSError:
        return False
    return beginning.startswith(SIGNATURE) and MADE_BY.encode() in beginning


def write_master(store: LocalStore, path: Path) -> Master:
    """Write the master file of the hierarchy in `store`, in place of the one that may be there.

    What others change in the meantime is seen afterwards, and it is written again: of two that write at once, the last
    has seen what both have changed. Who never stops changing it has the last word.

    Raises
    ------
    AlreadyExistsError
        If something else is at `path`.
    """
    if os.path.lexists(path) and not is_master_file(path):
        raise AlreadyExistsError(f"{path} is there already, and not a master file of zarr_hdf5")
    prefix = _prefix(store, path)
    beside = store if path.parent == Path(os.path.abspath(store.root)) else LocalStore(path.parent)
    for _ in range(ATTEMPTS):
        contents = read_contents(store, prefix)
        made = _make(contents)
        beside.set(path.name, [made.image])
        if contents.is_current(store):
            break
    return Master(path, contents, made)


def master_faults(store: LocalStore) -> Iterator[tuple[str, str]]:
    """Names of the master files at the root of a hierarchy, and what they say other than its documents."""
    names = [name for name in store.list_dir("")[0] if name.endswith(".h5") and is_master_file(store.path_of(name))]
    for name in names:
        path = store.path_of(name)
        with open_file(BytesIO(_make(read_contents(store, _prefix(store, path))).image)) as model:
            try:
                with open_file(str(path)) as file:
                    found = [f"the master file is out of date: {what}" for what in differences(file, model)]
            except CorruptDataError as error:
                found = [f"the master file cannot be read: {error}"]
        yield from ((name, reason) for reason in found)


@dataclass(frozen=True, slots=True)
class MasterFollower:
    """Keeps master files current: of the hierarchy in a store, and of the one that this is a part of."""

    store: Store

    def metadata_changed(self, *, create: bool = False) -> None:
        """To be called when nodes came, went, or changed their documents; `create` a master file where none is yet."""
        if isinstance(self.store, LocalStore):
            for root, _ in hierarchies_above(self.store):
                if isinstance(root, LocalStore):
                    path = master_path(root)
                    if (create and root is self.store) or is_master_file(path):
                        write_master(root, path)

    def elements_changed(self, array: Array) -> None:
        """To be called when elements were written."""
        if is_copied(array):
            self.metadata_changed()


def _make(contents: Contents) -> NetCDFFile:
    return write_netcdf_file(contents.groups, contents.variables, MADE_BY)


def _prefix(store: LocalStore, path: Path) -> str:
    """The way from the directory of a master file to the hierarchy."""
    way = os.path.relpath(os.path.realpath(store.root), os.path.realpath(path.parent))
    return "" if way == "." else f"{way}/"
