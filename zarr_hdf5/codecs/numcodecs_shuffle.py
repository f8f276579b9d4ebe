"""`numcodecs.shuffle`: the first bytes of all elements, then the second bytes, and so on; HDF5's shuffle filter.

Source: zarr-python's `zarr.codecs.numcodecs`, numcodecs' `Shuffle`.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numcodecs

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
        return numcodecs.Shuffle(self.elementsize).decode(view) if self._moves else view

    @property
    def _moves(self) -> bool:
        return self.elementsize is not None and self.elementsize > 1


def parse_shuffle(configuration: Configuration, path: Path, problems: list[Problem]) -> ShuffleCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(ShuffleCodec(fields.integer("elementsize", None, 0)))
