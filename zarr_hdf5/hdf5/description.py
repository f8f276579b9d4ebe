"""What a file says of its groups and datasets, as plain values.

libhdf5 reads; no h5py object leaves this room, so that what it returns may be shared among threads.
"""

from dataclasses import dataclass
from typing import Literal, cast

import h5py
import numpy as np

from zarr_hdf5.data_type import cast as cast_elements
from zarr_hdf5.data_type import widened
from zarr_hdf5.errors import NotFoundError, UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.hdf5.attributes import Attributes, read_attributes
from zarr_hdf5.hdf5.datatype import Datatype, describe_datatype
from zarr_hdf5.hdf5.dimension_scales import dimension_names, is_bare_dimension
from zarr_hdf5.hdf5.filters import Filter
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS
from zarr_hdf5.hdf5.links import DATASET, GROUP, ExternalTarget, Target, resolve_path, to_bytes, to_text

__all__ = [
    "DatasetDescription",
    "GroupDescription",
    "Member",
    "check_filters",
    "describe",
    "list_members",
]

Layout = Literal["compact", "contiguous", "chunked", "virtual"]
LAYOUTS: dict[int, Layout] = {
    h5py.h5d.COMPACT: "compact",
    h5py.h5d.CONTIGUOUS: "contiguous",
    h5py.h5d.CHUNKED: "chunked",
    h5py.h5d.VIRTUAL: "virtual",
}
MAX_ELEMENT_NBYTES = 1 << 20
"""Bytes of an element: its fill value, which a file may claim to be of any length, must fit in a metadata document."""


@dataclass(frozen=True, slots=True, eq=False)
class DatasetDescription:
    """A dataset.

    path
        Absolute.
    address
        Of its object header, counted from the file's base address.
    shape
        None for a null dataspace.
    maxshape
        None for an unlimited dimension.
    chunk_shape
        None where the layout is not chunked.
    filters
        In the order of writing.
    fill_value
        Of `datatype.dtype`; None where undefined, or where it is not one number for all elements.
    uniform_fill
        False where an element that was never written is no plain `fill_value`, so that libhdf5 must make it.
    other_files
        Names of files that hold the data: external raw files, sources of a virtual dataset.
    dimension_names
        From dimension scales, else from labels; None for a dimension that has neither.
    """

    path: str
    address: int
    shape: tuple[int, ...] | None
    maxshape: tuple[int | None, ...]
    datatype: Datatype
    layout: Layout
    chunk_shape: tuple[int, ...] | None
    filters: tuple[Filter, ...]
    fill_value: np.generic | None
    uniform_fill: bool
    other_files: tuple[str, ...]
    attributes: Attributes
    dimension_names: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GroupDescription:
    """A group."""

    path: str
    address: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group.

    target
        What it is; None with a `reason` where that cannot be said.
    bare_dimension
        Whether it only stands for a dimension of netCDF's.
    """

    name: str
    target: Target | ExternalTarget | None
    reason: str = ""
    bare_dimension: bool = False


def describe(file: h5py.File, target: Target, *, low_precision: bool = True) -> DatasetDescription | GroupDescription:
    """Describe a group or dataset. Raises UnsupportedFeatureError for others. `low_precision`: see its datatype."""
    if target.type == DATASET:
        dataset = h5py.h5d.open(file.id, to_bytes(target.path))
        return _describe_dataset(dataset, target, describe_datatype(dataset.get_type(), low_precision=low_precision))
    if target.type == GROUP:
        group = h5py.h5g.open(file.id, to_bytes(target.path))
        return GroupDescription(target.path, target.address, read_attributes(h5py.HLObject(group)))
    raise UnsupportedFeatureError(f"{target.path}: neither a group nor a dataset")


def list_members(file: h5py.File, target: Target) -> list[Member]:
    """All members of a group, in the file's order; a broken link, say, only spoils itself."""
    group = file[to_bytes(target.path)]
    members = []
    for found_name in group:
        name = to_text(found_name)
        try:
            found = resolve_path(file, f"{target.path.rstrip('/')}/{name}")
        except NotFoundError:
            members.append(Member(name, None, "a link that leads nowhere"))
        except (*LIBRARY_ERRORS, ZarrHDF5Error) as error:
            members.append(Member(name, None, str(error)))
        else:
            is_dataset = isinstance(found, Target) and found.type == DATASET
            members.append(Member(name, found, bare_dimension=is_dataset and is_bare_dimension(group, name)))
    return members


