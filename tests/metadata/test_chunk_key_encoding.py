from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zarr.core.chunk_key_encodings import parse_chunk_key_encoding as zarr_python_encoding

from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata import ChunkKeyEncoding, parse_chunk_key_encoding

Name = Literal["default", "v2"]
Separator = Literal["/", "."]

KEYS: list[tuple[Name, Separator, tuple[int, ...], str]] = [
    ("default", "/", (1, 23, 45), "c/1/23/45"),  # the specification's examples
    ("default", ".", (1, 23, 45), "c.1.23.45"),
    ("v2", ".", (1, 23, 45), "1.23.45"),
    ("v2", "/", (1, 23, 45), "1/23/45"),
    ("default", "/", (), "c"),
    ("default", ".", (), "c"),
    ("v2", ".", (), "0"),
    ("v2", ".", (0,), "0"),
    ("default", "/", (2**63 - 1,), "c/9223372036854775807"),
]


@pytest.mark.parametrize(("name", "separator", "chunk_coords", "key"), KEYS)
def test_keys(name: Name, separator: Separator, chunk_coords: tuple[int, ...], key: str) -> None:
    encoding = ChunkKeyEncoding(name, separator)
    assert encoding.encode(chunk_coords) == key
    assert encoding.decode(key, len(chunk_coords)) == chunk_coords


NO_KEYS: list[tuple[Name, Separator, int, str]] = [
    *[("default", "/", 2, key) for key in ("c/1", "c/1/2/3", "c/01/2", "c/-1/2", "c/1/2/", "/c/1/2", "1/2", "d/1/2")],
    *[
        ("default", "/", 2, key)
        for key in ("c.1.2", "c/1.2", "c/1/ 2", "c/1/2\n", "c/\u0661/2", "c//2", "zarr.json", "")
    ],
    ("default", "/", 1, "c/" + "9" * 5000),
    ("default", "/", 0, "c/0"),
    ("default", "/", 0, ""),
    ("v2", ".", 0, ""),
    ("v2", ".", 0, "1"),
    ("v2", ".", 0, "0.0"),
    ("v2", ".", 1, "c.0"),
    ("v2", ".", 1, ""),
    ("v2", ".", 2, "0"),
    ("v2", "/", 2, "0.0"),
]


@pytest.mark.parametrize(("name", "separator", "ndim", "key"), NO_KEYS)
def test_not_keys(name: Name, separator: Separator, ndim: int, key: str) -> None:
    assert ChunkKeyEncoding(name, separator).decode(key, ndim) is None


@pytest.mark.parametrize("name", ["default", "v2"])
@pytest.mark.parametrize("separator", ["/", "."])
@given(st.lists(st.integers(0, 2**63 - 1), max_size=4).map(tuple))
def test_keys_are_those_of_zarr_python(name: Name, separator: Separator, chunk_coords: tuple[int, ...]) -> None:
    ours = ChunkKeyEncoding(name, separator)
    theirs = zarr_python_encoding(ours.to_json())
    assert ours.encode(chunk_coords) == theirs.encode_chunk_key(chunk_coords)
    assert ours.decode(ours.encode(chunk_coords), len(chunk_coords)) == chunk_coords
    problems: list[Problem] = []
    assert parse_chunk_key_encoding(theirs.to_dict(), (), problems) == ours
    assert problems == []


@pytest.mark.parametrize("extra", [{}, {"configuration": {}}])
def test_default_separators(extra: dict[str, Any]) -> None:
    problems: list[Problem] = []
    assert parse_chunk_key_encoding({"name": "default", **extra}, (), problems) == ChunkKeyEncoding("default", "/")
    assert parse_chunk_key_encoding({"name": "v2", **extra}, (), problems) == ChunkKeyEncoding("v2", ".")
    assert parse_chunk_key_encoding("v2", (), problems) == ChunkKeyEncoding("v2", ".")
    assert problems == []


INVALID: list[tuple[Any, tuple[str, ...], str]] = [
    (None, (), "type"),
    ("fanout", ("name",), "unsupported"),
    ({"name": "default", "must_understand": False}, ("must_understand",), "value"),
    ({"name": "default", "configuration": {"separator": "-"}}, ("configuration", "separator"), "value"),
    ({"name": "default", "configuration": {"separator": None}}, ("configuration", "separator"), "type"),
    ({"name": "default", "configuration": {"separator": ["/"]}}, ("configuration", "separator"), "type"),
    ({"name": "default", "configuration": {"sep": "/"}}, ("configuration", "sep"), "unknown"),
    ({"name": "default", "separator": "/"}, ("separator",), "unknown"),
]


@pytest.mark.parametrize(("document", "path", "kind"), INVALID)
def test_problems(document: Any, path: tuple[str, ...], kind: str) -> None:
    problems: list[Problem] = []
    assert parse_chunk_key_encoding(document, ("x",), problems) is None
    assert {(problem.path, problem.kind) for problem in problems} == {(("x", *path), kind)}
