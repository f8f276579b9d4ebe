"""A sharded array put together from its metadata: where its chunks are, and who writes its shards."""

from collections.abc import Callable
from dataclasses import dataclass

from zarr_hdf5.chunk_source import ObjectGrid
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.sharding_indexed import FlatShard, ShardingCodec
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.shard.hdf5_view import HDF5View
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.shard.patch import max_patched
from zarr_hdf5.shard.sink import ShardSink
from zarr_hdf5.shard.source import ShardSource
from zarr_hdf5.stores.protocol import Store, patches_of
from zarr_hdf5.twin.filters import hdf5_twin

__all__ = ["Shards", "compose_shards"]


@dataclass(frozen=True, slots=True)
class Shards:
    """The parts of a sharded array: `flat` describes one shard, `view` its HDF5 side if it has one."""

    flat: FlatShard
    source: ShardSource
    sink: ShardSink
    view: HDF5View | None


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
    shard_shape = tuple(metadata.chunk_shape[axis] for axis in order)
    flat = codec.flatten(ChunkSpec(shard_shape, metadata.data_type.dtype, metadata.fill_value))
    grid = ObjectGrid(tuple(metadata.shape[axis] for axis in order), shard_shape, flat.layout.chunk_shape)
    source = ShardSource(store, key, grid, flat.layout)
    view = None if options is None else _view(metadata, flat, grid, order, options)
    max_updates = 0 if view is None or patches_of(store) is None else max_patched(flat.layout)
    return Shards(flat, source, ShardSink(store, key, flat.layout, view, source, max_updates), view)


def _view(
    metadata: ArrayMetadata, flat: FlatShard, grid: ObjectGrid, order: tuple[int, ...], options: HDF5
) -> HDF5View:
    return HDF5View(
        options=options,
        grid=grid,
        order=order,
        flat=flat,
        twin=hdf5_twin(flat.chain.chain, flat.chain.spec),
        metadata=metadata,
    )
