"""Where the inner chunks of shards lie: the index of each shard, read once and kept.

Source: Zarr v3 specification, codec `sharding_indexed`.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.chunk_source import ChunkLocations, ObjectGrid
from zarr_hdf5.codecs.shard_index import ShardIndex, ShardIndexFormat
from zarr_hdf5.codecs.shard_layout import ShardLayout
from zarr_hdf5.errors import CorruptDataError, NotFoundError, StaleVersionError
from zarr_hdf5.stores.protocol import Store

__all__ = ["ShardSource", "ShardTable", "read_shard_table"]

CACHED_CHUNKS = 4_000_000
"""Index entries kept for one array: 16 bytes each."""
ATTEMPTS = 10
"""Times to look again at a nested shard that others keep replacing."""


@dataclass(frozen=True, slots=True, eq=False)
class ShardTable:
    """Where the innermost chunks of one shard lie, by number; the version of the shard that says so.

    `hdf5_index`: address of the HDF5 index, where this version of the shard is known to have the header it should have.
    """

    version: Hashable
    size: int
    index: ShardIndex
    hdf5_index: int | None = None


def read_shard_table(store: Store, key: str, layout: ShardLayout) -> ShardTable | None:
    """Read the index (every index of a nested shard) of the shard at `key`; None where there is no shard."""
    top = layout.levels[0]
    for _ in range(ATTEMPTS):
        try:
            blob = store.get_range(key, _where(top, 0, None))
        except NotFoundError:
            return None
        index = top.decode(blob.data, blob.size, key)
        try:
            for level in layout.levels[1:]:
                index = _descend(store, key, blob.version, level, index)
        except (StaleVersionError, NotFoundError):
            continue
        return ShardTable(blob.version, blob.size, index)
    raise CorruptDataError(f"replaced {ATTEMPTS} times while its indexes were being read", key=key)


def _where(level: ShardIndexFormat, start: int, nbytes: int | None) -> ByteRange | SuffixRange:
    """The range of the index of a shard that begins at `start`; `nbytes` None: it is the whole object."""
    if level.location != "end":
        return ByteRange(start, level.nbytes)
    return SuffixRange(level.nbytes) if nbytes is None else ByteRange(start + nbytes - level.nbytes, level.nbytes)


def _descend(store: Store, key: str, version: Hashable, level: ShardIndexFormat, outer: ShardIndex) -> ShardIndex:
    """From the entries of shards to the entries of the chunks in them."""
    each = int(np.prod(level.chunks_per_shard))
    offsets = np.full((len(outer.offsets), each), -1, np.int64)
    nbytes = np.full((len(outer.offsets), each), -1, np.int64)
    present = np.flatnonzero(outer.offsets >= 0)
    spans = [(int(outer.offsets[i]), int(outer.nbytes[i])) for i in present]
    ranges = [_where(level, start, length) for start, length in spans]
    found = store.get_ranges(key, [r for r in ranges if isinstance(r, ByteRange)], version)
    for i, (start, length), data in zip(present, spans, found, strict=True):
        inner = level.decode(data, length, key)
        offsets[i] = np.where(inner.offsets < 0, -1, inner.offsets + start)
        nbytes[i] = inner.nbytes
    return ShardIndex(offsets.ravel(), nbytes.ravel())


@dataclass(slots=True)
class ShardSource:
    """A `ChunkSource` over shards; keeps a bounded number of their indexes."""

    store: Store
    key: Callable[[tuple[int, ...]], str]
    grid: ObjectGrid
    layout: ShardLayout
    _kept: OrderedDict[tuple[int, ...], ShardTable] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, grid: ObjectGrid, layout: ShardLayout) -> "ShardSource":
        """One for shards of another shape of the same array; both keep what they know of shards in one place."""
        return replace(self, grid=grid, layout=layout)

    def locate(
        self, object_coords: tuple[int, ...], chunks: npt.NDArray[np.intp], *, fresh: bool = False
    ) -> ChunkLocations | None:
        """See `ChunkSource`."""
        table = None if fresh else self._recall(object_coords)
        remembered = table is not None
        if table is None:
            table = self.table(object_coords, fresh=True)
        if table is None:
            return None
        numbers = self.layout.numbers(chunks)
        offsets, nbytes = table.index.offsets[numbers], table.index.nbytes[numbers]
        return ChunkLocations(self.key(object_coords), table.version, offsets, nbytes, fresh=not remembered)

    def table(self, object_coords: tuple[int, ...], *, fresh: bool = False) -> ShardTable | None:
        """Where all chunks of a shard lie; None where there is no shard. `fresh` as in `locate`."""
        table = None if fresh else self._recall(object_coords)
        if table is None:
            table = read_shard_table(self.store, self.key(object_coords), self.layout)
            self.keep(object_coords, table)
        return table

    def _recall(self, object_coords: tuple[int, ...]) -> ShardTable | None:
        with self._lock:
            table = self._kept.get(object_coords)
            if table is not None:
                self._kept.move_to_end(object_coords)
            return table

    def keep(self, object_coords: tuple[int, ...], table: ShardTable | None) -> None:
        """Remember what was read of a shard, or written to it."""
        with self._lock:
            self._kept.pop(object_coords, None)
            if table is None:
                return
            self._kept[object_coords] = table
            while len(self._kept) > max(1, CACHED_CHUNKS // max(1, self.layout.nchunks)):
                self._kept.popitem(last=False)
