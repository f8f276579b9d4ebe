"""Every workload by zarr_hdf5 and its peers, side by side.

    python benchmarks/run.py --dir /dev/shm --json results.json --chart results.svg

All contenders have the same values in the same chunks, shards and codec, and each reads what it wrote itself, except
where its name says otherwise. zarr_hdf5 writes with the HDF5 view, to a `LocalStore(..., in_place=True)`. In every
round each opens its array anew, which is not measured, and does the workload once, in an order that changes. A first
round that is not measured checks that all read the right values. Who takes more than `--patience` seconds for a
workload is spared the rest of its rounds (a star in the table), but measured once.
"""

import argparse
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path

import numpy as np
from chart import draw
from contenders import Contender, contenders, left_out, legacy_contenders
from data import cube_of, values_of
from layout import CODECS, Layout
from measure import Rules, measurements
from open_array import Values
from report import Measurement, overview, save, summary, table
from workloads import TITLES, opening, workloads

KINDS = ("shards", "legacy")
SHARD = 256
MANY = Layout("zstd", "uint16", (80, 100, 80), (4, 4, 4), (2, 2, 2))
"""The array of 10,000 shards."""
PACKAGES = ("zarr-hdf5", "zarr", "zarrs", "tensorstore", "h5py", "hdf5plugin", "numpy", "numcodecs")
LIBRARIES = ("zstandard", "deflate", "isal")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=256, help="size of the array, a power of two")
    parser.add_argument("--dtypes", nargs="+", default=["uint16", "float32"])
    parser.add_argument("--chunks", nargs="+", type=int, default=[64, 32, 16], help="edges of inner chunks")
    parser.add_argument("--codecs", nargs="+", default=CODECS, choices=CODECS)
    parser.add_argument("--workloads", nargs="+", default=list(TITLES), choices=list(TITLES))
    parser.add_argument("--without", nargs="+", default=[], help="contenders to leave out, by name")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS, help="shards; HDF5 files that h5py wrote")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--patience", type=float, help="seconds of a contender for a workload; default: MiB / 50")
    parser.add_argument("--dir", default=None, help="where to write; default: a temporary directory")
    parser.add_argument("--json", type=Path, help="where to save all seconds")
    parser.add_argument("--chart", type=Path, help="where to draw a chart; needs matplotlib")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # each has something to say of the others' codecs
    facts = environment()
    print(*(f"{name} {value}" for name, value in facts.items()), sep=", ")
    print(*(f"left out: {reason}" for reason in left_out()), sep="\n")
    found: list[Measurement] = []
    for of_one_array in series(options):
        found += of_one_array
        print(table(of_one_array), flush=True)
        if options.json:
            save(options.json, facts, found)
    print(overview(found))
    print(summary(found))
    if options.chart:
        draw(found, options.chart)


def environment() -> dict[str, str]:
    """What the figures depend on."""
    found = {"cores": str(os.cpu_count()), "Python": platform.python_version(), "machine": platform.platform()}
    for package in PACKAGES + LIBRARIES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def series(options: argparse.Namespace) -> Iterator[list[Measurement]]:
    """The measurements of each array, whose files are gone when the next one's turn comes."""
    for dtype in options.dtypes:
        shape = cube_of(options.mib << 20, np.dtype(dtype).itemsize)
        values = values_of(shape, dtype)
        for edge, codec in product(options.chunks, options.codecs):
            layout = Layout(codec, dtype, shape, tuple(min(SHARD, length) for length in shape), (edge,) * 3)
            yield from one_array(layout, values, options)
    if "open" in options.workloads:
        yield from one_array(MANY, values_of(MANY.shape, MANY.dtype), options)


def left(found: list[Contender], without: list[str]) -> list[Contender]:
    """Those that are not left out."""
    return [contender for contender in found if contender.name not in without]


def one_array(layout: Layout, values: Values, options: argparse.Namespace) -> Iterator[list[Measurement]]:
    """As shards, and as an HDF5 file that h5py wrote, which is only read."""
    todo, wanted = workloads(layout, values), set(options.workloads) - {"open"}
    if layout is MANY:
        todo, wanted = [todo[0], opening(values)], {"open"}
    rules = Rules(options.rounds, options.patience or options.mib / 50)
    for kind in options.kinds:
        with tempfile.TemporaryDirectory(dir=options.dir) as name:
            if kind == "legacy":
                found, names = legacy_contenders(layout, Path(name)), wanted - {"write", "update"}
            else:
                found, names = contenders(layout, Path(name), values, shared=layout is MANY), wanted
            yield list(measurements(layout, kind, todo, names, left(found, options.without), rules))


if __name__ == "__main__":
    main()
