"""Reading HDF5 files that nobody here wrote, in place: zarr_hdf5 and other programs, side by side.

    python benchmarks/legacy_read.py --rounds 5

In every round each program opens the file and reads the same selection, in an order that changes: once unmeasured, so
that each finds the file in the page cache and memory to be had, and once measured. Ratios are medians over rounds of
other / zarr_hdf5: above 1, zarr_hdf5 is faster. That all read the same values is checked once, before anything is
measured.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from data import image, median_ratio

import zarr_hdf5 as zh

Values = npt.NDArray[Any]
Read = Callable[[Path, Any], Values]

DATASET = "image"
GZIP: dict[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}


@dataclass(frozen=True)
class File:
    """An HDF5 file of one dataset, `shape` of `dtype`."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    options: dict[str, Any]

    def make(self, folder: Path) -> Path:
        """Write it, a slab at a time, the same pictures over and over."""
        path = folder / f"{self.name.replace(' ', '_')}.h5"
        slab = image((64, *self.shape[1:])).astype(self.dtype)
        if slab.dtype.kind == "f":
            slab += np.random.default_rng(1).random(slab.shape, np.float32)  # fractions, as measurements have
        with h5py.File(path, "w") as file:
            dataset = file.create_dataset(DATASET, self.shape, self.dtype, **self.options)
            for start in range(0, self.shape[0], len(slab)):
                dataset[start : start + len(slab)] = slab[: self.shape[0] - start]
        return path


FILES = {
    "cubes u2": File("gzip uint16, chunks 64^3", (512, 512, 512), "<u2", {**GZIP, "chunks": (64, 64, 64)}),
    "cubes f4": File("gzip float32, chunks 64^3", (256, 512, 512), "<f4", {**GZIP, "chunks": (64, 64, 64)}),
    "planes u2": File("gzip uint16, chunks of 1 MiB", (128, 1024, 1024), "<u2", {**GZIP, "chunks": (1, 512, 1024)}),
    "planes f4": File("gzip float32, chunks of 1 MiB", (64, 1024, 1024), "<f4", {**GZIP, "chunks": (1, 256, 1024)}),
    "contiguous": File("contiguous uint16, 1 GiB", (512, 1024, 1024), "<u2", {}),
}
SELECTIONS: dict[str, list[Any]] = {name: [np.s_[...]] for name in FILES}
SELECTIONS["contiguous"].append(np.s_[300, 500, 500:510])


def read_by_h5py(path: Path, selection: Any) -> Values:
    with h5py.File(path, "r") as file:
        return np.asarray(file[DATASET][selection])


def read_by_zarr_hdf5(path: Path, selection: Any) -> Values:
    return np.asarray(zh.open(path)[DATASET][selection])


CONTENDERS: dict[str, Read] = {"zarr_hdf5": read_by_zarr_hdf5, "h5py": read_by_h5py}
"""The first is what the others are compared with."""


def main() -> None:
    """Measure all files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", nargs="+", default=list(FILES), choices=list(FILES))
    parser.add_argument("--dir", default=None, help="where to write; default: a temporary directory")
    options = parser.parse_args()
    for name in options.files:
        with tempfile.TemporaryDirectory(dir=options.dir) as folder:
            path = FILES[name].make(Path(folder))
            for selection in SELECTIONS[name]:
                check(path, selection)
                print(f"\n{FILES[name].name}: {'all of it' if selection is ... else selection}")
                report(measure(path, selection, options.rounds))


def check(path: Path, selection: Any) -> None:
    """All must read the same values."""
    first, *others = (read(path, selection) for read in CONTENDERS.values())
    for other in others:
        np.testing.assert_array_equal(other, first)


def measure(path: Path, selection: Any, rounds: int) -> dict[str, list[float]]:
    """Seconds of every round, by contender."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    names = list(CONTENDERS)
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            CONTENDERS[name](path, selection)
            start = time.perf_counter()
            CONTENDERS[name](path, selection)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def report(seconds: dict[str, list[float]]) -> None:
    """A line for each contender."""
    (ours, *_) = seconds.values()
    for name, theirs in seconds.items():
        print(f"  {name:22} {median(theirs) * 1000:9.1f} ms   {median_ratio(theirs, ours):6.2f}", flush=True)


if __name__ == "__main__":
    main()
