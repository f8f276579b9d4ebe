"""All shards of an array as one virtual dataset."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.virtual_dataset import VirtualDataset
from zarr_hdf5.shard.hdf5_view import HDF5View

__all__ = ["MAX_SHARDS", "all_shards", "virtual_dataset"]

MAX_SHARDS = 1_000_000
"""More are not mapped: each takes 70 bytes of the file, and libhdf5 reads all of them when it opens the dataset."""


def all_shards(view: HDF5View) -> list[tuple[int, ...]]:
    """Coordinates, in the stored order of dimensions, of all shards of the grid, be they there or not.

    Raises
    ------
    UnsupportedFeatureError
        If there are more than `MAX_SHARDS`: metadata may claim a grid of any size.
    """
    grid = view.grid.objects
    if grid.nchunks > MAX_SHARDS:
        raise UnsupportedFeatureError(f"{grid.nchunks} shards; a virtual dataset of more than {MAX_SHARDS} is not made")
    return list(product(*map(range, grid.grid_shape)))


def virtual_dataset(
    view: HDF5View, shards: Sequence[tuple[int, ...]], file_of: Callable[[tuple[int, ...]], str]
) -> VirtualDataset:
    """The dataset over the shards at these coordinates (stored order); `file_of` says what each file is called."""
    order, grid = list(view.twin.order), view.grid.objects
    coords = np.array(shards, np.int64).reshape(len(shards), len(order))
    origins, lengths = grid.spans(coords)
    return VirtualDataset(
        shape=tuple(grid.shape[axis] for axis in order),
        dtype=view.twin.dtype,
        fill_value=view.flat.chain.spec.fill_value,
        source_path=view.options.path,
        files=[file_of(one) for one in shards],
        origins=origins[:, order],
        source_shapes=lengths[:, order],
    )
