"""From the path of an HDF5 file to one value of it, and to the place of every chunk: zarr_hdf5 and its peers.

    python benchmarks/legacy_first_value.py --rounds 5

Each contender opens the file anew every time, in an order that changes from round to round; the file is in the page
cache. Ratios are medians over rounds of peer / zarr_hdf5: above 1, zarr_hdf5 is faster. That all find the same value
is checked once, before anything is measured. kerchunk and VirtualiZarr are left out where they are not installed.

First value: in a process that has done it before, and in fresh ones, whose start and imports count. Chunk table: for
h5py, `chunk_iter`; for kerchunk and VirtualiZarr their references, which they make before they read anything. Memory is
what Python and numpy allocate at most, without what libraries of C keep for themselves.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr
from data import image, median_ratio

import zarr_hdf5 as zh

try:
    from fsspec.implementations.reference import ReferenceFileSystem
    from kerchunk.hdf import SingleHdf5ToZarr
except ModuleNotFoundError:
    SingleHdf5ToZarr = None
try:
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore
    from virtualizarr.parsers import HDFParser
except ModuleNotFoundError:
    HDFParser = None

NAME = "data"
SIDE, CHUNK = 4000, 8
CONTIGUOUS_SHAPE = (512, 1024, 1024)
Selection = tuple[int | slice, ...]
Times = dict[str, list[float]]

INDEXES: dict[str, dict[str, Any]] = {
    "B-tree v1": {"compression": "gzip", "shuffle": True},
    "fixed array": {"compression": "gzip", "shuffle": True, "libver": "latest"},
    "extensible array": {"compression": "gzip", "shuffle": True, "libver": "latest", "maxshape": (None, SIDE)},
    "B-tree v2": {"compression": "gzip", "shuffle": True, "libver": "latest", "maxshape": (None, None)},
    "implicit": {"libver": "latest", "early": True},
}
"""What makes libhdf5 choose each index."""


def make_chunked(path: Path, *, libver: str = "earliest", early: bool = False, **options: Any) -> None:
    """A file of 250,000 chunks."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if early:
        creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    with h5py.File(path, "w", libver=libver) as file:
        chunks = (CHUNK, CHUNK)
        dataset = file.create_dataset(NAME, (SIDE, SIDE), "u2", chunks=chunks, dcpl=creation, **options)
        dataset[...] = image((1, SIDE, SIDE))[0]


def make_contiguous(path: Path) -> None:
    """A file of 1 GiB without chunks."""
    slab = image((16, *CONTIGUOUS_SHAPE[1:]))
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(NAME, CONTIGUOUS_SHAPE, "u2")
        for start in range(0, CONTIGUOUS_SHAPE[0], len(slab)):
            dataset[start : start + len(slab)] = slab


def kerchunk_references(path: Path) -> Any:
    return SingleHdf5ToZarr(str(path), inline_threshold=0).translate()


def virtualizarr_store(path: Path) -> Any:
    return HDFParser()(f"file://{path}", ObjectStoreRegistry({"file://": LocalStore()}))


def read_by_h5py(path: Path, selection: Selection) -> Any:
    with h5py.File(path) as file:
        return file[NAME][selection]


def read_by_zarr_hdf5(path: Path, selection: Selection) -> Any:
    group: Any = zh.open(path)
    return group[NAME][selection]


def read_by_kerchunk(path: Path, selection: Selection) -> Any:
    files = ReferenceFileSystem(kerchunk_references(path), asynchronous=True, remote_protocol="file")
    group: Any = zarr.open_group(zarr.storage.FsspecStore(files), mode="r", zarr_format=2)
    return group[NAME][selection]


def read_by_virtualizarr(path: Path, selection: Selection) -> Any:
    group: Any = zarr.open_group(virtualizarr_store(path), mode="r")
    return group[NAME][selection]


def table_by_h5py(path: Path) -> None:
    with h5py.File(path) as file:
        rows: list[Any] = []
        file[NAME].id.chunk_iter(rows.append)


