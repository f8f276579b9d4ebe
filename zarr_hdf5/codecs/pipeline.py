"""A chain of codecs, and the chain made ready for chunks of one shape and data type.

Source: Zarr core specification v3, "Codecs", https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#codecs
Knows the three kinds of codecs by their protocols, but no single codec. Whatever a library below raises comes out as
an error of this library, with the codec's name.
"""

import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
import numpy.typing as npt
import zstandard

from zarr_hdf5.buffer import Buffer, Buffers, as_list
from zarr_hdf5.codecs.protocol import (
    ArrayArrayCodec,
    ArrayBytesCodec,
    BlockwiseBytesBytesCodec,
    BytesBytesCodec,
    ChunkSpec,
    Codec,
    Wanted,
    is_array_array,
    is_array_bytes,
    is_batch_array_array,
    is_batch_array_bytes,
    is_batch_bytes_bytes,
    is_blockwise,
)
from zarr_hdf5.errors import CodecError, CorruptDataError, ZarrHDF5Error
from zarr_hdf5.scratch import Allocate, fresh

__all__ = ["CodecChain", "PreparedChain", "ResolvableCodec", "codec_to_json", "resolve_codec"]

# What numpy, numcodecs and the compression libraries raise for data they do not like.
_FAILURES = (
    ArithmeticError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zlib.error,
    zstandard.ZstdError,
)

C = TypeVar("C", bound=Codec)


@runtime_checkable
class ResolvableCodec(Protocol):
    """A codec that wants to see the chunk's spec once, before any chunk; any of the three kinds may."""

    def resolve(self, spec: ChunkSpec) -> Codec:
        """The codec for chunks of `spec`, the array that enters it, or for a bytes->bytes codec the chain's last array.

        Raises UnsupportedFeatureError where the codec does not apply.
        """
        ...


@runtime_checkable
class RenewableCodec(Protocol):
    """A bytes->bytes codec that decodes forms which others do not."""

    def renewed(self, buffer: Buffer) -> Buffer:
        """`buffer`, or the form of it that everybody decodes."""
        ...


def resolve_codec(codec: C, spec: ChunkSpec) -> C:
    """The codec for chunks of `spec`; see `ResolvableCodec`."""
    return codec.resolve(spec) if hasattr(codec, "resolve") else codec


def codec_to_json(codec: Codec) -> dict[str, Any]:
    """The codec's document: `name` and `configuration`, nothing else, for strict readers."""
    return {"name": codec.name, "configuration": dict(codec.configuration())}


@dataclass(frozen=True, slots=True)
class CodecChain:
    """Codecs in the order of encoding."""

    array_array: tuple[ArrayArrayCodec, ...]
    array_bytes: ArrayBytesCodec
    bytes_bytes: tuple[BytesBytesCodec, ...]

    @property
    def codecs(self) -> tuple[Codec, ...]:
        """All of them."""
        return (*self.array_array, self.array_bytes, *self.bytes_bytes)

    def to_json(self) -> list[dict[str, Any]]:
        """The `codecs` member of a metadata document."""
        return [codec_to_json(codec) for codec in self.codecs]

    def prepare(self, spec: ChunkSpec) -> "PreparedChain":
        """The chain for chunks of `spec`. Raises UnsupportedFeatureError where a codec does not apply."""
        array_array: list[tuple[ArrayArrayCodec, ChunkSpec]] = []
        encoded_spec = spec
        for filter_ in self.array_array:
            resolved = resolve_codec(filter_, encoded_spec)
            array_array.append((resolved, encoded_spec))
            encoded_spec = resolved.encoded_spec(encoded_spec)
        array_bytes = resolve_codec(self.array_bytes, encoded_spec)
        exact = array_bytes.encoded_nbytes(encoded_spec)
        longest = array_bytes.max_encoded_nbytes(encoded_spec)
        bytes_bytes: list[tuple[BytesBytesCodec, int, int]] = []
        for bit, unresolved in enumerate(self.bytes_bytes):
            codec = resolve_codec(unresolved, encoded_spec)
            # Other writers may compress worse than the libraries here do at their worst.
            limit = 2 * longest + 65536 if exact is None else exact
            bytes_bytes.append((codec, 1 << bit, limit))
            exact = None if exact is None else codec.encoded_nbytes(exact)
            longest = codec.max_encoded_nbytes(longest)
        chain = CodecChain(tuple(c for c, _ in array_array), array_bytes, tuple(c for c, _, _ in bytes_bytes))
        return PreparedChain(chain, spec, encoded_spec, exact, longest, tuple(array_array), tuple(bytes_bytes))


