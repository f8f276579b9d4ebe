"""What was measured, as tables (Markdown) and as JSON.

python benchmarks/report.py results.json
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from data import median_ratio

__all__ = ["Measurement", "Row", "load", "overview", "rows", "save", "summary", "table"]

WORST = 10
TITLES = {"none": "no codec"}


@dataclass(frozen=True)
class Measurement:
    """Seconds of every round of a contender, whose role is "ours", "peer" or "reference".

    kind
        "shards", or "legacy" for an HDF5 file that h5py wrote.
    chunk
        Edge of an inner chunk.
    """

    kind: str
    codec: str
    dtype: str
    chunk: int
    workload: str
    contender: str
    role: str
    seconds: list[float]

    @property
    def array(self) -> tuple[str, str, str, int]:
        """What was read or written."""
        return self.kind, self.codec, self.dtype, self.chunk


@dataclass(frozen=True)
class Row:
    """A workload on an array, by all who took part."""

    ours: Measurement
    others: list[Measurement]

    @cached_property
    def ratios(self) -> dict[str, float]:
        """Of the times: peers / ours, and ours / references. Medians over the rounds that both took part in."""
        found = {}
        for other in self.others:
            rounds = min(len(other.seconds), len(self.ours.seconds))
            ratio = median_ratio(other.seconds[:rounds], self.ours.seconds[:rounds])
            found[other.contender] = ratio if other.role == "peer" else 1 / ratio
        return found

    @cached_property
    def best_peer(self) -> str:
        """Who came nearest to us, or was before us; "" where nobody else could do it."""
        peers = [other.contender for other in self.others if other.role == "peer"]
        return min(peers, key=self.ratios.__getitem__, default="")

    @property
    def best(self) -> float | None:
        """The best peer's time / ours; None where nobody else could do it."""
        return self.ratios.get(self.best_peer)


def rows(found: Iterable[Measurement]) -> list[Row]:
    """Those that zarr_hdf5 took part in, in the order they were measured."""
    grouped = [list(group) for _, group in groupby(found, lambda one: (one.array, one.workload))]
    return [
        Row(ours, [other for other in group if other is not ours])
        for group in grouped
        for ours in group
        if ours.role == "ours"
    ]


def table(found: Sequence[Measurement]) -> str:
    """Of one array: a line for each workload, a column for each contender."""
    if not found:
        return ""
    peers = list(dict.fromkeys(one.contender for one in found if one.role == "peer"))
    references = list(dict.fromkeys(one.contender for one in found if one.role == "reference"))
    head = ["", "ms", *(f"{name} /" for name in peers), "best /", *(f"/ {name}" for name in references)]
    lines = [f"\n{_title(found[0])}\n", _line(head), _line(["---"] * len(head))]
    for row in rows(found):
        cells = [_cell(row, name) for name in peers], [_cell(row, name) for name in references]
        best = "" if row.best is None else _number(row.best)
        lines.append(_line([row.ours.workload, f"{median(row.ours.seconds) * 1000:.1f}", *cells[0], best, *cells[1]]))
    return "\n".join(lines)


def overview(found: Iterable[Measurement]) -> str:
    """A table for each codec: the best peer's time / ours, and who it is, for each workload on each array."""
    lines: list[str] = []
    every = [row for row in rows(found) if row.best]
    for kind, codec in dict.fromkeys((row.ours.kind, row.ours.codec) for row in every):
        chosen = [row for row in every if (row.ours.kind, row.ours.codec) == (kind, codec)]
        arrays = list(dict.fromkeys(row.ours.array for row in chosen))
        cells = {(row.ours.workload, row.ours.array): f"{_number(row.best or 0)} {row.best_peer}" for row in chosen}
        title = TITLES.get(codec, codec) if kind == "shards" else f"{TITLES.get(codec, codec)}, HDF5 file by h5py"
        head = [title, *(f"{dtype}, {chunk}³" for _, _, dtype, chunk in arrays)]
        lines += ["", _line(head), _line(["---"] * len(head))]
        for workload in dict.fromkeys(row.ours.workload for row in chosen):
            lines.append(_line([workload, *(cells.get((workload, array), "") for array in arrays)]))
    return "\n".join(lines)


def summary(found: Iterable[Measurement]) -> str:
    """The geometric mean of best peer / ours, the goals, and where we are worst."""
    every = rows(found)
    compared = sorted((row for row in every if row.best), key=lambda row: row.best or 0)
    lines = ["\nsummary\n"]
    if compared:
        ratios = [row.best for row in compared if row.best]
        behind = sum(ratio < 1 for ratio in ratios)
        lines.append(
            f"best peer / ours, geometric mean of {len(ratios)}: {geometric_mean(ratios):.2f}; {behind} below 1"
        )
    for workload in dict.fromkeys(row.ours.workload for row in compared):
        lines.append(
            _span(f"best peer / ours, {workload}", (row.best for row in compared if row.ours.workload == workload))
        )
    for title, name, codec, chunk in (
        ("ours / floor", "floor", None, None),
        ("ours / floor, chunks 64^3", "floor", None, 64),
        ("ours with / without HDF5 view", "no HDF5 view", None, None),
        ("deflate, h5py / ours", "h5py", "deflate", None),
        ("deflate, h5py on our shards / ours", "h5py, same shards", "deflate", None),
    ):
        for workload in ("full write", "full read"):
            wanted = [r for r in every if r.ours.workload == workload and r.ours.kind == "shards" and name in r.ratios]
            chosen = [r for r in wanted if codec in (None, r.ours.codec) and chunk in (None, r.ours.chunk)]
            lines.append(_span(f"{title}, {workload}", [row.ratios[name] for row in chosen]))
    lines += [f"worst: {_number(row.best or 0)} {row.ours.workload}, {_title(row.ours)}" for row in compared[:WORST]]
    return "\n".join(line for line in lines if line)


def save(path: Path, environment: dict[str, str], found: Iterable[Measurement]) -> None:
    """Write all that was measured."""
    document = {"environment": environment, "measurements": [asdict(one) for one in found]}
    path.write_text(json.dumps(document, indent=1))


def load(path: Path) -> list[Measurement]:
    """What `save` wrote."""
    documents: list[dict[str, Any]] = json.loads(path.read_text())["measurements"]
    return [Measurement(**document) for document in documents]


def _title(of: Measurement) -> str:
    kind = "" if of.kind == "shards" else "HDF5 file by h5py, "
    return f"{kind}{TITLES.get(of.codec, of.codec)}, {of.dtype}, chunks {of.chunk}^3"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: Row, name: str) -> str:
    if name not in row.ratios:
        return ""
    (rounds,) = (len(other.seconds) for other in row.others if other.contender == name)
    return f"{_number(row.ratios[name])}{'*' if rounds < len(row.ours.seconds) else ''}"


def _span(title: str, ratios: Iterable[float | None]) -> str:
    known = [ratio for ratio in ratios if ratio]
    return (
        f"{title}: {_number(geometric_mean(known))} ({_number(min(known))} to {_number(max(known))})" if known else ""
    )


def _number(ratio: float) -> str:
    return f"{ratio:.{2 if ratio >= 0.1 else 3}f}"


def main() -> None:
    """Print what was saved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("json", type=Path)
    found = load(parser.parse_args().json)
    for _, group in groupby(found, lambda one: one.array):
        print(table(list(group)))
    print(overview(found))
    print(summary(found))


if __name__ == "__main__":
    main()
