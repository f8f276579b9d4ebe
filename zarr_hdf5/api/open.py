"""Opening and creating: `open`, `open_array`, `open_group`, `create_array`, `create_group`."""

from collections.abc import Mapping
from typing import Any, Literal, Unpack

from zarr_hdf5.api.locate import URL, new_store_at, store_at
from zarr_hdf5.array.array import Array
from zarr_hdf5.array.create import ArrayOptions
from zarr_hdf5.array_config import ArrayConfig, ArrayConfigOptions
from zarr_hdf5.errors import AlreadyExistsError, NotFoundError, ReadOnlyError
from zarr_hdf5.group import Group, create_group_at, open_node
from zarr_hdf5.hierarchy import NodeStore, node_path
from zarr_hdf5.nodes.create import create_array_at
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.v2.hierarchy import V2Hierarchy

__all__ = ["Mode", "create_array", "create_group", "open", "open_array", "open_group"]

Mode = Literal["r", "r+", "a", "w", "w-"]


def open(
    url: URL,
    mode: Mode = "r",
    path: str = "",
    *,
    links_outside: bool = False,
    config: ArrayConfigOptions | ArrayConfig | None = None,
    consolidated: bool = True,
) -> Array | Group:
    """Open whatever is at `url`: a Zarr hierarchy, zipped or not, a lone shard by its HDF5 side, or an HDF5 file.

    Zarr v2 is only read; where a node has the documents of both versions, those of v3 count.

    Parameters
    ----------
    url
        A path, a `file://` or `memory://` URL, or a store.
    mode
        "r": read; "r+": read and write what exists; "a": a group is created if nothing exists; "w": whatever exists
        is replaced by an empty group; "w-": an empty group is created, nothing may exist.
    path
        Path of the node below `url`.
    links_outside
        Whether an HDF5 file's external links, raw data files and virtual sources may lead out of its directory.
    config
        How arrays, this one or those of the group, are read and written; see `create_array`.
    consolidated
        Whether a group that is only read may know what is below from its consolidated metadata, if it has any, without
        a further request. What other programs have changed since these were made is not seen then.

    Raises
    ------
    NotFoundError
        If there is nothing.
    InvalidMetadataError, UnsupportedFeatureError, CorruptDataError
        If what is there cannot be opened.
    ReadOnlyError
        If an HDF5 file or Zarr v2 is to be written.
    """
    if mode not in ("r", "r+", "a", "w", "w-"):
        raise ValueError(f"mode must be one of 'r', 'r+', 'a', 'w', 'w-', not {mode!r}")
    settings = ArrayConfig.parse(config)
    if mode in ("w", "w-"):
        return _configured(create_group(url, path=path, overwrite=mode == "w"), settings)
    store = store_at(url, read_only=mode == "r", links_outside=links_outside, path=path)
    if mode != "r" and store.read_only:
        raise ReadOnlyError(f"{store.url} can only be read; open it with mode='r', or convert it")
    try:
        where = node_path(store, path)
        return open_node(store, where, read_only=mode == "r", config=settings, consolidated=consolidated)
    except NotFoundError:
        v2 = _open_v2(store, path, mode, settings)
        if v2 is not None:
            return v2
        if mode != "a":
            raise
        return _configured(create_group_at(new_store_at(url), path), settings)


def _configured(group: Group, config: ArrayConfig) -> Group:
    group.config = config
    return group


def _open_v2(store: Store, path: str, mode: Mode, config: ArrayConfig) -> Array | Group | None:
    """The node of Zarr v2 at `path`; None where there is none. Raises ReadOnlyError unless it is only to be read."""
    if isinstance(store, NodeStore):
        return None
    path = node_path(store, path)
    try:
        node = open_node(V2Hierarchy.of(store, path), path, read_only=True, config=config)
    except NotFoundError:
        return None
    if mode != "r":
        raise ReadOnlyError(
            f"{node!r} is Zarr v2, which is only read; migrate_v2 makes Zarr v3 of it, convert copies it"
        )
    return node


def open_array(
    url: URL,
    mode: Mode = "r",
    path: str = "",
    *,
    links_outside: bool = False,
    config: ArrayConfigOptions | ArrayConfig | None = None,
) -> Array:
    """Open an array; see `open`. An array cannot be created without a shape: use `create_array`."""
    if mode in ("w", "w-"):
        raise ValueError("open_array cannot create an array without shape and dtype; use create_array")
    node = open(url, "r+" if mode == "a" else mode, path, links_outside=links_outside, config=config)
    if not isinstance(node, Array):
        raise NotFoundError(f"{node!r} is not an array")
    return node


def open_group(
    url: URL,
    mode: Mode = "r",
    path: str = "",
    *,
    links_outside: bool = False,
    config: ArrayConfigOptions | ArrayConfig | None = None,
    consolidated: bool = True,
) -> Group:
    """Open a group; see `open`."""
    node = open(url, mode, path, links_outside=links_outside, config=config, consolidated=consolidated)
    if not isinstance(node, Group):
        error = AlreadyExistsError if mode == "a" else NotFoundError
        raise error(f"{node!r} is not a group")
    return node


def create_array(url: URL, *, name: str = "", **options: Unpack[ArrayOptions]) -> Array:
    """Create an array.

    In one file (see `url`) it is there for others when it is closed or flushed, and at once if `data` are given.

    Parameters
    ----------
    url
        A path, a `file://` or `memory://` URL, or a store. A path that ends in .h5, .hdf5, .he5, .nc or .nc4 means one
        file for all that is created there, unless it is a directory.
    name
        Path below `url`; groups are made on the way. "" makes the array the root.
    **options
        `shape, dtype, data, chunks, shards, filters, serializer, compressors, fill_value, attributes,
        dimension_names, chunk_key_encoding, overwrite, hdf5`: see `ArrayOptions`.

    Raises
    ------
    AlreadyExistsError
        If there is a node and `overwrite` is false.
    InvalidMetadataError
        With all that is wrong with the options.
    UnsupportedFeatureError
        If HDF5 cannot hold the array and `hdf5` is not false.
    """
    array = create_array_at(new_store_at(url), name, options)
    if options.get("data") is not None:
        array.flush()
    return array


def create_group(
    url: URL,
    *,
    path: str = "",
    attributes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    hdf5: bool | HDF5 = True,
) -> Group:
    """Create a group at `path` below `url`, and the groups between.

    `hdf5` is what arrays created through the returned group get unless they say otherwise. Raises AlreadyExistsError.
    """
    return create_group_at(new_store_at(url), path, attributes=attributes, overwrite=overwrite, hdf5=hdf5)
