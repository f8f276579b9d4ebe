"""A chart of what `run.py --json` saved: how much longer the best peer takes, for each workload.

python benchmarks/chart.py results.json results.svg
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from report import Measurement, load, rows

try:
    from matplotlib.figure import Figure
except ModuleNotFoundError:
    Figure = None  # type: ignore[assignment,misc]

__all__ = ["draw"]

COLORS = {"none": "tab:gray", "deflate": "tab:blue", "zstd": "tab:orange", "blosc": "tab:green"}
MARKERS = {"shards": "o", "legacy": "x"}
TICKS = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4)


def draw(found: Sequence[Measurement], path: Path) -> None:
    """A point for each array, larger for larger chunks; a row for each workload; right of 1, we are faster."""
    if Figure is None:
        raise SystemExit("a chart needs matplotlib")
    compared = [row for row in rows(found) if row.best]
    names = list(dict.fromkeys(row.ours.workload for row in compared))
    figure = Figure(figsize=(8, 1.2 + 0.45 * len(names)), layout="constrained")
    axes = figure.subplots()
    for at, (codec, color) in enumerate(COLORS.items()):
        for kind, marker in MARKERS.items():
            chosen = [row for row in compared if (row.ours.codec, row.ours.kind) == (codec, kind)]
            label = codec if kind == "shards" else f"{codec}, HDF5 file"
            places = [names.index(row.ours.workload) + (at - 1.5) / 6 for row in chosen]
            if chosen:
                ratios = [row.best or 0 for row in chosen]
                sizes = [row.ours.chunk for row in chosen]
                axes.scatter(ratios, places, sizes, color=color, marker=marker, label=label)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.set_xticks([], minor=True)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("time of the best peer / time of zarr_hdf5")
    figure.legend(loc="outside right upper")
    figure.savefig(path)


def main() -> None:
    """Draw what was saved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("json", type=Path)
    parser.add_argument("chart", type=Path)
    options = parser.parse_args()
    draw(load(options.json), options.chart)


if __name__ == "__main__":
    main()