Arrays = npt.NDArray[Any]


Step = Callable[[Any, Allocate], Any]
"""What a codec does to many chunks: arrays, (n, *shape), or buffers. New ones lie in memory from the `Allocate`."""


def _encoder(codec: Codec, spec: ChunkSpec) -> Step:
    """What encodes many chunks, of `spec` where they are arrays."""
    if is_batch_array_array(codec):
        return lambda arrays, _: codec.encode_arrays(arrays, spec)
    if is_array_array(codec):
        return lambda arrays, _: _stack([codec.encode_array(array, spec) for array in _each(arrays)])
    if is_batch_array_bytes(codec):
        return lambda arrays, allocate: codec.serialize_many(arrays, spec, allocate)
    if is_array_bytes(codec):
        return lambda arrays, _: [codec.serialize(array, spec) for array in _each(arrays)]
    if is_batch_bytes_bytes(codec):
        return codec.encode_many
    alone = cast(BytesBytesCodec, codec)
    return lambda buffers, _: [alone.encode(buffer) for buffer in buffers]


def _array_decoder(codec: ArrayArrayCodec | ArrayBytesCodec, spec: ChunkSpec) -> Step:
    """What decodes many chunks to `spec`."""
    if is_batch_array_array(codec):
        return lambda arrays, _: codec.decode_arrays(arrays, spec)
    if is_array_array(codec):
        return lambda arrays, _: _stack([codec.decode_array(array, spec) for array in _each(arrays)])
    if is_batch_array_bytes(codec):
        return lambda buffers, allocate: codec.deserialize_many(buffers, spec, allocate)
    single = cast(ArrayBytesCodec, codec)
    return lambda buffers, _: _stack([single.deserialize(buffer, spec) for buffer in buffers])


def _bytes_decoder(codec: BytesBytesCodec, nbytes: int, exact: bool) -> Step:
    """What decodes many chunks to at most `nbytes` bytes, or to no other length if that is `exact`."""
    if exact and is_batch_bytes_bytes(codec):
        return lambda buffers, allocate: codec.decode_many(buffers, nbytes, allocate)
    return lambda buffers, _: [codec.decode(buffer, nbytes) for buffer in buffers]


def _each(arrays: Arrays) -> Iterator[Arrays]:
    return (arrays[i, ...] for i in range(len(arrays)))  # the ellipsis keeps an array of no dimensions an array


def _stack(arrays: Sequence[Arrays]) -> Arrays:
    return arrays[0][np.newaxis] if len(arrays) == 1 else np.stack(arrays)


