"""Writes shards, plain Zarr shards or Zarr shards that are HDF5 files: whole, or some of their chunks."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_source import UpdatingSink
from zarr_hdf5.codecs.shard_layout import ShardLayout
from zarr_hdf5.codecs.sharding_indexed import FlatShard
from zarr_hdf5.errors import CorruptDataError, NotFoundError, StaleVersionError, UnsupportedFeatureError
from zarr_hdf5.hdf5.index_walk import run_walk
from zarr_hdf5.shard.hdf5_view import HDF5View
from zarr_hdf5.shard.patch import walk_to_patch
from zarr_hdf5.shard.source import ShardSource, ShardTable
from zarr_hdf5.shard.writer import Around, ShardWriter
from zarr_hdf5.stores.protocol import Store, creates_of, patches_of

__all__ = ["ShardSink"]


@dataclass(frozen=True, slots=True)
class ShardSink(UpdatingSink):
    """An `UpdatingSink` for shards; `view` None: without the HDF5 side."""

    store: Store
    object_key: Callable[[tuple[int, ...]], str]
    flat: FlatShard
    view: HDF5View | None
    source: ShardSource
    max_updates: int

    @property
    def layout(self) -> ShardLayout:
        """How chunks are arranged in a shard."""
        return self.flat.layout

    def key(self, object_coords: tuple[int, ...]) -> str:
        """See `ChunkSink`."""
        return self.object_key(object_coords)

    def begin(self, object_coords: tuple[int, ...]) -> ShardWriter | None:
        """See `ChunkSink`."""
        creates, key = creates_of(self.store), self.object_key(object_coords)
        if creates is None or len(self.layout.levels) > 1 or self.layout.levels[0].predefined is not None:
            return None
        view, layout = self.view, self.layout
        around: Around = layout.around if view is None else partial(view.around, object_coords)
        begin = layout.chunks_begin if view is None else view.chunks_begin(object_coords)
        create, delete = partial(creates.create, key), partial(self.store.delete, key)
        return ShardWriter(create, delete, around, layout.nchunks, begin)

    def write(self, object_coords: tuple[int, ...], chunks: Sequence[Buffer | None]) -> None:
        """See `ChunkSink`."""
        key = self.object_key(object_coords)
        if all(chunk is None for chunk in chunks):
            self.store.delete(key)
            return
        numbered = self._by_number(chunks)
        if self.view is None:
            self.store.set(key, self.flat.assemble(numbered))
        else:
            self.store.set(key, self.view.wrap(object_coords, numbered))

    def update(self, object_coords: tuple[int, ...], chunks: Mapping[int, Buffer | None]) -> bool:
        """See `UpdatingSink`."""
        for fresh in (False, True):  # what is remembered may be out of date
            table = self.source.table(object_coords, fresh=fresh)
            if table is None:
                return False
            with suppress(StaleVersionError, NotFoundError):
                return self._patch(object_coords, table, chunks)
        return False

    def _patch(self, object_coords: tuple[int, ...], table: ShardTable, chunks: Mapping[int, Buffer | None]) -> bool:
        patches, key = patches_of(self.store), self.object_key(object_coords)
        if self.view is None or patches is None:
            return False
        if int((table.index.offsets[[*chunks]] >= 0).sum()) > self.max_updates:
            return False
        walk = walk_to_patch(self.view, object_coords, table, chunks)
        try:
            patch = run_walk(walk, lambda ranges: self.store.get_ranges(key, ranges, table.version), table.size)
        except (CorruptDataError, UnsupportedFeatureError):
            return False
        if patch is None:
            return False
        version = patches.patch(key, table.version, patch.steps)
        self.source.keep(object_coords, ShardTable(version, patch.size, patch.index, patch.hdf5_index))
        return True

    def _by_number(self, chunks: Sequence[Buffer | None]) -> Sequence[Buffer | None]:
        """From C order over the whole shard to the layout's own numbers, which differ only in nested shards."""
        if len(self.layout.levels) == 1:
            return chunks
        numbers: npt.NDArray[np.intp] = self.layout.numbers(self.layout.all_coords())
        numbered: list[Buffer | None] = [None] * len(chunks)
        for number, chunk in zip(numbers.tolist(), chunks, strict=True):
            numbered[number] = chunk
        return numbered
