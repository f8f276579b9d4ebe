"""The Zarr metadata of HDF5 objects, and how a dataset's chunks are read and offered to other readers."""

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np

from zarr_hdf5.data_type import DataType, as_fill_value, cast, default_fill_value
from zarr_hdf5.data_type.fill_value import FillValue
from zarr_hdf5.errors import InvalidMetadataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.attributes import Attributes
from zarr_hdf5.hdf5.description import DatasetDescription
from zarr_hdf5.hdf5.filters import FilterId
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.chunk_key_encoding import ChunkKeyEncoding
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.named_configuration import NamedConfiguration
from zarr_hdf5.twin.attributes import json_attributes
from zarr_hdf5.twin.data_types import is_as_told, zarr_data_type
from zarr_hdf5.twin.filters import zarr_twin

__all__ = ["Presentation", "facts", "group_metadata", "present"]

SLAB_NBYTES = 1 << 20
"""Bytes of a part of a dataset that has no chunks of its own, or none that can be decoded here."""
ENUMERATION = "_hdf5_enumeration"
DATATYPE = "_hdf5_datatype"
TRANSCODED: list[dict[str, Any]] = [{"name": "zstd", "configuration": {"level": 1, "checksum": False}}]


@dataclass(frozen=True, slots=True, eq=False)
class Presentation:
    """A dataset as a Zarr array.

    metadata
        What other readers are told.
    codecs
        Of the chunks as they are read here.
    reading
        "native": chunks are found and decoded without libhdf5; "libhdf5": it reads them.
    serving
        "stored": other readers get the file's own bytes; "transcoded": chunks are decoded and encoded anew for them.
    why
        What keeps a dataset from native reading, or its chunks from being served as they are; "" if nothing does.
    """

    metadata: ArrayMetadata
    codecs: tuple[dict[str, Any], ...]
    reading: Literal["native", "libhdf5"]
    serving: Literal["stored", "transcoded"]
    why: str


def present(dataset: DatasetDescription) -> Presentation:
    """How a dataset is shown. Raises UnsupportedFeatureError where Zarr has no such array."""
    datatype = dataset.datatype
    data_type = zarr_data_type(datatype)
    shape = (0,) if dataset.shape is None else (*dataset.shape, *datatype.element_shape)
    if any(length >= 2**63 for length in shape) or len(shape) > 32:
        raise UnsupportedFeatureError(f"{dataset.path}: a dataset of shape {shape}")
    why = _why_not_native(dataset)
    own = _own_codecs(dataset, data_type, native=not why)
    stored = not why and is_as_told(data_type)
    codecs = own if stored else (*_serializer(data_type.canonical.dtype, data_type.name), *TRANSCODED)
    fill = default_fill_value(data_type) if dataset.fill_value is None else _fill_value(dataset.fill_value, data_type)
    names = (*dataset.dimension_names, *(None for _ in datatype.element_shape))
    metadata = ArrayMetadata(
        shape=shape,
        data_type=data_type,
        chunk_shape=_chunk_shape(dataset, shape, native=not why),
        chunk_key_encoding=ChunkKeyEncoding("default", "/"),
        fill_value=fill,
        codecs=tuple(NamedConfiguration(c["name"], c["configuration"]) for c in codecs),
        attributes=json_attributes(dataset.attributes.values, data_type.dtype) | _notes(dataset),
        dimension_names=names if any(names) else None,
    )
    return Presentation(
        metadata,
        own,
        "libhdf5" if why else "native",
        "stored" if stored else "transcoded",
        why or ("" if stored else "the members of its compound datatype are not packed and little-endian"),
    )


def group_metadata(attributes: Attributes) -> GroupMetadata:
    """The metadata of a group."""
    return GroupMetadata(json_attributes(attributes.values) | _unreadable(attributes))


def _unreadable(attributes: Attributes) -> dict[str, Any]:
    """What says of attributes that they are there."""
    return {"_hdf5_unreadable": dict(attributes.unreadable)} if attributes.unreadable else {}


def facts(dataset: DatasetDescription, shown: Presentation) -> dict[str, str]:
    """How the dataset is stored, how it is read, and what other Zarr readers are given; for people to read."""
    chunks = "" if dataset.chunk_shape is None else f", chunks {dataset.chunk_shape}"
    filters = ", ".join(f.name + (f" {f.values}" if f.values else "") for f in dataset.filters)
    native = "natively: its bytes are found and decoded without libhdf5"
    return {
        "layout": dataset.layout + chunks,
        "filters": filters or "none",
        "datatype": dataset.datatype.name,
        "read": native if shown.reading == "native" else f"by libhdf5: {shown.why}",
        "served": "as stored" if shown.serving == "stored" else f"transcoded: {shown.why}",
    }


