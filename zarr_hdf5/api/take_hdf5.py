"""The Zarr side of a one-file made to say what its HDF5 side says: attributes, elements, arrays and groups."""

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.chunking import auto_shards
from zarr_hdf5.array.copy import copy_elements
from zarr_hdf5.array.source_options import options_like
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.group import Group, create_group_at, open_node
from zarr_hdf5.hdf5.library import open_file
from zarr_hdf5.hierarchy import Metadata, join
from zarr_hdf5.legacy.hdf5_object import HDF5Object
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.nodes.create import create_array_at
from zarr_hdf5.onefile.datasets import NO_TYPE
from zarr_hdf5.onefile.documents import dataset_path, read_nodes
from zarr_hdf5.onefile.store import OneFileStore
from zarr_hdf5.onefile.values import differing_values
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.twin.attributes import hdf5_attributes, json_attributes

__all__ = ["take_hdf5"]


def take_hdf5(store: OneFileStore) -> None:
    """Write to `store` whatever its file's HDF5 side has otherwise. Nothing is finished by that.

    Raises
    ------
    UnsupportedFeatureError
        If HDF5 has something that Zarr cannot have, and that would be lost.
    """
    hierarchy = HDF5Hierarchy(HDF5Object(LocalStore(store.path.parent, read_only=True), store.path.name))
    nodes = read_nodes(store)
    places = {dataset_path(n, path) if isinstance(n, ArrayMetadata) else path: path for path, n in nodes.items()}
    found = dict(_walk(hierarchy, ""))
    if isinstance(nodes.get(""), ArrayMetadata):
        _check_alone(found, places)
    for place, node in found.items():
        path = places.get(place, place)
        if isinstance(node, Array):
            _take_array(store, path, node, nodes.get(path))
        else:
            _take_group(store, path, node, nodes.get(path))
    for gone in sorted(places.keys() - found.keys() - {None}, key=str):
        store.delete_prefix(places[gone])


def _walk(hierarchy: HDF5Hierarchy, path: str) -> Iterator[tuple[str, Array | Group]]:
    """All groups and arrays of the HDF5 side, groups first."""
    node = open_node(hierarchy, path, read_only=True)
    yield path, node
    for name, why in hierarchy.refused(path) if isinstance(node, Group) else ():
        raise UnsupportedFeatureError(f"{hierarchy.url}: {path}/{name} would be lost on the Zarr side: {why}")
    for name in node.keys() if isinstance(node, Group) else ():
        yield from _walk(hierarchy, join(path, name))


def _check_alone(found: dict[str, Array | Group], places: Mapping[str | None, str]) -> None:
    """Where the Zarr root is an array, HDF5 can have nothing but its dataset, and the groups on the way there."""
    for place, node in list(found.items()):
        if isinstance(node, Group) and not node.attrs:
            del found[place]
        elif place not in places:
            raise UnsupportedFeatureError(f"/{place} would be lost: the Zarr hierarchy is one array")


def _take_group(store: OneFileStore, path: str, group: Group, ours: Metadata | None) -> None:
    if not isinstance(ours, GroupMetadata):
        create_group_at(store, path, attributes=group.attrs.asdict(), overwrite=ours is not None)
        return
    node = open_node(store, path, read_only=False)
    _take_attributes(node, NO_TYPE, group.attrs.asdict())


def _take_array(store: OneFileStore, path: str, source: Array, ours: Metadata | None) -> None:
    node = open_node(store, path, read_only=False) if isinstance(ours, ArrayMetadata) else None
    if isinstance(node, Array) and _is_alike(node, source):
        _take_attributes(node, node.dtype, source.attrs.asdict())
        if isinstance(node.fill_value, bytes):
            _check_bytes(store, node)
        else:
            _take_elements(node, source)
        return
    options = options_like(source, hdf5=True, one_file=True)
    if not options["hdf5"]:
        raise UnsupportedFeatureError(f"{source.name} would be lost on the HDF5 side, which can only be read")
    copy_elements(source, create_array_at(store, path, {**options, "overwrite": ours is not None}), lambda _: None)


def _order(array: Array) -> tuple[int, ...]:
    return tuple(range(array.ndim)) if array.hdf5 is None else array.hdf5.order


def _is_alike(array: Array, source: Array) -> bool:
    """Whether the dataset is still of the shape and the type that the array gave it."""
    same_type = array.dtype.newbyteorder("=") == source.dtype.newbyteorder("=")
    return same_type and source.shape == tuple(array.shape[axis] for axis in _order(array))


def _take_attributes(node: Array | Group, dtype: "np.dtype[Any]", theirs: Mapping[str, Any]) -> None:
    """Attributes that HDF5 changed, made or deleted; those that it cannot have, or has in other words, stay."""
    ours = node.attrs.asdict()
    told = json_attributes(hdf5_attributes(ours, dtype), dtype)
    new = {name: value for name, value in ours.items() if name not in told or name in theirs}
    new |= {name: value for name, value in theirs.items() if _text(told, name) != json.dumps(value)}
    if new != ours:
        node.attrs.put(new)


def _text(values: Mapping[str, Any], name: str) -> str | None:
    return json.dumps(values[name]) if name in values else None


def _take_elements(array: Array, source: Array) -> None:
    """Block by block, those blocks of which any element differs."""
    order = _order(array)
    back = np.argsort(order)
    block = auto_shards(array.shape, array.block_shape, array.dtype.itemsize)
    for start in product(*(range(0, n, b) for n, b in zip(array.shape, block, strict=True))):
        region = tuple(slice(a, min(a + b, n)) for a, b, n in zip(start, block, array.shape, strict=True))
        theirs = np.asarray(source[tuple(region[axis] for axis in order)], array.dtype).transpose(back)
        if not _same(theirs, np.asarray(array[region], array.dtype)):
            array[region] = theirs


def _check_bytes(store: OneFileStore, array: Array) -> None:
    """Bytes of any length are not read from HDF5 here: they must not have changed there."""
    with open_file(store.hdf5_file()) as file:
        dataset = None if array.hdf5 is None else file[array.hdf5.dataset]
        if dataset is not None and any(True for _ in differing_values(array, dataset, None)):
            raise UnsupportedFeatureError(
                f"{array.name} has other bytes of any length on the HDF5 side; not read there"
            )


def _same(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    return np.array_equal(a, b) if a.dtype.hasobject else a.tobytes() == b.tobytes()
