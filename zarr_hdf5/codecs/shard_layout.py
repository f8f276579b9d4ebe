"""How inner chunks are arranged in a shard, to any depth of nesting.

A shard of shards is one `ShardLayout` of several levels, whose innermost chunks are numbered through: outer chunk by
outer chunk, each in C order. Placing them is arithmetic on lengths, done before a byte is written.
Source: Zarr v3 specification, codec `sharding_indexed`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, byte_view, nbytes_of
from zarr_hdf5.codecs.shard_index import ShardIndex, ShardIndexFormat
from zarr_hdf5.errors import UnsupportedFeatureError

__all__ = ["PlacedChunks", "ShardLayout"]

MAX_GAP = 1 << 20
"""Bytes between two chunks that a predefined index may leave unused in a shard that is written."""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedChunks:
    """Chunks put one behind the other.

    parts
        What to write from `start` on: chunks and, in a shard of shards, inner indexes.
    end
        First byte behind the parts.
    top
        Entries of the outermost index.
    offsets, nbytes
        (n,) int64: where each innermost chunk lies, by its number; -1 where absent.
    """

    parts: list[Buffer]
    end: int
    top: ShardIndex
    offsets: npt.NDArray[np.int64]
    nbytes: npt.NDArray[np.int64]


@dataclass(frozen=True)
class ShardLayout:
    """The levels of a shard, outermost first; `chunk_shape` is that of the innermost chunks."""

    levels: tuple[ShardIndexFormat, ...]
    chunk_shape: tuple[int, ...]

    @cached_property
    def chunks_per_shard(self) -> tuple[int, ...]:
        """Innermost chunks along each dimension."""
        return tuple(prod(n) for n in zip(*(level.chunks_per_shard for level in self.levels), strict=True))

    @cached_property
    def shard_shape(self) -> tuple[int, ...]:
        """Elements of a shard."""
        return tuple(n * c for n, c in zip(self.chunks_per_shard, self.chunk_shape, strict=True))

    @cached_property
    def nchunks(self) -> int:
        """Innermost chunks in a shard."""
        return prod(self.chunks_per_shard)

    @cached_property
    def _steps(self) -> npt.NDArray[np.intp]:
        """Chunks from one to the next along each dimension, in C order."""
        counts = self.chunks_per_shard
        return np.array([prod(counts[axis + 1 :]) for axis in range(len(counts))], np.intp)

    def numbers(self, coords: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Numbers of the innermost chunks at `coords`, (m, rank) within the shard."""
        if len(self.levels) == 1:
            return np.asarray(coords @ self._steps, np.intp)
        number = np.zeros(len(coords), np.intp)
        rest = coords
        for depth, level in enumerate(self.levels):
            below = ShardLayout(self.levels[depth + 1 :], self.chunk_shape)
            step = np.asarray(below.chunks_per_shard if below.levels else [1] * coords.shape[1], np.intp)
            outer = rest // step
            number = number * prod(level.chunks_per_shard)
            number += np.ravel_multi_index(tuple(outer.T), level.chunks_per_shard)
            rest = rest % step
        return number

    def all_coords(self) -> npt.NDArray[np.intp]:
        """(n, rank): where each innermost chunk is in the shard, in C order of the grid."""
        return np.indices(self.chunks_per_shard, np.intp).reshape(len(self.chunk_shape), -1).T

    def place(self, chunks: Sequence[Buffer | None], start: int) -> PlacedChunks:
        """Put the encoded chunks (by number; None: absent) one behind the other from byte `start` on."""
        return _place(self.levels, chunks, start)

    @property
    def chunks_begin(self) -> int:
        """Where the chunks of a plain shard are placed."""
        top = self.levels[0]
        return top.nbytes if top.location == "start" else 0

    def around(self, placed: PlacedChunks) -> tuple[list[Buffer], list[Buffer]]:
        """What lies before the placed chunks of a plain shard, and what behind them: the outermost index."""
        top = self.levels[0]
        index: list[Buffer] = [top.encode(placed.top)]
        return (index, []) if top.location == "start" else ([], index)

    def assemble(self, chunks: Sequence[Buffer | None]) -> list[Buffer]:
        """The parts of a plain shard of these chunks (by number)."""
        placed = self.place(chunks, self.chunks_begin)
        front, behind = self.around(placed)
        return [*front, *placed.parts, *behind]

    def assemble_predefined(self, chunks: Sequence[Buffer]) -> Buffer:
        """A plain shard of these chunks (by number), each where the predefined index has it.

        Raises
        ------
        UnsupportedFeatureError
            If shards lie within shards; or if the index lacks a chunk, or has it of another length, or together with
            other bytes, or far away from all others.
        """
        table = self.levels[0].predefined
        if table is None or len(self.levels) > 1:
            raise UnsupportedFeatureError("shards within shards, some with a predefined index, are not written")
        wanted = [(offset, nbytes) for offset, nbytes in table.tolist()]
        lengths = [nbytes_of(chunk) for chunk in chunks]
        if [nbytes for _, nbytes in wanted] != lengths:
            raise UnsupportedFeatureError("the predefined index has no place for chunks of these lengths")
        end = 0
        for offset, nbytes in sorted(wanted):
            if not end <= offset <= end + MAX_GAP:
                raise UnsupportedFeatureError("the predefined index has chunks that overlap or lie far apart")
            end = offset + nbytes
        shard = bytearray(end)
        for (offset, nbytes), chunk in zip(wanted, chunks, strict=True):
            shard[offset : offset + nbytes] = byte_view(chunk)
        return shard

    def locate(self, shard: memoryview) -> ShardIndex:
        """Where the innermost chunks of a whole shard in memory lie, by number. Raises CorruptDataError."""
        starts, lengths = np.zeros(1, np.int64), np.full(1, len(shard), np.int64)
        for level in self.levels:
            found = [
                level.locate(shard[start : start + length] if start >= 0 else None)
                for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
            ]
            offsets = np.stack([f.offsets for f in found])
            starts = np.where(offsets < 0, -1, offsets + starts[:, None]).ravel()
            lengths = np.stack([f.nbytes for f in found]).ravel()
        return ShardIndex(starts, lengths)


