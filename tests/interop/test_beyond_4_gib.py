"""Shards beyond 4 GiB: 64-bit offsets on both sides."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh

CHUNK_NBYTES = 64 << 20
NCHUNKS = 72  # 4.5 GiB
ROOM = 6 << 30


@pytest.mark.slow
@pytest.mark.parametrize("libver", ["earliest", "v110"])
def test_a_shard_beyond_4_gib(libver: Any, tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < ROOM:
        pytest.skip("needs 6 GiB of disk")
    size = NCHUNKS * CHUNK_NBYTES
    array = zh.create_array(
        tmp_path / "a.zarr",
        shape=(size,),
        dtype="u1",
        chunks=(CHUNK_NBYTES,),
        shards=(size,),
        compressors=None,
        hdf5=zh.HDF5(libver=libver),
    )
    chunk = np.random.default_rng(0).integers(0, 256, CHUNK_NBYTES, "u1")
    sink = array.stored.sink
    assert sink is not None
    # The same bytes for every chunk, so that the file is large and memory is not.
    sink.write((0,), [chunk.tobytes()] * (NCHUNKS - 1) + [chunk[::-1].tobytes()])
    assert array.hdf5 is not None
    file = Path(array.hdf5.file((0,)))
    assert file.stat().st_size > 2**32
    last = chunk[::-1][-1000:]
    np.testing.assert_array_equal(array[-1000:], last)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a.zarr", mode="r")[-1000:], last)
    with h5py.File(file, "r") as shard:
        np.testing.assert_array_equal(shard["data"][-1000:], last)
        np.testing.assert_array_equal(shard["data"][:1000], chunk[:1000])
    selection = ["-s", str(size - 1000), "-c", "1000", "-b", "FILE", "-o", str(tmp_path / "out")]
    subprocess.run(["h5dump", "-d", "/data", *selection, str(file)], check=True, capture_output=True)
    assert (tmp_path / "out").read_bytes() == last.tobytes()
    assert zh.verify(tmp_path / "a.zarr", deep=False)
    if libver == "v110":
        return  # once is enough of rewriting it
    array[5] = 255 - int(chunk[5])
    np.testing.assert_array_equal(array[-1000:], last)
    with h5py.File(file, "r") as shard:
        assert shard["data"][5] == 255 - int(chunk[5])
