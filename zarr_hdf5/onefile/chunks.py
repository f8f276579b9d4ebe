"""Where the chunks of an array lie in the file that holds it, as HDF5's chunk index has them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.array import Array
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.chunk_source import ObjectGrid
from zarr_hdf5.hierarchy import prefix_of
from zarr_hdf5.twin.filters import ChainTwin

__all__ = ["ChunkColumns", "chunk_columns", "object_region", "stored_objects"]

Coords = tuple[int, ...]
NOTHING = ByteRange(0, 0)
NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class ChunkColumns:
    """The chunks that are there, in C order of the HDF5 dataset.

    offsets
        (n, rank) of their first elements.
    addresses, nbytes
        (n,) bytes of the file, without checksums that HDF5 does not know.
    """

    offsets: npt.NDArray[np.uint64]
    addresses: npt.NDArray[np.uint64]
    nbytes: npt.NDArray[np.uint64]


def stored_objects(array: Array) -> Iterator[Coords]:
    """Coordinates, in the stored order of dimensions, of the shards or chunks that the store has."""
    stored, encoding, prefix = array.stored, array.metadata.chunk_key_encoding, prefix_of(array.path)
    grid_shape = stored.source.grid.objects.grid_shape
    for key in array.store.list_prefix(array.path):
        coords = encoding.decode(key.removeprefix(prefix), len(grid_shape))
        if coords is not None:
            found = tuple(coords[axis] for axis in stored.order)
            if all(c < n for c, n in zip(found, grid_shape, strict=True)):
                yield found


def object_region(array: Array, coords: tuple[int, ...]) -> tuple[slice, ...]:
    """The elements in the shard or chunk at `coords` (stored order)."""
    grid, order = array.stored.source.grid.objects, array.stored.order
    spans = list(zip(grid.chunk_origin(coords), grid.clipped_shape(coords), strict=True))
    return tuple(slice(start, start + n) for start, n in (spans[order.index(axis)] for axis in range(len(order))))


def chunk_columns(array: Array, twin: ChainTwin, start_of: Callable[[str], int]) -> ChunkColumns:
    """The chunks of an array that `twin` is the HDF5 reading of; `start_of` is the byte at which an object begins."""
    grid = array.stored.source.grid
    coords, addresses, nbytes = [np.empty((0, len(grid.shape)), np.int64)], [NONE], [NONE]
    for found in stored_objects(array):
        source = array.stored.at(found).source
        inside = _all_chunks(source.grid)
        located = source.locate(found, inside, fresh=True)
        if located is None:
            continue
        if located.offsets is None or located.nbytes is None:
            size = array.store.get_range(located.key, NOTHING).size
            offsets, sizes = np.zeros(1, np.int64), np.array([size], np.int64)
        else:
            offsets, sizes = located.offsets, located.nbytes
        present = offsets >= 0
        coords.append(inside[present] + np.asarray(grid.first_chunk(found), np.int64))
        addresses.append(offsets[present] + start_of(located.key))
        nbytes.append(sizes[present])
    return _columns(np.concatenate(coords), np.concatenate(addresses), np.concatenate(nbytes), grid, twin)


def _all_chunks(grid: ObjectGrid) -> npt.NDArray[np.intp]:
    """(n, rank): the chunks of an object."""
    return np.indices(grid.chunks_per_object, np.intp).reshape(len(grid.shape), prod(grid.chunks_per_object)).T


def _columns(
    coords: npt.NDArray[np.int64],
    addresses: npt.NDArray[np.int64],
    nbytes: npt.NDArray[np.int64],
    grid: ObjectGrid,
    twin: ChainTwin,
) -> ChunkColumns:
    order = list(twin.order)
    offsets = (coords * np.asarray(grid.chunk_shape, np.int64))[:, order]
    # Chunks outside the array may be in a shard at its edge; nobody can read them.
    rows = np.flatnonzero((offsets < np.asarray(grid.shape, np.int64)[order]).all(axis=1))
    rows = rows[np.lexsort(offsets[rows].T[::-1])]
    return ChunkColumns(
        offsets[rows].astype("<u8"),
        (addresses[rows] + twin.skip_front).astype("<u8"),
        (nbytes[rows] - twin.skip_front - twin.skip_back).astype("<u8"),
    )
