"""Writes shards whole: plain Zarr shards, or Zarr shards that are HDF5 files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.codecs.shard_layout import ShardLayout
from zarr_hdf5.shard.hdf5_view import HDF5View
from zarr_hdf5.stores.protocol import Store

__all__ = ["ShardSink"]


@dataclass(frozen=True, slots=True)
class ShardSink:
    """A `ChunkSink` for shards; `view` None: without the HDF5 side."""

    store: Store
    object_key: Callable[[tuple[int, ...]], str]
    layout: ShardLayout
    view: HDF5View | None

    def key(self, object_coords: tuple[int, ...]) -> str:
        """See `ChunkSink`."""
        return self.object_key(object_coords)

    def write(self, object_coords: tuple[int, ...], chunks: Sequence[Buffer | None]) -> None:
        """See `ChunkSink`."""
        key = self.object_key(object_coords)
        if all(chunk is None for chunk in chunks):
            self.store.delete(key)
            return
        numbered = self._by_number(chunks)
        if self.view is None:
            self.store.set(key, self.layout.assemble(numbered))
        else:
            self.store.set(key, self.view.wrap(object_coords, numbered))

    def _by_number(self, chunks: Sequence[Buffer | None]) -> Sequence[Buffer | None]:
        """From C order over the whole shard to the layout's own numbers, which differ only in nested shards."""
        if len(self.layout.levels) == 1:
            return chunks
        numbers: npt.NDArray[np.intp] = self.layout.numbers(self.layout.all_coords())
        numbered: list[Buffer | None] = [None] * len(chunks)
        for number, chunk in zip(numbers.tolist(), chunks, strict=True):
            numbered[number] = chunk
        return numbered
