"""From an orthogonal selection to the objects and chunks that hold it: arithmetic, before anything is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, product
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.mesh import Inside, axes_first, is_indexed, many_index, one_index
from zarr_hdf5.array.runs import copy_runs
from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.chunk_source import ObjectGrid, RectilinearObjectGrid
from zarr_hdf5.indexing.basic import AxisSelection, DimSelection
from zarr_hdf5.indexing.index_projection import project_index, project_index_edges
from zarr_hdf5.indexing.projection import ChunkDim, project, project_edges, slice_between

__all__ = ["Box", "ChunkPart", "ObjectPart", "Part", "SomeChunks", "plan_objects", "plan_parts", "view_of"]

Slices = tuple[slice, ...]
Values = npt.NDArray[Any]


def view_of(*index: int | slice | None) -> Any:
    """An index of numpy's; the ellipsis keeps an array of no dimensions an array."""
    return (*index, ...)


class Part(Protocol):
    """What is selected of some chunks of one object."""

    @property
    def nchunks(self) -> int:
        """How many chunks."""
        ...

    def chunks(self) -> npt.NDArray[np.intp]:
        """(m, rank): the chunks, counted within the object."""
        ...

    def split(self, most: int) -> "Iterator[Part]":
        """The same in parts of at most `most` chunks, which stay in their order."""
        ...

    def take(self, rows: npt.NDArray[np.intp]) -> "Part":
        """These of the chunks, in this order."""
        ...

    def put(self, decoded: Values, out: Values) -> None:
        """Copy the selected elements of the decoded chunks, (m, *chunk_shape), to their places in the result."""
        ...

    def fill(self, out: Values, value: Any) -> None:
        """Set their places in the result to `value`."""
        ...


class ChunkPart(NamedTuple):
    """The part of one chunk that is selected.

    in_chunk, in_out
        Where the elements are in the chunk, and where in the result.
    """

    in_chunk: Inside
    in_out: Slices


class Segment(NamedTuple):
    """Chunks that follow each other along one dimension, of each of which the same is selected.

    The result has, in `in_out`, `nchunks` times the `length` selected elements of a chunk.
    """

    chunks: slice
    nchunks: int
    in_chunk: slice
    length: int
    in_out: slice


