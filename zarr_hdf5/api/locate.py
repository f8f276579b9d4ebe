"""What is at a URL: found out from the content, never from the suffix."""

import os
from pathlib import Path

import h5py

from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5.description import open_file
from zarr_hdf5.hdf5.superblock import SIGNATURE, signature_offsets
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.shard.hdf5_view import JSON_ATTRIBUTE
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.stores.resolve import store_from_url

__all__ = ["URL", "new_store_at", "store_at"]

MAX_DEPTH = 256
HDF5_SUFFIXES = (".h5", ".hdf5", ".he5", ".nc", ".nc4")
URL = str | os.PathLike[str] | Store


def store_at(url: URL, *, read_only: bool) -> Store:
    """The store to open nodes from: a directory or memory as it is, an HDF5 file as a hierarchy of documents.

    Raises
    ------
    NotFoundError
        If there is nothing at `url`, or nothing that is known here.
    """
    store = store_from_url(url, read_only=read_only)
    if not isinstance(store, LocalStore) or not store.root.is_file():
        return store
    if not is_hdf5(store.root):
        raise NotFoundError(f"{store.root} is neither an HDF5 file nor a Zarr directory")
    return HDF5Hierarchy(str(store.root), _root(store.root))


def new_store_at(url: URL) -> Store:
    """The store to create nodes in. Raises UnsupportedFeatureError where the URL asks for a single HDF5 file."""
    if isinstance(url, str | os.PathLike) and os.fspath(url).lower().endswith(HDF5_SUFFIXES):
        raise UnsupportedFeatureError(
            f"{os.fspath(url)}: single files are not written; name a directory, such as x.zarr"
        )
    return store_from_url(url)


def is_hdf5(path: Path) -> bool:
    """Whether a file has an HDF5 signature at one of the places where it may be."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for offset in signature_offsets(size):
            file.seek(offset)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return True
    return False


def _root(path: Path) -> str:
    """The HDF5 path that stands for the root: in a lone shard its dataset, else "/"."""
    try:
        with open_file(str(path)) as file:
            found = _only_dataset(file)
            if found is not None and JSON_ATTRIBUTE in found.attrs:
                return str(found.name)
    except CorruptDataError:
        pass  # what is broken says so when it is opened; the rest of the file may be whole
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
