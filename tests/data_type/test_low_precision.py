"""Numbers of few bits: what the registry says of their bits, and their fill values.

The judges are the layouts as the registry has them, worked out here in plain arithmetic, and numpy.
"""

import json
import math
import sys
from functools import cache
from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.data_type import (
    COMPLEX,
    FORMATS,
    DataType,
    as_fill_value,
    as_integers,
    complex_elements,
    component,
    default_fill_value,
    fill_value_to_json,
    is_fragile,
    parse_data_type,
    parse_fill_value,
    sound_elements,
    widened,
)
from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError

NAN, INF = math.nan, math.inf
# Bits of exponent and mantissa, bias, and what the bits mean that are no numbers; the sign is above the exponent.
FLOATS: dict[str, tuple[int, int, int, dict[int, float]]] = {
    "float4_e2m1fn": (2, 1, 1, {}),
    "float6_e2m3fn": (2, 3, 1, {}),
    "float6_e3m2fn": (3, 2, 3, {}),
    "float8_e4m3fn": (4, 3, 7, {0x7F: NAN, 0xFF: NAN}),
    "float8_e4m3b11fnuz": (4, 3, 11, {0x80: NAN}),
    "float8_e4m3fnuz": (4, 3, 8, {0x80: NAN}),
    "float8_e5m2fnuz": (5, 2, 16, {0x80: NAN}),
}
IEEE = {"float8_e3m4": (3, 4, 3), "float8_e4m3": (4, 3, 7), "float8_e5m2": (5, 2, 15), "bfloat16": (8, 7, 127)}
INTEGERS = {"int2": (-2, 1), "int4": (-8, 7), "uint2": (0, 3), "uint4": (0, 15)}
STANDARD_NAN = {
    "float8_e3m4": 0x78,
    "float8_e4m3": 0x7C,
    "float8_e5m2": 0x7E,
    "bfloat16": 0x7FC0,
    "float8_e4m3fn": 0x7F,
    "float8_e4m3b11fnuz": 0x80,
    "float8_e4m3fnuz": 0x80,
    "float8_e5m2fnuz": 0x80,
    "float8_e8m0fnu": 0xFF,
}


def data_type(name: str) -> DataType:
    found = parse_data_type(name, (), [])
    assert found is not None
    return found


def parse(name: str, document: object) -> tuple[Any, list[tuple[tuple[str | int, ...], str]]]:
    problems: list[Problem] = []
    value = parse_fill_value(data_type(name), document, ("fill_value",), problems)
    return value, [(problem.path, problem.kind) for problem in problems]


@cache
def numbers_of(name: str) -> list[float]:
    """What each pattern of bits is worth, by the registry."""
    if name == "float8_e8m0fnu":
        return [2.0 ** (bits - 127) for bits in range(255)] + [NAN]
    exponents, mantissas, bias, special = FLOATS.get(name) or (*IEEE[name], {})
    found = []
    for bits in range(1 << (1 + exponents + mantissas)):
        mantissa, exponent = bits & ((1 << mantissas) - 1), bits >> mantissas & ((1 << exponents) - 1)
        value = math.ldexp(mantissa + ((1 << mantissas) if exponent else 0), max(exponent, 1) - bias - mantissas)
        if name in IEEE and exponent == (1 << exponents) - 1:
            value = NAN if mantissa else INF
        found.append(special.get(bits, -value if bits >> (exponents + mantissas) else value))
    return found


@cache
def neighbours(name: str) -> list[tuple[tuple[float, int], tuple[float, int]]]:
    """Numbers from zero on and their bits, each with the next."""
    found = [(value, bits) for bits, value in enumerate(numbers_of(name)) if math.copysign(1, value) > 0]
    found = [(value, bits) for value, bits in found if math.isfinite(value)]
    return list(pairwise(sorted(found)))


def all_elements(name: str) -> np.ndarray[Any, Any]:
    found = FORMATS[name]
    return np.arange(1 << found.bits, dtype=f"<u{found.nbytes}").view(data_type(name).dtype)


