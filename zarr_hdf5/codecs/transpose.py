"""The `transpose` codec: a permutation of the dimensions.

Specification: https://zarr-specs.readthedocs.io/en/latest/v3/codecs/transpose/index.html
Only the explicit permutation is known; the early drafts' "C" and "F" were withdrawn from the specification.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy.typing as npt

from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import Problem, UnsupportedFeatureError

__all__ = ["TransposeCodec", "parse_transpose"]


@dataclass(frozen=True, slots=True)
class TransposeCodec:
    """Dimension `i` of the encoded chunk is dimension `order[i]` of the decoded one."""

    order: tuple[int, ...]
    name: ClassVar[str] = "transpose"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"order": list(self.order)}

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` with its shape permuted. Raises UnsupportedFeatureError for another number of dimensions."""
        if len(self.order) != len(spec.shape):
            raise UnsupportedFeatureError(f"transpose: order {self.order} for a chunk of shape {spec.shape}")
        return ChunkSpec(tuple(spec.shape[i] for i in self.order), spec.dtype, spec.fill_value)

    def encode_array(self, array: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Encode: a view."""
        return array.transpose(self.order)

    def decode_array(self, array: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode: a view."""
        return array.transpose(_inverse(self.order))

    def encode_arrays(self, arrays: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """See `BatchArrayArrayCodec`."""
        return arrays.transpose(0, *(axis + 1 for axis in self.order))

    def decode_arrays(self, arrays: npt.NDArray[Any], spec: ChunkSpec) -> npt.NDArray[Any]:
        """See `BatchArrayArrayCodec`."""
        return arrays.transpose(0, *(axis + 1 for axis in _inverse(self.order)))


@lru_cache(maxsize=256)
def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def parse_transpose(configuration: Configuration, path: Path, problems: list[Problem]) -> TransposeCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("order")
    order = fields.take("order", ())
    if not isinstance(order, list | tuple) or any(type(i) is not int for i in order):
        fields.problem("order", f"must be an array of integers, not {order!r:.80}", "type")
        order = ()
    elif sorted(order) != list(range(len(order))):
        fields.problem("order", f"must be a permutation of 0 to n-1, not {list(order)!r:.80}")
    return fields.finish(TransposeCodec(tuple(order)))
