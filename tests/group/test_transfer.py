"""Copying, moving and deleting nodes: in a directory, in memory, in one file, and between them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.errors import (
    AlreadyExistsError,
    InvalidMetadataError,
    NotFoundError,
    ReadOnlyError,
    UnsupportedFeatureError,
)
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.view import StoreView

GRID = np.random.default_rng(3).integers(0, 99, (20, 30), np.int32)
WHERE: dict[str, Callable[[Path], Any]] = {
    "directory": lambda folder: folder / "x.zarr",
    "directory, fsync": lambda folder: LocalStore(folder / "x.zarr", fsync=True),
    "memory": lambda folder: MemoryStore(),
    "part of memory": lambda folder: StoreView(MemoryStore(), "inner"),
    "one file": lambda folder: folder / "x.h5",
}


def fill(root: zh.Group) -> None:
    root.create_array("a", data=GRID, chunks=(3, 5), shards=(12, 15), attributes={"unit": "m"})
    root.create_array("g/plain", data=GRID, chunks=(8, 8), shards=None, hdf5=False)
    root.create_array("g/h/text", data=np.array(["x", "größe"]), hdf5=False)
    root.create_array("g/h/sparse", shape=(9,), dtype="f4", fill_value=5, chunk_key_encoding={"name": "v2"})
    root["g"].attrs["k"] = [1, 2]


def paths(root: zh.Group) -> list[str]:
    return [path for path, _ in root.members(None)]


def check(group: zh.Group, names: dict[str, str]) -> None:
    """What is called so in `fill` is here under these paths."""
    for path, name in names.items():
        array = group[path]
        assert isinstance(array, zh.Array)
        expected = {"text": np.array(["x", "größe"], object), "sparse": np.full(9, 5, "f4")}.get(name, GRID)
        np.testing.assert_array_equal(array[...], expected)


@pytest.fixture(params=list(WHERE.values()), ids=list(WHERE))
def root(request: pytest.FixtureRequest, tmp_path: Path) -> zh.Group:
    root = zh.create_group(request.param(tmp_path))
    fill(root)
    return root


def test_moving_an_array(root: zh.Group) -> None:
    moved = root.move("a", "new/place/b")
    assert isinstance(moved, zh.Array)
    assert (moved.name, moved.attrs["unit"]) == ("/new/place/b", "m")
    assert paths(root) == ["g", "g/h", "g/h/sparse", "g/h/text", "g/plain", "new", "new/place", "new/place/b"]
    check(root, {"new/place/b": "a", "g/plain": "plain"})
    moved[3:5] = 7
    assert (np.asarray(root["new/place/b"])[3:5] == 7).all()
    root.flush()
    assert zh.verify(root.store)
    assert moved.hdf5 is not None
    assert moved.hdf5.dataset == ("/new/place/b" if root.store.url.endswith(".h5") else "/a")


def test_moving_a_group(root: zh.Group) -> None:
    moved = root.move("g", "k")
    assert isinstance(moved, zh.Group)
    assert moved.attrs["k"] == [1, 2]
    assert paths(root) == ["a", "k", "k/h", "k/h/sparse", "k/h/text", "k/plain"]
    moved.move("h", "i/j")
    assert paths(moved) == ["i", "i/j", "i/j/sparse", "i/j/text", "plain"]
    check(moved, {"plain": "plain", "i/j/text": "text", "i/j/sparse": "sparse"})
    root.flush()
    assert zh.verify(root.store)


def test_copying(root: zh.Group) -> None:
    before = root["a"]
    copied = root.copy("a", "g/b")
    assert isinstance(copied, zh.Array)
    copied[...] = 0
    check(root, {"a": "a"})
    group = root.copy("g", "c")
    assert isinstance(group, zh.Group)
    assert paths(group) == ["b", "h", "h/sparse", "h/text", "plain"]
    check(group, {"plain": "plain", "h/text": "text", "h/sparse": "sparse"})
    assert group.attrs["k"] == [1, 2]
    assert np.asarray(before).sum() == GRID.sum()
    with pytest.raises(AlreadyExistsError):
        root.copy("a", "c")
    root.copy("a", "c", overwrite=True)
    check(root, {"c": "a"})
    root.flush()
    assert zh.verify(root.store)


def test_deleting(root: zh.Group) -> None:
    del root["g/h"]
    assert paths(root) == ["a", "g", "g/plain"]
    del root["a"]
    root.create_array("a", shape=(20, 30), dtype="i4", chunks=(3, 5), shards=(12, 15))
    assert not np.asarray(root["a"]).any()
    for name in ("", "/", "nothing", "g/h"):
        with pytest.raises((NotFoundError, InvalidMetadataError)):
            del root[name]
    assert paths(root) == ["a", "g", "g/plain"]
    root.flush()
    assert zh.verify(root.store)


# Source, destination, error.
REFUSED: dict[str, tuple[str, str, type[Exception]]] = {
    "nothing there": ("nothing", "b", NotFoundError),
    "onto an array": ("g", "a", AlreadyExistsError),
    "onto a group": ("a", "g", AlreadyExistsError),
    "onto itself": ("a", "a", AlreadyExistsError),
    "into itself": ("g", "g/h/i", AlreadyExistsError),
    "onto what it is in": ("g/h", "g", AlreadyExistsError),
    "into an array": ("g", "a/b", AlreadyExistsError),
    "the group itself": ("", "b", InvalidMetadataError),
    "to the group itself": ("a", "/", InvalidMetadataError),
    "to no name": ("a", "b/../c", InvalidMetadataError),
    "to a name that is none": ("a", "zarr.json", InvalidMetadataError),
}


@pytest.mark.parametrize(("source", "dest", "error"), REFUSED.values(), ids=REFUSED)
def test_refused(root: zh.Group, source: str, dest: str, error: type[Exception]) -> None:
    before = sorted(root.store.list_prefix(""))
    for act in (root.move, root.copy):
        with pytest.raises(error):
            act(source, dest)
    assert sorted(root.store.list_prefix("")) == before


def test_read_only(root: zh.Group) -> None:
    root.flush()
    group = zh.open_group(root.store)
    for act in (lambda: group.move("a", "b"), lambda: group.copy("a", "b"), lambda: group.create_hierarchy({})):
        with pytest.raises(ReadOnlyError):
            act()


def test_moving_in_a_directory_is_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = zh.create_group(tmp_path)
    fill(root)
    inode = (tmp_path / "a/c/0/0").stat().st_ino
    monkeypatch.setattr(LocalStore, "get_range", None)
    root.move("a", "b")
    assert (tmp_path / "b/c/0/0").stat().st_ino == inode
    assert not (tmp_path / "a").exists()


def test_a_place_that_is_not_empty(tmp_path: Path) -> None:
    """What is not ours is neither overwritten nor mixed with."""
    root = zh.create_group(tmp_path)
    fill(root)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place in ("b", "file"):
        with pytest.raises((zh.errors.StorageError, AlreadyExistsError)):
            root.move("a", place)
    check(root, {"a": "a"})
    assert (tmp_path / "b/notes.txt").read_text() == "mine"


def test_others_read_what_was_moved_and_copied(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr")
    fill(root)
    root.move("a", "g/b")
    root.copy("g", "k")
    theirs = zarr.open_group(tmp_path / "x.zarr", mode="r")
    for path in ("g/b", "k/b", "k/plain"):
        array = theirs[path]
        assert isinstance(array, zarr.Array)
        np.testing.assert_array_equal(np.asarray(array[...]), GRID)
    with h5py.File(tmp_path / "x.zarr/k/b/c/0/0") as file:
        np.testing.assert_array_equal(file["a"][...], GRID[:12, :15])


def test_one_file_read_by_others(tmp_path: Path) -> None:
    with zh.create_group(tmp_path / "x.h5") as root:
        fill(root)
        root.move("a", "g/b")
        root.copy("g", "k")
    with h5py.File(tmp_path / "x.h5") as file:
        assert "a" not in file
        for path in ("g/b", "k/b"):
            np.testing.assert_array_equal(file[path][...], GRID)
    with zarr.storage.ZipStore(tmp_path / "x.h5", mode="r") as store:
        for path in ("g/b", "k/b"):
            array = zarr.open_group(store, mode="r")[path]
            assert isinstance(array, zarr.Array)
            np.testing.assert_array_equal(np.asarray(array[...]), GRID)


def test_the_master_file_follows(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr", hdf5=zh.HDF5(virtual_dataset=True))
    root.create_array("a", data=GRID, chunks=(3, 5), shards=(12, 15))
    root.move("a", "g/b")
    root.copy("g", "k")
    with h5py.File(tmp_path / "x.zarr/x.h5") as file:
        assert set(file) == {"g", "k"}
        for path in ("g/b", "k/b"):
            np.testing.assert_array_equal(file[path][...], GRID)
    assert zh.verify(tmp_path / "x.zarr")
    del root["g"]
    root.create_hierarchy({"m/n": {"shape": (4,), "dtype": "i4"}})
    with h5py.File(tmp_path / "x.zarr/x.h5") as file:
        assert set(file) == {"k", "m"}
    assert zh.verify(tmp_path / "x.zarr")


BETWEEN = [(a, b) for a in ("directory", "memory", "one file") for b in ("directory", "memory", "one file")]


@pytest.mark.parametrize(("here", "there"), BETWEEN, ids=lambda name: str(name))
def test_between_stores(here: str, there: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    with zh.create_group(WHERE[here](tmp_path / "here")) as root:
        fill(root)
    url = WHERE[there](tmp_path / "there")
    copy = zh.copy(root, url, "deep/er")
    assert isinstance(copy, zh.Group)
    names = {"a": "a", "g/plain": "plain", "g/h/text": "text", "g/h/sparse": "sparse"}
    check(copy, names)
    assert copy.to_model().like(root)
    assert zh.verify(url)
    group = zh.open_group(url, path="deep/er")
    check(group, names)
    for path in names:
        ours, theirs = root[path], group[path]
        assert isinstance(ours, zh.Array)
        assert isinstance(theirs, zh.Array)
        assert (ours.hdf5 is None) == (theirs.hdf5 is None), path
    array = zh.copy(root["a"], url, "b")
    assert isinstance(array, zh.Array)
    np.testing.assert_array_equal(array[...], GRID)
    with pytest.raises(AlreadyExistsError):
        zh.copy(root["a"], url, "b")
    zh.copy(root["g"], url, "b", overwrite=True)
    assert zh.verify(url)


def test_a_root_into_a_hierarchy_and_out_of_it(tmp_path: Path) -> None:
    with zh.create_array(tmp_path / "one.h5", data=GRID, chunks=(5, 5), shards=(10, 10)) as one:
        pass
    zh.copy(one, tmp_path / "two.h5", "g/x")
    with h5py.File(tmp_path / "two.h5") as file:
        np.testing.assert_array_equal(file["g/x"][...], GRID)
    zh.copy(zh.open(tmp_path / "two.h5", path="g/x"), tmp_path / "three.h5")
    with h5py.File(tmp_path / "three.h5") as file:
        np.testing.assert_array_equal(file["data"][...], GRID)
    for name in ("two.h5", "three.h5"):
        assert zh.verify(tmp_path / name), name


def test_from_an_hdf5_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.create_dataset("g/x", data=GRID, chunks=(5, 5), compression="gzip", shuffle=True)
        file["g"].attrs["k"] = 1
        file["g/text"] = ["a", "b"]
    zh.create_group(tmp_path / "x.zarr").create_array("before", data=[1])
    copied = zh.copy(zh.open_group(tmp_path / "old.h5")["g"], tmp_path / "x.zarr", "taken")
    assert isinstance(copied, zh.Group)
    assert copied.attrs["k"] == 1
    x = copied["x"]
    assert isinstance(x, zh.Array)
    assert x.hdf5 is not None
    np.testing.assert_array_equal(np.asarray(x), GRID)
    assert np.asarray(copied["text"]).tolist() == ["a", "b"]
    assert zh.verify(tmp_path / "x.zarr")
    assert zh.open_group(tmp_path / "x.zarr").keys() == ["before", "taken"]


def test_one_place_within_the_other(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr")
    fill(root)
    before = sorted(root.store.list_prefix(""))
    (tmp_path / "link").symlink_to(tmp_path / "x.zarr")
    for url, path in (
        (tmp_path / "x.zarr/g", ""),
        (tmp_path / "x.zarr/g", "new"),
        (tmp_path / "link", "g/new"),
        (tmp_path / "x.zarr", ""),
    ):
        for overwrite in (False, True):
            with pytest.raises(AlreadyExistsError, match="within the other"):
                zh.copy(root["g"], url, path, overwrite=overwrite)
    assert sorted(root.store.list_prefix("")) == before


def test_what_the_target_cannot_have(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr")
    root.create_array("a", data=[1, 2])
    with pytest.raises(UnsupportedFeatureError, match="one file"):
        zh.copy(root, "memory://x.h5")
    with pytest.raises(NotFoundError):
        zh.copy(tmp_path / "nothing", tmp_path / "y.zarr")
