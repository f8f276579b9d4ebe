"""Writing: plan, carry over what stays, encode on all cores, replace whole objects, or some of their chunks.

Only chunks that are partly overwritten are decoded; the others of an object move as bytes, or stay where they are if
the sink can update. An object is written while it is encoded, or by whoever encodes the last of its chunks. What is in
memory is a few tasks' chunks, or the objects being written and the one being encoded; of objects that are not replaced
whole, several small ones.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.forms import for_each_form
from zarr_hdf5.array.plan import Box, view_of
from zarr_hdf5.array.read import OBJECTS_AT_ONCE, decode_chunk, fetch, task_length
from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_source import ChunkSink, ObjectGrid, ObjectWriter, UpdatingSink, updates_of
from zarr_hdf5.codecs.fill import are_fill
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import CodecError
from zarr_hdf5.parallel import run, worker_count
from zarr_hdf5.scratch import Allocate, fresh, scratch
from zarr_hdf5.stored_array import StoredArray

__all__ = ["WritableObject", "WritablePart", "delete_object", "write", "write_again"]

WINDOW_NBYTES = 64 << 20
"""Decoded bytes of objects that are read before they are written, all at once."""

LEAST_NBYTES = 128 << 10
"""Decoded bytes that are worth waking another thread for: encoding takes longer than decoding."""

Values = npt.NDArray[Any]


class WritablePart(Protocol):
    """What is selected of some chunks of one object, to be written."""

    @property
    def nchunks(self) -> int:
        """How many chunks."""
        ...

    def chunks(self) -> npt.NDArray[np.intp]:
        """(m, rank): the chunks, counted within the object."""
        ...

    def split(self, most: int) -> "Iterator[WritablePart]":
        """The same in parts of at most `most` chunks, which stay in their order."""
        ...

    def partial(self) -> list[int]:
        """Rows of the chunks of which something may stay as it is."""
        ...

    def covers(self, shape: tuple[int, ...]) -> bool:
        """Whether all elements of chunks of `shape` are sure to be selected, also those outside the array, in order."""
        ...

    def overwrite(self, chunks: Values, value: Values) -> None:
        """Give the selected elements of the decoded chunks, (m, *chunk_shape), their places' values."""
        ...


class WritableObject(Protocol):
    """The part of one object that is written."""

    @property
    def coords(self) -> tuple[int, ...]:
        """Of the object, in the grid of objects."""
        ...

    @property
    def part(self) -> WritablePart:
        """What of it."""
        ...

    @property
    def whole(self) -> bool:
        """Whether nothing of what lies within the array stays."""
        ...


@dataclass(slots=True)
class PendingObject:
    """An object on its way: its key, and the encoded chunks it will have, in C order (None: absent).

    `todo` counts the chunks that are not encoded yet. `updating`: may spare chunks that stay as they are, which have
    not been fetched. `writer`: takes the chunks at once, so that `chunks` stays empty.
    """

    key: str
    planned: WritableObject
    chunks: list[Buffer | None]
    todo: int
    updating: UpdatingSink | None
    writer: ObjectWriter | None
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Task:
    """Some chunks of a pending object that get new elements, and their places in C order of the object.

    `position`: how many come before them.
    """

    pending: PendingObject
    part: WritablePart
    numbers: list[int]
    position: int


def write(stored: StoredArray, sink: ChunkSink, objects: Iterable[WritableObject], value: Values) -> None:
    """Write `value` (axes in the stored order) to the planned objects."""
    if stored.form is not None:
        for_each_form(stored.form, objects, lambda form, some: write(form, form.sink or sink, some, value))
        return
    for window in _windows(stored, objects):
        with _locked(stored, sink, [planned.coords for planned in window]):
            carried: dict[tuple[int, ...], list[Buffer | None]] = {}

            def carry(planned: WritableObject, carried: dict[Any, Any] = carried) -> None:
                old = carried[planned.coords] = [None] * stored.source.grid.nchunks_per_object
                _carry(stored, planned, old, partial=True, untouched=_updating(sink, planned) is None)

            run(carry, [planned for planned in window if not planned.whole])
            begun: list[PendingObject] = []
            try:
                tasks = _tasks(stored, sink, window, carried, begun)
                run(lambda task: _write_task(stored, sink, task, value), tasks)
            finally:
                for pending in begun:
                    if pending.writer is not None and pending.todo:
                        pending.writer.abandon()


def write_again(stored: StoredArray, sink: ChunkSink, object_coords: tuple[int, ...]) -> None:
    """Let what else an object says follow the array's bounds; where that takes it, by writing all its chunks anew."""
    grid = stored.source.grid
    with _locked(stored, sink, [object_coords]):
        updating = updates_of(sink)
        if updating is not None and updating.update(object_coords, {}):
            return
        chunks: list[Buffer | None] = [None] * grid.nchunks_per_object
        needed = np.zeros(grid.chunks_per_object, np.bool_)
        needed[_inside(grid, object_coords)] = True
        _fetch_chunks(stored, object_coords, needed, chunks, fresh=True)
        sink.write(object_coords, chunks)


