"""What the metadata documents of a one-file say beyond those of other hierarchies.

An array that has an HDF5 side says so in the extra object `zarr_hdf5`, with the dataset's path. The root group has all
documents of the hierarchy in it, as zarr-python's "consolidated metadata".
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hierarchy import DOCUMENT, Metadata, prefix_of
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.consolidated import consolidated
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.metadata.node import parse_node
from zarr_hdf5.shard.options import EXTENSION_KEY, HDF5, ONE_FILE
from zarr_hdf5.stores.protocol import Store

__all__ = ["consolidate", "dataset_path", "is_document", "read_nodes", "with_hdf5"]


def is_document(key: str) -> bool:
    """Whether a key is of a metadata document."""
    return key.rpartition("/")[2] == DOCUMENT


def with_hdf5(metadata: ArrayMetadata, path: str, hdf5: bool | HDF5) -> ArrayMetadata:
    """The metadata of the array at `path` that has an HDF5 side, if `hdf5` says so.

    Raises UnsupportedFeatureError where something else is asked for than one file has.
    """
    if hdf5 is False:
        return metadata
    options = HDF5() if hdf5 is True else hdf5
    dataset = f"/{path}" if path else options.dataset or "/data"
    if options.dataset not in (None, dataset):
        raise UnsupportedFeatureError(f"in one file the dataset of {dataset} has that path, not {options.dataset}")
    if options != HDF5(dataset=options.dataset):
        raise UnsupportedFeatureError(
            "one file has libver 'earliest' and shards with their index at the end; other options are for directories"
        )
    mark = {"must_understand": False, ONE_FILE: True, "dataset": dataset}
    return replace(metadata, extra={**metadata.extra, EXTENSION_KEY: mark})


def dataset_path(metadata: ArrayMetadata, path: str) -> str | None:
    """Path of the dataset, from the root group, of the array at `path`; None where it has no HDF5 side."""
    mark: Any = metadata.extra.get(EXTENSION_KEY)
    if not isinstance(mark, Mapping) or mark.get(ONE_FILE) is not True:
        return None
    if path:
        return path
    dataset = str(mark.get("dataset", "/data")).strip("/")
    return dataset or "data"


def read_nodes(store: Store) -> dict[str, Metadata]:
    """All nodes of a hierarchy by path, sorted so that groups come before what is in them."""
    keys = [key for key in store.list_prefix("") if is_document(key)]
    paths = sorted(key.removesuffix(DOCUMENT).rstrip("/") for key in keys)
    return {path: parse_node(bytes(store.get(prefix_of(path) + DOCUMENT).data), path) for path in paths}


def consolidate(store: Store, nodes: Mapping[str, Metadata]) -> None:
    """Put all documents into that of the root, if it is a group and they are not there already."""
    root = nodes.get("")
    if not isinstance(root, GroupMetadata):
        return
    documents = {path: node.to_json() for path, node in nodes.items() if path}
    new = dump_json(consolidated(root, documents).to_json())
    if bytes(store.get(DOCUMENT).data) != new:
        store.set(DOCUMENT, [new])
