"""Which HDF5 plugins are at hand has no say in what is written."""

import os
import subprocess
import sys
from pathlib import Path

import hdf5plugin
import pytest

WRITE = """
import sys, numpy, zarr_hdf5
if sys.argv[3] == "imported":
    import hdf5plugin
zarr_hdf5.create_array(sys.argv[1], data=numpy.arange(999), compressors=sys.argv[2])
"""


@pytest.mark.parametrize("compressors", ["zstd", "blosc"])
def test_same_bytes_with_and_without_plugins(compressors: str, tmp_path: Path) -> None:
    shards = []
    for way in ("absent", "imported", "on the path"):
        environment = {name: value for name, value in os.environ.items() if name != "HDF5_PLUGIN_PATH"}
        if way == "on the path":
            environment["HDF5_PLUGIN_PATH"] = hdf5plugin.PLUGIN_PATH
        target = tmp_path / f"{way}.zarr"
        subprocess.run([sys.executable, "-c", WRITE, target, compressors, way], check=True, env=environment)
        shards.append((target / "c/0").read_bytes())
    assert shards[0] == shards[1] == shards[2]