def delete_object(stored: StoredArray, sink: ChunkSink, object_coords: tuple[int, ...]) -> None:
    """Delete an object, which may lie outside the array."""
    with _locked(stored, sink, [object_coords]):
        sink.write(object_coords, [None] * stored.source.grid.nchunks_per_object)


def _windows(stored: StoredArray, objects: Iterable[WritableObject]) -> Iterator[list[WritableObject]]:
    window: list[WritableObject] = []
    nbytes = 0
    for planned in objects:
        window.append(planned)
        if not planned.whole:
            nbytes += stored.chain.spec.nbytes * stored.source.grid.nchunks_per_object
        if nbytes >= WINDOW_NBYTES or len(window) == OBJECTS_AT_ONCE:
            yield window
            window, nbytes = [], 0
    if window:
        yield window


def _numbers(coords: npt.NDArray[np.intp], grid: ObjectGrid) -> npt.NDArray[np.intp]:
    """The places of chunks in C order of their object."""
    if not grid.shape:
        return np.zeros(1, np.intp)
    return np.asarray(np.ravel_multi_index(tuple(coords.T), grid.chunks_per_object))


def _updating(sink: ChunkSink, planned: WritableObject) -> UpdatingSink | None:
    """Who is to try to change some chunks of an object, before the whole of it is written."""
    return None if planned.whole else updates_of(sink)


def _carry(
    stored: StoredArray, planned: WritableObject, chunks: list[Buffer | None], *, partial: bool, untouched: bool
) -> None:
    """Put encoded chunks of the old object into `chunks`: those to be decoded, those that stay as they are, or both."""
    part = planned.part
    rows = part.partial() if partial else []
    if not rows and not untouched:
        return
    needed = np.zeros(stored.source.grid.chunks_per_object, np.bool_)
    if untouched:
        needed[_inside(stored.source.grid, planned.coords)] = True
        needed[tuple(part.chunks().T)] = False
    needed[tuple(part.chunks()[rows].T)] = True
    # A patch is checked against the version that is remembered; an object written whole is not.
    _fetch_chunks(stored, planned.coords, needed, chunks, fresh=untouched)


