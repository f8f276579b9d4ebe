"""Which elements lie in which chunk: grids of chunks, regular and rectilinear. Arithmetic only."""

from zarr_hdf5.chunk_grid.edges import ChunkEdges
from zarr_hdf5.chunk_grid.protocol import ChunkGrid
from zarr_hdf5.chunk_grid.rectilinear import RectilinearChunkGrid
from zarr_hdf5.chunk_grid.regular import RegularChunkGrid

__all__ = ["ChunkEdges", "ChunkGrid", "RectilinearChunkGrid", "RegularChunkGrid"]
