"""What stands in for chunks where no codec decodes them: blocks of a dataset, read by libhdf5."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.codecs.pipeline import PreparedChain
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.description import DatasetDescription, check_filters
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS
from zarr_hdf5.hdf5.links import to_bytes
from zarr_hdf5.hdf5.values import read_region
from zarr_hdf5.legacy.hdf5_object import HDF5Object
from zarr_hdf5.stores.protocol import Blob
from zarr_hdf5.twin.plain_json import json_text, readable

__all__ = ["SlabStore"]

ORIGIN = b"${ORIGIN}"
"""libhdf5's word for the directory of the file: where its external raw files are looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class SlabStore:
    """Answers for chunks that only libhdf5 can read: the object "a/b" is the slab at coordinates (a, b).

    Opens the file for each slab, so that no h5py object outlives a call.
    """

    file: HDF5Object
    dataset: DatasetDescription
    shape: tuple[int, ...]
    chain: PreparedChain

    @property
    def url(self) -> str:
        """Where the dataset is."""
        return f"{self.file.url}{self.dataset.path}"

    def get(self, key: str) -> Blob:
        """The slab's values, encoded."""
        data = byte_view(self.chain.encode(self.read(tuple(map(int, key.split("/"))) if key else ())))
        return Blob(data, len(data), None)

    def read(self, coords: tuple[int, ...]) -> npt.NDArray[Any]:
        """The values of a slab, filled up at the array's edges."""
        spec = self.chain.spec
        start = [c * n for c, n in zip(coords, spec.shape, strict=True)]
        counts = [min(n, length - a) for a, n, length in zip(start, spec.shape, self.shape, strict=True)]
        values = self._read(tuple(start), tuple(counts))
        if values.shape == spec.shape:
            return values
        slab = np.zeros(spec.shape, spec.dtype)
        slab[...] = spec.fill_value
        inside = tuple(map(slice, counts))
        if spec.dtype.names is None:
            slab[inside] = values
        else:  # numpy, copying field by field, leaves out what lies between the fields
            opaque = np.dtype((np.void, spec.dtype.itemsize))
            slab.view(opaque)[inside] = values.view(opaque)
        return slab

    def _read(self, start: tuple[int, ...], counts: tuple[int, ...]) -> npt.NDArray[Any]:
        found = self.dataset
        if found.shape is None:
            return np.empty(counts, self.chain.spec.dtype)
        rank = len(found.shape)
        with self.file.open() as file:
            access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
            if found.other_files:  # else the caller could not have the dataset open with another prefix, as h5py has it
                access.set_efile_prefix(ORIGIN)
            dataset = h5py.Dataset(h5py.h5d.open(file.id, to_bytes(found.path), access))
            try:
                values = read_region(dataset, found.datatype, start[:rank], counts[:rank])
            except LIBRARY_ERRORS:
                check_filters(dataset)  # says more clearly what is missing
                raise
        if values.dtype.hasobject:
            values.reshape(-1)[:] = [readable(json_text(value)) for value in values.reshape(-1)]
        return values.astype(self.chain.spec.dtype, copy=False)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """Slabs are read whole."""
        raise UnsupportedFeatureError(f"ranges of a decoded slab of {self.url}")
