"""`numcodecs.delta`, `.bitround`, `.fixedscaleoffset`, `.quantize`, `.astype`, `.packbits`: filters of elements.

Source: zarr-python's `zarr.codecs.numcodecs`, numcodecs' codecs of the same names, which do the arithmetic.
Dtypes in a configuration name kinds and sizes; their byte order means nothing, for `bytes` decides on that.
The fill value of the encoded chunk is that of the decoded one, cast, as in zarr-python.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numcodecs
import numpy as np
import numpy.typing as npt

from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.data_type import format_of
from zarr_hdf5.errors import CorruptDataError, Problem, UnsupportedFeatureError

__all__ = [
    "AsTypeCodec",
    "DeltaCodec",
    "FixedScaleOffsetCodec",
    "NumcodecsBitRoundCodec",
    "NumcodecsPackBitsCodec",
    "QuantizeCodec",
    "parse_astype",
    "parse_delta",
    "parse_fixedscaleoffset",
    "parse_numcodecs_bitround",
    "parse_numcodecs_packbits",
    "parse_quantize",
]

_MANTISSA_BITS = {2: 10, 4: 23, 8: 52}

DType = np.dtype[Any]
Array = npt.NDArray[Any]


def _check(codec: str, spec: ChunkSpec, kinds: str, dtype: DType | None = None) -> None:
    """Raise UnsupportedFeatureError unless `spec` is of one of `kinds` and, where given, of `dtype`."""
    if spec.dtype.kind not in kinds or format_of(spec.dtype):
        raise UnsupportedFeatureError(f"{codec} does not apply to {spec.dtype}")
    if dtype is not None and _native(dtype) != _native(spec.dtype):
        raise UnsupportedFeatureError(f"{codec} is for {dtype}, not for {spec.dtype}")


def _native(dtype: DType) -> DType:
    return dtype.newbyteorder("=")


def _of_dtype(spec: ChunkSpec, dtype: DType | None) -> ChunkSpec:
    """`spec` of another `dtype`, where one is given."""
    if dtype is None:
        return spec
    with np.errstate(all="ignore"):
        fill_value: np.generic = np.asarray([spec.fill_value]).astype(_native(dtype))[0]
    return ChunkSpec(spec.shape, _native(dtype), fill_value)


def _members(**members: Any) -> Configuration:
    """The members that are not None; dtypes as strings."""
    known = {key: value for key, value in members.items() if value is not None}
    return {key: value.str if isinstance(value, np.dtype) else value for key, value in known.items()}


@dataclass(frozen=True, slots=True)
class DeltaCodec:
    """Differences between neighbours in C order, of type `astype` or else `dtype`."""

    dtype: DType
    astype: DType | None = None
    name: ClassVar[str] = "numcodecs.delta"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return _members(dtype=self.dtype, astype=self.astype)

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` of the encoded type. Raises UnsupportedFeatureError for another dtype."""
        _check(self.name, spec, "iufc", self.dtype)
        return _of_dtype(spec, self.astype)

    def encode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Encode."""
        encoded: Array = self._numcodec(spec).encode(np.ascontiguousarray(array))
        return encoded.reshape(spec.shape)

    def decode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Decode."""
        decoded: Array = self._numcodec(spec).decode(np.ascontiguousarray(array))
        return decoded.reshape(spec.shape)

    def _numcodec(self, spec: ChunkSpec) -> Any:
        return numcodecs.Delta(spec.dtype, _native(self.astype) if self.astype is not None else None)


@dataclass(frozen=True, slots=True)
class FixedScaleOffsetCodec:
    """`(x - offset) * scale`, rounded, as `astype` or else `dtype`, which is None until the data type is known."""

    offset: float
    scale: float
    dtype: DType | None = None
    astype: DType | None = None
    name: ClassVar[str] = "numcodecs.fixedscaleoffset"

    def configuration(self) -> Configuration:
        """The JSON `configuration`; complete once resolved."""
        return _members(offset=self.offset, scale=self.scale, dtype=self.dtype, astype=self.astype)

    def resolve(self, spec: ChunkSpec) -> "FixedScaleOffsetCodec":
        """This codec with the data type."""
        return replace(self, dtype=spec.dtype) if self.dtype is None else self

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` of the encoded type. Raises UnsupportedFeatureError for another dtype."""
        _check(self.name, spec, "iuf", self.dtype)
        return _of_dtype(spec, self.astype)

    def encode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Encode."""
        encoded: Array = self._numcodec(spec).encode(np.ascontiguousarray(array))
        return encoded.reshape(spec.shape)

    def decode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Decode."""
        decoded: Array = self._numcodec(spec).decode(np.ascontiguousarray(array))
        return decoded.reshape(spec.shape)

    def _numcodec(self, spec: ChunkSpec) -> Any:
        astype = _native(self.astype) if self.astype is not None else None
        return numcodecs.FixedScaleOffset(self.offset, self.scale, spec.dtype, astype)


@dataclass(frozen=True, slots=True)
class QuantizeCodec:
    """Floats rounded to `digits` decimal digits, as `astype` or else `dtype`, None until the data type is known."""

    digits: int
    dtype: DType | None = None
    astype: DType | None = None
    name: ClassVar[str] = "numcodecs.quantize"

    def configuration(self) -> Configuration:
        """The JSON `configuration`; complete once resolved."""
        return _members(digits=self.digits, dtype=self.dtype, astype=self.astype)

    def resolve(self, spec: ChunkSpec) -> "QuantizeCodec":
        """This codec with the data type."""
        return replace(self, dtype=spec.dtype) if self.dtype is None else self

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` of the encoded type. Raises UnsupportedFeatureError for another dtype."""
        _check(self.name, spec, "f", self.dtype)
        return _of_dtype(spec, self.astype)

    def encode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Encode."""
        astype = _native(self.astype) if self.astype is not None else None
        encoded: Array = numcodecs.Quantize(self.digits, spec.dtype, astype).encode(array)
        return encoded

    def decode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Decode: what was rounded stays so."""
        return array.astype(spec.dtype, copy=False)


@dataclass(frozen=True, slots=True)
class AsTypeCodec:
    """A cast to `encode_dtype`; `decode_dtype` is None until the data type is known."""

    encode_dtype: DType
    decode_dtype: DType | None = None
    name: ClassVar[str] = "numcodecs.astype"

    def configuration(self) -> Configuration:
        """The JSON `configuration`; complete once resolved."""
        return _members(encode_dtype=self.encode_dtype, decode_dtype=self.decode_dtype)

    def resolve(self, spec: ChunkSpec) -> "AsTypeCodec":
        """This codec with the data type."""
        return replace(self, decode_dtype=spec.dtype) if self.decode_dtype is None else self

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` of the encoded type. Raises UnsupportedFeatureError for another dtype."""
        _check(self.name, spec, "biufc", self.decode_dtype)
        return _of_dtype(spec, self.encode_dtype)

    def encode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Encode."""
        return array.astype(_native(self.encode_dtype), copy=False)

    def decode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Decode."""
        return array.astype(spec.dtype, copy=False)


