"""What the contenders are made to do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from contenders import Contender
from layout import Layout
from open_array import OpenArray, Region, Values

__all__ = ["TITLES", "Subject", "Workload", "opening", "workloads"]

CHUNKS, PLANES, POINTS, UPDATES, OPENINGS = 200, 4, 10_000, 6, 20
TITLES = {
    "write": "full write",
    "read": "full read",
    "chunks": f"{CHUNKS} random chunks",
    "plane0": f"{PLANES} planes, axis 0",
    "plane1": f"{PLANES} planes, axis 1",
    "plane2": f"{PLANES} planes, axis 2",
    "points": f"{POINTS:,} random points",
    "strided": "1 % strided",
    "update": f"update {UPDATES} chunks",
    "open": f"open 10,000 shards, {OPENINGS} times",
}


class Subject:
    """A contender and its array, which is opened when it is first asked for."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self._array: OpenArray | None = None

    @property
    def array(self) -> OpenArray:
        """The open array."""
        if self._array is None:
            self._array = self.contender.open()
        return self._array

    def close(self) -> None:
        """Close the array; it is opened again when needed."""
        if self._array is not None:
            self._array.close()
        self._array = None

    def reopen(self) -> None:
        """Open the array anew."""
        self.close()
        self._array = self.contender.open()

    def renew(self) -> None:
        """An empty array in place of what was there."""
        self.close()
        if self.contender.create is not None:
            self._array = self.contender.create()


@dataclass(frozen=True)
class Workload:
    """`run` is measured; what it returns, or what `reread` reads after it, must equal `expected`."""

    name: str
    run: Callable[[Subject], Sequence[Values]]
    expected: Sequence[Values] = ()
    reread: Sequence[Region] = ()

    @property
    def writes(self) -> bool:
        """Whether it is only for contenders with an array of their own."""
        return self.name in ("write", "update")


def workloads(layout: Layout, values: Values) -> list[Workload]:
    """All but `opening`, in the order that they must be done in; the first writes what the others read."""
    rng = np.random.default_rng(1)
    everything: Region = tuple(slice(0, length) for length in layout.shape)
    chunks = [_chunk_at(layout, rng) for _ in range(CHUNKS)]
    points = tuple(rng.integers(0, length, POINTS) for length in layout.shape)
    updates = list({repr(chunk): chunk for chunk in chunks}.values())[:UPDATES]
    changed = [np.ascontiguousarray(values[chunk][::-1]) for chunk in updates]

    def write(subject: Subject) -> Sequence[Values]:
        subject.array.write(everything, values)
        return ()

    def update(subject: Subject) -> Sequence[Values]:
        for chunk, new in zip(updates, changed, strict=True):
            subject.array.write(chunk, new)
        return ()

    return [
        Workload("write", write),
        _reading("read", values, [everything]),
        _reading("chunks", values, chunks),
        *(_reading(f"plane{axis}", values, _planes(layout, axis)) for axis in range(3)),
        Workload("points", lambda subject: [subject.array.points(*points)], [values[points]]),
        _reading(
            "strided", values, [tuple(slice(0, n, step) for n, step in zip(layout.shape, (5, 5, 4), strict=True))]
        ),
        Workload("update", update, changed, updates),
    ]


def opening(values: Values) -> Workload:
    """Open the array and read one value, again and again."""
    middle: Region = tuple(slice(length // 2, length // 2 + 1) for length in values.shape)

    def run(subject: Subject) -> Sequence[Values]:
        found = []
        for _ in range(OPENINGS):
            subject.close()
            found.append(subject.array.read(middle))
        return found

    return Workload("open", run, [values[middle]] * OPENINGS)


def _reading(name: str, values: Values, regions: Sequence[Region]) -> Workload:
    return Workload(
        name,
        lambda subject: [subject.array.read(region) for region in regions],
        [values[region] for region in regions],
    )


def _chunk_at(layout: Layout, rng: np.random.Generator) -> Region:
    corner = [
        int(rng.integers(0, length // edge)) * edge for length, edge in zip(layout.shape, layout.chunks, strict=True)
    ]
    return tuple(slice(start, start + edge) for start, edge in zip(corner, layout.chunks, strict=True))


def _planes(layout: Layout, axis: int) -> list[Region]:
    indexes = [(2 * i + 1) * layout.shape[axis] // (2 * PLANES) + 1 for i in range(PLANES)]
    return [(*[slice(None)] * axis, index, *[slice(None)] * (2 - axis)) for index in indexes]
