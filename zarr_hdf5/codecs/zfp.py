"""`zfp` and `numcodecs.zfpy`: blocks of 4^n numbers, with as many bits of each as are asked for.

https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/zfp
https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/numcodecs.zfpy
Both are streams of the zfp library, through its package zfpy; that of the second begins with zfp's own header. Numbers
of less than 32 bits are promoted, in `zfp` only. zfpy has no expert mode. There is no checksum, and bytes behind a
stream whose length depends on the data go unnoticed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.numbers import bits_of, kind_of, native
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.zfp_stream import ZfpField, nwords, zfpy
from zarr_hdf5.errors import Problem, UnsupportedFeatureError

__all__ = ["ZfpCodec", "ZfpyCodec", "parse_zfp", "parse_zfpy"]

Numbers = npt.NDArray[Any]
Parameters = tuple[tuple[str, float], ...]
"""Names and values."""

_MOST_DIMENSIONS = 4
_NATIVE = ("int32", "int64", "float32", "float64")
_PROMOTED = {
    "int8": "int32", "uint8": "int32", "int16": "int32", "uint16": "int32", "uint32": "int32", "uint64": "int64",
    "float16": "float32",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Zfp:
    """What both have in common; `parameters` are those that zfpy gets."""

    parameters: Parameters = ()
    name: ClassVar[str]
    has_header: ClassVar[bool]

    def encoded_nbytes(self, spec: ChunkSpec) -> int | None:
        """Length of the encoded chunk at a fixed rate; otherwise it depends on the data."""
        found = self.zfp_field(spec)
        exact = found.nbits_exact
        return None if exact is None else nwords(exact + self._header_nbits(found))

    def max_encoded_nbytes(self, spec: ChunkSpec) -> int:
        """All bits of all blocks."""
        found = self.zfp_field(spec)
        return nwords(found.max_nbits + self._header_nbits(found))

    def serialize(self, array: Numbers, spec: ChunkSpec) -> Buffer:
        """Encode a chunk of `spec`. Raises ValueError for unsigned integers that a signed one cannot hold."""
        found = self.zfp_field(spec)
        numbers = _promote(np.ascontiguousarray(array, native(spec.dtype)), found.dtype).reshape(found.shape)
        return found.compress(numbers, self.name, header=self.has_header)

    def deserialize(self, buffer: Buffer, spec: ChunkSpec) -> Numbers:
        """Decode to an array of `spec`. Raises CorruptDataError."""
        decoded = self.zfp_field(spec).decompress(buffer, self.name, header=self.has_header)
        return _demote(decoded.reshape(spec.shape), native(spec.dtype)).astype(spec.dtype, copy=False)

    def zfp_field(self, spec: ChunkSpec) -> ZfpField:
        """What zfp gets to see of chunks of `spec`. Raises UnsupportedFeatureError."""
        zfpy(self.name)
        kind = spec.dtype.name if spec.dtype.name in _NATIVE or self.has_header else _PROMOTED.get(spec.dtype.name, "")
        if kind not in _NATIVE:
            raise UnsupportedFeatureError(f"{self.name} does not apply to {spec.dtype}")
        if len(spec.shape) > _MOST_DIMENSIONS or (self.has_header and not spec.shape):
            least = 1 if self.has_header else 0
            raise UnsupportedFeatureError(f"{self.name}: {len(spec.shape)} dimensions; it takes {least} to 4")
        found = ZfpField(spec.shape or (1,), np.dtype(kind), dict(self.parameters))
        found.check(self.name)
        return found

    def _header_nbits(self, found: ZfpField) -> int:
        return found.header(self.name)[1] if self.has_header else 0


@dataclass(frozen=True, slots=True)
class ZfpCodec(_Zfp):
    """Streams without a header; `mode` is one of the page's."""

    mode: str = "reversible"
    expert: Parameters = ()
    name: ClassVar[str] = "zfp"
    has_header: ClassVar[bool] = False

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"mode": self.mode, **dict(self.parameters), **dict(self.expert)}

    def resolve(self, spec: ChunkSpec) -> "ZfpCodec":
        """This codec, once it is sure that it applies. Raises UnsupportedFeatureError."""
        if self.mode == "expert":
            raise UnsupportedFeatureError("zfp: mode expert, which zfpy does not have")
        self.zfp_field(spec)
        return self