def _inside(grid: ObjectGrid, object_coords: tuple[int, ...]) -> tuple[slice, ...]:
    """The chunks of an object that do not lie wholly outside the array: nobody can read those."""
    valid = grid.objects.clipped_shape(object_coords)
    return tuple(slice(-(-length // chunk)) for length, chunk in zip(valid, grid.chunk_shape, strict=True))


def _fetch_chunks(
    stored: StoredArray,
    object_coords: tuple[int, ...],
    needed: npt.NDArray[np.bool_],
    chunks: list[Buffer | None],
    *,
    fresh: bool,
) -> None:
    """Put the encoded chunks that are `needed` and there to their places, which are in C order."""
    coords = np.argwhere(needed)
    locations = stored.source.locate(object_coords, coords, fresh=fresh)
    if locations is None:
        return
    numbers = np.flatnonzero(needed)
    fetched = fetch(stored, object_coords, coords, locations)
    for number, buffer in zip(numbers[fetched.present].tolist(), fetched.buffers, strict=True):
        chunks[number] = buffer


def _tasks(
    stored: StoredArray,
    sink: ChunkSink,
    window: Sequence[WritableObject],
    carried: dict[tuple[int, ...], list[Buffer | None]],
    begun: list[PendingObject],
) -> Iterator[Task]:
    """All tasks: object by object, or, where objects are written while they are encoded, of some objects in turn.

    Two threads that write to one object wait for each other, and for the order of its chunks.
    """
    each = (_tasks_of(stored, sink, planned, len(window), carried, begun) for planned in window)
    turns = deque(islice(each, 1))
    while turns:
        tasks = turns.popleft()
        task = next(tasks, None)
        if task is None:
            turns.extend(islice(each, 1))
            continue
        turns.append(tasks)
        if task.pending.writer is not None:
            turns.extendleft(islice(each, worker_count() - len(turns)))
        yield task


def _tasks_of(
    stored: StoredArray,
    sink: ChunkSink,
    planned: WritableObject,
    nobjects: int,
    carried: dict[tuple[int, ...], list[Buffer | None]],
    begun: list[PendingObject],
) -> Iterator[Task]:
    """The tasks of one of `nobjects` objects."""
    grid = stored.source.grid
    writer = sink.begin(planned.coords) if planned.whole else None
    chunks = carried.pop(planned.coords, None) or [None] * (0 if writer else grid.nchunks_per_object)
    nchunks = planned.part.nchunks
    pending = PendingObject(sink.key(planned.coords), planned, chunks, nchunks, _updating(sink, planned), writer)
    begun.append(pending)
    position = 0
    for part in planned.part.split(task_length(stored, nchunks, nobjects, LEAST_NBYTES)):
        yield Task(pending, part, _numbers(part.chunks(), grid).tolist(), position)
        position += part.nchunks


def _write_task(stored: StoredArray, sink: ChunkSink, task: Task, value: Values) -> None:
    """Encode the chunks of a task; the last task of an object writes what is left to write."""
    pending, nchunks = task.pending, task.part.nchunks
    with scratch() as memory:
        if pending.writer is not None:
            pending.writer.put(task.position, nchunks, *_encode(stored, task, value, memory.allocate))
        else:
            encoded = dict(zip(*_encode(stored, task, value, fresh), strict=True))
            for number in task.numbers:
                pending.chunks[number] = encoded.get(number)
    with pending.lock:
        last = pending.todo == nchunks
        pending.todo -= 0 if last else nchunks
    if last:
        _finish(stored, sink, pending)
        pending.todo = 0
        pending.chunks = []


def _finish(stored: StoredArray, sink: ChunkSink, pending: PendingObject) -> None:
    planned, chunks = pending.planned, pending.chunks
    if pending.writer is not None:
        pending.writer.finish()
        return
    if pending.updating is not None:
        numbers = _numbers(planned.part.chunks(), stored.source.grid).tolist()
        if pending.updating.update(planned.coords, {number: chunks[number] for number in numbers}):
            return
        _carry(stored, planned, chunks, partial=False, untouched=True)
    sink.write(planned.coords, chunks)


def _encode(stored: StoredArray, task: Task, value: Values, allocate: Allocate) -> tuple[list[int], Sequence[Buffer]]:
    """The encoded chunks that are to be stored, and their places in C order of the object."""
    spec, part, numbers = stored.chain.spec, task.part, task.numbers
    covered = part.covers(spec.shape)
    if covered and part.nchunks == 1 and value.dtype == spec.dtype and isinstance(part, Box):
        new = value[view_of(np.newaxis, *part.in_out)]
    else:
        new = _new_chunks(spec, part.nchunks, allocate)
        if not covered:
            new[...] = spec.fill_value
            _fill_in(stored, task.pending, part.partial(), numbers, new)
        part.overwrite(new, value)
    absent = None if stored.config.write_empty_chunks else are_fill(new, spec.fill_value)
    if absent is not None and absent.any():
        there = np.flatnonzero(~absent)
        if not len(there):
            return [], []
        new, numbers = new[there], [numbers[row] for row in there.tolist()]
    return numbers, stored.chain.encode_many(new, allocate)


def _new_chunks(spec: ChunkSpec, count: int, allocate: Allocate) -> Values:
    shape = (count, *spec.shape)
    try:
        if spec.dtype.hasobject or spec.dtype.names:  # zeros where there may be padding, which nobody writes to
            return np.zeros(shape, spec.dtype)
        return allocate(count * spec.nbytes).view(spec.dtype).reshape(shape)
    except (MemoryError, ValueError) as error:  # ValueError: more than any address can say
        message = f"a chunk of shape {spec.shape} has {spec.nbytes} bytes, which do not fit in memory"
        raise CodecError(message, direction="encoding") from error


def _fill_in(stored: StoredArray, pending: PendingObject, partial: list[int], numbers: list[int], new: Values) -> None:
    """What chunks hold where they are not overwritten."""
    for row in partial:
        old = pending.chunks[numbers[row]]
        if old is not None:
            coords = np.array(np.unravel_index(numbers[row], stored.source.grid.chunks_per_object), np.intp)
            new[row] = decode_chunk(stored, old, 0, pending.key, coords)


_locks: WeakValueDictionary[str, "_Lock"] = WeakValueDictionary()
_locks_guard = threading.Lock()


class _Lock:
    """A lock that can be forgotten once nobody holds it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


@contextmanager
def _locked(stored: StoredArray, sink: ChunkSink, objects: Sequence[tuple[int, ...]]) -> Iterator[None]:
    """Nobody else in this process rewrites these objects meanwhile; always taken in the same order."""
    # One name however the object is reached: as c/0 of the store of an array, or as a/c/0 of the store above it.
    names = sorted(f"{stored.store.url}/{sink.key(coords)}" for coords in objects)
    with _locks_guard:
        locks = [_locks.setdefault(name, _Lock()) for name in names]
    with ExitStack() as stack:
        for lock in locks:
            stack.enter_context(lock.lock)
        yield
