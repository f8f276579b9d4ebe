import json
import warnings
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.core.metadata.v3 import ArrayV3Metadata
from zarr.storage import MemoryStore

from zarr_hdf5.chunk_grid import RegularChunkGrid
from zarr_hdf5.data_type import DataType
from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError
from zarr_hdf5.metadata import (
    ArrayMetadata,
    ChunkKeyEncoding,
    NamedConfiguration,
    dump_json,
    parse_array_metadata,
    parse_node,
)

LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}


def regular(*chunk_shape: Any) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": list(chunk_shape)}}


# As canonical as can be: required members only.
PLAIN: dict[str, Any] = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10, 7],
    "data_type": "uint16",
    "chunk_grid": regular(5, 2),
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [LITTLE],
    "attributes": {},
}

SCALAR = {**PLAIN, "shape": [], "chunk_grid": regular()}
CANONICAL: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "scalar": SCALAR,
    "empty": {**PLAIN, "shape": [0, 2**63 - 1]},
    "names": {**PLAIN, "dimension_names": ["y", None]},
    "same names": {**PLAIN, "dimension_names": ["", ""]},
    "no names of no dimensions": {**SCALAR, "dimension_names": []},
    "attributes": {**PLAIN, "attributes": {"z": {"must_understand": True}, "a": [1, None, "µ"]}},
    "NaN payload": {**PLAIN, "data_type": "float32", "fill_value": "0x7fc00001"},
    "raw": {**PLAIN, "data_type": "r24", "fill_value": [1, 2, 3]},
    "rectilinear": {
        **PLAIN,
        "chunk_grid": {"name": "rectilinear", "configuration": {"kind": "inline", "chunk_shapes": [[[2, 3], 4], 3]}},
    },
    "suffix": {
        **PLAIN,
        "chunk_key_encoding": {
            "name": "suffix",
            "configuration": {"suffix": ".h5", "base_encoding": PLAIN["chunk_key_encoding"]},
        },
    },
    "fanout": {**PLAIN, "chunk_key_encoding": {"name": "fanout", "configuration": {"max_children": 101}}},
    "unknown codec": {**PLAIN, "codecs": [LITTLE, {"name": "x", "configuration": {"y": {}}, "must_understand": False}]},
    "extra": {**PLAIN, "dimension_names": ["a", "b"], "hdf5": {"must_understand": False, "dataset": "/data"}},
    "ignorable transformer": {
        **PLAIN,
        "storage_transformers": [{"name": "cache", "configuration": {}, "must_understand": False}],
    },
}


@pytest.mark.parametrize("document", CANONICAL.values(), ids=CANONICAL.keys())
def test_canonical(document: dict[str, Any]) -> None:
    metadata = ArrayMetadata.parse(document)
    assert dump_json(metadata.to_json()) == dump_json(document)
    assert ArrayMetadata.parse(metadata.to_json()) == metadata


def test_equality_is_of_bits() -> None:
    documents = [{**PLAIN, "data_type": "float32", "fill_value": v} for v in (0.0, -0.0, "NaN", "0x7fc00001", 1.0)]
    for i, one in enumerate(documents):
        for j, other in enumerate(documents):
            assert (ArrayMetadata.parse(one) == ArrayMetadata.parse(other)) == (i == j)
    assert ArrayMetadata.parse(PLAIN) != PLAIN


def test_value() -> None:
    metadata = ArrayMetadata.parse(CANONICAL["extra"])
    assert metadata == ArrayMetadata(
        shape=(10, 7),
        data_type=DataType.from_numpy("u2"),
        chunk_shape=(5, 2),
        chunk_key_encoding=ChunkKeyEncoding("default", "/"),
        fill_value=np.uint16(0),
        codecs=(NamedConfiguration("bytes", {"endian": "little"}),),
        dimension_names=("a", "b"),
        extra={"hdf5": {"must_understand": False, "dataset": "/data"}},
    )
    assert metadata.chunk_grid == RegularChunkGrid((10, 7), (5, 2))


