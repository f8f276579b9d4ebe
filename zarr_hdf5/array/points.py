"""From coordinates to the objects and chunks that hold them: arithmetic, before anything is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.plan import ObjectPart
from zarr_hdf5.chunk_source import ObjectGrid

__all__ = ["ObjectPoints", "Points", "plan_points"]

Numbers = npt.NDArray[np.int64]
Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A `Part` of single elements, k of them in m chunks.

    coords
        (m, rank): the chunks, within the object.
    rows
        (k,): which of the chunks each element lies in, ascending.
    in_chunk
        (rank, k): where in it.
    in_out
        (k,): its place in the result, which has one dimension.
    """

    coords: npt.NDArray[np.intp]
    rows: npt.NDArray[np.intp]
    in_chunk: Numbers
    in_out: npt.NDArray[np.intp]

    @property
    def nchunks(self) -> int:
        """See `Part`."""
        return len(self.coords)

    def chunks(self) -> npt.NDArray[np.intp]:
        """See `Part`."""
        return self.coords

    def split(self, most: int) -> "Iterator[Points]":
        """See `Part`."""
        for start in range(0, len(self.coords), most):
            first, last = self.rows.searchsorted((start, start + most)).tolist()
            rows = self.rows[first:last] - start
            coords = self.coords[start : start + most]
            yield Points(coords, rows, self.in_chunk[:, first:last], self.in_out[first:last])

    def take(self, rows: npt.NDArray[np.intp]) -> "Points":
        """See `Part`."""
        new = np.empty(len(rows), np.intp)
        new[rows] = np.arange(len(rows))
        order = new[self.rows].argsort(kind="stable")
        return Points(self.coords[rows], new[self.rows][order], self.in_chunk[:, order], self.in_out[order])

    def places(self, shape: tuple[int, ...]) -> Numbers:
        """(k,): where in its chunk of `shape` each element comes, in C order."""
        return np.array([prod(shape[axis + 1 :]) for axis in range(len(shape))], np.int64) @ self.in_chunk

    def put(self, decoded: Values, out: Values) -> None:
        """See `Part`."""
        out[self.in_out] = decoded[(self.rows, *self.in_chunk)]

    def fill(self, out: Values, value: Any) -> None:
        """See `Part`."""
        out[self.in_out] = value

    def overwrite(self, chunks: Values, value: Values) -> None:
        """See `WritablePart`; an element that is there twice gets the last of its values."""
        chunks[(self.rows, *self.in_chunk)] = value[self.in_out]

    def covers(self, shape: tuple[int, ...]) -> bool:
        """See `WritablePart`; nobody counts."""
        return False

    def partial(self) -> list[int]:
        """See `WritablePart`."""
        return list(range(len(self.coords)))


@dataclass(frozen=True, slots=True)
class ObjectPoints(ObjectPart):
    """An `ObjectPart` of single elements."""

    part: Points
    whole: bool = False


def plan_points(points: Numbers, grid: ObjectGrid) -> Iterator[ObjectPoints]:
    """The objects that hold `points`, (rank, n), and their chunks, in C order; the result is theirs, (n,).

    Points of one chunk keep their order.
    """
    if not points.shape[1]:
        return
    chunks, objects, in_chunk = grid.place(points)
    order, begins = _sorted(np.concatenate([objects, chunks]))
    in_chunk = in_chunk[:, order]
    chunk_of = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(order)))
    chunks, objects = chunks[:, order[begins]], objects[:, order[begins]]  # from here on one for each chunk
    object_begins = _begins(objects)
    first_chunks = grid.first_chunks(objects[:, object_begins])
    ends, stops = [*begins.tolist(), len(order)], [*object_begins[1:].tolist(), len(begins)]
    for i, (first, stop) in enumerate(zip(object_begins.tolist(), stops, strict=True)):
        some = slice(ends[first], ends[stop])
        coords = (chunks[:, first:stop] - first_chunks[:, i : i + 1]).T
        part = Points(coords, chunk_of[some] - first, in_chunk[:, some], order[some])
        yield ObjectPoints(tuple(objects[:, first].tolist()), part)


def _sorted(rows: Numbers) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The order of columns that sorts them by the first row, then by the second, ..., and where others begin in it.

    Equal ones stay in their order.
    """
    if not len(rows):
        return np.arange(rows.shape[1]), np.zeros(1, np.intp)
    sizes = tuple([int(most) + 1 for most in rows.max(axis=1)])
    if prod(sizes) >= 2**63:
        order = np.lexsort(rows[::-1])
        return order, _begins(rows[:, order])
    key = np.asarray(np.ravel_multi_index(tuple(rows), sizes))  # one number is sorted much faster than many
    order = key.argsort(kind="stable")
    return order, _begins(key[np.newaxis, order])


def _begins(columns: Numbers) -> npt.NDArray[np.intp]:
    """Where, along the second axis, a column is another than the one before."""
    changes = (columns[:, 1:] != columns[:, :-1]).any(axis=0)
    return np.concatenate([np.zeros(1, np.intp), np.flatnonzero(changes) + 1])
