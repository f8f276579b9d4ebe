"""Do the two views of a shard tell the same truth? Chunk by chunk, and if not, why not.

The HDF5 side is what libhdf5 says; the Zarr side is the shard index. Neither is taken from the other.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from zarr_hdf5.data_type import cast, has_low_precision
from zarr_hdf5.errors import ZarrHDF5Error
from zarr_hdf5.hdf5.chunk_query import read_chunk_table
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.datatype import describe_datatype
from zarr_hdf5.hdf5.description import DatasetDescription, describe
from zarr_hdf5.hdf5.library import open_file
from zarr_hdf5.hdf5.links import Target, resolve_path
from zarr_hdf5.hdf5.values import read_region
from zarr_hdf5.shard.hdf5_view import COORDS_ATTRIBUTE, JSON_ATTRIBUTE, HDF5View
from zarr_hdf5.shard.source import read_shard_table
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store

__all__ = ["Disagreement", "ShardCheck", "check_shard", "same_values", "shard_file"]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What is wrong with a shard, or with one inner chunk (`chunk`: its coordinates in the array's grid)."""

    key: str
    reason: str
    chunk: tuple[int, ...] | None = None

    def __str__(self) -> str:
        where = self.key if self.chunk is None else f"{self.key} chunk {self.chunk}"
        return f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ShardCheck:
    """The outcome for one shard: the inner chunks that both sides were asked for, and where they differ."""

    nchunks: int
    disagreements: tuple[Disagreement, ...]
    notes: tuple[str, ...] = ()


def shard_file(store: Store, key: str) -> str | io.BytesIO:
    """What libhdf5 opens: the file's name, or the shard's bytes where the store has no files."""
    return str(store.path_of(key)) if isinstance(store, LocalStore) else io.BytesIO(store.get(key).data)


def check_shard(store: Store, key: str, view: HDF5View, shard_coords: tuple[int, ...]) -> ShardCheck | None:
    """Compare what both sides say of the shard at `shard_coords` (stored order); None if there is no shard."""
    if not store.exists(key):
        return None
    try:
        table = read_shard_table(store, key, view.flat.layout)
    except ZarrHDF5Error as error:
        return ShardCheck(0, (Disagreement(key, f"the Zarr side cannot be read: {error}"),))
    if table is None:
        return None
    try:
        with open_file(shard_file(store, key)) as file:
            target = resolve_path(file, view.options.path)
            found = describe(file, target) if isinstance(target, Target) else None
            if not isinstance(found, DatasetDescription):
                return ShardCheck(0, (Disagreement(key, f"HDF5: {view.options.path} is not a dataset"),))
            faults = [Disagreement(key, reason) for reason in _header_faults(found, view, shard_coords)]
            chunks = None if faults else read_chunk_table(file, view.options.path)
    except ZarrHDF5Error as error:
        return ShardCheck(0, (Disagreement(key, f"the HDF5 side cannot be read: {error}"),))
    if chunks is None:
        return ShardCheck(0, tuple(faults))
    layout = view.flat.layout
    coords = layout.all_coords()
    numbers = layout.numbers(coords)
    offsets, nbytes = table.index.offsets[numbers], table.index.nbytes[numbers]
    faults += _index_faults(key, view, shard_coords, coords, offsets, nbytes, chunks)
    stale = _metadata_is_stale(found, view)
    notes = (f"{key}: carries metadata older than zarr.json",) if stale else ()
    return ShardCheck(int((offsets >= 0).sum()), tuple(faults), notes)


def _header_faults(found: DatasetDescription, view: HDF5View, shard_coords: tuple[int, ...]) -> Iterator[str]:
    """How the HDF5 dataset's description differs from what the array says it must be."""
    order = view.twin.order
    clipped = view.grid.objects.clipped_shape(shard_coords)
    wanted = {
        "shape": tuple(clipped[axis] for axis in order),
        "chunk shape": tuple(view.grid.chunk_shape[axis] for axis in order),
        "data type": view.twin.dtype,
        "filters": [f.id for f in view.twin.filters],
    }
    have = {
        "shape": found.shape,
        "chunk shape": found.chunk_shape,
        "data type": found.datatype.dtype,
        "filters": [f.id for f in found.filters],
    }
    for what, value in wanted.items():
        if have[what] != value:
            yield f"HDF5 says {what} {have[what]}, Zarr says {value}"
    coords = dict(found.attributes.values).get(COORDS_ATTRIBUTE)
    if coords is None or tuple(coords) != view.array_coords(shard_coords):
        yield f"HDF5 says it is the shard at {coords}, its key says {view.array_coords(shard_coords)}"


