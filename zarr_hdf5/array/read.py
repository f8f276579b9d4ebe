"""Reading: plan, locate, fetch coalesced ranges, decode on all cores, place.

A task is what is selected of some chunks of one object, near each other in it. Their bytes are fetched together, but
decoded and placed a few at a time, while the processor's cache holds them. Chunks that are nothing but their elements
may go another way: `read_elements`.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.padding import with_padding
from zarr_hdf5.array.plan import ObjectPart, Part
from zarr_hdf5.array.read_elements import prefers_elements, read_elements
from zarr_hdf5.buffer import Buffer, Buffers, byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.chunk_source import ChunkLocations
from zarr_hdf5.coalesce import coalesce
from zarr_hdf5.errors import CorruptDataError, NotFoundError, StaleVersionError
from zarr_hdf5.parallel import run, worker_count
from zarr_hdf5.stored_array import ChunkStore, StoredArray
from zarr_hdf5.stores.protocol import max_gap_of, reads_into

__all__ = ["Fetched", "batch_length", "decode_chunk", "fetch", "read", "task_length"]

TASK_NBYTES = 4 << 20
"""Decoded bytes of a task: large beside what a task or a request costs, small beside memory."""
BATCH_NBYTES = 1 << 20
"""Decoded bytes of the chunks that are decoded at once: what a core's cache holds with their encoded bytes."""
MAX_LARGE = 3
"""Chunks that fit into a batch, if they are large."""
OBJECTS_AT_ONCE = 1024
ATTEMPTS = 10
"""Times to look again at an object that others keep replacing."""

SCRATCH_NBYTES = 8 << 20

