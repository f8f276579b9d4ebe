"""Consolidated metadata: who reads them, who removes them, and who notices that they are out of date."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
import zarr.storage

import zarr_hdf5 as zh
from zarr_hdf5.errors import InvalidMetadataError, NotFoundError, ReadOnlyError, UnsupportedFeatureError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = zh.create_group(tmp_path / "x.zarr", attributes={"title": "t"})
    root.create_array("a", data=np.arange(3), attributes={"nan": float("nan")})
    root.create_array("g/h/b", data=np.arange(8.0), fill_value=np.nan)
    root.create_group("empty")
    root.consolidate_metadata()
    return tmp_path / "x.zarr"


def consolidated(folder: Path, path: str = "") -> dict[str, Any] | None:
    document = json.loads((folder / path / "zarr.json").read_text())
    return document["consolidated_metadata"]["metadata"] if "consolidated_metadata" in document else None


def test_zarr_python_reads_ours(folder: Path) -> None:
    group = zarr.open_consolidated(str(folder), mode="r")
    assert set(dict(group.members(max_depth=None))) == {"a", "g", "g/h", "g/h/b", "empty"}
    b = group["g/h/b"]
    assert isinstance(b, zarr.Array)
    np.testing.assert_array_equal(np.asarray(b[...]), np.arange(8.0))
    assert dict(zarr.open_consolidated(str(folder), mode="r", path="").attrs) == {"title": "t"}
    assert zh.verify(folder)


def test_we_read_those_of_zarr_python(folder: Path) -> None:
    before = zh.open_group(folder, consolidated=False)
    zarr.consolidate_metadata(str(folder))
    for path in ("a/zarr.json", "g/zarr.json", "g/h/zarr.json", "g/h/b/zarr.json", "empty/zarr.json"):
        (folder / path).unlink()
    group = zh.open_group(folder)
    assert [path for path, _ in group.members(None)] == ["a", "empty", "g", "g/h", "g/h/b"]
    assert group.keys() == ["a", "empty", "g"]
    inner = group["g"]
    assert isinstance(inner, zh.Group)
    assert inner.keys() == ["h"]
    assert "h/b" in inner
    assert "h/c" not in inner
    np.testing.assert_array_equal(np.asarray(inner["h/b"]), np.arange(8.0))
    with pytest.raises(NotFoundError):
        inner["h/c"]
    assert [name for name, _ in group.arrays()] == ["a"]
    assert [name for name, _ in group.groups()] == ["empty", "g"]
    assert [path for path, _ in group.glob("**/b")] == ["g/h/b"]
    assert "int64 (3,)" in repr(group.tree())
    assert group.to_model().members is not None
    assert zh.open_group(folder, consolidated=False).keys() == []
    assert group.attrs.asdict() == before.attrs.asdict()


CHANGES: dict[str, Callable[[zh.Group], object]] = {
    "an array": lambda root: root.create_array("new", data=[1]),
    "an array further down": lambda root: root.create_array("g/h/new", data=[1]),
    "a group": lambda root: root.create_group("g/new"),
    "many nodes": lambda root: root.create_hierarchy({"g/i/j": zh.GroupModel()}),
    "replacing": lambda root: root.create_array("a", data=[1], overwrite=True),
    "deleting": lambda root: root.__delitem__("g/h/b"),
    "moving": lambda root: root.move("g/h/b", "b"),
    "copying": lambda root: root.copy("a", "g/a"),
    "attributes of an array": lambda root: root["g/h/b"].attrs.update(x=1),
    "attributes of a group": lambda root: root["g"].attrs.update(x=1),
    "resizing": lambda root: root["g/h/b"].resize(4),  # type: ignore[union-attr]
    "appending": lambda root: root["a"].append([1]),  # type: ignore[union-attr]
    "its own attributes": lambda root: root.attrs.update(x=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_ours_removes_them(folder: Path, change: Callable[[zh.Group], object]) -> None:
    root = zh.open_group(folder, "r+")
    assert root.keys() == ["a", "empty", "g"]
    change(root)
    assert consolidated(folder) is None
    expected = root.to_model()
    assert zh.open_group(folder).to_model().like(expected)
    assert zh.verify(folder)
    root.attrs["later"] = 1  # what this object was opened with does not come back
    assert consolidated(folder) is None
    root.consolidate_metadata()
    assert zh.open_group(folder).to_model().like(root)
    assert sorted(consolidated(folder) or ()) == sorted(path for path, _ in root.members(None))


def test_those_of_groups_between_are_removed_too(folder: Path) -> None:
    root = zh.open_group(folder, "r+")
    inner = root["g/h"]
    assert isinstance(inner, zh.Group)
    inner.consolidate_metadata()
    assert consolidated(folder, "g/h") is not None
    assert consolidated(folder) is not None  # it says nothing of what is inside other documents
    assert zh.verify(folder)
    root["a"].attrs["x"] = 1
    assert consolidated(folder) is None
    assert consolidated(folder, "g/h") is not None
    inner["b"].attrs["x"] = 1
    assert consolidated(folder, "g/h") is None


def test_a_part_of_a_hierarchy_opened_by_itself(folder: Path) -> None:
    zh.open_array(folder / "g/h/b", "r+").attrs["x"] = 1
    assert consolidated(folder) is None
    assert zh.open_group(folder)["g/h/b"].attrs["x"] == 1


def test_writing_elements_leaves_them(folder: Path) -> None:
    zh.open_array(folder, "r+", "a")[0] = 7
    assert consolidated(folder) is not None


@pytest.mark.parametrize("where", ["directory", "memory"])
def test_who_writes_does_not_go_by_them(folder: Path, where: str) -> None:
    store: Any = LocalStore(folder)
    if where == "memory":
        store = MemoryStore()
        for key in LocalStore(folder).list_prefix(""):
            store.set(key, [LocalStore(folder).get(key).data])
    store.delete_prefix("a")
    assert "a" in zh.open_group(store)
    assert "a" not in zh.open_group(store, "r+")


def test_verify_notices_what_others_have_changed(folder: Path) -> None:
    group = zarr.open_group(str(folder), mode="r+", use_consolidated=False)
    group.create_array("theirs", shape=(3,), dtype="i4")
    h = group["g/h"]
    assert isinstance(h, zarr.Group)
    h.attrs["x"] = 1
    (folder / "empty/zarr.json").unlink()
    report = zh.verify(folder)
    assert not report
    assert {
        (one.key, one.reason.removeprefix("the consolidated metadata are out of date: "))
        for one in report.disagreements
    } == {
        ("zarr.json", "empty: there is no such node"),
        ("zarr.json", "g/h: its own document says something else"),
        ("zarr.json", "theirs: it is left out"),
    }
    root = zh.open_group(folder, "r+")
    root.consolidate_metadata()
    assert zh.verify(folder)


def test_one_file_has_them_always(tmp_path: Path) -> None:
    with zh.create_group(tmp_path / "x.h5") as root:
        root.create_array("g/a", data=[1, 2])
        root.consolidate_metadata()
    with zh.open_group(tmp_path / "x.h5", "r+") as root:
        root.create_array("g/b", data=[3, 4])
        assert root["g"].keys() == ["a", "b"]  # type: ignore[union-attr]
    group = zh.open_group(tmp_path / "x.h5")
    assert [path for path, _ in group.members(None)] == ["g", "g/a", "g/b"]
    assert zh.verify(tmp_path / "x.h5")


def test_read_only(folder: Path) -> None:
    with pytest.raises(ReadOnlyError):
        zh.open_group(folder).consolidate_metadata()


def test_what_is_below_need_not_be_understood(folder: Path) -> None:
    """Documents are taken as they are; only what is no JSON object cannot be."""
    path = folder / "a/zarr.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "codecs": [{"name": "nobody.knows"}]}))
    root = zh.open_group(folder, "r+").consolidate_metadata()
    assert set(root.unreadable()) == {"a"}
    assert set(zh.open_group(folder).unreadable()) == {"a"}
    assert zh.verify(folder)
    for text in ("[]", "{", '{"a": 1, "a": 2}'):
        path.write_text(text)
        with pytest.raises(InvalidMetadataError):
            root.consolidate_metadata()


GROUP: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": {}}
# What `consolidated_metadata` may be, and the names that are seen then; what cannot be understood is passed over.
HOSTILE: dict[str, tuple[Any, list[str]]] = {
    "no metadata": ({"kind": "inline", "must_understand": False}, ["real"]),
    "of another kind": ({"kind": "elsewhere", "must_understand": False, "metadata": {}}, ["real"]),
    "a list": ({"kind": "inline", "must_understand": False, "metadata": []}, ["real"]),
    "empty": ({"kind": "inline", "must_understand": False, "metadata": {}}, []),
    "without the group between": (
        {"kind": "inline", "must_understand": False, "metadata": {"a/b": GROUP, "c": GROUP}},
        ["c"],
    ),
    "names that are none": (
        {
            "kind": "inline",
            "must_understand": False,
            "metadata": dict.fromkeys(
                ["..", "../c", "c/../../x", "", "/", "a\\b", "zarr.json", "c", "c/zarr.json"], GROUP
            ),
        },
        ["c"],
    ),
    "not to be understood": (
        {
            "kind": "inline",
            "must_understand": False,
            "metadata": {"a": 1, "b": None, "c": GROUP, "d": {"zarr_format": 3}},
        },
        ["a", "b", "c", "d"],
    ),
}


@pytest.mark.parametrize(("member", "names"), HOSTILE.values(), ids=HOSTILE)
def test_hostile(member: Any, names: list[str]) -> None:
    store = MemoryStore()
    store.set("zarr.json", [json.dumps({**GROUP, "consolidated_metadata": member}).encode()])
    store.set("real/zarr.json", [json.dumps(GROUP).encode()])
    group = zh.open_group(store)
    assert group.keys() == names
    assert [name for name, _ in group.members(None)] == [name for name in names if name in ("real", "c")]
    for name in set(names) - {"real", "c"}:
        with pytest.raises((InvalidMetadataError, UnsupportedFeatureError)):
            group[name]
    zh.open_group(store, "r+").attrs["x"] = 1
    assert zh.open_group(store).keys() == ["real"]
