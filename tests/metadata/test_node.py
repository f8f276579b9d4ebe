import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.errors import InvalidMetadataError, UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.metadata import ArrayMetadata, GroupMetadata, dump_json, parse_node

ARRAY: dict[str, Any] = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10, 0],
    "data_type": "float32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 1]}},
    "chunk_key_encoding": {"name": "v2", "configuration": {"separator": "/"}},
    "fill_value": "0x7fc00001",
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c", "configuration": {}}],
    "attributes": {"a": [1, None]},
    "dimension_names": ["x", None],
    "hdf5": {"must_understand": False, "dataset": "/data"},
}
GROUP: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": {}}


def test_array_or_group() -> None:
    assert parse_node(dump_json(ARRAY)) == ArrayMetadata.parse(ARRAY)
    assert parse_node(dump_json(GROUP)) == GroupMetadata()


INVALID: list[tuple[Any, set[tuple[tuple[str, ...], str]]]] = [
    ([], {((), "type")}),
    ({}, {(("zarr_format",), "missing"), (("node_type",), "missing")}),
    ({**GROUP, "node_type": "dataset"}, {(("node_type",), "value")}),
    ({**GROUP, "node_type": ["group"]}, {(("node_type",), "type")}),
    ({**GROUP, "zarr_format": "3"}, {(("zarr_format",), "type")}),
    ({**GROUP, "zarr_format": True}, {(("zarr_format",), "type")}),
    ({**GROUP, "zarr_format": 3.0}, {(("zarr_format",), "type")}),
    ({"node_type": "group"}, {(("zarr_format",), "missing")}),
    (
        {**ARRAY, "zarr_format": None, "shape": 1},
        {(("zarr_format",), "type"), (("shape",), "type")},
    ),
]


@pytest.mark.parametrize(("document", "expected"), INVALID)
def test_problems(document: Any, expected: set[tuple[tuple[str, ...], str]]) -> None:
    with pytest.raises(InvalidMetadataError, match=r"^a/zarr\.json: ") as caught:
        parse_node(dump_json(document), "a/zarr.json")
    assert {(problem.path, problem.kind) for problem in caught.value.problems} == expected
    assert len(caught.value.problems) == len(expected)


@pytest.mark.parametrize("version", [2, 4, -1, 10**300])
def test_other_formats(version: int) -> None:
    with pytest.raises(UnsupportedFeatureError, match=r"^a: zarr_format: expected Zarr format 3"):
        parse_node(dump_json({"zarr_format": version, "shape": 1}), "a")


def test_not_json() -> None:
    with pytest.raises(InvalidMetadataError, match=r"^a: .*not JSON"):
        parse_node(b"{", "a")


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 1, 2**63 - 1, 2**63, 10**400]),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["NaN", "Infinity", "0x7fc00000", "regular", "bytes", "int8", "complex64", "r16", "r9", "group"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "configuration", "must_understand", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """The document with one place, at any depth, replaced, removed or added."""
    if not isinstance(document, dict | list) or draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    copy = document.copy()
    places = list(copy) if isinstance(copy, dict) else list(range(len(copy)))
    action = draw(st.sampled_from(["inside", "inside", "remove", "add"]))
    if action == "add" or not places:
        if isinstance(copy, dict):
            copy[draw(st.text(max_size=3) | st.just("must_understand"))] = draw(VALUES)
        else:
            copy.append(draw(VALUES))
        return copy
    place = draw(st.sampled_from(places))
    if action == "remove":
        del copy[place]
    else:
        copy[place] = draw(mutated(copy[place]))
    return copy


@given(st.sampled_from([ARRAY, GROUP]).flatmap(mutated).flatmap(lambda once: st.just(once) | mutated(once)))
def test_mutations_are_read_or_refused(document: Any) -> None:
    data = json.dumps(document).encode()
    try:
        metadata = parse_node(data)
    except ZarrHDF5Error:
        return
    if isinstance(metadata, ArrayMetadata):
        assert metadata.chunk_grid.nchunks >= 0
    rewritten = dump_json(metadata.to_json())
    assert dump_json(parse_node(rewritten).to_json()) == rewritten
