"""Where the chunks of an HDF5 dataset lie in its file, by our own reading of its chunk index.

Nothing is read before the first question. A few chunks are looked up by what leads to them; once that has cost about as
much as all of the index, all of it is read. Elements that are not in chunks are cut into virtual ones.
"""

import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from zarr_hdf5.chunk_source import ChunkLocations, ObjectGrid
from zarr_hdf5.errors import CorruptDataError, StaleVersionError, UnsupportedFeatureError
from zarr_hdf5.hdf5.chunk_layout import walk_layout
from zarr_hdf5.hdf5.chunk_lookup import walk_chunks
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.data_layout import ChunkIndex, CompactLayout, ContiguousLayout, Layout
from zarr_hdf5.hdf5.index_walk import FileSpace
from zarr_hdf5.legacy.reads import RangeStore, Reads, Start, read_start

__all__ = ["HDF5ChunkSource", "StoredDataset"]

ATTEMPTS = 10
"""Times to look again at a file that others keep writing."""
TABLE_ROWS_PER_READ = 512
"""Chunks whose entries are decoded, all at once, in the time of one read that leads to a single chunk."""

Columns: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint32] | None]
"""Offsets, stored bytes and filter masks of chunks."""


@dataclass(frozen=True)
class StoredDataset:
    """A dataset as the description of its file has it.

    path
        For messages.
    header_address
        Of its object header.
    shape, maxshape
        Of its dataspace, in elements; None for an unlimited dimension.
    chunk_shape
        Elements of a chunk, of the same rank. Where the layout is not chunked, of the virtual chunks: contiguous parts
        of the dataset, so ones, then any length, then whole dimensions.
    itemsize
        Bytes of a stored element (of an array data type: of the array).
    nfilters
        Length of the filter pipeline.
    space
        What addresses count from, and the size of the file when it was described.
    """

    path: str
    header_address: int
    shape: tuple[int, ...]
    maxshape: tuple[int | None, ...]
    chunk_shape: tuple[int, ...]
    itemsize: int
    nfilters: int
    space: FileSpace

    @cached_property
    def nchunks(self) -> int:
        """Chunks in its grid."""
        return prod(self._grid_shape)

    @cached_property
    def chunk_strides(self) -> npt.NDArray[np.int64]:
        """How many chunks each dimension of the grid steps over, in C order."""
        return c_strides(self._grid_shape)

    @property
    def _grid_shape(self) -> tuple[int, ...]:
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk_shape, strict=True))


@dataclass(slots=True)
class Known:
    """What is known of the dataset in one version of the file.

    whole
        All stored chunks, sorted by their number in the dataset (which comes first); None as long as not needed.
    """

    reads: Reads
    layout: Layout
    whole: tuple[npt.NDArray[np.int64], ChunkTable] | None = None


