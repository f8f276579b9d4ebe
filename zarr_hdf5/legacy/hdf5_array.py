"""A dataset as a Zarr array: where its chunks are for reading here, and their bytes for other readers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.chunk_source import ChunkLocations, ObjectGrid
from zarr_hdf5.codecs.pipeline import PreparedChain
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.data_type import FillValue
from zarr_hdf5.errors import CorruptDataError, InvalidMetadataError, NotFoundError, Problem, UnsupportedFeatureError
from zarr_hdf5.hdf5.description import DatasetDescription
from zarr_hdf5.legacy.array_metadata import Presentation
from zarr_hdf5.legacy.hdf5_object import HDF5Object, Look
from zarr_hdf5.legacy.slabs import SlabStore
from zarr_hdf5.legacy.source import HDF5ChunkSource, StoredDataset
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.twin.data_types import as_told
from zarr_hdf5.unsharded import UnshardedSource

__all__ = ["HDF5Array"]

MAX_LISTED = 10_000_000
"""Chunks of a dataset that are no rows of an index: more are not listed."""


@dataclass(frozen=True)
class HDF5Array:
    """A dataset of a file, described once; nothing of it is open."""

    file: HDF5Object
    look: Look
    dataset: DatasetDescription
    presentation: Presentation

    @property
    def is_native(self) -> bool:
        """Whether chunks are found and decoded without libhdf5."""
        return self.presentation.reading == "native"

    @cached_property
    def chain(self) -> PreparedChain:
        """Of the chunks as they are read here. Raises UnsupportedFeatureError."""
        metadata = self.presentation.metadata
        return self._prepare(metadata.data_type.dtype, self.presentation.codecs, metadata.fill_value)

    @cached_property
    def stored(self) -> StoredArray:
        """The engine for reading. Raises UnsupportedFeatureError where data lie in files that may not be opened."""
        metadata = self.presentation.metadata
        order = tuple(range(len(metadata.shape)))
        if self.is_native:
            natural = self.dataset.chunk_shape is not None
            return StoredArray(self.file.store, self.source, self.chain, order, natural_chunks=natural)
        self.file.check_beside(self.dataset.other_files)
        grid = ObjectGrid(metadata.shape, metadata.chunk_shape, metadata.chunk_shape)
        source = UnshardedSource(lambda coords: "/".join(map(str, coords)), grid)
        return StoredArray(self.slabs, source, self.chain, order, natural_chunks=False)

    @cached_property
    def slabs(self) -> SlabStore:
        """What libhdf5 reads."""
        return SlabStore(self.file, self.dataset, self.presentation.metadata.shape, self.chain)

    @cached_property
    def source(self) -> HDF5ChunkSource:
        """Where chunks lie in the file."""
        metadata, rank = self.presentation.metadata, len(self.dataset.shape or ())
        counts = metadata.chunk_grid.grid_shape
        whole = tuple(max(1, n) * c for n, c in zip(counts, metadata.chunk_shape, strict=True))
        datatype = self.dataset.datatype
        stored = StoredDataset(
            path=self.dataset.path,
            header_address=self.dataset.address,
            shape=metadata.shape[:rank],
            maxshape=self.dataset.maxshape,
            chunk_shape=metadata.chunk_shape[:rank],
            itemsize=datatype.dtype.itemsize * prod(datatype.element_shape),
            nfilters=len(self.dataset.filters),
            space=self.look.space,
        )
        grid = ObjectGrid(metadata.shape, whole, metadata.chunk_shape)
        return HDF5ChunkSource(self.file.metadata_store, self.file.key, stored, grid, self.look.start)

    def chunk(self, coords: tuple[int, ...]) -> Buffer:
        """The chunk as `presentation.metadata` tells other readers. Raises NotFoundError where there is none."""
        if self.presentation.serving == "stored":
            found = self._locate(coords)
            if not _mask(found) and not self._is_short(found):
                return self.chain.renewed(self._read(found))
            return self._served_chain.encode(self._decoded(found))
        return self._served_chain.encode(self._values(coords))

    def chunk_range(self, coords: tuple[int, ...]) -> ByteRange | None:
        """Where in the file the very bytes lie that `chunk` gives; None where it makes them."""
        if self.presentation.serving == "transcoded" or self.chain.may_be_renewed:
            return None
        found = self._locate(coords)
        if self._is_short(found) or _mask(found):
            return None
        offset, nbytes = self._range(found)
        return ByteRange(offset, nbytes)

    def has_chunk(self, coords: tuple[int, ...]) -> bool:
        """Whether `chunk` gives one."""
        try:
            self._check(coords)
            return not self.is_native or bool(self._range(self._locate(coords))[0] >= 0)
        except NotFoundError:
            return False

    def chunk_coords(self) -> Iterator[tuple[int, ...]]:
        """Coordinates of all chunks that there are, in C order. Raises UnsupportedFeatureError if they are too many."""
        grid = self.presentation.metadata.chunk_grid
        stored = self.source.stored_chunks() if self.is_native else None
        if stored is not None:
            yield from map(tuple, stored.tolist())
        elif not self.is_native or (grid.nchunks and self.has_chunk((0,) * len(grid.shape))):
            if grid.nchunks > MAX_LISTED:
                raise UnsupportedFeatureError(f"{self.dataset.path}: a list of {grid.nchunks} chunks")
            yield from product(*map(range, grid.grid_shape))

    @cached_property
    def _served_chain(self) -> PreparedChain:
        metadata = self.presentation.metadata
        codecs = tuple(codec.to_json() for codec in metadata.codecs)
        data_type, fill = metadata.data_type, metadata.fill_value
        if data_type.dtype.names is not None:
            fill = as_told(np.array([fill], data_type.dtype), data_type)[0]
        return self._prepare(data_type.canonical.dtype, codecs, fill)

    def _prepare(self, dtype: np.dtype[Any], codecs: tuple[dict[str, Any], ...], fill: FillValue) -> PreparedChain:
        named = tuple((codec["name"], tuple(codec["configuration"].items())) for codec in codecs)
        raw = fill if dtype.hasobject else np.array([fill], dtype).tobytes()
        return _chain(named, self.presentation.metadata.chunk_shape, dtype, raw)

    def _check(self, coords: tuple[int, ...]) -> None:
        counts = self.presentation.metadata.chunk_grid.grid_shape
        if len(coords) != len(counts) or any(not 0 <= i < n for i, n in zip(coords, counts, strict=True)):
            raise NotFoundError(f"{self.dataset.path}: no chunk {coords}")

    def _locate(self, coords: tuple[int, ...]) -> ChunkLocations:
        self._check(coords)
        origin = (0,) * len(coords)
        found = self.source.locate(origin, np.array([coords], np.intp))
        if found is None or self._range(found)[0] < 0:
            raise NotFoundError(f"{self.dataset.path}: chunk {coords} was never written")
        return found

    @staticmethod
    def _range(found: ChunkLocations) -> tuple[int, int]:
        if found.offsets is None or found.nbytes is None:
            raise CorruptDataError("a chunk without a place", key=found.key)
        return int(found.offsets[0]), int(found.nbytes[0])

    def _is_short(self, found: ChunkLocations) -> bool:
        """Whether this is the last piece of contiguous data, which others expect to be as long as the rest."""
        return not self.dataset.filters and self._range(found)[1] < self.chain.spec.nbytes

    def _read(self, found: ChunkLocations) -> Buffer:
        return self.file.store.get_ranges(found.key, [ByteRange(*self._range(found))], found.version)[0]

    def _values(self, coords: tuple[int, ...]) -> npt.NDArray[Any]:
        """A whole chunk, in the type and layout that other readers are told."""
        if self.is_native:
            return self._decoded(self._locate(coords))
        self.file.check_beside(self.dataset.other_files)
        self._check(coords)
        return as_told(self.slabs.read(coords), self.presentation.metadata.data_type)

    def _decoded(self, found: ChunkLocations) -> npt.NDArray[Any]:
        """The same of a chunk that lies in the file."""
        data = self._read(found)
        if self._is_short(found):
            data = bytes(byte_view(data)) + bytes(self.chain.spec.nbytes - self._range(found)[1])
        return as_told(self.chain.decode(data, _mask(found)), self.presentation.metadata.data_type)


def _mask(found: ChunkLocations) -> int:
    """The filters that were skipped for the chunk."""
    return 0 if found.filter_masks is None else int(found.filter_masks[0])


@lru_cache(maxsize=256)
def _chain(
    codecs: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...],
    chunk_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    fill: str | bytes,
) -> PreparedChain:
    """Datasets of a file are mostly alike, and so are their chains; `fill` is the bytes of the value, or an object."""
    problems: list[Problem] = []
    chain = parse_chain([(name, dict(configuration)) for name, configuration in codecs], ("codecs",), problems)
    if chain is None or problems:
        raise InvalidMetadataError(problems)
    value = fill if dtype.hasobject else np.frombuffer(fill, dtype)[0]  # type: ignore[arg-type]
    return chain.prepare(ChunkSpec(chunk_shape, dtype, value))
