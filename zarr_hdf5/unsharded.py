"""Unsharded arrays: every chunk is an object.

Source: Zarr core specification v3, "Chunk encoding".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_source import ChunkLocations, ObjectGrid
from zarr_hdf5.stores.protocol import Store

__all__ = ["UnshardedSink", "UnshardedSource"]


@dataclass(frozen=True, slots=True)
class UnshardedSource:
    """A `ChunkSource` that need not look: the chunk is the object."""

    key: Callable[[tuple[int, ...]], str]
    grid: ObjectGrid

    def locate(
        self, object_coords: tuple[int, ...], chunks: npt.NDArray[np.intp], *, fresh: bool = False
    ) -> ChunkLocations | None:
        """See `ChunkSource`."""
        return ChunkLocations(self.key(object_coords), None, None, None)


@dataclass(frozen=True, slots=True)
class UnshardedSink:
    """A `ChunkSink` for objects of one chunk."""

    store: Store
    object_key: Callable[[tuple[int, ...]], str]

    def key(self, object_coords: tuple[int, ...]) -> str:
        """See `ChunkSink`."""
        return self.object_key(object_coords)

    def begin(self, object_coords: tuple[int, ...]) -> None:
        """See `ChunkSink`."""

    def write(self, object_coords: tuple[int, ...], chunks: Sequence[Buffer | None]) -> None:
        """See `ChunkSink`."""
        (chunk,) = chunks
        if chunk is None:
            self.store.delete(self.object_key(object_coords))
        else:
            self.store.set(self.object_key(object_coords), [chunk])
