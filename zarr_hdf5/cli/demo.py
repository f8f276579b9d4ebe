"""`demo`: convert a sample, open it by both sides, and say what agreed."""

import argparse
from itertools import product
from pathlib import Path

import h5py
import numpy as np

from zarr_hdf5.api.convert import convert
from zarr_hdf5.api.open import open_group
from zarr_hdf5.api.verify import verify
from zarr_hdf5.array.array import Array
from zarr_hdf5.cli.outcome import Commands, Outcome
from zarr_hdf5.text import human_nbytes

__all__ = ["add_demo", "write_sample"]


def add_demo(commands: Commands) -> argparse.ArgumentParser:
    """`zarr-hdf5 demo [DIRECTORY]`."""
    parser = commands.add_parser("demo", help="make a sample HDF5 file, convert it, open it by both sides")
    parser.add_argument("directory", nargs="?", default="zarr_hdf5_demo", help="where to leave the files")
    parser.set_defaults(run=_demo)
    return parser


def write_sample(path: Path) -> None:
    """A small HDF5 file as a climate model might leave it: dimension scales, attributes, missing chunks."""
    rng = np.random.default_rng(2026)
    days, latitudes, longitudes = 60, 90, 180
    with h5py.File(path, "w") as file:
        scales = {
            "time": np.arange(days, dtype="f8"),
            "lat": np.linspace(-89, 89, latitudes, dtype="f4"),
            "lon": np.linspace(-179, 179, longitudes, dtype="f4"),
        }
        for name, values in scales.items():
            file[name] = values
            file[name].make_scale(name)
        season = 10 * np.cos(2 * np.pi * scales["time"] / days)[:, None, None]
        climate = (
            15 - 0.4 * np.abs(scales["lat"])[None, :, None] + season + rng.normal(0, 1, (days, latitudes, longitudes))
        )
        _variable(file, "temperature", np.round(climate, 1).astype("f4"), "degree_Celsius", (10, 30, 60))
        _variable(file, "cloudy", climate < 5, "1", (20, 45, 90))
        counts = file.create_dataset(
            "station/counts", (days, latitudes, longitudes), ">i2", chunks=(15, 30, 45), fillvalue=-1, compression=1
        )
        counts[:20] = rng.integers(0, 1000, (20, latitudes, longitudes))
        counts.attrs["long_name"] = "visits; the last forty days were never written"
        file.attrs["title"] = "sample for zarr-hdf5 demo"


def _variable(
    file: h5py.File,
    name: str,
    values: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
    units: str,
    chunks: tuple[int, ...],
) -> None:
    dataset = file.create_dataset(name, data=values, chunks=chunks, compression="gzip", shuffle=True)
    dataset.attrs["units"] = units
    for axis, scale in enumerate(("time", "lat", "lon")):
        dataset.dims[axis].attach_scale(file[scale])


def _demo(options: argparse.Namespace) -> Outcome:
    directory = Path(options.directory)
    directory.mkdir(parents=True, exist_ok=True)
    sample, target = directory / "sample.h5", directory / "sample.zarr"
    write_sample(sample)
    done = convert(sample, target, overwrite=True)
    lines = [f"{sample} ({human_nbytes(sample.stat().st_size)}, written by h5py) -> {target}", ""]
    equal = True
    with h5py.File(sample, "r") as source:
        for path, array in open_group(target).members(max_depth=None):
            if isinstance(array, Array):
                values = source[path][()]
                ours = bool(np.array_equal(array[...], values))
                shards, theirs = _open_shards(array, values)
                equal = equal and ours and theirs
                lines.append(
                    f"{path:<16} {array.metadata.data_type.name:<8} {array.shape!s:<14} read as Zarr: {_word(ours)}; "
                    f"{shards} shards opened by h5py as HDF5: {_word(theirs)}"
                )
    report = verify(target)
    lines += ["", f"verify: {report}", "", f"On disk in {directory}:", *_files(directory), ""]
    largest = max((a for _, a in open_group(target).members(None) if isinstance(a, Array)), key=lambda a: a.nbytes)
    lines += [f"Who opens {largest.name}:", str(largest.readers())]
    agree = equal and bool(report) and not done.skipped
    facts = {"directory": str(directory), "agree": agree, "converted": list(done.converted), "shards": report.shards}
    return Outcome("\n".join(lines), facts, 0 if agree else 1)


def _open_shards(array: Array, values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> tuple[int, bool]:
    """How many shards h5py opened, and whether each held what it should."""
    side, shards = array.hdf5, array.shards
    if side is None or shards is None:
        return 0, True
    count, agree = 0, True
    for coords in product(*map(range, array.metadata.chunk_grid.grid_shape)):
        region = tuple(slice(c * n, (c + 1) * n) for c, n in zip(coords, shards, strict=True))
        if not Path(side.file(coords)).exists():
            agree = agree and bool((values[region] == array.fill_value).all())
            continue
        count += 1
        with h5py.File(side.file(coords), "r") as file:
            agree = agree and bool(np.array_equal(file[side.dataset][()], values[region]))
    return count, agree


def _word(agree: bool) -> str:
    return "equal" if agree else "DIFFERENT"


def _files(directory: Path) -> list[str]:
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return [f"  {path.relative_to(directory)!s:<36} {human_nbytes(path.stat().st_size):>10}" for path in paths]
