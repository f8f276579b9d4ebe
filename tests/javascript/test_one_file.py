"""One file, read by zarrita.js as a zipped Zarr, by h5wasm and jsfive as HDF5."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr_hdf5 as zh

VALUES = np.random.default_rng(3).integers(-1000, 1000, (23, 31))
TILES: Any = {"chunks": (4, 5), "shards": (8, 15)}
ARRAYS: dict[str, Any] = {
    "sharded": {"data": VALUES.astype("<i4"), **TILES, "dimension_names": ["y", "x"]},
    "unsharded": {"data": VALUES.astype("<f8"), "chunks": (10, 10), "shards": None, "dimension_names": ["y", "x"]},
    "x": {"data": np.arange(31.0), "dimension_names": ["x"]},
    "g/big endian": {"data": VALUES.astype(">i2"), **TILES, "compressors": None},
    "g/größe": {"data": VALUES.astype("<i8"), **TILES},
    "text": {"data": np.array([["a", "größe", ""], ["x" * 300, "µ", "end"]], object)},
    "scalar": {"data": 2.5},
}


@pytest.fixture(scope="module")
def told(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("one")
    with zh.create_group(folder / "study.h5") as group:
        for name, options in ARRAYS.items():
            group.create_array(name, **options)
    # Imports are looked up from the script's own folder.
    shutil.copy(Path(__file__).parent / "read_one_file.mjs", folder)
    (folder / "node_modules").symlink_to(node_modules)
    command = ["node", "read_one_file.mjs", "study.h5", json.dumps(list(ARRAYS))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    answers: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("program", ["zarrita.js", "h5wasm", "jsfive"])
def test_same_values(told: dict[str, dict[str, Any]], program: str, name: str) -> None:
    assert told[program][name] == np.asarray(ARRAYS[name]["data"]).reshape(-1).tolist()
