"""Writes a shard while its chunks are still being encoded: what is encoded leaves memory.

The chunks lie in the shard in their order, however many threads encode them: of those that come too early, copies are
kept until it is their turn. Header and indexes, which say where the chunks are, come last.
"""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from zarr_hdf5.buffer import Buffer, nbytes_of
from zarr_hdf5.codecs.shard_index import ShardIndex
from zarr_hdf5.codecs.shard_layout import PlacedChunks
from zarr_hdf5.stores.protocol import NewObject

__all__ = ["Around", "ShardWriter"]

Around = Callable[[PlacedChunks], tuple[list[Buffer], list[Buffer]]]
"""From the places of all chunks to what lies before them in the shard, and what behind."""


class ShardWriter:
    """An `ObjectWriter` for a shard that is not nested.

    Parameters
    ----------
    create, delete
        Begin the new object; delete the old one, as nothing is stored of a shard without chunks.
    around
        Called when all chunks are placed.
    nchunks, begin
        Chunks in the shard, and the byte where the first is placed.
    """

    def __init__(
        self,
        create: Callable[[], NewObject],
        delete: Callable[[], object],
        around: Around,
        nchunks: int,
        begin: int,
    ) -> None:
        self._create, self._delete, self._around = create, delete, around
        self._index = ShardIndex(np.full(nchunks, -1, np.int64), np.full(nchunks, -1, np.int64))
        self._end = begin
        self._position = 0
        self._early: dict[int, tuple[int, Sequence[int], Sequence[Buffer]]] = {}
        self._object: NewObject | None = None
        self._lock = threading.Lock()

    def put(self, position: int, count: int, numbers: Sequence[int], chunks: Sequence[Buffer]) -> None:
        """See `ObjectWriter`."""
        with self._lock:
            if position != self._position:
                self._early[position] = count, numbers, [bytes(chunk) for chunk in chunks]
                return
            begin, batch = self._end, list(chunks)
            self._place(count, numbers, chunks)
            while self._position in self._early:
                count, numbers, chunks = self._early.pop(self._position)
                self._place(count, numbers, chunks)
                batch += chunks
            if batch and self._object is None:
                self._object = self._create()
        if self._object is not None:
            self._object.write(begin, batch)

    def _place(self, count: int, numbers: Sequence[int], chunks: Sequence[Buffer]) -> None:
        nbytes = np.fromiter(map(nbytes_of, chunks), np.int64, len(chunks))
        ends = self._end + np.cumsum(nbytes)
        self._index.offsets[numbers], self._index.nbytes[numbers] = ends - nbytes, nbytes
        self._end = int(ends[-1]) if len(ends) else self._end
        self._position += count

    def finish(self) -> None:
        """See `ObjectWriter`."""
        if self._object is None:
            self._delete()
            return
        index = self._index
        before, behind = self._around(PlacedChunks([], self._end, index, index.offsets, index.nbytes))
        self._object.write(0, before)
        self._object.write(self._end, behind)
        self._object.finish()

    def abandon(self) -> None:
        """See `ObjectWriter`."""
        if self._object is not None:
            self._object.abandon()
