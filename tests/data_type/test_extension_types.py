"""The data types of the zarr-extensions registry; zarr-python is the judge of their documents."""

import sys
from typing import Any

import numpy as np
import pytest
from zarr.core.dtype import get_data_type_from_json
from zarr.core.dtype import parse_dtype as zarr_python_parse_dtype

from zarr_hdf5.data_type import DataType, packed, parse_data_type
from zarr_hdf5.errors import Problem, UnsupportedFeatureError

pytestmark = pytest.mark.filterwarnings("ignore:The data type")  # zarr-python says so of all without a specification


def with_length(name: str, nbytes: object) -> dict[str, Any]:
    return {"name": name, "configuration": {"length_bytes": nbytes}}


def time(name: str, unit: object, count: object) -> dict[str, Any]:
    return {"name": f"numpy.{name}", "configuration": {"unit": unit, "scale_factor": count}}


def structured(*fields: object) -> dict[str, Any]:
    return {"name": "structured", "configuration": {"fields": [list(f) if type(f) is tuple else f for f in fields]}}


def struct(*fields: tuple[str, object]) -> dict[str, Any]:
    objects = [{"name": name, "data_type": kind} for name, kind in fields]
    return {"name": "struct", "configuration": {"fields": objects}}


S3, U2 = with_length("null_terminated_bytes", 3), with_length("fixed_length_utf32", 8)
INNER = structured(("x", "float64"), ("y", U2))
TYPES: list[tuple[Any, Any]] = [
    ("S1", with_length("null_terminated_bytes", 1)),
    ("S300", with_length("null_terminated_bytes", 300)),
    ("<U2", U2),
    ("M8[ns]", time("datetime64", "ns", 1)),
    ("M8[10us]", time("datetime64", "us", 10)),
    ("M8", time("datetime64", "generic", 1)),
    ("m8[D]", time("timedelta64", "D", 1)),
    (str, "string"),
    ([("a", "<i4"), ("b", "<f8")], structured(("a", "int32"), ("b", "float64"))),
    ([("a", "S3"), ("b", "?"), ("c", "<c8")], structured(("a", S3), ("b", "bool"), ("c", "complex64"))),
    ([("a", "|i1"), ("b", [("x", "<f8"), ("y", "<U2")])], structured(("a", "int8"), ("b", INNER))),
]
IDS = [str(dtype) for dtype, _ in TYPES]


def parse(document: object) -> tuple[DataType | None, set[tuple[tuple[str | int, ...], str]]]:
    problems: list[Problem] = []
    found = parse_data_type(document, ("data_type",), problems)
    return found, {(problem.path, problem.kind) for problem in problems}


@pytest.mark.parametrize(("dtype", "document"), TYPES, ids=IDS)
def test_documents_are_those_of_zarr_python(dtype: Any, document: Any) -> None:
    found = DataType.from_numpy(dtype)
    assert found.to_json() == document
    assert parse(document) == (found, set())
    assert found.canonical == found
    theirs = zarr_python_parse_dtype("string" if dtype is str else np.dtype(dtype), zarr_format=3)
    assert theirs.to_json(zarr_format=3) == document
    if dtype is not str:
        assert get_data_type_from_json(document, zarr_format=3).to_native_dtype() == found.dtype == np.dtype(dtype)
        assert DataType.from_numpy(found.dtype.newbyteorder(">")) == found


@pytest.mark.parametrize("name", ["variable_length_bytes", "bytes"])
def test_bytes_of_any_length(name: str) -> None:
    found, problems = parse(name)
    assert found is not None
    assert problems == set()
    assert (found.to_json(), found.dtype) == (name, np.dtype(object))
    assert get_data_type_from_json(name, zarr_format=3).to_json(zarr_format=3) == "variable_length_bytes"
    for dtype in (bytes, "bytes", "S"):
        assert DataType.from_numpy(dtype) == DataType.variable_length_bytes()


