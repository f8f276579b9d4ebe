"""Zarr Object Models, to pydantic-zarr and back, and what `like` says, against pydantic-zarr's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from pydantic import BaseModel
from pydantic_zarr.v3 import AnyArraySpec, AnyGroupSpec, ArraySpec, GroupSpec

import zarr_hdf5 as zh
from zarr_hdf5.errors import AlreadyExistsError, InvalidMetadataError, UnsupportedFeatureError
from zarr_hdf5.stores.memory import MemoryStore

ARRAYS: dict[str, dict[str, Any]] = {
    "deflate": {"shape": (12, 7), "dtype": "i4", "chunks": (2, 3), "shards": (6, 6), "attributes": {"unit": "m"}},
    "v110": {"shape": (12,), "dtype": "f8", "fill_value": np.nan, "hdf5": zh.HDF5(libver="v110")},
    "named": {"shape": (2, 3), "dtype": ">u2", "dimension_names": ["y", None], "compressors": "zstd"},
    "plain": {"shape": (5,), "dtype": "u2", "shards": None, "chunks": (2,), "hdf5": False, "compressors": None},
    "complex": {"shape": (5,), "dtype": "c8", "fill_value": 1 + 2j, "compressors": "blosc"},
    "bool": {"shape": (5,), "dtype": "?", "fill_value": True},
    "infinite": {"shape": (5,), "dtype": "f4", "fill_value": -np.inf},
    "start": {"shape": (9,), "dtype": "i2", "hdf5": zh.HDF5(index_location="start")},
    "scalar": {"shape": (), "dtype": "i8"},
    "text": {"shape": (4,), "dtype": "string", "hdf5": False},
}


@pytest.fixture
def root() -> zh.Group:
    root = zh.create_group(MemoryStore(), attributes={"title": "t", "list": [1, {"a": None}]})
    for name, options in ARRAYS.items():
        root.create_array(f"deep/er/{name}" if name == "plain" else name, **options)
    root.create_group("empty", attributes={"n": 1})
    return root


@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_an_array_to_pydantic_zarr_and_back(options: dict[str, Any]) -> None:
    array = zh.create_array(MemoryStore(), **options)
    model = array.to_model()
    spec: AnyArraySpec = ArraySpec.model_validate_json(json.dumps(model.to_json()))
    for theirs in (spec, spec.model_dump(), json.loads(spec.model_dump_json())):
        assert model.like(theirs)
        assert zh.ArrayModel.parse(theirs) == model
    again = zh.from_model(spec, MemoryStore())
    assert isinstance(again, zh.Array)
    assert again.to_model() == model
    assert model.like(again)
    assert (again.hdf5 is None) == (array.hdf5 is None)


@pytest.mark.parametrize("name", [name for name in ARRAYS if name not in ("named", "bool")])
def test_pydantic_zarr_reads_the_same_from_zarr_python(name: str, tmp_path: Path) -> None:
    """From the same files, through zarr-python. It loses dimensions without a name, and the endian of single bytes."""
    model = zh.create_array(tmp_path, **ARRAYS[name]).to_model()
    spec: AnyArraySpec = ArraySpec.from_zarr(zarr.open_array(tmp_path, mode="r"))
    if name == "v110":  # zarr-python's metadata have NaN, pydantic-zarr's JSON null
        return
    assert model.like(spec)


def test_a_hierarchy_to_pydantic_zarr_and_back(root: zh.Group) -> None:
    model = root.to_model()
    spec: AnyGroupSpec = GroupSpec.model_validate_json(json.dumps(model.to_json()))
    assert set(spec.to_flat()) == {"", *(f"/{path}" for path, _ in root.members(None))}
    dumped = json.loads(json.dumps(spec.model_dump()))
    assert zh.GroupModel.parse(dumped).to_json() == model.to_json()
    again = zh.from_model(dumped, MemoryStore())
    assert isinstance(again, zh.Group)
    assert again.to_model().to_json() == model.to_json()
    assert model.like(again)
    assert model.like(root)
    assert again.attrs.asdict() == root.attrs.asdict()


def test_pydantic_zarr_makes_what_we_model(root: zh.Group) -> None:
    """Written by pydantic-zarr and zarr-python, opened here."""
    for name in ("text", "named", "v110", "bool"):
        del root[name]
    spec: AnyGroupSpec = GroupSpec.model_validate(root.to_model().to_json())
    store: Any = zarr.storage.MemoryStore()
    spec.to_zarr(store, path="")
    found = {key: value.to_bytes() for key, value in store._store_dict.items()}
    ours = MemoryStore()
    for key, value in found.items():
        ours.set(key, [value])
    assert zh.open_group(ours).to_model().like(root)


def test_from_model_makes_the_hdf5_side_where_there_can_be_one(root: zh.Group, tmp_path: Path) -> None:
    model = root.to_model()
    made = zh.from_model(model, tmp_path / "x.zarr")
    assert isinstance(made, zh.Group)
    for path, node in made.members(None):
        if isinstance(node, zh.Array):
            assert (node.hdf5 is not None) == (path not in ("deep/er/plain", "text", "scalar")), path
    array = made["deflate"]
    assert isinstance(array, zh.Array)
    array[...] = 3
    assert zh.verify(tmp_path / "x.zarr")
    assert isinstance(made["v110"], zh.Array)
    assert made["v110"].hdf5 is not None
    for path, node in zh.from_model(model, tmp_path / "y.zarr", hdf5=False).members(None):  # type: ignore[union-attr]
        assert isinstance(node, zh.Group) or node.hdf5 is None, path
    with zh.from_model(model, tmp_path / "one.h5") as one:
        assert isinstance(one, zh.Group)
        assert {path for path, node in one.members(None) if isinstance(node, zh.Array) and node.hdf5} >= {
            "deflate",
            "text",
        }
    assert zh.verify(tmp_path / "one.h5")
    assert zh.open_group(tmp_path / "one.h5").to_model().like(model)


def test_a_master_file_comes_with_it(root: zh.Group, tmp_path: Path) -> None:
    zh.from_model(root.to_model(), tmp_path / "x.zarr", hdf5=zh.HDF5(virtual_dataset=True))
    assert (tmp_path / "x.zarr/x.h5").is_file()
    assert zh.verify(tmp_path / "x.zarr")


def test_in_a_place_that_is_taken(root: zh.Group, tmp_path: Path) -> None:
    model = root.to_model()
    group = zh.create_group(tmp_path)
    zh.from_model(model, tmp_path, path="a/b")
    assert model.like(group["a/b"])
    with pytest.raises(AlreadyExistsError, match="'a/b'"):
        zh.from_model(model, tmp_path, path="a/b")
    zh.from_model(zh.GroupModel({"k": 1}), tmp_path, path="a/b", overwrite=True)
    assert zh.GroupModel({"k": 1}).like(group["a/b"])


def test_depth(root: zh.Group) -> None:
    shallow = root.to_model(max_depth=0)
    assert shallow.members is not None
    assert set(shallow.members) == set(root.keys())
    deep = shallow.members["deep"]
    assert isinstance(deep, zh.GroupModel)
    assert deep.members is None
    assert shallow.to_json()["members"]["deep"]["members"] is None
    assert not shallow.like(root)
    assert root.to_model(max_depth=2).like(root)
    spec: AnyGroupSpec = GroupSpec.model_validate(shallow.to_json())
    assert spec.members is not None
    deep_spec = spec.members["deep"]
    assert isinstance(deep_spec, GroupSpec)
    assert deep_spec.members is None


def test_an_hdf5_file_has_a_model(root: zh.Group, tmp_path: Path) -> None:
    with zh.create_group(tmp_path / "one.h5", attributes={"a": 1}) as one:
        one.create_array("g/x", data=np.arange(6).reshape(2, 3), chunks=(1, 3), shards=(2, 3))
    model = zh.open_group(tmp_path / "one.h5").to_model()
    zh.from_model(model, tmp_path / "x.zarr")
    assert model.like(zh.open_group(tmp_path / "x.zarr"))


# What is changed, and what differs then.
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "shape": ({"shape": (13, 7)}, "shape"),
    "attributes": ({"attributes": {"unit": "km"}}, "attributes"),
    "data type": ({"dtype": "u4"}, "data_type"),
    "fill value": ({"fill_value": 1}, "fill_value"),
    "codecs": ({"compressors": None}, "codecs"),
    "names": ({"dimension_names": ["y", "x"]}, "dimension_names"),
    "shards": ({"shards": (4, 6)}, "chunk_grid"),
}


@pytest.mark.parametrize(("change", "member"), CHANGES.values(), ids=CHANGES)
def test_like(change: dict[str, Any], member: str) -> None:
    """As pydantic-zarr means it, for arrays: what it dumps is compared (its own `like`, in 0.9.2, fails)."""
    ours = zh.create_array(MemoryStore(), **ARRAYS["deflate"]).to_model()
    other = zh.create_array(MemoryStore(), **{**ARRAYS["deflate"], **change}).to_model()
    specs: list[AnyArraySpec] = [ArraySpec.model_validate(model.to_json()) for model in (ours, other)]
    choices: list[dict[str, Any]] = [{}, {"exclude": {member}}, {"include": {member}}, {"include": {"zarr_format"}}]
    for choice in choices:
        theirs, others = (BaseModel.model_dump(spec, **choice) for spec in specs)
        assert ours.like(other, **choice) == (theirs == others), choice
        assert zh.GroupModel({}, {"a": ours}).like(zh.GroupModel({}, {"a": other}), **choice) == (
            ours.like(other, **choice) or "include" in choice
        )
    assert not ours.like(other)
    assert ours.like(other, exclude=[member])
    assert not zh.GroupModel({}, {"a": ours}).like(zh.GroupModel({}, {"a": other}), include=[member, "members"])


def test_what_is_not_alike(root: zh.Group) -> None:
    model = root.to_model()
    array = root["deflate"]
    assert isinstance(array, zh.Array)
    assert not model.like(array)
    assert not array.to_model().like(root)
    assert not model.like(zh.GroupModel(dict(model.attributes), {**(model.members or {}), "more": array.to_model()}))
    assert not model.like(None)
    assert not array.to_model().like(3)
    assert not zh.GroupModel({"a": 1}).like(zh.GroupModel({"a": 1.0}))
    assert zh.GroupModel({"a": float("nan")}).like(zh.GroupModel({"a": float("nan")}))


VALID: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": {}}
DEEP: Any = VALID
for _ in range(5000):
    DEEP = {**VALID, "members": {"g": DEEP}}
# Document, and the paths of its problems.
INVALID: dict[str, tuple[Any, set[tuple[str | int, ...]]]] = {
    "nothing": (None, {()}),
    "a list": ([], {()}),
    "no type": ({"zarr_format": 3}, {("node_type",)}),
    "members of another type": ({**VALID, "members": []}, {("members",)}),
    "a member of another type": ({**VALID, "members": {"a": 1, "b": None}}, {("members", "a"), ("members", "b")}),
    "a path for a name": ({**VALID, "members": {"a/b": VALID}}, {("members", "a/b")}),
    "names that are none": (
        {**VALID, "members": {"": VALID, "..": VALID, "zarr.json": VALID}},
        {("members", ""), ("members", ".."), ("members", "zarr.json")},
    ),
    "an array that lacks most": (
        {**VALID, "members": {"g": {**VALID, "members": {"a": {"zarr_format": 3, "node_type": "array"}}}}},
        {
            ("members", "g", "members", "a", name)
            for name in ("shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs")
        },
    ),
    "a member that nobody knows": ({**VALID, "more": 1}, {("more",)}),
    "too deep": (DEEP, {()}),
}


@pytest.mark.parametrize(("document", "paths"), INVALID.values(), ids=INVALID)
def test_hostile_models(document: Any, paths: set[tuple[str | int, ...]]) -> None:
    store = MemoryStore()
    with pytest.raises(InvalidMetadataError) as caught:
        zh.from_model(document, store)
    assert {problem.path for problem in caught.value.problems} == paths
    with pytest.raises(InvalidMetadataError):
        zh.GroupModel.parse(document)
    assert list(store.list_prefix("")) == []


def test_models_of_what_cannot_be_are_refused(root: zh.Group) -> None:
    store = MemoryStore()
    array = root["plain" if "plain" in root else "deep/er/plain"]
    assert isinstance(array, zh.Array)
    unknown = {**array.to_model().to_json(), "codecs": [{"name": "bytes"}, {"name": "nobody.knows"}]}
    newer = {**array.to_model().to_json(), "zarr_format": 4}
    for document in (unknown, newer):
        with pytest.raises(UnsupportedFeatureError):
            zh.from_model({**VALID, "members": {"fine": VALID, "a": document}}, store)
    with pytest.raises(InvalidMetadataError, match="expected"):
        zh.GroupModel.parse(array.to_model().to_json())
    assert list(store.list_prefix("")) == []
