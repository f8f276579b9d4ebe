"""What a master file says: a Zarr hierarchy as groups and variables of a netCDF-4 file.

Arrays whose shards are HDF5 files become virtual datasets over all shards of the grid, also over those that are not
there yet, so that writing shards changes nothing here. Others are copied by value if they are small: scalars, strings,
what describes a map's projection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.data_type import widened
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.netcdf_file import Variable
from zarr_hdf5.hdf5.template import AttributeValue
from zarr_hdf5.hdf5.virtual_dataset import VirtualDataset
from zarr_hdf5.hierarchy import UNREADABLE, document_key
from zarr_hdf5.members import read_documents
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.node import parse_node
from zarr_hdf5.shard.virtual import all_shards, virtual_dataset
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.twin.attributes import hdf5_attributes
from zarr_hdf5.twin.filters import has_hdf5_twin

__all__ = ["Contents", "is_copied", "read_contents"]

MAX_COPIED_NBYTES = 1 << 20
"""Arrays without an HDF5 side are copied up to this size."""

NamedAttributes = tuple[tuple[str, AttributeValue], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """A hierarchy as it was at one moment, as far as HDF5 can say it.

    groups
        Attributes by absolute path.
    variables
        In the order of their paths.
    copies
        The arrays of which variables hold the values, by the paths of these.
    left_out
        Paths of nodes that are not in it, and why.
    documents
        What it was made of: the documents of all nodes, by path.
    """

    groups: Mapping[str, NamedAttributes]
    variables: tuple[Variable, ...]
    copies: Mapping[str, Array]
    left_out: tuple[tuple[str, str], ...]
    documents: Mapping[str, bytes]

    @property
    def nshards(self) -> int:
        """Shards mapped, of all variables."""
        return sum(len(v.data.files) for v in self.variables if isinstance(v.data, VirtualDataset))

    def is_current(self, store: LocalStore) -> bool:
        """Whether nothing has changed since."""
        if read_documents(store) != self.documents:
            return False
        copied = (variable for variable in self.variables if variable.path in self.copies)
        try:
            return all(_same(_hdf5_values(self.copies[v.path]), v.data) for v in copied)
        except UNREADABLE:
            return False


def read_contents(store: LocalStore, prefix: str) -> Contents:
    """Read the hierarchy in `store`; a shard is called `prefix` and its key.

    Raises NotFoundError, InvalidMetadataError if its root cannot be read.
    """
    groups: dict[str, NamedAttributes] = {"/": ()}
    variables: list[Variable] = []
    copies: dict[str, Array] = {}
    left_out: list[tuple[str, str]] = []
    documents = read_documents(store)
    for path, document in documents.items():
        if f"/{path.rpartition('/')[0]}" not in groups:
            continue  # below an array, or a group that cannot be read
        try:
            metadata = parse_node(document, f"{store.url}/{document_key(path)}")
            if not isinstance(metadata, ArrayMetadata):
                groups[f"/{path}"] = netcdf_attributes(metadata.attributes, np.dtype(object))
                continue
            array = Array(store, path, metadata, read_only=True)
            side = array.hdf5
            variable = _virtual(array, side, prefix) if isinstance(side, HDF5Side) else _copy(array)
        except UNREADABLE as error:
            if not path and not isinstance(error, UnsupportedFeatureError):
                raise
            left_out.append((f"/{path}", str(error)))
            continue
        variables.append(variable)
        if side is None:
            copies[variable.path] = array
    return Contents(groups, tuple(variables), copies, tuple(left_out), documents)


def is_copied(array: Array) -> bool:
    """Whether the array, if it is in a master file, is there by its values."""
    return array.hdf5 is None and array.nbytes <= MAX_COPIED_NBYTES


def netcdf_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type itself, but 32 bits for floats of 16, which netCDF's library takes for pointers; libhdf5 converts.

    So it does numbers of few bits, for which netCDF has no types.
    """
    dtype = widened(dtype)
    return np.dtype("f4").newbyteorder(dtype.byteorder) if dtype.kind == "f" and dtype.itemsize == 2 else dtype


def netcdf_attributes(attributes: Mapping[str, Any], dtype: np.dtype[Any]) -> NamedAttributes:
    """The attributes as in shards, but that booleans are bytes: netCDF passes over HDF5's booleans."""
    return tuple((name, _without_booleans(value)) for name, value in hdf5_attributes(attributes, dtype))


def _without_booleans(value: AttributeValue) -> AttributeValue:
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "b":
        return np.asarray(value, "<i1")
    return value


def _virtual(array: Array, side: HDF5Side, prefix: str) -> Variable:
    data = virtual_dataset(side.view, all_shards(side.view), lambda coords: prefix + side.sink.key(coords))
    if data.dtype.kind == "S" and data.fill_value:
        raise UnsupportedFeatureError("strings with a fill value: netCDF's library, opening the file, would crash")
    data = replace(data, dtype=netcdf_type(data.dtype))
    names = array.dimension_names or (None,) * array.ndim
    return Variable(
        path=array.name if array.path else side.dataset,
        data=data,
        dimension_names=tuple(names[axis] for axis in side.order),
        attributes=netcdf_attributes(array.attrs, netcdf_type(array.dtype)),
    )


def _copy(array: Array) -> Variable:
    """The array by its values. Raises UnsupportedFeatureError where it is large, or HDF5 has no type for it."""
    if not is_copied(array):
        raise UnsupportedFeatureError(f"it has no HDF5 side, and its {array.nbytes} bytes are too many to be copied")
    return Variable(
        path=array.name if array.path else "/data",
        data=_hdf5_values(array),
        dimension_names=array.dimension_names or (None,) * array.ndim,
        attributes=netcdf_attributes(array.attrs, netcdf_type(array.dtype)),
    )


def _hdf5_values(array: Array) -> npt.NDArray[Any]:
    """All elements: strings of any kind as Python's, others as they are."""
    values = np.asarray(array[...])
    if values.dtype.kind == "U":
        values = values.astype(object)
    if values.dtype != object:
        if not has_hdf5_twin(values.dtype):
            raise UnsupportedFeatureError(f"it has no HDF5 side, and HDF5 has no data type for {values.dtype}")
        return values.astype(netcdf_type(values.dtype))
    if not all(isinstance(value, str) and "\0" not in value for value in values.flat):
        raise UnsupportedFeatureError("it has no HDF5 side, and its elements are not text that HDF5 can hold")
    nbytes = sum(len(value) for value in values.flat)
    if nbytes > MAX_COPIED_NBYTES:
        raise UnsupportedFeatureError(f"it has no HDF5 side, and its {nbytes} characters are too many to be copied")
    return values


def _same(values: npt.NDArray[Any], others: object) -> bool:
    """Whether they are the same to the last bit; NaN, too, is the same as itself."""
    if not isinstance(others, np.ndarray):
        return False
    return values.tolist() == others.tolist() if values.dtype.hasobject else values.tobytes() == others.tobytes()
