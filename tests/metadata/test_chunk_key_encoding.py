from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zarr.core.chunk_key_encodings import parse_chunk_key_encoding as zarr_python_encoding

from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata import ChunkKeyEncoding, FanoutEncoding, SuffixEncoding, parse_chunk_key_encoding
from zarr_hdf5.metadata.chunk_key_encoding import KeyEncoding

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


def suffix(ending: Any, **more: Any) -> dict[str, Any]:
    return {"name": "suffix", "configuration": {"suffix": ending, **more}}


def fanout(most: Any) -> dict[str, Any]:
    return {"name": "fanout", "configuration": {"max_children": most}}


NO_ENDINGS = ["", "/x", "/../x", "\\x", "\0", "\n", "\ud800", "." * 101, "\u202e", ":x"]
PROPOSED: list[tuple[KeyEncoding, tuple[int, ...], str]] = [
    # the proposals' examples
    (SuffixEncoding(".tiff"), (1, 2), "c/1/2.tiff"),
    (SuffixEncoding(".shard.zip", ChunkKeyEncoding("v2", ".")), (1, 2), "1.2.shard.zip"),
    (FanoutEncoding(101), (), "c"),
    (FanoutEncoding(101), (123,), "d0/1/23/c"),
    (FanoutEncoding(101), (1234, 5, 67890), "d0/12/34/d1/5/d2/6/78/90/c"),
    # and others
    (SuffixEncoding(".h5"), (), "c.h5"),
    (SuffixEncoding("0", ChunkKeyEncoding("v2", ".")), (1, 0), "1.00"),
    (SuffixEncoding(".h5", FanoutEncoding(101)), (123,), "d0/1/23/c.h5"),
    (FanoutEncoding(), (0, 1000), "d0/0/d1/1/0/c"),
    (FanoutEncoding(4), (2**63 - 1,), "d0/" + "/".join(np.base_repr(2**63 - 1, 3)) + "/c"),
]


@pytest.mark.parametrize(("encoding", "chunk_coords", "key"), PROPOSED)
def test_keys_of_proposals(encoding: KeyEncoding, chunk_coords: tuple[int, ...], key: str) -> None:
    assert encoding.encode(chunk_coords) == key
    assert encoding.decode(key, len(chunk_coords)) == chunk_coords
    assert encoding.decode(key, len(chunk_coords) + 1) is None
    problems: list[Problem] = []
    assert parse_chunk_key_encoding(encoding.to_json(), (), problems) == encoding
    assert problems == []


NO_KEYS_OF_PROPOSALS: list[tuple[KeyEncoding, int, str]] = [
    *[(SuffixEncoding(".h5"), 2, key) for key in ("c/1/2", "c/1/2.h", "c/1/2.h5x", ".h5", "c/1/2.h5.h5", "c/01/2.h5")],
    *[(FanoutEncoding(11), 2, key) for key in ("c", "d0/1/c", "d0/1/d1/c", "d1/1/d0/2/c", "d0/1/d1/2", "0/1/d1/2/c")],
    *[(FanoutEncoding(11), 2, f"d0/{digits}/d1/2/c") for digits in ("0/1", "10", "01", "-1", "", "1/", "x", "9/" * 40)],
    (FanoutEncoding(11), 1, "d0/" + "0/" * 10000 + "c"),
    (FanoutEncoding(11), 2, "d0/1/d1/2/c/"),
]


@pytest.mark.parametrize(("encoding", "ndim", "key"), NO_KEYS_OF_PROPOSALS)
def test_not_keys_of_proposals(encoding: KeyEncoding, ndim: int, key: str) -> None:
    assert encoding.decode(key, ndim) is None


ENCODINGS = st.builds(FanoutEncoding, st.integers(4, 2000)) | st.builds(
    SuffixEncoding,
    st.sampled_from([".h5", "0", ".0", ".c", "d0"]),
    st.builds(FanoutEncoding, st.integers(4, 12))
    | st.builds(ChunkKeyEncoding, st.sampled_from(["default", "v2"]), st.sampled_from(["/", "."])),
)


