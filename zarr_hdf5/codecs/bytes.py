"""The `bytes` codec: elements in C order, each in the given byte order (once called `endian`).

Specification: https://zarr-specs.readthedocs.io/en/latest/v3/codecs/bytes/index.html
Knows NumPy's memory layouts; does not know how data types are named in JSON.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, Buffers, as_rows
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.data_type import as_integers, sound_elements
from zarr_hdf5.errors import CorruptDataError, Problem, UnsupportedFeatureError
from zarr_hdf5.scratch import Allocate, fresh

__all__ = ["BytesCodec", "parse_bytes"]

Endian = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class BytesCodec:
    """Elements as they lie in memory; `endian` may be None only where elements have no byte order.

    Or where they are structures, as zarr-python wrote them until 3.1: then their fields lie as in memory.
    """

    endian: Endian | None = "little"
    name: ClassVar[str] = "bytes"

    def configuration(self) -> Configuration:
        """The JSON `configuration`; empty without `endian`, which zarr-python, zarrs and tensorstore all accept."""
        return {} if self.endian is None else {"endian": self.endian}

    def resolve(self, spec: ChunkSpec) -> "BytesCodec":
        """This codec, once it is sure that it applies. Raises UnsupportedFeatureError."""
        dtype = as_integers(spec.dtype)
        if dtype.hasobject or dtype.itemsize == 0:
            raise UnsupportedFeatureError(f"bytes: {dtype} has no elements of a fixed size")
        ordered = dtype.names is None and dtype.newbyteorder("<") != dtype.newbyteorder(">")
        if self.endian is None and ordered:
            raise UnsupportedFeatureError(f"bytes: {dtype} needs `endian` in the configuration")
        return self

    def encoded_nbytes(self, spec: ChunkSpec) -> int:
        """Length of the encoded chunk: that of its elements."""
        return spec.nbytes

    def max_encoded_nbytes(self, spec: ChunkSpec) -> int:
        """The same."""
        return spec.nbytes

    def serialize(self, array: npt.NDArray[Any], spec: ChunkSpec) -> Buffer:
        """Encode; a view of `array` where it already lies so."""
        return self.serialize_many(array[np.newaxis], spec)[0]

    def serialize_many(self, arrays: npt.NDArray[Any], spec: ChunkSpec, allocate: Allocate = fresh) -> Buffers:
        """See `BatchArrayBytesCodec`; a view of `arrays` where they already lie so."""
        dtype = as_integers(spec.dtype)
        if dtype != spec.dtype:
            arrays = np.ascontiguousarray(arrays, spec.dtype).view(dtype)
        return np.ascontiguousarray(arrays, self._stored(dtype)).reshape(len(arrays), -1).view(np.uint8)

    def deserialize(self, buffer: Buffer, spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode; a view of `buffer` where the byte order is that of `spec.dtype`. Raises CorruptDataError."""
        array: npt.NDArray[Any] = self.deserialize_many([buffer], spec)[0, ...]
        return array

    def deserialize_many(self, buffers: Buffers, spec: ChunkSpec, allocate: Allocate = fresh) -> npt.NDArray[Any]:
        """See `BatchArrayBytesCodec`."""
        rows = as_rows(buffers, allocate)
        if rows.shape[1] != spec.nbytes:
            raise CorruptDataError(
                "a chunk is not of its exact length",
                structure="bytes",
                expected=f"{spec.nbytes} bytes",
                found=f"{rows.shape[1]} bytes",
            )
        dtype = as_integers(spec.dtype)
        stored = self._stored(dtype)
        array: npt.NDArray[Any] = rows.view(stored).reshape(len(rows), *spec.shape)
        if dtype != spec.dtype:
            return sound_elements(array.astype(dtype, copy=False).view(spec.dtype))
        array = sound_elements(array)
        return array if stored == dtype else array.astype(dtype)

    def _stored(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        if self.endian is None and dtype.names is not None:
            return dtype
        return dtype.newbyteorder(">" if self.endian == "big" else "<")


def parse_bytes(configuration: Configuration, path: Path, problems: list[Problem]) -> BytesCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    endian = cast("Endian | None", fields.choice("endian", None, ("little", "big")))
    return fields.finish(BytesCodec(endian))
