"""A netCDF-4 file, written whole through libhdf5.

Sources: netCDF User's Guide, "NetCDF-4 Format Specification"; HDF5 Dimension Scale Specification.

Each dimension is a dataset, a dimension scale: the coordinate variable of its name, or one without data that says of
itself that it is no variable. A variable of a dimension's name that is no coordinate variable is stored under another
name, which netCDF's programs know. Dimensions that can only come first are unlimited.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.dimension_scales import BARE_DIMENSION
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS, memory_file_name
from zarr_hdf5.hdf5.links import to_bytes
from zarr_hdf5.hdf5.netcdf_dimensions import Dimension, Extent, below, place_dimensions, record_dimensions
from zarr_hdf5.hdf5.template import AttributeValue
from zarr_hdf5.hdf5.virtual_dataset import VirtualDataset, create_virtual_dataset

__all__ = ["NetCDFFile", "Variable", "write_netcdf_file"]

PROVENANCE = "_NCProperties"
"""The attribute of the root group that says who wrote a netCDF-4 file; netCDF's programs do not show it."""
NO_COORDINATE = "_nc4_non_coord_"
LIBVER = (h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
"""Virtual datasets came with HDF5 1.10; later bounds make data layouts that it does not read."""

BARE_CHUNK = 1024
"""Elements in a chunk of an unlimited dimension without a variable, of which none is ever written."""

NamedAttributes = Sequence[tuple[str, AttributeValue]]


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A variable to be.

    path
        Absolute.
    data
        What it is over, or its values: numbers, booleans, strings of fixed length, or Python's str.
    dimension_names
        As many as dimensions; None for one without a name.
    attributes
        Names and values. Strings become variable-length UTF-8.
    """

    path: str
    data: VirtualDataset | npt.NDArray[Any]
    dimension_names: tuple[str | None, ...]
    attributes: NamedAttributes


@dataclass(frozen=True, slots=True, eq=False)
class NetCDFFile:
    """A file's bytes.

    refused
        Paths of variables that libhdf5 could not make, and why.
    renamed
        Paths of variables whose dimensions could not have the name they were given, that name, and the one they have.
    """

    image: bytes
    refused: tuple[tuple[str, str], ...]
    renamed: tuple[tuple[str, str, str], ...]


def write_netcdf_file(
    groups: Mapping[str, NamedAttributes], variables: Sequence[Variable], provenance: str
) -> NetCDFFile:
    """The file with these groups (by absolute path, the root among them) and variables.

    `provenance` is a list of `name=value`, the names being those of programs; it is in the file's first 4096 bytes.
    Raises UnsupportedFeatureError if libhdf5 refuses more than single variables.
    """
    extents = [Extent(v.path, v.data.shape, v.dimension_names) for v in variables]
    places = place_dimensions(extents, groups.keys())
    dimensions = list(dict.fromkeys(dimension for found in places.values() for dimension in found))
    unlimited = record_dimensions(places.values())
    maxshapes = {e.path: _maxshape(e.shape, places[e.path], unlimited) for e in extents}
    try:
        with _new_file() as file:
            text = f"version=2,{provenance}".encode()
            file.attrs.create(PROVENANCE, text, dtype=h5py.string_dtype("ascii", len(text)))
            for path, attributes in groups.items():
                _set_attributes(file.require_group(to_bytes(path)), attributes)
            refused = dict(_create_variables(file, variables, extents, maxshapes, {d.path for d in dimensions}))
            coordinates = {e.path for e in extents if e.is_coordinate} - refused.keys()
            scales = _create_scales(file, dimensions, unlimited, coordinates)
            for variable, extent in zip(variables, extents, strict=True):
                if variable.path not in refused and not extent.is_coordinate:
                    _attach(file[to_bytes(_stored_path(extent, scales))], places[variable.path], scales)
            file.flush()
            image = bytes(file.id.get_file_image())
    except LIBRARY_ERRORS as error:
        raise UnsupportedFeatureError(f"libhdf5 cannot make this file: {error}") from error
    return NetCDFFile(image, tuple(refused.items()), tuple(_renamed(extents, places)))


def _new_file() -> h5py.File:
    """An empty file in memory, whose root group keeps all attributes in its header."""
    creation, access = h5py.h5p.create(h5py.h5p.FILE_CREATE), h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    creation.set_attr_phase_change(65535, 65534)
    access.set_fapl_core(backing_store=False)
    access.set_libver_bounds(*LIBVER)
    return h5py.File(h5py.h5f.create(memory_file_name().encode(), h5py.h5f.ACC_TRUNC, creation, access))


def _maxshape(
    shape: tuple[int, ...], dimensions: tuple[Dimension, ...], unlimited: Container[Dimension]
) -> tuple[int | None, ...]:
    """None for an unlimited dimension, as is the first of a variable without dimensions that others share."""
    if not dimensions:
        return (*[None] * len(shape[:1]), *shape[1:])
    return tuple(None if dimension in unlimited else dimension.length for dimension in dimensions)


def _create_variables(
    file: h5py.File,
    variables: Sequence[Variable],
    extents: Sequence[Extent],
    maxshapes: Mapping[str, tuple[int | None, ...]],
    scales: Container[str],
) -> Iterator[tuple[str, str]]:
    """Create what can be created; the paths of the others, and why not."""
    for variable, extent in zip(variables, extents, strict=True):
        path = _stored_path(extent, scales)
        try:
            _set_attributes(_create_variable(file, path, variable.data, maxshapes[variable.path]), variable.attributes)
        except (*LIBRARY_ERRORS, UnsupportedFeatureError) as error:
            if to_bytes(path) in file:
                del file[to_bytes(path)]
            yield variable.path, str(error)


def _create_variable(
    file: h5py.File, path: str, data: VirtualDataset | npt.NDArray[Any], maxshape: tuple[int | None, ...]
) -> h5py.Dataset:
    if isinstance(data, VirtualDataset):
        return create_virtual_dataset(file, path, data, maxshape)
    kind = h5py.string_dtype() if data.dtype == object else data.dtype
    # What can grow must be chunked: here, in one chunk.
    chunked = {"chunks": tuple(max(n, 1) for n in data.shape), "maxshape": maxshape} if None in maxshape else {}
    return file.create_dataset(to_bytes(path), data=data, dtype=kind, track_times=False, **chunked)


def _create_scales(
    file: h5py.File, dimensions: Sequence[Dimension], unlimited: Container[Dimension], coordinates: set[str]
) -> dict[str, h5py.h5d.DatasetID]:
    """The dataset of each dimension, by its path."""
    scales = {}
    for number, dimension in enumerate(dimensions):
        path, name = to_bytes(dimension.path), to_bytes(dimension.name)
        if dimension.path not in coordinates:
            # Nothing is stored. netCDF's library makes it of floats; of bytes, no length is too many.
            grows = {"maxshape": (None,), "chunks": (BARE_CHUNK,)} if dimension in unlimited else {}
            file.create_dataset(path, (dimension.length,), "u1", track_times=False, **grows)
            name = BARE_DIMENSION + b". %10d" % dimension.length
        scale = file[path]
        h5py.h5ds.set_scale(scale.id, name)
        scale.attrs["_Netcdf4Dimid"] = np.int32(number)
        scales[dimension.path] = scale.id
    return scales


def _attach(dataset: h5py.Dataset, dimensions: Sequence[Dimension], scales: Mapping[str, h5py.h5d.DatasetID]) -> None:
    for axis, dimension in enumerate(dimensions):
        h5py.h5ds.attach_scale(dataset.id, scales[dimension.path], axis)


def _set_attributes(holder: h5py.HLObject, attributes: NamedAttributes) -> None:
    for name, value in attributes:
        holder.attrs[name] = value


def _stored_path(extent: Extent, scales: Container[str]) -> str:
    """Where a variable is: elsewhere if a dimension has its path."""
    if extent.path not in scales or extent.is_coordinate:
        return extent.path
    return below(extent.group, NO_COORDINATE + extent.path.rpartition("/")[2])


def _renamed(extents: Sequence[Extent], places: Mapping[str, tuple[Dimension, ...]]) -> Iterator[tuple[str, str, str]]:
    for extent in extents:
        for wanted, dimension in zip(extent.names, places[extent.path], strict=False):
            if wanted is not None and dimension.name != wanted:
                yield extent.path, wanted, dimension.name
