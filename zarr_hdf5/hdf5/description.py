"""What a file says of its groups and datasets, as plain values.

libhdf5 reads; no h5py object leaves this module, so that what it returns may be shared among threads.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import h5py
import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5.filters import Filter, filter_name

__all__ = [
    "ChunkTable",
    "DatasetDescription",
    "GroupDescription",
    "check_filters",
    "describe",
    "open_file",
    "read_chunk_table",
]

MAX_ITEMSIZE = 1 << 20
"""Bytes of an element: its fill value, which a file may claim to be of any length, must fit in a metadata document."""
LIBRARY_ERRORS = (OSError, RuntimeError, ValueError, LookupError, TypeError, ArithmeticError, SystemError, MemoryError)
"""What h5py raises for broken files, depending on which part is broken."""


@dataclass(frozen=True, slots=True, eq=False)
class DatasetDescription:
    """A dataset.

    path
        Absolute path.
    maxshape
        None for an unlimited dimension.
    dtype
        numpy's equivalent of the stored type, byte order included.
    chunk_shape
        None where the layout is not chunked.
    filters
        In the order of writing.
    fill_value
        None where undefined.
    attributes
        Values as h5py reads them, and for those it cannot read the reason.
    dimension_names
        From dimension scales, else from dimension labels; None for a dimension that has neither.
    """

    path: str
    shape: tuple[int, ...]
    maxshape: tuple[int | None, ...]
    dtype: np.dtype[Any]
    chunk_shape: tuple[int, ...] | None
    filters: tuple[Filter, ...]
    fill_value: np.generic | None
    attributes: tuple[tuple[str, Any], ...]
    unreadable_attributes: tuple[tuple[str, str], ...]
    dimension_names: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GroupDescription:
    """A group: its attributes, the names of its groups and datasets, and why other members cannot be shown."""

    path: str
    attributes: tuple[tuple[str, Any], ...]
    unreadable_attributes: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    datasets: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class ChunkTable:
    """The stored chunks of a dataset, in any order.

    coords
        (n, rank) int64, counted in chunks.
    offsets, nbytes
        (n,) int64, absolute bytes of the file.
    filter_masks
        (n,) u32: bit i set where filter i was skipped.
    """

    coords: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    nbytes: npt.NDArray[np.int64]
    filter_masks: npt.NDArray[np.uint32]

    def take(self, rows: npt.NDArray[np.intp]) -> "ChunkTable":
        """These rows."""
        return ChunkTable(self.coords[rows], self.offsets[rows], self.nbytes[rows], self.filter_masks[rows])


@contextmanager
def open_file(name: str | io.BytesIO) -> Iterator[h5py.File]:
    """The file, open for reading; whatever libhdf5 finds wrong with it comes out as CorruptDataError."""
    try:
        with h5py.File(name, "r") as file:
            yield file
    except FileNotFoundError as error:
        raise NotFoundError(f"no such file: {name}") from error
    except (CorruptDataError, NotFoundError, UnsupportedFeatureError):
        raise
    except LIBRARY_ERRORS as error:
        raise CorruptDataError(f"libhdf5 cannot read it: {error}", structure="HDF5 file", key=str(name)) from error


def describe(file: h5py.File, path: str) -> DatasetDescription | GroupDescription:
    """Describe the object at `path`. Raises NotFoundError, UnsupportedFeatureError."""
    if path.strip("/") and path not in file:
        raise NotFoundError(f"{file.filename}: no object {path}")
    found = file[path or "/"]
    if isinstance(found, h5py.Dataset):
        return _describe_dataset(found, path)
    if isinstance(found, h5py.Group):
        return _describe_group(found, path)
    raise UnsupportedFeatureError(f"{path} is neither a group nor a dataset")


def _describe_group(group: h5py.Group, path: str) -> GroupDescription:
    groups: list[str] = []
    datasets: list[str] = []
    refused: list[tuple[str, str]] = []
    above = _addresses(group.file, path)
    for name in group:
        try:
            kind = _member_kind(group, name, above)
        except (*LIBRARY_ERRORS, UnsupportedFeatureError) as error:
            refused.append((name, str(error)))
            continue
        (groups if kind == h5py.h5g.GROUP else datasets).append(name)
    attributes, unreadable = _read_attributes(group)
    return GroupDescription(path, attributes, unreadable, tuple(groups), tuple(datasets), tuple(refused))


def _member_kind(group: h5py.Group, name: str, above: set[tuple[int, int]]) -> int:
    """The type of a member. Raises UnsupportedFeatureError where it is not shown."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise UnsupportedFeatureError("soft and external links are not followed")
    # Not h5o.get_info, which walks all of a dataset's chunk index to say how large it is.
    info = h5py.h5g.get_objinfo(group.id, name.encode("utf-8", "surrogateescape"))
    if info.objno in above:
        raise UnsupportedFeatureError("a hard link to a group above it")
    if info.type not in (h5py.h5g.GROUP, h5py.h5g.DATASET):
        raise UnsupportedFeatureError("neither a group nor a dataset")
    return int(info.type)


