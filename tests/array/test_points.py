"""Single elements by their coordinates, from arrays of every storage: as numpy, and as zarr-python reads them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.errors import CorruptDataError, SelectionError

SHAPE = (40, 30, 20)
VALUES = np.random.default_rng(8).integers(0, 2**16, SHAPE).astype(np.uint16)
RNG = np.random.default_rng(9)
POINTS = tuple(RNG.integers(-n, n, 500) for n in SHAPE)

SHARDED: dict[str, Any] = {"chunks": (5, 10, 4), "shards": (20, 10, 20)}
ARRAYS: dict[str, dict[str, Any]] = {
    "deflate": SHARDED,
    "elements alone": {**SHARDED, "compressors": None},
    "big-endian": {**SHARDED, "compressors": None, "dtype": ">u2"},
    "no shards": {"chunks": (5, 10, 4), "hdf5": False},
    "no shards, elements alone": {"chunks": (5, 10, 4), "hdf5": False, "compressors": None},
    "edges": {"chunks": (7, 11, 6), "shards": (21, 22, 12)},
    "transposed": {**SHARDED, "filters": [{"name": "transpose", "configuration": {"order": [2, 0, 1]}}]},
    "in memory": {**SHARDED, "compressors": None, "url": "memory://points"},
}
LEGACY: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "gzip": {"chunks": (5, 10, 4), "compression": "gzip", "shuffle": True},
    "chunked": {"chunks": (7, 11, 6)},
}


def check(array: zh.Array, values: npt.NDArray[Any]) -> None:
    np.testing.assert_array_equal(array.vindex[POINTS], values[POINTS])
    grid = np.ix_([1, 39, 1], [0, 29], range(20))
    np.testing.assert_array_equal(array.vindex[grid], values[grid])
    assert array.vindex[3, -1, 4] == values[3, -1, 4]
    assert array.vindex[[], [], []].shape == (0,)


@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_of_every_storage(options: dict[str, Any], tmp_path: Path) -> None:
    wanted: Any = {"url": tmp_path / "a.zarr", "dtype": "u2", "shape": SHAPE, "overwrite": True, **options}
    array = zh.create_array(wanted.pop("url"), **wanted)
    array[:30] = VALUES[:30]
    check(array, np.where(np.arange(40)[:, None, None] < 30, VALUES, 0))
    array[...] = VALUES
    check(array, VALUES)
    if (tmp_path / "a.zarr").exists():
        judge: Any = zarr.open_array(tmp_path / "a.zarr", mode="r")
        np.testing.assert_array_equal(array.vindex[POINTS], judge.vindex[POINTS])


@pytest.mark.parametrize("options", LEGACY.values(), ids=LEGACY)
def test_of_hdf5_files(options: dict[str, Any], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=VALUES, **options)
    check(zh.open_array(tmp_path / "a.h5", path="a"), VALUES)


def test_of_other_types(tmp_path: Path) -> None:
    texts = np.array([f"text {i}" for i in range(24)], object).reshape(4, 6)
    array = zh.create_array(tmp_path / "text.zarr", shape=(4, 6), dtype="string", chunks=(2, 2), hdf5=False)
    array[...] = texts
    assert array.vindex[[0, 3, 3], [5, 0, 5]].tolist() == ["text 5", "text 18", "text 23"]
    scalar = zh.create_array(tmp_path / "scalar.zarr", shape=(), dtype="f4", hdf5=False, data=np.float32(2.5))
    assert scalar.vindex[()] == 2.5


def test_into_an_array_of_the_users() -> None:
    array = zh.create_array("memory://out", shape=(8,), dtype="i2", chunks=(2,), shards=(4,), overwrite=True)
    array[...] = np.arange(8)
    out = np.zeros((2, 2), "f8")
    assert array.get_coordinate_selection([[7, 0], [3, 3]], out=out) is out
    assert out.tolist() == [[7, 0], [3, 3]]
    with pytest.raises(SelectionError, match="out has shape"):
        array.get_coordinate_selection([1, 2], out=out)


def test_a_bad_chunk_is_named(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path / "a.zarr", shape=(8,), dtype="u2", chunks=(2,), shards=(8,), compressors="zstd")
    array[...] = np.arange(8)
    shard = tmp_path / "a.zarr" / "c" / "0"
    data = bytearray(shard.read_bytes())
    start = int.from_bytes(data[-52:-44], "little")  # of chunk 1: 16 bytes each, a checksum behind
    data[start] ^= 0xFF
    shard.write_bytes(data)
    assert array.vindex[[0, 7]].tolist() == [0, 7]
    with pytest.raises(CorruptDataError, match=r"inner chunk \(1,\)"):
        array.vindex[[0, 7, 3]]
