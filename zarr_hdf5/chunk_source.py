"""The one joint between arrays and the files that hold them: chunk coordinates in, byte locations out.

Unsharded, sharded and HDF5 arrays differ only here. Above lie indexing and arrays; below lie stores and codecs.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_grid import RegularChunkGrid

__all__ = ["ChunkLocations", "ChunkSink", "ChunkSource", "ObjectGrid", "ObjectWriter", "UpdatingSink"]


@dataclass(frozen=True)
class ObjectGrid:
    """An array cut into stored objects, and these into chunks (elements; the object's shape is a multiple).

    An object is what has one key: a shard, an unsharded chunk, a whole HDF5 file. All in the order of dimensions in
    which the objects are stored.
    """

    shape: tuple[int, ...]
    object_shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]

    @cached_property
    def chunks_per_object(self) -> tuple[int, ...]:
        """Chunks along each dimension of an object."""
        return tuple(o // c for o, c in zip(self.object_shape, self.chunk_shape, strict=True))

    @cached_property
    def objects(self) -> RegularChunkGrid:
        """The grid of objects."""
        return RegularChunkGrid(self.shape, self.object_shape)

    @cached_property
    def chunks(self) -> RegularChunkGrid:
        """The grid of chunks."""
        return RegularChunkGrid(self.shape, self.chunk_shape)

    @cached_property
    def nchunks_per_object(self) -> int:
        """Chunks in an object."""
        return prod(self.chunks_per_object)


class ChunkLocations(NamedTuple):
    """Where some chunks of one object lie.

    key
        The object, in the array's store.
    version
        The object's version when it was looked at; None where that is not known.
    offsets, nbytes
        (m,) int64; the offset is -1 where the chunk is absent. None: the object is the chunk, from end to end.
    filter_masks
        (m,) u32: bit i set where the i-th filter was skipped for that chunk. None: none were.
    fresh
        Read just now; otherwise remembered, and to be believed only if the object still has this version.
    """

    key: str
    version: Hashable
    offsets: npt.NDArray[np.int64] | None
    nbytes: npt.NDArray[np.int64] | None
    filter_masks: npt.NDArray[np.uint32] | None = None
    fresh: bool = False


class ChunkSource(Protocol):
    """Says where chunks are."""

    @property
    def grid(self) -> ObjectGrid:
        """Objects and chunks of the array."""
        ...

    def locate(
        self, object_coords: tuple[int, ...], chunks: npt.NDArray[np.intp], *, fresh: bool = False
    ) -> ChunkLocations | None:
        """Locations of `chunks`, (m, rank) within the object; None where there is no object.

        `fresh` distrusts what was kept from an earlier look.
        """
        ...


class ObjectWriter(Protocol):
    """Writes a new object while its chunks are still being encoded. For many threads."""

    def put(self, position: int, count: int, numbers: Sequence[int], chunks: Sequence[Buffer]) -> None:
        """Take `count` of the chunks that are to come, those from `position` on, in the order of the object.

        Those that are not absent are `chunks`, encoded, whose places in C order of the object are `numbers`. Their
        memory may be used for other things afterwards.
        """
        ...

    def finish(self) -> None:
        """All have been put: show the object to readers, in place of what was there; none if all are absent."""
        ...

    def abandon(self) -> None:
        """Leave what was there as it was."""
        ...


class ChunkSink(Protocol):
    """Writes whole objects."""

    def begin(self, object_coords: tuple[int, ...]) -> ObjectWriter | None:
        """A writer for an object all of whose chunks are new; None where `write` has to have them at once."""
        ...

    def write(self, object_coords: tuple[int, ...], chunks: Sequence[Buffer | None]) -> None:
        """Write the object of these encoded chunks (C order in the object; None: absent), or delete it if all are."""
        ...

    def key(self, object_coords: tuple[int, ...]) -> str:
        """The object's key."""
        ...


class UpdatingSink(ABC, ChunkSink):
    """Changes parts of objects, too. Not a Protocol, for it is asked of every write whether its sink is one.

    `max_updates`: most chunks that one object has already to replace at once by `update`; 0 where it cannot be done.
    """

    max_updates: int

    @abstractmethod
    def update(self, object_coords: tuple[int, ...], chunks: Mapping[int, Buffer | None]) -> bool:
        """Give an object these encoded chunks, by their places in C order of the object (None: absent).

        False where nothing was written and the object has to be written whole instead.
        """
        ...
