"""What is at a URL: found out from the content, never from the suffix."""

import os

import h5py

from zarr_hdf5.errors import NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS
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


def store_at(url: URL, *, read_only: bool, links_outside: bool = False) -> Store:
    """The store to open nodes from: a directory or memory as it is, an HDF5 file as a hierarchy.

    Raises
    ------
    NotFoundError
        If there is nothing at `url`, or nothing that is known here.
    """
    store = store_from_url(url, read_only=read_only)
    if isinstance(store, HDF5Hierarchy):
        return store
    is_file = isinstance(store, LocalStore) and store.root.is_file()
    if isinstance(store, LocalStore) and not is_file:
        return store
    file = _file_at(url, links_outside)
    if file is not None and file.is_hdf5():
        return HDF5Hierarchy.of(file, _root)
    if is_file:
        raise NotFoundError(f"{store.url} is neither an HDF5 file nor a Zarr directory")
    return store


def _file_at(url: URL, links_outside: bool) -> HDF5Object | None:
    """The object that `url` may name; None where it can only be a prefix."""
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
        return str(found.name) if found is not None and JSON_ATTRIBUTE in found.attrs else "/"
    except LIBRARY_ERRORS:
        return "/"


def _only_dataset(group: h5py.Group) -> h5py.Dataset | None:
    """The dataset at the end of a path of groups that have one member each."""
    for _ in range(MAX_DEPTH):  # groups may contain themselves
        if len(group) != 1:
            return None
        (name,) = group
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            return None
        member = group[name]
        if isinstance(member, h5py.Dataset):
            return member
        if not isinstance(member, h5py.Group):
            return None
        group = member
    return None
