"""Programs that know HDF5 and nothing of Zarr: each reads the dataset of one shard file."""

import re
import shutil
import subprocess
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401 - registers filters with h5py's libhdf5
import netCDF4
import numpy as np
import pyfive
import pytest
from interop_cases import Values

DATASET = "/data"


def run(*command: str | Path) -> str:
    """What a tool prints; it must succeed and have nothing to complain about."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed (Debian's hdf5-tools, netcdf-bin)")
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert done.stderr == "", (command, done.stderr)
    return done.stdout


def run_for_text(*command: str | Path) -> str:
    """What h5dump prints, its octal escapes for the bytes of UTF-8 undone: it sign-extends each to 32 bits."""
    escaped = run(*command).encode()
    return re.sub(rb"\\37777777(\d{3})", lambda found: bytes([int(found[1], 8) & 0xFF]), escaped).decode()


def read_h5py(path: Path) -> Values:
    with h5py.File(path, "r") as file:
        return np.asarray(file[DATASET][...])


def read_netcdf4(path: Path) -> Values:
    """Booleans, to netCDF, are numbers of an enumeration, and complex numbers compounds of two."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        values = np.asarray(file[DATASET.removeprefix("/")][...])
    if values.dtype.names is None:
        return values
    complex_values = np.empty(values.shape, f"c{values.dtype.itemsize}")
    complex_values.real, complex_values.imag = values["r"], values["i"]
    return complex_values


def read_pyfive(path: Path) -> Values:
    with pyfive.File(str(path)) as file:
        return np.asarray(file[DATASET][...])


def read_h5dump(path: Path, out: Path, like: Values) -> Values:
    """The values that h5dump decodes, written by it in the type they have in the file."""
    run("h5dump", "-d", DATASET, "-o", out, "-b", "FILE", path)
    return np.fromfile(out, like.dtype).reshape(like.shape)
