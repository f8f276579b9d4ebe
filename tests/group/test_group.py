"""Groups: members, creation, deletion, trees."""

import sys
from collections.abc import Callable, MutableMapping
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


GLOBS = {
    "*": ["a", "g"],
    "a": ["a"],
    "g/b": ["g/b"],
    "/g/b/": ["g/b"],
    "[ag]": ["a", "g"],
    "?": ["a", "g"],
    "g/*": ["g/b", "g/c"],
    "*/b": ["g/b"],
    "**": ["a", "g", "g/b", "g/c", "g/c/b", "g/c/d"],
    "**/b": ["g/b", "g/c/b"],
    "g/**": ["g", "g/b", "g/c", "g/c/b", "g/c/d"],
    "g/**/b": ["g/b", "g/c/b"],
    "**/**/c/*": ["g/c/b", "g/c/d"],
    "g/c/d": ["g/c/d"],
    "a/*": [],
    "nothing/*": [],
    "G": [],
    "": [],
}


@pytest.mark.parametrize(("pattern", "paths"), GLOBS.items())
def test_glob(root: zh.Group, pattern: str, paths: list[str]) -> None:
    root.create_array("g/c/b", data=[1])
    root.create_group("g/c/d")
    for group in (root, zh.open_group(root.store.url), zh.open_group(root.store.url, "r+").consolidate_metadata()):
        assert [path for path, _ in group.glob(pattern)] == paths
    inner = root["g"]
    assert isinstance(inner, zh.Group)
    assert [path for path, _ in inner.glob("**/b")] == ["b", "c/b"]


def test_a_node_is_where_a_document_is(root: zh.Group) -> None:
    """There are no implicit groups."""
    path = Path(root.store.url.removeprefix("file://"))
    (path / "implicit/inner").mkdir(parents=True)
    (path / "implicit/inner/zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    assert root.keys() == ["a", "g"]
    assert "implicit" not in root
    assert "implicit/inner" in root
    assert "implicit" not in dict(root.members(None))
    with pytest.raises(errors.NotFoundError):
        root["implicit"]
    assert root.create_group("implicit/other").name == "/implicit/other"
    assert root["implicit"].keys() == ["inner", "other"]  # type: ignore[union-attr]


def test_what_cannot_be_read_is_there_and_can_be_deleted(root: zh.Group) -> None:
    path = Path(root.store.url.removeprefix("file://"))
    (path / "broken").mkdir()
    (path / "broken/zarr.json").write_text("{")
    assert "broken" in root
    assert set(root.unreadable()) == {"broken"}
    assert [name for name, _ in root.members()] == ["a", "g"]
    with pytest.raises(errors.InvalidMetadataError):
        root.to_model()
    del root["broken"]
    assert root.unreadable() == {}


def test_names_that_are_none(root: zh.Group) -> None:
    for name in ("..", "a/../g", "zarr.json", "a\\b", "a//b"):
        assert name not in root


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


@pytest.mark.parametrize("path", ["", "g", "a"])
def test_attributes_are_a_mapping(root: zh.Group, path: str) -> None:
    """As of a dict, and in the document after each change."""
    node, expected = zh.open(root.store.url, "r+", path), dict[str, object]()
    attrs = node.attrs
    assert isinstance(attrs, MutableMapping)
    attrs.clear()
    changes: list[Callable[[MutableMapping[str, object]], object]] = [
        lambda m: m.update({"a": 1}, b=[1, {"c": None}]),
        lambda m: m.__setitem__("ü", "größe"),
        lambda m: m.setdefault("a", 5),
        lambda m: m.setdefault("d", 5),
        lambda m: m.pop("b"),
        lambda m: m.pop("none", 3),
        lambda m: m.__delitem__("a"),
        lambda m: m.update([("x", 1), ("y", 2)]),
        lambda m: sorted(m.items(), key=str),
        lambda m: m.clear(),
    ]
    for change in changes:
        assert change(attrs) == change(expected)
        for seen in (attrs, node.attrs, zh.open(root.store.url, path=path).attrs):
            assert dict(seen) == seen.asdict() == expected
            assert (len(seen), list(seen)) == (len(expected), list(expected))
    with pytest.raises(KeyError):
        attrs["none"]
    with pytest.raises(KeyError):
        del attrs["none"]


def test_two_views_of_the_same_attributes(root: zh.Group) -> None:
    """Neither undoes what the other has done."""
    one, two = root.attrs, root.attrs
    one["x"] = 1
    two["y"] = 2
    assert one == two == {"title": "t", "x": 1, "y": 2}


def test_attributes_that_json_cannot_say(root: zh.Group) -> None:
    for value in ({1, 2}, b"x", np.arange(2), object()):
        with pytest.raises(errors.InvalidMetadataError, match="JSON"):
            root.attrs["x"] = value
    assert root.attrs == zh.open_group(root.store.url).attrs == {"title": "t"}


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