def _place(levels: tuple[ShardIndexFormat, ...], chunks: Sequence[Buffer | None], start: int) -> PlacedChunks:
    if len(levels) == 1:
        parts = [chunk for chunk in chunks if chunk is not None]
        nbytes = np.array([-1 if chunk is None else nbytes_of(chunk) for chunk in chunks], np.int64)
        lengths = np.maximum(nbytes, 0)
        offsets = np.where(nbytes < 0, np.int64(-1), start + np.cumsum(lengths) - lengths)
        return PlacedChunks(parts, start + int(lengths.sum()), ShardIndex(offsets, nbytes), offsets, nbytes)
    return _place_nested(levels, chunks, start)


def _place_nested(levels: tuple[ShardIndexFormat, ...], chunks: Sequence[Buffer | None], start: int) -> PlacedChunks:
    count = prod(levels[0].chunks_per_shard)
    each = len(chunks) // count
    top = ShardIndex(np.full(count, -1, np.int64), np.full(count, -1, np.int64))
    offsets, nbytes = np.full(len(chunks), -1, np.int64), np.full(len(chunks), -1, np.int64)
    parts: list[Buffer] = []
    for i in range(count):
        inner = chunks[i * each : (i + 1) * each]
        if all(chunk is None for chunk in inner):
            continue
        index_format = levels[1]
        at_start = index_format.location == "start"
        placed = _place(levels[1:], inner, start + (index_format.nbytes if at_start else 0))
        # An inner shard's index counts from the inner shard's own first byte.
        relative = ShardIndex(np.where(placed.top.offsets < 0, -1, placed.top.offsets - start), placed.top.nbytes)
        index = index_format.encode(relative)
        parts += [index, *placed.parts] if at_start else [*placed.parts, index]
        end = placed.end + (0 if at_start else index_format.nbytes)
        top.offsets[i], top.nbytes[i] = start, end - start
        offsets[i * each : (i + 1) * each], nbytes[i * each : (i + 1) * each] = placed.offsets, placed.nbytes
        start = end
    return PlacedChunks(parts, start, top, offsets, nbytes)
