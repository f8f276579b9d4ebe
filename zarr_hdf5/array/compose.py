"""An array put together from its metadata and its store."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from zarr_hdf5.array_config import DEFAULT_CONFIG, ArrayConfig
from zarr_hdf5.chunk_source import Forms, ObjectGrid, RectilinearObjectGrid
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

Coords = tuple[int, ...]
KEPT_KEYS = 256
"""Of an array's objects, made for each chunk that is read."""


@dataclass(frozen=True, slots=True)
class Composition:
    """An array's engine, its parsed codecs, and its shards where it has any that can be read in part."""

    stored: StoredArray
    codecs: CodecChain
    shards: Shards | None


def compose_array(
    metadata: ArrayMetadata, store: Store, prefix: str, config: ArrayConfig = DEFAULT_CONFIG
) -> Composition:
    """Compose the array whose keys begin with `prefix` ("" or ending in "/").

    Raises
    ------
    InvalidMetadataError, UnsupportedFeatureError
        With every problem of the codecs.
    """
    if isinstance(store, Composer):
        stored = replace(store.compose(prefix.rstrip("/")), config=config)
        return Composition(stored, stored.chain.chain, None)
    codecs, options = parse_codecs(metadata, store.url + "/" + prefix)
    flat = _is_flat(codecs, metadata)
    order = _stored_order(codecs, len(metadata.shape)) if flat else tuple(range(len(metadata.shape)))
    key = _key_in_order(metadata, prefix, order)
    sharding = codecs.array_bytes
    if flat and isinstance(sharding, ShardingCodec):
        shards = compose_shards(metadata, sharding, order, store, key, options)
        return Composition(_of_shards(store, shards, order, config), codecs, shards)
    if options is not None:
        raise UnsupportedFeatureError(
            "the HDF5 view needs sharding_indexed with only transposes before it and nothing behind it, "
            "and inner chunks that divide the shards"
        )
    return Composition(_unsharded(metadata, codecs, store, key, order, config), codecs, None)


def _of_shards(store: Store, shards: Shards, order: Coords, config: ArrayConfig) -> StoredArray:
    forms, grid, form = shards.forms, shards.source.grid, None
    if forms is not None and isinstance(grid, RectilinearObjectGrid):
        form = Forms(grid, lambda one: _of_shards(store, forms.of_shape(one.object_shape), order, config)).at
    return StoredArray(store, shards.source, shards.flat.chain, order, shards.sink, form=form, config=config)


def _unsharded(
    metadata: ArrayMetadata,
    codecs: CodecChain,
    store: Store,
    key: Callable[[Coords], str],
    order: Coords,
    config: ArrayConfig,
) -> StoredArray:
    """The array whose chunks are objects."""

    def of(grid: ObjectGrid) -> StoredArray:
        chain = codecs.prepare(ChunkSpec(grid.chunk_shape, metadata.data_type.dtype, metadata.fill_value))
        return StoredArray(store, UnshardedSource(key, grid), chain, order, UnshardedSink(store, key), config=config)

    edges, largest = metadata.chunk_edges, metadata.chunk_shape
    if edges is None:
        return of(ObjectGrid(metadata.shape, largest, largest))
    whole = RectilinearObjectGrid(metadata.shape, largest, largest, edges, single=True)
    return replace(of(whole), form=Forms(whole, of).at)


def with_resolved_codecs(metadata: ArrayMetadata) -> ArrayMetadata:
    """The metadata with every codec's configuration complete: defaults, and what follows from the data type.

    Raises
    ------
    UnsupportedFeatureError
        For what is read but not created: inner chunks that do not divide the shards.
    """
    codecs, _ = parse_codecs(metadata, "new array")
    if isinstance(codecs.array_bytes, ShardingCodec) and not _is_even(codecs, metadata):
        raise UnsupportedFeatureError("inner chunks that do not divide the shards: few programs read them")
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


def _is_flat(codecs: CodecChain, metadata: ArrayMetadata) -> bool:
    """Whether parts of a stored object can be read without decoding the whole of it."""
    return (
        isinstance(codecs.array_bytes, ShardingCodec)
        and not codecs.bytes_bytes
        and all(codec.name == "transpose" for codec in codecs.array_array)
        and _is_even(codecs, metadata)
    )


def _is_even(codecs: CodecChain, metadata: ArrayMetadata) -> bool:
    """Whether inner chunks divide every shard."""
    lengths = metadata.distinct_lengths
    if not isinstance(codecs.array_bytes, ShardingCodec):
        return False
    for axes in _transposes(codecs, len(lengths)):
        lengths = [lengths[axis] for axis in axes]
    return codecs.array_bytes.divides(lengths)


def _stored_order(codecs: CodecChain, rank: int) -> Coords:
    """Axis i of the stored array is this axis of the array: what the transposes before the shards make."""
    order = tuple(range(rank))
    for axes in _transposes(codecs, rank):
        order = tuple(order[axis] for axis in axes)
    return order


def _transposes(codecs: CodecChain, rank: int) -> Iterator[Coords]:
    """The axes of each transpose in front. Raises InvalidMetadataError for one of another rank."""
    for i, codec in enumerate(codecs.array_array):
        if codec.name != "transpose":
            return
        axes = tuple(codec.configuration()["order"])
        if len(axes) != rank:
            message = f"transpose has {len(axes)} axes, the array {rank} dimensions"
            raise InvalidMetadataError([Problem(("codecs", i, "configuration", "order"), message)])
        yield axes


def _key_in_order(metadata: ArrayMetadata, prefix: str, order: tuple[int, ...]) -> Callable[[tuple[int, ...]], str]:
    """From the coordinates of an object in the stored order to its key."""
    place = sorted(range(len(order)), key=order.__getitem__)

    @lru_cache(KEPT_KEYS)
    def key(object_coords: tuple[int, ...]) -> str:
        return prefix + metadata.chunk_key_encoding.encode(tuple(object_coords[i] for i in place))

    return key
