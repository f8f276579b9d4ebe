"""Reading chunks that are nothing but their elements (`bytes` is the only codec): no more than what is wanted.

Of each chunk one run of elements is read, straight into the result where it is to lie there as it is stored. A stored
chunk may be shorter than the others where the array ends, as the last part of a contiguous HDF5 dataset is.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.mesh import Inside, one_index, same_inside
from zarr_hdf5.array.plan import Box, ChunkPart, Part, SomeChunks, view_of
from zarr_hdf5.array.points import Points
from zarr_hdf5.array.runs import copy_runs
from zarr_hdf5.buffer import byte_view
from zarr_hdf5.chunk_source import ChunkLocations
from zarr_hdf5.coalesce import coalesce
from zarr_hdf5.data_type import is_fragile
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.parallel import run
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.stores.protocol import max_gap_of, reads_into

__all__ = ["Run", "prefers_elements", "read_elements", "run_of"]

TASK_NBYTES = 8 << 20
"""A longer run is read by several threads."""
WHOLE_NBYTES = 64 << 10
"""Unwanted bytes of a chunk that cost less than to look at the chunk alone."""

Wanted = tuple[int, "memoryview[int]"]


@dataclass(frozen=True, slots=True)
class Run:
    """Elements of a chunk that follow each other in C order.

    start
        The first, counted from the chunk's first.
    shape
        Of the run as an array: ones, then a length, then the chunk's whole last dimensions.
    inside
        Where the selected elements are in that array.
    exact
        They are all of it, in order.
    """

    start: int
    shape: tuple[int, ...]
    inside: Inside
    exact: bool


def run_of(in_chunk: Inside, chunk_shape: tuple[int, ...]) -> Run:
    """The run that holds the selected elements of a chunk; nothing selected is empty."""
    start, exact, narrow = 0, True, True
    shape, inside = list(chunk_shape), list(in_chunk)
    for axis, (chosen, length) in enumerate(zip(in_chunk, chunk_shape, strict=True)):
        positions = range(length)[chosen] if isinstance(chosen, slice) else chosen
        low, high = sorted((int(positions[0]), int(positions[-1])))
        start *= length
        if narrow:  # so far there is but one position along each dimension
            start += low
            shape[axis] = high - low + 1
            inside[axis] = slice(None, None, positions.step) if isinstance(positions, range) else positions - low
            narrow = low == high
        forwards = not isinstance(positions, range) or positions.step == 1 or len(positions) == 1
        exact = exact and len(positions) == shape[axis] and forwards
    return Run(start, tuple(shape), tuple(inside), exact)


def prefers_elements(stored: StoredArray, part: Part, locations: ChunkLocations, out: npt.NDArray[Any]) -> bool:
    """Whether less is read, or less copied, than by fetching whole chunks and placing what is wanted of them."""
    if not stored.chain.is_bytes or locations.offsets is None or locations.nbytes is None:
        return False
    if not isinstance(part, Box | SomeChunks):
        return True
    spec = stored.chain.encoded_spec
    if len(locations.offsets) == 1:
        odd = int(locations.nbytes[0]) != spec.nbytes and locations.offsets[0] >= 0
    else:
        odd = bool(((locations.nbytes != spec.nbytes) & (locations.offsets >= 0)).any())
    if odd or spec.nbytes <= WHOLE_NBYTES:
        return odd
    first = next(part.parts())
    unwanted = spec.nbytes - prod(run_of(first.in_chunk, spec.shape).shape) * spec.dtype.itemsize
    return unwanted > WHOLE_NBYTES or bool(out[view_of(*first.in_out)].flags.c_contiguous)


def read_elements(
    stored: StoredArray,
    object_coords: tuple[int, ...],
    chunks: npt.NDArray[np.intp],
    locations: ChunkLocations | None,
    part: Part,
    out: npt.NDArray[Any],
) -> None:
    """Read `part` of chunks, (m, rank) within the object, into `out`; no `locations`: there is no object.

    Raises what the store raises, and CorruptDataError for chunks of a wrong length.
    """
    present = [] if locations is None else _present(stored, object_coords, chunks, locations)
    if isinstance(part, Points):
        _read_points(stored, locations, part, out)
    elif isinstance(part, Box | SomeChunks):
        _read_runs(stored, locations, present, list(part.parts()), out)


def _read_runs(
    stored: StoredArray,
    locations: ChunkLocations | None,
    present: list[int],
    parts: Sequence[ChunkPart],
    out: npt.NDArray[Any],
) -> None:
    spec = stored.chain.encoded_spec
    for i in set(range(len(parts))).difference(present):
        out[parts[i].in_out] = spec.fill_value
    if locations is None or locations.offsets is None or (not present and locations.fresh):
        return
    straight: list[Wanted] = []
    others: list[tuple[int, Run, ChunkPart]] = []
    into = stored.store if reads_into(stored.store) and _as_in_memory(stored, out.dtype) else None
    in_chunk = parts[0].in_chunk
    wanted = run_of(in_chunk, spec.shape)
    for i, offset in zip(present, locations.offsets[present].tolist(), strict=True):
        part = parts[i]
        if not same_inside(part.in_chunk, in_chunk):  # mostly the same is wanted of all
            in_chunk, wanted = part.in_chunk, run_of(part.in_chunk, spec.shape)
        start = offset + wanted.start * spec.dtype.itemsize
        if into is not None and wanted.exact:
            target = out[view_of(*part.in_out)]
            if target.flags.c_contiguous:
                straight.append((start, byte_view(target)))
                continue
        others.append((start, wanted, part))
    if into is not None and straight:
        key, version = locations.key, locations.version
        run(lambda task: into.read_into(key, task, version), list(_tasks(straight)))
    if others or not straight:
        _read_others(stored, locations, others, out)


def _present(
    stored: StoredArray, object_coords: tuple[int, ...], chunks: npt.NDArray[np.intp], locations: ChunkLocations
) -> list[int]:
    """Rows of the chunks that are not absent. Raises CorruptDataError where one is too long or too short."""
    if locations.offsets is None or locations.nbytes is None:
        return []
    grid, spec = stored.source.grid, stored.chain.encoded_spec
    present = locations.offsets >= 0
    for i in (present & (locations.nbytes != spec.nbytes)).nonzero()[0].tolist():
        needed, found = spec.nbytes, int(locations.nbytes[i])
        if found < needed:
            coords = np.asarray(grid.first_chunk(object_coords)) + chunks[i]
            needed = _needed(spec.shape, grid.chunks.clipped_shape(tuple(coords.tolist()))) * spec.dtype.itemsize
        if not needed <= found <= spec.nbytes:
            raise CorruptDataError(
                f"inner chunk {tuple(chunks[i].tolist())}: a chunk is not of its exact length",
                structure="bytes",
                expected=f"{spec.nbytes} bytes",
                found=f"{found} bytes",
                key=locations.key,
            )
    return list(present.nonzero()[0].tolist())


def _needed(shape: tuple[int, ...], inside: tuple[int, ...]) -> int:
    """Elements of a chunk up to the last that lies inside the array."""
    last = 0
    for length, count in zip(shape, inside, strict=True):
        last = last * length + count - 1
    return last + 1


def _as_in_memory(stored: StoredArray, dtype: np.dtype[Any]) -> bool:
    """Whether stored bytes are those of elements of `dtype` in memory. Not where decoding has to look at them."""
    spec, codec = stored.chain.encoded_spec, stored.chain.chain.array_bytes
    if dtype != spec.dtype or is_fragile(dtype):
        return False
    order = codec.configuration().get("endian", sys.byteorder)
    return dtype.newbyteorder("<" if order == "little" else ">") == dtype


def _tasks(wanted: list[Wanted]) -> Iterator[list[Wanted]]:
    """Cut so that no task is much longer than TASK_NBYTES."""
    task: list[Wanted] = []
    nbytes = 0
    for offset, buffer in wanted:
        for at in range(0, len(buffer), TASK_NBYTES):
            task.append((offset + at, buffer[at : at + TASK_NBYTES]))
            nbytes += len(task[-1][1])
            if nbytes >= TASK_NBYTES:
                yield task
                task, nbytes = [], 0
    if task:
        yield task


def _read_others(
    stored: StoredArray, locations: ChunkLocations, others: list[tuple[int, Run, ChunkPart]], out: npt.NDArray[Any]
) -> None:
    """Read runs to elsewhere, and take from them what is selected."""
    spec, codec = stored.chain.encoded_spec, stored.chain.chain.array_bytes
    starts = np.array([start for start, _, _ in others], np.int64)
    nbytes = np.array([prod(wanted.shape) * spec.dtype.itemsize for _, wanted, _ in others], np.int64)
    ranges, range_of = coalesce(starts, nbytes, max_gap=max_gap_of(stored.store))
    found = [memoryview(data) for data in stored.store.get_ranges(locations.key, ranges, locations.version)]
    starts -= np.array([r.offset for r in ranges], np.int64)[range_of]
    cuts = zip(range_of.tolist(), starts.tolist(), (starts + nbytes).tolist(), strict=True)
    runs = [found[i][start:stop] for i, start, stop in cuts]
    done = 0
    for _, group in groupby(others, lambda other: id(other[1])):
        parts = [part for _, _, part in group]
        (_, wanted, _), taken = others[done], runs[done : done + len(parts)]
        done += len(parts)
        joined = taken[0] if len(taken) == 1 else b"".join(taken)
        decoded = codec.deserialize(joined, replace(spec, shape=(len(parts), *wanted.shape)))
        index = (slice(None), *one_index(wanted.inside, wanted.shape))
        for elements, part in zip(decoded[index], parts, strict=True):
            copy_runs(out[view_of(*part.in_out)], elements)


def _read_points(stored: StoredArray, locations: ChunkLocations | None, points: Points, out: npt.NDArray[Any]) -> None:
    """Read single elements; many lie near enough to each other to be read at once."""
    spec, codec = stored.chain.encoded_spec, stored.chain.chain.array_bytes
    if locations is None or locations.offsets is None:
        points.fill(out, spec.fill_value)
        return
    begins = locations.offsets[points.rows]
    there = begins >= 0
    out[points.in_out[~there]] = spec.fill_value
    if not there.any() and locations.fresh:
        return
    size = spec.dtype.itemsize
    starts = begins[there] + size * points.places(spec.shape)[there]
    ranges, range_of = coalesce(starts, np.full(len(starts), size, np.int64), max_gap=max_gap_of(stored.store))
    found = b"".join(stored.store.get_ranges(locations.key, ranges, locations.version))
    ends = np.cumsum([r.nbytes for r in ranges], dtype=np.int64)
    shifts = np.array([r.end for r in ranges], np.int64) - ends
    elements = np.frombuffer(found, np.uint8)[(starts - shifts[range_of])[:, np.newaxis] + np.arange(size)]
    out[points.in_out[there]] = codec.deserialize(elements, replace(spec, shape=(len(elements),)))
