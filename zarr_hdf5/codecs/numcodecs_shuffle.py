"""`numcodecs.shuffle`: the first bytes of all elements, then the second bytes, and so on; HDF5's shuffle filter.

Source: zarr-python's `zarr.codecs.numcodecs`, numcodecs' `Shuffle`.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numcodecs
import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.bounded_decompression import check_room
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import Problem

__all__ = ["ShuffleCodec", "parse_shuffle"]


@dataclass(frozen=True, slots=True)
class ShuffleCodec:
    """Byte shuffle of elements of `elementsize` bytes; None until the data type is known."""

    elementsize: int | None = None
    name: ClassVar[str] = "numcodecs.shuffle"

    def configuration(self) -> Configuration:
        """The JSON `configuration`; complete once resolved."""
        return {} if self.elementsize is None else {"elementsize": self.elementsize}

    def resolve(self, spec: ChunkSpec) -> "ShuffleCodec":
        """This codec with the size of the data type's elements, where it has none."""
        return replace(self, elementsize=spec.dtype.itemsize) if self.elementsize is None else self

    def encoded_nbytes(self, nbytes: int) -> int:
        """No change."""
        return nbytes

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """No change."""
        return nbytes

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode. Raises ValueError for a buffer that is no whole number of elements."""
        return numcodecs.Shuffle(self.elementsize).encode(byte_view(buffer)) if self._moves else buffer

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError, and ValueError for a buffer that is no whole number of elements."""
        view = byte_view(buffer)
        check_room(len(view), max_nbytes, self.name)
        # A memoryview of an array, not `np.frombuffer`, which takes no empty buffer.
        return _unshuffle(np.asarray(view).reshape(self.elementsize or 1, -1)) if self._moves else view

    @property
    def _moves(self) -> bool:
        return self.elementsize is not None and self.elementsize > 1


# Assigning more columns than this one by one takes longer than a transposed copy.
_MANY_PLANES = 16


def _unshuffle(planes: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Elements from their planes, (bytes of an element, elements).

    By NumPy, because it lets go of the interpreter lock; numcodecs' shuffle has one thread wait for the other.
    """
    nplanes, count = planes.shape
    if nplanes == 2:  # arithmetic is vectorised, and twice as fast as strided copies
        words: npt.NDArray[np.uint16] = planes[1].astype("<u2")
        words <<= 8
        words |= planes[0]
        return words
    elements = np.empty((count, nplanes), np.uint8)
    if nplanes > _MANY_PLANES:
        elements[...] = planes.T
        return elements
    for i, plane in enumerate(planes):
        elements[:, i] = plane
    return elements


def parse_shuffle(configuration: Configuration, path: Path, problems: list[Problem]) -> ShuffleCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(ShuffleCodec(fields.integer("elementsize", None, 0)))
