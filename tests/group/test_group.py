"""Groups: members, creation, deletion, trees."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5 import errors


@pytest.fixture
def root(tmp_path: Path) -> zh.Group:
    root = zh.create_group(tmp_path / "x.zarr", attributes={"title": "t"})
    root.create_array("a", data=np.arange(3))
    root.create_group("g", attributes={"k": 1}).create_array("b", data=[1.5])
    return root


def test_members(root: zh.Group) -> None:
    assert root.keys() == list(root) == ["a", "g"]
    assert len(root) == 2
    assert [name for name, _ in root.arrays()] == ["a"]
    assert [name for name, _ in root.groups()] == ["g"]
    assert [name for name, _ in root.members(None)] == ["a", "g", "g/b"]
    assert [name for name, _ in root.members(0)] == ["a", "g"]
    assert "g/b" in root
    assert "nothing" not in root
    assert 3 not in root
    with pytest.raises(errors.NotFoundError):
        root["nothing"]
    group = root["g"]
    assert isinstance(group, zh.Group)
    assert (group.name, group.attrs["k"]) == ("/g", 1)


def test_delete(root: zh.Group) -> None:
    del root["g"]
    assert root.keys() == ["a"]
    with pytest.raises(errors.NotFoundError):
        del root["g"]


def test_require(root: zh.Group) -> None:
    assert root.require_group("g").attrs["k"] == 1
    assert root.require_group("new").keys() == []
    assert np.asarray(root.require_array("a", shape=(3,), dtype="i8")).tolist() == [0, 1, 2]
    assert root.require_array("c", shape=(3,), dtype="i8", fill_value=4)[0] == 4
    for shape, dtype in [((4,), "i8"), ((3,), "i4")]:
        with pytest.raises(errors.AlreadyExistsError):
            root.require_array("a", shape=shape, dtype=dtype)
    with pytest.raises(errors.AlreadyExistsError):
        root.require_array("g", shape=(3,), dtype="i8")
    with pytest.raises(errors.AlreadyExistsError):
        root.require_group("a")


@pytest.mark.parametrize("name", ["..", "a/../b", "x/./y", "zarr.json", "a\0b", "a\\b", "..."])
def test_illegal_names(root: zh.Group, name: str) -> None:
    with pytest.raises(errors.InvalidMetadataError, match="not a legal node name"):
        root.create_group(name)


def test_read_only(root: zh.Group) -> None:
    group = zh.open_group(root.store.url)
    for write in (
        lambda: group.create_array("x", data=[1]),
        lambda: group.create_group("x"),
        lambda: group.attrs.update(x=1),
        lambda: group.__delitem__("a"),
    ):
        with pytest.raises(errors.ReadOnlyError):
            write()


def test_attributes(root: zh.Group) -> None:
    root.attrs["title"] = "new"
    assert zh.open_group(root.store.url).attrs.asdict() == {"title": "new"}


def test_tree_shows_what_cannot_be_read(root: zh.Group) -> None:
    path = Path(root.store.url.removeprefix("file://"))
    (path / "broken").mkdir()
    (path / "broken" / "zarr.json").write_text("{")
    text = repr(root.tree())
    assert "int64 (3,)" in text
    assert "float64 (1,)" in text
    assert "unreadable" in text
    assert "<details" in root._repr_html_()
    assert root.store.url in repr(root)
    with root as same:
        same.flush()


def test_arrays_take_the_group_s_hdf5_side(tmp_path: Path) -> None:
    plain = zh.create_group(tmp_path / "plain.zarr", hdf5=False)
    assert plain.create_array("a", data=[1]).hdf5 is None
    assert plain.create_group("g").create_array("b", data=[1], shards=None, chunks=(1,)).shards is None
    assert plain.create_array("c", data=[1], hdf5=True).hdf5 is not None
    new = zh.create_group(tmp_path / "new.zarr", hdf5=zh.HDF5(libver="v110"))
    side = new.create_array("a", data=[1]).hdf5
    assert side is not None
    assert (side.libver, side.dataset) == ("v110", "/a")


def test_an_array_may_be_made_of_the_one_it_replaces(tmp_path: Path) -> None:
    """The data are read once, and before their place is cleared."""
    zh.create_array(tmp_path / "a", data=np.arange(100), chunks=(10,))
    again = zh.create_array(tmp_path / "a", data=zh.open_array(tmp_path / "a"), chunks=(50,), overwrite=True)
    np.testing.assert_array_equal(again[...], np.arange(100))


def test_groups_nested_by_the_thousand(tmp_path: Path) -> None:
    """Nothing is left out, and nothing recurses."""
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        group = file
        for _ in range(300):
            group = group.create_group("g")
        group["a"] = [1]
    group = zh.open_group(tmp_path / "deep.h5")
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(250)
        paths = [path for path, _ in group.members(max_depth=None)]
        keys = list(group.store.list_prefix(""))
    finally:
        sys.setrecursionlimit(limit)
    assert len(paths) == 301
    assert paths[-1] == "g/" * 300 + "a"
    assert len(keys) == 303
    assert "groups further down are not drawn" in str(group.tree())


def test_arrays_made_by_many_threads() -> None:
    """libhdf5 writes the headers of all of them in memory at once."""
    root = zh.create_group("memory://group-of-threads")
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda i: root.create_array(f"a{i}", data=[i]), range(64)))
    assert [array[0] for array in made] == list(range(64))
