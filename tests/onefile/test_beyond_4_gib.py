"""One file of more than 4 GiB: ZIP64 on one side, 64-bit addresses on the other."""

import subprocess
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tensorstore
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.onefile.store import OneFileStore

GIB = 1 << 30
ROWS, ROW = 12, GIB // 4  # of int16: half a GiB each


@pytest.mark.slow
@pytest.mark.usefixtures("sparse_writes")
def test_six_gib(tmp_path: Path) -> None:
    """Mostly zeros, which are not the fill value, and so are chunks like others."""
    path = tmp_path / "large.h5"
    with zh.create_group(path) as group:
        options: dict[str, Any] = {"chunks": (1, ROW // 16), "shards": (1, ROW), "compressors": None}
        array = group.create_array("a", shape=(ROWS, ROW), dtype="<i2", fill_value=7, **options)
        for row in range(ROWS):
            array[row] = 0
            array[row, -3:] = row
        group.create_array("behind", data=np.arange(10))
    assert path.stat().st_size > 6 * GIB
    expected = [[0, row] for row in range(ROWS)]
    with h5py.File(path) as file:
        assert file["a"][:, [0, ROW - 1]].tolist() == expected
        assert file["behind"][9] == 9
    corner = ["-s", f"{ROWS - 1},{ROW - 4}", "-c", "1,4"]
    dumped = subprocess.run(["h5dump", "-d", "/a", *corner, path], capture_output=True, text=True, check=True).stdout
    assert f"): 0, {ROWS - 1}, {ROWS - 1}, {ROWS - 1}\n" in dumped
    with zarr.storage.ZipStore(path, mode="r") as store:
        theirs = zarr.open_group(store, mode="r")["a"]
        assert isinstance(theirs, zarr.Array)
        assert np.asarray(theirs[:, ROW - 1]).tolist() == list(range(ROWS))
    # Whole shards only: tensorstore 0.1.86 does not come back from parts of members of more than 1 MiB, in any archive.
    base = {"driver": "file", "path": str(path)}
    spec = {"driver": "zarr3", "kvstore": {"driver": "zip", "base": base, "path": "a/"}}
    last = np.asarray(tensorstore.open(spec).result()[ROWS - 1].read().result(timeout=300))
    assert last[[0, ROW - 1]].tolist() == [0, ROWS - 1]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert max(member.header_offset for member in archive.infolist()) > 5 * GIB
    assert zh.verify(path, deep=False)
    with zh.open_group(path, "r+") as group:
        again = group["a"]
        assert isinstance(again, zh.Array)
        again[0, :5] = 99
    with h5py.File(path) as file:
        assert file["a"][0, 4:6].tolist() == [99, 0]
    assert zh.verify(path, deep=False)


def test_a_hole_of_five_gib(tmp_path: Path) -> None:
    """Places beyond 4 GiB on both sides, in a sparse file."""
    path = tmp_path / "sparse.h5"
    values = np.arange(100).reshape(10, 10)
    with zh.create_group(path) as group:
        group.create_array("before", data=values, chunks=(5, 5), shards=(10, 10), compressors=None)
        store = group.store
        assert isinstance(store, OneFileStore)
        store._session.writer().end = 5 * GIB
        group.create_array("behind", data=values, chunks=(5, 5), shards=(10, 10), compressors=None)
        group.create_array("text", data=np.array(["a", "b"], object))
    with h5py.File(path) as file:
        assert (file["before"][()] == values).all()
        assert (file["behind"][()] == values).all()
        assert file["text"].asstr()[1] == "b"
    with zarr.storage.ZipStore(path, mode="r") as zipped:
        theirs = zarr.open_group(zipped, mode="r")["behind"]
        assert isinstance(theirs, zarr.Array)
        assert (np.asarray(theirs[...]) == values).all()
    base = {"driver": "file", "path": str(path)}
    spec = {"driver": "zarr3", "kvstore": {"driver": "zip", "base": base, "path": "behind/"}}
    assert (np.asarray(tensorstore.open(spec).result().read().result()) == values).all()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.getinfo("behind/c/0/0").header_offset == 5 * GIB
    assert zh.verify(path)
