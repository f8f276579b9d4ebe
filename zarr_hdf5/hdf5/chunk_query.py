"""The chunk index of a dataset as libhdf5 reads it: the second opinion on our own reading of it.

Wrong (libhdf5 1.14.4 to 2.2.0) for extensible arrays whose unlimited dimension is not the first.
"""

from typing import Any

import h5py
import numpy as np

from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.hdf5.chunk_table import ChunkTable

__all__ = ["read_chunk_table"]


def read_chunk_table(file: h5py.File, path: str) -> ChunkTable:
    """The stored chunks of the dataset at `path`. Raises CorruptDataError."""
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
