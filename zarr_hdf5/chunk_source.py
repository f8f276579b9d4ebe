"""The one joint between arrays and the files that hold them: chunk coordinates in, byte locations out.

Unsharded, sharded and HDF5 arrays differ only here. Above lie indexing and arrays; below lie stores and codecs.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod
from typing import Generic, NamedTuple, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_grid import ChunkEdges, ChunkGrid, RectilinearChunkGrid, RegularChunkGrid

__all__ = [
    "ChunkLocations",
    "ChunkSink",
    "ChunkSource",
    "Forms",
    "ObjectGrid",
    "ObjectWriter",
    "RectilinearObjectGrid",
    "UpdatingSink",
    "updates_of",
]

Numbers = npt.NDArray[np.int64]
T = TypeVar("T")

KEPT_FORMS = 1024


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
    def objects(self) -> ChunkGrid:
        """The grid of objects."""
        return RegularChunkGrid(self.shape, self.object_shape)

    @cached_property
    def chunks(self) -> ChunkGrid:
        """The grid of chunks."""
        return RegularChunkGrid(self.shape, self.chunk_shape)

    @cached_property
    def nchunks_per_object(self) -> int:
        """Chunks in an object."""
        return prod(self.chunks_per_object)

    def first_chunk(self, object_coords: tuple[int, ...]) -> tuple[int, ...]:
        """Coordinates, in the grid of chunks, of the first chunk of an object."""
        return tuple([i * n for i, n in zip(object_coords, self.chunks_per_object, strict=True)])

    def first_chunks(self, objects: Numbers) -> Numbers:
        """The same of many objects, (rank, n)."""
        return objects * np.array(self.chunks_per_object, np.int64)[:, np.newaxis]

    def place(self, points: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Of elements at `points`: their chunks, the objects that hold these, and the places in the chunks.

        All of them (rank, n).
        """
        chunk_shape = np.array(self.chunk_shape, np.int64)[:, np.newaxis]
        chunks = points // chunk_shape
        per_object = np.array(self.chunks_per_object, np.int64)[:, np.newaxis]
        return chunks, chunks // per_object, points - chunks * chunk_shape


@dataclass(frozen=True)
class RectilinearObjectGrid(ObjectGrid):
    """One whose objects are of many shapes: `object_shape` is that of the largest, or of all of one `form`.

    edges
        Lengths of the objects along each dimension.
    single
        Each object is one chunk, and `chunk_shape` its shape. Otherwise chunks are all of that shape, and objects
        multiples of it.
    """

    edges: tuple[ChunkEdges, ...]
    single: bool

    @cached_property
    def objects(self) -> ChunkGrid:
        """See `ObjectGrid`."""
        return RectilinearChunkGrid(self.shape, self.edges)

    @cached_property
    def chunks(self) -> ChunkGrid:
        """See `ObjectGrid`."""
        return self.objects if self.single else RegularChunkGrid(self.shape, self.chunk_shape)

    def form(self, object_shape: tuple[int, ...]) -> "RectilinearObjectGrid":
        """The grid as objects of one shape see it."""
        return replace(self, object_shape=object_shape, chunk_shape=object_shape if self.single else self.chunk_shape)

    def first_chunk(self, object_coords: tuple[int, ...]) -> tuple[int, ...]:
        """See `ObjectGrid`."""
        if self.single:
            return object_coords
        origin = self.objects.chunk_origin(object_coords)
        return tuple(o // n for o, n in zip(origin, self.chunk_shape, strict=True))

    def first_chunks(self, objects: Numbers) -> Numbers:
        """See `ObjectGrid`."""
        if self.single:
            return objects
        origins = [edges.spans(along)[0] for edges, along in zip(self.edges, objects, strict=True)]
        return np.reshape(origins, objects.shape) // np.array(self.chunk_shape, np.int64)[:, np.newaxis]

    def place(self, points: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """See `ObjectGrid`."""
        found = [edges.chunks_at(along) for edges, along in zip(self.edges, points, strict=True)]
        objects = np.reshape(found, points.shape).astype(np.int64)
        if self.single:
            origins = [edges.spans(along)[0] for edges, along in zip(self.edges, objects, strict=True)]
            return objects, objects, points - np.reshape(origins, points.shape)
        chunk_shape = np.array(self.chunk_shape, np.int64)[:, np.newaxis]
        chunks = points // chunk_shape
        return chunks, objects, points - chunks * chunk_shape


class Forms(Generic[T]):
    """What depends on the shape of an object: made by `make` when it is asked for, and kept."""

    def __init__(self, grid: RectilinearObjectGrid, make: Callable[[RectilinearObjectGrid], T]) -> None:
        self._grid = grid
        self.of_shape: Callable[[tuple[int, ...]], T] = lru_cache(KEPT_FORMS)(lambda shape: make(grid.form(shape)))

    def at(self, object_coords: tuple[int, ...]) -> T:
        """That for the object at these coordinates."""
        return self.of_shape(self._grid.objects.shape_of(object_coords))


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


class UpdatingSink(ChunkSink, Protocol):
    """Changes parts of objects, too.

    `max_updates`: most chunks that one object has already to replace at once by `update`; 0 where it cannot be done.
    """

    max_updates: int

    def update(self, object_coords: tuple[int, ...], chunks: Mapping[int, Buffer | None]) -> bool:
        """Give an object these encoded chunks, by their places in C order of the object (None: absent).

        False where nothing was written and the object has to be written whole instead.
        """
        ...


def updates_of(sink: ChunkSink) -> UpdatingSink | None:
    """The sink itself, where it can change parts of objects; asked of every write, so not by `isinstance`."""
    return cast("UpdatingSink", sink) if getattr(sink, "max_updates", 0) else None
