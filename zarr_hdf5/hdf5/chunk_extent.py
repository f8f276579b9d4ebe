"""What chunk indexes must know of their dataset, and the order in which those that are arrays count its chunks.

Source: HDF5 File Format Specification 3.0, VII "Appendix C: Types of Indexes for Dataset Chunks".
"""

from bisect import bisect_left
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.index_walk import UNDEFINED_ADDRESS, FileSpace

__all__ = [
    "ArrayOrder",
    "ChunkExtent",
    "Entries",
    "array_order",
    "array_table",
    "check_entry_nbytes",
    "chunk_table",
    "extensible_order",
    "raw_columns",
    "touches",
    "wanted_numbers",
    "wide",
]


Coords = npt.NDArray[np.int64]
FAR = 1 << 61
"""Past the end of any file: where chunks are put whose address or size no 64-bit sum may meet."""


@dataclass(frozen=True, slots=True)
class ChunkExtent:
    """A dataset and its chunks.

    shape, maxshape
        Elements; None for an unlimited dimension.
    chunk_shape, itemsize
        Elements of a chunk, bytes of an element.
    nfilters
        Length of the filter pipeline.
    raw_edges
        Chunks that overhang the dataset are stored without filters.
    """

    shape: tuple[int, ...]
    maxshape: tuple[int | None, ...]
    chunk_shape: tuple[int, ...]
    itemsize: int
    nfilters: int
    raw_edges: bool = False

    @property
    def rank(self) -> int:
        """Dimensions of the dataset."""
        return len(self.shape)

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Chunks along each dimension."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk_shape, strict=True))

    @property
    def chunk_nbytes(self) -> int:
        """Bytes of a chunk before any filter."""
        return prod(self.chunk_shape) * self.itemsize


@dataclass(frozen=True, slots=True)
class ArrayOrder:
    """Chunks are numbered in C order of the dimensions `axes`, of which `counts` chunks each."""

    axes: tuple[int, ...]
    counts: tuple[int, ...]

    def numbers(self, coords: Coords) -> Coords:
        """(n,) of (n, rank) coordinates."""
        return np.asarray(np.ravel_multi_index(tuple(coords.T[list(self.axes)]), self.counts), np.int64)

    def coords(self, numbers: Coords) -> Coords:
        """(n, rank) of (n,) numbers."""
        found = np.empty((len(numbers), len(self.axes)), np.int64)
        for axis, column in zip(self.axes, np.unravel_index(numbers, self.counts), strict=True):
            found[:, axis] = column
        return found


def array_order(extent: ChunkExtent) -> ArrayOrder:
    """Of implicit indexes and fixed arrays: as many chunks as the largest possible dataset has."""
    if None in extent.maxshape:
        raise CorruptDataError("an unlimited dimension", structure="chunk index", found=extent.maxshape)
    return _order(extent, tuple(range(extent.rank)))


def extensible_order(extent: ChunkExtent) -> ArrayOrder:
    """Of extensible arrays: the unlimited dimension comes first, the others as many chunks as they may ever have."""
    unlimited = [axis for axis, n in enumerate(extent.maxshape) if n is None]
    if len(unlimited) != 1:
        raise CorruptDataError("not one unlimited dimension", structure="extensible array", found=extent.maxshape)
    return _order(extent, (*unlimited, *(axis for axis in range(extent.rank) if axis not in unlimited)))


