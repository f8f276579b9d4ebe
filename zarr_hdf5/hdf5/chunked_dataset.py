"""Chunked datasets whose chunks libhdf5 does not write: it makes the header, and no chunk is allocated.

Third-party filters are written under placeholder numbers, so that no plugin, present or not, has a say in the header;
`name_filters` says what to put in their place afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from zarr_hdf5.data_type import widened
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.custom_datatype import create_datatype
from zarr_hdf5.hdf5.filter_pipeline import NAME_VALUES, encode_third_party, filter_id_fields
from zarr_hdf5.hdf5.filters import Filter
from zarr_hdf5.hdf5.object_header import HeaderMessage

__all__ = ["ChunkedDataset", "create_chunked_dataset", "h5py_fill_value", "name_filters"]

FIRST_THIRD_PARTY = 256
PLACEHOLDER = 65_000


@dataclass(frozen=True, slots=True, eq=False)
class ChunkedDataset:
    """A chunked dataset.

    path
        Of the dataset, from the file or group it is made in; missing groups are made. "": it is given no name.
    shape, maxshape, chunk_shape
        Elements.
    dtype
        Type of the stored elements, byte order included.
    """

    path: str
    shape: tuple[int, ...]
    maxshape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fill_value: np.generic
    filters: tuple[Filter, ...]


def create_chunked_dataset(parent: h5py.Group, spec: ChunkedDataset) -> h5py.Dataset:
    """Let libhdf5 make the dataset. Raises what h5py raises, and UnsupportedFeatureError."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk(spec.chunk_shape)
    fill_value = h5py_fill_value(spec.fill_value, spec.dtype)
    # netCDF's library takes the fill value of fixed-length strings for a pointer, and frees it: nothing is the default.
    if spec.dtype.kind != "S" or fill_value.item():
        properties.set_fill_value(fill_value)
    # Times would make two equal files differ; attributes outside the header would have no fixed place.
    properties.set_obj_track_times(False)
    properties.set_attr_phase_change(65535, 65534)
    for i, filter_ in enumerate(spec.filters):
        # Optional, because libhdf5 refuses to name a filter it has no plugin for; reading needs it all the same.
        if filter_.id < FIRST_THIRD_PARTY:
            properties.set_filter(filter_.id, h5py.h5z.FLAG_OPTIONAL, filter_.values)
        else:
            room = (0,) * NAME_VALUES
            properties.set_filter(PLACEHOLDER + i, h5py.h5z.FLAG_OPTIONAL, filter_.values + room)
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    links.set_char_encoding(h5py.h5t.CSET_UTF8)
    space = h5py.h5s.create_simple(spec.shape, spec.maxshape)
    kind = create_datatype(spec.dtype)
    identifier = h5py.h5d.create(parent.id, spec.path.encode() or None, kind, space, dcpl=properties, lcpl=links)
    return h5py.Dataset(identifier)


def name_filters(pipeline: HeaderMessage, filters: tuple[Filter, ...]) -> Iterator[tuple[int, bytes]]:
    """Bytes of the file, and what must be there for third-party filters to have their own numbers and names."""
    for filter_, (_, at) in zip(filters, filter_id_fields(pipeline.body, pipeline.offset), strict=True):
        if filter_.id >= FIRST_THIRD_PARTY:
            yield at, encode_third_party(filter_)


def h5py_fill_value(fill_value: object, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """The fill value of a dataset of `dtype` as h5py must have it. Raises UnsupportedFeatureError."""
    # libhdf5 converts it to the dataset's type; h5py cannot give it numbers of few bits. Of a NaN, its bits are lost.
    value = np.array(fill_value, dtype).astype(widened(dtype))
    if dtype.kind != "S":
        return value
    if b"\0" in value.item():
        raise UnsupportedFeatureError("a fill value with a NUL in it, where HDF5 ends it")
    # h5py takes strings of fixed length for pointers to strings. A list, for it may put this into another.
    return np.array([value.item()], h5py.string_dtype("ascii"))
