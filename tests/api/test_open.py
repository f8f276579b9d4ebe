"""Opening and creating: every mode, every door, every refusal."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5 import errors
from zarr_hdf5.stores.memory import MemoryStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    group = zh.create_group(tmp_path / "x.zarr", attributes={"title": "t"})
    group.create_array("g/a", data=np.arange(12, dtype="i4").reshape(3, 4), chunks=(1, 2), shards=(2, 4))
    return tmp_path / "x.zarr"


def test_open_finds_out_what_is_there(root: Path) -> None:
    assert isinstance(zh.open(root), zh.Group)
    assert isinstance(zh.open(root, path="g/a"), zh.Array)
    assert isinstance(zh.open(root / "g" / "a"), zh.Array)
    assert isinstance(zh.open(f"file://{root}/g/a"), zh.Array)
    assert isinstance(zh.open_group(root, path="g"), zh.Group)


def test_a_lone_shard_opens_by_its_hdf5_side(root: Path) -> None:
    shard = zh.open(root / "g/a/c/1/0")
    assert isinstance(shard, zh.Array)
    np.testing.assert_array_equal(shard[...], np.arange(8, 12).reshape(1, 4))
    assert shard.chunks == (1, 2)
    assert shard.read_only
    with pytest.raises(errors.ReadOnlyError):
        shard[0] = 1
    with pytest.raises(errors.ReadOnlyError):
        zh.open(root / "g/a/c/1/0", mode="r+")


def test_a_lone_shard_has_nothing_to_be_compared_with(root: Path) -> None:
    with pytest.raises(errors.UnsupportedFeatureError, match="one side only"):
        zh.verify(root / "g/a/c/1/0")


def test_a_lone_shard_needs_no_zarr_side(root: Path, tmp_path: Path) -> None:
    """With the shard index wiped out, the HDF5 side still reads."""
    data = bytearray((root / "g/a/c/0/0").read_bytes())
    data[-68:] = bytes(68)
    lone = tmp_path / "lone"
    lone.write_bytes(data)
    np.testing.assert_array_equal(np.asarray(zh.open_array(lone)), np.arange(8).reshape(2, 4))


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_nothing_is_not_found(mode: Any, tmp_path: Path) -> None:
    for url in (tmp_path / "none", "memory://test-open-none"):
        with pytest.raises(errors.NotFoundError):
            zh.open(url, mode=mode)


def test_not_a_known_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(errors.NotFoundError, match="neither an HDF5 file nor"):
        zh.open(tmp_path / "text")


def test_modes(root: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.ReadOnlyError):
        zh.open_array(root, path="g/a")[0] = 1
    zh.open_array(root, "r+", path="g/a")[0] = 1
    assert zh.open_array(root, "a", path="g/a")[0, 0] == 1
    assert isinstance(zh.open(tmp_path / "new", mode="a"), zh.Group)
    with pytest.raises(errors.AlreadyExistsError):
        zh.open(root, mode="w-")
    assert list(zh.open_group(root, mode="w")) == []
    with pytest.raises(ValueError, match="mode must be"):
        zh.open(root, mode="x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="create_array"):
        zh.open_array(root, mode="w")


def test_wrong_kind_of_node(root: Path) -> None:
    with pytest.raises(errors.NotFoundError):
        zh.open_array(root)
    with pytest.raises(errors.NotFoundError):
        zh.open_group(root, path="g/a")
    with pytest.raises(errors.AlreadyExistsError):
        zh.open_group(root, "a", path="g/a")
    with pytest.raises(errors.AlreadyExistsError, match="is an array"):
        zh.create_array(root, name="g/a/b", data=[1])


@pytest.mark.parametrize("suffix", [".h5", ".hdf5", ".he5", ".nc", ".nc4"])
def test_one_file_is_made_on_local_disks_only(tmp_path: Path, suffix: str) -> None:
    for make in (lambda u: zh.create_array(u, data=[1]), zh.create_group):
        with pytest.raises(errors.UnsupportedFeatureError, match="local disk only"):
            make(f"memory://test-one-file/x{suffix}")
    (tmp_path / f"directory{suffix}").mkdir()
    zh.create_array(tmp_path / f"directory{suffix}", data=[1])
    assert (tmp_path / f"directory{suffix}/zarr.json").is_file()


def test_memory_and_store_objects() -> None:
    store = MemoryStore()
    array = zh.create_array(store, name="a", data=np.arange(5.0))
    np.testing.assert_array_equal(np.asarray(zh.open_array(store, path="a")), np.arange(5.0))
    assert zh.verify(store)
    zh.create_array("memory://test-open/x", data=[1, 2])
    assert np.asarray(zh.open_array("memory://test-open/x")).tolist() == [1, 2]
    assert array.hdf5 is not None
    with pytest.raises(errors.UnsupportedFeatureError, match="local files"):
        array.hdf5.open()


def test_overwrite(root: Path) -> None:
    with pytest.raises(errors.AlreadyExistsError):
        zh.create_array(root, name="g/a", data=[1])
    assert zh.create_array(root, name="g/a", data=[1], overwrite=True).shape == (1,)
    assert [p.name for p in (root / "g/a/c").iterdir()] == ["0"]


def test_parents_become_groups(tmp_path: Path) -> None:
    zh.create_array(tmp_path / "x.zarr", name="p/q/a", data=[1])
    tree = zarr.open_group(tmp_path / "x.zarr", mode="r")
    assert isinstance(tree["p/q"], zarr.Group)


def test_what_hdf5_cannot_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    gzip = [{"name": "gzip", "configuration": {"level": 1}}]
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"compressors": gzip}, "zlib"),
        ({"shards": None}, "shards"),
        ({"compressors": [{"name": "numcodecs.lz4", "configuration": {}}]}, "lz4"),
        ({"filters": [{"name": "numcodecs.delta", "configuration": {"dtype": "<i4"}}]}, "delta"),
    ]
    for options, word in refusals:
        with pytest.raises(errors.UnsupportedFeatureError, match=word):
            zh.create_array(tmp_path / "x.zarr", data=np.zeros(8, "i4"), **options)
        assert not (tmp_path / "x.zarr").exists()
        zh.create_array(tmp_path / "plain.zarr", data=np.zeros(8, "i4"), hdf5=False, overwrite=True, **options)


def test_rank_33_and_chunks_of_4_gib_have_no_hdf5_side(tmp_path: Path) -> None:
    with pytest.raises(errors.UnsupportedFeatureError, match="dimensions"):
        zh.create_array(tmp_path / "a", shape=(1,) * 33, dtype="u1")
    with pytest.raises(errors.UnsupportedFeatureError, match="4 GiB"):
        zh.create_array(tmp_path / "b", shape=(2**32,), dtype="u1", chunks=(2**32,))


def test_hdf5_file_with_several_datasets_is_a_group(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["a"] = [1, 2]
        file["g/b"] = 3.5
    group = zh.open_group(tmp_path / "f.h5")
    assert sorted(dict(group.members(max_depth=None))) == ["a", "g", "g/b"]
    assert zh.open_array(tmp_path / "f.h5", path="g/b")[()] == 3.5
    with pytest.raises(errors.ReadOnlyError):
        group.create_array("c", data=[1])
