"""Elements as libhdf5 reads them, and as plain Python values where numpy has no type for them.

Knows references, sequences and compounds of them; knows no JSON. Source: reference manual, H5D, H5R, H5T.
"""

from typing import Any, TypeAlias

import h5py
import numpy as np
import numpy.typing as npt

from zarr_hdf5.hdf5.custom_datatype import create_datatype
from zarr_hdf5.hdf5.datatype import Datatype
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS
from zarr_hdf5.hdf5.links import to_text

__all__ = ["Plain", "plain_value", "read_region"]

Plain: TypeAlias = "bool | int | float | complex | str | bytes | list[Plain] | dict[str, Plain] | None"
"""`bytes` are opaque; text is decoded, with lone surrogates for what is not UTF-8."""

UNRESOLVABLE = "unresolvable reference"


def read_region(
    dataset: h5py.Dataset, datatype: Datatype, start: tuple[int, ...], count: tuple[int, ...]
) -> npt.NDArray[Any]:
    """The elements of a block, of shape `(*count, *datatype.element_shape)` and type `datatype.dtype`.

    Variable-length text comes as `str`, and what is read as "object" as `Plain`, both in arrays of objects.
    """
    if datatype.reading in ("text", "object"):
        values = _read(dataset, dataset.dtype, start, count)
        return _as_objects([plain_value(value, dataset.file) for value in values.reshape(-1)]).reshape(values.shape)
    out = np.zeros((*count, *datatype.element_shape), datatype.dtype)
    _read_into(dataset, out, _memory_type(dataset, datatype), start, count)
    return out


def _memory_type(dataset: h5py.Dataset, datatype: Datatype) -> h5py.h5t.TypeID:
    """What libhdf5 is to make of the elements."""
    if datatype.reading in ("plain", "raw"):
        return dataset.id.get_type()
    try:
        dtype = dataset.dtype  # which knows the charset of strings, that libhdf5 does not convert
    except LIBRARY_ERRORS:
        dtype = None
    element = np.dtype((datatype.dtype, datatype.element_shape))
    return create_datatype(element if dtype is None or dtype != element else dtype)


def _read(
    dataset: h5py.Dataset, dtype: np.dtype[Any], start: tuple[int, ...], count: tuple[int, ...]
) -> npt.NDArray[Any]:
    if count:
        found: npt.NDArray[Any] = dataset[tuple(slice(a, a + n) for a, n in zip(start, count, strict=True))]
        return found
    # A scalar comes as its element, which may be an array itself.
    scalar = np.empty((), dtype if dtype.subdtype is None else object)
    scalar[()] = dataset[()]
    return scalar


def _read_into(
    dataset: h5py.Dataset,
    out: npt.NDArray[Any],
    memory: h5py.h5t.TypeID,
    start: tuple[int, ...],
    count: tuple[int, ...],
) -> None:
    if not out.size:
        return
    if count:
        space = dataset.id.get_space()
        space.select_hyperslab(start, count)
        dataset.id.read(h5py.h5s.create_simple(count), space, out, mtype=memory)
    else:
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, out, mtype=memory)


def _as_objects(values: list[Plain]) -> npt.NDArray[Any]:
    """One element for each value, be it a list."""
    array = np.empty(len(values), object)
    for i, value in enumerate(values):
        array[i] = value
    return array


def plain_value(value: Any, file: h5py.File) -> Plain:
    """A value that h5py gave: a reference becomes the path of what it means, a compound a dictionary."""
    match value:
        case h5py.h5r.RegionReference():
            return _plain_region(value, file) if value else None
        case h5py.h5r.Reference():
            return _path_of(value, file) if value else ""
        case bytes() | np.bytes_():
            return to_text(bytes(value))
        case np.void():
            if value.dtype.names is None:
                return value.tobytes()
            return {name: plain_value(value[name], file) for name in value.dtype.names}
        case np.ndarray():
            return [plain_value(item, file) for item in value]
        case tuple():  # a compound, as numpy's tolist has it
            return [plain_value(item, file) for item in value]
        case np.generic():
            plain: Plain | np.generic = value.item()
            return _rounded(plain) if isinstance(plain, np.generic) else plain
        case h5py.Empty():
            return None
        case None | bool() | int() | float() | complex() | str():
            return value
        case list():
            return [plain_value(item, file) for item in value]
    return str(value)


def _rounded(value: np.generic) -> Plain:
    """What Python has no type for: floats beyond 64 bits."""
    return complex(value) if value.dtype.kind == "c" else float(value)


def _path_of(reference: h5py.h5r.Reference, file: h5py.File) -> str:
    try:
        name = h5py.h5r.get_name(reference, file.id)
    except LIBRARY_ERRORS:
        name = None
    return to_text(name) if name else UNRESOLVABLE


def _plain_region(reference: h5py.h5r.RegionReference, file: h5py.File) -> Plain:
    """The object, and the selected points or the first and last element of each selected block."""
    try:
        path = _path_of(reference, file)
        space = h5py.h5r.get_region(reference, file.id)
        kind = space.get_select_type()
        if kind == h5py.h5s.SEL_POINTS:
            return {"path": path, "points": np.asarray(space.get_select_elem_pointlist()).tolist()}
        if kind == h5py.h5s.SEL_HYPERSLABS:
            return {"path": path, "blocks": np.asarray(space.get_select_hyper_blocklist()).tolist()}
        return {"path": path, "selection": "all" if kind == h5py.h5s.SEL_ALL else "none"}
    except LIBRARY_ERRORS:
        return UNRESOLVABLE
