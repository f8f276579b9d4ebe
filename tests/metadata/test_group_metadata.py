import json
from typing import Any

import pytest
import zarr
from zarr.core.group import GroupMetadata as ZarrPythonGroupMetadata
from zarr.storage import MemoryStore

from zarr_hdf5.errors import InvalidMetadataError, UnsupportedFeatureError
from zarr_hdf5.metadata import GroupMetadata, dump_json, parse_node

HEAD: dict[str, Any] = {"zarr_format": 3, "node_type": "group"}
CONSOLIDATED = {"kind": "inline", "must_understand": False, "metadata": {}}

# JSON, value
VALID: list[tuple[dict[str, Any], GroupMetadata]] = [
    ({**HEAD, "attributes": {}}, GroupMetadata()),
    ({**HEAD, "attributes": {"b": 1, "a": {"c": None}}}, GroupMetadata({"b": 1, "a": {"c": None}})),
    (
        {**HEAD, "attributes": {}, "consolidated_metadata": CONSOLIDATED},
        GroupMetadata({}, {"consolidated_metadata": CONSOLIDATED}),
    ),
]


@pytest.mark.parametrize(("document", "value"), VALID)
def test_json_and_value(document: dict[str, Any], value: GroupMetadata) -> None:
    assert GroupMetadata.parse(document) == value
    assert dump_json(value.to_json()) == dump_json(document)
    assert ZarrPythonGroupMetadata.from_dict(value.to_json()).attributes == value.attributes


@pytest.mark.parametrize("extra", [{}, {"consolidated_metadata": None}])
def test_not_canonical(extra: dict[str, Any]) -> None:
    assert GroupMetadata.parse({**HEAD, **extra}) == GroupMetadata()


INVALID: list[tuple[Any, set[tuple[tuple[str, ...], str]]]] = [
    (None, {((), "type")}),
    ({**HEAD, "node_type": "array"}, {(("node_type",), "value")}),
    (
        {**HEAD, "attributes": [], "shape": [1], "note": None, "x": {"must_understand": True}},
        {(("attributes",), "type"), (("shape",), "unknown"), (("note",), "unknown"), (("x",), "unknown")},
    ),
]


@pytest.mark.parametrize(("document", "expected"), INVALID)
def test_problems(document: Any, expected: set[tuple[tuple[str, ...], str]]) -> None:
    with pytest.raises(InvalidMetadataError) as caught:
        GroupMetadata.parse(document, "here")
    assert {(problem.path, problem.kind) for problem in caught.value.problems} == expected


def test_other_format() -> None:
    with pytest.raises(UnsupportedFeatureError, match="found 2"):
        GroupMetadata.parse({**HEAD, "zarr_format": 2})


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_what_zarr_python_writes() -> None:
    store = MemoryStore()
    group = zarr.create_group(store, attributes={"a": 1, "not": float("nan")})
    group.create_group("b").create_array("c", shape=(3,), dtype="f4")
    zarr.consolidate_metadata(store)
    data = store._store_dict["zarr.json"].to_bytes()
    metadata = parse_node(data)
    assert isinstance(metadata, GroupMetadata)
    assert metadata.attributes["a"] == 1
    assert set(metadata.extra) == {"consolidated_metadata"}
    assert json.dumps(metadata.to_json(), sort_keys=True) == json.dumps(json.loads(data), sort_keys=True)
