"""The Zarr metadata of an HDF5 dataset."""

from math import prod
from typing import Any, cast

import numpy as np

from zarr_hdf5.data_type import DataType, default_fill_value, fill_value_to_json
from zarr_hdf5.hdf5.description import DatasetDescription, GroupDescription
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.twin.attributes import json_attributes
from zarr_hdf5.twin.filters import zarr_twin

__all__ = ["array_metadata", "group_metadata", "is_located"]

SLAB_NBYTES = 1 << 20
"""Bytes of a part of a dataset that has no chunks of its own, or none that can be decoded here."""


def is_located(dataset: DatasetDescription) -> bool:
    """Whether the dataset's chunks can be read where they lie: it has chunks, and every filter has a codec.

    Not where the one unlimited dimension is not the first: libhdf5 (1.14.4 to 2.2.0) then says of extensible arrays
    that chunks lie where they do not.
    """
    if dataset.chunk_shape is None or (dataset.maxshape.count(None) == 1 and dataset.maxshape[0] is not None):
        return False
    return zarr_twin(dataset.filters, dataset.dtype.itemsize) is not None


def array_metadata(dataset: DatasetDescription) -> ArrayMetadata:
    """The metadata of a dataset as an unsharded array.

    Its chunks are those of the dataset with its filters as codecs, or, where that is not possible, slabs decoded by
    libhdf5. Raises UnsupportedFeatureError where Zarr has no such data type.
    """
    data_type = DataType.from_numpy(dataset.dtype)
    located = is_located(dataset)
    twins = zarr_twin(dataset.filters, dataset.dtype.itemsize) if located else None
    chunk_shape = dataset.chunk_shape if located else slab_shape(dataset.shape, dataset.dtype.itemsize)
    endian = "big" if located and dataset.dtype.str[0] == ">" else "little"
    fill = default_fill_value(data_type) if dataset.fill_value is None else _in_type(dataset.fill_value, data_type)
    document: dict[str, Any] = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(dataset.shape),
        "data_type": data_type.to_json(),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk_shape or ())}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill_value_to_json(data_type, fill),
        "codecs": [{"name": "bytes", "configuration": {"endian": endian}}, *(twins or ())],
        "attributes": json_attributes(dataset.attributes, dataset.dtype),
    }
    if any(dataset.dimension_names):
        document["dimension_names"] = list(dataset.dimension_names)
    return ArrayMetadata.parse(document, dataset.path)


def group_metadata(group: GroupDescription) -> GroupMetadata:
    """The metadata of a group."""
    return GroupMetadata(json_attributes(group.attributes))


def slab_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Slabs of about 1 MiB that lie in one piece: whole in the last dimensions, cut along one of the first."""
    slab = [max(1, length) for length in shape]
    for axis in range(len(slab)):
        rest = prod(slab[axis + 1 :]) * itemsize
        if rest * slab[axis] <= SLAB_NBYTES:
            break
        slab[axis] = max(1, min(slab[axis], SLAB_NBYTES // rest))
    return tuple(slab)


def _in_type(value: np.generic, data_type: DataType) -> np.generic:
    """The same value in the byte order of memory, bit for bit."""
    scalar: Any = np.array(value).astype(data_type.dtype)[()]
    return cast("np.generic", scalar)
