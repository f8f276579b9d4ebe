"""The elements of an array as both sides decode them, compared bit by bit."""

from collections.abc import Iterator
from itertools import product

import h5py
import numpy as np

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.chunking import auto_shards
from zarr_hdf5.errors import ZarrHDF5Error
from zarr_hdf5.onefile.chunks import object_region, stored_objects
from zarr_hdf5.onefile.datasets import dataset_order, to_hdf5_values
from zarr_hdf5.shard.verify import same_values
from zarr_hdf5.twin.filters import ChainTwin

__all__ = ["differing_values"]

Region = tuple[slice, ...]


def differing_values(
    array: Array, dataset: h5py.Dataset, twin: ChainTwin | None
) -> Iterator[tuple[tuple[int, ...], str]]:
    """Chunks in which the two sides differ (their coordinates in the array's grid), and how."""
    order = dataset_order(array.stored, twin)
    # Where one side alone has a chunk, the indexes differ; elements that are not shared may differ anywhere.
    regions = _all_regions(array) if twin is None else (object_region(array, c) for c in stored_objects(array))
    for region in regions:
        start = tuple(part.start for part in region)
        try:
            wrong = _differing(array, dataset, order, region, shared=twin is not None)
        except (ZarrHDF5Error, OSError) as error:
            yield _chunk(array, start), f"cannot be decoded: {error}"
            continue
        for place in sorted({_chunk(array, tuple(where)) for where in (wrong + np.asarray(start, np.intp)).tolist()}):
            yield place, "the two sides decode to different values"


def _differing(
    array: Array, dataset: h5py.Dataset, order: tuple[int, ...], region: Region, *, shared: bool
) -> "np.ndarray[tuple[int, int], np.dtype[np.intp]]":
    """Positions in the region, (n, rank)."""
    values = np.asarray(array[region], array.dtype)
    if shared or not values.dtype.hasobject:
        start = tuple(part.start for part in region)
        return np.asarray(same_values(values, dataset, order, start))
    ours = to_hdf5_values(values, array)
    theirs = dataset.asstr()[region] if isinstance(array.fill_value, str) else dataset[region]
    pairs = zip(ours.reshape(-1), np.asarray(theirs, object).reshape(-1), strict=True)
    differ = [not np.array_equal(a, b) for a, b in pairs]
    return np.argwhere(np.array(differ, bool).reshape(values.shape))


def _all_regions(array: Array) -> Iterator[Region]:
    unit = array.block_shape
    block = auto_shards(array.shape, unit, array.dtype.itemsize)
    for start in product(*(range(0, n, b) for n, b in zip(array.shape, block, strict=True))):
        yield tuple(slice(a, min(a + b, n)) for a, b, n in zip(start, block, array.shape, strict=True))


def _chunk(array: Array, element: tuple[int, ...]) -> tuple[int, ...]:
    stored = array.stored
    points = np.array([element[axis] for axis in stored.order], np.int64).reshape(-1, 1)
    chunk = stored.source.grid.place(points)[0].ravel().tolist()
    return tuple(chunk[stored.order.index(axis)] for axis in range(len(chunk)))
