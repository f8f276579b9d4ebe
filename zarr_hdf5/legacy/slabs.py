"""What stands in for chunks where no codec decodes them: slabs of a dataset, read by libhdf5."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.description import check_filters, open_file
from zarr_hdf5.stores.protocol import Blob

__all__ = ["SlabStore"]


@dataclass(frozen=True, slots=True)
class SlabStore:
    """Answers for chunks that only libhdf5 can read: the object "a/b" is the slab at coordinates (a, b), decoded.

    Opens the file for each slab, so that no h5py object outlives a call.
    """

    file_name: str
    path: str
    shape: tuple[int, ...]
    slab_shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fill_value: np.generic

    @property
    def url(self) -> str:
        """Where the dataset is."""
        return f"{self.file_name}{self.path}"

    def get(self, key: str) -> Blob:
        """The decoded bytes of a slab, filled up at the array's edges."""
        coords = tuple(map(int, key.split("/"))) if key else ()
        start = [c * n for c, n in zip(coords, self.slab_shape, strict=True)]
        stop = [min(s + n, length) for s, n, length in zip(start, self.slab_shape, self.shape, strict=True)]
        slab = np.full(self.slab_shape, self.fill_value, self.dtype)
        with open_file(self.file_name) as file:
            dataset: h5py.Dataset = file[self.path]
            check_filters(dataset)
            region = tuple(map(slice, start, stop))
            inside = tuple(slice(0, b - a) for a, b in zip(start, stop, strict=True))
            slab[inside] = dataset[region]
        data = slab.tobytes()
        return Blob(data, len(data), None)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """Slabs are read whole."""
        raise UnsupportedFeatureError(f"ranges of a decoded slab of {self.url}")
