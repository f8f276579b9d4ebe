"""Dimension scales: what names the dimensions of datasets for HDF5's and netCDF's programs.

A dataset of one dimension that is called as its dimension is a scale, which is netCDF's coordinate variable. Where
there is none, an empty dataset stands for a dimension without one, as netCDF has it.
Sources: HDF5 Dimension Scale Specification; netCDF User's Guide, "NetCDF-4 Format Specification".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import h5py
import numpy as np

from zarr_hdf5.hdf5.dimension_scales import BARE_DIMENSION

__all__ = ["write_scales"]

MAX_REFERENCES = 4000
"""An attribute has less than 64 KiB; a scale that belongs to more dimensions does not say to which."""
REFERENCE = np.dtype([("dataset", h5py.ref_dtype), ("dimension", "<i4")])

Names = tuple[str | None, ...]


@dataclass(slots=True)
class _Scale:
    """A scale, and the dimensions that it belongs to."""

    dataset: h5py.Dataset
    users: list[tuple[h5py.Reference, int]] = field(default_factory=list)


def write_scales(root: h5py.Group, names: Mapping[str, Names]) -> None:
    """Attach a scale to each dimension of the datasets whose dimensions are all named, and label the others.

    `names` has the names of the dimensions of each dataset, by its path from `root`. A dimension belongs to the scale
    of its name and length in its own group or in the nearest above; where something else has that name, it is labelled.
    """
    scales = {path: _Scale(root[path]) for path, dims in names.items() if dims == (path.rpartition("/")[2],)}
    for path, scale in scales.items():
        h5py.h5ds.set_scale(scale.dataset.id, path.rpartition("/")[2].encode())
    for path, dims in names.items():
        if path in scales or not dims:
            continue
        dataset = root[path]
        found = [_scale(root, scales, path, name, length) for name, length in zip(dims, dataset.shape, strict=True)]
        attached = [scale for scale in found if scale is not None]
        if len(attached) == len(dims) and len(set(dims)) == len(dims):
            _attach(dataset, attached)
        else:
            for dimension, name in zip(dataset.dims, dims, strict=True):
                dimension.label = name or ""
    _write_references(scales.values())


def _scale(root: h5py.Group, scales: dict[str, _Scale], path: str, name: str | None, length: int) -> _Scale | None:
    """The scale of a dimension of the dataset at `path`, made if there is none; None if there can be none."""
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        return None
    group = own = path.rpartition("/")[0]
    while True:
        scale = scales.get(f"{group}/{name}".lstrip("/"))
        if scale is not None and scale.dataset.shape == (length,):
            return scale
        if not group:
            break
        group = group.rpartition("/")[0]
    place = f"{own}/{name}".lstrip("/")
    if place in root:
        return None
    scales[place] = scale = _Scale(_bare_dimension(root, place, length))
    return scale


def _bare_dimension(root: h5py.Group, path: str, length: int) -> h5py.Dataset:
    """netCDF's dimension without a variable: never written, so that it takes no room."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    space = h5py.h5s.create_simple((length,))
    dataset = h5py.Dataset(h5py.h5d.create(root.id, None, h5py.h5t.IEEE_F32BE, space, dcpl=properties))
    root[path] = dataset
    h5py.h5ds.set_scale(dataset.id, BARE_DIMENSION + f".{length:10d}".encode())
    return dataset


def _attach(dataset: h5py.Dataset, scales: list[_Scale]) -> None:
    """`H5DSattach_scale` for all dimensions at once: it rewrites a scale's list for each of its users."""
    listed = np.empty(len(scales), object)
    for dimension, scale in enumerate(scales):
        listed[dimension] = np.array([scale.dataset.ref], h5py.ref_dtype)
        scale.users.append((dataset.ref, dimension))
    dataset.attrs.create("DIMENSION_LIST", listed, dtype=h5py.vlen_dtype(h5py.ref_dtype))


def _write_references(scales: Iterable[_Scale]) -> None:
    for scale in scales:
        if 0 < len(scale.users) <= MAX_REFERENCES:
            scale.dataset.attrs.create("REFERENCE_LIST", np.array(scale.users, REFERENCE))
