"""The chunks of a dataset as columns: what every chunk index comes down to."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ChunkTable"]


@dataclass(frozen=True, slots=True, eq=False)
class ChunkTable:
    """The stored chunks of a dataset, in any order.

    coords
        (n, rank) int64, counted in chunks.
    offsets, nbytes
        (n,) int64, absolute bytes of the file.
    filter_masks
        (n,) u32: bit i set where filter i was skipped.
    """

    coords: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    nbytes: npt.NDArray[np.int64]
    filter_masks: npt.NDArray[np.uint32]

    def take(self, rows: npt.NDArray[np.intp]) -> "ChunkTable":
        """These rows."""
        return ChunkTable(self.coords[rows], self.offsets[rows], self.nbytes[rows], self.filter_masks[rows])
