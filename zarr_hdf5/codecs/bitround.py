"""The `bitround` codec: floats and integers with their last bits rounded away, for compressors to find more alike.

https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/bitround
Floats keep `keepbits` bits of the mantissa; integers as many bits from the highest that is set, negative ones being
taken as the unsigned ones of the same bits. Halves go to the even neighbour. What is rounded stays so: decoding changes
nothing. The page does not say what is to become of integers that would leave the type: they stay below, as in zarrs.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.numbers import check_kind, component_of
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import Problem

__all__ = ["BitroundCodec", "parse_bitround"]

_MANTISSA_BITS = {"float16": 10, "float32": 23, "float64": 52, "bfloat16": 7}
_INTEGERS = "iumM"

Words = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class BitroundCodec:
    """Rounds to `keepbits` bits, at least 1; floats that have no more are left alone."""

    keepbits: int
    name: ClassVar[str] = "bitround"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"keepbits": self.keepbits}

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` itself. Raises UnsupportedFeatureError for other numbers than the page lists."""
        component, _ = component_of(spec.dtype)
        if component.name not in _MANTISSA_BITS:
            check_kind(self.name, component, _INTEGERS)
        return spec

    def encode_array(self, array: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Encode."""
        return self.encode_arrays(array, spec)

    def decode_array(self, array: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode: what was rounded stays so."""
        return array

    def encode_arrays(self, arrays: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """See `BatchArrayArrayCodec`."""
        component, _ = component_of(spec.dtype)
        # A copy, as little-endian words, whatever the elements are.
        swapped = np.array(arrays, spec.dtype.newbyteorder("<"), order="C", ndmin=1)
        words = swapped.view(f"<u{component.itemsize}")
        if component.name in _MANTISSA_BITS:
            words = _round_floats(words, self.keepbits, _MANTISSA_BITS[component.name])
        else:
            words = _round_integers(words, self.keepbits)
        found = words.view(swapped.dtype).reshape(arrays.shape)
        return found.astype(spec.dtype, copy=False)

    def decode_arrays(self, arrays: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """See `BatchArrayArrayCodec`."""
        return arrays


def _round_floats(words: Words, keepbits: int, mantissa_bits: int) -> Words:
    """Round in place; exponents grow by themselves where all bits of a mantissa were set."""
    drop = mantissa_bits - keepbits
    if drop <= 0:
        return words
    one = words.dtype.type(1)
    nan = (words << one) > _infinity(words.dtype, mantissa_bits)
    kept = words[nan] if nan.any() else None
    words += ((words >> words.dtype.type(drop)) & one) + words.dtype.type((1 << (drop - 1)) - 1)
    words &= words.dtype.type((1 << 8 * words.itemsize) - (1 << drop))
    if kept is not None:  # rounding could make infinity of it, or zero
        words[nan] = kept
    return words


def _infinity(word: "np.dtype[Any]", mantissa_bits: int) -> Any:
    """Infinity without its sign, shifted by one: only NaN are greater."""
    bits = 8 * word.itemsize
    return word.type(((1 << (bits - 1 - mantissa_bits)) - 1) << (mantissa_bits + 1))


def _round_integers(words: Words, keepbits: int) -> Words:
    """Round to the nearest multiple of what the last kept bit is worth, for each its own."""
    one, limit = words.dtype.type(1), words.dtype.type((1 << 8 * words.itemsize) - 1)
    drop = _bit_lengths(words) - np.minimum(_bit_lengths(words), keepbits).astype(words.dtype)
    half = np.where(drop > 0, (one << (np.maximum(drop, one) - one)) - one, 0).astype(words.dtype)
    add = np.where(drop > 0, ((words >> drop) & one) + half, 0).astype(words.dtype)
    total = np.where(words > limit - add, limit, words + add)
    return np.asarray((total >> drop) << drop)


def _bit_lengths(words: Words) -> Words:
    """Number of the highest bit that is set, counted from 1; 0 of 0."""
    found = np.zeros_like(words)
    rest = words.copy()
    step = 4 * words.itemsize
    while step:
        high = rest >> words.dtype.type(step)
        more = high > 0
        found[more] += words.dtype.type(step)
        rest = np.where(more, high, rest)
        step //= 2
    return found + rest  # what is left is 0 or 1


def parse_bitround(configuration: Configuration, path: Path, problems: list[Problem]) -> BitroundCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("keepbits")
    return fields.finish(BitroundCodec(fields.integer("keepbits", 1, 1)))