def _addresses(file: h5py.File, path: str) -> set[tuple[int, int]]:
    """The group at `path` and those above it, as they were walked through."""
    names = path.strip("/").split("/") if path.strip("/") else []
    paths = ["/", *("/" + "/".join(names[: i + 1]) for i in range(len(names)))]
    return {h5py.h5g.get_objinfo(file[p].id, b".").objno for p in paths}


def _describe_dataset(dataset: h5py.Dataset, path: str) -> DatasetDescription:
    if dataset.shape is None:
        raise UnsupportedFeatureError(f"{path}: a null dataspace")
    try:
        dtype = dataset.dtype
    except TypeError as error:
        raise UnsupportedFeatureError(f"{path}: numpy has no such data type: {error}") from error
    if dtype.itemsize > MAX_ITEMSIZE:
        raise UnsupportedFeatureError(f"{path}: elements of {dtype.itemsize} bytes")
    properties = dataset.id.get_create_plist()
    filters = []
    for i in range(properties.get_nfilters()):
        number, _, values, _ = properties.get_filter(i)
        filters.append(Filter(number, tuple(values)))
    attributes, unreadable = _read_attributes(dataset)
    return DatasetDescription(
        path=path,
        shape=dataset.shape,
        maxshape=dataset.maxshape,
        dtype=dtype,
        chunk_shape=dataset.chunks,
        filters=tuple(filters),
        fill_value=_fill_value(properties, dtype),
        attributes=attributes,
        unreadable_attributes=unreadable,
        dimension_names=tuple(_dimension_name(dataset, axis) for axis in range(len(dataset.shape))),
    )


def _fill_value(properties: h5py.h5p.PropDCID, dtype: np.dtype[Any]) -> np.generic | None:
    if properties.fill_value_defined() == h5py.h5d.FILL_VALUE_UNDEFINED or dtype.kind not in "biufcV":
        return None
    value = np.zeros((), dtype)
    properties.get_fill_value(value)
    return cast("np.generic", value[()])


def _read_attributes(holder: h5py.HLObject) -> tuple[tuple[tuple[str, Any], ...], tuple[tuple[str, str], ...]]:
    values, unreadable = [], []
    for name in holder.attrs:
        try:
            values.append((name, holder.attrs[name]))
        except LIBRARY_ERRORS as error:
            unreadable.append((name, str(error)))
    return tuple(values), tuple(unreadable)


def _dimension_name(dataset: h5py.Dataset, axis: int) -> str | None:
    try:
        if dataset.is_scale and dataset.ndim == 1:
            return str(dataset.name).rsplit("/", 1)[-1]
        dimension = dataset.dims[axis]
        scales = [dataset.file[scale.name].name for scale in dimension.values() if scale.name]
        return str(scales[0]).rsplit("/", 1)[-1] if scales else dimension.label or None
    except LIBRARY_ERRORS:
        return None


def check_filters(dataset: h5py.Dataset) -> None:
    """Raise UnsupportedFeatureError, naming it, if libhdf5 lacks one of the dataset's filters."""
    properties = dataset.id.get_create_plist()
    numbers = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    missing = [filter_name(number) for number in numbers if not h5py.h5z.filter_avail(number)]
    if missing:
        raise UnsupportedFeatureError(
            f"{dataset.name}: libhdf5 has no plugin for {', '.join(missing)}; "
            "import hdf5plugin, or set HDF5_PLUGIN_PATH"
        )


def read_chunk_table(file: h5py.File, path: str) -> ChunkTable:
    """The chunk index of the dataset at `path`, as libhdf5 reads it."""
    dataset = file[path]
    rows: list[Any] = []
    dataset.id.chunk_iter(rows.append)
    rank = len(dataset.shape)
    coords = np.array([row.chunk_offset for row in rows], np.int64).reshape(-1, rank)
    if (coords < 0).any() or (coords >= np.asarray(dataset.shape, np.int64)).any():
        raise CorruptDataError("a chunk lies outside the dataset", structure="chunk index", key=path)
    # Chunk queries count from the first byte of the file, user block included, since HDF5 1.14.3.
    return ChunkTable(
        coords // np.asarray(dataset.chunks, np.int64),
        np.array([row.byte_offset for row in rows], np.int64),
        np.array([row.size for row in rows], np.int64),
        np.array([row.filter_mask for row in rows], np.uint32),
    )