def _describe_dataset(dataset: h5py.h5d.DatasetID, target: Target, datatype: Datatype) -> DatasetDescription:
    properties = dataset.get_create_plist()
    if datatype.dtype.itemsize > MAX_ELEMENT_NBYTES:
        raise UnsupportedFeatureError(f"{target.path}: elements of {datatype.dtype.itemsize} bytes")
    fill_value, uniform_fill = _fill_value(properties, datatype)
    layout = LAYOUTS[properties.get_layout()]
    shape, maxshape = _extent(dataset.get_space())
    attributes = read_attributes(h5py.HLObject(dataset))
    return DatasetDescription(
        path=target.path,
        address=target.address,
        shape=shape,
        maxshape=maxshape,
        datatype=datatype,
        layout=layout,
        chunk_shape=properties.get_chunk() if layout == "chunked" else None,
        filters=_filters(properties),
        fill_value=fill_value,
        uniform_fill=uniform_fill,
        other_files=_other_files(properties, layout),
        attributes=attributes,
        dimension_names=_dimension_names(dataset, target.path, shape, attributes),
    )


def _dimension_names(
    dataset: h5py.h5d.DatasetID, path: str, shape: tuple[int, ...] | None, attributes: Attributes
) -> tuple[str | None, ...]:
    """Names are told by attributes."""
    if not shape or not (attributes.values or attributes.unreadable):
        return (None,) * len(shape or ())
    return dimension_names(h5py.Dataset(dataset), path)


def _extent(space: h5py.h5s.SpaceID) -> tuple[tuple[int, ...] | None, tuple[int | None, ...]]:
    """Shape and maximum shape."""
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        return None, ()
    longest = space.get_simple_extent_dims(True)
    return space.get_simple_extent_dims(), tuple(None if n == h5py.h5s.UNLIMITED else n for n in longest)


def _filters(properties: h5py.h5p.PropDCID) -> tuple[Filter, ...]:
    found = (properties.get_filter(i) for i in range(properties.get_nfilters()))
    return tuple(Filter(number, tuple(values)) for number, _, values, _ in found)


def _fill_value(properties: h5py.h5p.PropDCID, datatype: Datatype) -> tuple[np.generic | None, bool]:
    defined = properties.fill_value_defined()
    if defined != h5py.h5d.FILL_VALUE_USER_DEFINED:
        return None, True
    element = np.dtype((datatype.dtype, datatype.element_shape))
    if datatype.dtype.hasobject or element.itemsize > MAX_ELEMENT_NBYTES:
        return None, False
    value = np.zeros((), widened(element))
    try:
        properties.get_fill_value(value)
    except LIBRARY_ERRORS:  # opaque values of two tags, which libhdf5 does not convert into each other
        return None, False
    value = cast_elements(value, datatype.dtype)
    first = value.reshape(-1)[0]
    same = value.tobytes() == np.full(datatype.element_shape, first, datatype.dtype).tobytes()
    return (cast("np.generic", first), True) if same else (None, False)


def _other_files(properties: h5py.h5p.PropDCID, layout: Layout) -> tuple[str, ...]:
    """Without the file itself, which virtual datasets call "."."""
    if layout == "virtual":
        names = [properties.get_virtual_filename(i) for i in range(properties.get_virtual_count())]
    else:
        names = [properties.get_external(i)[0] for i in range(properties.get_external_count())]
    return tuple(dict.fromkeys(text for text in map(to_text, names) if text != "."))


def check_filters(dataset: h5py.Dataset) -> None:
    """Raise UnsupportedFeatureError, naming it, if libhdf5 lacks one of the dataset's filters."""
    filters = _filters(dataset.id.get_create_plist())
    missing = [f.name for f in filters if not h5py.h5z.filter_avail(f.id)]
    if missing:
        raise UnsupportedFeatureError(
            f"{dataset.name}: libhdf5 has no plugin for {', '.join(missing)}; "
            "import hdf5plugin, or set HDF5_PLUGIN_PATH"
        )
