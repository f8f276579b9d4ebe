"""All nodes directly below a group, or all of them: one listing for each group, one request for each document.

Knows documents and stores; knows nothing of arrays and groups as users have them.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from zarr_hdf5.errors import InvalidMetadataError, NotFoundError, UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.hierarchy import (
    UNREADABLE,
    Metadata,
    NodeStore,
    child_names,
    document_key,
    path_below,
    prefix_of,
    read_node,
)
from zarr_hdf5.metadata.consolidated import CONSOLIDATED, Consolidated, consolidated, documents_that_differ
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.json_document import dump_json, load_json
from zarr_hdf5.metadata.node import parse_node
from zarr_hdf5.parallel import run
from zarr_hdf5.stores.protocol import Store

__all__ = [
    "consolidate",
    "consolidated_faults",
    "member_names",
    "read_documents",
    "read_hierarchy",
    "read_members",
]

AT_ONCE = 256
"""Documents that are held before the first of them is asked for."""

Member = tuple[str, Metadata | ZarrHDF5Error]


def member_names(store: Store, path: str, known: Consolidated | None) -> list[str]:
    """Names of the nodes directly below the group at `path`, sorted; those of its consolidated metadata, if given."""
    return child_names(store, path) if known is None else known.child_names(path)


def read_members(store: Store, path: str, known: Consolidated | None) -> Iterator[Member]:
    """Names and metadata of the nodes directly below the group at `path`, sorted; or what is wrong with one."""
    if known is not None or isinstance(store, NodeStore):
        for name in member_names(store, path, known):
            yield name, _metadata(store, prefix_of(path) + name, known)
        return
    _, names = store.list_dir(path)
    for start in range(0, len(names), AT_ONCE):
        found: dict[str, Metadata | ZarrHDF5Error] = {}

        def read(name: str, found: dict[str, Metadata | ZarrHDF5Error] = found) -> None:
            found[name] = _metadata(store, prefix_of(path) + name, None)

        run(read, names[start : start + AT_ONCE])
        yield from ((name, what) for name, what in sorted(found.items()) if not isinstance(what, NotFoundError))


def _metadata(store: Store, path: str, known: Consolidated | None) -> Metadata | ZarrHDF5Error:
    try:
        return read_node(store, path) if known is None else known.node(path)
    except UNREADABLE as error:
        return error


def read_hierarchy(
    store: Store, path: str, group: GroupMetadata, known: Consolidated | None, max_depth: int | None
) -> tuple[dict[str, Metadata], list[str]]:
    """The metadata of a group and of all below it, by path relative to it, and the groups that are too deep to look in.

    `max_depth` 0: its direct members; None: all. Raises what is wrong with a node.
    """
    nodes: dict[str, Metadata] = {"": group}
    todo, unknown = [("", 0)], list[str]()
    while todo:
        below, depth = todo.pop()
        if max_depth is not None and depth > max_depth:
            unknown.append(below)
            continue
        for name, found in read_members(store, path_below(path, below), known):
            if isinstance(found, ZarrHDF5Error):
                raise found
            nodes[prefix_of(below) + name] = found
            if isinstance(found, GroupMetadata):
                todo.append((prefix_of(below) + name, depth + 1))
    return nodes, unknown


def consolidate(store: Store, path: str) -> GroupMetadata:
    """Put the documents of all nodes below the group at `path` into its own; the metadata that it has then.

    Raises
    ------
    NotFoundError, InvalidMetadataError, UnsupportedFeatureError
        If there is no such group, or one of the documents is not a JSON object.
    """
    documents = read_documents(store, path)
    where = f"{store.url}/{document_key(path)}"
    group = consolidated(GroupMetadata.parse(load_json(documents[path], where), where), _below(documents, path))
    store.set(document_key(path), [dump_json(group.to_json())])
    return group


def consolidated_faults(store: Store) -> Iterator[tuple[str, str]]:
    """Keys of documents whose consolidated metadata are out of date, and what it is that they do not say."""
    documents = read_documents(store)
    for path, document in documents.items():
        if CONSOLIDATED.encode() not in document:
            continue
        try:
            group, below = parse_node(document), _below(documents, path)
        except (InvalidMetadataError, UnsupportedFeatureError):
            continue
        for name, what in documents_that_differ(group, below) if isinstance(group, GroupMetadata) else ():
            yield document_key(path), f"the consolidated metadata are out of date: {name}: {what}"


def _below(documents: Mapping[str, bytes], path: str) -> dict[str, Any]:
    """The JSON objects of the nodes below `path`, by path relative to it. Raises InvalidMetadataError."""
    start = prefix_of(path)
    found = {below[len(start) :]: document for below, document in documents.items() if below.startswith(start)}
    found.pop("", None)
    return {below: _object(document, start + below) for below, document in found.items()}


def _object(document: bytes, path: str) -> Any:
    value = load_json(document, document_key(path))
    if not isinstance(value, dict):
        raise InvalidMetadataError("expected an object", document_key(path))
    return value


def read_documents(store: Store, path: str = "") -> dict[str, bytes]:
    """The documents of the node at `path` and of all below it, by path: each group before its members, sorted.

    Raises NotFoundError if there is no node at `path`.
    """
    found = {path: bytes(store.get(document_key(path)).data)}
    level = [path]
    while level:
        names: dict[str, list[str]] = {}

        def look(group: str, names: dict[str, list[str]] = names) -> None:
            names[group] = store.list_dir(group)[1]

        # An array that speaks of a group, which has no nodes below, is looked into too.
        run(look, [group for group in level if b'"group"' in found[group]])
        paths = [prefix_of(group) + name for group in level for name in names.get(group, ())]
        documents: dict[str, bytes] = {}

        def read(below: str, documents: dict[str, bytes] = documents) -> None:
            with suppress(NotFoundError):
                documents[below] = bytes(store.get(document_key(below)).data)

        run(read, paths)
        found |= documents
        level = list(documents)
    return {below: found[below] for below in sorted(found, key=lambda below: below.split("/"))}