def _order(extent: ChunkExtent, axes: tuple[int, ...]) -> ArrayOrder:
    longest = [now if most is None else most for now, most in zip(extent.shape, extent.maxshape, strict=True)]
    counts = tuple(-(-longest[axis] // extent.chunk_shape[axis]) for axis in axes)
    if prod(counts) >= 1 << 62:
        raise UnsupportedFeatureError(f"a chunk index of {prod(counts)} entries")
    return ArrayOrder(axes, counts)


@dataclass(frozen=True, slots=True)
class Entries:
    """A run of an array index: the entries of the chunks numbered from `first` on."""

    first: int
    data: memoryview


def wanted_numbers(order: ArrayOrder, wanted: list[tuple[int, ...]] | None) -> list[int] | None:
    """The sorted numbers of the chunks to look for; None: all."""
    if wanted is None:
        return None
    return sorted(order.numbers(np.array(wanted, np.int64).reshape(len(wanted), len(order.axes))).tolist())


def touches(wanted: list[int] | None, first: int, count: int, end: int) -> bool:
    """Whether the entries from `first` on hold one that is looked for (None: any before `end`)."""
    if wanted is None:
        return first < end
    return bisect_left(wanted, first) < bisect_left(wanted, min(first + count, end))


def check_entry_nbytes(entry_nbytes: int, extent: ChunkExtent, structure: str) -> None:
    """Raise CorruptDataError unless entries of the dataset may have so many bytes."""
    if not (13 <= entry_nbytes <= 20 if extent.nfilters else entry_nbytes == 8):
        raise CorruptDataError(f"entries of {entry_nbytes} bytes", structure=structure)


def array_table(
    space: FileSpace, extent: ChunkExtent, order: ArrayOrder, runs: list[Entries], entry_nbytes: int
) -> ChunkTable:
    """The chunks in these runs that are present and within the dataset."""
    width = entry_nbytes - 12
    sizes = [("nbytes", "u1", (width,)), ("mask", "<u4")] if extent.nfilters else []
    rows = np.frombuffer(b"".join(run.data for run in runs), np.dtype([("address", "<u8"), *sizes]))
    numbers = np.concatenate(
        [np.arange(run.first, run.first + len(run.data) // entry_nbytes) for run in runs] or [np.zeros(0, np.int64)]
    )
    used = (rows["address"] != np.uint64(UNDEFINED_ADDRESS)) & (numbers < prod(order.counts))
    rows, numbers = rows[used], numbers[used]
    coords = order.coords(numbers)
    inside = (coords < np.asarray(extent.grid_shape, np.int64)).all(axis=1)
    if not inside.all():
        rows, coords = rows[inside], coords[inside]
    nbytes, masks = (wide(rows["nbytes"]), rows["mask"]) if extent.nfilters else raw_columns(len(rows), extent)
    return chunk_table(space, extent, coords, rows["address"], nbytes, masks)


def wide(sizes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Numbers of (n, width) little-endian bytes."""
    full: npt.NDArray[np.uint8] = np.zeros((len(sizes), 8), "u1")
    full[:, : sizes.shape[1]] = sizes
    return full.reshape(-1).view("<u8")


def raw_columns(n: int, extent: ChunkExtent) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    """Stored bytes and filter masks of `n` chunks where there are no filters."""
    return np.full(n, extent.chunk_nbytes, "<u8"), np.zeros(n, np.uint32)


def chunk_table(
    space: FileSpace,
    extent: ChunkExtent,
    coords: Coords,
    addresses: npt.NDArray[np.uint64],
    nbytes: npt.NDArray[Any],
    masks: npt.NDArray[np.uint32],
) -> ChunkTable:
    """The chunks among these that are present, at absolute offsets."""
    if extent.raw_edges and extent.nfilters:
        whole = np.asarray(extent.shape, np.int64) // np.asarray(extent.chunk_shape, np.int64)
        edge = (coords >= whole).any(axis=1)
        masks = np.where(edge, np.uint32((1 << extent.nfilters) - 1), masks)
    offsets = np.minimum(addresses, np.uint64(FAR)).astype(np.int64) + space.base_address
    table = ChunkTable(
        coords, offsets, np.minimum(nbytes, np.uint64(FAR)).astype(np.int64), masks.astype(np.uint32, copy=False)
    )
    present = addresses != np.uint64(UNDEFINED_ADDRESS)
    return table if present.all() else table.take(np.flatnonzero(present))
