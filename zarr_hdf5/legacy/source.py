"""Where the chunks of an HDF5 dataset lie in its file."""

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.chunk_source import ChunkLocations, ObjectGrid
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.description import ChunkTable, open_file, read_chunk_table
from zarr_hdf5.stores.local import LocalStore

__all__ = ["HDF5ChunkSource"]


@dataclass(slots=True)
class HDF5ChunkSource:
    """A `ChunkSource` over a whole file: one object, the chunks of one dataset; its index is read when first needed."""

    store: LocalStore
    key: str
    path: str
    grid: ObjectGrid
    _table: "tuple[Hashable, npt.NDArray[np.int64], ChunkTable] | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def locate(
        self, object_coords: tuple[int, ...], chunks: npt.NDArray[np.intp], *, fresh: bool = False
    ) -> ChunkLocations | None:
        """See `ChunkSource`."""
        if self.grid.nchunks_per_object >= 2**63:
            raise UnsupportedFeatureError(f"{self.path}: a dataset of {self.grid.nchunks_per_object} chunks")
        with self._lock:
            remembered = self._table is not None and not fresh
            if self._table is None or fresh:
                self._table = self._load()
            version, numbers, table = self._table
        wanted = self._numbers(chunks)
        if not len(numbers):
            absent = np.full(len(wanted), -1, np.int64)
            return ChunkLocations(self.key, version, absent, absent, fresh=not remembered)
        row = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
        present = numbers[row] == wanted
        return ChunkLocations(
            self.key,
            version,
            np.where(present, table.offsets[row], -1),
            np.where(present, table.nbytes[row], -1),
            table.filter_masks[row],
            fresh=not remembered,
        )

    def _load(self) -> tuple[Hashable, npt.NDArray[np.int64], ChunkTable]:
        """The version of the file, and its chunks sorted by number."""
        version = self.store.get_range(self.key, ByteRange(0, 0)).version
        with open_file(str(self.store.path_of(self.key))) as file:
            table = read_chunk_table(file, self.path)
        numbers = self._numbers(table.coords)
        order = np.argsort(numbers, kind="stable")
        return version, numbers[order], table.take(order)

    def _numbers(self, coords: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        return np.asarray(np.ravel_multi_index(tuple(coords.T), self.grid.chunks_per_object), np.int64)
