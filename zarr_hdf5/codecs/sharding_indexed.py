"""The sharding codec: an array of inner chunks, each encoded on its own, and an index of where they lie.

As a codec it encodes and decodes whole shards. Reading a part of a shard without the rest is the business of whoever
can read ranges; `flatten` gives the layout needed for that.
Source: Zarr v3 specification, codec `sharding_indexed`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
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
from zarr_hdf5.codecs.predefined_index import PredefinedIndex
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
    """A shard of one spec: its levels, and the codecs of its innermost chunks.

    shape
        In elements. Chunks that do not divide it are cut off at its end: their array is as long as what is left.
    """

    layout: ShardLayout
    chain: PreparedChain
    shape: tuple[int, ...]
    _cut: dict[tuple[int, ...], PreparedChain] = field(default_factory=dict)

    def regions(self) -> Iterator[tuple[int, tuple[slice, ...]]]:
        """Number of every innermost chunk, and its place in the shard."""
        layout = self.layout
        numbers = layout.numbers(layout.all_coords())
        edges = [
            [slice(i * c, min((i + 1) * c, end)) for i in range(n)]
            for n, c, end in zip(layout.chunks_per_shard, layout.chunk_shape, self.shape, strict=True)
        ]
        return zip(numbers.tolist(), product(*edges), strict=True)

    def assemble(self, chunks: Sequence[Buffer | None]) -> list[Buffer]:
        """The parts of a shard, without HDF5 side, of these encoded chunks (by number; None: the fill value).

        Raises
        ------
        UnsupportedFeatureError
            If the index is predefined and such a shard is not to be had.
        """
        if all(level.predefined is None for level in self.layout.levels):
            return self.layout.assemble(chunks)
        spec = self.chain.spec
        fill = self.chain.encode(np.full(spec.shape, spec.fill_value, spec.dtype))
        return [self.layout.assemble_predefined([fill if chunk is None else chunk for chunk in chunks])]

    def chain_of(self, shape: tuple[int, ...]) -> PreparedChain:
        """The codecs of the innermost chunks of this shape."""
        if shape == self.chain.spec.shape:
            return self.chain
        if shape not in self._cut:
            self._cut[shape] = self.chain.chain.prepare(replace(self.chain.spec, shape=shape))
        return self._cut[shape]


@dataclass(frozen=True, slots=True)
class ShardingCodec:
    """`sharding_indexed` with inner chunks of `chunk_shape` elements and the index at `index_location`.

    `predefined_index` is given where that is "configuration" (zarr-specs pull request 368). `flat` is filled in by
    `resolve`, for shards of one spec.
    """

    name: ClassVar[str] = "sharding_indexed"
    chunk_shape: tuple[int, ...]
    codecs: CodecChain
    index_codecs: CodecChain
    index_location: str = "end"
    predefined_index: PredefinedIndex | None = None
    flat: FlatShard | None = field(default=None, compare=False, repr=False)

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        index, arrays = self.predefined_index, isinstance(self.predefined_index, list)
        configuration = {
            "chunk_shape": list(self.chunk_shape),
            "codecs": self.codecs.to_json(),
            "index_codecs": [] if arrays else self.index_codecs.to_json(),
            "index_location": self.index_location,
        }
        return configuration if index is None else configuration | {"predefined_index": index}

    def resolve(self, spec: ChunkSpec) -> "ShardingCodec":
        """The codec made ready for shards of `spec`, what depends on the data type filled in."""
        flat = self.flatten(spec)
        inner = self.codecs.prepare(ChunkSpec(self.chunk_shape, spec.dtype, spec.fill_value))
        return replace(self, codecs=inner.chain, flat=flat)

    @property
    def innermost_shape(self) -> tuple[int, ...]:
        """Of the chunks in the shards that lie directly within shards."""
        inner = self._nested
        return self.chunk_shape if inner is None else inner.innermost_shape

    @property
    def _nested(self) -> "ShardingCodec | None":
        """The codec of shards directly within these."""
        inner = self.codecs
        alone = not inner.array_array and not inner.bytes_bytes
        return inner.array_bytes if alone and isinstance(inner.array_bytes, ShardingCodec) else None

    def divides(self, lengths: Sequence[Collection[int]]) -> bool:
        """Whether inner chunks, to any depth, divide shards of all these lengths along each dimension."""
        if len(lengths) != len(self.chunk_shape):
            return False
        if any(length % chunk for along, chunk in zip(lengths, self.chunk_shape, strict=True) for length in along):
            return False
        return self._nested is None or self._nested.divides([{chunk} for chunk in self.chunk_shape])

    def flatten(self, spec: ChunkSpec) -> FlatShard:
        """The layout of a shard of `spec`; shards directly within shards become levels of one layout.

        Not so where inner chunks do not divide the shard (zarr-specs pull request 370): then there is one level.

        Raises
        ------
        InvalidMetadataError
            If the inner chunks have another rank.
        UnsupportedFeatureError
            If an inner codec does not apply, or there are too many inner chunks.
        """
        if len(self.chunk_shape) != len(spec.shape):
            raise InvalidMetadataError(
                f"sharding_indexed: inner chunks of {self.chunk_shape} are not of the rank of shards of {spec.shape}"
            )
        even = self.divides([{length} for length in spec.shape])
        levels: list[ShardIndexFormat] = []
        codec, shape, nchunks = self, spec.shape, 1
        while True:
            counts = tuple(-(-s // c) for s, c in zip(shape, codec.chunk_shape, strict=True))
            nchunks *= prod(counts)
            if nchunks > MAX_CHUNKS:
                raise UnsupportedFeatureError(
                    f"sharding_indexed: a shard of {nchunks} inner chunks; more than {MAX_CHUNKS} are not handled"
                )
            index = (codec.index_codecs, codec.index_location, codec.predefined_index)
            levels.append(ShardIndexFormat.prepare(counts, *index))
            shape = tuple(map(min, codec.chunk_shape, shape))
            nested = codec._nested if even else None
            if nested is None:
                chain = codec.codecs.prepare(ChunkSpec(shape, spec.dtype, spec.fill_value))
                return FlatShard(ShardLayout(tuple(levels), codec.chunk_shape), chain, spec.shape)
            codec = nested

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
                chunks[number] = flat.chain_of(chunk.shape).encode(chunk)
        return b"".join([byte_view(part) for part in flat.assemble(chunks)])

    def deserialize(self, buffer: Buffer, spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode a whole shard. Raises CorruptDataError."""
        flat = self.flat or self.flatten(spec)
        shard = byte_view(buffer)
        index = flat.layout.locate(shard)
        array = np.empty(spec.shape, spec.dtype)
        for number, region in flat.regions():
            start, nbytes = int(index.offsets[number]), int(index.nbytes[number])
            if start < 0:
                array[region] = spec.fill_value
            else:
                chain = flat.chain_of(array[region].shape)
                array[region] = chain.decode(shard[start : start + nbytes])
        return array


