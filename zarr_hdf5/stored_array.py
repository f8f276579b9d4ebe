"""An array as the engine sees it: where its chunks are, how they are encoded, and in which order of dimensions."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from zarr_hdf5.array_config import DEFAULT_CONFIG, ArrayConfig
from zarr_hdf5.chunk_source import ChunkSink, ChunkSource
from zarr_hdf5.codecs.pipeline import PreparedChain
from zarr_hdf5.stores.protocol import Get, GetRanges

__all__ = ["ChunkStore", "Composer", "StoredArray"]


class ChunkStore(Get, GetRanges, Protocol):
    """What reading chunks needs of a store."""

    @property
    def url(self) -> str:
        """Where this is."""
        ...


@dataclass(frozen=True, slots=True)
class StoredArray:
    """All that reading and writing need.

    store
        Holds the objects that `source` names.
    chain
        The codecs of one chunk.
    order
        Axis i of the stored array (of `source.grid`) is axis order[i] of the array the user sees.
    sink
        None where the array cannot be written.
    natural_chunks
        Whether the chunks are those of the file, not slabs made up for reading.
    form
        Where objects are of many shapes: the array as the object at some coordinates sees it, with the chain, source
        and sink of all objects of its shape. The others here are then those of the largest objects.
    config
        How it is read and written.
    """

    store: ChunkStore
    source: ChunkSource
    chain: PreparedChain
    order: tuple[int, ...]
    sink: ChunkSink | None = None
    natural_chunks: bool = True
    form: "Callable[[tuple[int, ...]], StoredArray] | None" = None
    config: ArrayConfig = DEFAULT_CONFIG

    def at(self, object_coords: tuple[int, ...]) -> "StoredArray":
        """The array as the object at these coordinates sees it."""
        return self if self.form is None else self.form(object_coords)


class Composer(ABC):
    """A store that knows better than its keys where the chunks of its arrays are, and how they are encoded."""

    @abstractmethod
    def compose(self, path: str) -> StoredArray:
        """The engine of the array at `path`."""