def test_every_type_is_tested() -> None:
    assert set(FORMATS) == {*FLOATS, *IEEE, *INTEGERS, "float8_e8m0fnu"}
    floats = {*FLOATS, *IEEE, "float8_e8m0fnu"} - {"float8_e4m3fn"}
    assert set(COMPLEX) == {f"complex_{name}" for name in (*floats, "float16", "float32", "float64")}


@pytest.mark.parametrize("name", [*FLOATS, *IEEE, "float8_e8m0fnu"])
def test_bits_of_floats(name: str) -> None:
    with np.errstate(invalid="ignore"):  # of signalling NaNs
        found = all_elements(name).astype(np.float64)
    np.testing.assert_array_equal(found, numbers_of(name))
    zeros = found == 0
    assert np.signbit(found[zeros]).tolist() == np.signbit(np.array(numbers_of(name))[zeros]).tolist()


@pytest.mark.parametrize("name", INTEGERS)
def test_bits_of_integers(name: str) -> None:
    low, high = INTEGERS[name]
    wanted = [*range(high + 1), *range(low, 0)]
    assert all_elements(name).astype(int).tolist() == wanted


@pytest.mark.parametrize("name", [*FORMATS, *COMPLEX])
def test_names(name: str) -> None:
    found = data_type(name)
    assert found.to_json() == found.name == name
    assert parse_data_type({"name": name, "configuration": {}}, (), []) == found
    assert found.canonical == found
    assert found.is_number
    assert found.dtype.itemsize == {"bfloat16": 2, "complex_float16": 4, "complex_bfloat16": 4}.get(
        name, {"complex_float32": 8, "complex_float64": 16}.get(name, 1 + name.startswith("complex"))
    )
    problems: list[Problem] = []
    assert parse_data_type({"name": name, "configuration": {"x": 1}}, (), problems) is None
    assert [p.kind for p in problems] == ["unknown"]


@pytest.mark.parametrize("name", FORMATS)
def test_from_numpy(name: str) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name))
    assert DataType.from_numpy(dtype) == DataType.from_numpy(dtype.newbyteorder(">")) == data_type(name)
    assert data_type(name).dtype == dtype
    nested = DataType.from_numpy([("a", dtype), ("b", [("c", dtype, (2,))])])
    assert parse_data_type(nested.to_json(), (), []) == nested


def test_others_of_ml_dtypes() -> None:
    assert DataType.from_numpy(np.dtype(ml_dtypes.complex32)).name == "complex_float16"
    assert DataType.from_numpy(np.dtype(ml_dtypes.bcomplex32)).name == "complex_bfloat16"
    with pytest.raises(UnsupportedFeatureError, match="int1"):
        DataType.from_numpy(np.dtype(ml_dtypes.int1))


