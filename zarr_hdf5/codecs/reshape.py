"""The `reshape` codec: the same elements in the same (C) order, in another shape.

https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/reshape
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, ClassVar, TypeAlias

import numpy.typing as npt

from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError

__all__ = ["ReshapeCodec", "parse_reshape"]

_MOST_DIMENSIONS = 64
"""numpy's own limit."""

Dimension: TypeAlias = int | tuple[int, ...]
"""Of the encoded chunk: a size, -1 for whatever is left, or the dimensions of the decoded chunk that it joins."""


@dataclass(frozen=True, slots=True)
class ReshapeCodec:
    """`shape` says of each dimension of the encoded chunk how long it is."""

    shape: tuple[Dimension, ...]
    name: ClassVar[str] = "reshape"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"shape": [list(n) if isinstance(n, tuple) else n for n in self.shape]}

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` with the other shape.

        Raises
        ------
        InvalidMetadataError
            If that has another number of elements, or a dimension does not join what it says.
        UnsupportedFeatureError
            If it has more dimensions than numpy takes.
        """
        if len(self.shape) > _MOST_DIMENSIONS:
            raise UnsupportedFeatureError(f"reshape: {len(self.shape)} dimensions; numpy has at most 64")
        return ChunkSpec(_encoded_shape(self.shape, spec.shape), spec.dtype, spec.fill_value)

    def encode_array(self, array: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Encode: a view of an array that is C-contiguous."""
        return array.reshape(_encoded_shape(self.shape, spec.shape))

    def decode_array(self, array: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode: a view of an array that is C-contiguous."""
        return array.reshape(spec.shape)

    def encode_arrays(self, arrays: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """See `BatchArrayArrayCodec`."""
        return arrays.reshape(len(arrays), *_encoded_shape(self.shape, spec.shape))

    def decode_arrays(self, arrays: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """See `BatchArrayArrayCodec`."""
        return arrays.reshape(len(arrays), *spec.shape)


def _encoded_shape(dimensions: tuple[Dimension, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The size of each dimension."""
    if any(axis >= len(shape) for joined in dimensions if isinstance(joined, tuple) for axis in joined):
        raise _fault(dimensions, shape, "there are not so many dimensions")
    sizes = [prod(shape[axis] for axis in n) if isinstance(n, tuple) else n for n in dimensions]
    if -1 in sizes:
        known = prod(size for size in sizes if size != -1)
        if known == 0 or prod(shape) % known:
            raise _fault(dimensions, shape, "-1 can stand for no size")
        sizes[sizes.index(-1)] = prod(shape) // known
    if prod(sizes) != prod(shape):
        raise _fault(dimensions, shape, f"{prod(sizes)} elements instead of {prod(shape)}")
    for i, joined in enumerate(dimensions):
        # What lies before and behind must be as many elements on both sides.
        if (
            isinstance(joined, tuple)
            and joined
            and (prod(sizes[:i]) != prod(shape[: joined[0]]) or prod(sizes[i + 1 :]) != prod(shape[joined[-1] + 1 :]))
        ):
            raise _fault(dimensions, shape, f"dimension {i} does not join dimensions {list(joined)}")
    return tuple(sizes)


def _fault(dimensions: tuple[Dimension, ...], shape: tuple[int, ...], why: str) -> InvalidMetadataError:
    wanted = [list(n) if isinstance(n, tuple) else n for n in dimensions]
    return InvalidMetadataError(f"reshape: from {list(shape)} to {wanted!r:.200}: {why}")


def parse_reshape(configuration: Configuration, path: Path, problems: list[Problem]) -> ReshapeCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("shape")
    shape: Any = fields.take("shape", ())
    if not isinstance(shape, list | tuple) or not all(_is_dimension(n) for n in shape):
        message = f"must be an array of sizes from 1, -1, and arrays of dimensions, not {shape!r:.80}"
        fields.problem("shape", message, "type")
        shape = ()
    dimensions = tuple(tuple(n) if isinstance(n, list | tuple) else n for n in shape)
    axes = [axis for joined in dimensions if isinstance(joined, tuple) for axis in joined]
    if any(later <= earlier for earlier, later in pairwise(axes)):
        fields.problem("shape", f"must name dimensions in increasing order, not {axes!r:.80}")
    if dimensions.count(-1) > 1:
        fields.problem("shape", "may have -1 only once")
    return fields.finish(ReshapeCodec(dimensions))


def _is_dimension(n: object) -> bool:
    if isinstance(n, list | tuple):
        return all(type(axis) is int and 0 <= axis < 2**31 for axis in n)
    return type(n) is int and (n == -1 or 0 < n < 2**63)
