"""Which blocks of decoded chunks hold what is selected: for codecs that need not decode the others."""

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.mesh import Inside, same_inside
from zarr_hdf5.array.plan import Box, Part, SomeChunks
from zarr_hdf5.array.points import Points
from zarr_hdf5.indexing.projection import InChunk

__all__ = ["WantedOfPart", "touched_blocks", "wants_all"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WantedOfPart:
    """What `part` wants of the decoded bytes of its chunks: those of `shape`, of elements of `itemsize` bytes.

    present
        Rows of the chunks that are there, which alone are asked for.
    """

    part: Part
    present: npt.NDArray[np.intp]
    shape: tuple[int, ...]
    itemsize: int

    def blocks(self, nbytes: int) -> Mask:
        """See `Wanted`."""
        return self._blocks(nbytes)[self.present]

    def _blocks(self, nbytes: int) -> Mask:
        count = -(-prod(self.shape) * self.itemsize // nbytes)
        wanted = np.zeros((self.part.nchunks, count), np.bool_)
        if isinstance(self.part, Points):
            wanted[self.part.rows, self.part.places(self.shape) * self.itemsize // nbytes] = True
        elif isinstance(self.part, Box | SomeChunks):
            before: Inside | None = None
            for row, part in enumerate(self.part.parts()):
                if before is None or not same_inside(before, part.in_chunk):
                    before = part.in_chunk
                    wanted[row] = touched_blocks(before, self.shape, self.itemsize, nbytes)
                else:  # mostly the same is selected of many
                    wanted[row] = wanted[row - 1]
        else:
            wanted[...] = True
        return wanted


def wants_all(part: Part, shape: tuple[int, ...]) -> bool:
    """Whether all of the chunks, of `shape`, is selected; seen at a glance, or not at all."""
    if isinstance(part, Box):
        return all(d.whole for dim in part.dims for d in dim)
    if isinstance(part, SomeChunks) and part.nchunks == 1:
        return part.each[0].in_chunk == tuple([slice(0, length, 1) for length in shape])
    return False


def touched_blocks(in_chunk: Inside, shape: tuple[int, ...], itemsize: int, block_nbytes: int) -> Mask:
    """(nblocks,): the blocks of one chunk that hold what is selected of it; perhaps some between them, too."""
    nbytes = prod(shape) * itemsize
    changes = np.zeros(-(-nbytes // block_nbytes) + 1, np.int64)
    starts, row_nbytes = np.zeros(1, np.int64), nbytes
    low, high, dense = 0, itemsize - 1, False
    for inside, length in zip(in_chunk, shape, strict=True):
        row_nbytes //= length
        positions = _ascending(inside, length)
        first, last = int(positions[0]), int(positions[-1])
        # Once they begin in every block, it does not matter any more what is selected of each.
        dense = dense or 0 < (last - first) * row_nbytes <= (len(positions) - 1) * block_nbytes
        if dense:
            low, high = low + first * row_nbytes, high + last * row_nbytes
        else:
            starts = (starts[:, np.newaxis] + positions * row_nbytes).reshape(-1)
    np.add.at(changes, (starts + low) // block_nbytes, 1)
    np.add.at(changes, (starts + high) // block_nbytes + 1, -1)
    return changes[:-1].cumsum() > 0


def _ascending(inside: InChunk, length: int) -> npt.NDArray[np.int64]:
    if not isinstance(inside, slice):
        return inside
    positions = range(length)[inside]
    positions = positions if positions.step > 0 else positions[::-1]
    return np.arange(positions.start, positions.stop, positions.step)
