"""Any chunk index of a dataset, whole or in part, as a table of chunks.

Source: HDF5 File Format Specification 3.0, VII "Appendix C: Types of Indexes for Dataset Chunks". What is here are the
two types that need no structure of their own: the single chunk and the implicit index.
"""

from collections.abc import Callable

import numpy as np

from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.hdf5.btree_v1 import walk_btree_v1
from zarr_hdf5.hdf5.btree_v2 import walk_btree_v2
from zarr_hdf5.hdf5.chunk_extent import ChunkExtent, array_order, chunk_table, raw_columns
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.data_layout import ChunkIndex, ChunkIndexType
from zarr_hdf5.hdf5.extensible_array import walk_extensible_array
from zarr_hdf5.hdf5.fixed_array import walk_fixed_array
from zarr_hdf5.hdf5.index_walk import FileSpace, Walk

__all__ = ["walk_chunks"]

Chunks = list[tuple[int, ...]]
WALKS: dict[ChunkIndexType, Callable[[FileSpace, int, ChunkExtent, Chunks | None], Walk[ChunkTable]]] = {
    ChunkIndexType.BTREE_V1: walk_btree_v1,
    ChunkIndexType.FIXED_ARRAY: walk_fixed_array,
    ChunkIndexType.EXTENSIBLE_ARRAY: walk_extensible_array,
    ChunkIndexType.BTREE_V2: walk_btree_v2,
}


def walk_chunks(
    space: FileSpace,
    index: ChunkIndex,
    shape: tuple[int, ...],
    maxshape: tuple[int | None, ...],
    nfilters: int,
    wanted: Chunks | None = None,
) -> Walk[ChunkTable]:
    """The stored chunks of a dataset.

    Parameters
    ----------
    shape, maxshape
        Of the dataset, in elements; None for an unlimited dimension.
    nfilters
        Length of its filter pipeline.
    wanted
        Coordinates, within the grid, of the chunks to look for; the table may have others beside. None: all.

    Raises
    ------
    CorruptDataError, UnsupportedFeatureError
    """
    if not len(index.chunk_shape) == len(shape) == len(maxshape):
        raise CorruptDataError(
            "chunks of another rank", structure="data layout message", expected=len(shape), found=len(index.chunk_shape)
        )
    extent = ChunkExtent(shape, maxshape, index.chunk_shape, index.itemsize, nfilters, index.raw_edges)
    none = np.zeros(0, "<u8")
    if index.address is None or 0 in shape:
        coords = np.zeros((0, len(shape)), np.int64)
        return chunk_table(space, extent, coords, none, none, none.astype(np.uint32))
    if index.index_type is ChunkIndexType.SINGLE_CHUNK:
        return _single_chunk(space, index, index.address, extent)
    if index.index_type is ChunkIndexType.IMPLICIT:
        return _implicit(space, index.address, extent, wanted)
    return (yield from WALKS[index.index_type](space, index.address, extent, wanted))


def _single_chunk(space: FileSpace, index: ChunkIndex, address: int, extent: ChunkExtent) -> ChunkTable:
    if max(extent.grid_shape) > 1:
        raise CorruptDataError("more than one chunk", structure="single chunk index", found=extent.grid_shape)
    nbytes, mask = index.single_chunk or (extent.chunk_nbytes, 0)
    coords = np.zeros((1, extent.rank), np.int64)
    columns = (np.array([value], "<u8") for value in (address, nbytes, mask))
    addresses, sizes, masks = columns
    return chunk_table(space, extent, coords, addresses, sizes, masks.astype(np.uint32))


def _implicit(space: FileSpace, address: int, extent: ChunkExtent, wanted: Chunks | None) -> ChunkTable:
    """All chunks, those of the largest possible dataset, one after the other."""
    order = array_order(extent)
    if wanted is not None:
        coords = np.array(wanted, np.int64).reshape(len(wanted), extent.rank)
    else:
        nchunks = int(np.prod(extent.grid_shape, dtype=object))
        space.span(address, nchunks * extent.chunk_nbytes, "implicit chunk index")
        coords = np.stack(np.unravel_index(np.arange(nchunks), extent.grid_shape), axis=1).astype(np.int64)
    numbers = order.numbers(coords)
    if extent.chunk_nbytes * (int(numbers.max(initial=0)) + 1) + address > 1 << 62:
        raise CorruptDataError("chunks past the end of any file", structure="implicit chunk index")
    addresses = np.uint64(address) + numbers.astype("<u8") * np.uint64(extent.chunk_nbytes)
    return chunk_table(space, extent, coords, addresses, *raw_columns(len(coords), extent))