def parse_sharding(
    configuration: Configuration, path: Path, problems: list[Problem], parse_chain: ParseChain
) -> ShardingCodec | None:
    """The codec of a `configuration`, or None with `problems` noted; `parse_chain` is the registry's."""
    fields = Fields(configuration, path, problems)
    location = fields.choice("index_location", "end", ("start", "end", "configuration"))
    index = fields.take("predefined_index", None)
    arrays = location == "configuration" and isinstance(index, list)
    fields.require("chunk_shape", "codecs", *([] if arrays else ["index_codecs"]))
    if location == "configuration" and not isinstance(index, str | list):
        fields.problem("predefined_index", f"must be nested arrays or a string of BASE64, not {index!r:.80}")
    elif location != "configuration" and index is not None:
        fields.problem("predefined_index", "is only for index_location 'configuration'")
    shape: Any = fields.take("chunk_shape", [])
    if not isinstance(shape, list) or not all(type(n) is int and 0 < n < 2**63 for n in shape):
        fields.problem("chunk_shape", f"must be a list of positive integers, not {shape!r:.80}")
    chains = []
    for key in ("codecs", "index_codecs"):
        documents: Any = fields.take(key, [])
        if arrays and key == "index_codecs":
            if documents != []:
                fields.problem(key, "must be empty where predefined_index is nested arrays")
            documents = [{"name": "bytes", "configuration": {"endian": "little"}}]
        chains.append(parse_chain(documents, (*fields.path, key), problems))
    codecs, index_codecs = chains
    if fields.finish(True) is None or codecs is None or index_codecs is None:
        return None
    return ShardingCodec(tuple(shape), codecs, index_codecs, location, index)
