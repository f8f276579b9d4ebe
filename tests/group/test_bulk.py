"""Many nodes at once."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.errors import AlreadyExistsError, InvalidMetadataError, UnsupportedFeatureError
from zarr_hdf5.stores.memory import MemoryStore

ARRAY: dict[str, Any] = {"shape": (6, 4), "dtype": "i4", "chunks": (1, 4), "shards": (2, 4)}


@pytest.fixture(params=["directory", "memory", "one file"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> zh.Group:
    places: dict[str, Any] = {"directory": tmp_path / "x.zarr", "memory": MemoryStore(), "one file": tmp_path / "x.h5"}
    return zh.create_group(places[request.param])


def paths(root: zh.Group) -> list[str]:
    return [path for path, _ in root.members(None)]


def test_all_kinds_of_nodes(root: zh.Group) -> None:
    other = zh.create_array(MemoryStore(), shape=(3,), dtype="f8", attributes={"k": 1})
    nodes: dict[str, Any] = {
        "a": ARRAY,
        "deep/er/b": {**ARRAY, "hdf5": False},
        "g": zh.GroupModel({"title": "t"}, {"c": other.to_model(), "h": zh.GroupModel()}),
        "json": {"zarr_format": 3, "node_type": "group", "attributes": {"n": 2}},
        "model": other.to_model(),
    }
    made = root.create_hierarchy(nodes)
    assert sorted(made) == ["a", "deep/er/b", "g", "g/c", "g/h", "json", "model"]
    assert paths(root) == ["a", "deep", "deep/er", "deep/er/b", "g", "g/c", "g/h", "json", "model"]
    for path, node in made.items():
        assert repr(root[path]) == repr(node)
        assert node.attrs.asdict() == root[path].attrs.asdict()
    a = made["a"]
    assert isinstance(a, zh.Array)
    a[...] = 3
    assert root["g"].attrs["title"] == "t"
    assert root["g/c"].attrs["k"] == 1
    sides = {path: node.hdf5 is not None for path, node in root.members(None) if isinstance(node, zh.Array)}
    assert sides == {"a": True, "deep/er/b": False, "g/c": True, "model": True}
    root.flush()
    assert zh.verify(root.store)


def test_others_read_them(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr").create_group("g")
    made = root.create_hierarchy({f"s/a{i}": ARRAY for i in range(20)})
    for i, node in enumerate(made.values()):
        assert isinstance(node, zh.Array)
        node[...] = i
    group = zarr.open_group(tmp_path / "x.zarr", mode="r")["g/s"]
    assert isinstance(group, zarr.Group)
    assert sorted(dict(group.arrays())) == sorted(f"a{i}" for i in range(20))
    a = group["a7"]
    assert isinstance(a, zarr.Array)
    assert np.asarray(a[...]).tolist() == [[7] * 4] * 6
    with h5py.File(tmp_path / "x.zarr/g/s/a7/c/0/0") as file:
        assert file["a7"][...].tolist() == [[7] * 4] * 2


def test_the_group_says_how(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr", hdf5=zh.HDF5(libver="v110"))
    made = root.create_hierarchy({"a": ARRAY, "b": zh.create_array(MemoryStore(), **ARRAY).to_model()})
    for node in made.values():
        assert isinstance(node, zh.Array)
        assert node.hdf5 is not None
        assert node.hdf5.form.libver == "v110"


def test_nodes_that_are_there(root: zh.Group) -> None:
    root.create_array("g/a", data=[1, 2, 3])
    root.create_array("g/b", data=[1, 2, 3])
    root.create_array("x", data=[1])
    before = sorted(root.store.list_prefix(""))
    with pytest.raises(AlreadyExistsError, match="'g/a'"):
        root.create_hierarchy({"g/a": ARRAY, "g/new": ARRAY, "h": ARRAY})
    with pytest.raises(AlreadyExistsError, match="can have nothing below it"):
        root.create_hierarchy({"x/y/z": ARRAY})
    with pytest.raises(AlreadyExistsError, match="can have nothing below it"):
        root.create_hierarchy({"new": ARRAY, "new/z": ARRAY}, overwrite=True)
    assert sorted(root.store.list_prefix("")) == before
    root.create_hierarchy({"g/a": ARRAY, "g/new": ARRAY}, overwrite=True)
    assert paths(root) == ["g", "g/a", "g/b", "g/new", "x"]
    assert not np.asarray(root["g/a"]).any()
    assert np.asarray(root["g/b"]).tolist() == [1, 2, 3]
    root.create_hierarchy({"g": zh.GroupModel({}, {"only": zh.GroupModel()})}, overwrite=True)
    assert paths(root) == ["g", "g/only", "x"]
    root.flush()
    assert zh.verify(root.store)


# Nodes, and the error.
REFUSED: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "the group itself": ({"": zh.GroupModel()}, InvalidMetadataError),
    "no name": ({"a/../b": zh.GroupModel()}, InvalidMetadataError),
    "elements": ({"a": {"data": [1]}}, InvalidMetadataError),
    "overwrite": ({"a": {**ARRAY, "overwrite": True}}, InvalidMetadataError),
    "no shape": ({"a": {"dtype": "i4"}}, InvalidMetadataError),
    "JSON that is nothing": ({"a": {"node_type": "group"}}, InvalidMetadataError),
    "no options": ({"a": 3}, InvalidMetadataError),
    "without an HDF5 side": ({"a": {**ARRAY, "shards": None}}, UnsupportedFeatureError),
}


@pytest.mark.parametrize(("nodes", "error"), REFUSED.values(), ids=REFUSED)
def test_refused(nodes: dict[str, Any], error: type[Exception]) -> None:
    root = zh.create_group(MemoryStore())
    with pytest.raises(error):
        root.create_hierarchy({"fine": ARRAY, **nodes})
    assert paths(root) == []
