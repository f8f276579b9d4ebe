"""What a grid of chunks is, be its chunks of one shape or of many."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import SelectionError

__all__ = ["ChunkGrid", "check_coords"]

Coords = tuple[int, ...]


class ChunkGrid(Protocol):
    """Chunks, counted from 0 along each dimension, that cover an array; those at the far edges may overhang."""

    @property
    def shape(self) -> Coords:
        """Of the array, in elements."""
        ...

    @property
    def grid_shape(self) -> Coords:
        """Number of chunks along each dimension that hold an element of the array."""
        ...

    @property
    def nchunks(self) -> int:
        """Number of all these chunks; 1 for a scalar."""
        ...

    def chunk_origin(self, chunk_coords: Coords) -> Coords:
        """Coordinates, in the array, of the chunk's first element."""
        ...

    def shape_of(self, chunk_coords: Coords) -> Coords:
        """Shape of the whole chunk, also of what lies outside the array."""
        ...

    def clipped_shape(self, chunk_coords: Coords) -> Coords:
        """Shape of the part of the chunk that lies within the array."""
        ...

    def spans(self, chunk_coords: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Of many chunks at once, (n, rank): origins and clipped shapes, each (n, rank)."""
        ...

    def check(self, chunk_coords: Coords) -> None:
        """Raise SelectionError unless the grid has a chunk at `chunk_coords`."""
        ...


def check_coords(chunk_coords: Coords, grid_shape: Coords) -> None:
    """Raise SelectionError unless a grid of this many chunks has one at `chunk_coords`."""
    inside = (0 <= i < n for i, n in zip(chunk_coords, grid_shape, strict=False))
    if len(chunk_coords) != len(grid_shape) or not all(inside):
        raise SelectionError(f"no chunk {chunk_coords} in a grid of {grid_shape} chunks")
