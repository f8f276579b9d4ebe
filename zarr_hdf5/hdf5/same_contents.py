"""Do two HDF5 files say the same? Group by group and dataset by dataset; not whether their bytes are the same."""

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from zarr_hdf5.hdf5.attributes import read_attributes
from zarr_hdf5.hdf5.datatype import describe_datatype
from zarr_hdf5.hdf5.dimension_scales import dimension_names, is_bare_dimension
from zarr_hdf5.hdf5.links import to_text
from zarr_hdf5.hdf5.virtual_dataset import read_sources

__all__ = ["differences"]

SCALES = ("DIMENSION_LIST", "REFERENCE_LIST")
"""They are compared by the names they give to dimensions."""


def differences(file: h5py.File, model: h5py.File) -> Iterator[str]:
    """What `file` says other than `model`, a line for each object and fact."""
    have, wanted = _objects(file), _objects(model)
    yield from (f"{name} is not in it" for name in sorted(wanted.keys() - have.keys()))
    yield from (f"{name} is in it, but should not be" for name in sorted(have.keys() - wanted.keys()))
    for name in sorted(have.keys() & wanted.keys()):
        ours, theirs = _facts(have[name], name), _facts(wanted[name], name)
        different = [what for what in theirs if ours.get(what) != theirs[what]]
        yield from (f"{name} has another {what}" for what in different)
        if not different and isinstance(have[name], h5py.Dataset):
            yield from _data_differences(have[name], wanted[name], name)


def _objects(file: h5py.File) -> dict[str, h5py.HLObject]:
    found = {"/": file["/"]}
    file.visititems(lambda name, node: found.update({f"/{to_text(name)}": node}))
    return found


def _facts(node: h5py.HLObject, path: str) -> dict[str, object]:
    attributes = {name: _comparable(value) for name, value in read_attributes(node).values if name not in SCALES}
    if not isinstance(node, h5py.Dataset):
        return {"kind": "group", "set of attributes": attributes}
    return {
        "kind": "dataset",
        "shape": node.shape,
        "largest shape": node.maxshape,
        "data type": describe_datatype(node.id.get_type()).dtype,
        "set of attributes": attributes,
        "list of dimensions": dimension_names(node, path),
        "layout": node.id.get_create_plist().get_layout(),
    }


def _data_differences(dataset: h5py.Dataset, model: h5py.Dataset, path: str) -> Iterator[str]:
    """Of two datasets that are alike in everything else."""
    if model.is_virtual:
        if _comparable(dataset.fillvalue) != _comparable(model.fillvalue):
            yield f"{path} has another fill value"
        if read_sources(dataset) != read_sources(model):
            yield f"{path} is over other sources"
    elif not is_bare_dimension(model.parent, path.rpartition("/")[2]) and _comparable(dataset[()]) != _comparable(
        model[()]
    ):
        yield f"{path} has other values"


def _comparable(value: Any) -> object:
    """NaN, too, is equal to itself."""
    array = np.asarray(value)
    return array.dtype, array.shape, repr(array.tolist()) if array.dtype.hasobject else array.tobytes()
