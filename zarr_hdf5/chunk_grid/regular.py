"""Zarr core specification v3, "Regular chunk grid": which elements lie in which chunk.

https://zarr-specs.readthedocs.io/en/latest/v3/chunk-grids/regular-grid/index.html

Arithmetic only; knows nothing of JSON, keys or bytes. Inner chunks within a shard are such a grid too.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zarr_hdf5.chunk_grid.protocol import check_coords
from zarr_hdf5.errors import InvalidMetadataError

__all__ = ["RegularChunkGrid"]


@dataclass(frozen=True, slots=True)
class RegularChunkGrid:
    """Chunks of one shape, aligned with the array's origin; those at the far edges may overhang.

    Attributes
    ----------
    shape
        Of the array, in elements.
    chunk_shape
        Of every chunk, in elements, as long as `shape`.

    Raises
    ------
    InvalidMetadataError
        If the two are not of one rank, a chunk length is below 1 or an array length below 0.
    """

    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.chunk_shape):
            raise InvalidMetadataError(f"chunk shape {self.chunk_shape} is not of the rank of shape {self.shape}")
        if any(length < 0 for length in self.shape) or any(length < 1 for length in self.chunk_shape):
            raise InvalidMetadataError(f"no grid of chunks of shape {self.chunk_shape} over shape {self.shape}")

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Number of chunks along each dimension; 0 where the array has no elements."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk_shape, strict=True))

    @property
    def nchunks(self) -> int:
        """Number of chunks; 1 for a scalar."""
        return math.prod(self.grid_shape)

    def chunk_origin(self, chunk_coords: tuple[int, ...]) -> tuple[int, ...]:
        """Coordinates, in the array, of the chunk's first element."""
        return tuple(i * c for i, c in zip(chunk_coords, self.chunk_shape, strict=True))

    def shape_of(self, chunk_coords: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the whole chunk, also of what lies outside the array."""
        return self.chunk_shape

    def clipped_shape(self, chunk_coords: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the part of the chunk that lies within the array."""
        origin = self.chunk_origin(chunk_coords)
        return tuple(min(c, n - o) for n, c, o in zip(self.shape, self.chunk_shape, origin, strict=True))

    def spans(self, chunk_coords: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Of many chunks at once, (n, rank): origins and clipped shapes, each (n, rank)."""
        origins = chunk_coords * np.asarray(self.chunk_shape, np.int64)
        return origins, np.minimum(self.chunk_shape, np.asarray(self.shape, np.int64) - origins)

    def check(self, chunk_coords: tuple[int, ...]) -> None:
        """Raise SelectionError unless the grid has a chunk at `chunk_coords`."""
        check_coords(chunk_coords, self.grid_shape)