def _metadata_is_stale(found: DatasetDescription, view: HDF5View) -> bool:
    text = dict(found.attributes.values).get(JSON_ATTRIBUTE)
    try:
        return bool(json.loads(str(text)) != json.loads(view.zarr_json))
    except (ValueError, RecursionError):
        return True


def _index_faults(
    key: str,
    view: HDF5View,
    shard_coords: tuple[int, ...],
    coords: npt.NDArray[np.intp],
    offsets: npt.NDArray[np.int64],
    nbytes: npt.NDArray[np.int64],
    chunks: ChunkTable,
) -> Iterator[Disagreement]:
    """Compare both indexes entry by entry, as dense columns over the shard's chunk grid in C order."""
    twin, counts = view.twin, view.flat.layout.chunks_per_shard
    back = np.argsort(twin.order)
    hdf5_coords = chunks.coords[:, back]
    inside = (hdf5_coords < np.asarray(counts)).all(axis=1)
    for extra in hdf5_coords[~inside]:
        yield Disagreement(key, "in the HDF5 index only, outside the shard", _in_array(extra, shard_coords, view))
    place = np.ravel_multi_index(tuple(hdf5_coords[inside].T), counts)
    have = np.full((3, len(offsets)), -1, np.int64)
    have[:, place] = chunks.offsets[inside], chunks.nbytes[inside], chunks.filter_masks[inside]
    present = offsets >= 0
    start = np.where(present, offsets + twin.skip_front, -1)
    length = np.where(present, nbytes - twin.skip_front - twin.skip_back, -1)
    mask = np.where(present, 0, -1)
    wrong = (have[0] != start) | (have[1] != length) | (have[2] != mask)
    for i in np.flatnonzero(wrong):
        reason = _difference(have[:, i], start[i], length[i])
        yield Disagreement(key, reason, _in_array(coords[i], shard_coords, view))


def _difference(have: npt.NDArray[np.int64], start: np.int64, length: np.int64) -> str:
    if have[0] < 0:
        return f"only the Zarr index has it, at bytes {start} to +{length}"
    if start < 0:
        return f"only the HDF5 index has it, at bytes {have[0]} to +{have[1]}"
    if have[2]:
        return f"HDF5 filters were skipped (mask {have[2]:#x}); the Zarr codecs would not decode it"
    return f"HDF5 says bytes {have[0]} to +{have[1]}, Zarr says {start} to +{length}"


def _in_array(coords: npt.NDArray[np.intp], shard_coords: tuple[int, ...], view: HDF5View) -> tuple[int, ...]:
    """Coordinates within a shard as coordinates in the array's chunk grid."""
    first = view.grid.first_chunk(shard_coords)
    return view.array_coords(tuple(n + int(c) for n, c in zip(first, coords, strict=True)))


def same_values(
    values: npt.NDArray[np.generic], dataset: h5py.Dataset, order: tuple[int, ...], start: tuple[int, ...]
) -> npt.NDArray[np.intp]:
    """Positions, (n, rank), where the dataset differs in any bit from `values`, which are those from `start` on.

    Axis i of the dataset is axis order[i] of `values`.
    """
    region = tuple(slice(start[axis], start[axis] + values.shape[axis]) for axis in order)
    theirs = _stored_values(dataset, region, values.dtype).transpose(np.argsort(order))
    ours, theirs = (np.ascontiguousarray(side).view("u1").reshape(*values.shape, -1) for side in (values, theirs))
    return np.argwhere((ours != theirs).any(axis=-1))


def _stored_values(dataset: h5py.Dataset, region: tuple[slice, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """The elements as `dtype`; numbers of few bits are not converted, which would change NaNs."""
    found = describe_datatype(dataset.id.get_type()) if has_low_precision(dtype) else None
    if found is None or not has_low_precision(found.dtype):
        return np.asarray(dataset[region]).astype(dtype)
    start, count = (tuple(part.start for part in region), tuple(part.stop - part.start for part in region))
    return cast(read_region(dataset, found, start, count), dtype)
