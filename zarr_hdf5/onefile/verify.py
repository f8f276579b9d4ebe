"""Do the two sides of a one-file tell the same truth? Node by node, chunk by chunk, and if not, why not.

The HDF5 side is what libhdf5 says, the Zarr side documents and the indexes of shards. Neither is taken from the other.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import RawIOBase
from typing import Any, Protocol

import h5py
import numpy as np

from zarr_hdf5.array.array import Array
from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.hdf5.attributes import Attributes
from zarr_hdf5.hdf5.chunk_query import read_chunk_table
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.description import DatasetDescription, GroupDescription, check_filters, describe, list_members
from zarr_hdf5.hdf5.library import open_file
from zarr_hdf5.hdf5.links import GROUP, Target, resolve_path, to_bytes
from zarr_hdf5.hierarchy import Metadata
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.onefile.chunks import ChunkColumns, chunk_columns, stored_objects
from zarr_hdf5.onefile.datasets import NO_TYPE, dataset_order, shared_twin
from zarr_hdf5.onefile.documents import dataset_path
from zarr_hdf5.onefile.values import differing_values
from zarr_hdf5.shard.verify import Disagreement
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.twin.attributes import hdf5_attributes, json_attributes
from zarr_hdf5.twin.filters import ChainTwin

__all__ = ["OneFile", "OneFileCheck", "check_one_file"]


class OneFile(Store, Protocol):
    """What is needed of a one-file."""

    def hdf5_file(self) -> str | RawIOBase:
        """What libhdf5 opens."""
        ...

    def start(self, key: str) -> int:
        """The byte of the file at which an object begins."""
        ...


@dataclass(slots=True)
class OneFileCheck:
    """The outcome: how many arrays, shards (or chunks without shards) and chunks were compared, and what differs."""

    arrays: int = 0
    objects: int = 0
    chunks: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_one_file(
    store: OneFile, nodes: Mapping[str, Metadata], *, deep: bool, progress: Callable[[int], object] | None
) -> OneFileCheck:
    """Compare what both sides say of the `nodes` of the hierarchy in `store`, and of what is beside them."""
    check = OneFileCheck()
    if deep:
        check.disagreements += _checksum_faults(store)
    try:
        with open_file(store.hdf5_file()) as file:
            side = _HDF5(store, file, deep, check)
            for path, node in nodes.items():
                side.compare(path, node)
                if progress is not None and isinstance(node, ArrayMetadata):
                    progress(int(np.prod(node.shape, dtype=object)) * node.data_type.dtype.itemsize)
            places = {dataset_path(n, p) if isinstance(n, ArrayMetadata) else p for p, n in nodes.items()}
            check.disagreements += side.unknown("", places)
    except ZarrHDF5Error as error:
        check.disagreements.append(Disagreement(store.url, f"the HDF5 side cannot be read: {error}"))
    return check


def _checksum_faults(store: OneFile) -> Iterator[Disagreement]:
    """Members whose bytes were changed by a program that knows nothing of ZIP."""
    for key in store.list_prefix(""):
        try:
            store.get(key)
        except CorruptDataError as error:
            yield Disagreement(key, f"as a member of the ZIP file: {error.message}")


@dataclass(frozen=True, slots=True)
class _HDF5:
    """The HDF5 side, open, and what comparing it has brought up."""

    store: OneFile
    file: h5py.File
    deep: bool
    check: OneFileCheck

    def compare(self, path: str, node: Metadata) -> None:
        """Compare one node."""
        place = dataset_path(node, path) if isinstance(node, ArrayMetadata) else path
        if place is None:
            self.check.notes.append(f"/{path} has no HDF5 side")
            return
        try:
            target = resolve_path(self.file, f"/{place}")
            found = describe(self.file, target) if isinstance(target, Target) else None
        except NotFoundError:
            self._say(path, "only the Zarr side has it")
            return
        if isinstance(node, ArrayMetadata) and isinstance(found, DatasetDescription):
            self.check.arrays += 1
            self._compare_array(Array(self.store, path, node, read_only=True), found)
        elif not isinstance(node, ArrayMetadata) and isinstance(found, GroupDescription):
            self._compare_attributes(path, node, NO_TYPE, found.attributes)
        else:
            self._say(path, "an array on one side, a group on the other")

    def unknown(self, path: str, places: "set[str | None]") -> Iterator[Disagreement]:
        """What HDF5 has below a group and Zarr has not; but for dimensions without a variable."""
        target = resolve_path(self.file, f"/{path}")
        for member in list_members(self.file, target) if isinstance(target, Target) else ():
            place = f"{path}/{member.name}".lstrip("/")
            if isinstance(member.target, Target) and member.target.type == GROUP:
                inside = any(one is not None and one.startswith(f"{place}/") for one in places)
                if place in places or inside:
                    yield from self.unknown(place, places)
                    continue
            if place not in places and not member.bare_dimension:
                yield Disagreement(place, "only the HDF5 side has it")

    def _compare_array(self, array: Array, found: DatasetDescription) -> None:
        twin = shared_twin(array.metadata, array.stored)
        faults = list(_header_faults(array, twin, found))
        for fault in faults:
            self._say(array.path, fault)
        self._compare_attributes(array.path, array.metadata, array.dtype, found.attributes)
        if faults:
            return
        if twin is not None:
            ours = chunk_columns(array, twin, self.store.start)
            self.check.objects += sum(1 for _ in stored_objects(array))
            self.check.chunks += len(ours.addresses)
            order = dataset_order(array.stored, twin)
            theirs = read_chunk_table(self.file, found.path)
            differences = list(_index_faults(array, ours, theirs, found.chunk_shape or (), order))
            self.check.disagreements += differences
            if differences:
                return
        if self.deep:
            self._compare_values(array, self.file[to_bytes(found.path)], twin)

    def _compare_values(self, array: Array, dataset: h5py.Dataset, twin: ChainTwin | None) -> None:
        try:
            check_filters(dataset)
        except UnsupportedFeatureError as error:
            self.check.notes.append(f"{array.name}: values not compared: {error}")
            return
        for chunk, reason in differing_values(array, dataset, twin):
            self._say(array.path, reason, chunk)

    def _compare_attributes(self, path: str, node: Metadata, dtype: "np.dtype[Any]", found: Attributes) -> None:
        ours = json_attributes(hdf5_attributes(node.attributes, dtype), dtype)
        theirs = json_attributes(found.values, dtype)
        for name in sorted({*ours, *theirs}):
            if name not in theirs:
                self._say(path, f"only the Zarr side has attribute {name!r}")
            elif name not in ours:
                self._say(path, f"only the HDF5 side has attribute {name!r}")
            elif json.dumps(ours[name]) != json.dumps(theirs[name]):
                self._say(path, f"attribute {name!r} is {theirs[name]!r} in HDF5, {ours[name]!r} in Zarr")

    def _say(self, path: str, reason: str, chunk: tuple[int, ...] | None = None) -> None:
        self.check.disagreements.append(Disagreement(path or "/", reason, chunk))


def _header_faults(array: Array, twin: ChainTwin | None, found: DatasetDescription) -> Iterator[str]:
    """How the HDF5 dataset's description differs from what the array says it must be."""
    order = dataset_order(array.stored, twin)
    wanted: dict[str, object] = {"shape": tuple(array.shape[axis] for axis in order)}
    have: dict[str, object] = {"shape": found.shape}
    if twin is not None:
        chunks = tuple(array.chunks[axis] for axis in order)
        wanted |= {"chunk shape": chunks, "data type": twin.dtype, "filters": [f.id for f in twin.filters]}
        have |= {"chunk shape": found.chunk_shape, "data type": found.datatype.dtype}
        have |= {"filters": [f.id for f in found.filters]}
    for what, value in wanted.items():
        if have[what] != value:
            yield f"HDF5 says {what} {have[what]}, Zarr says {value}"