@dataclass(slots=True)
class HDF5ChunkSource:
    """A `ChunkSource` over a whole file: one object, the chunks of one dataset.

    The dimensions of the grid are those of the dataset, and after them any that its elements have, of one chunk each.

    A virtual chunk that overhangs the dataset comes with the bytes that the dataset has of it, fewer than a chunk's:
    they are the first of the chunk in C order.

    `start` is of the version of the file that `dataset` was described in; None: the file as it is when first asked for.
    """

    store: RangeStore
    key: str
    dataset: StoredDataset
    grid: ObjectGrid
    start: Start | None = None
    _known: Known | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def locate(
        self, object_coords: tuple[int, ...], chunks: npt.NDArray[np.intp], *, fresh: bool = False
    ) -> ChunkLocations | None:
        """See `ChunkSource`."""
        coords = np.asarray(chunks[:, : len(self.dataset.shape)], np.int64)
        with self._lock:
            for _ in range(ATTEMPTS):
                try:
                    fresh = fresh or self.start is None
                    known = self._open(fresh=fresh)
                    columns = self._locate(known, coords)
                except StaleVersionError:
                    fresh = True
                except CorruptDataError as error:
                    if fresh:
                        raise self._named(error) from error
                    fresh = True  # it may have been mended since
                except UnsupportedFeatureError as error:
                    raise UnsupportedFeatureError(f"{self.key}, {self.dataset.path}: {error}") from error
                else:
                    return ChunkLocations(self.key, known.reads.start.version, *columns, fresh=fresh)
        raise CorruptDataError(f"replaced {ATTEMPTS} times while its index was being read", key=self.key)

    def stored_chunks(self) -> npt.NDArray[np.int64] | None:
        """Coordinates, (n, rank), of all stored chunks, in C order; None where the layout is not chunked."""
        with self._lock:
            known = self._open()
            if not isinstance(known.layout, ChunkIndex):
                return None
            if known.whole is None:
                known.whole = self._sorted(self._walk(known, known.layout, None))
            coords = known.whole[1].coords
        return np.pad(coords, ((0, 0), (0, len(self.grid.shape) - coords.shape[1])))

    def _open(self, *, fresh: bool = False) -> Known:
        """The layout of the dataset, in the version of the file that was seen last, or as it is now."""
        if fresh or self.start is None:
            self.start, self._known = read_start(self.store, self.key), None
        if self._known is None:
            reads = Reads(self.store, self.key, self.start, replace(self.dataset.space, nbytes=self.start.size))
            self._known = Known(reads, reads.run(walk_layout(reads.space, self.dataset.header_address)))
        return self._known

    def _locate(self, known: Known, coords: npt.NDArray[np.int64]) -> Columns:
        layout = known.layout
        if isinstance(layout, ChunkIndex):
            return self._locate_chunks(known, layout, coords)
        if isinstance(layout, CompactLayout):
            return virtual_chunks(self.dataset, layout.offset, layout.nbytes, coords)
        if isinstance(layout, ContiguousLayout):
            start = None if layout.address is None else layout.address + known.reads.space.base_address
            return virtual_chunks(self.dataset, start, layout.nbytes, coords)
        raise UnsupportedFeatureError("a virtual dataset")

    def _locate_chunks(self, known: Known, index: ChunkIndex, coords: npt.NDArray[np.int64]) -> Columns:
        dataset, nchunks = self.dataset, self.dataset.nchunks
        if nchunks >= 2**63:
            raise UnsupportedFeatureError(f"a dataset of {nchunks} chunks")
        if index.chunk_shape != dataset.chunk_shape:
            raise CorruptDataError("chunks of another shape", expected=dataset.chunk_shape, found=index.chunk_shape)
        if known.whole is None and (known.reads.count + len(coords)) * TABLE_ROWS_PER_READ <= nchunks:
            found = self._sorted(self._walk(known, index, list(map(tuple, coords.tolist()))))
        else:
            if known.whole is None:
                known.whole = self._sorted(self._walk(known, index, None))
                known.reads.forget()
            found = known.whole
        numbers, table = found
        wanted = self._numbers(coords)
        if not len(numbers):
            absent = np.full(len(wanted), -1, np.int64)
            return absent, absent, None
        row = np.minimum(numbers.searchsorted(wanted), len(numbers) - 1)
        present = numbers[row] == wanted
        offsets, nbytes = (np.where(present, column[row], -1) for column in (table.offsets, table.nbytes))
        masks = table.filter_masks[row]
        return offsets, nbytes, masks if masks.any() else None

    def _walk(self, known: Known, index: ChunkIndex, wanted: list[tuple[int, ...]] | None) -> ChunkTable:
        dataset, reads = self.dataset, known.reads
        walk = walk_chunks(reads.space, index, dataset.shape, dataset.maxshape, dataset.nfilters, wanted)
        return reads.run(walk, keep=wanted is not None)

    def _sorted(self, table: ChunkTable) -> tuple[npt.NDArray[np.int64], ChunkTable]:
        """The chunks by number."""
        numbers = self._numbers(table.coords)
        if len(numbers) > 1 and (numbers[1:] <= numbers[:-1]).any():
            order = np.argsort(numbers, kind="stable")
            numbers, table = numbers[order], table.take(order)
            if (numbers[1:] == numbers[:-1]).any():
                raise CorruptDataError("a chunk is there twice", structure="chunk index")
        return numbers, table

    def _numbers(self, coords: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return coords @ self.dataset.chunk_strides

    def _named(self, error: CorruptDataError) -> CorruptDataError:
        return type(error)(
            f"{self.dataset.path}: {error.message}",
            structure=error.structure,
            offset=error.offset,
            expected=error.expected,
            found=error.found,
            key=self.key,
        )


def c_strides(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """How many elements each dimension steps over, in C order."""
    return np.array([prod(shape[axis + 1 :]) for axis in range(len(shape))], np.int64)


def virtual_chunks(
    dataset: StoredDataset, start: int | None, nbytes: int | None, coords: npt.NDArray[np.int64]
) -> Columns:
    """Where parts of a dataset lie whose elements are all in one place, at byte `start` (None: nowhere)."""
    absent = np.full(len(coords), -1, np.int64)
    if start is None or 0 in dataset.shape:
        return absent, absent, None
    whole = prod(dataset.shape) * dataset.itemsize
    if nbytes is not None and nbytes < whole:
        raise CorruptDataError(
            "fewer bytes than elements", structure="data layout message", expected=whole, found=nbytes
        )
    cut = next((axis for axis, n in enumerate(dataset.chunk_shape) if n != 1), 0)
    if dataset.chunk_shape[cut + 1 :] != dataset.shape[cut + 1 :]:
        raise UnsupportedFeatureError(f"virtual chunks of shape {dataset.chunk_shape} are not contiguous")
    if start + whole >= 1 << 62:
        raise CorruptDataError("elements past the end of any file", structure="data layout message", offset=start)
    shape, chunk_shape = (np.asarray(n, np.int64) for n in (dataset.shape, dataset.chunk_shape))
    origins = coords * chunk_shape
    sizes = np.minimum(chunk_shape, shape - origins).prod(axis=1) * dataset.itemsize
    return start + (origins @ c_strides(dataset.shape)) * dataset.itemsize, sizes, None
