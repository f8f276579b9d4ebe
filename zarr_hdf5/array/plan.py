"""From a selection to the objects and chunks that hold it: arithmetic, before anything is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, product
from math import prod

import numpy as np
import numpy.typing as npt

from zarr_hdf5.chunk_source import ObjectGrid
from zarr_hdf5.indexing.basic import DimSelection
from zarr_hdf5.indexing.projection import ChunkDim, project

__all__ = ["ChunkPart", "ObjectPart", "plan_objects"]

Slices = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class ChunkPart:
    """The part of one chunk that is selected.

    in_chunk, in_out
        Where the elements are in the chunk, and where in the result.
    whole
        Whether these are all elements of the chunk that lie within the array.
    """

    in_chunk: Slices
    in_out: Slices
    whole: bool


@dataclass(frozen=True)
class ObjectPart:
    """The part of one object that is selected: along each dimension, the chunks that are touched."""

    coords: tuple[int, ...]
    grid: ObjectGrid
    dims: tuple[tuple[ChunkDim, ...], ...]

    @property
    def nchunks(self) -> int:
        """Chunks touched."""
        return prod(len(dim) for dim in self.dims)

    def chunks(self) -> npt.NDArray[np.intp]:
        """(m, rank): the touched chunks, counted within the object, in C order."""
        counts = self.grid.chunks_per_object
        axes = [[d.chunk % n for d in dim] for dim, n in zip(self.dims, counts, strict=True)]
        return np.array(list(product(*axes)), np.intp).reshape(self.nchunks, len(axes))

    def parts(self) -> Iterator[ChunkPart]:
        """The touched chunks in the same order."""
        for dims in product(*self.dims):
            yield ChunkPart(tuple(d.in_chunk for d in dims), tuple(d.in_out for d in dims), all(d.whole for d in dims))

    @cached_property
    def in_out(self) -> Slices:
        """The block of the result that this object fills."""
        spans = []
        for dim in self.dims:
            ends = [(d.in_out.start, d.in_out.stop) for d in (dim[0], dim[-1])]
            spans.append(slice(min(e[0] for e in ends), max(e[1] for e in ends)))
        return tuple(spans)

    @cached_property
    def whole(self) -> bool:
        """Whether every element of the object that lies within the array is selected."""
        valid = self.grid.objects.clipped_shape(self.coords)
        return all(
            all(d.whole for d in dim) and len(dim) == -(-length // chunk)
            for dim, length, chunk in zip(self.dims, valid, self.grid.chunk_shape, strict=True)
        )


def plan_objects(dims: tuple[DimSelection, ...], grid: ObjectGrid) -> Iterator[ObjectPart]:
    """The objects that a selection touches, in C order."""
    if any(dim.count == 0 for dim in dims):
        return
    along: list[list[tuple[int, tuple[ChunkDim, ...]]]] = []
    for dim, length, chunk, count in zip(dims, grid.shape, grid.chunk_shape, grid.chunks_per_object, strict=True):
        touched = project(dim, length, chunk)
        along.append([(i, tuple(part)) for i, part in groupby(touched, lambda d, n=count: d.chunk // n)])  # type: ignore[misc]
    for combination in product(*along):
        yield ObjectPart(tuple(i for i, _ in combination), grid, tuple(part for _, part in combination))
