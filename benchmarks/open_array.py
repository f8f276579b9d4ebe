"""An open array, as the workloads see it, and how each program does what they ask."""

from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import tensorstore

__all__ = ["DATASET", "H5pyArray", "H5pyShards", "OpenArray", "Region", "TensorStoreArray", "Values", "ZarrArray"]

Values = npt.NDArray[Any]
Region = tuple[int | slice, ...]
DATASET = "data"


class OpenArray:
    """What is written is there for others to read when `write` returns. Who cannot do something says so."""

    def read(self, region: Region) -> Values:
        """The values of a region, in new memory."""
        raise NotImplementedError

    def points(self, z: Values, y: Values, x: Values) -> Values:
        """The values at many places, in the best way the program has."""
        raise NotImplementedError

    def write(self, region: Region, values: Values) -> None:
        """Replace the values of a region."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of files."""


class ZarrArray(OpenArray):
    """zarr-python's, and ours, which is used the same way."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def read(self, region: Region) -> Values:
        return np.asarray(self.array[region])

    def points(self, z: Values, y: Values, x: Values) -> Values:
        return np.asarray(self.array.vindex[z, y, x])

    def write(self, region: Region, values: Values) -> None:
        self.array[region] = values


class TensorStoreArray(OpenArray):
    """tensorstore's."""

    def __init__(self, spec: dict[str, Any], **options: Any) -> None:
        self.array = tensorstore.open(spec, **options).result()

    def read(self, region: Region) -> Values:
        return np.asarray(self.array[region].read().result())

    def points(self, z: Values, y: Values, x: Values) -> Values:
        return np.asarray(self.array.vindex[z, y, x].read().result())

    def write(self, region: Region, values: Values) -> None:
        self.array[region].write(values).result()


class H5pyArray(OpenArray):
    """h5py's: a dataset of a file, with h5py's defaults for its chunk cache."""

    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self.dataset = file[DATASET]

    def read(self, region: Region) -> Values:
        return np.asarray(self.dataset[region])

    def points(self, z: Values, y: Values, x: Values) -> Values:
        # Of h5py's own selections none takes points; libhdf5's do.
        space, memory = self.dataset.id.get_space(), h5py.h5s.create_simple(z.shape)
        space.select_elements(np.stack([z, y, x], axis=1))
        out = np.empty(z.shape, self.dataset.dtype)
        self.dataset.id.read(memory, space, out)
        return out

    def write(self, region: Region, values: Values) -> None:
        self.dataset[region] = values
        self.file.flush()

    def close(self) -> None:
        self.file.close()


class H5pyShards(OpenArray):
    """Our shards, each opened by h5py as the HDF5 file that it is."""

    def __init__(self, folder: Path, shape: tuple[int, ...], shards: tuple[int, ...], dtype: str) -> None:
        self.folder, self.shape, self.shards, self.dtype = folder, shape, shards, dtype

    def read(self, region: Region) -> Values:
        """All of them, whatever `region` says."""
        out = np.empty(self.shape, self.dtype)
        for at in product(*(range(length // edge) for length, edge in zip(self.shape, self.shards, strict=True))):
            place = tuple(slice(i * edge, (i + 1) * edge) for i, edge in zip(at, self.shards, strict=True))
            with h5py.File(self.folder.joinpath("c", *map(str, at))) as file:
                file[DATASET].read_direct(out, dest_sel=place)
        return out
