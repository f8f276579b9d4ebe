"""`verify`: both views of every shard, compared."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from zarr_hdf5.api.locate import URL
from zarr_hdf5.api.open import open
from zarr_hdf5.array.array import Array
from zarr_hdf5.array.chunking import auto_shards
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.errors import ZarrHDF5Error
from zarr_hdf5.hdf5.description import open_file
from zarr_hdf5.shard.verify import Disagreement, check_shard, same_values, shard_file

__all__ = ["Report", "verify"]


@dataclass(frozen=True, slots=True)
class Report:
    """What `verify` found; true if nothing disagrees.

    arrays, shards, chunks
        How many were compared.
    disagreements
        Every shard or chunk on which the views differ, and how.
    notes
        What is worth knowing but no disagreement, such as arrays that have one view only.
    """

    arrays: int
    shards: int
    chunks: int
    disagreements: tuple[Disagreement, ...]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.disagreements

    def __str__(self) -> str:
        head = f"{self.arrays} arrays, {self.shards} shards, {self.chunks} inner chunks: "
        lines = [*map(str, self.disagreements), *(f"note: {note}" for note in self.notes)]
        return "\n".join([head + ("all agree" if self else f"{len(self.disagreements)} disagree"), *lines])


def verify(url: URL, *, deep: bool = True, progress: Callable[[int], object] | None = None) -> Report:
    """Compare both views of every shard of the array, or of all arrays of the hierarchy, at `url`.

    Parameters
    ----------
    deep
        Also decode every chunk on both sides and compare the values bit by bit.
    progress
        Called after each shard with the array's bytes in it.

    Raises
    ------
    NotFoundError, InvalidMetadataError
        If there is nothing to compare.
    """
    node = open(url)
    arrays = [node] if isinstance(node, Array) else [a for _, a in node.members(max_depth=None) if isinstance(a, Array)]
    disagreements: list[Disagreement] = []
    notes: list[str] = []
    shards = chunks = compared = 0
    for array in arrays:
        side = array.hdf5
        if side is None:
            notes.append(f"{array.name} has no HDF5 side")
            continue
        compared += 1
        for coords in product(*map(range, side.view.grid.objects.grid_shape)):
            check = check_shard(array.store, side.sink.key(coords), side.view, coords)
            if progress is not None:
                clipped = side.view.grid.objects.clipped_shape(coords)
                progress(int(np.prod(clipped, dtype=object)) * array.dtype.itemsize)
            if check is None:
                continue
            shards, chunks = shards + 1, chunks + check.nchunks
            notes += check.notes
            disagreements += check.disagreements
            if deep and not check.disagreements:
                disagreements += _compare_values(array, side, coords, notes)
    return Report(compared, shards, chunks, tuple(disagreements), tuple(dict.fromkeys(notes)))


def _compare_values(array: Array, side: HDF5Side, coords: tuple[int, ...], notes: list[str]) -> Iterator[Disagreement]:
    """Decode a shard on both sides, block by block, and name the inner chunks in which they differ."""
    grid, key, order = side.view.grid, side.sink.key(coords), side.view.order
    valid, origin = grid.objects.clipped_shape(coords), grid.objects.chunk_origin(coords)
    block = auto_shards(valid, grid.chunk_shape, array.dtype.itemsize)
    back = np.argsort(order)
    try:
        with open_file(shard_file(array.store, key)) as file:
            dataset = file[side.dataset]
            for start in product(*(range(0, n, b) for n, b in zip(valid, block, strict=True))):
                stop = [min(s + b, n) for s, b, n in zip(start, block, valid, strict=True)]
                region = [slice(o + a, o + b) for o, a, b in zip(origin, start, stop, strict=True)]
                values = np.asarray(array[tuple(region[axis] for axis in back)]).transpose(order)
                try:
                    wrong = same_values(values, dataset, side.view, start)
                except OSError as error:
                    notes.append(f"{array.name}: values not compared, libhdf5 cannot decode them: {error}")
                    return
                places = (wrong + np.asarray(start) + np.asarray(origin)) // np.asarray(grid.chunk_shape)
                for place in np.unique(places, axis=0):
                    chunk = side.view.array_coords(tuple(place.tolist()))
                    yield Disagreement(key, "the two sides decode to different values", chunk)
    except ZarrHDF5Error as error:
        yield Disagreement(key, "; ".join([str(error), *getattr(error, "__notes__", [])]))
