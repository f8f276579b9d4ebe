"""Reading: plan, locate, fetch coalesced ranges, decode on all cores, place.

A task is a batch of chunks of one object, near each other in it. What is in flight is a batch for each core. Chunks
that are nothing but their elements go another way: `read_elements`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.padding import with_padding
from zarr_hdf5.array.plan import ChunkPart, ObjectPart
from zarr_hdf5.array.read_elements import read_elements
from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_source import ChunkLocations
from zarr_hdf5.coalesce import coalesce
from zarr_hdf5.errors import CorruptDataError, NotFoundError, StaleVersionError
from zarr_hdf5.parallel import run, worker_count
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.stores.protocol import max_gap_of

__all__ = ["batch_length", "decode_chunk", "fetch", "read"]

BATCH_NBYTES = 8 << 20
"""Decoded bytes of a batch: large beside the cost of a task and beside a chunk, small beside memory.

glibc gives freed memory back to the system, to fetch it again, page by page, for the next chunk, unless what is freed
is small beside the largest block seen: with batches of 4 chunks that took a third of the time.
"""
OBJECTS_AT_ONCE = 1024
ATTEMPTS = 10
"""Times to look again at an object that others keep replacing."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some chunks of one object: `rows` of its locations, which belong to `parts`."""

    part: ObjectPart
    chunks: npt.NDArray[np.intp]
    locations: ChunkLocations
    parts: Sequence[ChunkPart]


def read(stored: StoredArray, objects: Iterable[ObjectPart], out: npt.NDArray[Any]) -> None:
    """Read the planned objects into `out` (axes in the stored order)."""
    stored, out = with_padding(stored, out)
    pending = iter(objects)
    while window := list(islice(pending, OBJECTS_AT_ONCE)):
        chunks = [part.chunks() for part in window]
        located: dict[int, ChunkLocations | None] = {}

        def locate(i: int, window: list[ObjectPart] = window, chunks: Any = chunks, located: Any = located) -> None:
            located[i] = stored.source.locate(window[i].coords, chunks[i])

        run(locate, range(len(window)))
        batches: list[Batch] = []
        for i, part in enumerate(window):
            locations = located[i]
            if locations is None:
                out[part.in_out] = stored.chain.spec.fill_value
            else:
                batches += _batches(stored, part, chunks[i], locations, len(window))
        run(lambda batch: _read_batch(stored, batch, out), batches)


def _batches(
    stored: StoredArray, part: ObjectPart, chunks: npt.NDArray[np.intp], locations: ChunkLocations, nobjects: int
) -> Iterator[Batch]:
    """Cut an object's chunks, by their place in it, so that there is work for every core."""
    parts = list(part.parts())
    if locations.offsets is None or len(parts) == 1:
        yield Batch(part, chunks, locations, parts)
        return
    by_place = np.argsort(locations.offsets, kind="stable")
    most = batch_length(stored, len(parts), nobjects)
    for start in range(0, len(parts), most):
        rows = by_place[start : start + most]
        yield Batch(part, chunks[rows], _take(locations, rows), [parts[i] for i in rows.tolist()])


def batch_length(stored: StoredArray, nchunks: int, nobjects: int) -> int:
    """How many of an object's `nchunks` chunks make a batch, where `nobjects` objects are worked on at once."""
    most = max(1, BATCH_NBYTES // max(1, stored.chain.spec.nbytes))
    return most if nobjects >= worker_count() else min(most, -(-nchunks // worker_count()))


def _take(locations: ChunkLocations, rows: npt.NDArray[np.intp]) -> ChunkLocations:
    if locations.offsets is None or locations.nbytes is None:
        return locations
    masks = None if locations.filter_masks is None else locations.filter_masks[rows]
    return replace(locations, offsets=locations.offsets[rows], nbytes=locations.nbytes[rows], filter_masks=masks)


def _read_batch(stored: StoredArray, batch: Batch, out: npt.NDArray[Any]) -> None:
    coords = batch.part.coords
    if stored.chain.is_bytes and batch.locations.offsets is not None:

        def elements(locations: ChunkLocations | None) -> None:
            read_elements(stored, coords, batch.chunks, locations, batch.parts, out)

        _from_one_version(stored, coords, batch.chunks, batch.locations, elements)
        return
    fetched = fetch(stored, coords, batch.chunks, batch.locations)
    for i, (buffer, mask) in enumerate(fetched):
        part = batch.parts[i]
        if buffer is None:
            out[part.in_out] = stored.chain.spec.fill_value
        else:
            chunk = decode_chunk(stored, buffer, mask, batch.locations.key, batch.chunks[i])
            out[part.in_out] = chunk[part.in_chunk]


def fetch(
    stored: StoredArray, object_coords: tuple[int, ...], chunks: npt.NDArray[np.intp], locations: ChunkLocations
) -> list[tuple[Buffer | None, int]]:
    """The encoded chunks (None: absent) and their filter masks, by as few requests as sensible.

    An object that was replaced meanwhile is looked at again, so all chunks come from one version of it.
    """

    def get(found: ChunkLocations | None) -> list[tuple[Buffer | None, int]]:
        return [(None, 0)] * len(chunks) if found is None else _fetch(stored, found)

    return _from_one_version(stored, object_coords, chunks, locations, get)


def _from_one_version(
    stored: StoredArray,
    object_coords: tuple[int, ...],
    chunks: npt.NDArray[np.intp],
    locations: ChunkLocations,
    attempt: Callable[[ChunkLocations | None], T],
) -> T:
    """What `attempt` makes of the chunks' locations (None: no object), once the object holds still."""
    found: ChunkLocations | None = locations
    for _ in range(ATTEMPTS):
        try:
            return attempt(found)
        except (StaleVersionError, NotFoundError):
            found = stored.source.locate(object_coords, chunks, fresh=True)
    raise CorruptDataError(f"replaced {ATTEMPTS} times while it was being read", key=locations.key)


def _fetch(stored: StoredArray, locations: ChunkLocations) -> list[tuple[Buffer | None, int]]:
    if locations.offsets is None or locations.nbytes is None:
        try:
            return [(stored.store.get(locations.key).data, 0)]
        except NotFoundError:
            return [(None, 0)]
    present = np.flatnonzero(locations.offsets >= 0)
    buffers: list[tuple[Buffer | None, int]] = [(None, 0)] * len(locations.offsets)
    if not len(present) and locations.fresh:
        return buffers
    offsets, nbytes = locations.offsets[present], locations.nbytes[present]
    runs, run_of = coalesce(offsets, nbytes, max_gap=max_gap_of(stored.store))
    views = [memoryview(data) for data in stored.store.get_ranges(locations.key, runs, locations.version)]
    masks = np.zeros(len(present), np.uint32) if locations.filter_masks is None else locations.filter_masks[present]
    for row, start, length, i, mask in zip(
        present.tolist(), offsets.tolist(), nbytes.tolist(), run_of.tolist(), masks.tolist(), strict=True
    ):
        at = start - runs[i].offset
        buffers[row] = (views[i][at : at + length], mask)
    return buffers


def decode_chunk(
    stored: StoredArray, buffer: Buffer, mask: int, key: str, chunk: npt.NDArray[np.intp]
) -> npt.NDArray[Any]:
    """Decode one chunk of the object at `key`; an error says which."""
    try:
        return stored.chain.decode(buffer, mask)
    except CorruptDataError as error:
        raise type(error)(
            f"inner chunk {tuple(chunk.tolist())}: {error.message}",
            structure=error.structure,
            offset=error.offset,
            expected=error.expected,
            found=error.found,
            key=key,
        ) from error
