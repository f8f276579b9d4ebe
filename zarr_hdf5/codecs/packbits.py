"""The `packbits` codec: only those bits of the elements that mean something, one behind the other.

https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/packbits
Bits are counted from the least significant one, of elements and of bytes alike. What is cut off is not written, and
comes back as the sign of signed integers, else as zeros.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, Buffers, as_rows
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.numbers import bits_of, component_of, kind_of
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import CorruptDataError, Problem, UnsupportedFeatureError
from zarr_hdf5.scratch import Allocate, fresh

__all__ = ["PackBitsCodec", "parse_packbits"]

Bytes = npt.NDArray[np.uint8]

_BLOCK = 1 << 16
"""Components that are taken apart into single bits at a time: each bit takes a byte meanwhile."""


@dataclass(frozen=True, slots=True)
class PackBitsCodec:
    """Bits `first_bit` to `last_bit` of each component; None are the first and the last that mean something.

    `padding_encoding` ("none", "first_byte" or "last_byte") is where the number of padding bits is written.
    """

    padding_encoding: str = "none"
    first_bit: int | None = None
    last_bit: int | None = None
    name: ClassVar[str] = "packbits"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        bits = {"first_bit": self.first_bit, "last_bit": self.last_bit}
        return {
            "padding_encoding": self.padding_encoding,
            **{key: bit for key, bit in bits.items() if bit is not None},
        }

    def resolve(self, spec: ChunkSpec) -> "PackBitsCodec":
        """This codec, once it is sure that it applies. Raises UnsupportedFeatureError."""
        component, _ = component_of(spec.dtype)
        if not kind_of(component):
            raise UnsupportedFeatureError(f"packbits does not apply to {spec.dtype}")
        first, last = self._bits(component)
        if not first <= last < bits_of(component):
            raise UnsupportedFeatureError(f"packbits: bits {first} to {last} of {spec.dtype}")
        return self

    def encoded_nbytes(self, spec: ChunkSpec) -> int:
        """Length of the encoded chunk."""
        return -(-self._nbits(spec) // 8) + (self.padding_encoding != "none")

    def max_encoded_nbytes(self, spec: ChunkSpec) -> int:
        """The same."""
        return self.encoded_nbytes(spec)

    def serialize(self, array: npt.NDArray[Any], spec: ChunkSpec) -> Buffer:
        """Encode a chunk of `spec`."""
        return self.serialize_many(array[np.newaxis], spec)[0]

    def serialize_many(self, arrays: npt.NDArray[Any], spec: ChunkSpec, allocate: Allocate = fresh) -> Buffers:
        """See `BatchArrayBytesCodec`."""
        component, _ = component_of(spec.dtype)
        first, last = self._bits(component)
        little_endian = arrays.astype(spec.dtype.newbyteorder("<"), copy=False)
        flat = np.ascontiguousarray(little_endian).reshape(len(arrays), -1).view(np.uint8)
        elements = flat.reshape(len(arrays), -1, component.itemsize)
        rows = allocate(len(arrays) * self.encoded_nbytes(spec)).reshape(len(arrays), -1)
        padding, packed = self._parts(rows)
        padding[...] = -self._nbits(spec) % 8
        for components, place in _blocks(elements, last - first + 1):
            packed[:, place] = _pack(elements[:, components], first, last)
        return rows

    def deserialize(self, buffer: Buffer, spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode to an array of `spec`. Raises CorruptDataError."""
        array: npt.NDArray[Any] = self.deserialize_many([buffer], spec)[0, ...]
        return array

    def deserialize_many(self, buffers: Buffers, spec: ChunkSpec, allocate: Allocate = fresh) -> npt.NDArray[Any]:
        """See `BatchArrayBytesCodec`."""
        rows = as_rows(buffers, allocate)
        if rows.shape[1] != self.encoded_nbytes(spec):
            raise CorruptDataError(
                "a chunk is not of its exact length",
                structure=self.name,
                expected=f"{self.encoded_nbytes(spec)} bytes",
                found=f"{rows.shape[1]} bytes",
            )
        padding, packed = self._parts(rows)
        wanted = -self._nbits(spec) % 8
        if (padding != wanted).any():
            raise CorruptDataError("wrong padding", structure=self.name, expected=wanted, found=int(padding.max()))
        component, count = component_of(spec.dtype)
        first, last = self._bits(component)
        signed = kind_of(component) in "imM"
        elements = allocate(len(rows) * spec.nbytes).reshape(len(rows), spec.size * count, component.itemsize)
        for components, place in _blocks(elements, last - first + 1):
            _unpack(packed[:, place], first, last, signed, elements[:, components])
        decoded = elements.reshape(len(rows), -1).view(spec.dtype.newbyteorder("<")).reshape(len(rows), *spec.shape)
        return decoded.astype(spec.dtype, copy=False)

    def _bits(self, component: np.dtype[Any]) -> tuple[int, int]:
        last = self.last_bit if self.last_bit is not None else bits_of(component) - 1
        return self.first_bit or 0, last

    def _nbits(self, spec: ChunkSpec) -> int:
        component, count = component_of(spec.dtype)
        first, last = self._bits(component)
        return spec.size * count * (last - first + 1)

    def _parts(self, rows: Bytes) -> tuple[Bytes, Bytes]:
        """(n, 0 or 1): the bytes with the number of padding bits; and the packed ones."""
        match self.padding_encoding:
            case "first_byte":
                return rows[:, :1], rows[:, 1:]
            case "last_byte":
                return rows[:, -1:], rows[:, :-1]
        return rows[:, :0], rows


