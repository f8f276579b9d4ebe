"""Consolidated metadata as a value; that zarr-python reads and writes the same is tested in tests/group."""

from typing import Any

import pytest

from zarr_hdf5.errors import InvalidMetadataError, NotFoundError
from zarr_hdf5.metadata.consolidated import Consolidated, consolidated, documents_that_differ, without_consolidated
from zarr_hdf5.metadata.group import GroupMetadata

GROUP: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": {}}
ARRAY: dict[str, Any] = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [2],
    "data_type": "float32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
    "chunk_key_encoding": {"name": "default"},
    "fill_value": "NaN",
    "codecs": ["bytes"],
}
DOCUMENTS = {"g": {**GROUP, "attributes": {"n": 1}}, "g/a": ARRAY, "b": ARRAY}
ROOT = GroupMetadata({"title": "t"}, {"mine": {"must_understand": False}})


def test_there_and_back() -> None:
    root = consolidated(ROOT, DOCUMENTS)
    assert GroupMetadata.parse(root.to_json()) == root
    assert without_consolidated(root) == ROOT
    found = Consolidated.of(root, "x/y")
    assert found is not None
    assert found.child_names("x/y") == ["b", "g"]
    assert found.child_names("x/y/g") == ["a"]
    assert found.child_names("x/y/b") == found.child_names("x") == found.child_names("nothing") == []
    assert found.node("x/y/g") == GroupMetadata({"n": 1})
    for name in ("g", "y/g", "x/y"):
        with pytest.raises(NotFoundError):
            found.node(name)
    assert list(documents_that_differ(root, DOCUMENTS)) == []


def test_none() -> None:
    assert consolidated(ROOT, {}) is ROOT
    assert Consolidated.of(ROOT, "") is None
    assert list(documents_that_differ(ROOT, DOCUMENTS)) == []


def test_written_otherwise_is_not_another() -> None:
    longer = {
        **ARRAY,
        "attributes": {},
        "fill_value": "0x7fc00000",
        "codecs": [{"name": "bytes", "configuration": {}}],
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "dimension_names": None,
    }
    assert list(documents_that_differ(consolidated(ROOT, {"a": longer}), {"a": ARRAY})) == []


CHANGES: dict[str, tuple[Any, str]] = {
    "another shape": ({**ARRAY, "shape": [3]}, "something else"),
    "another NaN": ({**ARRAY, "fill_value": "0x7fc00001"}, "something else"),
    "another node": (GROUP, "something else"),
    "what nobody understands": ({**ARRAY, "codecs": [{"name": 3}]}, "something else"),
}


@pytest.mark.parametrize(("document", "what"), CHANGES.values(), ids=CHANGES)
def test_what_differs(document: Any, what: str) -> None:
    ((path, reason),) = documents_that_differ(consolidated(ROOT, {"a": document}), {"a": ARRAY})
    assert path == "a"
    assert what in reason


def test_what_nobody_understands_is_not_refused_before_it_is_asked_for() -> None:
    found = Consolidated.of(consolidated(ROOT, {"a": {"node_type": "array"}}), "")
    assert found is not None
    assert found.child_names("") == ["a"]
    with pytest.raises(InvalidMetadataError, match="consolidated metadata of a"):
        found.node("a")
