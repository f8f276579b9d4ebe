import json
import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.errors import InvalidMetadataError
from zarr_hdf5.metadata import dump_json, load_json

# value, its canonical bytes
VALID: list[tuple[Any, bytes]] = [
    ({}, b"{}\n"),
    ({"b": 1, "a": [1, 2]}, b'{\n  "b": 1,\n  "a": [\n    1,\n    2\n  ]\n}\n'),
    ({"ä": "µ"}, '{\n  "ä": "µ"\n}\n'.encode()),
    (-0.0, b"-0.0\n"),
    (10**400, b"1" + b"0" * 400 + b"\n"),
    ("\ud800", b'"\\ud800"\n'),
    (None, b"null\n"),
]


@pytest.mark.parametrize(("value", "data"), VALID)
def test_values_and_bytes(value: Any, data: bytes) -> None:
    assert dump_json(value) == data
    loaded = load_json(data)
    assert loaded == value
    assert repr(loaded) == repr(value)


def test_bare_nan() -> None:
    loaded = load_json(b'{"a": NaN}')
    assert isinstance(loaded, dict)
    assert math.isnan(loaded["a"])
    assert (
        dump_json([math.nan, {"a": (math.inf, -math.inf)}])
        == json.dumps(["NaN", {"a": ["Infinity", "-Infinity"]}], indent=2).encode() + b"\n"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_dumped_is_what_any_parser_reads(value: Any) -> None:
    data = dump_json(value)
    assert json.loads(data) == value
    assert load_json(data) == value


INVALID = {
    "empty": b"",
    "truncated": b'{"a": 1',
    "two values": b"{} {}",
    "not UTF-8": b'"\xff"',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "single quotes": b"{'a': 1}",
    "trailing comma": b"[1,]",
    "comment": b"{} // all",
    "control character": b'"\n"',
    "name twice": b'{"a": {"b": 1, "c": 2, "b": 1}}',
    "deep list": b"[" * 200_000,
    "deep object": b'{"a":' * 200_000,
    "long integer": b"9" * 10_000,
}


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID.keys())
def test_not_json(data: bytes) -> None:
    with pytest.raises(InvalidMetadataError, match=r"^a/zarr\.json: "):
        load_json(data, "a/zarr.json")


def test_name_twice_is_named_and_found_in_linear_time() -> None:
    members = ", ".join(f'"{i}": 0' for i in range(300_000))
    with pytest.raises(InvalidMetadataError, match="'299999' occurs twice"):
        load_json(f'{{{members}, "299999": 1}}'.encode())


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    with suppress(InvalidMetadataError):
        load_json(data)


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "value",
    [{1, 2}, b"bytes", {"a": np.float32(1)}, {(1, 2): 3}, np.zeros(2), 10**5000, CYCLE, deep(100_000)],
    ids=["set", "bytes", "numpy scalar", "tuple as name", "array", "long integer", "cycle", "deep"],
)
def test_not_jsonable(value: Any) -> None:
    with pytest.raises(InvalidMetadataError, match="JSON"):
        dump_json(value)
