"""Lengths of the chunks along one dimension, as runs of equal ones.

zarr-extensions, chunk grid `rectilinear`, "Chunk edge lengths" and "Run-length encoding":
https://github.com/zarr-developers/zarr-extensions/tree/main/chunk-grids/rectilinear

A run of a billion chunks takes no more memory or time than a run of one: nothing here is proportional to the number
of chunks, only to that of runs.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby

import numpy as np
import numpy.typing as npt

from zarr_hdf5.errors import InvalidMetadataError

__all__ = ["ChunkEdges", "Run"]

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """Chunks of one length that follow each other.

    first
        Number of the first chunk.
    begin, end
        Position of its first element, and the one behind the last element of the run.
    length
        Of each chunk, in elements.
    """

    first: int
    begin: int
    end: int
    length: int


@dataclass(frozen=True)
class ChunkEdges:
    """`runs`: (length, count) of chunks that follow each other; no two neighbours are of one length.

    Raises
    ------
    InvalidMetadataError
        If there is no run, or a length or count below 1.
    """

    runs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if not self.runs or any(length < 1 or count < 1 for length, count in self.runs):
            raise InvalidMetadataError("chunk edge lengths, and how often they occur, are at least 1")
        merged = ((n, sum(count for _, count in same)) for n, same in groupby(self.runs, lambda run: run[0]))
        object.__setattr__(self, "runs", tuple(merged))

    @classmethod
    def of(cls, lengths: Iterable[int]) -> "ChunkEdges":
        """The edges of chunks of these lengths."""
        return cls(tuple((length, 1) for length in lengths))

    @classmethod
    def regular(cls, length: int, extent: int) -> "ChunkEdges":
        """As many chunks of one length as cover `extent` elements, but at least one."""
        return cls(((length, max(1, -(-extent // length))),))

    @cached_property
    def _firsts(self) -> list[int]:
        return list(accumulate((count for _, count in self.runs), initial=0))

    @cached_property
    def _begins(self) -> list[int]:
        return list(accumulate((length * count for length, count in self.runs), initial=0))

    @cached_property
    def _columns(self) -> tuple[Numbers, Numbers, Numbers]:
        """Of each run: number of the first chunk, position of its first element, length of a chunk."""
        columns = (self._firsts[:-1], self._begins[:-1], [length for length, _ in self.runs])
        firsts, begins, lengths = (np.array(column, np.int64) for column in columns)
        return firsts, begins, lengths

    @property
    def nchunks(self) -> int:
        """Number of chunks."""
        return self._firsts[-1]

    @property
    def extent(self) -> int:
        """Elements in all of them."""
        return self._begins[-1]

    @property
    def lengths(self) -> set[int]:
        """The different lengths."""
        return {length for length, _ in self.runs}

    def run_at(self, position: int) -> Run:
        """The run that holds the element at `position`, from 0 to `extent` - 1."""
        i = bisect_right(self._begins, position) - 1
        return Run(self._firsts[i], self._begins[i], self._begins[i + 1], self.runs[i][0])

    def chunk_at(self, position: int) -> int:
        """Number of the chunk that holds the element at `position`, from 0 to `extent` - 1."""
        run = self.run_at(position)
        return run.first + (position - run.begin) // run.length

    def bounds(self, chunk: int) -> tuple[int, int]:
        """Position of the first element of a chunk, from 0 to `nchunks` - 1, and the one behind its last."""
        i = bisect_right(self._firsts, chunk) - 1
        length = self.runs[i][0]
        begin = self._begins[i] + (chunk - self._firsts[i]) * length
        return begin, begin + length

    def chunks_at(self, positions: Numbers) -> Numbers:
        """`chunk_at` of many positions."""
        firsts, begins, lengths = self._columns
        i = begins.searchsorted(positions, "right") - 1
        return np.asarray(firsts[i] + (positions - begins[i]) // lengths[i], np.int64)

    def spans(self, chunks: Numbers) -> tuple[Numbers, Numbers]:
        """Positions of the first elements of many chunks, and the chunks' lengths."""
        firsts, begins, lengths = self._columns
        i = firsts.searchsorted(chunks, "right") - 1
        return begins[i] + (chunks - firsts[i]) * lengths[i], lengths[i]

    def count_within(self, extent: int) -> int:
        """Number of chunks that hold one of the first `extent` elements."""
        return self.chunk_at(extent - 1) + 1 if extent else 0

    def grown(self, extent: int, unit: int = 1) -> "ChunkEdges":
        """Edges that cover `extent` elements: these, and one more chunk, a multiple of `unit`, where they do not."""
        missing = extent - self.extent
        return self if missing <= 0 else ChunkEdges((*self.runs, (-(-missing // unit) * unit, 1)))
