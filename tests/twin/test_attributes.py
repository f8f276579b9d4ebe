"""Attributes from JSON to HDF5 and back."""

import base64
import json
import struct
from typing import Any

import h5py
import numpy as np
import pytest

from zarr_hdf5.twin.attributes import RESERVED, hdf5_attributes, json_attributes

F4 = np.dtype("f4")

# JSON value, and what HDF5 holds for it; a str on the right of another kind of value is JSON text.
CASES: list[tuple[Any, Any]] = [
    (1, np.int64(1)),
    (2**63, np.uint64(2**63)),
    (2**64, str(2**64)),
    (-1.5, np.float64(-1.5)),
    (True, np.bool_(True)),
    ("text ü", "text ü"),
    ("a\0b", json.dumps("a\0b")),
    ("half \ud800", json.dumps("half \ud800")),
    ([1, 2], np.array([1, 2])),
    ([1, 2.5], np.array([1.0, 2.5])),
    ([True, False], np.array([True, False])),
    ([1, True], "[1, true]"),
    ([2**63, -1], f"[{2**63}, -1]"),
    (["a", "b"], ["a", "b"]),
    (["a", 1], '["a", 1]'),
    ([], "[]"),
    ([[1, 2], [3, 4]], "[[1, 2], [3, 4]]"),
    (None, "null"),
    ({"a": 1}, '{"a": 1}'),
    (["x"] * 5000, json.dumps(["x"] * 5000)),
    (list(range(10_000)), json.dumps(list(range(10_000)))),
]


@pytest.mark.parametrize(("value", "wanted"), CASES)
def test_to_hdf5(value: Any, wanted: Any) -> None:
    ((name, found),) = hdf5_attributes({"n": value}, F4)
    assert name == "n"
    assert isinstance(found, np.generic if isinstance(wanted, np.generic) else type(wanted))
    np.testing.assert_array_equal(found, wanted)
    if isinstance(wanted, np.ndarray | np.generic):
        assert np.asarray(found).dtype == np.asarray(wanted).dtype


@pytest.mark.parametrize("value", [v for v, _ in CASES])
def test_libhdf5_takes_it(value: Any) -> None:
    with h5py.File("a", "w", driver="core", backing_store=False) as file:
        for name, found in hdf5_attributes({"n": value}, F4):
            file.attrs[name] = found
            assert "n" in file.attrs


@pytest.mark.parametrize("name", [*sorted(RESERVED), "", "a\0b", "x" * 2000, "tab\t"])
def test_names_left_out(name: str) -> None:
    assert hdf5_attributes({name: 1}, F4) == ()


@pytest.mark.parametrize(
    ("value", "dtype", "wanted"),
    [
        (base64.b64encode(struct.pack("<d", 1.5)).decode(), "f4", np.array([1.5], "f4")),
        (base64.b64encode(struct.pack("<d", float("nan"))).decode(), "f8", np.array([np.nan])),
        (-1.25, "f4", np.array([-1.25], "f4")),
        (7, "i2", np.array([7], "i2")),
        ("not base64", "f4", "not base64"),
        (2**40, "i2", np.int64(2**40)),
    ],
)
def test_fill_value_has_the_type_of_the_elements(value: Any, dtype: str, wanted: Any) -> None:
    ((_, found),) = hdf5_attributes({"_FillValue": value}, np.dtype(dtype))
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.int16(3), 3),
        (np.array([3], "u1"), 3),
        (np.array([3, 4], ">i4"), [3, 4]),
        (np.array([[1.5], [2.5]]), [[1.5], [2.5]]),
        (b"\0\xff", "AP8="),
        (np.bytes_(b"old \xff"), "old \xff"),
        ("half \udcff", "half \xff"),
        (["a", "b"], ["a", "b"]),
        (["a"], "a"),
        ([[1, 2], ["x"]], [[1, 2], ["x"]]),
        (np.array([b"a"], "S1"), "a"),
        (None, None),
        (np.complex64(1 + 2j), [1.0, 2.0]),
        (np.bool_(True), True),
        ({"x": 1, "y": [2.0, float("nan")]}, {"x": 1, "y": [2.0, "NaN"]}),
        (float("-inf"), "-Infinity"),
    ],
)
def test_to_json(value: Any, wanted: Any) -> None:
    assert json_attributes([("n", value), ("CLASS", b"DIMENSION_SCALE")]) == {"n": wanted}


def test_float_fill_value_as_xarray_wants_it() -> None:
    found = json_attributes([("_FillValue", np.array([np.float32(1e20)]))], F4)
    assert struct.unpack("<d", base64.b64decode(found["_FillValue"])) == (np.float32(1e20),)
    assert json_attributes([("_FillValue", np.array([5], "i2"))], np.dtype("i2")) == {"_FillValue": 5}