def _index_faults(
    array: Array, ours: ChunkColumns, theirs: ChunkTable, chunk_shape: tuple[int, ...], order: tuple[int, ...]
) -> Iterator[Disagreement]:
    """Compare both indexes entry by entry."""
    rank = len(order)
    coords = ours.offsets.astype(np.int64) // np.asarray(chunk_shape, np.int64)
    zarr_rows = np.column_stack([coords, ours.addresses, ours.nbytes, np.zeros(len(coords), np.int64)]).astype(np.int64)
    hdf5_rows = np.column_stack([theirs.coords, theirs.offsets, theirs.nbytes, theirs.filter_masks]).astype(np.int64)
    hdf5_rows = hdf5_rows[np.lexsort(theirs.coords.T[::-1])]
    if np.array_equal(zarr_rows, hdf5_rows):
        return
    zarr, hdf5 = ({tuple(row[:rank]): tuple(row[rank:]) for row in rows.tolist()} for rows in (zarr_rows, hdf5_rows))
    for place in sorted({*zarr, *hdf5}):
        if zarr.get(place) != hdf5.get(place):
            chunk = tuple(place[order.index(axis)] for axis in range(rank))
            yield Disagreement(array.path or "/", _difference(zarr.get(place), hdf5.get(place)), chunk)


def _difference(zarr: tuple[int, ...] | None, hdf5: tuple[int, ...] | None) -> str:
    if zarr is None or hdf5 is None:
        start, nbytes, _ = zarr or hdf5 or (0, 0, 0)
        return f"only the {'HDF5' if zarr is None else 'Zarr'} index has it, at bytes {start} to +{nbytes}"
    if hdf5[2]:
        return f"HDF5 filters were skipped (mask {hdf5[2]:#x}); the Zarr codecs would not decode it"
    return f"HDF5 says bytes {hdf5[0]} to +{hdf5[1]}, Zarr says {zarr[0]} to +{zarr[1]}"
