"""The sharding codec: an array of inner chunks, each encoded on its own, and an index of where they lie.

As a codec it encodes and decodes whole shards. Reading a part of a shard without the rest is the business of whoever
can read ranges; `flatten` gives the layout needed for that.
Source: Zarr v3 specification, codec `sharding_indexed`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.fill import is_fill
from zarr_hdf5.codecs.pipeline import CodecChain, PreparedChain
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.shard_index import ShardIndexFormat
from zarr_hdf5.codecs.shard_layout import ShardLayout
from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError

__all__ = ["FlatShard", "ShardingCodec", "parse_sharding"]

MAX_CHUNKS = 1 << 26
"""Innermost chunks in a shard, for which an index of 1 GiB is kept: more is not refused by memory, but at once."""

ParseChain: TypeAlias = Callable[[object, Path, list[Problem]], CodecChain | None]


@dataclass(frozen=True, slots=True)
class FlatShard:
    """A shard of one spec: its levels, and the codecs of its innermost chunks."""

    layout: ShardLayout
    chain: PreparedChain

    def regions(self) -> Iterator[tuple[int, tuple[slice, ...]]]:
        """Number of every innermost chunk, and its place in the shard."""
        layout = self.layout
        numbers = layout.numbers(layout.all_coords())
        edges = [
            [slice(i * c, (i + 1) * c) for i in range(n)]
            for n, c in zip(layout.chunks_per_shard, layout.chunk_shape, strict=True)
        ]
        return zip(numbers.tolist(), product(*edges), strict=True)


@dataclass(frozen=True, slots=True)
class ShardingCodec:
    """`sharding_indexed` with inner chunks of `chunk_shape` elements and the index at `index_location`.

    `flat` is filled in by `resolve`, for shards of one spec.
    """

    name: ClassVar[str] = "sharding_indexed"
    chunk_shape: tuple[int, ...]
    codecs: CodecChain
    index_codecs: CodecChain
    index_location: str = "end"
    flat: FlatShard | None = field(default=None, compare=False, repr=False)

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {
            "chunk_shape": list(self.chunk_shape),
            "codecs": self.codecs.to_json(),
            "index_codecs": self.index_codecs.to_json(),
            "index_location": self.index_location,
        }

    def resolve(self, spec: ChunkSpec) -> "ShardingCodec":
        """The codec made ready for shards of `spec`, what depends on the data type filled in."""
        flat = self.flatten(spec)
        inner = self.codecs.prepare(ChunkSpec(self.chunk_shape, spec.dtype, spec.fill_value))
        return replace(self, codecs=inner.chain, flat=flat)

    def flatten(self, spec: ChunkSpec) -> FlatShard:
        """The layout of a shard of `spec`; shards directly within shards become levels of one layout.

        Raises
        ------
        InvalidMetadataError
            If the inner chunks do not divide the shard.
        UnsupportedFeatureError
            If an inner codec does not apply, or there are too many inner chunks.
        """
        levels: list[ShardIndexFormat] = []
        codec, shape, nchunks = self, spec.shape, 1
        while True:
            if len(codec.chunk_shape) != len(shape) or any(
                s % c for s, c in zip(shape, codec.chunk_shape, strict=True)
            ):
                raise InvalidMetadataError(
                    f"sharding_indexed: inner chunks of {codec.chunk_shape} do not divide shards of {shape}"
                )
            counts = tuple(s // c for s, c in zip(shape, codec.chunk_shape, strict=True))
            nchunks *= prod(counts)
            if nchunks > MAX_CHUNKS:
                raise UnsupportedFeatureError(
                    f"sharding_indexed: a shard of {nchunks} inner chunks; more than {MAX_CHUNKS} are not handled"
                )
            levels.append(ShardIndexFormat.prepare(counts, codec.index_codecs, codec.index_location))
            shape, inner = codec.chunk_shape, codec.codecs
            if inner.array_array or inner.bytes_bytes or not isinstance(inner.array_bytes, ShardingCodec):
                chain = inner.prepare(ChunkSpec(shape, spec.dtype, spec.fill_value))
                return FlatShard(ShardLayout(tuple(levels), shape), chain)
            codec = inner.array_bytes

    def encoded_nbytes(self, spec: ChunkSpec) -> None:
        """Depends on the data: absent chunks make a shard shorter."""

    def max_encoded_nbytes(self, spec: ChunkSpec) -> int:
        """Every chunk present and as long as it may be, and every index."""
        flat = self.flat or self.flatten(spec)
        nbytes = flat.chain.max_encoded_nbytes
        for level in reversed(flat.layout.levels):
            nbytes = nbytes * prod(level.chunks_per_shard) + level.nbytes
        return nbytes

    def serialize(self, array: npt.NDArray[Any], spec: ChunkSpec) -> Buffer:
        """Encode a shard; chunks of nothing but the fill value are left out."""
        flat = self.flat or self.flatten(spec)
        chunks: list[Buffer | None] = [None] * flat.layout.nchunks
        for number, region in flat.regions():
            chunk = array[region]
            if not is_fill(chunk, spec.fill_value):
                chunks[number] = flat.chain.encode(chunk)
        return b"".join([byte_view(part) for part in flat.layout.assemble(chunks)])

    def deserialize(self, buffer: Buffer, spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode a whole shard. Raises CorruptDataError."""
        flat = self.flat or self.flatten(spec)
        shard = byte_view(buffer)
        index = flat.layout.locate(shard)
        array = np.empty(spec.shape, spec.dtype)
        for number, region in flat.regions():
            start, nbytes = int(index.offsets[number]), int(index.nbytes[number])
            array[region] = spec.fill_value if start < 0 else flat.chain.decode(shard[start : start + nbytes])
        return array


def parse_sharding(
    configuration: Configuration, path: Path, problems: list[Problem], parse_chain: ParseChain
) -> ShardingCodec | None:
    """The codec of a `configuration`, or None with `problems` noted; `parse_chain` is the registry's."""
    fields = Fields(configuration, path, problems)
    fields.require("chunk_shape", "codecs", "index_codecs")
    shape: Any = fields.take("chunk_shape", [])
    if not isinstance(shape, list) or not all(type(n) is int and 0 < n < 2**63 for n in shape):
        fields.problem("chunk_shape", f"must be a list of positive integers, not {shape!r:.80}")
    chains = [parse_chain(fields.take(key, []), (*fields.path, key), problems) for key in ("codecs", "index_codecs")]
    location = fields.choice("index_location", "end", ("start", "end"))
    codecs, index_codecs = chains
    if fields.finish(True) is None or codecs is None or index_codecs is None:
        return None
    return ShardingCodec(tuple(shape), codecs, index_codecs, location)
