"""`vlen-utf8` and `vlen-bytes`: elements of any length, one behind the other, each with its length before it.

https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/vlen-utf8
A chunk is the number of elements, then for each its number of bytes and these bytes; all
numbers are u32, little-endian.
numcodecs does the work. It trusts numbers that come with a chunk, so they are checked here before.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Any, ClassVar, Self

import numcodecs
import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import CodecError, CorruptDataError, Problem, UnsupportedFeatureError

__all__ = ["VlenBytesCodec", "VlenCodec", "VlenUTF8Codec", "parse_vlen_bytes", "parse_vlen_utf8"]

MAX_NBYTES = 2**30
"""Encoded bytes of a chunk, if it is to be written here: only the data bound it, and compressors want a bound."""

_NUMBER = Struct("<I")


@dataclass(frozen=True, slots=True)
class VlenCodec:
    """What both have in common; arrays are of Python objects of type `kind`."""

    name: ClassVar[str]
    kind: ClassVar[type]
    numcodec: ClassVar[Any]

    def configuration(self) -> Configuration:
        """Always empty."""
        return {}

    def resolve(self, spec: ChunkSpec) -> Self:
        """This codec, once it is sure that it applies. Raises UnsupportedFeatureError."""
        if spec.dtype != np.dtype(object) or not isinstance(spec.fill_value, self.kind):
            wanted = "string" if self.kind is str else "variable_length_bytes"
            raise UnsupportedFeatureError(f"{self.name}: elements of {spec.dtype}; it is for data type {wanted}")
        return self

    def encoded_nbytes(self, spec: ChunkSpec) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, spec: ChunkSpec) -> int:
        """1 GiB, or twice what only empty elements need."""
        return max(MAX_NBYTES, 8 * (1 + spec.size))

    def serialize(self, array: npt.NDArray[Any], spec: ChunkSpec) -> Buffer:
        """Encode. Raises CodecError, for an element of another kind naming it."""
        elements = np.ascontiguousarray(array).reshape(-1)
        if not elements.flags.writeable:  # which numcodecs demands
            elements = elements.copy()
        kind = self.kind
        if any(not issubclass(found, kind) for found in set(map(type, elements))):
            number = next(i for i, element in enumerate(elements) if not isinstance(element, kind))
            raise self._fault(array, number, f"{elements[number]!r:.80} is not {kind.__name__}")
        nbytes = sum(map(len, elements))  # at least; before numcodecs puts lengths into 32 bits
        if nbytes > MAX_NBYTES:
            raise self._too_long(nbytes)
        try:
            encoded: Buffer = self.numcodec.encode(elements)
        except UnicodeEncodeError as error:
            number = next(i for i, element in enumerate(elements) if not _is_text(element))
            raise self._fault(array, number, f"{elements[number]!r:.80} is no text: {error.reason}") from error
        if len(encoded) > self.max_encoded_nbytes(spec):
            raise self._too_long(len(encoded))
        return encoded

    def deserialize(self, buffer: Buffer, spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode to an array of str or bytes. Raises CorruptDataError."""
        view = byte_view(buffer)
        self._check(view, spec.size)
        array: npt.NDArray[Any] = self.numcodec.decode(view)
        return array.reshape(spec.shape)

    def _check(self, view: memoryview, size: int) -> None:
        """That there are `size` elements, which end where the chunk does."""
        end, unpack = len(view), _NUMBER.unpack_from
        found = unpack(view)[0] if end >= _NUMBER.size else None
        if found != size:
            raise CorruptDataError(
                "a chunk is not of its number of elements", structure=self.name, offset=0, expected=size, found=found
            )
        at = _NUMBER.size
        for number in range(size):
            if at + _NUMBER.size > end:
                raise CorruptDataError(f"the chunk ends before element {number}", structure=self.name, offset=at)
            at += _NUMBER.size + unpack(view, at)[0]
        if at != end:
            raise CorruptDataError(
                "a chunk is not of its exact length",
                structure=self.name,
                expected=f"{at} bytes",
                found=f"{end} bytes",
            )

    def _too_long(self, nbytes: int) -> CodecError:
        message = f"{nbytes} bytes in a chunk; more than {MAX_NBYTES} are not written"
        return CodecError(message, codec=self.name, direction="encoding")

    def _fault(self, array: npt.NDArray[Any], number: int, message: str) -> CodecError:
        coords = tuple(int(i) for i in np.unravel_index(number, array.shape)) if array.shape else ()
        return CodecError(f"element {coords} of the chunk: {message}", codec=self.name, direction="encoding")


@dataclass(frozen=True, slots=True)
class VlenUTF8Codec(VlenCodec):
    """Strings of any length."""

    name: ClassVar[str] = "vlen-utf8"
    kind: ClassVar[type] = str
    numcodec: ClassVar[Any] = numcodecs.VLenUTF8()


@dataclass(frozen=True, slots=True)
class VlenBytesCodec(VlenCodec):
    """Bytes of any length."""

    name: ClassVar[str] = "vlen-bytes"
    kind: ClassVar[type] = bytes
    numcodec: ClassVar[Any] = numcodecs.VLenBytes()


def _is_text(element: str) -> bool:
    try:
        element.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_vlen_utf8(configuration: Configuration, path: Path, problems: list[Problem]) -> VlenUTF8Codec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    return Fields(configuration, path, problems).finish(VlenUTF8Codec())


def parse_vlen_bytes(configuration: Configuration, path: Path, problems: list[Problem]) -> VlenBytesCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    return Fields(configuration, path, problems).finish(VlenBytesCodec())
