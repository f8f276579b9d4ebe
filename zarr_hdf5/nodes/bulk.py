"""Many new nodes at once, from what users say of them.

A new node has nothing below it that would have to be looked for, so what is asked of the store is a listing for each
group that is there already and gets members, and one request for each new document.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from zarr_hdf5.array.create import ArrayOptions
from zarr_hdf5.errors import (
    AlreadyExistsError,
    InvalidMetadataError,
    NotFoundError,
    Problem,
    UnsupportedFeatureError,
)
from zarr_hdf5.hierarchy import (
    Metadata,
    ancestors,
    document_key,
    forget_consolidated,
    join,
    path_below,
    read_node,
    refuse_v2,
)
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.model.array import ArrayModel
from zarr_hdf5.model.group import Model, parse_model
from zarr_hdf5.model.members import ModelDump
from zarr_hdf5.nodes.create import array_metadata, check_array
from zarr_hdf5.onefile.datasets import check_hdf5
from zarr_hdf5.onefile.documents import with_hdf5
from zarr_hdf5.onefile.store import OneFileStore
from zarr_hdf5.parallel import run
from zarr_hdf5.shard.options import EXTENSION_KEY, HDF5, options_to_json
from zarr_hdf5.stores.protocol import Store

__all__ = ["NodeOptions", "model_metadata", "node_metadata", "write_nodes"]

NodeOptions = ArrayOptions | Model | Mapping[str, Any] | ModelDump
"""Options of a new array, a model, its JSON form, or an object of pydantic-zarr."""


def node_metadata(store: Store, path: str, what: NodeOptions, defaults: ArrayOptions) -> dict[str, Metadata]:
    """By path, the metadata of a new node, and of the members that its model has. Raises as `model_metadata`."""
    if isinstance(what, Mapping) and "node_type" not in what:
        for name in ("data", "overwrite"):
            if name in what:
                raise InvalidMetadataError([Problem((name,), "is not for many nodes at once")], path)
        options: Any = {**defaults, **what}
        metadata = array_metadata(store, path, options)
        check_array(store, path, metadata)
        return {path: metadata}
    return model_metadata(store, path, what, defaults.get("hdf5", True))


def model_metadata(
    store: Store, path: str, model: Model | Mapping[str, Any] | ModelDump, hdf5: bool | HDF5
) -> dict[str, Metadata]:
    """By path, the metadata of the node that a model speaks of, to be at `path`, and of its members.

    Arrays have the HDF5 side that is asked for if HDF5 can hold it. Raises InvalidMetadataError,
    UnsupportedFeatureError.
    """
    parsed = parse_model(model)
    nodes = {"": parsed.metadata} if isinstance(parsed, ArrayModel) else dict(parsed.nodes())
    placed = {path_below(path, below): node for below, node in nodes.items()}
    return {p: _with_side(store, p, m, hdf5) if isinstance(m, ArrayMetadata) else m for p, m in placed.items()}


def _with_side(store: Store, path: str, metadata: ArrayMetadata, hdf5: bool | HDF5) -> ArrayMetadata:
    if hdf5 is False:
        check_array(store, path, metadata)
        return metadata
    if isinstance(store, OneFileStore):
        sided, check = with_hdf5(metadata, path, hdf5), check_hdf5
    else:
        mark = options_to_json((HDF5() if hdf5 is True else hdf5).named(path))
        sided, check = replace(metadata, extra={EXTENSION_KEY: mark}), partial(check_array, store, path)
    try:
        check(sided)
    except UnsupportedFeatureError:
        check_array(store, path, metadata)
        return metadata
    return sided


def write_nodes(store: Store, nodes: Mapping[str, Metadata], *, overwrite: bool = False) -> None:
    """Write the documents of `nodes`, by path, and of groups above them that are not there yet.

    Groups come before what is in them, so that a crash leaves a smaller hierarchy, but a whole one. A master file is
    not told.

    Raises
    ------
    AlreadyExistsError
        If one of the nodes is there, unless with `overwrite`: it is deleted first then, with all that is below it. Or
        if an array is, or is to be, where a group is needed. Nothing was written.
    """
    wanted: dict[str, Metadata] = {above: GroupMetadata() for path in nodes for above in ancestors(path)}
    wanted |= nodes
    there = _existing(store, wanted)
    replaced = [path for path in there if path in nodes]
    if replaced and not overwrite:
        raise AlreadyExistsError(f"there are nodes in {store.url} already: {', '.join(map(repr, replaced))}")
    kept = {path: node for path, node in there.items() if not any(_within(path, old) for old in replaced)}
    _check_groups(store, wanted | kept)
    documents = {path: dump_json(node.to_json()) for path, node in wanted.items() if path not in kept}
    for parent in {path.rpartition("/")[0] for path in documents if path} & kept.keys():
        forget_consolidated(store, join(parent, "below"))
    for path in replaced:
        store.delete_prefix(path)
    for depth in sorted(set(map(_depth, documents))):
        level = [path for path in documents if _depth(path) == depth]
        run(lambda path: store.set(document_key(path), [documents[path]]), level)


def _existing(store: Store, paths: Iterable[str]) -> dict[str, Metadata]:
    """Those of the paths (each with all that are above it) where there is a node. Raises what `read_node` raises."""
    found: dict[str, Metadata] = {}
    members: dict[str, set[str]] = {}
    for path in sorted(paths, key=_depth):
        parent, _, name = path.rpartition("/")
        if path and parent not in found:
            continue
        if path and parent not in members:
            members[parent] = set(store.list_dir(parent)[1])
        if not path or name in members[parent]:
            try:
                found[path] = read_node(store, path)
            except NotFoundError:
                refuse_v2(store, path)
    return found


def _check_groups(store: Store, nodes: Mapping[str, Metadata]) -> None:
    for path in nodes:
        for above in ancestors(path):
            if isinstance(nodes[above], ArrayMetadata):
                raise AlreadyExistsError(f"{store.url}/{above} is an array; it can have nothing below it")


def _within(path: str, above: str) -> bool:
    return not above or path == above or path.startswith(f"{above}/")


def _depth(path: str) -> int:
    return path.count("/") + 1 if path else 0
