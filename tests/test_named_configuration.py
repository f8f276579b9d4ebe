from typing import Any

import pytest

from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata import NamedConfiguration, parse_named_configuration

# JSON, value, canonical JSON
VALID: list[tuple[Any, NamedConfiguration, Any]] = [
    ("crc32c", NamedConfiguration("crc32c"), {"name": "crc32c", "configuration": {}}),
    ({"name": "crc32c"}, NamedConfiguration("crc32c"), {"name": "crc32c", "configuration": {}}),
    (
        {"configuration": {"level": 1, "x": [{}]}, "name": "numcodecs.zlib", "must_understand": True},
        NamedConfiguration("numcodecs.zlib", {"level": 1, "x": [{}]}),
        {"name": "numcodecs.zlib", "configuration": {"level": 1, "x": [{}]}},
    ),
    (
        {"name": "https://example.org/codec", "must_understand": False},
        NamedConfiguration("https://example.org/codec", {}, must_understand=False),
        {"name": "https://example.org/codec", "configuration": {}, "must_understand": False},
    ),
    (
        {"name": "a", "note": {"must_understand": False}},
        NamedConfiguration("a"),
        {"name": "a", "configuration": {}},
    ),
]


@pytest.mark.parametrize(("document", "value", "canonical"), VALID)
def test_json_and_value(document: Any, value: NamedConfiguration, canonical: Any) -> None:
    problems: list[Problem] = []
    assert parse_named_configuration(document, (), problems) == value
    assert problems == []
    assert value.to_json() == canonical
    assert list(canonical) == list(value.to_json())


INVALID: list[tuple[Any, bool, set[tuple[tuple[str | int, ...], str]]]] = [
    (None, True, {((), "type")}),
    (["bytes"], True, {((), "type")}),
    ("", True, {(("name",), "value")}),
    ({}, True, {(("name",), "missing")}),
    ({"name": None, "configuration": None}, True, {(("name",), "type"), (("configuration",), "type")}),
    ({"name": "a", "must_understand": 0}, True, {(("must_understand",), "type")}),
    ({"name": "a", "must_understand": False}, False, {(("must_understand",), "value")}),
    ({"name": "a", "level": 1, "x": {}}, True, {(("level",), "unknown"), (("x",), "unknown")}),
    ({"name": "a", "x": {"must_understand": 0}}, True, {(("x",), "unknown")}),
]


@pytest.mark.parametrize(("document", "ignorable", "expected"), INVALID)
def test_problems(document: Any, ignorable: bool, expected: set[tuple[tuple[str | int, ...], str]]) -> None:
    problems: list[Problem] = []
    assert parse_named_configuration(document, ("codecs", 1), problems, ignorable=ignorable) is None
    assert {(problem.path, problem.kind) for problem in problems} == {(("codecs", 1, *p), k) for p, k in expected}
