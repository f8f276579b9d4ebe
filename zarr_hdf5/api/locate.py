"""What is at a URL: found out from the content, never from the suffix."""

import os

import h5py

from zarr_hdf5.errors import NotFoundError, StorageError, UnsupportedFeatureError
from zarr_hdf5.hdf5.links import Target, to_bytes
from zarr_hdf5.legacy.hdf5_object import HDF5Object
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.shard.hdf5_view import JSON_ATTRIBUTE
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.stores.resolve import object_at, store_from_url
from zarr_hdf5.stores.zip import ZipStore, is_zip

__all__ = ["URL", "new_store_at", "store_at"]

HDF5_SUFFIXES = (".h5", ".hdf5", ".he5", ".nc", ".nc4")
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
    if isinstance(store, HDF5Hierarchy):
        return store
    if isinstance(store, LocalStore) and not os.path.isfile(store.root):
        return store
    file = _file_at(url, store, links_outside)
    head = None if file is None else _head_of(file)
    if file is not None and head is not None:
        if is_zip(head):
            return ZipStore(file.store, file.key)
        if file.is_hdf5():
            return HDF5Hierarchy.of(file, _is_shard, path)
    if isinstance(store, LocalStore):
        raise NotFoundError(f"{store.url} is neither an HDF5 file nor a ZIP file nor a Zarr directory")
    return store


def _file_at(url: URL, store: Store, links_outside: bool) -> HDF5Object | None:
    """The object that `url`, which is `store` or means it, may name; None where it can only be a prefix."""
    if isinstance(store, LocalStore):
        return HDF5Object(LocalStore(store.root.parent, read_only=True), store.root.name, links_outside)
    try:
        return HDF5Object(*object_at(url, read_only=True), links_outside)
    except NotFoundError:
        return None


def _head_of(file: HDF5Object) -> memoryview | None:
    """What the object begins with; None where there is none."""
    try:
        return file.start().data
    except (NotFoundError, StorageError):  # a directory of a web server is forbidden, not absent
        return None


def new_store_at(url: URL) -> Store:
    """The store to create nodes in. Raises UnsupportedFeatureError where the URL asks for a single HDF5 file."""
    if isinstance(url, str | os.PathLike) and os.fspath(url).lower().endswith(HDF5_SUFFIXES):
        raise UnsupportedFeatureError(
            f"{os.fspath(url)}: single files are not written; name a directory, such as x.zarr"
        )
    return store_from_url(url)


def _is_shard(file: h5py.File, dataset: Target) -> bool:
    """Whether the only dataset of a file is a shard of a Zarr array, opened by itself."""
    found: bool = h5py.h5a.exists(file.id, JSON_ATTRIBUTE.encode(), obj_name=to_bytes(dataset.path))
    return found
