"""Writing: plan, carry over what stays, encode on all cores, replace whole objects.

Only chunks that are partly overwritten are decoded; the others of an object move as bytes. What is in memory is a
window of objects: one large one, or several small ones.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.plan import ChunkPart, ObjectPart
from zarr_hdf5.array.read import batch_length, decode_chunk, fetch
from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_source import ChunkSink, ObjectGrid
from zarr_hdf5.codecs.fill import is_fill
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import CodecError
from zarr_hdf5.parallel import run
from zarr_hdf5.stored_array import StoredArray

__all__ = ["write"]

WINDOW_NBYTES = 64 << 20


@dataclass(slots=True)
class PendingObject:
    """An object on its way: its key, and the encoded chunks it will have, in C order (None: absent)."""

    key: str
    part: ObjectPart
    chunks: list[Buffer | None]
    touched: npt.NDArray[np.intp]
    parts: Sequence[ChunkPart]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some touched chunks of a pending object."""

    pending: PendingObject
    rows: range


def write(stored: StoredArray, sink: ChunkSink, objects: Iterable[ObjectPart], value: npt.NDArray[Any]) -> None:
    """Write `value` (axes in the stored order) to the planned objects."""
    for window in _windows(stored, objects):
        with _locked(stored, sink, window):
            pending = [_pend(sink.key(part.coords), part) for part in window]
            run(lambda p: _carry(stored, p), pending)
            batches = [batch for p in pending for batch in _batches(stored, p, len(pending))]
            run(lambda batch: _encode_batch(stored, batch, value), batches)
            run(lambda p: sink.write(p.part.coords, p.chunks), pending)


def _windows(stored: StoredArray, objects: Iterable[ObjectPart]) -> Iterator[list[ObjectPart]]:
    window: list[ObjectPart] = []
    nbytes = 0
    for part in objects:
        window.append(part)
        nbytes += stored.chain.spec.nbytes * stored.source.grid.nchunks_per_object
        if nbytes >= WINDOW_NBYTES:
            yield window
            window, nbytes = [], 0
    if window:
        yield window


def _pend(key: str, part: ObjectPart) -> PendingObject:
    grid = part.grid
    touched = _numbers(part.chunks(), grid)
    return PendingObject(key, part, [None] * grid.nchunks_per_object, touched, list(part.parts()))


def _numbers(coords: npt.NDArray[np.intp], grid: ObjectGrid) -> npt.NDArray[np.intp]:
    """The places of chunks in C order of their object."""
    if not grid.shape:
        return np.zeros(1, np.intp)
    return np.asarray(np.ravel_multi_index(tuple(coords.T), grid.chunks_per_object))


def _carry(stored: StoredArray, pending: PendingObject) -> None:
    """Fill in the encoded chunks of the old object: those to be decoded, and those that stay as they are.

    Chunks that lie wholly outside the array are dropped: nobody can read them.
    """
    part, grid = pending.part, pending.part.grid
    if part.whole:
        return
    valid = grid.objects.clipped_shape(part.coords)
    inside = tuple(-(-length // chunk) for length, chunk in zip(valid, grid.chunk_shape, strict=True))
    coords = np.indices(inside, np.intp).reshape(len(inside), -1).T
    numbers = _numbers(coords, grid)
    replaced = [n for n, p in zip(pending.touched.tolist(), pending.parts, strict=True) if p.whole]
    needed = ~np.isin(numbers, np.asarray(replaced, np.intp))
    coords, numbers = coords[needed], numbers[needed]
    locations = stored.source.locate(part.coords, coords, fresh=True)
    if locations is None:
        return
    for number, (buffer, _) in zip(numbers.tolist(), fetch(stored, part.coords, coords, locations), strict=True):
        pending.chunks[number] = buffer


def _batches(stored: StoredArray, pending: PendingObject, nobjects: int) -> Iterator[Batch]:
    most = batch_length(stored, len(pending.parts), nobjects)
    for start in range(0, len(pending.parts), most):
        yield Batch(pending, range(start, min(start + most, len(pending.parts))))


def _encode_batch(stored: StoredArray, batch: Batch, value: npt.NDArray[Any]) -> None:
    pending, spec = batch.pending, stored.chain.spec
    for row in batch.rows:
        part, number = pending.parts[row], int(pending.touched[row])
        region: Any = (*part.in_out, ...)  # the ellipsis keeps an array of no dimensions an array
        source = value[region]
        if part.whole and source.shape == spec.shape and source.dtype == spec.dtype and _forward(part):
            chunk = source
        else:
            chunk = _new_chunk(spec)
            _fill_in(stored, pending, part, number, chunk)
            chunk[part.in_chunk] = source
        pending.chunks[number] = None if is_fill(chunk, spec.fill_value) else stored.chain.encode(chunk)


def _new_chunk(spec: ChunkSpec) -> npt.NDArray[Any]:
    try:
        return np.empty(spec.shape, spec.dtype)
    except (MemoryError, ValueError) as error:  # ValueError: more than any address can say
        message = f"a chunk of shape {spec.shape} has {spec.nbytes} bytes, which do not fit in memory"
        raise CodecError(message, direction="encoding") from error


def _forward(part: ChunkPart) -> bool:
    """Whether the selected elements are in the chunk's own order."""
    return all(s.step > 0 for s in part.in_chunk)


def _fill_in(
    stored: StoredArray, pending: PendingObject, part: ChunkPart, number: int, chunk: npt.NDArray[Any]
) -> None:
    """What the chunk holds where it is not overwritten."""
    old = None if part.whole else pending.chunks[number]
    if old is None:
        chunk[...] = stored.chain.spec.fill_value
        return
    coords = np.array(np.unravel_index(number, pending.part.grid.chunks_per_object), np.intp)
    chunk[...] = decode_chunk(stored, old, 0, pending.key, coords)


_locks: WeakValueDictionary[str, "_Lock"] = WeakValueDictionary()
_locks_guard = threading.Lock()


class _Lock:
    """A lock that can be forgotten once nobody holds it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


@contextmanager
def _locked(stored: StoredArray, sink: ChunkSink, window: list[ObjectPart]) -> Iterator[None]:
    """Nobody else in this process rewrites these objects meanwhile; always taken in the same order."""
    # One name however the object is reached: as c/0 of the store of an array, or as a/c/0 of the store above it.
    names = sorted(f"{stored.store.url}/{sink.key(part.coords)}" for part in window)
    with _locks_guard:
        locks = [_locks.setdefault(name, _Lock()) for name in names]
    with ExitStack() as stack:
        for lock in locks:
            stack.enter_context(lock.lock)
        yield
