"""Copying and moving nodes: as they are stored where that is possible, else chunk by chunk.

Bytes stay what they are: shards that are HDF5 files keep the name of their dataset, and the documents say it. Documents
are written last, those of the groups above the very last, so that a crash leaves nothing that looks like a node.
"""

import os

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.copy import copy_elements
from zarr_hdf5.array.hdf5_side import HDF5Store
from zarr_hdf5.array.source_options import options_like
from zarr_hdf5.errors import AlreadyExistsError, NotFoundError, ZarrHDF5Error
from zarr_hdf5.hierarchy import (
    DOCUMENT,
    Metadata,
    NodeStore,
    clear_node,
    forget_consolidated,
    has_node,
    path_below,
    prefix_of,
    read_node,
    require_parents,
    write_node,
)
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.members import read_members
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.consolidated import without_consolidated
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.nodes.create import create_array_at
from zarr_hdf5.onefile.documents import dataset_path, with_hdf5
from zarr_hdf5.onefile.store import OneFileStore
from zarr_hdf5.parallel import run
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Store, moves_of
from zarr_hdf5.stores.zip import ZipStore
from zarr_hdf5.v2.hierarchy import V2Hierarchy

__all__ = ["check_apart", "copy_node", "move_node", "place_of"]


def copy_node(source: Store, path: str, target: Store, to: str, *, overwrite: bool = False) -> None:
    """Copy the node at `path` of `source`, and all that is below it, to `to` in `target`. A master file is not told.

    Raises
    ------
    NotFoundError
        If there is no node at `path`.
    AlreadyExistsError
        If there is one at `to`, unless with `overwrite`; or if one of the two lies within the other.
    UnsupportedFeatureError
        If what is there cannot be as it is in `target`.
    """
    _make_room(source, path, target, to, overwrite=overwrite)
    if _same_form(source, target):
        _copy_objects(source, path, target, to)
    else:
        _copy_nodes(source, path, target, to)


def move_node(store: Store, path: str, to: str) -> None:
    """Move the node at `path`, and all that is below it, to `to`; in one step where the store can. Raises as copying.

    A master file is not told.
    """
    _make_room(store, path, store, to, overwrite=False)
    forget_consolidated(store, path)
    moves = moves_of(store)
    if moves is not None:
        moves.move_prefix(path, to)
    else:
        _copy_objects(store, path, store, to)
        store.delete_prefix(path)


def _make_room(source: Store, path: str, target: Store, to: str, *, overwrite: bool) -> None:
    if not has_node(source, path):
        raise NotFoundError(f"no array or group at {source.url}/{path}")
    check_apart(place_of(source) + prefix_of(path), place_of(target) + prefix_of(to))
    clear_node(target, to, overwrite=overwrite)
    require_parents(target, to)
    forget_consolidated(target, to)


def place_of(store: Store) -> str:
    """Where a store is, whatever links lead there, ending in "/"."""
    if isinstance(store, HDF5Hierarchy):
        path = store.file.local_path
        return (os.path.realpath(path) if path else store.url) + "/"
    if isinstance(store, OneFileStore):
        return f"{store.path}/"
    if isinstance(store, ZipStore):
        return (os.path.realpath(store.local_path) if store.local_path else store.url) + "/"
    if isinstance(store, V2Hierarchy):
        return place_of(store.store)
    if isinstance(store, MemoryStore):
        return f"{store.url}/{id(store)}/"  # not all of them have a name
    return (os.path.realpath(store.root) if isinstance(store, LocalStore) else store.url).rstrip("/") + "/"


def check_apart(source: str, target: str) -> None:
    """Neither place may lie within the other: what is read would be deleted, or what is written be read again."""
    if source.startswith(target) or target.startswith(source):
        raise AlreadyExistsError(f"cannot write {source} to {target}: one lies within the other")


def _same_form(source: Store, target: Store) -> bool:
    """Whether objects of one store mean the same in the other."""
    if isinstance(source, NodeStore) or isinstance(target, NodeStore):
        return False
    return isinstance(source, HDF5Store) == isinstance(target, HDF5Store)


def _copy_objects(source: Store, path: str, target: Store, to: str) -> None:
    """Byte for byte; only what an array in one file says of its dataset's path follows."""
    start = len(prefix_of(path))
    keys = [key[start:] for key in source.list_prefix(path)]

    def copy(key: str) -> None:
        target.set(prefix_of(to) + key, [source.get(prefix_of(path) + key).data])

    documents = [key for key in keys if key.rpartition("/")[2] == DOCUMENT]
    run(copy, [key for key in keys if key.rpartition("/")[2] != DOCUMENT])
    for key in sorted(documents, key=lambda key: key.count("/"), reverse=True):
        if isinstance(target, OneFileStore):
            below = key.removesuffix(DOCUMENT).rstrip("/")
            _write_renamed(read_node(source, path_below(path, below)), target, path_below(to, below))
        else:
            copy(key)


def _write_renamed(metadata: Metadata, target: Store, path: str) -> None:
    if isinstance(metadata, ArrayMetadata) and dataset_path(metadata, path) is not None:
        metadata = with_hdf5(metadata, path, True)
    elif isinstance(metadata, GroupMetadata):
        metadata = without_consolidated(metadata)
    write_node(target, path, metadata)


def _copy_nodes(source: Store, path: str, target: Store, to: str) -> None:
    """Arrays anew, as `convert` makes them: encoded chunks are copied where both have the same."""
    todo: list[tuple[str, Metadata]] = [("", read_node(source, path))]
    while todo:
        below, metadata = todo.pop()
        if isinstance(metadata, ArrayMetadata):
            _copy_array(Array(source, path_below(path, below), metadata, read_only=True), target, path_below(to, below))
            continue
        write_node(target, path_below(to, below), GroupMetadata(metadata.attributes))
        for name, found in read_members(source, path_below(path, below), None):
            if isinstance(found, ZarrHDF5Error):
                raise found
            todo.append((path_below(below, name), found))


def _copy_array(source: Array, target: Store, path: str) -> None:
    native, one_file = not isinstance(source.store, NodeStore), isinstance(target, OneFileStore)
    wanted = source.hdf5 is not None or not native
    options = options_like(source, hdf5=wanted, one_file=one_file)
    options["chunk_key_encoding"] = source.metadata.chunk_key_encoding
    if native and source.shards is None and (one_file or not wanted):
        options["shards"] = None
    copy_elements(source, create_array_at(target, path, options), lambda _: None)
