"""`from_model`: a hierarchy made from its Zarr Object Model (ZEP 6)."""

from collections.abc import Mapping
from typing import Any

from zarr_hdf5.api.locate import URL, new_store_at
from zarr_hdf5.array.array import Array
from zarr_hdf5.group import Group, open_node
from zarr_hdf5.hierarchy import normalize_path
from zarr_hdf5.master.file import MasterFollower, wants_master
from zarr_hdf5.model.group import Model
from zarr_hdf5.model.members import ModelDump
from zarr_hdf5.nodes.bulk import model_metadata, write_nodes
from zarr_hdf5.shard.options import HDF5

__all__ = ["from_model"]


def from_model(
    model: Model | Mapping[str, Any] | ModelDump,
    url: URL,
    *,
    path: str = "",
    overwrite: bool = False,
    hdf5: bool | HDF5 = True,
) -> Array | Group:
    """Create the array, or the group with all its members, that a model describes; elements are the fill value.

    Parameters
    ----------
    model
        What `to_model` returns, its JSON form, or an `ArraySpec` or `GroupSpec` of pydantic-zarr.
    url, path
        Where; one file, if the suffix says so, as for `create_group`.
    overwrite
        Replace what is there.
    hdf5
        Which HDF5 side arrays get that can have one; the others have none (`array.hdf5` is None). A model does not say.

    Raises
    ------
    AlreadyExistsError
        If there is a node and `overwrite` is false.
    InvalidMetadataError, UnsupportedFeatureError
        If it is no model, or one of the arrays cannot be; with all problems, and their places in the model.
    """
    store, path = new_store_at(url), normalize_path(path)
    create = wants_master(store, hdf5)
    nodes = model_metadata(store, path, model, hdf5)
    write_nodes(store, nodes, overwrite=overwrite)
    MasterFollower(store).metadata_changed(create=create)
    node = open_node(store, path, read_only=False)
    if isinstance(node, Group):
        node.hdf5 = hdf5
    return node
