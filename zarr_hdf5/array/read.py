"""Reading: plan, locate, fetch coalesced ranges, decode on all cores, place.

A task is what is selected of some chunks of one object, near each other in it, which are fetched, decoded and placed
together: the fewer steps, the less the threads wait for each other. Chunks that are nothing but their elements may go
another way: `read_elements`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.forms import for_each_form
from zarr_hdf5.array.padding import with_padding
from zarr_hdf5.array.plan import ObjectPart, Part
from zarr_hdf5.array.read_elements import prefers_elements, read_elements
from zarr_hdf5.array.wanted import WantedOfPart, wants_all
from zarr_hdf5.buffer import Buffer, Buffers, Segments, byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.chunk_source import ChunkLocations
from zarr_hdf5.coalesce import coalesce
from zarr_hdf5.codecs.protocol import Wanted
from zarr_hdf5.data_type import is_fragile, sound_elements
from zarr_hdf5.errors import ChunkNotFoundError, CorruptDataError, NotFoundError, StaleVersionError
from zarr_hdf5.parallel import run, worker_count
from zarr_hdf5.scratch import Allocate, fresh, scratch
from zarr_hdf5.stored_array import ChunkStore, StoredArray
from zarr_hdf5.stores.protocol import max_gap_of, reads_into

__all__ = ["Fetched", "decode_chunk", "fetch", "read", "task_length"]

TASK_NBYTES = 4 << 20
"""Decoded bytes of a task: large beside what a task or a request costs, small beside memory and shared caches."""
ROOM_NBYTES = 4096
"""In front of encoded chunks, for what makes them one: see `Segments`."""
LEAST_NBYTES = 512 << 10
LEAST_COPIED_NBYTES = TASK_NBYTES
"""Decoded bytes worth waking another thread for, which takes as long as ten small chunks; without a codec."""
FEW_OBJECTS = 4
"""That are looked at one after the other where a request takes less than to wake a thread."""
OBJECTS_AT_ONCE = 1024
ATTEMPTS = 10
"""Times to look again at an object that others keep replacing."""

Values = npt.NDArray[Any]
T = TypeVar("T")


class Task(NamedTuple):
    """What is selected of some chunks of the object at `coords`; `chunks` and `locations` are theirs."""

    coords: tuple[int, ...]
    part: Part
    chunks: npt.NDArray[np.intp]
    locations: ChunkLocations


class Fetched(NamedTuple):
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
    if stored.form is not None:
        for_each_form(stored.form, objects, lambda form, some: read(form, some, out))
        return
    opaque, target = with_padding(stored, out)
    _read(opaque, objects, target)
    if target is not out and is_fragile(out.dtype):
        sound_elements(out)  # in place


def _read(stored: StoredArray, objects: Iterable[ObjectPart], out: Values) -> None:
    pending = iter(objects)
    while window := list(islice(pending, OBJECTS_AT_ONCE)):
        if len(window) == 1 and window[0].part.nchunks == 1:
            _read_chunk(stored, window[0], out)
            continue
        found: dict[int, tuple[npt.NDArray[np.intp], ChunkLocations | None]] = {}

        def locate(i: int, window: list[ObjectPart] = window, found: dict[int, Any] = found) -> None:
            chunks = window[i].part.chunks()
            found[i] = (chunks, stored.source.locate(window[i].coords, chunks))

        near = reads_into(stored.store) and len(window) <= FEW_OBJECTS
        run(locate, range(len(window)), alone=near)
        tasks: list[Task] = []
        for i, planned in enumerate(window):
            chunks, locations = found[i]
            if locations is None:
                _fill(stored, planned, out)
            else:
                tasks += _tasks(stored, Task(planned.coords, planned.part, chunks, locations), len(window))
        little = sum(task.part.nchunks for task in tasks) * stored.chain.spec.nbytes < 2 * _least_nbytes(stored)
        run(lambda task: _read_task(stored, task, out), tasks, alone=near and little)


def _read_chunk(stored: StoredArray, planned: ObjectPart, out: Values) -> None:
    """Nothing to share out."""
    chunks = planned.part.chunks()
    locations = stored.source.locate(planned.coords, chunks)
    if locations is None:
        _fill(stored, planned, out)
    else:
        _read_task(stored, Task(planned.coords, planned.part, chunks, locations), out)


def _fill(stored: StoredArray, planned: ObjectPart, out: Values) -> None:
    """There is no such object."""
    if not stored.config.read_missing_chunks and planned.part.nchunks:
        key = str(planned.coords) if stored.sink is None else stored.sink.key(planned.coords)
        raise ChunkNotFoundError(key, tuple(planned.part.chunks()[0].tolist()))
    planned.part.fill(out, stored.chain.spec.fill_value)


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
    for part in task.part.split(task_length(stored, task.part.nchunks, nobjects, _least_nbytes(stored))):
        stop = start + part.nchunks
        yield Task(task.coords, part, task.chunks[start:stop], _take(task.locations, slice(start, stop)))
        start = stop


def task_length(stored: StoredArray, nchunks: int, nobjects: int, least_nbytes: int) -> int:
    """How many of an object's `nchunks` chunks make a task, where `nobjects` objects are worked on at once.

    `least_nbytes`: decoded bytes of chunks that are worth waking another thread for.
    """
    nbytes = max(1, stored.chain.spec.nbytes)
    most = max(1, TASK_NBYTES // nbytes)
    if nobjects >= worker_count():
        return most
    ntasks = min(worker_count(), max(1, nchunks * nbytes // least_nbytes))
    return min(most, -(-nchunks // ntasks))


def _least_nbytes(stored: StoredArray) -> int:
    return LEAST_COPIED_NBYTES if stored.chain.is_bytes else LEAST_NBYTES


def _take(locations: ChunkLocations, rows: Any) -> ChunkLocations:
    if locations.offsets is None or locations.nbytes is None:
        return locations
    masks = None if locations.filter_masks is None else locations.filter_masks[rows]
    return locations._replace(offsets=locations.offsets[rows], nbytes=locations.nbytes[rows], filter_masks=masks)


def _read_task(stored: StoredArray, task: Task, out: Values) -> None:
    strict = not stored.config.read_missing_chunks
    if not strict and prefers_elements(stored, task.part, task.locations, out):

        def elements(locations: ChunkLocations | None) -> None:
            read_elements(stored, task.coords, task.chunks, locations, task.part, out)

        _from_one_version(stored, task.coords, task.chunks, task.locations, elements)
        return
    with scratch() as memory:
        fetched = fetch(stored, task.coords, task.chunks, task.locations, memory.allocate)
        if strict and len(fetched.present) < len(task.chunks):
            (missing,) = np.nonzero(~np.isin(np.arange(len(task.chunks)), fetched.present))
            raise ChunkNotFoundError(task.locations.key, tuple(task.chunks[missing[0]].tolist()))
        if len(fetched.present):
            task.part.put(_decode(stored, task, fetched, memory.allocate), out)
        else:
            task.part.fill(out, stored.chain.spec.fill_value)


def _read_ranges(
    store: ChunkStore, locations: ChunkLocations, ranges: Sequence[ByteRange], allocate: Allocate
) -> Buffers:
    """The ranges, one after the other in one piece of memory if the store can read into it."""
    key, version = locations.key, locations.version
    if not reads_into(store):
        return store.get_ranges(key, ranges, version)
    lengths = np.array([wanted.nbytes for wanted in ranges], np.int64)
    data = allocate(ROOM_NBYTES + int(lengths.sum())).data
    segments = Segments(data, ROOM_NBYTES + np.cumsum(lengths) - lengths, lengths, ROOM_NBYTES)
    store.read_into(key, list(zip([wanted.offset for wanted in ranges], segments, strict=True)), version)
    return segments


def _read_alone(store: ChunkStore, locations: ChunkLocations, wanted: ByteRange, allocate: Allocate) -> Buffers:
    """The same for the range of a single chunk."""
    if not reads_into(store):
        return store.get_ranges(locations.key, [wanted], locations.version)
    data = allocate(wanted.nbytes).data
    store.read_into(locations.key, [(wanted.offset, data)], locations.version)
    return [data]


def fetch(
    stored: StoredArray,
    object_coords: tuple[int, ...],
    chunks: npt.NDArray[np.intp],
    locations: ChunkLocations,
    allocate: Allocate = fresh,
) -> Fetched:
    """The encoded chunks, by as few requests as sensible, in memory from `allocate` if the store can read into it.

    An object that was replaced meanwhile is looked at again, so all chunks come from one version of it.
    """

    def get(found: ChunkLocations | None) -> Fetched:
        return NOTHING if found is None else _fetch(stored, found, allocate)

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


def _fetch(stored: StoredArray, locations: ChunkLocations, allocate: Allocate) -> Fetched:
    if locations.offsets is None or locations.nbytes is None:
        try:
            return Fetched([stored.store.get(locations.key).data], np.zeros(1, np.intp))
        except NotFoundError:
            return NOTHING
    if len(locations.offsets) == 1 and locations.offsets[0] >= 0 and locations.filter_masks is None:
        alone = ByteRange(int(locations.offsets[0]), int(locations.nbytes[0]))
        return Fetched(_read_alone(stored.store, locations, alone, allocate), np.zeros(1, np.intp))
    (present,) = (locations.offsets >= 0).nonzero()
    if not len(present) and locations.fresh:
        return NOTHING
    offsets, nbytes = locations.offsets[present], locations.nbytes[present]
    runs, run_of = coalesce(offsets, nbytes, max_gap=max_gap_of(stored.store))
    masks = None if locations.filter_masks is None else locations.filter_masks[present]
    if masks is not None and not masks.any():
        masks = None
    found = _read_ranges(stored.store, locations, runs, allocate)
    starts = offsets - np.array([run.offset for run in runs], np.int64)[run_of]
    if isinstance(found, Segments):
        return Fetched(Segments(found.data, starts + found.starts[run_of], nbytes, found.room), present, masks)
    views = list(map(byte_view, found))
    if len(views) == 1:
        return Fetched(Segments(views[0], starts, nbytes), present, masks)
    cuts = zip(run_of.tolist(), starts.tolist(), (starts + nbytes).tolist(), strict=True)
    return Fetched([views[i][start:stop] for i, start, stop in cuts], present, masks)


def _decode(stored: StoredArray, task: Task, fetched: Fetched, allocate: Allocate) -> Values:
    """The chunks of a task, (m, *chunk_shape), what is absent filled in; at least one is there."""
    decoded = _decode_present(stored, task, fetched, allocate)
    if len(decoded) == task.part.nchunks:
        return decoded
    spec = stored.chain.spec
    full = np.empty((task.part.nchunks, *spec.shape), spec.dtype)
    full[...] = spec.fill_value
    full[fetched.present] = decoded
    return full


def _decode_present(stored: StoredArray, task: Task, fetched: Fetched, allocate: Allocate) -> Values:
    buffers, masks = fetched.buffers, fetched.masks
    if masks is None:
        try:
            return stored.chain.decode_many(buffers, allocate=allocate, wanted=_wanted(stored, task.part, fetched))
        except CorruptDataError:
            masks = np.zeros(len(buffers), np.uint32)  # which of them it is, is found one by one
    each = zip(buffers, masks.tolist(), task.chunks[fetched.present], strict=True)
    return np.stack([decode_chunk(stored, buffer, mask, task.locations.key, chunk) for buffer, mask, chunk in each])


def _wanted(stored: StoredArray, part: Part, fetched: Fetched) -> Wanted | None:
    """What has to be decoded, if that may be less than everything."""
    spec = stored.chain.encoded_spec
    # Where nothing is wanted may be anything, also what is no element.
    if not stored.chain.heeds_wanted or wants_all(part, spec.shape) or is_fragile(spec.dtype):
        return None
    return WantedOfPart(part, fetched.present, spec.shape, spec.dtype.itemsize)


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
