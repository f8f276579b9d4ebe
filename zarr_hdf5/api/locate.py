"""What is at a URL: found out from the content, never from the suffix."""

import os

import h5py

from zarr_hdf5.errors import NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS
from zarr_hdf5.hdf5.links import DATASET, GROUP, to_text
from zarr_hdf5.legacy.hdf5_object import HDF5Object
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.shard.hdf5_view import JSON_ATTRIBUTE
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.stores.resolve import object_at, store_from_url

__all__ = ["URL", "new_store_at", "store_at"]

MAX_DEPTH = 256
HDF5_SUFFIXES = (".h5", ".hdf5", ".he5", ".nc", ".nc4")
URL = str | os.PathLike[str] | Store


def store_at(url: URL, *, read_only: bool, links_outside: bool = False, path: str = "") -> Store:
    """The store to open nodes from: a directory or memory as it is, an HDF5 file as a hierarchy.

    The node at `path` is the one that will be asked for first.

    Raises
    ------
    NotFoundError
        If there is nothing at `url`, or nothing that is known here.
    """
    store = store_from_url(url, read_only=read_only)
    if isinstance(store, HDF5Hierarchy):
        return store
    if isinstance(store, LocalStore) and not store.root.is_file():
        return store
    file = _file_at(url, store, links_outside)
    if file is not None and file.is_hdf5():
        return HDF5Hierarchy.of(file, _root, path)
    if isinstance(store, LocalStore):
        raise NotFoundError(f"{store.url} is neither an HDF5 file nor a Zarr directory")
    return store


def _file_at(url: URL, store: Store, links_outside: bool) -> HDF5Object | None:
    """The object that `url`, which is `store` or means it, may name; None where it can only be a prefix."""
    if isinstance(store, LocalStore):
        return HDF5Object(LocalStore(store.root.parent, read_only=True), store.root.name, links_outside)
    try:
        return HDF5Object(*object_at(url, read_only=True), links_outside)
    except NotFoundError:
        return None


def new_store_at(url: URL) -> Store:
    """The store to create nodes in. Raises UnsupportedFeatureError where the URL asks for a single HDF5 file."""
    if isinstance(url, str | os.PathLike) and os.fspath(url).lower().endswith(HDF5_SUFFIXES):
        raise UnsupportedFeatureError(
            f"{os.fspath(url)}: single files are not written; name a directory, such as x.zarr"
        )
    return store_from_url(url)


def _root(file: h5py.File) -> str:
    """The HDF5 path that stands for the root: in a lone shard its dataset, else "/"."""
    try:
        found = _only_dataset(file)
        lone = found is not None and h5py.h5a.exists(file.id, JSON_ATTRIBUTE.encode(), obj_name=found)
        return to_text(found) if found is not None and lone else "/"
    except LIBRARY_ERRORS:
        return "/"


def _only_dataset(file: h5py.File) -> bytes | None:
    """The path of the dataset at the end of a path of groups that have one member each."""
    path = b""
    for _ in range(MAX_DEPTH):  # groups may contain themselves
        group = h5py.h5g.open(file.id, path or b"/")
        if group.get_num_objs() != 1:
            return None
        name = group.get_objname_by_idx(0)
        if group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
            return None
        path += b"/" + name
        kind = h5py.h5g.get_objinfo(group, name).type
        if kind != GROUP:
            return path if kind == DATASET else None
    return None
