"""`verify`: both views of every shard, or of a one-file, compared."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import h5py
import numpy as np
import numpy.typing as npt

from zarr_hdf5.api.locate import URL
from zarr_hdf5.api.open import open
from zarr_hdf5.array.array import Array
from zarr_hdf5.array.chunking import auto_shards
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.errors import UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.hdf5.description import check_filters
from zarr_hdf5.hdf5.library import open_file
from zarr_hdf5.hierarchy import NodeStore
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.master.file import master_faults
from zarr_hdf5.members import consolidated_faults
from zarr_hdf5.onefile.documents import read_nodes
from zarr_hdf5.onefile.front import is_one_file
from zarr_hdf5.onefile.store import OneFileReader, OneFileStore
from zarr_hdf5.onefile.verify import check_one_file
from zarr_hdf5.shard.verify import Disagreement, check_shard, same_values, shard_file
from zarr_hdf5.stores.local import LocalStore

__all__ = ["Report", "verify"]

Region = tuple[int, ...]


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
    """Compare both views of every shard of the array, or of all arrays of the hierarchy, or of the one-file, at `url`.

    If there is a master file (see `link`) or consolidated metadata, also whether it says what the hierarchy's documents
    say.

    Parameters
    ----------
    deep
        Also decode every chunk on both sides and compare the values bit by bit.
    progress
        Called after each shard (each array, in one file) with the array's bytes in it.

    Raises
    ------
    NotFoundError, InvalidMetadataError
        If there is nothing to compare.
    UnsupportedFeatureError
        If `url` is an HDF5 file, which has no other side.
    """
    node = open(url, consolidated=False)
    if isinstance(node.store, OneFileReader | OneFileStore):
        return _verify_one_file(node.store, deep, progress)
    if isinstance(node.store, HDF5Hierarchy):
        if is_one_file(node.store.file.start().data):
            lost = "the Zarr side is lost: an HDF5 program has made the file longer; zarr_hdf5.sync brings it back"
            return Report(0, 0, 0, (Disagreement(node.store.url, lost),))
        raise UnsupportedFeatureError(f"{node.store.url} is one side only; verify the Zarr directory it belongs to")
    arrays = [node] if isinstance(node, Array) else [a for _, a in node.members(max_depth=None) if isinstance(a, Array)]
    disagreements: list[Disagreement] = []
    notes: list[str] = []
    shards = chunks = compared = 0
    for array in arrays:
        side = array.hdf5
        if not isinstance(side, HDF5Side):
            notes.append(f"{array.name} has no HDF5 side")
            continue
        compared += 1
        for coords in side.shards():
            form = side.at(coords)
            check = check_shard(array.store, form.sink.key(coords), form.view, coords)
            if progress is not None:
                clipped = form.view.grid.objects.clipped_shape(coords)
                progress(int(np.prod(clipped, dtype=object)) * array.dtype.itemsize)
            if check is None:
                continue
            shards, chunks = shards + 1, chunks + check.nchunks
            notes += check.notes
            disagreements += check.disagreements
            if deep and not check.disagreements:
                disagreements += _compare_values(array, form, coords, notes)
    if not isinstance(node, Array) and not isinstance(node.store, NodeStore):
        disagreements += [Disagreement(key, reason) for key, reason in consolidated_faults(node.store)]
    if isinstance(node.store, LocalStore):
        disagreements += [Disagreement(name, reason) for name, reason in master_faults(node.store)]
    return Report(compared, shards, chunks, tuple(disagreements), tuple(dict.fromkeys(notes)))


def _verify_one_file(
    store: OneFileReader | OneFileStore, deep: bool, progress: Callable[[int], object] | None
) -> Report:
    check = check_one_file(store, read_nodes(store), deep=deep, progress=progress)
    unfinished = store.unfinished()
    if unfinished:
        message = f"the last {unfinished} bytes are of a change that was never finished; zarr_hdf5.sync cuts them off"
        check.disagreements.append(Disagreement(store.url, message))
    return Report(check.arrays, check.objects, check.chunks, tuple(check.disagreements), tuple(check.notes))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A shard open on both sides; regions are in elements of the shard, stored order."""

    array: Array
    side: HDF5Side
    key: str
    coords: tuple[int, ...]
    dataset: h5py.Dataset

    def blocks(self, start: Region, stop: Region, block: Region) -> Iterator[tuple[Region, Region]]:
        """The region from `start` to `stop`, cut into blocks."""
        for corner in product(*map(range, start, stop, block)):
            yield corner, tuple(min(a + n, b) for a, n, b in zip(corner, block, stop, strict=True))

    def compare(self, start: Region, stop: Region) -> Iterator[Disagreement]:
        """The inner chunks of a region that differ; where one cannot be decoded, the others are still compared."""
        chunk_shape = self.side.view.grid.chunk_shape
        try:
            wrong = self._differences(start, stop)
        except (ZarrHDF5Error, OSError) as error:
            blocks = list(self.blocks(start, stop, chunk_shape))
            if len(blocks) > 1:
                for one in blocks:
                    yield from self.compare(*one)
            else:
                cause = error.__cause__ if isinstance(error.__cause__, ZarrHDF5Error) else error
                yield Disagreement(self.key, f"cannot be decoded: {cause}", self._chunk(np.asarray(start)))
            return
        for place in np.unique((wrong + np.asarray(start)) // np.asarray(chunk_shape), axis=0):
            chunk = self._chunk(place * np.asarray(chunk_shape))
            yield Disagreement(self.key, "the two sides decode to different values", chunk)

    def _differences(self, start: Region, stop: Region) -> npt.NDArray[np.intp]:
        origin, order = self.side.view.grid.objects.chunk_origin(self.coords), self.side.view.order
        region = [slice(o + a, o + b) for o, a, b in zip(origin, start, stop, strict=True)]
        values = np.asarray(self.array[tuple(region[axis] for axis in np.argsort(order))]).transpose(order)
        return same_values(values, self.dataset, self.side.view.twin.order, start)

    def _chunk(self, place: npt.NDArray[np.intp]) -> tuple[int, ...]:
        """Coordinates, in the array's chunk grid, of the inner chunk at an element of the shard."""
        view = self.side.view
        stored = (place + np.asarray(view.grid.objects.chunk_origin(self.coords))) // np.asarray(view.grid.chunk_shape)
        return view.array_coords(tuple(stored.tolist()))


def _compare_values(array: Array, side: HDF5Side, coords: tuple[int, ...], notes: list[str]) -> Iterator[Disagreement]:
    """Decode a shard on both sides, block by block, and name the inner chunks in which they differ."""
    grid, key = side.view.grid, side.sink.key(coords)
    valid = grid.objects.clipped_shape(coords)
    with open_file(shard_file(array.store, key)) as file:
        dataset = file[side.dataset]
        try:
            check_filters(dataset)
        except UnsupportedFeatureError as error:
            notes.append(f"{array.name}: values not compared: {error}")
            return
        comparison = _Comparison(array, side, key, coords, dataset)
        block = auto_shards(valid, grid.chunk_shape, array.dtype.itemsize)
        for start, stop in comparison.blocks((0,) * len(valid), valid, block):
            yield from comparison.compare(start, stop)
