"""A sharded array put together from its metadata: where its chunks are, and who writes its shards."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from zarr_hdf5.chunk_source import Forms, ObjectGrid, RectilinearObjectGrid
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.sharding_indexed import FlatShard, ShardingCodec
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.shard.hdf5_view import HDF5View
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.shard.patch import max_patched
from zarr_hdf5.shard.sink import ShardSink
from zarr_hdf5.shard.source import ShardSource
from zarr_hdf5.stores.protocol import Store, patches_of
from zarr_hdf5.twin.filters import hdf5_twin

__all__ = ["Shards", "compose_shards"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shards:
    """The parts of a sharded array: `flat` describes one shard, `view` its HDF5 side if it has one.

    `forms`: the same for each shape that shards have, where they are not of one; the others are those of the largest.
    """

    flat: FlatShard
    source: ShardSource
    sink: ShardSink
    view: HDF5View | None
    forms: "Forms[Shards] | None" = None

    def at(self, shard_coords: tuple[int, ...]) -> "Shards":
        """The parts as the shard at these coordinates (stored order) sees them."""
        return self if self.forms is None else self.forms.at(shard_coords)


def compose_shards(
    metadata: ArrayMetadata,
    codec: ShardingCodec,
    order: tuple[int, ...],
    store: Store,
    key: Callable[[tuple[int, ...]], str],
    options: HDF5 | None,
) -> Shards:
    """Compose the shards of an array.

    Parameters
    ----------
    codec
        The sharding codec of the array's chain, which has nothing before it but transposes, and nothing behind it.
    order
        What these transposes make: axis i of the stored array is axis order[i] of the array.
    key
        From the coordinates of a shard, in the stored order, to its key in `store`.
    options
        The HDF5 side that is wanted; None for plain shards.

    Raises
    ------
    UnsupportedFeatureError
        If an HDF5 side is wanted and HDF5 cannot hold these shards.
    """
    source: ShardSource | None = None

    def of(grid: ObjectGrid) -> Shards:
        flat = codec.flatten(ChunkSpec(grid.object_shape, metadata.data_type.dtype, metadata.fill_value))
        own = ShardSource(store, key, grid, flat.layout) if source is None else source.of(grid, flat.layout)
        view = None if options is None else _view(metadata, flat, grid, order, options)
        max_updates = 0 if view is None or patches_of(store) is None else max_patched(flat.layout)
        return Shards(flat, own, ShardSink(store, key, flat, view, own, max_updates), view)

    grid = _grid(metadata, codec, order)
    shards = of(grid)
    if not isinstance(grid, RectilinearObjectGrid):
        return shards
    source = shards.source
    return replace(shards, forms=Forms(grid, of))


def _grid(metadata: ArrayMetadata, codec: ShardingCodec, order: tuple[int, ...]) -> ObjectGrid:
    shape, shard_shape = _permute(metadata.shape, order), _permute(metadata.chunk_shape, order)
    edges, chunk_shape = metadata.chunk_edges, codec.innermost_shape
    if edges is None:
        return ObjectGrid(shape, shard_shape, chunk_shape)
    return RectilinearObjectGrid(shape, shard_shape, chunk_shape, _permute(edges, order), single=False)


def _permute(values: tuple[T, ...], order: tuple[int, ...]) -> tuple[T, ...]:
    return tuple(values[axis] for axis in order)


def _view(
    metadata: ArrayMetadata, flat: FlatShard, grid: ObjectGrid, order: tuple[int, ...], options: HDF5
) -> HDF5View:
    if any(level.predefined is not None for level in flat.layout.levels):
        raise UnsupportedFeatureError("the HDF5 view has the shard's index in the shard, not in zarr.json")
    return HDF5View(
        options=options,
        grid=grid,
        order=order,
        flat=flat,
        twin=hdf5_twin(flat.chain.chain, flat.chain.spec),
        metadata=metadata,
    )