@pytest.mark.parametrize("dtype", [str, "str", "U", *(["T"] if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else [])])
def test_strings_of_any_length(dtype: Any) -> None:
    assert DataType.from_numpy(dtype) == DataType.string()
    assert DataType.string().dtype == np.dtype(object)


def test_opaque_bytes_have_two_names() -> None:
    document = with_length("raw_bytes", 3)
    found, _ = parse(document)
    assert found == DataType.raw_bytes(3)
    theirs: Any = zarr_python_parse_dtype(np.dtype("V3"), zarr_format=3).to_json(zarr_format=3)
    assert found.to_json() == document == theirs
    assert found.dtype == "V3"
    assert DataType.from_numpy("V3").to_json() == "r24"
    # zarr-python could read no field of a structure one of whose types it does not know.
    assert DataType.from_numpy([("a", "V3")]).to_json() == structured(("a", document))


def test_struct_is_kept_by_its_name() -> None:
    """What the newest zarr-python writes; read in either spelling of fields, and written as it was."""
    document = struct(("a", "int32"), ("b", struct(("x", U2))))
    found, problems = parse(document)
    assert found is not None
    assert problems == set()
    assert found.to_json() == document
    assert found.dtype == np.dtype([("a", "<i4"), ("b", [("x", "<U2")])])
    mixed, _ = parse({"name": "struct", "configuration": {"fields": [["a", "int32"]]}})
    assert mixed is not None
    assert mixed.to_json() == struct(("a", "int32"))


VERBATIM = {
    "padded": np.dtype([("a", "<i1"), ("b", "<i8")], align=True),
    "offsets": np.dtype({"names": ["a", "b"], "formats": ["<i2", "<f4"], "offsets": [6, 0], "itemsize": 12}),
    "big-endian": np.dtype([("a", ">i4"), ("b", "<u2"), ("c", ">U2")]),
    "subarray": np.dtype([("a", "<i2", (2, 3)), ("b", ">f8", (1,))]),
    "nested": np.dtype([("a", np.dtype([("x", "<i1"), ("y", ">i4")], align=True), (2,)), ("", "<i2")]),
}


@pytest.mark.parametrize("dtype", VERBATIM.values(), ids=VERBATIM)
def test_verbatim(dtype: np.dtype[Any]) -> None:
    found = DataType.verbatim(dtype)
    assert found.dtype is dtype or found.dtype == dtype
    assert found.dtype.itemsize == dtype.itemsize
    canonical = found.canonical
    assert canonical == DataType.from_numpy(dtype)
    assert parse(found.to_json()) == (canonical, set())
    # The canonical elements are the very bytes of the packed ones, subarrays or not.
    assert canonical.dtype.itemsize == packed(dtype).itemsize
    raw = np.random.default_rng(1).integers(0, 64, 4 * canonical.dtype.itemsize, np.uint8)
    values = raw.view(packed(dtype)).astype(dtype)
    again = np.ascontiguousarray(values.astype(packed(dtype))).view(canonical.dtype)
    assert again.tobytes() == raw.tobytes()


def test_subarrays_are_structures_of_numbers() -> None:
    document = DataType.from_numpy([("a", "<i2", (2, 3)), ("b", "<f4")]).to_json()
    row = structured(("0", "int16"), ("1", "int16"), ("2", "int16"))
    assert document == structured(("a", structured(("0", row), ("1", row))), ("b", "float32"))


def test_verbatim_is_for_structures_only() -> None:
    assert DataType.verbatim(">i4") == DataType.from_numpy("<i4")


REFUSED: list[tuple[Any, str]] = [
    ([("a", "<i4"), ("b", object)], "field 'b'"),
    ([("a", [("x", "U")])], "field 'a.x'"),
    ([("a", [("x", object, (2,))])], "field 'a.x'"),
    ([("a", "<i4", (0,))], "field 'a'"),
    ([("a", np.longdouble)], "field 'a'"),
    ([], "without fields"),
    ([("a", "<i4", (10_001,))], "10002 fields"),
    ([("a", "<i1", (40_000, 40_000))], "1600040001 fields"),
    ([("a", "i1"), ("b", [("c", "V0")])], "field 'b.c'"),
]


