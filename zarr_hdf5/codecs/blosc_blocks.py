"""Blocks of blosc chunks: many of them, of many chunks, put together to one chunk, which is decoded by one call.

Source: https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst. A chunk is a header, where each block
begins (counted from the chunk's first byte, whatever that page says), and the blocks. The last may be a shorter one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, Buffers, joined
from zarr_hdf5.scratch import Allocate, fresh

__all__ = ["SNAPPY_FORMAT", "STORED_FLAG", "VERSIONS", "ChunkBlocks", "find_blocks"]

HEADER = np.dtype(
    [
        ("version", "u1"),
        ("inner_version", "u1"),
        ("flags", "u1"),
        ("typesize", "u1"),
        ("nbytes", "<u4"),
        ("blocksize", "<u4"),
        ("cbytes", "<u4"),
    ]
)
VERSIONS = (1, 2)
STORED_FLAG = 0x02
"""There are no blocks, but the bytes as they are."""
UNSPLIT_FLAG = 0x10
"""Each block is one stream. The last one always is where it is shorter than the others."""
SNAPPY_FORMAT = 2
"""In bits 5 to 7 of the flags."""
_MAX_NBYTES = 1 << 30
"""Of chunks that are made here: far below what the numbers in them, and c-blosc, go up to."""


@dataclass(frozen=True, slots=True)
class ChunkBlocks:
    """The blocks of chunks that are encoded in the same way.

    chunks
        (n,): the chunks.
    header
        Of one of them: all but `cbytes` is the same in all.
    starts, ends
        (n, nblocks) int64: where each block begins in its chunk, and behind what no byte of it lies.
    """

    chunks: "Sequence[memoryview[int]]"
    header: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    @property
    def blocksize(self) -> int:
        """Decoded bytes of a block, other than a shorter last one."""
        return int(self.header["blocksize"])

    @property
    def nbytes(self) -> int:
        """Decoded bytes of a chunk."""
        return int(self.header["nbytes"])

    @property
    def nblocks(self) -> int:
        """Blocks of a chunk."""
        return len(self.starts[0])

    @property
    def last_nbytes(self) -> int:
        """Decoded bytes of the last block of each chunk, where it is shorter than the others; else 0."""
        return self.nbytes % self.blocksize

    def whole(self, buffers: Buffers, allocate: Allocate = fresh) -> Buffer:
        """One chunk of all blocks; `buffers` are the chunks. None of the blocks may be a shorter one."""
        lengths = np.array(list(map(len, self.chunks)), np.int64)
        begins = (np.cumsum(lengths) - lengths)[:, np.newaxis] + self.starts
        return joined(self._head(begins.reshape(-1), int(lengths.sum()), self.blocksize), buffers, allocate)

    def some(self, wanted: npt.NDArray[np.bool_], allocate: Allocate = fresh) -> Buffer:
        """One chunk of the blocks that are `wanted`, (n, nblocks), in C order; none of them may be a shorter one."""
        which = np.nonzero(wanted)
        cuts = zip(which[0].tolist(), self.starts[which].tolist(), self.ends[which].tolist(), strict=True)
        lengths = self.ends[which] - self.starts[which]
        head = self._head(np.cumsum(lengths) - lengths, int(lengths.sum()), self.blocksize)
        return joined(head, [self.chunks[row][start:end] for row, start, end in cuts], allocate)

    def last(self, row: int) -> Buffer:
        """A chunk of nothing but the shorter last block of one."""
        start, end = int(self.starts[row, -1]), int(self.ends[row, -1])
        head = self._head(np.zeros(1, np.int64), end - start, self.last_nbytes)
        return joined(head, [self.chunks[row][start:end]])

    def _head(self, begins: npt.NDArray[np.int64], nbytes: int, blocksize: int) -> bytes:
        """What comes before `nbytes` bytes in which blocks of `blocksize` begin there."""
        header, length = self.header.copy(), HEADER.itemsize + 4 * len(begins)
        header["nbytes"], header["blocksize"], header["cbytes"] = len(begins) * blocksize, blocksize, length + nbytes
        if blocksize < self.blocksize:
            header["flags"] |= UNSPLIT_FLAG
        return bytes(header.tobytes() + (begins + length).astype("<i4").tobytes())


def find_blocks(chunks: "Sequence[memoryview[int]]", nbytes: int) -> ChunkBlocks | None:
    """The blocks of chunks of `nbytes` decoded bytes each; None where they are not all sound, alike, and of blocks."""
    lengths = np.array(list(map(len, chunks)), np.int64)
    if lengths.min() < HEADER.itemsize or not 0 < len(chunks) * nbytes < _MAX_NBYTES:
        return None
    header = np.frombuffer(chunks[0], HEADER, 1)[0]
    blocksize = int(header["blocksize"])
    nblocks = -(-nbytes // blocksize) if blocksize else 0
    length = HEADER.itemsize + 4 * nblocks
    if not nblocks or (lengths <= length).any():
        return None
    begun = np.dtype([("alike", "u1", 12), ("cbytes", "<u4"), ("starts", "<i4", (nblocks,))])
    heads = np.frombuffer(b"".join([chunk[:length] for chunk in chunks]), begun)
    starts = heads["starts"].astype(np.int64)
    if (
        (heads["alike"] != heads["alike"][0]).any()
        or (heads["cbytes"] != lengths).any()
        or header["nbytes"] != nbytes
        or header["version"] not in VERSIONS
        or header["flags"] & STORED_FLAG
        or header["flags"] >> 5 == SNAPPY_FORMAT
        or (starts < length).any()
        or (starts >= lengths[:, np.newaxis]).any()
    ):
        return None
    ends = np.empty_like(starts)
    ends[:, :-1], ends[:, -1] = starts[:, 1:], lengths
    return ChunkBlocks(chunks, header, starts, np.where(ends > starts, ends, lengths[:, np.newaxis]))
