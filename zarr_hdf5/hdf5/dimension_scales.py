"""The names of a dataset's dimensions: from dimension scales, netCDF's own bookkeeping, or labels.

Sources: HDF5 Dimension Scale Specification; netCDF User's Guide, "NetCDF-4 Format Specification".
"""

from typing import Any

import h5py
import numpy as np

from zarr_hdf5.hdf5.library import LIBRARY_ERRORS
from zarr_hdf5.hdf5.links import to_bytes, to_text

__all__ = ["dimension_names", "is_bare_dimension"]

BARE_DIMENSION = b"This is a netCDF dimension but not a netCDF variable"


def dimension_names(dataset: h5py.Dataset, path: str) -> tuple[str | None, ...]:
    """A name for each dimension; None for one that has none."""
    rank = len(dataset.shape)
    try:
        if _has(dataset, b"DIMENSION_LIST"):
            return _from_scales(dataset, rank)
        if _has(dataset, b"_Netcdf4Coordinates"):
            return _from_dimension_numbers(dataset, path)
        if rank == 1 and _has(dataset, b"CLASS") and _text(dataset, "CLASS") == b"DIMENSION_SCALE":
            return (path.rsplit("/", 1)[-1],)
        if _has(dataset, b"DIMENSION_LABELS"):
            return _labels(dataset, rank)
    except LIBRARY_ERRORS:
        pass
    return (None,) * rank


def is_bare_dimension(group: h5py.Group, name: str) -> bool:
    """Whether a dataset only stands for a netCDF dimension without a variable of its own."""
    try:
        found: bool = h5py.h5a.exists(group.id, b"NAME", obj_name=to_bytes(name))
        return found and _text(group[to_bytes(name)], "NAME").startswith(BARE_DIMENSION)
    except LIBRARY_ERRORS:
        return False


def _has(dataset: h5py.Dataset, name: bytes) -> bool:
    found: bool = h5py.h5a.exists(dataset.id, name)
    return found


def _text(dataset: h5py.Dataset, name: str) -> bytes:
    value = dataset.attrs[name]
    return to_bytes(value) if isinstance(value, str) else bytes(value) if isinstance(value, bytes) else b""


def _from_scales(dataset: h5py.Dataset, rank: int) -> tuple[str | None, ...]:
    references: Any = dataset.attrs["DIMENSION_LIST"]
    labels = _labels(dataset, rank)
    names = [_base_name(dataset, refs) or label for refs, label in zip(references, labels, strict=False)]
    return tuple((names + [None] * rank)[:rank])


def _labels(dataset: h5py.Dataset, rank: int) -> tuple[str | None, ...]:
    """As an attribute like others: libhdf5's own function for labels does not survive damaged ones."""
    if not _has(dataset, b"DIMENSION_LABELS"):
        return (None,) * rank
    found = np.ravel(dataset.attrs["DIMENSION_LABELS"]).tolist()
    labels = [to_text(label) if isinstance(label, bytes) else str(label) for label in found]
    return tuple(label or None for label in (labels + [""] * rank)[:rank])


def _base_name(dataset: h5py.Dataset, references: Any) -> str | None:
    """The last part of the first scale's path."""
    if not len(references) or not references[0]:
        return None
    name = h5py.h5r.get_name(references[0], dataset.file.id)
    return to_text(name.rsplit(b"/", 1)[-1]) if name else None


def _from_dimension_numbers(dataset: h5py.Dataset, path: str) -> tuple[str | None, ...]:
    """A netCDF coordinate variable of several dimensions lists their numbers; scales of the groups above have them."""
    wanted = [int(number) for number in np.atleast_1d(dataset.attrs["_Netcdf4Coordinates"])]
    found: dict[int, str] = {}
    parent = path.rpartition("/")[0]
    while True:
        group = dataset.file[to_bytes(parent or "/")]
        for found_name in group:
            name = to_text(found_name)
            # Variables that are no scales have the number of their first dimension.
            if all(h5py.h5a.exists(group.id, a, obj_name=to_bytes(name)) for a in (b"CLASS", b"_Netcdf4Dimid")):
                found.setdefault(int(group[to_bytes(name)].attrs["_Netcdf4Dimid"]), name)
        if not parent:
            break
        parent = parent.rpartition("/")[0]
    return tuple(found.get(number) for number in wanted[: len(dataset.shape)])