Values = npt.NDArray[Any]
ReadRanges: TypeAlias = Callable[[ChunkStore, ChunkLocations, Sequence[ByteRange]], Sequence[Buffer]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """What is selected of some chunks of the object at `coords`; `chunks` and `locations` are theirs."""

    coords: tuple[int, ...]
    part: Part
    chunks: npt.NDArray[np.intp]
    locations: ChunkLocations


@dataclass(frozen=True, slots=True)
class Fetched:
    """The encoded chunks that are there.

    present
        (n,): rows of these chunks, ascending.
    masks
        Their filter masks; None where all are 0.
    """

    buffers: Buffers
    present: npt.NDArray[np.intp]
    masks: npt.NDArray[np.uint32] | None = None


NOTHING = Fetched([], np.empty(0, np.intp))


def read(stored: StoredArray, objects: Iterable[ObjectPart], out: Values) -> None:
    """Read the planned objects into `out` (axes in the stored order)."""
    stored, out = with_padding(stored, out)
    pending = iter(objects)
    while window := list(islice(pending, OBJECTS_AT_ONCE)):
        found: dict[int, tuple[npt.NDArray[np.intp], ChunkLocations | None]] = {}

        def locate(i: int, window: list[ObjectPart] = window, found: dict[int, Any] = found) -> None:
            chunks = window[i].part.chunks()
            found[i] = (chunks, stored.source.locate(window[i].coords, chunks))

        run(locate, range(len(window)))
        tasks: list[Task] = []
        for i, planned in enumerate(window):
            chunks, locations = found[i]
            if locations is None:
                planned.part.fill(out, stored.chain.spec.fill_value)
            else:
                tasks += _tasks(stored, Task(planned.coords, planned.part, chunks, locations), len(window))
        run(lambda task: _read_task(stored, task, out), tasks)


def _tasks(stored: StoredArray, task: Task, nobjects: int) -> Iterator[Task]:
    """Cut what is selected of an object so that there is work for every core."""
    offsets = task.locations.offsets
    if offsets is None or len(offsets) == 1:
        yield task
        return
    there = offsets[offsets >= 0]
    if (there[1:] < there[:-1]).any():  # not in the order of the grid: keep together what lies together
        rows = np.argsort(offsets, kind="stable")
        task = Task(task.coords, task.part.take(rows), task.chunks[rows], _take(task.locations, rows))
    start = 0
    for part in task.part.split(task_length(stored, task.part.nchunks, nobjects)):
        stop = start + part.nchunks
        yield Task(task.coords, part, task.chunks[start:stop], _take(task.locations, slice(start, stop)))
        start = stop


def task_length(stored: StoredArray, nchunks: int, nobjects: int) -> int:
    """How many of an object's `nchunks` chunks make a task, where `nobjects` objects are worked on at once."""
    most = max(1, TASK_NBYTES // max(1, stored.chain.spec.nbytes))
    return most if nobjects >= worker_count() else min(most, -(-nchunks // worker_count()))


def batch_length(stored: StoredArray) -> int:
    """How many chunks are decoded or encoded at once: many small ones; a large one alone, which spares a copy."""
    nbytes = max(1, stored.chain.spec.nbytes)
    if stored.chain.is_bytes:  # nothing is made of them before they are placed
        return max(1, TASK_NBYTES // nbytes)
    most = BATCH_NBYTES // nbytes
    return most if most > MAX_LARGE else 1


def _take(locations: ChunkLocations, rows: Any) -> ChunkLocations:
    if locations.offsets is None or locations.nbytes is None:
        return locations
    masks = None if locations.filter_masks is None else locations.filter_masks[rows]
    return replace(locations, offsets=locations.offsets[rows], nbytes=locations.nbytes[rows], filter_masks=masks)


def _read_task(stored: StoredArray, task: Task, out: Values) -> None:
    if prefers_elements(stored, task.part, task.locations, out):

        def elements(locations: ChunkLocations | None) -> None:
            read_elements(stored, task.coords, task.chunks, locations, task.part, out)

        _from_one_version(stored, task.coords, task.chunks, task.locations, elements)
        return
    fetched = fetch(stored, task.coords, task.chunks, task.locations, _read_soon)
    start = 0
    for part in task.part.split(batch_length(stored)):
        rows = range(start, start + part.nchunks)
        decoded = _decode(stored, task, rows, fetched)
        if decoded is None:
            part.fill(out, stored.chain.spec.fill_value)
        else:
            part.put(decoded, out)
        start = rows.stop


def _read_for_good(store: ChunkStore, locations: ChunkLocations, ranges: Sequence[ByteRange]) -> Sequence[Buffer]:
    return store.get_ranges(locations.key, ranges, locations.version)


def _read_soon(store: ChunkStore, locations: ChunkLocations, ranges: Sequence[ByteRange]) -> Sequence[Buffer]:
    """In memory that this thread uses again for its next task, where the store can read into it.

    Fresh memory costs as much as the reading: the system clears it, page by page.
    """
    nbytes = sum(wanted.nbytes for wanted in ranges)
    if nbytes > SCRATCH_NBYTES or not reads_into(store):
        return _read_for_good(store, locations, ranges)
    if len(_scratch.data) < nbytes:
        _scratch.data = memoryview(bytearray(SCRATCH_NBYTES))
    ends = accumulate(wanted.nbytes for wanted in ranges)
    views = [_scratch.data[end - wanted.nbytes : end] for wanted, end in zip(ranges, ends, strict=True)]
    starts = (wanted.offset for wanted in ranges)
    store.read_into(locations.key, list(zip(starts, views, strict=True)), locations.version)
    return views


class _Scratch(threading.local):
    data = memoryview(b"")


_scratch = _Scratch()


def fetch(
    stored: StoredArray,
    object_coords: tuple[int, ...],
    chunks: npt.NDArray[np.intp],
    locations: ChunkLocations,
    read_ranges: ReadRanges = _read_for_good,
) -> Fetched:
    """The encoded chunks, by as few requests as sensible.

    An object that was replaced meanwhile is looked at again, so all chunks come from one version of it.
    """

    def get(found: ChunkLocations | None) -> Fetched:
        return NOTHING if found is None else _fetch(stored, found, read_ranges)

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


def _fetch(stored: StoredArray, locations: ChunkLocations, read_ranges: ReadRanges) -> Fetched:
    if locations.offsets is None or locations.nbytes is None:
        try:
            return Fetched([stored.store.get(locations.key).data], np.zeros(1, np.intp))
        except NotFoundError:
            return NOTHING
    if len(locations.offsets) == 1 and locations.offsets[0] >= 0 and locations.filter_masks is None:
        alone = ByteRange(int(locations.offsets[0]), int(locations.nbytes[0]))
        return Fetched(read_ranges(stored.store, locations, [alone]), np.zeros(1, np.intp))
    (present,) = (locations.offsets >= 0).nonzero()
    if not len(present) and locations.fresh:
        return NOTHING
    offsets, nbytes = locations.offsets[present], locations.nbytes[present]
    runs, run_of = coalesce(offsets, nbytes, max_gap=max_gap_of(stored.store))
    views = [byte_view(data) for data in read_ranges(stored.store, locations, runs)]
    masks = None if locations.filter_masks is None else locations.filter_masks[present]
    if masks is not None and not masks.any():
        masks = None
    rows = _rows(views[0], offsets - runs[0].offset, nbytes) if len(views) == 1 else None
    if rows is not None:
        return Fetched(rows, present, masks)
    starts = offsets - np.array([run.offset for run in runs], np.int64)[run_of]
    cuts = zip(run_of.tolist(), starts.tolist(), (starts + nbytes).tolist(), strict=True)
    return Fetched([views[i][start:stop] for i, start, stop in cuts], present, masks)


def _rows(
    view: "memoryview[int]", starts: npt.NDArray[np.int64], nbytes: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8] | None:
    """Chunks of one length at regular distances, as rows."""
    if len(starts) < 2 or (nbytes != nbytes[0]).any():
        return None
    steps = np.diff(starts)
    if steps[0] < nbytes[0] or (steps != steps[0]).any():
        return None
    return np.ndarray((len(starts), int(nbytes[0])), np.uint8, view, int(starts[0]), (int(steps[0]), 1))


def _decode(stored: StoredArray, task: Task, rows: range, fetched: Fetched) -> Values | None:
    """These chunks of a task, (m, *chunk_shape), what is absent filled in; None where all are."""
    if len(fetched.present) == task.part.nchunks:
        return _decode_present(stored, task, np.arange(rows.start, rows.stop), fetched, slice(rows.start, rows.stop))
    first, last = fetched.present.searchsorted((rows.start, rows.stop)).tolist()
    if first == last:
        return None
    present = fetched.present[first:last]
    decoded = _decode_present(stored, task, present, fetched, slice(first, last))
    if len(present) == len(rows):
        return decoded
    spec = stored.chain.spec
    full = np.empty((len(rows), *spec.shape), spec.dtype)
    full[...] = spec.fill_value
    full[present - rows.start] = decoded
    return full


def _decode_present(
    stored: StoredArray, task: Task, rows: npt.NDArray[np.intp], fetched: Fetched, which: slice
) -> Values:
    buffers = fetched.buffers[which]
    if fetched.masks is None:
        try:
            return stored.chain.decode_many(buffers)
        except CorruptDataError:
            pass  # which of them it is, is found one by one
    masks = np.zeros(len(rows), np.uint32) if fetched.masks is None else fetched.masks[which]
    each = zip(buffers, masks.tolist(), task.chunks[rows], strict=True)
    return np.stack([decode_chunk(stored, buffer, mask, task.locations.key, chunk) for buffer, mask, chunk in each])


def decode_chunk(stored: StoredArray, buffer: Buffer, mask: int, key: str, chunk: npt.NDArray[np.intp]) -> Values:
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
