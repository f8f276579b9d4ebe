"""An array put together from its metadata and its store."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from zarr_hdf5.chunk_source import ObjectGrid
from zarr_hdf5.codecs.pipeline import CodecChain
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain, understood
from zarr_hdf5.codecs.sharding_indexed import ShardingCodec
from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.problems import raise_problems
from zarr_hdf5.named_configuration import NamedConfiguration
from zarr_hdf5.shard.compose import Shards, compose_shards
from zarr_hdf5.shard.options import EXTENSION_KEY, HDF5, options_from_json
from zarr_hdf5.stored_array import Composer, StoredArray
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.unsharded import UnshardedSink, UnshardedSource

__all__ = ["Composition", "compose_array", "with_resolved_codecs"]


@dataclass(frozen=True, slots=True)
class Composition:
    """An array's engine, its parsed codecs, and its shards where it has any that can be read in part."""

    stored: StoredArray
    codecs: CodecChain
    shards: Shards | None


def compose_array(metadata: ArrayMetadata, store: Store, prefix: str) -> Composition:
    """Compose the array whose keys begin with `prefix` ("" or ending in "/").

    Raises
    ------
    InvalidMetadataError, UnsupportedFeatureError
        With every problem of the codecs.
    """
    if isinstance(store, Composer):
        stored = store.compose(prefix.rstrip("/"))
        return Composition(stored, stored.chain.chain, None)
    codecs, options = parse_codecs(metadata, store.url + "/" + prefix)
    order = _stored_order(codecs, len(metadata.shape))
    key = _key_in_order(metadata, prefix, order)
    if _is_flat(codecs) and isinstance(codecs.array_bytes, ShardingCodec):
        shards = compose_shards(metadata, codecs.array_bytes, order, store, key, options)
        return Composition(StoredArray(store, shards.source, shards.flat.chain, order, shards.sink), codecs, shards)
    if options is not None:
        raise UnsupportedFeatureError(
            "the HDF5 view needs sharding_indexed with only transposes before it and nothing behind it"
        )
    chain = codecs.prepare(ChunkSpec(metadata.chunk_shape, metadata.data_type.dtype, metadata.fill_value))
    source = UnshardedSource(key, ObjectGrid(metadata.shape, metadata.chunk_shape, metadata.chunk_shape))
    return Composition(StoredArray(store, source, chain, order, UnshardedSink(store, key)), codecs, None)


def with_resolved_codecs(metadata: ArrayMetadata) -> ArrayMetadata:
    """The metadata with every codec's configuration complete: defaults, and what follows from the data type."""
    codecs, _ = parse_codecs(metadata, "new array")
    chain = codecs.prepare(ChunkSpec(metadata.chunk_shape, metadata.data_type.dtype, metadata.fill_value)).chain
    named = tuple(NamedConfiguration(document["name"], document["configuration"]) for document in chain.to_json())
    return replace(metadata, codecs=named)


def parse_codecs(metadata: ArrayMetadata, where: str) -> tuple[CodecChain, HDF5 | None]:
    """The codec chain, and the HDF5 side that the metadata speaks of."""
    problems: list[Problem] = []
    codecs = parse_chain(understood(metadata.codecs), ("codecs",), problems)
    options = None
    if EXTENSION_KEY in metadata.extra:
        location = getattr(codecs.array_bytes, "index_location", "end") if codecs is not None else "end"
        options = options_from_json(metadata.extra[EXTENSION_KEY], location, problems)
    raise_problems(problems, where)
    if codecs is None:
        raise UnsupportedFeatureError(f"{where}: no codecs")
    return codecs, options


def _is_flat(codecs: CodecChain) -> bool:
    """Whether parts of a stored object can be read without decoding the whole of it."""
    return (
        isinstance(codecs.array_bytes, ShardingCodec)
        and not codecs.bytes_bytes
        and all(codec.name == "transpose" for codec in codecs.array_array)
    )


def _stored_order(codecs: CodecChain, rank: int) -> tuple[int, ...]:
    """Axis i of the stored array is this axis of the array: what the transposes before the shards make."""
    order = tuple(range(rank))
    for i, codec in enumerate(codecs.array_array if _is_flat(codecs) else ()):
        axes = codec.configuration()["order"]
        if len(axes) != rank:
            message = f"transpose has {len(axes)} axes, the array {rank} dimensions"
            raise InvalidMetadataError([Problem(("codecs", i, "configuration", "order"), message)])
        order = tuple(order[axis] for axis in axes)
    return order


def _key_in_order(metadata: ArrayMetadata, prefix: str, order: tuple[int, ...]) -> Callable[[tuple[int, ...]], str]:
    """From the coordinates of an object in the stored order to its key."""
    place = sorted(range(len(order)), key=order.__getitem__)

    def key(object_coords: tuple[int, ...]) -> str:
        return prefix + metadata.chunk_key_encoding.encode(tuple(object_coords[i] for i in place))

    return key