@dataclass(frozen=True, slots=True)
class NumcodecsBitRoundCodec:
    """Floats with all but `keepbits` bits of the mantissa rounded away."""

    keepbits: int
    name: ClassVar[str] = "numcodecs.bitround"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"keepbits": self.keepbits}

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` itself. Raises UnsupportedFeatureError where its mantissa is shorter."""
        _check(self.name, spec, "f")
        if self.keepbits > _MANTISSA_BITS.get(spec.dtype.itemsize, -1):
            raise UnsupportedFeatureError(f"{self.name} cannot keep {self.keepbits} bits of {spec.dtype}")
        return spec

    def encode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Encode."""
        native = np.ascontiguousarray(array, _native(spec.dtype)).reshape(spec.shape)
        rounded: Array = numcodecs.BitRound(self.keepbits).encode(native)
        return rounded.view(native.dtype).astype(spec.dtype, copy=False)

    def decode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Decode: what was rounded stays so."""
        return array


@dataclass(frozen=True, slots=True)
class NumcodecsPackBitsCodec:
    """Eight bools in a byte, in C order, after a byte that says how many bits at the end are padding."""

    name: ClassVar[str] = "numcodecs.packbits"

    def configuration(self) -> Configuration:
        """The JSON `configuration`: empty."""
        return {}

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """One dimension of bytes. Raises UnsupportedFeatureError for anything but bools."""
        _check(self.name, spec, "b")
        return ChunkSpec((1 + -(-spec.size // 8),), np.dtype(np.uint8), np.uint8(255 if spec.fill_value else 0))

    def encode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Encode."""
        encoded: Array = numcodecs.PackBits().encode(np.ascontiguousarray(array))
        return encoded

    def decode_array(self, array: Array, spec: ChunkSpec) -> Array:
        """Decode. Raises CorruptDataError where the padding is not that of `spec`."""
        padding = -spec.size % 8
        if array[0] != padding:
            raise CorruptDataError("wrong padding", structure=self.name, expected=padding, found=int(array[0]))
        return np.unpackbits(array[1:], count=spec.size).view(np.bool_).reshape(spec.shape)


def parse_delta(configuration: Configuration, path: Path, problems: list[Problem]) -> DeltaCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("dtype")
    dtype = fields.dtype("dtype", "iufc")
    return fields.finish(DeltaCodec(dtype or np.dtype(np.uint8), fields.dtype("astype", "iufc")))


def parse_fixedscaleoffset(
    configuration: Configuration, path: Path, problems: list[Problem]
) -> FixedScaleOffsetCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("offset", "scale")
    offset, scale = fields.number("offset", 0), fields.number("scale", 1)
    if scale == 0:
        fields.problem("scale", "must not be 0")
    dtype, astype = fields.dtype("dtype", "iuf"), fields.dtype("astype", "iuf")
    return fields.finish(FixedScaleOffsetCodec(offset, scale, dtype, astype))


def parse_quantize(configuration: Configuration, path: Path, problems: list[Problem]) -> QuantizeCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("digits")
    digits = fields.integer("digits", 0, -300, 300)
    return fields.finish(QuantizeCodec(digits, fields.dtype("dtype", "f"), fields.dtype("astype", "f")))


def parse_astype(configuration: Configuration, path: Path, problems: list[Problem]) -> AsTypeCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("encode_dtype")
    encode_dtype = fields.dtype("encode_dtype", "biufc")
    return fields.finish(AsTypeCodec(encode_dtype or np.dtype(np.uint8), fields.dtype("decode_dtype", "biufc")))


def parse_numcodecs_bitround(
    configuration: Configuration, path: Path, problems: list[Problem]
) -> NumcodecsBitRoundCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("keepbits")
    return fields.finish(NumcodecsBitRoundCodec(fields.integer("keepbits", 0, 0, max(_MANTISSA_BITS.values()))))


def parse_numcodecs_packbits(
    configuration: Configuration, path: Path, problems: list[Problem]
) -> NumcodecsPackBitsCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    return Fields(configuration, path, problems).finish(NumcodecsPackBitsCodec())
