"""Bytes in memory, whoever holds them, and one way of looking at them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from zarr_hdf5.scratch import Allocate, fresh

__all__ = [
    "Buffer",
    "Buffers",
    "Segments",
    "as_list",
    "as_rows",
    "byte_view",
    "byte_views",
    "joined",
    "nbytes_of",
    "put_rows",
]

Buffer: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[Any]
"""An ndarray is taken as its elements in C order, in its own byte order."""

Buffers: TypeAlias = Sequence[Buffer] | npt.NDArray[np.uint8]
"""Several, one after the other; as an ndarray, (n, nbytes), whose rows are contiguous."""


@dataclass(frozen=True, slots=True, eq=False)
class Segments(Sequence["memoryview[int]"]):
    """Many buffers within one: cut out when they are asked for, for objects by the thousand take their time.

    data
        Flat bytes.
    starts, nbytes
        (n,) int64: where each buffer begins in `data`, and how long it is. All lie within it.
    room
        So many of the first bytes of `data` are nothing, and whoever needs them may write there.
    """

    data: "memoryview[int]"
    starts: npt.NDArray[np.int64]
    nbytes: npt.NDArray[np.int64]
    room: int = 0

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, which: int) -> "memoryview[int]": ...
    @overload
    def __getitem__(self, which: slice) -> "Segments": ...
    def __getitem__(self, which: int | slice) -> "memoryview[int] | Segments":
        if isinstance(which, slice):
            return Segments(self.data, self.starts[which], self.nbytes[which])  # the room is in front of all of them
        start = int(self.starts[which])
        return self.data[start : start + int(self.nbytes[which])]

    def __iter__(self) -> "Iterator[memoryview[int]]":
        data = self.data
        ends = (self.starts + self.nbytes).tolist()
        return iter([data[start:end] for start, end in zip(self.starts.tolist(), ends, strict=True)])

    def rows(self) -> npt.NDArray[np.uint8] | None:
        """(n, nbytes), a view, where all are of one length, at regular distances, and do not overlap; else None."""
        starts, count, length = self.starts, len(self), int(self.nbytes[0])
        step = int(starts[1] - starts[0]) if count > 1 else length
        if step < length or (self.nbytes != length).any() or (starts[1:] - starts[:-1] != step).any():
            return None
        return np.ndarray((count, length), np.uint8, self.data, int(starts[0]), (step, 1))

    def joined(self, head: bytes) -> "memoryview[int] | None":
        """`head` and all of them as one, a view, where they follow each other and there is room for it; else None."""
        ends = self.starts + self.nbytes
        begin = int(self.starts[0]) - len(head)
        if not 0 <= begin <= self.room - len(head) or (self.starts[1:] != ends[:-1]).any():
            return None
        self.data[begin : begin + len(head)] = head
        return self.data[begin : int(ends[-1])]


def byte_view(buffer: Buffer) -> "memoryview[int]":
    """The bytes of `buffer`, flat; without a copy if it is C-contiguous."""
    if isinstance(buffer, np.ndarray):
        # Not straight from the array: a memoryview knows no datetime64, and cannot be cast when a dimension is 0.
        buffer = np.ascontiguousarray(buffer).reshape(-1).view(np.uint8).data
    view = memoryview(buffer)
    if view.format == "B" and view.ndim == 1:
        return view
    return view.cast("B") if view.nbytes else memoryview(b"")


def byte_views(buffers: Buffers) -> "list[memoryview[int]]":
    """The bytes of each."""
    return list(buffers) if isinstance(buffers, Segments) else list(map(byte_view, as_list(buffers)))


def nbytes_of(buffer: Buffer) -> int:
    """Length of `buffer` in bytes."""
    return len(buffer) if isinstance(buffer, bytes | bytearray) else buffer.nbytes


def as_list(buffers: Buffers) -> Sequence[Any]:
    """Rows as buffers of their own, which are views."""
    if not isinstance(buffers, np.ndarray):
        return buffers
    data, nbytes = byte_view(buffers), buffers.shape[1]
    return [data[start : start + nbytes] for start in range(0, len(data), nbytes)] if nbytes else [b""] * len(buffers)


def as_rows(buffers: Buffers, allocate: Allocate = fresh) -> npt.NDArray[np.uint8]:
    """(n, nbytes): buffers of one length as rows, a view if they lie so already. Raises ValueError for others."""
    if isinstance(buffers, np.ndarray):
        return buffers
    if len(buffers) == 1:
        view = byte_view(buffers[0])
        return np.frombuffer(view, np.uint8)[np.newaxis] if view.nbytes else np.empty((1, 0), np.uint8)
    rows = buffers.rows() if isinstance(buffers, Segments) else None
    if rows is not None:
        return rows
    views = byte_views(buffers)
    lengths = list(map(len, views))
    if min(lengths) != max(lengths):
        raise ValueError(f"buffers of different lengths, from {min(lengths)} to {max(lengths)} bytes")
    return put_rows(views, len(views), lengths[0], allocate)


def joined(head: bytes, buffers: Buffers, allocate: Allocate = fresh) -> Buffer:
    """`head` and all of the buffers, of which there is at least one, one after the other."""
    if isinstance(buffers, Segments) and (there := buffers.joined(head)) is not None:
        return there
    pieces = [memoryview(head), *byte_views(buffers)]
    whole = allocate(sum(map(len, pieces)))
    view, at = whole.data, 0
    for piece in pieces:
        end = at + len(piece)
        view[at:end] = piece
        at = end
    return whole


def put_rows(buffers: Iterable[Buffer], count: int, nbytes: int, allocate: Allocate = fresh) -> npt.NDArray[np.uint8]:
    """(count, nbytes): so many buffers of one length, each copied as soon as it comes, to rows in a piece of memory.

    A buffer that is made when it is asked for gives back its memory for the next one. Between two of them hardly
    anything happens: where many threads make buffers, what another does meanwhile with the interpreter lock is waited
    for. Raises ValueError for other lengths.
    """
    rows = allocate(count * nbytes).reshape(count, nbytes)
    for place, buffer in zip(as_list(rows), buffers, strict=True):
        place[:] = buffer
    return rows
