"""A Zarr v2 hierarchy in a store, for reading: its nodes as if they were v3's.

Source: Zarr storage specification v2, "Storage" and "Hierarchies"; of `.zmetadata`, which that does not know,
zarr-python's `consolidate_metadata`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zarr_hdf5.errors import InvalidMetadataError, NotFoundError, Problem, ReadOnlyError
from zarr_hdf5.hierarchy import V2_DOCUMENTS, Metadata, NodeStore, prefix_of
from zarr_hdf5.metadata.json_document import load_json
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.stores.view import StoreView
from zarr_hdf5.v2.array import parse_array
from zarr_hdf5.v2.group import parse_attributes, parse_group

__all__ = ["ATTRIBUTES", "CONSOLIDATED", "V2Hierarchy"]

ARRAY, GROUP = V2_DOCUMENTS
ATTRIBUTES = ".zattrs"
CONSOLIDATED = ".zmetadata"


class V2Hierarchy(StoreView, NodeStore):
    """The nodes of a v2 hierarchy in `store`.

    Parameters
    ----------
    consolidated
        Documents by key. What is in there is believed, as zarr-python does, and groups have the members that it names;
        a node that is not in there is looked for in the store.
    """

    def __init__(self, store: Store, consolidated: Mapping[str, Any] | None = None) -> None:
        super().__init__(store, read_only=True)
        self.store = store
        self._consolidated = consolidated or {}

    @classmethod
    def of(cls, store: Store, path: str = "") -> "V2Hierarchy":
        """The hierarchy in `store`, with consolidated metadata if its root has them, or else the node at `path`.

        Raises InvalidMetadataError where they are no such metadata.
        """
        found: dict[str, Any] = {}
        for root in dict.fromkeys(("", path)):
            found = found or _read_consolidated(store, prefix_of(root))
        return cls(store, found)

    def __repr__(self) -> str:
        return f"V2Hierarchy({self.store!r})"

    def node(self, path: str) -> Metadata:
        """See `NodeStore`. Raises InvalidMetadataError, too."""
        prefix = prefix_of(path)
        found = self._document(prefix + ARRAY)
        if found is not None:
            document, where = found
            return parse_array(document, self._attributes(prefix), where)
        found = self._document(prefix + GROUP)
        if found is None:
            raise NotFoundError(f"no Zarr v2 array or group at {self.url}/{path}".rstrip("/"))
        return replace(parse_group(*found), attributes=self._attributes(prefix))

    def child_names(self, path: str) -> list[str]:
        """See `NodeStore`."""
        prefix = prefix_of(path)
        if prefix + GROUP in self._consolidated:
            below = [key[len(prefix) :].split("/") for key in self._consolidated if key.startswith(prefix)]
            return sorted({names[0] for names in below if len(names) == 2 and names[1] in V2_DOCUMENTS})
        _, names = self.list_dir(path)
        return [name for name in names if any(self.exists(f"{prefix}{name}/{document}") for document in V2_DOCUMENTS)]

    def refused(self, path: str) -> tuple[tuple[str, str], ...]:
        """See `NodeStore`: nothing."""
        return ()

    def _attributes(self, prefix: str) -> dict[str, Any]:
        found = self._document(prefix + ATTRIBUTES)
        return {} if found is None else parse_attributes(*found)

    def _document(self, key: str) -> tuple[object, str] | None:
        """A document and where it is; None where there is none."""
        if key in self._consolidated:
            return self._consolidated[key], f"{self.url}/{CONSOLIDATED}: {key}"
        prefix, slash, _ = key.rpartition("/")
        if any(f"{prefix}{slash}{name}" in self._consolidated for name in V2_DOCUMENTS):
            return None
        where = f"{self.url}/{key}"
        try:
            return load_json(bytes(self.get(key).data), where), where
        except NotFoundError:
            return None

    def _check_writable(self, key: str) -> None:
        raise ReadOnlyError(f"{self.url} is Zarr v2, which is only read; migrate_v2 makes Zarr v3 of it")


def _read_consolidated(store: Store, prefix: str) -> dict[str, Any]:
    """Documents by key; none where there are no consolidated metadata."""
    where = f"{store.url}/{prefix}{CONSOLIDATED}"
    try:
        document = load_json(bytes(store.get(prefix + CONSOLIDATED).data), where)
    except NotFoundError:
        return {}
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    if not isinstance(metadata, Mapping):
        raise InvalidMetadataError([Problem(("metadata",), "expected an object", "type")], where)
    return {prefix + key: value for key, value in metadata.items()}