def _why_not_native(dataset: DatasetDescription) -> str:
    """What only libhdf5 can do; "" if nothing."""
    if dataset.shape is None:
        return "a null dataspace"
    if dataset.datatype.reading != "plain":
        return f"its datatype, {dataset.datatype.name}, is not as numpy has it in memory"
    if dataset.layout == "virtual" or dataset.other_files:
        return "its data are in other files" if dataset.other_files else "it is virtual"
    if not dataset.uniform_fill:
        return "its fill value is not one number"
    if zarr_twin(dataset.filters, 1) is None:
        names = ", ".join(f.name for f in dataset.filters if zarr_twin((f,), 1) is None)
        return f"no codec for its filter {names}"
    if _shuffles_parts_of_elements(dataset):
        return "it is shuffled after another filter"
    return ""


def _shuffles_parts_of_elements(dataset: DatasetDescription) -> bool:
    """Whether bytes may be left over when a chunk is shuffled: HDF5 keeps them as they are, codecs refuse them."""
    itemsize = dataset.datatype.dtype.itemsize * prod(dataset.datatype.element_shape)
    nbytes: int | None = itemsize * prod(dataset.chunk_shape or ())
    for found in dataset.filters:
        if found.id == FilterId.SHUFFLE:
            if nbytes is None or nbytes % max(1, (found.values or (itemsize,))[0]):
                return True
        else:  # netCDF's programs put checksums first
            nbytes = nbytes + 4 if nbytes is not None and found.id == FilterId.FLETCHER32 else None
    return False


def _own_codecs(dataset: DatasetDescription, data_type: DataType, *, native: bool) -> tuple[dict[str, Any], ...]:
    if not native:
        return _serializer(data_type.dtype, data_type.name)
    itemsize = dataset.datatype.dtype.itemsize * prod(dataset.datatype.element_shape)
    twins = zarr_twin(dataset.filters, itemsize) or []
    number = dataset.datatype.dtype
    if data_type.is_number and number.names is not None:  # complex
        number = number[0]
    if number.names is None and number.str[0] == ">":
        return ({"name": "bytes", "configuration": {"endian": "big"}}, *twins)
    return (*_serializer(data_type.dtype, data_type.name), *twins)


def _serializer(dtype: np.dtype[Any], name: str) -> tuple[dict[str, Any], ...]:
    if name == "string":
        return ({"name": "vlen-utf8", "configuration": {}},)
    # A compound is read just as it lies; only a packed little-endian one is told to others.
    verbatim = dtype.names is not None and not is_as_told(DataType.verbatim(dtype))
    return ({"name": "bytes", "configuration": {} if verbatim else {"endian": "little"}},)


def _chunk_shape(dataset: DatasetDescription, shape: tuple[int, ...], *, native: bool) -> tuple[int, ...]:
    """The dataset's own chunks; without such, or where libhdf5 reads, about 1 MiB of whole ones."""
    itemsize = max(1, dataset.datatype.dtype.itemsize)
    element_shape = dataset.datatype.element_shape if dataset.shape is not None else ()
    unit = (*(1 for _ in shape[: len(shape) - len(element_shape)]), *element_shape)
    if dataset.chunk_shape is not None and dataset.shape is not None:
        unit = (*dataset.chunk_shape, *element_shape)
        if native or prod(unit) * itemsize >= SLAB_NBYTES:
            return unit
    return slab_shape(shape, unit, itemsize)


def slab_shape(shape: tuple[int, ...], unit: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Slabs of whole units: all of the last dimensions, cut along one of the first."""
    slab = [max(1, -(-length // n)) * n for length, n in zip(shape, unit, strict=True)]
    for axis, n in enumerate(unit):
        if prod(slab) * itemsize <= SLAB_NBYTES:
            break
        rest = prod(slab[:axis]) * prod(slab[axis + 1 :]) * itemsize
        slab[axis] = max(n, min(slab[axis], SLAB_NBYTES // rest // n * n))
    return tuple(slab)


def _fill_value(value: np.generic, data_type: DataType) -> FillValue:
    """The same value in the byte order of memory, bit for bit."""
    if data_type.dtype.kind == "O":
        return default_fill_value(data_type)
    scalar: Any = cast(np.array(value), data_type.dtype)[()]
    try:
        return as_fill_value(data_type, scalar)
    except InvalidMetadataError as error:
        raise UnsupportedFeatureError(f"its fill value, {value!r:.80}, is none of Zarr's: {error}") from error


def _notes(dataset: DatasetDescription) -> dict[str, Any]:
    """Attributes that say what the data type leaves out."""
    datatype = dataset.datatype
    notes: dict[str, Any] = {}
    if datatype.enumeration and datatype.dtype.kind in "iu":
        notes[ENUMERATION] = dict(datatype.enumeration)
    if dataset.shape is None:
        notes[DATATYPE] = f"null dataspace of {datatype.name}"
    elif datatype.reading in ("rounded", "raw", "object"):
        notes[DATATYPE] = datatype.name
    return notes | _unreadable(dataset.attributes)