@given(ENCODINGS, st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 20), max_size=4).map(tuple))
def test_keys_of_proposals_are_decoded(encoding: KeyEncoding, chunk_coords: tuple[int, ...]) -> None:
    assert encoding.decode(encoding.encode(chunk_coords), len(chunk_coords)) == chunk_coords


@given(st.integers(4, 30), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 40)), min_size=1, max_size=60))
def test_no_directory_has_more_children(most: int, chunks: list[tuple[int, int]]) -> None:
    encoding = FanoutEncoding(most)
    children: dict[tuple[str, ...], set[str]] = {}
    for chunk in [*chunks, *((0, i) for i in range(most * 2))]:
        parts = encoding.encode(chunk).split("/")
        for depth, part in enumerate(parts):
            children.setdefault(tuple(parts[:depth]), set()).add(part)
    assert max(map(len, children.values())) <= most


def test_spellings_of_suffix() -> None:
    v2 = {"name": "v2", "configuration": {"separator": "."}}
    for document, base in [
        (suffix(".h5"), ChunkKeyEncoding()),
        (suffix(".h5", base_encoding=v2), ChunkKeyEncoding("v2", ".")),
        ({"name": "suffix", "configuration": {"suffix": ".h5", "base-encoding": v2}}, ChunkKeyEncoding("v2", ".")),
        (suffix(".h5", base_encoding="v2"), ChunkKeyEncoding("v2", ".")),
    ]:
        problems: list[Problem] = []
        assert parse_chunk_key_encoding(document, (), problems) == SuffixEncoding(".h5", base)
        assert problems == []
    assert parse_chunk_key_encoding("fanout", (), []) == FanoutEncoding(1001)


INVALID: list[tuple[Any, tuple[str, ...], str]] = [
    (None, (), "type"),
    ("prefix", ("name",), "unsupported"),
    ({"name": "default", "must_understand": False}, ("must_understand",), "value"),
    ({"name": "default", "configuration": {"separator": "-"}}, ("configuration", "separator"), "value"),
    ({"name": "default", "configuration": {"separator": None}}, ("configuration", "separator"), "type"),
    ({"name": "default", "configuration": {"separator": ["/"]}}, ("configuration", "separator"), "type"),
    ({"name": "default", "configuration": {"sep": "/"}}, ("configuration", "sep"), "unknown"),
    ({"name": "default", "separator": "/"}, ("separator",), "unknown"),
    ("suffix", ("configuration", "suffix"), "missing"),
    (suffix(5), ("configuration", "suffix"), "type"),
    *[(suffix(wrong), ("configuration", "suffix"), "value") for wrong in NO_ENDINGS],
    (suffix(".h5", base_encoding=None), ("configuration", "base_encoding"), "type"),
    (suffix(".h5", base_encoding="prefix"), ("configuration", "base_encoding", "name"), "unsupported"),
    (suffix(".h5", base_encoding=suffix(".h5")), ("configuration", "base_encoding", "name"), "unsupported"),
    (
        suffix(".h5", base_encoding={"name": "v2", "configuration": {"separator": ","}}),
        ("configuration", "base_encoding", "configuration", "separator"),
        "value",
    ),
    (suffix(".h5", base="v2"), ("configuration", "base"), "unknown"),
    (fanout(3), ("configuration", "max_children"), "value"),
    (fanout(2**63), ("configuration", "max_children"), "value"),
    (fanout(True), ("configuration", "max_children"), "type"),
    (fanout("1001"), ("configuration", "max_children"), "type"),
    ({"name": "fanout", "configuration": {"separator": "/"}}, ("configuration", "separator"), "unknown"),
]


@pytest.mark.parametrize(("document", "path", "kind"), INVALID)
def test_problems(document: Any, path: tuple[str, ...], kind: str) -> None:
    problems: list[Problem] = []
    assert parse_chunk_key_encoding(document, ("x",), problems) is None
    assert {(problem.path, problem.kind) for problem in problems} == {(("x", *path), kind)}
