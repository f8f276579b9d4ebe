"""New nodes, one by one."""

from collections.abc import Mapping
from typing import Any

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.create import ArrayOptions, asarray_of, new_array_metadata
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.array_config import ArrayConfig
from zarr_hdf5.hierarchy import clear_node, normalize_path, require_parents, write_node
from zarr_hdf5.master.file import MasterFollower, wants_master
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.onefile.datasets import check_hdf5
from zarr_hdf5.onefile.documents import with_hdf5
from zarr_hdf5.onefile.store import OneFileStore
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.stores.protocol import Store

__all__ = ["array_metadata", "check_array", "create_array_at", "new_group"]


def create_array_at(store: Store, path: str, options: ArrayOptions) -> Array:
    """Create an array, and groups for its ancestors; with the option `data`, write them."""
    path = normalize_path(path)
    data = options.get("data")
    if data is not None:
        # Once, and before anything is cleared: it may be read from there.
        data = options["data"] = asarray_of(data, options)
    metadata = array_metadata(store, path, options)
    config = ArrayConfig.parse(options.get("config"))
    array = Array(store, path, metadata, read_only=False, follower=MasterFollower(store), config=config)
    if isinstance(array.hdf5, HDF5Side):
        array.hdf5.view.check()
    create = wants_master(store, options.get("hdf5", True))
    clear_node(store, path, overwrite=options.get("overwrite", False))
    require_parents(store, path)
    write_node(store, path, metadata)
    MasterFollower(store).metadata_changed(create=create)
    if data is not None:
        array[...] = data
    return array


def array_metadata(store: Store, path: str, options: ArrayOptions) -> ArrayMetadata:
    """The metadata of a new array; in one file it is the file, not the shards, that has an HDF5 side."""
    if not isinstance(store, OneFileStore):
        return new_array_metadata(path, options)
    hdf5 = options.get("hdf5", True)
    metadata = with_hdf5(new_array_metadata(path, {**options, "hdf5": False}), path, hdf5)
    if hdf5 is not False:
        check_hdf5(metadata)
    return metadata


def check_array(store: Store, path: str, metadata: ArrayMetadata) -> None:
    """Raise UnsupportedFeatureError, InvalidMetadataError if there can be no such array, with its HDF5 side, there."""
    side = Array(store, path, metadata, read_only=True).hdf5
    if isinstance(side, HDF5Side):
        side.view.check()


def new_group(
    store: Store,
    path: str,
    *,
    attributes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    hdf5: bool | HDF5 = True,
) -> GroupMetadata:
    """Create a group, and groups for its ancestors."""
    create = wants_master(store, hdf5)
    clear_node(store, path, overwrite=overwrite)
    require_parents(store, path)
    metadata = GroupMetadata(dict(attributes or {}))
    write_node(store, path, metadata)
    MasterFollower(store).metadata_changed(create=create)
    return metadata
