"""What is at a URL: found out from the content, never from the suffix."""

import os

import h5py

from zarr_hdf5.errors import NotFoundError, StorageError, UnsupportedFeatureError
from zarr_hdf5.hdf5.links import Target, to_bytes
from zarr_hdf5.legacy.hdf5_object import HDF5Object
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.onefile.front import is_one_file
from zarr_hdf5.onefile.store import OneFileReader, OneFileStore, one_file_store
from zarr_hdf5.shard.hdf5_view import JSON_ATTRIBUTE
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.stores.resolve import object_at, store_from_url
from zarr_hdf5.stores.wrapper import StoreWrapper
from zarr_hdf5.stores.zip import ZipStore
from zarr_hdf5.stores.zip_index import is_zip

__all__ = ["URL", "hdf5_hierarchy_at", "new_store_at", "store_at"]

ONE_FILE_SUFFIXES = (".h5", ".hdf5", ".he5", ".nc", ".nc4", ".ozx")
URL = str | os.PathLike[str] | Store


def store_at(url: URL, *, read_only: bool, links_outside: bool = False, path: str = "") -> Store:
    """The store to open nodes from: a directory or memory as it is, an HDF5 file as a hierarchy, a ZIP
    file as what is in it.

    The node at `path` is the one that will be asked for first.

    Raises
    ------
    NotFoundError
        If there is nothing at `url`, or nothing that is known here.
    """
    store = store_from_url(url, read_only=read_only)
    if isinstance(store, HDF5Hierarchy | OneFileStore | ZipStore) or isinstance(url, StoreWrapper):
        return store
    if isinstance(store, LocalStore) and not os.path.isfile(store.root):
        return store
    file = _file_at(url, store, links_outside)
    head = None if file is None else _head_of(file)
    if file is not None and head is not None:
        if is_zip(head):
            return ZipStore(file.store, file.key)
        if is_one_file(head):
            one = _one_file(file, read_only)
            if one is not None:
                return one
        if file.is_hdf5():
            return HDF5Hierarchy.of(file, _is_shard, path)
    if isinstance(store, LocalStore):
        raise NotFoundError(f"{store.url} is neither an HDF5 file nor a ZIP file nor a Zarr directory")
    return store


def hdf5_hierarchy_at(url: URL, *, links_outside: bool = False, low_precision: bool = True) -> HDF5Hierarchy:
    """The HDF5 side of the file at `url`, be it a one-file. Raises NotFoundError. See `HDF5Hierarchy`."""
    store = store_from_url(url, read_only=True)
    file = _file_at(url, store, links_outside)
    if file is None or not file.is_hdf5():
        raise NotFoundError(f"no HDF5 file at {store.url}")
    return HDF5Hierarchy.of(file, _is_shard, low_precision=low_precision)


def _file_at(url: URL, store: Store, links_outside: bool) -> HDF5Object | None:
    """The object that `url`, which is `store` or means it, may name; None where it can only be a prefix."""
    if isinstance(store, LocalStore):
        return HDF5Object(LocalStore(store.root.parent, read_only=True), store.root.name, links_outside)
    try:
        return HDF5Object(*object_at(url, read_only=True), links_outside)
    except NotFoundError:
        return None


def _one_file(file: HDF5Object, read_only: bool) -> Store | None:
    """The hierarchy in a one-file; None where an HDF5 program has changed the file, and it is HDF5 only."""
    try:
        zipped = OneFileReader(file.store, file.key)
    except NotFoundError:
        return None
    return zipped if read_only or file.local_path is None else one_file_store(file.local_path)


def _head_of(file: HDF5Object) -> memoryview | None:
    """What the object begins with; None where there is none."""
    try:
        return file.start().data
    except (NotFoundError, StorageError):  # a directory of a web server is forbidden, not absent
        return None


def new_store_at(url: URL) -> Store:
    """The store to create nodes in: one file, where the suffix says so and there is no such directory.

    Raises UnsupportedFeatureError where one file is to be anywhere but on a local disk.
    """
    if not isinstance(url, str | os.PathLike) or not os.fspath(url).lower().endswith(ONE_FILE_SUFFIXES):
        return store_from_url(url)
    store = store_from_url(url)
    if not isinstance(store, LocalStore):
        raise UnsupportedFeatureError(
            f"{os.fspath(url)}: one file is written to a local disk only; name a directory, such as x.zarr"
        )
    return store if store.root.is_dir() else one_file_store(store.root)


def _is_shard(file: h5py.File, dataset: Target) -> bool:
    """Whether the only dataset of a file is a shard of a Zarr array, opened by itself."""
    found: bool = h5py.h5a.exists(file.id, JSON_ATTRIBUTE.encode(), obj_name=to_bytes(dataset.path))
    return found
