"""Updates of arrays in stores that let objects be changed in place: judged by h5py, h5dump, zarr-python and numpy."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zarr_hdf5 as zh
from zarr_hdf5.stores.local import LocalStore

CRC32C = {"name": "crc32c", "configuration": {}}
ZLIB = {"name": "numcodecs.zlib", "configuration": {"level": 1}}
SWAP = {"name": "transpose", "configuration": {"order": [1, 0]}}
LAYOUTS = [zh.HDF5(libver=v, index_location=i) for v in ("earliest", "v110") for i in ("end", "start")]
CODECS: dict[str, dict[str, Any]] = {
    "deflate": {"compressors": "deflate"},
    "zstd": {"compressors": "zstd"},
    "none": {"compressors": None},
    "zlib, crc32c": {"compressors": [ZLIB, CRC32C]},
    "crc32c": {"compressors": [CRC32C]},
    "transposed": {"filters": [SWAP], "compressors": "deflate"},
}
SHAPE, CHUNKS, SHARDS = (44, 50), (4, 4), (32, 40)  # 80 chunks in a shard, more than a B-tree node holds
Values = npt.NDArray[Any]
Updates = list[tuple[Any, int]]
UPDATES: dict[str, Updates] = {
    "one chunk": [(np.s_[4:8, 8:12], 1)],
    "first and last chunk": [(np.s_[:4, :4], 1), (np.s_[28:32, 36:40], 2)],
    "the same chunk again and again": [(np.s_[4:8, 8:12], n) for n in range(1, 9)],
    "part of a chunk": [(np.s_[5, 9:11], 1), (np.s_[5, 10:12], 2)],
    "parts of chunks in four shards": [(np.s_[30:35, 38:43], 1)],
    "some chunks in several leaves": [(np.s_[:, 8:12], 1), (np.s_[4:8, :], 2)],
    "chunks cut by the edge": [(np.s_[40:44, 48:50], 1), (np.s_[43, 49], 2)],
    "strided and backwards": [(np.s_[10:2:-3, ::20], 1)],
    "too many chunks": [(np.s_[:20, :], 1)],
    "to the fill value": [(np.s_[4:8, 8:12], 0), (np.s_[4:8, 8:12], 0)],
    "from the fill value": [(np.s_[16:20, 16:20], 1), (np.s_[17, 17], 2)],
    "both": [(np.s_[12:20, 16:20], 1), (np.s_[12:20, 16:20], 0)],
    "in an absent shard": [(np.s_[33:35, 2:7], 1), (np.s_[33:35, 2:7], 2)],
}


def start_values() -> Values:
    values = np.random.default_rng(4).integers(1, 2**12, SHAPE).astype("<u2")
    values[16:24, 12:20] = 0  # absent chunks
    values[32:, :40] = 0  # an absent shard
    return values


def new_values(seed: int, shape: tuple[int, ...]) -> Values:
    """Of a length, when encoded, that varies with the seed; nothing but the fill value for 0."""
    return np.random.default_rng(seed).integers(0, 1 << (5 * seed % 16), shape).astype("<u2") * 3 + (seed > 0)


def create(folder: Path, hdf5: zh.HDF5, codecs: dict[str, Any]) -> zh.Array:
    zh.create_array(folder, data=start_values(), chunks=CHUNKS, shards=SHARDS, hdf5=hdf5, **codecs)
    return zh.open_array(LocalStore(folder, in_place=True), "r+")


def check(array: zh.Array, folder: Path, expected: Values) -> None:
    """What everybody reads, of the whole and of each shard."""
    np.testing.assert_array_equal(array[...], expected)
    np.testing.assert_array_equal(zh.open_array(folder)[...], expected)
    np.testing.assert_array_equal(np.asarray(zarr.open_array(folder, mode="r")[...]), expected)
    assert zh.verify(folder)
    side = array.hdf5
    assert side is not None
    for coords in np.ndindex(2, 2):
        region = tuple(slice(c * n, (c + 1) * n) for c, n in zip(coords, SHARDS, strict=True))
        path = Path(side.file(coords))
        if path.exists():
            with h5py.File(path) as file:
                np.testing.assert_array_equal(file["data"][...].transpose(np.argsort(side.order)), expected[region])
        else:
            assert not expected[region].any()


@pytest.mark.parametrize("updates", UPDATES.values(), ids=UPDATES)
@pytest.mark.parametrize("codecs", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_updates(tmp_path: Path, hdf5: zh.HDF5, codecs: dict[str, Any], updates: Updates) -> None:
    array, expected = create(tmp_path, hdf5, codecs), start_values()
    for selection, seed in updates:
        expected[selection] = new_values(seed, expected[selection].shape)
        array[selection] = expected[selection]
    check(array, tmp_path, expected)


@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
@pytest.mark.parametrize("codecs", CODECS.values(), ids=CODECS)
def test_which_updates_are_in_place(tmp_path: Path, hdf5: zh.HDF5, codecs: dict[str, Any]) -> None:
    array = create(tmp_path, hdf5, codecs)

    def keeps_file(selection: Any, value: Any) -> bool:
        with open(tmp_path / "c/0/0", "rb") as before:  # held open, that its inode is not given away again
            array[selection] = value
            return os.path.samestat(os.fstat(before.fileno()), os.stat(tmp_path / "c/0/0"))

    assert keeps_file(np.s_[4:8, 8:12], new_values(1, (4, 4)))
    assert keeps_file(np.s_[5, 9], 7)
    assert keeps_file(np.s_[16:20, 16:20], 5)  # was absent
    assert keeps_file(np.s_[20:24, 12:16], 0)  # is and stays absent
    assert not keeps_file(np.s_[4:8, 8:12], 0)
    assert not keeps_file(np.s_[:12, :28], 3)  # 21 of 80 chunks
    assert keeps_file(np.s_[:8, :40], 3)  # 20
    array[...] = 0
    array[0, 0] = 1
    assert keeps_file(np.s_[4:28, :36], 5)  # 54, none of which was there
    assert zh.verify(tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"hdf5": False},
        {"shards": None, "hdf5": False},
        {"chunks": (8, 8), "shards": (8, 8)},
        {"chunks": (8, 8), "shards": (8, 8), "hdf5": zh.HDF5(libver="v110")},
    ],
    ids=["plain", "unsharded", "one chunk", "one chunk, v110"],
)
def test_other_arrays_are_replaced_whole(tmp_path: Path, options: dict[str, Any]) -> None:
    data = np.arange(1, 257, dtype="u2").reshape(16, 16)
    store = LocalStore(tmp_path, in_place=True)
    array = zh.create_array(store, data=data, **{"chunks": (4, 4), "shards": (16, 16), **options})
    with open(tmp_path / "c/0/0", "rb") as before:
        array[:2, :2] = 0
        assert not os.path.samestat(os.fstat(before.fileno()), os.stat(tmp_path / "c/0/0"))
    data[:2, :2] = 0
    np.testing.assert_array_equal(np.asarray(zarr.open_array(tmp_path, mode="r")[...]), data)


@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_a_file_never_gets_longer_than_twice_what_it_needs(tmp_path: Path, hdf5: zh.HDF5) -> None:
    array, expected = create(tmp_path, hdf5, {"compressors": "deflate"}), start_values()
    path = tmp_path / "c/0/0"
    sizes, inodes = [path.stat().st_size], [path.stat().st_ino]
    for seed in range(1, 100):
        place = tuple(slice(4 * n, 4 * n + 4) for n in np.random.default_rng(seed).integers(0, (8, 10)))
        array[place] = expected[place] = new_values(seed, (4, 4))
        sizes.append(path.stat().st_size)
        inodes.append(path.stat().st_ino)
    compactions = np.flatnonzero(np.diff(inodes))
    assert 1 <= len(compactions) < 50
    fresh = tmp_path / "fresh"
    zh.create_array(fresh, data=expected, chunks=CHUNKS, shards=SHARDS, hdf5=hdf5, compressors="deflate")
    least = (fresh / "c/0/0").stat().st_size
    assert max(sizes) < 2 * least * 1.1  # what is needed varies as the values do
    assert all(sizes[i + 1] < sizes[i] for i in compactions)
    shutil.rmtree(fresh)
    check(array, tmp_path, expected)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_random_updates(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("random")
    array = create(folder, data.draw(st.sampled_from(LAYOUTS)), data.draw(st.sampled_from(list(CODECS.values()))))
    expected = start_values()
    bounds = [st.tuples(st.integers(0, n - 1), st.integers(1, 12), st.sampled_from([1, 1, 1, 3])) for n in SHAPE]
    for row, column, seed in data.draw(st.lists(st.tuples(*bounds, st.integers(0, 20)), min_size=1, max_size=12)):
        selection = tuple(slice(start, start + length, step) for start, length, step in (row, column))
        expected[selection] = new_values(seed, expected[selection].shape)
        array[selection] = expected[selection]
    check(array, folder, expected)
    shutil.rmtree(folder)


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed (Debian's hdf5-tools)")
@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_h5dump_reads_an_updated_shard(tmp_path: Path, hdf5: zh.HDF5, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDF5_PLUGIN_PATH", hdf5plugin.PLUGIN_PATH)
    array, expected = create(tmp_path, hdf5, {"compressors": "zstd"}), start_values()
    for seed in range(1, 12):
        array[seed * 2, 3:9] = expected[seed * 2, 3:9] = seed
    out = tmp_path / "out"
    command = ["h5dump", "-d", "/data", "-o", str(out), "-b", "LE", str(tmp_path / "c/0/0")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    np.testing.assert_array_equal(np.fromfile(out, "<u2").reshape(SHARDS), expected[: SHARDS[0], : SHARDS[1]])


def test_an_open_hdf5_reader_keeps_its_file(tmp_path: Path) -> None:
    array, expected = create(tmp_path, zh.HDF5(), {"compressors": "deflate"}), start_values()
    with h5py.File(tmp_path / "c/0/0", locking=True) as file:
        array[5, 9] = 7
        np.testing.assert_array_equal(file["data"][...], expected[: SHARDS[0], : SHARDS[1]])
    expected[5, 9] = 7
    check(array, tmp_path, expected)


def _h5py_adds_attribute(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["data"].attrs["note"] = "x" * 2000


def _h5py_rewrites_chunk(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["data"].id.write_direct_chunk((4, 8), b"\x78\x9c" + b"\0" * 500)


def _drops_hdf5_side(path: Path) -> None:
    other = path.parents[2].with_name("plain")
    zh.create_array(other, data=start_values(), chunks=CHUNKS, shards=SHARDS, hdf5=False, compressors="deflate")
    shutil.copyfile(other / "c/0/0", path)


@pytest.mark.parametrize(
    "edit", [_h5py_adds_attribute, _h5py_rewrites_chunk, _drops_hdf5_side], ids=["attribute", "chunk", "plain shard"]
)
def test_what_others_made_of_a_shard_is_replaced_whole(tmp_path: Path, edit: Callable[[Path], None]) -> None:
    folder = tmp_path / "a.zarr"
    array, expected = create(folder, zh.HDF5(index_location="start"), {"compressors": "deflate"}), start_values()
    if edit is _drops_hdf5_side:
        array = create(folder := tmp_path / "b.zarr", zh.HDF5(), {"compressors": "deflate"})
    edit(folder / "c/0/0")
    array[5, 9] = expected[5, 9] = 7
    check(array, folder, expected)


def test_changed_attributes_reach_the_shard(tmp_path: Path) -> None:
    array = create(tmp_path, zh.HDF5(), {"compressors": "deflate"})
    array.attrs["unit"] = "m"
    array[5, 9] = 7
    with h5py.File(tmp_path / "c/0/0") as file:
        assert file["data"].attrs["unit"] == "m"


def test_two_openings_take_turns(tmp_path: Path) -> None:
    one, expected = create(tmp_path, zh.HDF5(), {"compressors": "deflate"}), start_values()
    two = zh.open_array(LocalStore(tmp_path, in_place=True), "r+")
    for n in range(1, 8):
        (one, two)[n % 2][n, :9] = expected[n, :9] = n
        np.testing.assert_array_equal((two, one)[n % 2][...], expected)
    check(one, tmp_path, expected)


def test_below_a_group(tmp_path: Path) -> None:
    group = zh.open_group(LocalStore(tmp_path, in_place=True), "w")
    array = group.create_array("a/b", data=start_values(), chunks=CHUNKS, shards=SHARDS)
    with open(tmp_path / "a/b/c/0/0", "rb") as before:
        array[5, 9] = 7
        assert os.path.samestat(os.fstat(before.fileno()), os.stat(tmp_path / "a/b/c/0/0"))
    assert zh.verify(tmp_path)