@dataclass(frozen=True)
class Box:
    """A `Part` that is a product: along each dimension, the chunks that are touched.

    `first`: coordinates, in the grid of all chunks, of the object's first chunk.
    """

    dims: tuple[tuple[ChunkDim, ...], ...]
    first: tuple[int, ...]

    @cached_property
    def nchunks(self) -> int:
        """See `Part`."""
        return prod(map(len, self.dims))

    @property
    def size(self) -> int:
        """Number of selected elements."""
        return prod(sum(d.in_out.stop - d.in_out.start for d in dim) for dim in self.dims)

    def chunks(self) -> npt.NDArray[np.intp]:
        """See `Part`; in C order."""
        axes = [[d.chunk - first for d in dim] for dim, first in zip(self.dims, self.first, strict=True)]
        if self.nchunks == 1:
            return np.array([[chunk for (chunk,) in axes]], np.intp)
        chunks = np.empty((*map(len, axes), len(axes)), np.intp)
        for axis, along in enumerate(np.ix_(*axes)):
            chunks[..., axis] = along
        return chunks.reshape(self.nchunks, len(axes))

    def parts(self) -> Iterator[ChunkPart]:
        """The chunks one by one."""
        for dims in product(*self.dims):
            yield ChunkPart(tuple(d.in_chunk for d in dims), tuple(d.in_out for d in dims))

    def split(self, most: int) -> "Iterator[Box]":
        """See `Part`."""
        if self.nchunks <= most:
            yield self
            return
        axis = next(axis for axis, dim in enumerate(self.dims) if len(dim) > 1)
        dim = self.dims[axis]
        step = max(1, most * len(dim) // self.nchunks)
        for start in range(0, len(dim), step):
            dims = (*self.dims[:axis], dim[start : start + step], *self.dims[axis + 1 :])
            yield from replace(self, dims=dims).split(most)

    def take(self, rows: npt.NDArray[np.intp]) -> "SomeChunks":
        """See `Part`."""
        parts = list(self.parts())
        return SomeChunks(self.chunks()[rows], [parts[i] for i in rows.tolist()])

    def put(self, decoded: Values, out: Values) -> None:
        """See `Part`."""
        for chunks, index, region in self.views(decoded, out):
            copy_runs(region, chunks[index])

    def overwrite(self, chunks: Values, value: Values) -> None:
        """See `WritablePart`."""
        for new, index, region in self.views(chunks, value):
            if index is ...:
                copy_runs(new, region)
            else:
                new[index] = region

    def fill(self, out: Values, value: Any) -> None:
        """See `Part`."""
        out[self.in_out] = value

    def views(self, chunks: Values, array: Values) -> Iterator[tuple[Values, Any, Values]]:
        """Views of `chunks`, (m, *chunk_shape), the index of each, and views of `array` that hold the same elements."""
        if self.nchunks == 1:
            (dims,) = product(*self.dims)
            index = one_index(tuple([d.in_chunk for d in dims]), chunks.shape[1:])
            yield chunks[view_of(0)], index, array[view_of(*(d.in_out for d in dims))]
            return
        many = [axis for axis, dim in enumerate(self.dims) if len(dim) > 1]
        indexed = [axis for axis, dim in enumerate(self.dims) if is_indexed(dim)]
        index = many_index(self.dims, many, indexed) if indexed else ...
        cut = [axis for axis in many if axis not in indexed]
        grid = chunks.reshape([len(self.dims[axis]) for axis in many] + list(chunks.shape[1:]))
        for segments in product(*map(_segments, self.dims)):
            which = (segments[axis].chunks for axis in many)
            some = grid[view_of(*which, *(s.in_chunk for s in segments))]
            region = _by_chunk(array[view_of(*(s.in_out for s in segments))], segments, cut)
            if indexed:
                axes = [*many, *range(len(self.dims))]
                some = axes_first(some, [i for i, axis in enumerate(axes) if axis in indexed])
                region = axes_first(region, [len(cut) + axis for axis in indexed])
            yield some, index, region

    @cached_property
    def in_out(self) -> Slices:
        """The block of the result that this part fills."""
        spans = []
        for dim in self.dims:
            ends = [(d.in_out.start, d.in_out.stop) for d in (dim[0], dim[-1])]
            spans.append(slice(min(e[0] for e in ends), max(e[1] for e in ends)))
        return tuple(spans)

    def covers(self, shape: tuple[int, ...]) -> bool:
        """Whether all elements of chunks of `shape` are selected, also those outside the array, in their order."""
        return all(
            d.in_out.stop - d.in_out.start == n and (n == 1 or not isinstance(d.in_chunk, slice) or d.in_chunk.step > 0)
            for dim, n in zip(self.dims, shape, strict=True)
            for d in dim
        )

    def partial(self) -> list[int]:
        """Rows of the chunks that have elements within the array that are not selected."""
        if all(d.whole for dim in self.dims for d in dim):
            return []
        return [row for row, dims in enumerate(product(*self.dims)) if not all(d.whole for d in dims)]


def _segments(dim: tuple[ChunkDim, ...]) -> list[Segment]:
    segments: list[Segment] = []
    first = 0
    for i, d in enumerate(dim):
        after = dim[i + 1] if i + 1 < len(dim) else None
        if isinstance(d.in_chunk, np.ndarray):  # all at once
            begin, end = d.in_out.start, dim[-1].in_out.stop
            return [Segment(slice(None), len(dim), slice(None), end - begin, slice(begin, end))]
        if after is None or after.in_chunk != d.in_chunk or after.in_out.start != d.in_out.stop:
            begin = dim[first].in_out.start
            length = d.in_out.stop - d.in_out.start
            segments.append(
                Segment(slice(first, i + 1), i + 1 - first, d.in_chunk, length, slice(begin, d.in_out.stop))
            )
            first = i + 1
    return segments


def _by_chunk(region: Values, segments: Sequence[Segment], many: list[int]) -> Values:
    """`region` with the dimensions `many` split, into chunks (these come first) and elements."""
    shape: list[int] = []
    front: list[int] = []
    back: list[int] = []
    for axis, segment in enumerate(segments):
        if axis in many:
            front.append(len(shape))
            shape.append(segment.nchunks)
        back.append(len(shape))
        shape.append(segment.length)
    return region.reshape(shape).transpose(front + back)  # a view: dimensions are only split


@dataclass(frozen=True, slots=True)
class SomeChunks:
    """A `Part` of chunks in any order."""

    coords: npt.NDArray[np.intp]
    each: Sequence[ChunkPart]

    @property
    def nchunks(self) -> int:
        """See `Part`."""
        return len(self.each)

    @property
    def size(self) -> int:
        """Number of selected elements."""
        return sum(prod(s.stop - s.start for s in part.in_out) for part in self.each)

    def parts(self) -> Iterator[ChunkPart]:
        """The chunks one by one."""
        return iter(self.each)

    def chunks(self) -> npt.NDArray[np.intp]:
        """See `Part`."""
        return self.coords

    def split(self, most: int) -> "Iterator[SomeChunks]":
        """See `Part`."""
        for start in range(0, len(self.each), most):
            yield SomeChunks(self.coords[start : start + most], self.each[start : start + most])

    def take(self, rows: npt.NDArray[np.intp]) -> "SomeChunks":
        """See `Part`."""
        return SomeChunks(self.coords[rows], [self.each[i] for i in rows.tolist()])

    def put(self, decoded: Values, out: Values) -> None:
        """See `Part`."""
        for row, part in enumerate(self.each):
            copy_runs(out[view_of(*part.in_out)], decoded[view_of(row)][one_index(part.in_chunk, decoded.shape[1:])])

    def fill(self, out: Values, value: Any) -> None:
        """See `Part`."""
        for part in self.each:
            out[part.in_out] = value


@dataclass(frozen=True, slots=True)
class ObjectPart:
    """The part of one object that is selected."""

    coords: tuple[int, ...]
    part: Part


@dataclass(frozen=True, slots=True)
class ObjectBox(ObjectPart):
    """An `ObjectPart` that is a box."""

    part: Box
    whole: bool


def plan_parts(dims: tuple[DimSelection, ...], grid: ObjectGrid) -> Iterator[ObjectPart]:
    """What a selection takes of each object, in C order."""
    if isinstance(grid, RectilinearObjectGrid):
        return plan_objects(dims, grid)
    chunk: list[int] = []
    in_chunk: list[slice] = []
    for dim, length in zip(dims, grid.chunk_shape, strict=True):
        number, first = divmod(dim.start, length)
        last = first + (dim.count - 1) * dim.step
        if not 0 <= last < length or not dim.count:
            return plan_objects(dims, grid)
        chunk.append(number)
        in_chunk.append(slice_between(first, last, dim.step))
    # By far the most frequent of small selections: all in one chunk.
    pairs = [divmod(number, count) for number, count in zip(chunk, grid.chunks_per_object, strict=True)]
    coords = np.array([[within for _, within in pairs]], np.intp)
    part = ChunkPart(tuple(in_chunk), tuple([slice(0, dim.count) for dim in dims]))
    return iter([ObjectPart(tuple([number for number, _ in pairs]), SomeChunks(coords, [part]))])


def plan_objects(dims: tuple[AxisSelection, ...], grid: ObjectGrid) -> Iterator[ObjectBox]:
    """The objects that a selection touches, in C order.

    `whole`: every element of the object that lies within the array is selected.
    """
    if any(dim.count == 0 for dim in dims):
        return
    if isinstance(grid, RectilinearObjectGrid):
        units = (None,) * len(dims) if grid.single else grid.chunk_shape
        along = map(_listed_objects_along, dims, grid.shape, grid.edges, units)
    else:
        along = map(_objects_along, dims, grid.shape, grid.chunk_shape, grid.chunks_per_object)
    for combination in product(*along):
        coords, parts, wholes = zip(*combination, strict=True) if combination else ((), (), ())
        yield ObjectBox(coords, Box(parts, grid.first_chunk(coords)), all(wholes))


Along = list[tuple[int, tuple[ChunkDim, ...], bool]]


def _objects_along(dim: AxisSelection, length: int, chunk: int, count: int) -> Along:
    """Along one dimension: each object that is touched, which chunks of it, and whether that is the whole of it."""
    touched = _touched(dim, length, chunk)
    first, last = touched[0].chunk // count, touched[-1].chunk // count
    if first == last:
        parts = [(first, tuple(touched))]
    else:
        parts = [(i, tuple(part)) for i, part in groupby(touched, lambda d: d.chunk // count)]
    nchunks = -(-length // chunk)
    return [(i, part, len(part) == min(count, nchunks - i * count) and all(d.whole for d in part)) for i, part in parts]


def _touched(dim: AxisSelection, length: int, chunk: int | ChunkEdges) -> list[ChunkDim]:
    """What is selected of chunks of one length, or of these lengths."""
    if isinstance(dim, DimSelection):
        return project(dim, length, chunk) if isinstance(chunk, int) else project_edges(dim, length, chunk)
    return project_index(dim, length, chunk) if isinstance(chunk, int) else project_index_edges(dim, length, chunk)


def _listed_objects_along(dim: AxisSelection, length: int, edges: ChunkEdges, chunk: int | None) -> Along:
    """The same for objects of these lengths, of chunks of one length each, or None where each is one chunk."""
    if chunk is None:
        return [(part.chunk, (part,), part.whole) for part in _touched(dim, length, edges)]
    parts: Along = []
    for i, group in groupby(_touched(dim, length, chunk), lambda d: edges.chunk_at(d.chunk * chunk)):
        within = tuple(group)
        begin, end = edges.bounds(i)
        nchunks = -(-(min(end, length) - begin) // chunk)
        parts.append((i, within, len(within) == nchunks and all(d.whole for d in within)))
    return parts
