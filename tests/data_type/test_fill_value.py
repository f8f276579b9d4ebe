import json
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zarr.core.dtype import get_data_type_from_json

from zarr_hdf5.data_type import (
    DataType,
    as_fill_value,
    default_fill_value,
    fill_value_to_json,
    parse_data_type,
    parse_fill_value,
)
from zarr_hdf5.errors import InvalidMetadataError, Problem

NUMERIC = ["bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
NUMERIC += ["float16", "float32", "float64", "complex64", "complex128"]


def data_type(name: str) -> DataType:
    found = parse_data_type(name, (), [])
    assert found is not None
    return found


def parse(name: str, document: object) -> tuple[Any, set[tuple[tuple[str | int, ...], str]]]:
    problems: list[Problem] = []
    value = parse_fill_value(data_type(name), document, ("fill_value",), problems)
    return value, {(problem.path, problem.kind) for problem in problems}


# data type, canonical JSON, the element's bytes in memory order, other JSON of the same value
VALID: list[tuple[str, Any, str, list[Any]]] = [
    ("bool", False, "00", []),
    ("bool", True, "01", []),
    ("int8", -128, "80", []),
    ("int16", -2, "feff", []),
    ("int32", 2**31 - 1, "ffffff7f", []),
    ("int64", -(2**63), "0000000000000080", []),
    ("uint8", 255, "ff", []),
    ("uint16", 258, "0201", []),
    ("uint32", 2**32 - 1, "ffffffff", []),
    ("uint64", 2**64 - 1, "ffffffffffffffff", []),
    ("float16", 0.1, "662e", ["0x2e66", 0.09998]),
    ("float16", "Infinity", "007c", [70000, 1e9, math.inf]),
    ("float16", "NaN", "007e", ["0x7e00", math.nan]),
    ("float16", "0x7c01", "017c", []),  # signalling
    ("float32", 0.0, "00000000", [0, 0.0, "0x00000000", 1e-300]),
    ("float32", -0.0, "00000080", ["0x80000000"]),
    ("float32", 0.1, "cdcccc3d", [0.10000000149011612]),
    ("float32", 1e-45, "01000000", ["0x00000001"]),
    ("float32", 7.0385306918512091e-26, "fd43ae15", ["0x15ae43fd"]),  # 7.038531e-26 would be rounded twice
    ("float32", "NaN", "0000c07f", ["0x7fc00000", "0x7FC00000", math.nan]),
    ("float32", "0xffc00000", "0000c0ff", ["0xFFC00000"]),
    ("float32", "0x7fc00001", "0100c07f", []),
    ("float32", "0x7f800001", "0100807f", []),  # signalling
    ("float32", "-Infinity", "000080ff", ["0xff800000", -1e39, -math.inf, -(10**400)]),
    ("float64", 1e300, "9c7500883ce4377e", []),
    ("float64", "Infinity", "000000000000f07f", [10**400]),
    ("float64", "NaN", "000000000000f87f", ["0x7ff8000000000000"]),
    ("float64", "0xfff0000000000001", "010000000000f0ff", []),
    ("complex64", [1.0, -2.5], "0000803f000020c0", [[1, -2.5], ["0x3f800000", "0xc0200000"]]),
    ("complex64", ["0x7f800001", "NaN"], "0100807f0000c07f", [["0x7f800001", "0x7fc00000"]]),
    ("complex128", ["-Infinity", -0.0], "000000000000f0ff0000000000000080", []),
    ("r8", [255], "ff", []),
    ("r24", [1, 2, 3], "010203", []),
]


@pytest.mark.parametrize(("name", "document", "raw", "others"), VALID)
def test_json_and_bits(name: str, document: Any, raw: str, others: list[Any]) -> None:
    for form in [document, *others]:
        value, problems = parse(name, form)
        assert problems == set()
        assert value is not None
        assert value.dtype == data_type(name).dtype
        assert value.tobytes().hex() == raw
        canonical = fill_value_to_json(data_type(name), value)
        assert json.dumps(canonical) == json.dumps(document)  # tells 0 from 0.0 from -0.0 from False
        again: Any = as_fill_value(data_type(name), value)
        assert again.tobytes() == value.tobytes()


INVALID: list[Any] = [
    ("bool", 0, (), "type"),
    ("bool", "true", (), "type"),
    ("bool", None, (), "type"),
    ("int8", 128, (), "value"),
    ("int8", -129, (), "value"),
    ("uint8", -1, (), "value"),
    ("uint64", 2**64, (), "value"),
    pytest.param("uint64", 10**5000, (), "value", id="huge"),
    ("int8", True, (), "type"),
    ("int8", 1.0, (), "type"),
    ("int8", "1", (), "type"),
    ("int8", None, (), "type"),
    ("float32", True, (), "type"),
    ("float32", None, (), "type"),
    ("float32", [1], (), "type"),
    ("float32", "nan", (), "value"),
    ("float32", "1.5", (), "value"),
    ("float32", "0x7fc0", (), "value"),
    ("float32", "0x7fc000000", (), "value"),
    ("float32", "0X7fc00000", (), "value"),
    ("float32", "0x7fc0000g", (), "value"),
    ("float32", "0x7fc00000\n", (), "value"),
    ("complex64", 1, (), "type"),
    ("complex64", "NaN", (), "type"),
    ("complex64", [1], (), "value"),
    ("complex64", [1, 2, 3], (), "value"),
    ("complex64", [1, True], (1,), "type"),
    ("complex64", ["0x7ff8000000000000", 1], (0,), "value"),
    ("r16", "AAA=", (), "type"),
    ("r16", [1], (), "value"),
    ("r16", [1, 256], (1,), "value"),
    ("r16", [-1, 0], (0,), "value"),
    ("r16", [True, 0], (0,), "type"),
    ("r16", [1.0, 0], (0,), "type"),
]


@pytest.mark.parametrize(("name", "document", "path", "kind"), INVALID)
def test_problems(name: str, document: Any, path: tuple[str | int, ...], kind: str) -> None:
    assert parse(name, document) == (None, {(("fill_value", *path), kind)})


def test_every_problem_is_told() -> None:
    assert parse("complex64", [True, "x"])[1] == {(("fill_value", 0), "type"), (("fill_value", 1), "value")}


EXPONENT = {"float16": 0x7C00, "float32": 0x7F800000, "float64": 0x7FF0000000000000}


@st.composite
def elements(draw: st.DrawFn, name: str) -> bytes:
    """Bytes of one element, many of them NaNs."""
    if name.startswith("complex"):
        part = {"complex64": "float32", "complex128": "float64"}[name]
        return draw(elements(part)) + draw(elements(part))
    nbytes = data_type(name).dtype.itemsize
    bits = draw(st.integers(0, 1 if name == "bool" else 2 ** (8 * nbytes) - 1))
    if name in EXPONENT and draw(st.booleans()):
        bits |= EXPONENT[name]
    return bits.to_bytes(nbytes, "little")


@pytest.mark.parametrize("name", [*NUMERIC, "r8", "r40"])
@given(data=st.data())
def test_random_bits_survive(name: str, data: st.DataObject) -> None:
    dtype = data_type(name).dtype
    raw = data.draw(elements(name))
    document = fill_value_to_json(data_type(name), np.frombuffer(raw, dtype)[0])
    text = json.dumps(document, allow_nan=False)  # as strict as other readers
    value, problems = parse(name, json.loads(text))
    assert problems == set()
    assert value is not None
    assert value.tobytes() == raw


@pytest.mark.parametrize("name", NUMERIC)
@given(data=st.data())
def test_zarr_python_reads_ours_and_we_read_theirs(name: str, data: st.DataObject) -> None:
    ours = data_type(name)
    raw = data.draw(elements(name))
    value = np.frombuffer(raw, ours.dtype)[0]
    theirs = get_data_type_from_json(name, zarr_format=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, of signalling NaNs
        read = theirs.from_json_scalar(fill_value_to_json(ours, value), zarr_format=3)
        written = theirs.to_json_scalar(value, zarr_format=3)
    # Zarr-python does not keep NaN's payload; everything else must be equal to the bit.
    np.testing.assert_array_equal(np.asarray(read), value, strict=True)
    parsed, problems = parse(name, json.loads(json.dumps(written)))
    assert problems == set()
    np.testing.assert_array_equal(np.asarray(parsed), value, strict=True)
    if not np.isnan(value):
        assert np.asarray(read).tobytes() == np.asarray(parsed).tobytes() == raw


@pytest.mark.parametrize("name", [*NUMERIC, "r24"])
def test_default(name: str) -> None:
    value: Any = default_fill_value(data_type(name))
    assert value.dtype == data_type(name).dtype
    assert value.tobytes() == bytes(value.dtype.itemsize)


# data type, user's value, what it becomes as JSON
TAKEN: list[tuple[str, Any, Any]] = [
    ("bool", True, True),
    ("bool", np.True_, True),
    ("bool", 0, False),
    ("int8", -3, -3),
    ("int8", 3.0, 3),
    ("int8", np.uint64(7), 7),
    ("int8", np.float32(-7), -7),
    ("int8", True, 1),
    ("uint64", 2**64 - 1, 2**64 - 1),
    ("int16", np.array(5, ">i2"), 5),
    ("float16", 0.1, 0.1),
    ("float32", np.float64(0.1), 0.1),
    ("float32", 2**24, 2.0**24),
    ("float32", "Infinity", "Infinity"),
    ("float32", "0x7fc00001", "0x7fc00001"),
    ("float32", float("nan"), "NaN"),
    ("float32", np.inf, "Infinity"),
    ("float64", np.float16("-inf"), "-Infinity"),
    ("float64", True, 1.0),
    ("complex64", 1, [1.0, 0.0]),
    ("complex64", 1 - 2j, [1.0, -2.0]),
    ("complex64", np.complex128(0.1j), [0.0, 0.1]),
    ("complex64", ("NaN", 2), ["NaN", 2.0]),
    ("complex128", np.float32(0.5), [0.5, 0.0]),
    ("r24", b"abc", [97, 98, 99]),
    ("r24", bytearray(b"ab\0"), [97, 98, 0]),
    ("r24", memoryview(b"abc"), [97, 98, 99]),
    ("r24", np.void(b"abc"), [97, 98, 99]),
    ("r24", [1, 2, 3], [1, 2, 3]),
]


@pytest.mark.parametrize(("name", "value", "document"), TAKEN)
def test_taken_from_users(name: str, value: Any, document: Any) -> None:
    taken: Any = as_fill_value(data_type(name), value)
    assert taken.dtype == data_type(name).dtype
    assert json.dumps(fill_value_to_json(data_type(name), taken)) == json.dumps(document)


REFUSED: list[Any] = [
    ("bool", 2),
    ("bool", 0.5),
    ("bool", 1j),
    ("bool", "true"),
    ("int8", 128),
    pytest.param("int8", 10**5000, id="huge"),
    ("int8", 0.5),
    ("int8", math.nan),
    ("int8", math.inf),
    ("int8", 1 + 0j),
    ("int8", "1"),
    ("uint8", np.int8(-1)),
    ("float16", 65536),
    ("float16", 2049),
    ("float32", 1e39),
    ("float32", 2**24 + 1),
    ("float64", 10**400),
    ("float64", 2**53 + 1),
    ("float64", 1 + 0j),
    ("float64", np.complex64(1)),
    ("float64", "one"),
    ("float64", None),
    ("float64", b"12345678"),
    ("float64", np.datetime64(0, "ns")),
    ("float64", np.longdouble(1)),
    ("float64", np.array([1.0])),
    ("float64", object()),
    ("complex64", 1e39j),
    ("complex64", [1]),
    ("r24", b"ab"),
    ("r24", b"abcd"),
    ("r24", 0),
    ("r24", "abc"),
    ("r24", np.zeros((), "i1,i2")[()]),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_refused_from_users(name: str, value: Any) -> None:
    with pytest.raises(InvalidMetadataError, match="fill_value") as caught:
        as_fill_value(data_type(name), value)
    assert all(problem.path[0] == "fill_value" for problem in caught.value.problems)
