"""Arrays as HDF5 datasets: whose chunks HDF5 shares with Zarr, and what is stored once for each side.

The latter are scalars, which HDF5 does not chunk, and elements of variable length, which it keeps in heaps.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.hdf5_side import OneFileSide
from zarr_hdf5.array.readers import HDF5Form
from zarr_hdf5.chunk_source import RectilinearObjectGrid
from zarr_hdf5.data_type import has_low_precision
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.appended import try_metadata
from zarr_hdf5.hdf5.chunked_dataset import ChunkedDataset, create_chunked_dataset
from zarr_hdf5.hdf5.custom_datatype import create_datatype
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.onefile.chunks import object_region, stored_objects
from zarr_hdf5.onefile.documents import dataset_path
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.twin.attributes import hdf5_attributes
from zarr_hdf5.twin.filters import ChainTwin, check_dtype, hdf5_twin

__all__ = ["NO_TYPE", "check_hdf5", "create_dataset", "dataset_order", "one_file_side", "shared_twin", "to_hdf5_values"]

NO_TYPE = np.dtype("V1")
"""Of groups, which have no elements."""
MAX_RANK = 32
MAX_CHUNK_NBYTES = 2**32 - 1
ORDER_ATTRIBUTE = "_zarr_dimension_order"


def check_hdf5(metadata: ArrayMetadata) -> None:
    """Raise UnsupportedFeatureError if HDF5 cannot hold such an array."""
    array = Array(MemoryStore(), "", metadata, read_only=True)
    try_metadata(lambda root: create_dataset(root, "data", array))


def shared_twin(metadata: ArrayMetadata, stored: StoredArray) -> ChainTwin | None:
    """How HDF5 reads the array's chunks; None where it has elements of its own. Raises UnsupportedFeatureError."""
    if not metadata.shape or metadata.data_type.is_variable:
        return None
    return hdf5_twin(stored.chain.chain, stored.chain.spec)


def dataset_order(stored: StoredArray, twin: ChainTwin | None) -> tuple[int, ...]:
    """Axis i of the dataset is this axis of the array."""
    return tuple(range(len(stored.order))) if twin is None else tuple(stored.order[axis] for axis in twin.order)


def one_file_side(path: str, metadata: ArrayMetadata, stored: StoredArray, file: str) -> OneFileSide | None:
    """The HDF5 side of the array at `path` in the one-file `file`."""
    place = dataset_path(metadata, path)
    if place is None:
        return None
    twin = shared_twin(metadata, stored)
    return OneFileSide(f"/{place}", dataset_order(stored, twin), HDF5Form(twin.filters if twin else ()), file)


def create_dataset(root: h5py.Group, path: str, array: Array) -> h5py.Dataset:
    """Make the dataset of an array, its attributes, and its elements where HDF5 has its own.

    Raises what h5py raises, UnsupportedFeatureError, and what reading the array raises.
    """
    twin = shared_twin(array.metadata, array.stored)
    dataset = _copied(root, path, array) if twin is None else _shared(root, path, array, twin)
    for name, value in hdf5_attributes(array.metadata.attributes, array.metadata.data_type.dtype):
        dataset.attrs[name] = value
    order = dataset_order(array.stored, twin)
    if order != tuple(range(len(order))):
        dataset.attrs[ORDER_ATTRIBUTE] = np.asarray(order, "<i8")
    return dataset


def _shared(root: h5py.Group, path: str, array: Array, twin: ChainTwin) -> h5py.Dataset:
    grid, rank = array.stored.source.grid, len(array.shape)
    if isinstance(grid, RectilinearObjectGrid) and grid.single:
        raise UnsupportedFeatureError("HDF5 chunks are all of one shape; give edge lengths of shards, or hdf5=False")
    if rank > MAX_RANK:
        raise UnsupportedFeatureError(f"HDF5 has at most {MAX_RANK} dimensions, not {rank}; or write with hdf5=False")
    nbytes = int(np.prod(grid.chunk_shape, dtype=object)) * twin.dtype.itemsize
    if nbytes > MAX_CHUNK_NBYTES:
        raise UnsupportedFeatureError(f"an HDF5 chunk has less than 4 GiB; this one has {nbytes} bytes")
    shape, chunks = (tuple(values[axis] for axis in twin.order) for values in (grid.shape, grid.chunk_shape))
    fill_value: Any = array.stored.chain.spec.fill_value  # a scalar: elements of variable length have no twin
    spec = ChunkedDataset(
        path="",
        shape=shape,
        maxshape=tuple(map(max, shape, chunks)),  # HDF5 has no chunk that is larger
        chunk_shape=chunks,
        dtype=twin.dtype,
        fill_value=fill_value,
        filters=twin.filters,
    )
    dataset = create_chunked_dataset(root, spec)
    root[path] = dataset
    return dataset


def _copied(root: h5py.Group, path: str, array: Array) -> h5py.Dataset:
    dtype, fill = array.dtype, None
    if array.metadata.data_type.is_variable:
        dtype = h5py.string_dtype() if _is_text(array) else h5py.vlen_dtype(np.uint8)
        fill = array.fill_value if _is_text(array) else None
    else:
        check_dtype(dtype)
    if has_low_precision(dtype):
        return _copied_exactly(root, path, array)
    # Chunks of a copy are HDF5's own affair: the largest where Zarr's are of many shapes.
    listed = array.metadata.chunk_lengths is not None and array.nshards is None
    unit = array.block_shape if listed else array.chunks
    chunks = tuple(map(min, unit, array.shape)) if array.shape and all(array.shape) else None
    dataset = root.create_dataset(path, array.shape, dtype, chunks=chunks, fillvalue=fill, track_times=False)
    for region in _regions(array):
        dataset[region] = to_hdf5_values(array[region], array)
    return dataset


def _copied_exactly(root: h5py.Group, path: str, array: Array) -> h5py.Dataset:
    """A scalar of a type that h5py cannot write."""
    kind = create_datatype(array.dtype)
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    identifier = h5py.h5d.create(root.id, None, kind, h5py.h5s.create(h5py.h5s.SCALAR), dcpl=properties)
    identifier.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array(array[...], array.dtype), mtype=kind)
    dataset = h5py.Dataset(identifier)
    root[path] = dataset
    return dataset


def _is_text(array: Array) -> bool:
    return array.metadata.data_type.name == "string"


def _regions(array: Array) -> Iterator[tuple[slice, ...]]:
    """The parts of the array to write: those that it has, or all of them where HDF5 has no such fill value."""
    stored = _is_text(array) or (array.metadata.data_type.is_variable and array.fill_value == b"")
    everything = product(*map(range, array.stored.source.grid.objects.grid_shape))
    for coords in stored_objects(array) if stored and array.shape else everything:
        yield object_region(array, coords)


def to_hdf5_values(values: Any, array: Array) -> npt.NDArray[Any]:
    """Elements as h5py takes them. Raises UnsupportedFeatureError."""
    found = np.asarray(values, array.dtype)
    if found.dtype != object:
        return found
    if _is_text(array):
        if any("\0" in element for element in found.flat):
            raise UnsupportedFeatureError("a string with a NUL in it, where HDF5 ends it")
        return found
    bytes_ = np.empty(found.shape, object)
    for place, element in np.ndenumerate(found):
        bytes_[place] = np.frombuffer(element, np.uint8)
    return bytes_
