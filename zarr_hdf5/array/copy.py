"""Copying from one array to another; encoded chunks, where both have the same chunks and codecs: none is decoded."""

from collections.abc import Callable, Iterator
from itertools import product
from math import prod

import numpy as np

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.chunking import auto_shards
from zarr_hdf5.array.plan import plan_objects
from zarr_hdf5.array.read import decode_chunk, fetch
from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_source import ChunkSink
from zarr_hdf5.indexing.basic import parse_basic
from zarr_hdf5.parallel import run
from zarr_hdf5.stored_array import StoredArray

__all__ = ["copy_chunks", "copy_elements", "has_same_chunks"]


def copy_elements(source: Array, target: Array, advance: Callable[[int], object]) -> None:
    """Copy encoded chunks where both arrays have the same; else all elements, in blocks of whole shards."""
    sink = target.stored.sink
    if sink is not None and has_same_chunks(source.stored, target.stored):
        copy_chunks(source.stored, target.stored, sink, advance)
        return
    block = auto_shards(target.shape, target.block_shape, target.dtype.itemsize)
    for start in product(*(range(0, n, b) for n, b in zip(target.shape, block, strict=True))):
        region = tuple(slice(a, min(a + b, n)) for a, b, n in zip(start, block, target.shape, strict=True))
        values = np.asarray(source[region], source.dtype)
        target[region] = values
        advance(values.nbytes)
        del values  # before the next block is read beside it


def has_same_chunks(source: StoredArray, target: StoredArray) -> bool:
    """Whether the bytes of each chunk of one array are a chunk of the other."""
    here, there = source.chain, target.chain
    fills = [np.array([chain.spec.fill_value], chain.spec.dtype) for chain in (here, there)]
    return (
        source.natural_chunks
        and source.form is None
        and target.form is None
        and source.order == target.order
        and source.source.grid.shape == target.source.grid.shape
        and here.spec.shape == there.spec.shape
        and here.spec.dtype == there.spec.dtype
        and not here.spec.dtype.hasobject
        and fills[0].tobytes() == fills[1].tobytes()
        and here.chain.to_json() == there.chain.to_json()
    )


def copy_chunks(source: StoredArray, target: StoredArray, sink: ChunkSink, advance: Callable[[int], object]) -> None:
    """Write all objects of `target` from chunks of `source`; `advance` hears of each object's bytes, decoded.

    As many objects are in memory as there are cores.
    """
    grid = target.source.grid

    def copy(coords: tuple[int, ...]) -> None:
        chunks: list[Buffer | None] = [None] * grid.nchunks_per_object
        for number, chunk in _chunks(source, target, coords):
            chunks[number] = chunk
        sink.write(coords, chunks)
        advance(prod(grid.objects.clipped_shape(coords)) * source.chain.spec.dtype.itemsize)

    run(copy, list(product(*map(range, grid.objects.grid_shape))))


def _chunks(source: StoredArray, target: StoredArray, coords: tuple[int, ...]) -> Iterator[tuple[int, Buffer]]:
    """The chunks of an object of `target`, by their number within it."""
    grid, here = target.source.grid, source.source.grid
    origin, shape = grid.objects.chunk_origin(coords), grid.objects.clipped_shape(coords)
    region = tuple(slice(a, a + n) for a, n in zip(origin, shape, strict=True))
    first = np.asarray(origin) // np.asarray(grid.chunk_shape)
    for part in plan_objects(parse_basic(region, here.shape).dims, here):
        chunks = part.part.chunks()
        locations = source.source.locate(part.coords, chunks)
        if locations is None:
            continue
        places = chunks + np.asarray(part.coords) * np.asarray(here.chunks_per_object) - first
        numbers = np.ravel_multi_index(tuple(places.T), grid.chunks_per_object)
        fetched = fetch(source, part.coords, chunks, locations)
        masks = np.zeros(len(chunks), np.uint32) if fetched.masks is None else fetched.masks
        for row, buffer, mask in zip(fetched.present.tolist(), fetched.buffers, masks.tolist(), strict=False):
            if mask:
                # A filter was skipped: the target has no such notion.
                yield (
                    int(numbers[row]),
                    target.chain.encode(decode_chunk(source, buffer, mask, locations.key, chunks[row])),
                )
            else:
                yield int(numbers[row]), source.chain.renewed(buffer)