@pytest.mark.parametrize("name", ["int4", "bfloat16", "complex_float8_e5m2"])
@pytest.mark.parametrize("module", [None, sys])  # not installed; too old to have it
def test_without_ml_dtypes(name: str, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", module)
    problems: list[Problem] = []
    assert parse_data_type(name, ("data_type",), problems) is None
    assert [(p.path, p.kind) for p in problems] == [(("data_type",), "unsupported")]
    assert "zarr-hdf5[ml]" in problems[0].message
    with pytest.raises(UnsupportedFeatureError, match=r"zarr-hdf5\[ml\]"):
        DataType.low_precision(name)
    assert data_type("complex_float16").dtype == [("r", "<f2"), ("i", "<f2")]


# data type, canonical JSON, the element's bytes, other JSON of the same value
VALID: list[tuple[str, Any, str, list[Any]]] = [
    ("int2", -2, "02", []),
    ("int4", -8, "08", []),
    ("int4", 7, "07", []),
    ("uint2", 3, "03", []),
    ("uint4", 15, "0f", []),
    ("float4_e2m1fn", -6.0, "0f", ["0x0f", "0x0F", -6]),
    ("float4_e2m1fn", 0.5, "01", [0.6]),
    ("float6_e2m3fn", 7.5, "1f", ["0x1f", 7.4]),
    ("float6_e3m2fn", -28.0, "3f", []),
    ("float8_e3m4", "NaN", "78", ["0x78"]),
    ("float8_e3m4", "0x79", "79", []),
    ("float8_e3m4", "-Infinity", "f0", ["0xf0", -1e9]),
    ("float8_e4m3", "NaN", "7c", []),
    ("float8_e4m3", 240.0, "77", [241]),
    ("float8_e4m3b11fnuz", "NaN", "80", ["0x80"]),
    ("float8_e4m3fn", "NaN", "7f", []),
    ("float8_e4m3fn", "0xff", "ff", []),
    ("float8_e4m3fn", 448.0, "7e", []),
    ("float8_e4m3fnuz", 0.0, "00", [-0.0]),
    ("float8_e5m2", "NaN", "7e", []),
    ("float8_e5m2", -0.0, "80", []),
    ("float8_e5m2fnuz", "NaN", "80", []),
    ("float8_e8m0fnu", "0x7f", "7f", [1, 1.0, "0x7F"]),
    ("float8_e8m0fnu", "NaN", "ff", ["0xff"]),
    ("float8_e8m0fnu", "0x00", "00", [0, 0.0, 2.0**-127, 1e-300]),
    ("bfloat16", "NaN", "c07f", ["0x7fc0", math.nan]),
    ("bfloat16", "0x7fc1", "c17f", []),
    ("bfloat16", "0x7f81", "817f", []),  # signalling
    ("bfloat16", "Infinity", "807f", [1e39, 10**400]),
    ("bfloat16", 1.0078125, "813f", [1 + 2.0**-8 + 2.0**-40]),  # to float32 first, it would be 1.0
    ("complex_float16", ["0x7e01", -0.0], "017e0080", [["0x7e01", "0x8000"]]),
    ("complex_float32", [1.0, "NaN"], "0000803f0000c07f", [[1, "0x7fc00000"]]),
    ("complex_float64", [0.0, "0xfff0000000000001"], "0000000000000000010000000000f0ff", []),
    ("complex_bfloat16", ["0x7fc1", 0.5], "c17f003f", []),
    ("complex_float4_e2m1fn", [6.0, -0.5], "0709", []),
    ("complex_float8_e8m0fnu", ["0x80", "NaN"], "80ff", [[2, "NaN"]]),
]


@pytest.mark.parametrize(("name", "document", "raw", "others"), VALID)
def test_json_and_bits(name: str, document: Any, raw: str, others: list[Any]) -> None:
    for form in [document, *others]:
        value, problems = parse(name, form)
        assert problems == []
        assert value.dtype == data_type(name).dtype
        assert value.tobytes().hex() == raw
        assert json.dumps(fill_value_to_json(data_type(name), value)) == json.dumps(document)
        again: Any = as_fill_value(data_type(name), value)
        assert again.tobytes() == value.tobytes()


INVALID: list[Any] = [
    ("int4", 8, (), "value"),
    ("int4", -9, (), "value"),
    ("uint2", 4, (), "value"),
    ("uint2", -1, (), "value"),
    pytest.param("uint4", 10**5000, (), "value", id="huge"),
    ("int4", 1.0, (), "type"),
    ("int4", True, (), "type"),
    ("int4", "0x01", (), "type"),
    ("float4_e2m1fn", "NaN", (), "value"),
    ("float4_e2m1fn", "Infinity", (), "value"),
    ("float4_e2m1fn", 6.1, (), "value"),
    ("float4_e2m1fn", -1e300, (), "value"),
    pytest.param("float4_e2m1fn", 10**400, (), "value", id="infinite"),
    ("float4_e2m1fn", "0x10", (), "value"),
    ("float6_e2m3fn", "0x40", (), "value"),
    ("float8_e4m3fn", 449, (), "value"),
    ("float8_e4m3fnuz", "-Infinity", (), "value"),
    ("float8_e5m2", "0x7e00", (), "value"),
    ("float8_e8m0fnu", -1.0, (), "value"),
    ("float8_e8m0fnu", 1e300, (), "value"),
    ("bfloat16", "0x7fc", (), "value"),
    ("bfloat16", [1], (), "type"),
    ("complex_bfloat16", 1, (), "type"),
    ("complex_bfloat16", [1], (), "value"),
    ("complex_float4_e2m1fn", [1, "NaN"], (1,), "value"),
    ("complex_float16", ["0x7e0000", 0], (0,), "value"),
]


@pytest.mark.parametrize(("name", "document", "path", "kind"), INVALID)
def test_problems(name: str, document: Any, path: tuple[str | int, ...], kind: str) -> None:
    assert parse(name, document) == (None, [(("fill_value", *path), kind)])


def check_bits(name: str, raw: bytes) -> None:
    kind = data_type(name)
    text = json.dumps(fill_value_to_json(kind, np.frombuffer(raw, kind.dtype)[0]), allow_nan=False)
    value, problems = parse(name, json.loads(text))
    assert problems == []
    assert value.tobytes() == raw


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "bfloat16"])
def test_all_bits_survive(name: str) -> None:
    for bits in range(1 << FORMATS[name].bits):
        check_bits(name, bytes([bits]))
        if f"complex_{name}" in COMPLEX:
            check_bits(f"complex_{name}", bytes([bits, 1]))


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**16 - 1))
def test_random_bits_survive(first: int, second: int) -> None:
    for bits in (first, first | 0x7F80, first | 0x7C00):
        check_bits("bfloat16", bits.to_bytes(2, "little"))
        for name in ("complex_bfloat16", "complex_float16"):
            check_bits(name, bits.to_bytes(2, "little") + second.to_bytes(2, "little"))


