"""Reads of a file by this library's own walks: what a walk asks for once, it need not ask for again.

Knows no structure of HDF5.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.coalesce import coalesce
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.hdf5.index_walk import FileSpace, Walk, run_walk
from zarr_hdf5.stores.protocol import GetRange, GetRanges, max_gap_of

__all__ = ["RangeStore", "Reads", "Start", "read_start"]

START_NBYTES = 4096
"""libhdf5 puts the first metadata of a file at its start: superblock, root group, often the first object headers."""
REMEMBERED_READS = 4096

T = TypeVar("T")


class RangeStore(GetRange, GetRanges, Protocol):
    """What is needed of a store."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What one version of a file begins with, and the bytes of all of it."""

    data: memoryview
    size: int
    version: Hashable


def read_start(store: RangeStore, key: str) -> Start:
    """The start of a file as it is now. Raises NotFoundError, StorageError."""
    try:
        blob = store.get_range(key, ByteRange(0, START_NBYTES))
    except CorruptDataError:  # it is smaller
        size = store.get_range(key, ByteRange(0, 0)).size
        blob = store.get_range(key, ByteRange(0, min(size, START_NBYTES)))
    return Start(byte_view(blob.data), blob.size, blob.version)


@dataclass(slots=True)
class Reads:
    """Reads of one version of a file; remembers what it is told to, and how many of those there were."""

    store: RangeStore
    key: str
    start: Start
    space: FileSpace
    count: int = 0
    _kept: dict[tuple[int, int], Buffer] = field(default_factory=dict)

    def run(self, walk: Walk[T], *, keep: bool = True) -> T:
        """Read for a walk. Raises StaleVersionError, NotFoundError, StorageError."""
        return run_walk(walk, self._read_kept if keep else self._read, self.space.nbytes)

    def forget(self) -> None:
        """Remember nothing any more."""
        self._kept.clear()

    def _read_kept(self, wanted: list[ByteRange]) -> Sequence[Buffer]:
        kept, start = self._kept, self.start.data
        if len(kept) > REMEMBERED_READS:
            kept.clear()
        new = [r for r in wanted if r.end > len(start) and (r.offset, r.nbytes) not in kept]
        if new:
            self.count += len(new)
            for r, buffer in zip(new, self._read(new), strict=True):
                kept[r.offset, r.nbytes] = buffer
        return [start[r.offset : r.end] if r.end <= len(start) else kept[r.offset, r.nbytes] for r in wanted]

    def _read(self, wanted: list[ByteRange]) -> Sequence[Buffer]:
        version = self.start.version
        if len(wanted) < 2:
            return self.store.get_ranges(self.key, wanted, version) if wanted else []
        spans = np.array([(r.offset, r.nbytes) for r in wanted], np.int64)
        runs, run_of = coalesce(spans[:, 0], spans[:, 1], max_gap=max_gap_of(self.store))
        views = [memoryview(data) for data in self.store.get_ranges(self.key, runs, version)]
        starts = [r.offset for r in runs]
        return [
            views[i][r.offset - starts[i] : r.end - starts[i]] for r, i in zip(wanted, run_of.tolist(), strict=True)
        ]
