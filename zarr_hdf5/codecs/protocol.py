"""What a codec is: three kinds, each a frozen value made from JSON.

Knows shapes, dtypes and buffers; knows nothing of keys, files, shards or HDF5.
Source: Zarr core specification v3, "Codecs".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar, Protocol, TypeAlias, TypeGuard, runtime_checkable

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, Buffers
from zarr_hdf5.data_type import FillValue
from zarr_hdf5.scratch import Allocate, fresh

__all__ = [
    "ArrayArrayCodec",
    "ArrayBytesCodec",
    "BatchArrayArrayCodec",
    "BatchArrayBytesCodec",
    "BatchBytesBytesCodec",
    "BlockwiseBytesBytesCodec",
    "BytesBytesCodec",
    "ChunkSpec",
    "Codec",
    "Wanted",
    "is_array_array",
    "is_array_bytes",
    "is_batch_array_array",
    "is_batch_array_bytes",
    "is_batch_bytes_bytes",
    "is_blockwise",
    "is_bytes_bytes",
]


@dataclass(frozen=True)
class ChunkSpec:
    """A decoded chunk before its bytes are seen: `shape` in elements, `dtype`, and the value of absent elements.

    `fill_value` is a scalar of `dtype`; with a `dtype` of objects, the str or bytes that elements are.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fill_value: FillValue

    @cached_property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @cached_property
    def nbytes(self) -> int:
        """Bytes of the decoded chunk; of objects, only of the pointers to them."""
        return self.size * self.dtype.itemsize


@runtime_checkable
class ArrayArrayCodec(Protocol):
    """Array to array: a filter of elements or of their order."""

    name: ClassVar[str]

    def configuration(self) -> Mapping[str, Any]:
        """The JSON `configuration`."""
        ...

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """What `encode` makes of a chunk of `spec`. Raises UnsupportedFeatureError where the codec does not apply."""
        ...

    def encode_array(self, array: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Encode; `spec` is that of the decoded chunk."""
        ...

    def decode_array(self, array: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode; `spec` is that of the decoded chunk."""
        ...


@runtime_checkable
class ArrayBytesCodec(Protocol):
    """Array to bytes: exactly one in a chain."""

    name: ClassVar[str]

    def configuration(self) -> Mapping[str, Any]:
        """The JSON `configuration`."""
        ...

    def encoded_nbytes(self, spec: ChunkSpec) -> int | None:
        """Length of the encoded chunk, or None where it depends on the data."""
        ...

    def max_encoded_nbytes(self, spec: ChunkSpec) -> int:
        """No encoded chunk is longer than this."""
        ...

    def serialize(self, array: npt.NDArray[Any], spec: ChunkSpec) -> Buffer:
        """Encode a chunk of `spec`."""
        ...

    def deserialize(self, buffer: Buffer, spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode to an array of `spec` (maybe a read-only view of `buffer`). Raises CorruptDataError."""
        ...


@runtime_checkable
class BytesBytesCodec(Protocol):
    """Bytes to bytes: compressors, byte filters, checksums."""

    name: ClassVar[str]

    def configuration(self) -> Mapping[str, Any]:
        """The JSON `configuration`."""
        ...

    def encoded_nbytes(self, nbytes: int) -> int | None:
        """Length after encoding `nbytes` bytes, or None where it depends on the data."""
        ...

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """No encoding of `nbytes` bytes or fewer is longer than this."""
        ...

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode."""
        ...

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode to at most `max_nbytes` bytes; more is CorruptDataError, found before the memory is taken."""
        ...


@runtime_checkable
class BatchArrayArrayCodec(ArrayArrayCodec, Protocol):
    """One that takes many chunks, (n, *shape), in less time than one by one."""

    def encode_arrays(self, arrays: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Encode each; `spec` is that of a decoded chunk."""
        ...

    def decode_arrays(self, arrays: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode each; `spec` is that of a decoded chunk."""
        ...


@runtime_checkable
class BatchArrayBytesCodec(ArrayBytesCodec, Protocol):
    """One that takes many chunks, (n, *shape), in less time than one by one."""

    def serialize_many(self, arrays: npt.NDArray[Any], spec: ChunkSpec, allocate: Allocate = fresh) -> Buffers:
        """Encode chunks of `spec`, to memory from `allocate`."""
        ...

    def deserialize_many(self, buffers: Buffers, spec: ChunkSpec, allocate: Allocate = fresh) -> npt.NDArray[Any]:
        """Decode to (n, *spec.shape), in memory from `allocate` or a read-only view. Raises CorruptDataError."""
        ...


@runtime_checkable
class BatchBytesBytesCodec(BytesBytesCodec, Protocol):
    """One that takes many buffers in less time than one by one."""

    def encode_many(self, buffers: Buffers, allocate: Allocate = fresh) -> Buffers:
        """Encode each, to memory from `allocate`."""
        ...

    def decode_many(self, buffers: Buffers, nbytes: int, allocate: Allocate = fresh) -> Buffers:
        """Decode each to `nbytes` bytes, or fewer where it is corrupt; more is CorruptDataError."""
        ...


class Wanted(Protocol):
    """What is wanted of many decoded buffers, all of one length."""

    def blocks(self, nbytes: int) -> npt.NDArray[np.bool_]:
        """(n, nblocks): of which blocks of `nbytes`, of which the last may be shorter, anything is wanted."""
        ...


@runtime_checkable
class BlockwiseBytesBytesCodec(BytesBytesCodec, Protocol):
    """One that need not decode the whole of a buffer."""

    def decode_wanted(
        self, buffers: Buffers, nbytes: int, wanted: Wanted, allocate: Allocate = fresh
    ) -> Buffers | None:
        """Decode each to `nbytes` bytes, of which those that are not wanted may be any; None to decode all instead."""
        ...


Codec: TypeAlias = ArrayArrayCodec | ArrayBytesCodec | BytesBytesCodec


# One method tells the kinds apart. `isinstance` looks at all of them, which took half of the time of opening an array.


def is_array_array(codec: object) -> TypeGuard[ArrayArrayCodec]:
    """Whether `codec` is of this kind."""
    return hasattr(codec, "encode_array")


def is_array_bytes(codec: object) -> TypeGuard[ArrayBytesCodec]:
    """Whether `codec` is of this kind."""
    return hasattr(codec, "serialize")


def is_bytes_bytes(codec: object) -> TypeGuard[BytesBytesCodec]:
    """Whether `codec` is of this kind."""
    return hasattr(codec, "encode")


def is_batch_array_array(codec: object) -> TypeGuard[BatchArrayArrayCodec]:
    """Whether `codec` is of this kind."""
    return hasattr(codec, "encode_arrays")


def is_batch_array_bytes(codec: object) -> TypeGuard[BatchArrayBytesCodec]:
    """Whether `codec` is of this kind."""
    return hasattr(codec, "serialize_many")


def is_batch_bytes_bytes(codec: object) -> TypeGuard[BatchBytesBytesCodec]:
    """Whether `codec` is of this kind."""
    return hasattr(codec, "encode_many")


def is_blockwise(codec: object) -> TypeGuard[BlockwiseBytesBytesCodec]:
    """Whether `codec` is of this kind."""
    return hasattr(codec, "decode_wanted")
