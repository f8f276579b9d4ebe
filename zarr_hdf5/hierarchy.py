"""Nodes of a Zarr hierarchy: where their metadata documents are, and what lies below them.

Source: Zarr core specification v3, "Storage" and "Hierarchy".
"""

from abc import ABC, abstractmethod

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
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.metadata.node import parse_node
from zarr_hdf5.stores.protocol import Store

__all__ = [
    "DOCUMENT",
    "UNREADABLE",
    "V2_DOCUMENTS",
    "Metadata",
    "NodeStore",
    "child_names",
    "clear_node",
    "join",
    "node_path",
    "normalize_path",
    "prefix_of",
    "read_node",
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
    # The prefix "__" is reserved too, but xarray gives nameless variables such names, and everybody reads them.
    # zarr-python takes a backslash for a slash.
    bad = [n for n in names if not n.strip(".") or n == DOCUMENT or "\0" in n or "\\" in n]
    if bad:
        raise InvalidMetadataError([Problem((), f"{name!r} is not a legal node name") for name in bad], path)
    return path


def node_path(store: object, path: str) -> str:
    """What a user calls a node of `store`: in one that is no Zarr hierarchy itself, names need not be Zarr's."""
    return path.strip("/") if isinstance(store, NodeStore) else normalize_path(path)


def join(path: str, name: str) -> str:
    """The path of `name` below `path`."""
    return normalize_path(f"{path}/{name}")


def prefix_of(path: str) -> str:
    """What the keys of a node begin with."""
    return f"{path}/" if path else ""


def read_node(store: Store, path: str) -> Metadata:
    """The metadata of the node at `path`. Raises NotFoundError, InvalidMetadataError, UnsupportedFeatureError."""
    if isinstance(store, NodeStore):
        return store.node(path)
    where = f"{store.url}/{prefix_of(path)}{DOCUMENT}"
    try:
        data = store.get(prefix_of(path) + DOCUMENT).data
    except NotFoundError as error:
        raise NotFoundError(f"no Zarr v3 array or group at {store.url}/{path}".rstrip("/")) from error
    return parse_node(bytes(data), where)


def write_node(store: Store, path: str, metadata: Metadata) -> None:
    """Write a node's document."""
    store.set(prefix_of(path) + DOCUMENT, [dump_json(metadata.to_json())])


def clear_node(store: Store, path: str, *, overwrite: bool) -> None:
    """Make room for a new node.

    Raises
    ------
    AlreadyExistsError
        If there is one and `overwrite` is false.
    """
    if overwrite:
        store.delete_prefix(path)
    elif any(store.exists(prefix_of(path) + document) for document in (DOCUMENT, *V2_DOCUMENTS)):
        raise AlreadyExistsError(f"there is a node at {store.url}/{path} already; overwrite=True replaces it")


def require_parents(store: Store, path: str) -> None:
    """Make groups of all ancestors of `path` that are not there yet."""
    names = path.split("/")[:-1] if path else []
    for depth in range(len(names) + 1 if path else 0):
        parent = "/".join(names[:depth])
        if not store.exists(prefix_of(parent) + DOCUMENT):
            if any(store.exists(prefix_of(parent) + document) for document in V2_DOCUMENTS):
                raise AlreadyExistsError(f"{store.url}/{parent} is Zarr v2, which is only read; see migrate_v2")
            write_node(store, parent, GroupMetadata())
        elif isinstance(read_node(store, parent), ArrayMetadata):
            raise AlreadyExistsError(f"{store.url}/{parent} is an array; it can have nothing below it")


def child_names(store: Store, path: str) -> list[str]:
    """Names of the nodes directly below the group at `path`, sorted."""
    if isinstance(store, NodeStore):
        return store.child_names(path)
    _, names = store.list_dir(path)
    return [name for name in names if store.exists(f"{prefix_of(path)}{name}/{DOCUMENT}")]
