"""Consolidated metadata: the documents of all nodes below a group, in the group's own document.

https://github.com/zarr-developers/zarr-specs/pull/309 (proposed), which zarr-python writes and reads.

Knows the extra object `consolidated_metadata` of a group's document; knows nothing of stores, nor whether what it says
is still true.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zarr_hdf5.errors import InvalidMetadataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.node import is_node_name, parse_document

__all__ = ["CONSOLIDATED", "Consolidated", "consolidated", "documents_that_differ", "without_consolidated"]

CONSOLIDATED = "consolidated_metadata"
NOTHING_BELOW = {"kind": "inline", "must_understand": False, "metadata": {}}


@dataclass(frozen=True, slots=True)
class Consolidated:
    """The nodes below a group, as its consolidated metadata say.

    documents
        By path from the root of the hierarchy; each is parsed, and checked, when it is asked for.
    names
        Of what is directly below a path, sorted.
    """

    documents: Mapping[str, Any]
    names: Mapping[str, list[str]]

    @classmethod
    def of(cls, group: GroupMetadata, path: str) -> "Consolidated | None":
        """What the document of the group at `path` says; None if it says nothing that can be understood.

        Names that no node can have are passed over.
        """
        member = group.extra.get(CONSOLIDATED)
        documents = member.get("metadata") if isinstance(member, Mapping) and member.get("kind") == "inline" else None
        if not isinstance(documents, Mapping):
            return None
        start = f"{path}/" if path else ""
        placed = {start + below: document for below, document in documents.items()}
        placed = {below: document for below, document in placed.items() if all(map(is_node_name, below.split("/")))}
        names: dict[str, list[str]] = {}
        for below in sorted(placed):
            parent, _, name = below.rpartition("/")
            names.setdefault(parent, []).append(name)
        return cls(placed, names)

    def node(self, path: str) -> ArrayMetadata | GroupMetadata:
        """The metadata of the node at `path`. Raises NotFoundError, InvalidMetadataError, UnsupportedFeatureError."""
        if path not in self.documents:
            raise NotFoundError(f"no array or group {path!r} in the consolidated metadata")
        node = parse_document(self.documents[path], f"consolidated metadata of {path}")
        # What zarr-python says there is not about the nodes below.
        return without_consolidated(node) if isinstance(node, GroupMetadata) else node

    def child_names(self, path: str) -> list[str]:
        """Names of the nodes directly below the group at `path`, sorted."""
        return self.names.get(path, [])


def consolidated(group: GroupMetadata, documents: Mapping[str, Any]) -> GroupMetadata:
    """The group with the documents of all nodes below it, by path relative to it; as it is if there are none."""
    group = without_consolidated(group)
    if not documents:
        return group
    # zarr-python takes a group without it for one of which nothing is known.
    inner = {
        path: {**document, CONSOLIDATED: NOTHING_BELOW} if document.get("node_type") == "group" else document
        for path, document in documents.items()
    }
    return replace(group, extra={**group.extra, CONSOLIDATED: {**NOTHING_BELOW, "metadata": inner}})


def without_consolidated(group: GroupMetadata) -> GroupMetadata:
    """The group, of which it is not known what is below."""
    if CONSOLIDATED not in group.extra:
        return group
    return replace(group, extra={name: value for name, value in group.extra.items() if name != CONSOLIDATED})


def documents_that_differ(group: GroupMetadata, documents: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Relative paths of nodes of which the group's consolidated metadata, if any, do not say what `documents` say."""
    told = Consolidated.of(group, "")
    if told is None:
        return
    for path in sorted(told.documents.keys() | documents.keys()):
        if path not in documents:
            yield path, "there is no such node"
        elif path not in told.documents:
            yield path, "it is left out"
        elif _canonical(told.documents[path]) != _canonical(documents[path]):
            yield path, "its own document says something else"


def _canonical(document: Any) -> str:
    """Equal for documents that mean the same, be they written by different programs."""
    try:
        node = parse_document(document)
        document = (without_consolidated(node) if isinstance(node, GroupMetadata) else node).to_json()
    except (InvalidMetadataError, UnsupportedFeatureError):
        pass  # nobody can say what it means
    return json.dumps(document, sort_keys=True)
