"""Virtual datasets: one dataset over the datasets of many files.

Sources: HDF5 File Format Specification 3.0, III.F "Global Heap Block for Virtual Datasets"; reference manual,
H5Pset_virtual.

libhdf5 opens a source when elements of it are read; where there is none, it gives the fill value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from zarr_hdf5.hdf5.chunked_dataset import h5py_fill_value
from zarr_hdf5.hdf5.custom_datatype import create_datatype
from zarr_hdf5.hdf5.links import to_bytes

__all__ = ["VirtualDataset", "create_virtual_dataset", "read_sources"]


@dataclass(frozen=True, slots=True, eq=False)
class VirtualDataset:
    """A dataset whose blocks are whole datasets of other files.

    shape
        Elements.
    dtype
        Type of the elements, byte order included.
    fill_value
        Of elements whose source is missing.
    source_path
        Absolute path of the dataset in each source.
    files
        The sources; a relative name is one below the directory of the file that holds this dataset.
    origins, source_shapes
        (n, rank) int64: where each source begins in this dataset, and its shape, in elements.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fill_value: Any
    source_path: str
    files: Sequence[str]
    origins: npt.NDArray[np.int64]
    source_shapes: npt.NDArray[np.int64]


def create_virtual_dataset(
    file: h5py.File, path: str, spec: VirtualDataset, maxshape: tuple[int | None, ...] | None = None
) -> h5py.Dataset:
    """Create the dataset at an absolute path, and groups on the way. Raises what h5py raises.

    `maxshape`: None for an unlimited dimension; by default all are as long as they may be.
    """
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if spec.dtype.kind != "S" or spec.fill_value:
        # An empty string is what HDF5 fills with anyway; said in so many words, netCDF's library frees it and aborts.
        properties.set_fill_value(h5py_fill_value(spec.fill_value, spec.dtype))
    properties.set_obj_track_times(False)
    properties.set_layout(h5py.h5d.VIRTUAL)  # without sources, too
    # Not by h5py.VirtualLayout, which takes more than ten times as long; sources are of few shapes.
    longest = tuple(h5py.h5s.UNLIMITED if length is None else length for length in maxshape or spec.shape)
    space, source = h5py.h5s.create_simple(spec.shape, longest), _escaped(spec.source_path)
    once = (1,) * len(spec.shape)
    source_spaces: dict[tuple[int, ...], h5py.h5s.SpaceID] = {}
    for name, origin, block in zip(spec.files, spec.origins.tolist(), spec.source_shapes.tolist(), strict=True):
        shape = tuple(block)
        source_space = source_spaces.get(shape)
        if source_space is None:
            source_space = source_spaces[shape] = h5py.h5s.create_simple(shape)
        space.select_hyperslab(tuple(origin), once, block=shape)
        properties.set_virtual(space, _escaped(name), source, source_space)
    space.select_all()
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    links.set_char_encoding(h5py.h5t.CSET_UTF8)
    kind = create_datatype(spec.dtype)
    return h5py.Dataset(h5py.h5d.create(file.id, to_bytes(path), kind, space, dcpl=properties, lcpl=links))


def read_sources(dataset: h5py.Dataset) -> list[tuple[bytes, bytes, object]]:
    """Of each source of a virtual dataset: file and path as they are stored, and the corners of its block."""
    properties = dataset.id.get_create_plist()
    return [
        (
            properties.get_virtual_filename(i).encode("utf-8", "surrogateescape"),
            properties.get_virtual_dsetname(i).encode("utf-8", "surrogateescape"),
            properties.get_virtual_vspace(i).get_select_bounds(),
        )
        for i in range(properties.get_virtual_count())
    ]


def _escaped(name: str) -> bytes:
    """A per cent sign begins a pattern, unless there are two."""
    return to_bytes(name).replace(b"%", b"%%")
