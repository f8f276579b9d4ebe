"""One file that is HDF5 and zipped Zarr: making it, and reading it from each side.

    python benchmarks/one_file.py --dir /dev/shm --rounds 5

The same values in the same chunks (64^3, in shards of 256^3) and codec: one file, zarr-python's ZipStore, h5py, and for
comparison a directory of shards. Then the one file is read by each program that can. In turns, each opening it anew;
prints medians of milliseconds, and of the time of each divided by zarr_hdf5's.
"""

import argparse
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np
import tensorstore
import zarr
from contenders import FILTERS
from data import cube_of, median_ratio, values_of
from layout import CODECS, Layout
from open_array import DATASET, Values

import zarr_hdf5 as zh

Action = Callable[[], object]
OURS = "zarr_hdf5"


def writers(layout: Layout, folder: Path, values: Values) -> dict[str, Action]:
    """Each writes all values to a new file, and closes it."""

    def ours(name: str) -> None:
        options: Any = {"compressors": layout.compressors, **layout.common}
        with zh.create_group(folder / name, overwrite=True) as group:
            group.create_array(DATASET, data=values, **options)

    def zip_store() -> None:
        (folder / "zarr.zip").unlink(missing_ok=True)
        with zarr.storage.ZipStore(folder / "zarr.zip", mode="w") as store:
            array = zarr.create_array(store, name=DATASET, compressors=layout.compressors or None, **layout.common)
            array[...] = values

    def hdf5() -> None:
        with h5py.File(folder / "h5py.h5", "w") as file:
            file.create_dataset(DATASET, data=values, chunks=layout.chunks, **FILTERS[layout.codec])

    return {
        OURS: lambda: ours("one.h5"),
        "directory": lambda: ours("many.zarr"),
        "zarr-python, ZipStore": zip_store,
        "h5py": hdf5,
    }


def readers(layout: Layout, folder: Path) -> dict[str, Callable[[], Values]]:
    """Each opens the one file (`directory`: the directory) and reads everything."""
    path = folder / "one.h5"

    def with_h5py() -> Values:
        with h5py.File(path) as file:
            return np.asarray(file[DATASET][...])

    def with_zarr() -> Values:
        with zarr.storage.ZipStore(path, mode="r") as store:
            return np.asarray(zarr.open_array(store, path=DATASET, mode="r")[...])

    def with_tensorstore() -> Values:
        base = {"driver": "file", "path": str(path)}
        spec = {"driver": "zarr3", "kvstore": {"driver": "zip", "base": base, "path": f"{DATASET}/"}}
        return np.asarray(tensorstore.open(spec).result().read().result())

    return {
        OURS: lambda: np.asarray(zh.open_array(path, path=DATASET)[...]),
        "directory": lambda: np.asarray(zh.open_array(folder / "many.zarr", path=DATASET)[...]),
        "zarr-python, ZipStore": with_zarr,
        "h5py": with_h5py,
        **({} if layout.codec == "deflate" else {"tensorstore, zip": with_tensorstore}),
    }


def in_turns(actions: dict[str, Any], rounds: int) -> dict[str, list[float]]:
    """Seconds of each in every round but the first."""
    found: dict[str, list[float]] = {name: [] for name in actions}
    for i in range(rounds + 1):
        for name in sorted(actions, reverse=bool(i % 2)):
            start = time.perf_counter()
            actions[name]()
            if i:
                found[name].append(time.perf_counter() - start)
    return found


def line(title: str, found: dict[str, list[float]]) -> str:
    ours = found.pop(OURS)
    ratios = (f"{name} {median_ratio(seconds, ours):.2f}" for name, seconds in found.items())
    return f"{title:16} {median(ours) * 1000:8.1f} ms;  / ours: {', '.join(ratios)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=256, help="size of the array, a power of two")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", default=None, help="where to write; default: a temporary directory")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # each has something to say of the others' codecs
    shape = cube_of(options.mib << 20, 2)
    values = values_of(shape, "uint16")
    for codec in CODECS:
        layout = Layout(codec, "uint16", shape, tuple(min(256, n) for n in shape), (64,) * 3)
        folder = Path(tempfile.mkdtemp(dir=options.dir))
        try:
            print(line(f"{codec}: write", in_turns(writers(layout, folder, values), options.rounds)), flush=True)
            reading = readers(layout, folder)
            assert all((read() == values).all() for read in reading.values())
            print(line(f"{codec}: read", in_turns(reading, options.rounds)), flush=True)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
