"""`copy`: arrays and hierarchies from one place to another."""

from zarr_hdf5.api.locate import URL, new_store_at
from zarr_hdf5.api.open import open
from zarr_hdf5.array.array import Array
from zarr_hdf5.group import Group, open_node
from zarr_hdf5.hierarchy import normalize_path
from zarr_hdf5.master.file import MasterFollower
from zarr_hdf5.nodes.transfer import copy_node
from zarr_hdf5.stores.protocol import flush_store

__all__ = ["copy"]


def copy(source: Array | Group | URL, url: URL, path: str = "", *, overwrite: bool = False) -> Array | Group:
    """Copy an array, or a group with all below it, to `path` in the hierarchy at `url`, which is made if need be.

    Between directories, buckets, memory and zipped hierarchies, and from one file to another, byte for byte. Into one
    file, out of it, and from HDF5 files, as `convert` does: encoded chunks as they are where both sides have the same.

    Parameters
    ----------
    source
        What was opened, or what `open` opens.
    url, path
        Where to; one file, if the suffix says so, as for `create_group`.
    overwrite
        Replace what is there.

    Raises
    ------
    NotFoundError
        If there is nothing to copy.
    AlreadyExistsError
        If there is a node and `overwrite` is false; or if one place lies within the other.
    UnsupportedFeatureError
        If an array cannot be as it is in the new place.

    Returns
    -------
    Array or Group
        The copy, open for writing.
    """
    node = source if isinstance(source, Array | Group) else open(source)
    target, path = new_store_at(url), normalize_path(path)
    copy_node(node.store, node.path, target, path, overwrite=overwrite)
    MasterFollower(target).metadata_changed()
    flush_store(target)
    return open_node(target, path, read_only=False)
