"""Nodes of a Zarr hierarchy: where their metadata documents are, how one is read and written.

A node is where there is a document: since 2024 the specification has no groups without one ("implicit groups").
Source: Zarr core specification v3, "Storage" and "Hierarchy".
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from zarr_hdf5.errors import (
    AlreadyExistsError,
    CodecError,
    CorruptDataError,
    InvalidMetadataError,
    NotFoundError,
    Problem,
    UnsupportedFeatureError,
)
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.consolidated import without_consolidated
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.metadata.node import is_node_name, parse_node
from zarr_hdf5.parallel import run
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store

__all__ = [
    "DOCUMENT",
    "UNREADABLE",
    "V2_DOCUMENTS",
    "Metadata",
    "NodeStore",
    "ancestors",
    "child_names",
    "clear_node",
    "document_key",
    "forget_consolidated",
    "has_node",
    "hierarchies_above",
    "join",
    "node_path",
    "normalize_path",
    "path_below",
    "prefix_of",
    "read_node",
    "refuse_v2",
    "require_parents",
    "write_node",
]

DOCUMENT = "zarr.json"
V2_DOCUMENTS = (".zarray", ".zgroup")
"""Where there is one of these and no `zarr.json` there is a node of Zarr v2, which a new node may not hide."""
Metadata = ArrayMetadata | GroupMetadata
UNREADABLE = (CodecError, CorruptDataError, InvalidMetadataError, NotFoundError, UnsupportedFeatureError)
"""What can be wrong with one node and leave the others whole."""


class NodeStore(ABC):
    """A store that knows its nodes without documents, and why some objects in it are none."""

    @abstractmethod
    def node(self, path: str) -> Metadata:
        """The metadata of the node at `path`. Raises NotFoundError, UnsupportedFeatureError, CorruptDataError."""

    @abstractmethod
    def child_names(self, path: str) -> list[str]:
        """Names of the nodes directly below the group at `path`, sorted."""

    @abstractmethod
    def refused(self, path: str) -> tuple[tuple[str, str], ...]:
        """Names of what lies directly below the group at `path` and cannot be shown, and why."""


def normalize_path(path: str) -> str:
    """A node's path without slashes at its ends; "" is the root.

    Raises
    ------
    InvalidMetadataError
        If a name in it is one the specification forbids.
    """
    path = path.strip("/")
    names = path.split("/") if path else []
    bad = [name for name in names if not is_node_name(name)]
    if bad:
        raise InvalidMetadataError([Problem((), f"{name!r} is not a legal node name") for name in bad], path)
    return path


def node_path(store: object, path: str) -> str:
    """What a user calls a node of `store`: in one that is no Zarr hierarchy itself, names need not be Zarr's."""
    return path.strip("/") if isinstance(store, NodeStore) else normalize_path(path)


def join(path: str, name: str) -> str:
    """The path of `name` below `path`."""
    return normalize_path(f"{path}/{name}")


def path_below(path: str, below: str) -> str:
    """The path of what is at `below`, a path relative to the node at `path`; either may be ""."""
    return "/".join(filter(None, [path, below]))


def prefix_of(path: str) -> str:
    """What the keys of a node begin with."""
    return f"{path}/" if path else ""


def document_key(path: str) -> str:
    """The key of a node's document."""
    return prefix_of(path) + DOCUMENT


def read_node(store: Store, path: str) -> Metadata:
    """The metadata of the node at `path`. Raises NotFoundError, InvalidMetadataError, UnsupportedFeatureError."""
    if isinstance(store, NodeStore):
        return store.node(path)
    try:
        data = store.get(document_key(path)).data
    except NotFoundError as error:
        raise NotFoundError(f"no Zarr v3 array or group at {store.url}/{path}".rstrip("/")) from error
    return parse_node(bytes(data), f"{store.url}/{document_key(path)}")


def has_node(store: Store, path: str) -> bool:
    """Whether there is a node at `path`, be it readable or not."""
    if not isinstance(store, NodeStore):
        return store.exists(document_key(path))
    try:
        store.node(path)
    except NotFoundError:
        return False
    except UNREADABLE:
        pass
    return True


def write_node(store: Store, path: str, metadata: Metadata) -> None:
    """Write a node's document; what groups above have said of it in their own is forgotten."""
    forget_consolidated(store, path)
    store.set(document_key(path), [dump_json(metadata.to_json())])


def clear_node(store: Store, path: str, *, overwrite: bool) -> None:
    """Make room for a new node.

    Raises
    ------
    AlreadyExistsError
        If there is one and `overwrite` is false.
    """
    if overwrite:
        forget_consolidated(store, path)
        store.delete_prefix(path)
    elif store.exists(document_key(path)) or _has_v2(store, path):
        raise AlreadyExistsError(f"there is a node at {store.url}/{path} already; overwrite=True replaces it")


def _has_v2(store: Store, path: str) -> bool:
    return any(store.exists(prefix_of(path) + document) for document in V2_DOCUMENTS)


def refuse_v2(store: Store, path: str) -> None:
    """Raise AlreadyExistsError where there is a node of Zarr v2, which a new one would hide."""
    if _has_v2(store, path):
        raise AlreadyExistsError(f"{store.url}/{path} is Zarr v2, which is only read; see migrate_v2")


def require_parents(store: Store, path: str) -> None:
    """Make groups of all ancestors of `path` that are not there yet."""
    for parent in ancestors(path):
        if not store.exists(document_key(parent)):
            refuse_v2(store, parent)
            write_node(store, parent, GroupMetadata())
        elif isinstance(read_node(store, parent), ArrayMetadata):
            raise AlreadyExistsError(f"{store.url}/{parent} is an array; it can have nothing below it")


def child_names(store: Store, path: str) -> list[str]:
    """Names of the nodes directly below the group at `path`, sorted."""
    if isinstance(store, NodeStore):
        return store.child_names(path)
    _, names = store.list_dir(path)
    there: set[str] = set()

    def look(name: str) -> None:
        if store.exists(document_key(prefix_of(path) + name)):
            there.add(name)

    run(look, names)
    return sorted(there)


def forget_consolidated(store: Store, path: str) -> None:
    """Take from all groups above `path` the consolidated metadata, which are about to become untrue.

    They are not brought up to date: of two programs that did so at once, one would undo what the other has said.
    """
    for root, below in hierarchies_above(store, path):
        for parent in ancestors(below):
            try:
                group = read_node(root, parent)
            except (NotFoundError, InvalidMetadataError, UnsupportedFeatureError):
                continue
            if isinstance(group, GroupMetadata) and (bare := without_consolidated(group)) is not group:
                root.set(document_key(parent), [dump_json(bare.to_json())])


def ancestors(path: str) -> Iterator[str]:
    """Paths of the groups above `path`, the root first."""
    names = path.split("/") if path else []
    return ("/".join(names[:depth]) for depth in range(len(names)))


def hierarchies_above(store: Store, path: str = "") -> Iterator[tuple[Store, str]]:
    """The hierarchy in `store`, and those on a disk that it lies in; what `path` is called in each of them."""
    yield store, path
    if isinstance(store, LocalStore):
        here = Path(os.path.abspath(store.root))
        while here != here.parent and os.path.isfile(here.parent / DOCUMENT):
            here, path = here.parent, path_below(here.name, path)
            yield LocalStore(here), path
