"""Memory is bounded by a shard, not by the array: measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

MIB = 1 << 20
SHARD_MIB = 128
PLANE = (1024, 1024)
CHUNK = (16, 256, 256)
# VmHWM, because a child's ru_maxrss begins with the memory of its parent.
PEAK = """
import json, sys
from pathlib import Path

import numpy as np

import zarr_hdf5 as zh

def peak():
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) >> 10

"""
CHILD = """
imported = peak()
done = zh.convert(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))
assert done.nbytes == int(sys.argv[4]), done
print(peak() - imported)
"""


@pytest.fixture(scope="module", params=["contiguous", "chunked"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1 GiB of uint16 that does not compress: the worst case for what is held encoded."""
    path = tmp_path_factory.mktemp("memory") / "source.h5"
    values = np.random.default_rng(7).integers(0, 2**16, (64, *PLANE), np.uint16)
    with h5py.File(path, "w") as file:
        chunks = CHUNK if request.param == "chunked" else None
        dataset = file.create_dataset("image", (512, *PLANE), "u2", chunks=chunks)
        for start in range(0, 512, 64):
            dataset[start : start + 64] = values
    return path


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says what the peak was")
@pytest.mark.parametrize("compressors", [[], "zstd"], ids=["none", "zstd"])
def test_converting_takes_a_few_shards_of_memory(source: Path, tmp_path: Path, compressors: Any) -> None:
    shard = (SHARD_MIB * MIB // (2 * PLANE[0] * PLANE[1]), *PLANE)
    options = json.dumps({"chunks": CHUNK, "shards": shard, "compressors": compressors})
    command = [sys.executable, "-c", PEAK + CHILD, str(source), str(tmp_path / "target.zarr"), options, str(1024 * MIB)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # A shard's values and a shard's encoded chunks, and what is in flight on every core.
    assert int(done.stdout) < 2.5 * SHARD_MIB


WHOLE = """
options = {"shape": (512, 512, 512), "dtype": "u2", "chunks": (64, 64, 64), "shards": (256, 256, 256)}
if sys.argv[3] == "write":
    plane = np.random.default_rng(7).integers(0, 2**16, (64, 512, 512), np.uint16)
    values = np.concatenate([plane] * 8)
    array = zh.create_array(sys.argv[1], compressors=sys.argv[2] or None, overwrite=True, **options)
    before = peak()
    array[...] = values
else:
    array = zh.open_array(sys.argv[1])
    before = peak() + (array.nbytes >> 20)
    values = array[...]
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says what the peak was")
@pytest.mark.parametrize("compressors", ["", "deflate", "zstd"])
def test_a_whole_array_takes_a_few_shards_of_memory_beyond_itself(tmp_path: Path, compressors: str) -> None:
    """256 MiB that do not compress, shards of 32 MiB: at most two for writing or reading."""
    taken = {}
    for what in ("write", "read"):
        command = [sys.executable, "-c", PEAK + WHOLE, str(tmp_path / "a.zarr"), compressors, what]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        taken[what] = int(done.stdout)
    assert taken["write"] < 2 * 32
    assert taken["read"] < 2 * 32


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says what the peak was")
@pytest.mark.parametrize("compressors", ["", "deflate"])
def test_how_large_a_shard_is_makes_no_difference(tmp_path: Path, compressors: str) -> None:
    """The same 256 MiB in one shard."""
    script = PEAK + WHOLE.replace('"shards": (256, 256, 256)', '"shards": (512, 512, 512)')
    for what in ("write", "read"):
        command = [sys.executable, "-c", script, str(tmp_path / "a.zarr"), compressors, what]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) < 64