@pytest.mark.parametrize(("dtype", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refused(dtype: Any, message: str) -> None:
    with pytest.raises(UnsupportedFeatureError, match=message):
        DataType.from_numpy(dtype)


def test_the_most_fields() -> None:
    found = DataType.from_numpy([("a", "<i1", (9_999,))])
    assert found.nfields == 10_000
    assert parse(found.to_json()) == (found, set())


def test_depth_is_bounded() -> None:
    dtype: np.dtype[Any] = np.dtype("i1")
    nested: Any = "int8"
    for _ in range(100):
        dtype, nested = np.dtype([("a", dtype)]), structured(("a", nested))
    with pytest.raises(UnsupportedFeatureError, match="within each other"):
        DataType.from_numpy(dtype)
    ((path, kind),) = parse(nested)[1]
    assert kind == "unsupported"
    assert len(path) < sys.getrecursionlimit()


C, F = "configuration", "fields"
INVALID: list[tuple[Any, set[tuple[tuple[str | int, ...], str]]]] = [
    ("null_terminated_bytes", {((C, "length_bytes"), "missing")}),
    (with_length("null_terminated_bytes", 0), {((C, "length_bytes"), "value")}),
    (with_length("null_terminated_bytes", 2**31), {((C, "length_bytes"), "value")}),
    (with_length("null_terminated_bytes", 10**400), {((C, "length_bytes"), "value")}),
    (with_length("null_terminated_bytes", "3"), {((C, "length_bytes"), "type")}),
    (with_length("raw_bytes", True), {((C, "length_bytes"), "type")}),
    (with_length("fixed_length_utf32", 6), {((C, "length_bytes"), "value")}),
    ({"name": "raw_bytes", C: {"length_bytes": 1, "x": 1}}, {((C, "x"), "unknown")}),
    ({"name": "string", C: {"x": 1}}, {((C, "x"), "unknown")}),
    (time("datetime64", "s", 0), {((C, "scale_factor"), "value")}),
    (time("datetime64", "s", 1.5), {((C, "scale_factor"), "type")}),
    (time("datetime64", "century", 1), {((C, "unit"), "value")}),
    (time("datetime64", ["s"], 1), {((C, "unit"), "value")}),
    (time("timedelta64", "generic", 2), {((C, "scale_factor"), "value")}),
    ("numpy.timedelta64", {((C, "unit"), "missing"), ((C, "scale_factor"), "missing")}),
    ("structured", {((C, F), "missing")}),
    (structured(), {((C, F), "value")}),
    ({"name": "structured", C: {F: {"a": "int8"}}}, {((C, F), "type")}),
    (structured(("a", "int8"), ("a", "int8")), {((C, F, 1), "value")}),
    (structured((1, "int8"), "b"), {((C, F, 0), "type"), ((C, F, 1), "type")}),
    (structured(("a", "int8", (2,))), {((C, F, 0), "type")}),
    (structured(("a", "int7"), ("b", S3 | {"x": 1})), {((C, F, 0, 1), "unsupported"), ((C, F, 1, 1, "x"), "unknown")}),
    (struct(("a", "string")), {((C, F, 0, "data_type"), "unsupported")}),
    (structured(("a", "r17179869176"), ("b", "int8")), {((C, F), "unsupported")}),
    (structured(*((str(i), "int8") for i in range(10_001))), {((C, F), "unsupported")}),
    (
        structured(*((c, structured(*((str(i), "int8") for i in range(5_000)))) for c in "ab")),
        {((C, F), "unsupported")},
    ),
]


@pytest.mark.parametrize(("document", "problems"), INVALID, ids=range(len(INVALID)))
def test_problems(document: object, problems: set[tuple[tuple[str | int, ...], str]]) -> None:
    assert parse(document) == (None, {(("data_type", *path), kind) for path, kind in problems})


def test_the_other_spelling_of_microseconds() -> None:
    found, _ = parse(time("datetime64", "\u03bcs", 1))
    assert found == DataType.from_numpy("M8[us]")