@dataclass(frozen=True)
class PreparedChain:
    """A chain for chunks of one spec; all that does not depend on the data is done.

    Attributes
    ----------
    chain
        The codecs, resolved: what depends on the data type is filled in, ready to be written as JSON.
    spec, encoded_spec
        Of the decoded chunk, and of the array that the array->bytes codec takes.
    encoded_nbytes
        Exact length of every encoded chunk, or None where it depends on the data.
    max_encoded_nbytes
        No chunk encoded here is longer.
    """

    chain: CodecChain
    spec: ChunkSpec
    encoded_spec: ChunkSpec
    encoded_nbytes: int | None
    max_encoded_nbytes: int
    _array_array: tuple[tuple[ArrayArrayCodec, ChunkSpec], ...]
    _bytes_bytes: tuple[tuple[BytesBytesCodec, int, int], ...]  # codec, bit in the filter mask, most decoded bytes

    @cached_property
    def is_bytes(self) -> bool:
        """Whether `bytes` is the only codec: encoded chunks are their elements in C order, and any run can be read."""
        chain = self.chain
        return chain.array_bytes.name == "bytes" and not chain.array_array and not chain.bytes_bytes

    @cached_property
    def _blockwise(self) -> BlockwiseBytesBytesCodec | None:
        """The codec that decodes to the elements in C order, if it can leave out some of them."""
        chain = self.chain
        if chain.array_bytes.name != "bytes" or chain.array_array or not chain.bytes_bytes:
            return None
        codec = chain.bytes_bytes[0]
        return codec if is_blockwise(codec) else None

    @cached_property
    def heeds_wanted(self) -> bool:
        """Whether `decode_many` does less where it is told that not all is `wanted`."""
        return self._blockwise is not None

    @cached_property
    def _encoders(self) -> list[tuple[str, Step]]:
        """Names of the codecs, and what they do to many chunks, in this order."""
        arrays = [(codec.name, _encoder(codec, spec)) for codec, spec in self._array_array]
        middle = self.chain.array_bytes
        buffers = [(codec.name, _encoder(codec, self.encoded_spec)) for codec, _, _ in self._bytes_bytes]
        return [*arrays, (middle.name, _encoder(middle, self.encoded_spec)), *buffers]

    @cached_property
    def _decoders(self) -> list[tuple[str, int, Step]]:
        """Names of the codecs, their bits in the filter mask, and what undoes them, in this order."""
        spec, middle = self.encoded_spec, self.chain.array_bytes
        exact = middle.encoded_nbytes(spec)
        buffers: list[tuple[str, int, Step]] = []
        for codec, bit, most in self._bytes_bytes:
            buffers.insert(0, (codec.name, bit, _bytes_decoder(codec, most, exact is not None)))
            exact = None if exact is None else codec.encoded_nbytes(exact)
        arrays = [(codec.name, 0, _array_decoder(codec, before)) for codec, before in reversed(self._array_array)]
        return [*buffers, (middle.name, 0, _array_decoder(middle, spec)), *arrays]

    def encode(self, array: Arrays) -> Buffer:
        """Encode a chunk of exactly `spec`'s shape and dtype, of any strides; maybe a view of it. Raises CodecError."""
        return self.encode_many(array[np.newaxis])[0]

    def encode_many(self, arrays: Arrays, allocate: Allocate = fresh) -> Sequence[Buffer]:
        """Encode chunks, (n, *spec.shape) of `spec`'s dtype; maybe views of them. Raises CodecError."""
        if arrays.shape[1:] != self.spec.shape or arrays.dtype != self.spec.dtype:
            found, wanted = (
                f"{arrays.dtype} of shape {arrays.shape[1:]}",
                f"{self.spec.dtype} of shape {self.spec.shape}",
            )
            raise CodecError(f"the chunk is {found}, not {wanted}", direction="encoding")
        encoded: Any = arrays
        for name, encode in self._encoders:
            try:
                encoded = encode(encoded, allocate)
            except ZarrHDF5Error:
                raise
            except _FAILURES as error:
                raise CodecError(f"{type(error).__name__}: {error}", codec=name, direction="encoding") from error
        return as_list(encoded)

    def decode(self, buffer: Buffer, filter_mask: int = 0) -> Arrays:
        """Decode a chunk to an array of `spec`, maybe a read-only view of `buffer`. See `decode_many`."""
        chunk: Arrays = self.decode_many([buffer], filter_mask)[0, ...]
        return chunk

    def decode_many(
        self, buffers: Buffers, filter_mask: int = 0, allocate: Allocate = fresh, wanted: Wanted | None = None
    ) -> Arrays:
        """Decode chunks to (n, *spec.shape), maybe a read-only view of `buffers`, of which there is at least one.

        New arrays lie in memory from `allocate`. Where nothing is `wanted` of the decoded bytes, if that is told, may
        be anything.
        Where bit `i` of `filter_mask` is set, bytes->bytes codec `i` was not applied to these chunks, and is skipped.
        Raises CorruptDataError.
        """
        decoded: Any = buffers
        for name, bit, decode in self._decoders:
            if filter_mask & bit:
                continue
            try:
                parts = None
                if wanted is not None and bit == 1 and self._blockwise is not None:
                    parts = self._blockwise.decode_wanted(decoded, self.encoded_spec.nbytes, wanted, allocate)
                decoded = decode(decoded, allocate) if parts is None else parts
            except ZarrHDF5Error:
                raise
            except _FAILURES as error:
                raise CorruptDataError(f"decoding failed, {type(error).__name__}: {error}", structure=name) from error
        arrays: Arrays = decoded
        return arrays

    @property
    def may_be_renewed(self) -> bool:
        """Whether there may be chunks that this library decodes and others do not."""
        return any(hasattr(codec, "renewed") for codec in self.chain.bytes_bytes)

    def renewed(self, buffer: Buffer) -> Buffer:
        """The same chunk in a form that other readers decode: mostly `buffer` itself, also where it is no chunk."""
        if not self.may_be_renewed:
            return buffer
        inner = buffer
        passed: list[BytesBytesCodec] = []
        try:
            for codec, _, max_nbytes in reversed(self._bytes_bytes):
                new = codec.renewed(inner) if isinstance(codec, RenewableCodec) else inner
                if new is not inner:
                    for outer in reversed(passed):
                        new = outer.encode(new)
                    return new
                inner = codec.decode(inner, max_nbytes)
                passed.append(codec)
        except (ZarrHDF5Error, *_FAILURES):
            pass
        return buffer