@pytest.mark.parametrize("name", [*FLOATS, *IEEE])
@given(data=st.data())
def test_rounded_to_the_nearest(name: str, data: st.DataObject) -> None:
    """Of two that are as near, the one of even bits."""
    (low, low_bits), (high, high_bits) = data.draw(st.sampled_from(neighbours(name)))
    number = data.draw(st.floats(low, high) | st.just((low + high) / 2))
    nearer = number - low, high - number
    wanted = low_bits if nearer[0] < nearer[1] or (nearer[0] == nearer[1] and low_bits % 2 == 0) else high_bits
    value, problems = parse(name, number)
    assert problems == []
    assert value.tobytes() == wanted.to_bytes(FORMATS[name].nbytes, "little")


# data type, user's value, what it becomes as JSON
TAKEN: list[tuple[str, Any, Any]] = [
    ("int4", -3, -3),
    ("int4", np.int64(-3), -3),
    ("int4", 3.0, 3),
    ("int4", ml_dtypes.uint4(5), 5),
    ("uint2", True, 1),
    ("bfloat16", 0.1, 0.10009765625),
    ("bfloat16", np.float32(2), 2.0),
    ("bfloat16", ml_dtypes.float8_e5m2(2), 2.0),
    ("bfloat16", "0x7fc1", "0x7fc1"),
    ("float8_e5m2", math.inf, "Infinity"),
    ("float8_e8m0fnu", 4, "0x81"),
    ("complex_bfloat16", 1 - 2j, [1.0, -2.0]),
    ("complex_float16", np.complex64(1j), [0.0, 1.0]),
    ("complex_float16", (1, "NaN"), [1.0, "NaN"]),
    ("complex_float8_e4m3", 1.5, [1.5, 0.0]),
    ("complex_float32", 1j, [0.0, 1.0]),
]
REFUSED: list[tuple[str, Any]] = [
    ("int4", 8),
    ("int4", 0.5),
    ("int4", b"\1"),
    ("int4", None),
    ("bfloat16", 1e39),
    ("bfloat16", 257),
    ("bfloat16", 1j),
    ("bfloat16", b"\0\0"),
    ("float4_e2m1fn", math.nan),
    ("float8_e4m3fn", math.inf),
    ("float8_e8m0fnu", 3.5e38),
    ("float8_e8m0fnu", 0),
    ("complex_bfloat16", b"\0\0\0\0"),
    ("complex_bfloat16", "one"),
    ("complex_float4_e2m1fn", 7j),
]