def table_by_zarr_hdf5(path: Path) -> None:
    source = zh.open_array(path, path=NAME).stored.source
    source.locate((0, 0), np.indices(source.grid.chunks.grid_shape).reshape(2, -1).T)


READ = {"zarr_hdf5": read_by_zarr_hdf5, "h5py": read_by_h5py}
TABLE: dict[str, Callable[[Path], object]] = {"zarr_hdf5": table_by_zarr_hdf5, "h5py": table_by_h5py}
MISSING = []
for name, parser, read, table in (
    ("kerchunk", SingleHdf5ToZarr, read_by_kerchunk, kerchunk_references),
    ("VirtualiZarr", HDFParser, read_by_virtualizarr, virtualizarr_store),
):
    if parser is None:
        MISSING.append(name)
    else:
        READ[name], TABLE[name] = read, table
FRESH = {
    "zarr_hdf5": f"import sys, zarr_hdf5; zarr_hdf5.open(sys.argv[1])['{NAME}'][2000, 2000]",
    "h5py": f"import sys, h5py; h5py.File(sys.argv[1])['{NAME}'][2000, 2000]",
}
INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment in which modules are compiled once, as those of installed packages are."""


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", default=None, help="where to write; default: a temporary directory")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # each has something to say of the others' codecs
    logging.disable()
    for name in MISSING:
        print(f"not installed: {name}")
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        for index, making in INDEXES.items():
            path = Path(folder) / f"{index}.h5"
            make_chunked(path, **making)
            if index == "B-tree v1":
                first_value(path, options.rounds)
            tasks = {name: partial(table, path) for name, table in TABLE.items()}
            report(f"chunk table, {(SIDE // CHUNK) ** 2} chunks, {index}", measure(tasks, options.rounds))
            path.unlink()
        ten_elements(Path(folder) / "contiguous.h5", options.rounds)


def first_value(path: Path, rounds: int) -> None:
    """Of the many chunks' file, in this process and in fresh ones."""
    at: Selection = (2000, 2000)
    check(path, at)
    tasks = {name: partial(read, path, at) for name, read in READ.items()}
    report("first value, of the two that read on demand", measure({name: tasks[name] for name in FRESH}, 100 * rounds))
    report("first value", measure(tasks, rounds))
    commands = {name: [sys.executable, "-c", code, str(path)] for name, code in FRESH.items()}
    fresh = {name: partial(subprocess.run, command, check=True, env=INSTALLED) for name, command in commands.items()}
    for task in fresh.values():
        task()
    report("first value, fresh process", measure(fresh, 5 * rounds))


def ten_elements(path: Path, rounds: int) -> None:
    """Of 1 GiB."""
    make_contiguous(path)
    at: Selection = (300, 500, slice(500, 510))
    check(path, at)
    tasks = {name: partial(read, path, at) for name, read in READ.items()}
    seconds = measure(tasks, rounds)
    report("ten elements of 1 GiB", seconds, {name: peak_nbytes(task) for name, task in tasks.items()})


def check(path: Path, selection: Selection) -> None:
    """All must read the same."""
    first, *others = (read(path, selection) for read in READ.values())
    for other in others:
        np.testing.assert_array_equal(other, first)


def measure(tasks: Mapping[str, Callable[[], object]], rounds: int) -> Times:
    """Seconds of every round, by contender."""
    seconds: Times = {name: [] for name in tasks}
    names = list(tasks)
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            start = time.perf_counter()
            tasks[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def peak_nbytes(task: Callable[[], object]) -> int:
    """The most bytes allocated at once."""
    tracemalloc.start()
    task()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def report(title: str, seconds: Times, peaks: dict[str, int] | None = None) -> None:
    """A line for each contender."""
    print(f"\n{title}")
    (ours, *_) = seconds.values()
    for name, theirs in seconds.items():
        memory = "" if peaks is None else f"   {peaks[name] / 2**20:9.2f} MiB"
        ratio = median_ratio(theirs, ours)
        print(f"  {name:14} {np.median(theirs) * 1000:10.2f} ms   {ratio:8.2f}{memory}", flush=True)


if __name__ == "__main__":
    main()