@dataclass(frozen=True, slots=True)
class ZfpyCodec(_Zfp):
    """Streams with zfp's header; `mode` is one of zfp's numbers, and `settings` is what JSON has besides."""

    mode: int = 4
    settings: Parameters = ()
    name: ClassVar[str] = "numcodecs.zfpy"
    has_header: ClassVar[bool] = True

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"mode": self.mode, **dict(self.settings)}

    def resolve(self, spec: ChunkSpec) -> "ZfpyCodec":
        """This codec, once it is sure that it applies. Raises UnsupportedFeatureError."""
        self.zfp_field(spec).header(self.name)
        return self


def _promote(numbers: Numbers, dtype: np.dtype[Any]) -> Numbers:
    """Numbers of fewer bits as `dtype`: floats as they are, integers moved up to all but the highest bit."""
    kind, bits = kind_of(numbers.dtype), bits_of(numbers.dtype)
    if numbers.dtype == dtype or kind == "f":
        return numbers.astype(dtype, copy=False)
    if bits >= 32:
        if numbers.max(initial=0) > np.iinfo(dtype).max:
            raise ValueError(f"{numbers.max()} is greater than any {dtype}, which zfp computes with")
        return numbers.astype(dtype)
    half = 1 << (bits - 1) if kind == "u" else 0
    return (numbers.astype(dtype) - half) << (31 - bits)


def _demote(numbers: Numbers, dtype: np.dtype[Any]) -> Numbers:
    """The way back, as near as that comes."""
    kind, bits = kind_of(dtype), bits_of(dtype)
    if numbers.dtype == dtype or kind == "f":
        with np.errstate(over="ignore"):
            return numbers.astype(dtype, copy=False)
    if bits >= 32:
        return np.asarray(np.maximum(numbers, 0), dtype)
    half = 1 << (bits - 1) if kind == "u" else 0
    limits = np.iinfo(dtype)
    return np.asarray(np.clip((numbers >> (31 - bits)) + half, limits.min, limits.max), dtype)


_MODES: Mapping[str, tuple[str, ...]] = {
    "reversible": (),
    "expert": ("minbits", "maxbits", "maxprec", "minexp"),
    "fixed_accuracy": ("tolerance",),
    "fixed_rate": ("rate",),
    "fixed_precision": ("precision",),
}
_ZFPY_MODES = {2: "rate", 3: "precision", 4: "tolerance"}
"""zfp's numbers of its modes: fixed rate, fixed precision, fixed accuracy."""
_MOST_RATE, _MOST_PRECISION = 64, 64


def parse_zfp(configuration: Configuration, path: Path, problems: list[Problem]) -> ZfpCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("mode")
    mode = fields.choice("mode", "reversible", tuple(_MODES))
    fields.require(*_MODES[mode])
    if mode == "expert":
        return fields.finish(ZfpCodec((), mode, tuple((key, fields.integer(key, 0)) for key in _MODES[mode])))
    parameters = tuple((key, _parameter(fields, key)) for key in _MODES[mode])
    return fields.finish(ZfpCodec(parameters, mode))


def parse_zfpy(configuration: Configuration, path: Path, problems: list[Problem]) -> ZfpyCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    mode = fields.integer("mode", 4, 2, 4)
    # As numcodecs has it, -1 stands for none; what it was not asked for does not matter.
    given = {key: fields.number(key, -1) for key in _ZFPY_MODES.values()}
    fields.take("compression_kwargs", None)
    settings = tuple((key, value) for key, value in given.items() if key in configuration)
    wanted = _ZFPY_MODES[mode]
    parameters: Parameters = ()
    if given[wanted] >= 0:
        parameters = ((wanted, _checked(fields, wanted, given[wanted])),)
    return fields.finish(ZfpyCodec(parameters, mode, settings))


def _parameter(fields: Fields, key: str) -> float:
    return _checked(fields, key, fields.number(key, 1))


def _checked(fields: Fields, key: str, value: float) -> float:
    """A tolerance of at least 0, a rate (bits for each number) above 0, or a precision (bits) from 1."""
    fits = {
        "tolerance": value >= 0,
        "rate": 0 < value <= _MOST_RATE,
        "precision": type(value) is int and 1 <= value <= _MOST_PRECISION,
    }
    if not fits[key]:
        fields.problem(key, f"is out of range: {value!r:.80}")
    return value if fits[key] else 1