@pytest.mark.parametrize(("name", "value", "document"), TAKEN, ids=repr)
def test_taken_from_users(name: str, value: Any, document: Any) -> None:
    taken: Any = as_fill_value(data_type(name), value)
    assert taken.dtype == data_type(name).dtype
    assert json.dumps(fill_value_to_json(data_type(name), taken)) == json.dumps(document)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_refused_from_users(name: str, value: Any) -> None:
    with pytest.raises(InvalidMetadataError, match="fill_value"):
        as_fill_value(data_type(name), value)


@pytest.mark.parametrize("name", [*FORMATS, *COMPLEX])
def test_default(name: str) -> None:
    value: Any = default_fill_value(data_type(name))
    assert value.tobytes() == bytes(data_type(name).dtype.itemsize)


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].bits < 8])
def test_bits_that_mean_nothing_are_cleared(name: str) -> None:
    dtype, mask = data_type(name).dtype, FORMATS[name].mask
    raw = np.arange(256, dtype="u1")
    assert is_fragile(dtype)
    assert sound_elements(raw.view(dtype)).tobytes() == (raw & mask).tobytes()
    clean = (raw & mask).view(dtype)
    assert sound_elements(clean) is clean
    pair = np.dtype([("a", "<i2"), ("b", dtype, (2,))])
    assert sound_elements(np.full(4, 0xFF, "u1").view(pair)).tobytes() == bytes((0xFF, 0xFF, mask, mask))
    assert raw[255] == 255
    assert not is_fragile(data_type("bfloat16").dtype)


def test_layouts_for_others() -> None:
    dtype = np.dtype({"names": ["x", "y"], "formats": ["<i4", ml_dtypes.bfloat16], "offsets": [4, 0], "itemsize": 12})
    assert as_integers(dtype) == np.dtype(layout(dtype) | {"formats": ["<i4", "<u2"]})
    assert widened(dtype) == np.dtype([("x", "<i4"), ("y", "<f4")])
    plain = np.dtype([("a", "<i4", (2,)), ("b", "S3")])
    assert as_integers(plain) == plain
    assert widened(plain) == plain
    sub = np.dtype([("a", ml_dtypes.int4, (2, 3))])
    assert as_integers(sub) == np.dtype([("a", "u1", (2, 3))])
    assert widened(sub) == np.dtype([("a", "i1", (2, 3))])


def layout(dtype: np.dtype[Any]) -> Any:
    fields = dict(dtype.fields or {})
    names = list(dtype.names or ())
    return {"names": names, "offsets": [fields[name][1] for name in names], "itemsize": dtype.itemsize}


def test_components() -> None:
    assert component(data_type("complex_float16").dtype) == np.float16
    assert component(data_type("complex_bfloat16").dtype) == ml_dtypes.bfloat16
    for other in ("f4", "c8", [("r", "f4"), ("i", "f4")], [("r", "f2"), ("i", "f4")], [("x", "f2"), ("y", "f2")]):
        assert component(np.dtype(other)) is None
    assert component(np.dtype([("r", ml_dtypes.int4), ("i", ml_dtypes.int4)])) is None


@pytest.mark.parametrize("name", ["complex_float16", "complex_bfloat16", "complex_float8_e5m2"])
def test_complex_elements(name: str) -> None:
    dtype = data_type(name).dtype
    wanted = np.array([[(1, 2), (3, -4)]], dtype)
    for value in (
        [[1 + 2j, 3 - 4j]],
        [[(1, 2), (3, -4)]],
        np.array([[1 + 2j, 3 - 4j]], "c8"),
        np.array([[1 + 2j, 3 - 4j]], ml_dtypes.complex32),
        wanted,
    ):
        assert complex_elements(value, dtype).astype(dtype).tobytes() == wanted.tobytes()
    assert complex_elements(5, dtype).tolist() == (5, 0)