def _blocks(elements: Bytes, width: int) -> Iterator[tuple[slice, slice]]:
    """Components of (n, components, bytes of one), and the bytes that `width` bits of each of them fill."""
    n, count, _ = elements.shape
    step = max(_BLOCK // n // 8, 1) * 8
    for start in range(0, count, step):
        end = min(start + step, count)
        yield slice(start, end), slice(start * width // 8, -(-end * width // 8))


def _pack(elements: Bytes, first: int, last: int) -> Bytes:
    """From (n, components, bytes of one) to (n, bytes)."""
    if first % 8 == 0 and last % 8 == 7:
        return elements[:, :, first // 8 : last // 8 + 1].reshape(len(elements), -1)
    if first == last == 0:
        return np.packbits(elements[:, :, 0] & 1, axis=1, bitorder="little")
    bits = np.unpackbits(elements, axis=2, bitorder="little")[:, :, first : last + 1]
    return np.packbits(bits.reshape(len(elements), -1), axis=1, bitorder="little")


def _unpack(packed: Bytes, first: int, last: int, signed: bool, elements: Bytes) -> None:
    """The way back, into (n, components, bytes of one)."""
    n, count, size = elements.shape
    width = last - first + 1
    if width == 8 * size:
        elements[...] = packed.reshape(elements.shape)
        return
    found = np.unpackbits(packed, axis=1, count=count * width, bitorder="little").reshape(n, count, width)
    if first == last == 0 and size == 1 and not signed:
        elements[...] = found
        return
    bits = np.zeros((n, count, 8 * size), np.uint8)
    bits[:, :, first : last + 1] = found
    if signed:
        bits[:, :, last + 1 :] = found[:, :, -1:]
    elements[...] = np.packbits(bits, axis=2, bitorder="little")


def parse_packbits(configuration: Configuration, path: Path, problems: list[Problem]) -> PackBitsCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    padding = fields.choice("padding_encoding", "none", ("none", "first_byte", "last_byte"))
    first, last = fields.integer("first_bit", None, 0, 63), fields.integer("last_bit", None, 0, 63)
    if first is not None and last is not None and last < first:
        fields.problem("last_bit", f"must not be less than first_bit, {first}")
    return fields.finish(PackBitsCodec(padding, first, last))
