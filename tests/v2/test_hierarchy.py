"""Hierarchies of Zarr v2: groups, attributes, consolidated metadata, where they lie, and that they are only read."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from v2_cases import some_values, without_last_chunk, write_array

import zarr_hdf5 as zh
from zarr_hdf5.cli.main import main
from zarr_hdf5.errors import (
    AlreadyExistsError,
    InvalidMetadataError,
    NotFoundError,
    ReadOnlyError,
    UnsupportedFeatureError,
)
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.logged import LoggedStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Store

pytestmark = pytest.mark.filterwarnings("ignore:Object at:zarr.errors.ZarrUserWarning")
VALUES = some_values("<i4")
EXPECTED = without_last_chunk(VALUES, 0)
GROUP = json.dumps({"zarr_format": 2}).encode()


def write_hierarchy(store: Store) -> None:
    """Group "/" with array "a" and group "g" with array "g/b"; also what is no node."""
    for prefix in ("", "g/"):
        store.set(f"{prefix}.zgroup", [GROUP])
    store.set(".zattrs", [b'{"title": "t", "bad": NaN}'])
    write_array(store, "a/", VALUES, attributes={"_ARRAY_DIMENSIONS": ["y", "x"], "units": "K"}, fill_value=0)
    write_array(store, "g/b/", VALUES, separator="/", order="F")
    store.set("stray/file", [b"x"])


def check(found: object) -> None:
    assert isinstance(found, zh.Group)
    group: Any = found
    assert group.read_only
    assert group.attrs["title"] == "t"
    assert list(group) == ["a", "g"]
    assert [path for path, _ in group.members(max_depth=None)] == ["a", "g", "g/b"]
    assert group["a"].dimension_names == ("y", "x")
    assert group["a"].attrs == {"units": "K", "_FillValue": 0}
    np.testing.assert_array_equal(group["a"][...], EXPECTED)
    np.testing.assert_array_equal(group["g/b"][...], EXPECTED)
    np.testing.assert_array_equal(group["g"]["b"][1], EXPECTED[1])
    assert "stray" not in group
    assert "b" not in group
    assert not group.unreadable()
    assert "int32 (7, 10)" in repr(group.tree())
    assert "read-only" in repr(group["a"].info)
    assert group["a"].hdf5 is None


def test_directories_memory_and_zip_files(tmp_path: Path) -> None:
    stores: list[Store] = [LocalStore(tmp_path / "x"), MemoryStore()]
    for store in stores:
        write_hierarchy(store)
        check(zh.open(store))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for key in stores[1].list_prefix(""):
            archive.writestr(key, bytes(stores[1].get(key).data))
    for url in (tmp_path / "x", (tmp_path / "x").as_uri(), tmp_path / "x.zip"):
        check(zh.open(url))
    for mode in ("r", "r+"):
        with pytest.raises(NotFoundError):
            zh.open(tmp_path / "x", mode, path="stray")
    assert zh.open_array(tmp_path / "x", path="g/b").path == "g/b"
    assert zh.open_array(tmp_path / "x" / "g" / "b").shape == VALUES.shape
    assert zh.open_group(tmp_path, path="x/g").keys() == ["b"]


def test_groups_of_zarr_python(tmp_path: Path) -> None:
    root = zarr.create_group(tmp_path, zarr_format=2, attributes={"n": 1})
    root.create_group("g", attributes={"m": [1, "x"]}).create_array("a", data=VALUES, chunks=(4, 3))
    group = zh.open_group(tmp_path)
    assert group.attrs == {"n": 1}
    assert group["g"].attrs == {"m": [1, "x"]}
    array = group["g/a"]
    assert isinstance(array, zh.Array)
    np.testing.assert_array_equal(array[...], VALUES)


def requests(store: LoggedStore) -> list[tuple[str, str]]:
    log = [(request.verb, request.key) for request in store.log]
    store.log.clear()
    return log


def test_consolidated_metadata_are_one_request(tmp_path: Path) -> None:
    write_hierarchy(LocalStore(tmp_path))
    zarr.consolidate_metadata(tmp_path, zarr_format=2)
    store = LoggedStore(LocalStore(tmp_path))
    group = zh.open_group(store)
    assert requests(store) == [("get", "zarr.json"), ("get", ".zmetadata")]
    assert [path for path, _ in group.members(max_depth=None)] == ["a", "g", "g/b"]
    assert requests(store) == []
    check(group)
    # What is not in there is looked for, but not listed.
    write_array(LocalStore(tmp_path), "later/", VALUES)
    assert list(group) == ["a", "g"]
    assert "later" in group


def test_consolidated_metadata_of_a_group_that_is_opened_by_its_path(tmp_path: Path) -> None:
    write_hierarchy(LocalStore(tmp_path / "x"))
    zarr.consolidate_metadata(tmp_path / "x", zarr_format=2)
    for document in ("a/.zarray", "g/.zgroup", "g/b/.zarray"):
        (tmp_path / "x" / document).unlink()
    group = zh.open_group(tmp_path, path="x")
    assert [path for path, _ in group.members(max_depth=None)] == ["a", "g", "g/b"]
    with pytest.raises(NotFoundError):
        zh.open(tmp_path, path="x/a")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "metadata: expected an object"),
        (b'{"metadata": 5}', "metadata: expected an object"),
        (b'{"metadata": {".zgroup": 5}}', ".zmetadata: .zgroup: document: expected an object"),
        (b'{"metadata": {".zarray": {"zarr_format": 2}}}', "shape: is required"),
    ],
)
def test_consolidated_metadata_that_are_none(document: bytes, message: str) -> None:
    store = MemoryStore()
    store.set(".zgroup", [GROUP])
    store.set(".zmetadata", [document])
    with pytest.raises(InvalidMetadataError, match=message):
        zh.open(store)


def test_consolidated_metadata_lead_nowhere_else(tmp_path: Path) -> None:
    array = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|u1", "compressor": None, "fill_value": 3}
    array |= {"order": "C", "filters": None}
    names = ["../out", "..", "a//b", "/etc", "\0"]
    documents = {".zgroup": {"zarr_format": 2}, **{f"{name}/.zarray": array for name in names}}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "0").write_bytes(b"\7")
    (tmp_path / "0").write_bytes(b"\7")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / ".zmetadata").write_text(json.dumps({"metadata": documents}))
    group = zh.open_group(tmp_path / "x")
    for name in names:
        try:
            node = group[name]
        except NotFoundError:
            continue
        assert isinstance(node, zh.Array)
        assert node[0] == 3  # the fill value, not what lies elsewhere


def test_one_broken_node_does_not_hide_the_others() -> None:
    store = MemoryStore()
    write_hierarchy(store)
    store.set("g/.zgroup", [b"{"])
    store.set("p/.zarray", [b'{"zarr_format": 2}'])
    group = zh.open_group(store)
    assert [path for path, _ in group.members(max_depth=None)] == ["a"]
    assert set(group.unreadable()) == {"g", "p"}
    assert "/g/.zgroup: document: not JSON" in group.unreadable()["g"]
    store.set("a/.zattrs", [b"[1]"])
    with pytest.raises(InvalidMetadataError, match=r"/a/\.zattrs: document: expected an object"):
        group["a"]


@pytest.mark.parametrize("mode", ["r+", "a"])
def test_it_is_not_opened_for_writing(tmp_path: Path, mode: Any) -> None:
    write_hierarchy(LocalStore(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    for path in ("", "a", "g/b"):
        with pytest.raises(ReadOnlyError, match="migrate_v2"):
            zh.open(tmp_path, mode, path=path)
    group = zh.open_group(tmp_path)
    with pytest.raises(ReadOnlyError):
        group.create_array("new", data=[1])
    with pytest.raises(ReadOnlyError):
        group.attrs["x"] = 1
    with pytest.raises(ReadOnlyError):
        del group["a"]
    array = zh.open_array(tmp_path, path="a")
    with pytest.raises(ReadOnlyError):
        array[0] = 1
    with pytest.raises(ReadOnlyError):
        array.resize((1, 1))
    with pytest.raises(ReadOnlyError, match="migrate_v2"):
        array.store.set("a/0.0", [b""])
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_written_over_it_or_into_it(tmp_path: Path) -> None:
    write_hierarchy(LocalStore(tmp_path))
    with pytest.raises(AlreadyExistsError):
        zh.create_group(tmp_path)
    with pytest.raises(AlreadyExistsError):
        zh.open(tmp_path, "w-")
    with pytest.raises(AlreadyExistsError):
        zh.create_array(tmp_path, name="a", data=[1])
    with pytest.raises(AlreadyExistsError, match="migrate_v2"):
        zh.create_array(tmp_path, name="g/new", data=[1])
    with pytest.raises(AlreadyExistsError, match="migrate_v2"):
        zh.create_array(tmp_path, name="a/new", data=[1])
    check(zh.open(tmp_path))
    zh.create_array(tmp_path, data=[1, 2], overwrite=True)
    assert zh.open_array(tmp_path)[...].tolist() == [1, 2]
    assert not (tmp_path / ".zgroup").exists()


def test_what_is_only_for_shards(tmp_path: Path) -> None:
    write_hierarchy(LocalStore(tmp_path))
    with pytest.raises(UnsupportedFeatureError, match="convert"):
        zh.link(tmp_path)
    report = zh.verify(tmp_path)
    assert report.notes == ("/a has no HDF5 side", "/g/b has no HDF5 side")
    assert main(["info", str(tmp_path), "--path", "g/b"]) == 0


def test_where_both_are_v3_counts(tmp_path: Path) -> None:
    zh.create_array(tmp_path, data=[1, 2])
    write_array(LocalStore(tmp_path), "", VALUES)
    assert zh.open_array(tmp_path).shape == (2,)


def test_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no Zarr"):
        zh.open(tmp_path)
    assert isinstance(zh.open(tmp_path / "new", "a"), zh.Group)


@pytest.mark.parametrize("damage", [b"", b"\0" * 10, b"x" * 47, b"x" * 49])
def test_damaged_chunks(damage: bytes) -> None:
    store = MemoryStore()
    write_array(store, "", VALUES)
    store.set("0.1", [damage])
    with pytest.raises(zh.errors.CorruptDataError, match=r"0\.1"):
        zh.open_array(store)[...]
