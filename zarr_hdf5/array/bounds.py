"""New bounds for an array that is stored: what lies outside goes, and objects that are cut otherwise follow.

HDF5's rule (H5Dset_extent) and numpy's: what was outside once is the fill value when the array grows again.
"""

from dataclasses import replace

import numpy as np

from zarr_hdf5.array.plan import plan_objects
from zarr_hdf5.array.read import read
from zarr_hdf5.array.write import delete_object, write, write_again
from zarr_hdf5.chunk_source import ChunkSink
from zarr_hdf5.indexing.basic import DimSelection
from zarr_hdf5.metadata.chunk_key_encoding import KeyEncoding
from zarr_hdf5.parallel import run
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.stores.protocol import ListPrefix

__all__ = ["follow_bounds", "stored_objects"]

Coords = tuple[int, ...]


def stored_objects(store: ListPrefix, prefix: str, encoding: KeyEncoding, order: Coords) -> list[Coords]:
    """Coordinates, in the stored `order` of dimensions, of the objects that exist, inside the array and outside.

    Found by listing the keys below `prefix`: metadata may claim a grid of any size.
    """
    keys = (key.removeprefix(prefix) for key in store.list_prefix(prefix.rstrip("/")))
    found = (encoding.decode(key, len(order)) for key in keys)
    return sorted(tuple(coords[axis] for axis in order) for coords in found if coords is not None)


def follow_bounds(
    stored: StoredArray, sink: ChunkSink, objects: list[Coords], old_shape: Coords, *, in_headers: bool
) -> None:
    """Make the existing `objects` of an array that had `old_shape` (stored order) follow its bounds.

    `in_headers`: objects say themselves how far the array reaches, so those that are cut otherwise are written anew.
    """
    grid, new_shape = stored.source.grid.objects, stored.source.grid.shape
    outside = {coords for coords in objects if any(i >= n for i, n in zip(coords, grid.grid_shape, strict=True))}
    run(lambda coords: delete_object(stored, sink, coords), sorted(outside))
    for coords in sorted(set(objects) - outside):
        ends = [origin + n for origin, n in zip(grid.chunk_origin(coords), grid.shape_of(coords), strict=True)]
        before, after = ([min(*pair) for pair in zip(ends, shape, strict=True)] for shape in (old_shape, new_shape))
        if any(new < old for new, old in zip(after, before, strict=True)):
            _clear_outside(stored, sink, coords)
        elif in_headers and after != before:
            form = stored.at(coords)
            write_again(form, form.sink or sink, coords)


def _clear_outside(stored: StoredArray, sink: ChunkSink, coords: Coords) -> None:
    """Write an object anew of the elements that lie inside, the fill value elsewhere."""
    grid, spec = stored.source.grid, stored.chain.spec
    pairs = zip(grid.objects.chunk_origin(coords), grid.objects.clipped_shape(coords), strict=True)
    dims = tuple(DimSelection(origin, 1, length, False) for origin, length in pairs)
    values = np.zeros([dim.count for dim in dims], spec.dtype)
    form = stored.at(coords)
    lenient = replace(form, config=replace(form.config, read_missing_chunks=True))
    read(lenient, plan_objects(dims, grid), values)
    write(stored, sink, plan_objects(dims, grid), values)
