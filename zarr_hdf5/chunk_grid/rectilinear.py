"""zarr-extensions, "Rectilinear chunk grid": chunks whose lengths are listed, for each dimension.

https://github.com/zarr-developers/zarr-extensions/tree/main/chunk-grids/rectilinear

Arithmetic only, as for regular grids.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from zarr_hdf5.chunk_grid.edges import ChunkEdges
from zarr_hdf5.chunk_grid.protocol import check_coords
from zarr_hdf5.errors import InvalidMetadataError

__all__ = ["RectilinearChunkGrid"]

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RectilinearChunkGrid:
    """A `ChunkGrid` of chunks of many shapes.

    Attributes
    ----------
    shape
        Of the array, in elements.
    edges
        One for each dimension; chunks may lie beyond the array, and are then not counted.

    Raises
    ------
    InvalidMetadataError
        If the two are not of one rank, or the edges do not cover the array.
    """

    shape: tuple[int, ...]
    edges: tuple[ChunkEdges, ...]

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.edges):
            raise InvalidMetadataError(f"chunk edges of {len(self.edges)} dimensions for shape {self.shape}")
        if any(not 0 <= length <= edges.extent for length, edges in zip(self.shape, self.edges, strict=True)):
            raise InvalidMetadataError(f"chunks do not cover an array of shape {self.shape}")

    @cached_property
    def grid_shape(self) -> tuple[int, ...]:
        """See `ChunkGrid`."""
        return tuple(edges.count_within(length) for length, edges in zip(self.shape, self.edges, strict=True))

    @property
    def nchunks(self) -> int:
        """See `ChunkGrid`."""
        return math.prod(self.grid_shape)

    def chunk_origin(self, chunk_coords: tuple[int, ...]) -> tuple[int, ...]:
        """See `ChunkGrid`."""
        return tuple(begin for begin, _ in self._bounds(chunk_coords))

    def shape_of(self, chunk_coords: tuple[int, ...]) -> tuple[int, ...]:
        """See `ChunkGrid`."""
        return tuple(end - begin for begin, end in self._bounds(chunk_coords))

    def clipped_shape(self, chunk_coords: tuple[int, ...]) -> tuple[int, ...]:
        """See `ChunkGrid`."""
        pairs = zip(self._bounds(chunk_coords), self.shape, strict=True)
        return tuple(min(end, length) - begin for (begin, end), length in pairs)

    def spans(self, chunk_coords: Numbers) -> tuple[Numbers, Numbers]:
        """See `ChunkGrid`."""
        origins, lengths = np.empty_like(chunk_coords), np.empty_like(chunk_coords)
        for axis, edges in enumerate(self.edges):
            origins[:, axis], lengths[:, axis] = edges.spans(chunk_coords[:, axis])
        return origins, np.minimum(lengths, np.asarray(self.shape, np.int64) - origins)

    def check(self, chunk_coords: tuple[int, ...]) -> None:
        """See `ChunkGrid`."""
        check_coords(chunk_coords, self.grid_shape)

    def _bounds(self, chunk_coords: tuple[int, ...]) -> list[tuple[int, int]]:
        return [edges.bounds(i) for edges, i in zip(self.edges, chunk_coords, strict=True)]