NOT_CANONICAL: dict[str, dict[str, Any]] = {
    "no attributes": {key: value for key, value in PLAIN.items() if key != "attributes"},
    "no transformers": {**PLAIN, "storage_transformers": []},
    "null names": {**PLAIN, "dimension_names": None},
    "object data type": {**PLAIN, "data_type": {"name": "uint16"}},
    "default separator": {**PLAIN, "chunk_key_encoding": "default"},
    "order": dict(reversed(PLAIN.items())),
    "bare NaN": {**PLAIN, "data_type": "float64", "fill_value": float("nan")},
}


@pytest.mark.parametrize("document", NOT_CANONICAL.values(), ids=NOT_CANONICAL.keys())
def test_not_canonical(document: dict[str, Any]) -> None:
    expected = PLAIN if document["fill_value"] == 0 else {**PLAIN, "data_type": "float64", "fill_value": "NaN"}
    assert dump_json(ArrayMetadata.parse(document).to_json()) == dump_json(expected)


Places = set[tuple[tuple[str | int, ...], str]]
CHUNK_SHAPE = ("chunk_grid", "configuration", "chunk_shape")

# what differs from PLAIN, where the problems are
INVALID: list[tuple[dict[str, Any], Places]] = [
    ({"node_type": "group"}, {(("node_type",), "value")}),
    ({"shape": 10}, {(("shape",), "type")}),
    ({"shape": [10, -1]}, {(("shape", 1), "value")}),
    ({"shape": [10, 2**63]}, {(("shape", 1), "value")}),
    ({"shape": [True, 7.0]}, {(("shape", 0), "type"), (("shape", 1), "type")}),
    ({"shape": [10]}, {(CHUNK_SHAPE, "value")}),
    ({"chunk_grid": regular(5)}, {(CHUNK_SHAPE, "value")}),
    ({"chunk_grid": regular(0, 2**63)}, {((*CHUNK_SHAPE, 0), "value"), ((*CHUNK_SHAPE, 1), "value")}),
    ({"chunk_grid": regular(True, "2")}, {((*CHUNK_SHAPE, 0), "type"), ((*CHUNK_SHAPE, 1), "type")}),
    ({"chunk_grid": regular(5, None)}, {((*CHUNK_SHAPE, 1), "type")}),
    ({"chunk_grid": "regular"}, {(CHUNK_SHAPE, "missing")}),
    (
        {"chunk_grid": {"name": "regular", "configuration": {"chunks": [5, 2]}}},
        {
            (CHUNK_SHAPE, "missing"),
            (("chunk_grid", "configuration", "chunks"), "unknown"),
        },
    ),
    ({"chunk_grid": {**regular(5, 2), "must_understand": False}}, {(("chunk_grid", "must_understand"), "value")}),
    ({"chunk_grid": None}, {(("chunk_grid",), "type")}),
    ({"chunk_key_encoding": None}, {(("chunk_key_encoding",), "type")}),
    ({"data_type": None}, {(("data_type",), "type")}),
    ({"fill_value": None}, {(("fill_value",), "type")}),
    ({"fill_value": 65536}, {(("fill_value",), "value")}),
    ({"codecs": []}, {(("codecs",), "value")}),
    ({"codecs": LITTLE}, {(("codecs",), "type")}),
    ({"codecs": [LITTLE, 3, {"name": 3}]}, {(("codecs", 1), "type"), (("codecs", 2, "name"), "type")}),
    ({"attributes": None}, {(("attributes",), "type")}),
    ({"dimension_names": ["a"]}, {(("dimension_names",), "value")}),
    ({"dimension_names": ["a", 1]}, {(("dimension_names", 1), "type")}),
    ({"dimension_names": "ab"}, {(("dimension_names",), "type")}),
    ({"storage_transformers": None}, {(("storage_transformers",), "type")}),
    ({"extra": {}, "dimension_separator": "/"}, {(("extra",), "unknown"), (("dimension_separator",), "unknown")}),
    # legal but unsupported features are told along with what is wrong
    ({"data_type": "int128", "shape": None}, {(("data_type",), "unsupported"), (("shape",), "type")}),
]


