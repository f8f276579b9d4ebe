"""What a master file costs: making it, and opening it, for more and more shards.

    python benchmarks/open_master_file.py [SHARDS ...]

No shard is there: they are opened one by one when they are read, which takes as long as it takes without a master file.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import netCDF4
import xarray as xr

import zarr_hdf5 as zh


def seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def read_one(path: Path) -> None:
    with h5py.File(path) as file:
        file["a"][0, 0]


def open_netcdf4(path: Path) -> None:
    netCDF4.Dataset(path).close()


def open_h5netcdf(path: Path) -> None:
    xr.open_dataset(path, engine="h5netcdf").close()


def measure(shards: int, folder: Path) -> dict[str, float]:
    group = zh.create_group(folder / "x.zarr", overwrite=True)
    group.create_array(
        "a", shape=(shards * 4, 4), dtype="f8", chunks=(2, 4), shards=(4, 4), dimension_names=["time", "x"]
    )
    path = folder / "x.zarr/x.h5"
    return {
        "link": seconds(lambda: zh.link(folder / "x.zarr")),
        "again": seconds(lambda: zh.link(folder / "x.zarr")),
        "h5py": seconds(lambda: read_one(path)),
        "netCDF4": seconds(lambda: open_netcdf4(path)),
        "xarray": seconds(lambda: open_h5netcdf(path)),
        "bytes a shard": path.stat().st_size / shards,
    }


def main(counts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure(1, Path(folder))  # imports
        for shards in counts:
            found = measure(shards, Path(folder))
            print(f"{shards:>9} shards: ", "  ".join(f"{name} {value:8.3f}" for name, value in found.items()))


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 1_000, 10_000, 100_000])
