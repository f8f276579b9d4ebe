"""Fill values of the data types of the zarr-extensions registry; zarr-python is the judge of what JSON says."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zarr.core.dtype import get_data_type_from_json

from zarr_hdf5.data_type import (
    DataType,
    FillValue,
    as_fill_value,
    default_fill_value,
    fill_value_to_json,
    packed,
    parse_fill_value,
)
from zarr_hdf5.errors import InvalidMetadataError, Problem

pytestmark = pytest.mark.filterwarnings("ignore:The data type")

STRING, BYTES, RAW = DataType.string(), DataType.variable_length_bytes(), DataType.raw_bytes(3)
S3, U2 = DataType.from_numpy("S3"), DataType.from_numpy("<U2")
DATE, SPAN = DataType.from_numpy("M8[s]"), DataType.from_numpy("m8[10us]")
PAIR = DataType.from_numpy([("a", "<i2"), ("b", "<f4")])
DEEP = DataType.from_numpy([("s", "S2"), ("p", [("u", "<U1"), ("ok", "?")])])
NAT = -(2**63)


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def parse(data_type: DataType, document: object) -> tuple[FillValue | None, set[tuple[tuple[str | int, ...], str]]]:
    problems: list[Problem] = []
    value = parse_fill_value(data_type, document, ("fill_value",), problems)
    return value, {(problem.path, problem.kind) for problem in problems}


# data type, canonical JSON, the value, other JSON of the same value
VALID: list[tuple[DataType, Any, Any, list[Any]]] = [
    (STRING, "", "", []),
    (STRING, "äb\0", "äb\0", []),
    (BYTES, "", b"", [[]]),
    (BYTES, b64(b"a\xff\0"), b"a\xff\0", [[97, 255, 0]]),
    (RAW, b64(b"\0\0\0"), np.void(b"\0\0\0"), [[0, 0, 0]]),
    (S3, "", np.bytes_(b""), [b64(b"\0")]),
    (S3, b64(b"abc"), np.bytes_(b"abc"), []),
    (U2, "", np.str_(""), ["\0"]),
    (U2, "\U0001f600b", np.str_("\U0001f600b"), []),
    (DATE, "NaT", np.datetime64("NaT", "s"), [NAT]),
    (DATE, -5, np.datetime64(-5, "s"), []),
    (SPAN, 7, np.timedelta64(70, "us"), []),
    (PAIR, b64(bytes(6)), np.zeros((), PAIR.dtype)[()], [{"a": 0, "b": 0.0}]),
    (PAIR, "AQAAAMB/", np.array((1, np.nan), PAIR.dtype)[()], [{"b": "NaN", "a": 1}]),
    (
        DEEP,
        b64(b"q\0x\0\0\0\1"),
        np.array((b"q", ("x", True)), DEEP.dtype)[()],
        [{"s": b64(b"q"), "p": {"u": "x", "ok": True}}, b64(b"q\0x\0\0\0\2")],
    ),
]
IDS = [f"{data_type.name}-{i}" for i, (data_type, *_) in enumerate(VALID)]


@pytest.mark.parametrize(("data_type", "document", "value", "others"), VALID, ids=IDS)
def test_json_and_values(data_type: DataType, document: Any, value: Any, others: list[Any]) -> None:
    wanted = np.asarray(value, data_type.dtype).astype(data_type.dtype)
    for form in [document, *others]:
        found, problems = parse(data_type, form)
        assert problems == set()
        assert found is not None
        if data_type.is_variable:
            assert (type(found), found) == (type(value), value)
        else:
            assert np.asarray(found, data_type.dtype).tobytes() == wanted.tobytes()
        assert json.dumps(fill_value_to_json(data_type, found)) == json.dumps(document)
        assert fill_value_to_json(data_type, as_fill_value(data_type, found)) == document


@pytest.mark.parametrize(("data_type", "document", "value", "others"), VALID, ids=IDS)
def test_zarr_python_reads_the_same(data_type: DataType, document: Any, value: Any, others: list[Any]) -> None:
    theirs = get_data_type_from_json(data_type.to_json(), zarr_format=3)
    found = theirs.from_json_scalar(document, zarr_format=3)
    if data_type.is_variable:
        assert found == value
    else:
        ours, _ = parse(data_type, document)
        assert np.asarray(found, data_type.dtype).tobytes() == np.asarray(ours, data_type.dtype).tobytes()
    again, problems = parse(data_type, theirs.to_json_scalar(found, zarr_format=3))
    assert problems == set()
    assert again is not None
    assert fill_value_to_json(data_type, again) == document


@pytest.mark.parametrize("data_type", [STRING, BYTES, RAW, S3, U2, DATE, SPAN, PAIR], ids=lambda t: t.name)
def test_default_is_that_of_zarr_python(data_type: DataType) -> None:
    theirs = get_data_type_from_json(data_type.to_json(), zarr_format=3)
    document = theirs.to_json_scalar(theirs.default_scalar(), zarr_format=3)
    default = fill_value_to_json(data_type, default_fill_value(data_type))
    assert default == (document if document != NAT else "NaT")


INVALID: list[tuple[DataType, Any, tuple[str, ...], str]] = [
    (STRING, 1, (), "type"),
    (STRING, None, (), "type"),
    (STRING, "\ud800", (), "value"),
    (BYTES, "a", (), "value"),
    (BYTES, "YQ= =", (), "value"),
    (BYTES, "\xe4", (), "value"),
    (BYTES, [256], (0,), "value"),  # type: ignore[list-item]
    (BYTES, 1, (), "type"),
    (RAW, "YWI=", (), "value"),
    (RAW, [1, 2], (), "value"),
    (S3, "YWJjZA==", (), "value"),
    (S3, 0, (), "type"),
    (U2, "abc", (), "value"),
    (U2, ["a"], (), "type"),
    (DATE, "2020-01-01", (), "type"),
    (DATE, 1.0, (), "type"),
    (DATE, 2**63, (), "value"),
    (PAIR, b64(bytes(5)), (), "value"),
    (PAIR, 0, (), "type"),
    (PAIR, {"a": 1}, ("b",), "missing"),
    (PAIR, {"a": 1, "b": 1, "c": 1}, ("c",), "unknown"),
    (PAIR, {"a": 2**15, "b": 1}, ("a",), "value"),
    (DEEP, {"s": "", "p": {"u": "ab", "ok": True}}, ("p", "u"), "value"),
    (DEEP, b64(b"q\0\0\0\x11\0\1"), (), "value"),  # no character of Unicode
]


@pytest.mark.parametrize(("data_type", "document", "path", "kind"), INVALID, ids=range(len(INVALID)))
def test_problems(data_type: DataType, document: Any, path: tuple[str, ...], kind: str) -> None:
    assert parse(data_type, document) == (None, {(("fill_value", *path), kind)})


# data type, what a user gives, the canonical JSON of it
GIVEN: list[tuple[DataType, Any, Any]] = [
    (STRING, np.str_("ab"), "ab"),
    (STRING, np.array("ab"), "ab"),
    (BYTES, "text", b64(b"text")),
    (BYTES, bytearray(b"a\0"), b64(b"a\0")),
    (BYTES, np.bytes_(b"a"), b64(b"a")),
    (S3, "ab", b64(b"ab")),
    (S3, b"abc", b64(b"abc")),
    (S3, np.bytes_(b"a"), b64(b"a")),
    (U2, np.str_("a"), "a"),
    (RAW, b"abc", b64(b"abc")),
    (DATE, np.datetime64("1970-01-02", "D"), 86400),
    (DATE, "1970-01-02", 86400),
    (DATE, np.datetime64("NaT"), "NaT"),
    (DATE, "NaT", "NaT"),
    (DATE, 5, 5),
    (PAIR, (1, 2.5), "AQAAACBA"),
    (PAIR, [1, 2.5], "AQAAACBA"),
    (PAIR, 0, b64(bytes(6))),
    (PAIR, {"a": 1, "b": 2.5}, "AQAAACBA"),
    (PAIR, b"\1\0\0\0 @", "AQAAACBA"),
    (PAIR, np.array((1, 2.5), [("a", ">i2"), ("b", ">f4")]), "AQAAACBA"),
]


@pytest.mark.parametrize(("data_type", "value", "document"), GIVEN, ids=range(len(GIVEN)))
def test_as_fill_value(data_type: DataType, value: object, document: object) -> None:
    assert fill_value_to_json(data_type, as_fill_value(data_type, value)) == document


REFUSED: list[tuple[DataType, Any]] = [
    (STRING, 0),
    (STRING, b"a"),
    (STRING, None),
    (BYTES, 0),
    (S3, b"abcd"),
    (S3, 0),
    (U2, "abc"),
    (U2, b"a"),
    (RAW, b"ab"),
    (DATE, np.datetime64("1970-01-01T00:00:00.5")),
    (DATE, "yesterday"),
    (DATE, 1.5),
    (SPAN, np.timedelta64(5, "us")),
    (PAIR, (1, 2, 3)),
    (PAIR, "AA=="),
    (PAIR, b"ab"),
    (PAIR, object()),
]


@pytest.mark.parametrize(("data_type", "value"), REFUSED, ids=range(len(REFUSED)))
def test_refused(data_type: DataType, value: object) -> None:
    with pytest.raises(InvalidMetadataError, match="fill_value"):
        as_fill_value(data_type, value)


def test_verbatim_structures() -> None:
    """The value is of the type in memory, its JSON of the packed one."""
    dtype = np.dtype([("a", ">i2"), ("b", "<i4", (2,)), ("c", "<i8")], align=True)
    data_type = DataType.verbatim(dtype)
    value: Any = np.array((1, [2, 3], 4), dtype)[()]
    document = fill_value_to_json(data_type, value)
    assert document == b64(b"".join(n.to_bytes(size, "little") for n, size in ((1, 2), (2, 4), (3, 4), (4, 8))))
    again, _ = parse(data_type, document)
    assert isinstance(again, np.void)
    assert again.dtype == dtype
    assert again == value
    packed_value, _ = parse(data_type.canonical, document)
    assert isinstance(packed_value, np.void)
    assert packed_value.tobytes() == np.asarray(value).astype(packed(dtype)).tobytes()


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary())
def test_any_text_and_any_bytes(text: str, raw: bytes) -> None:
    for data_type, value in ((STRING, text), (BYTES, raw)):
        document = json.loads(json.dumps(fill_value_to_json(data_type, value)))
        assert parse(data_type, document) == (value, set())
