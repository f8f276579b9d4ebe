"""`numcodecs.shuffle`: the first bytes of all elements, then the second bytes, and so on; HDF5's shuffle filter.

Source: zarr-python's `zarr.codecs.numcodecs`, numcodecs' `Shuffle`.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, Buffers, as_rows
from zarr_hdf5.codecs.bounded_decompression import check_room
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import Problem
from zarr_hdf5.scratch import Allocate, fresh

__all__ = ["ShuffleCodec", "parse_shuffle"]

Bytes = npt.NDArray[np.uint8]


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
        return self.encode_many([buffer])[0]

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError, and ValueError for a buffer that is no whole number of elements."""
        return self.decode_many([buffer], max_nbytes)[0]

    def encode_many(self, buffers: Buffers, allocate: Allocate = fresh) -> Buffers:
        """See `BatchBytesBytesCodec`."""
        if self.elementsize is None or self.elementsize < 2:
            return buffers
        rows = as_rows(buffers, allocate)
        elements = rows.reshape(len(rows), -1, self.elementsize)
        return _shuffle(elements, allocate(rows.size)).reshape(rows.shape)

    def decode_many(self, buffers: Buffers, nbytes: int, allocate: Allocate = fresh) -> Buffers:
        """See `BatchBytesBytesCodec`."""
        rows = as_rows(buffers, allocate)
        check_room(rows.shape[1], nbytes, self.name)
        if self.elementsize is None or self.elementsize < 2:
            return rows
        planes = rows.reshape(len(rows), self.elementsize, -1)
        return _unshuffle(planes, allocate(rows.size)).reshape(rows.shape)


# numpy is faster with short words than with their bytes one by one, and always lets go of the interpreter lock.
_WORDS = {2: "<u2", 4: "<u4"}
# Assigning more columns than this one by one takes longer than a transposed copy.
_MANY_PLANES = 16


def _shuffle(elements: Bytes, out: Bytes) -> Bytes:
    """From (n, elements, bytes of an element) to (n, bytes of an element, elements), which fill `out`."""
    n, count, size = elements.shape
    planes = out.reshape(n, size, count)
    if size not in _WORDS:
        planes[...] = elements.transpose(0, 2, 1)
        return planes
    words = np.ascontiguousarray(elements).view(_WORDS[size])[..., 0]
    for i in range(size):
        np.right_shift(words, 8 * i, out=planes[:, i], casting="unsafe")
    return planes


def _unshuffle(planes: Bytes, out: Bytes) -> Bytes:
    """From (n, bytes of an element, elements) to (n, elements, bytes of an element), which fill `out`."""
    n, size, count = planes.shape
    elements = out.reshape(n, count, size)
    if size in _WORDS:
        words: Any = elements.view(_WORDS[size])[..., 0]
        words[...] = planes[:, -1]
        for i in reversed(range(size - 1)):
            words <<= 8
            words |= planes[:, i]
    elif size > _MANY_PLANES:
        elements[...] = planes.transpose(0, 2, 1)
    else:
        for i in range(size):
            elements[..., i] = planes[:, i]
    return elements


def parse_shuffle(configuration: Configuration, path: Path, problems: list[Problem]) -> ShuffleCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(ShuffleCodec(fields.integer("elementsize", None, 0)))