@pytest.mark.parametrize(("change", "expected"), INVALID)
def test_problems(change: dict[str, Any], expected: Places) -> None:
    with pytest.raises(InvalidMetadataError, match=r"^here: ") as caught:
        ArrayMetadata.parse({**PLAIN, **change}, "here")
    assert {(problem.path, problem.kind) for problem in caught.value.problems} == expected
    assert len(caught.value.problems) == len(expected)


@pytest.mark.parametrize("name", [name for name in PLAIN if name != "attributes"])
def test_required(name: str) -> None:
    problems: list[Problem] = []
    assert parse_array_metadata({key: value for key, value in PLAIN.items() if key != name}, problems) is None
    assert [(problem.path, problem.kind) for problem in problems] == [((name,), "missing")]


UNSUPPORTED: list[tuple[dict[str, Any], list[str]]] = [
    ({"data_type": "int128", "fill_value": 0}, ["data_type"]),
    ({"chunk_grid": {"name": "hexagonal", "configuration": {}}}, ["chunk_grid"]),
    ({"chunk_key_encoding": "prefix"}, ["chunk_key_encoding"]),
    ({"storage_transformers": ["cache"]}, [r"storage_transformers\[0\]"]),
    ({"shape": [1] * 33, "chunk_grid": regular(*[1] * 33)}, ["shape"]),
    ({"data_type": "bfloat16", "chunk_grid": "hexagonal"}, ["data_type", "chunk_grid"]),
]


@pytest.mark.parametrize(("change", "named"), UNSUPPORTED, ids=str)
def test_unsupported(change: dict[str, Any], named: list[str]) -> None:
    with pytest.raises(UnsupportedFeatureError, match="^here: .*" + ".*".join(named)):
        ArrayMetadata.parse({**PLAIN, **change}, "here")


def test_problems_are_added_to_those_of_the_caller() -> None:
    problems = [Problem(("mine",), "is wrong")]
    assert parse_array_metadata(PLAIN, problems) == ArrayMetadata.parse(PLAIN)
    assert parse_array_metadata({**PLAIN, "shape": None}, problems) is None
    assert [problem.path for problem in problems] == [("mine",), ("shape",)]


DTYPES = ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("shape", [(), (0, 5), (9, 5)])
def test_what_zarr_python_writes_is_kept(dtype: str, sharded: bool, shape: tuple[int, ...]) -> None:
    store = MemoryStore()
    theirs = zarr.create_array(
        store,
        shape=shape,
        dtype=dtype,
        chunks=(1,) * len(shape),
        shards=(4,) * len(shape) if sharded and shape else None,
        fill_value=np.array(1, dtype)[()],
        attributes={"a": [1, None]},
        dimension_names=["y", None][: len(shape)],
    )
    data = store._store_dict["zarr.json"].to_bytes()
    metadata = parse_node(data)
    assert isinstance(metadata, ArrayMetadata)
    assert (metadata.shape, metadata.data_type.dtype, metadata.fill_value) == (shape, theirs.dtype, theirs.fill_value)
    ours = metadata.to_json()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = ArrayV3Metadata.from_dict(json.loads(dump_json(ours)))
    assert read == theirs.metadata
    expected = json.loads(data)
    expected.pop("storage_transformers")
    for codec in expected["codecs"]:
        codec.setdefault("configuration", {})
    assert ours == expected


def test_zarr_python_reads_extra_members() -> None:
    read = ArrayV3Metadata.from_dict(ArrayMetadata.parse(CANONICAL["extra"]).to_json())
    assert dict(read.extra_fields) == {"hdf5": {"must_understand": False, "dataset": "/data"}}
