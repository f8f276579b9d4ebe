from typing import Any

import numpy as np
import pytest
from zarr.core.dtype import get_data_type_from_json
from zarr.core.dtype import parse_dtype as zarr_python_parse_dtype

from zarr_hdf5.data_type import DataType, parse_data_type
from zarr_hdf5.errors import Problem, UnsupportedFeatureError

CORE = {
    "bool": "|b1",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "float16": "<f2",
    "float32": "<f4",
    "float64": "<f8",
    "complex64": "<c8",
    "complex128": "<c16",
}
RAW = {"r8": "|V1", "r24": "|V3", "r80": "|V10", "r17179869176": "|V2147483647"}


def parse(document: object) -> tuple[DataType | None, set[tuple[tuple[str | int, ...], str]]]:
    problems: list[Problem] = []
    data_type = parse_data_type(document, ("data_type",), problems)
    return data_type, {(problem.path, problem.kind) for problem in problems}


@pytest.mark.parametrize(("name", "code"), [*CORE.items(), *RAW.items()])
def test_names(name: str, code: str) -> None:
    data_type, problems = parse(name)
    assert data_type is not None
    assert problems == set()
    assert data_type.name == data_type.to_json() == name
    assert data_type.dtype.str == code
    for document in ({"name": name}, {"name": name, "configuration": {}, "must_understand": True}):
        assert parse(document) == (data_type, set())
    for byte_order in "<>=":
        assert DataType.from_numpy(byte_order + code[1:]) == data_type


@pytest.mark.parametrize(("name", "code"), CORE.items())
def test_names_are_those_of_zarr_python(name: str, code: str) -> None:
    assert zarr_python_parse_dtype(np.dtype(code), zarr_format=3).to_json(zarr_format=3) == name
    theirs = get_data_type_from_json(name, zarr_format=3).to_native_dtype()
    assert DataType.from_numpy(theirs).name == name


INVALID = [
    (7, (), "type"),
    (None, (), "type"),
    (["int8"], (), "type"),
    ({}, ("name",), "missing"),
    ({"name": 8}, ("name",), "type"),
    ({"name": "int8", "configuration": []}, ("configuration",), "type"),
    ({"name": "int8", "configuration": {"a": 1}}, ("configuration", "a"), "unknown"),
    ({"name": "int8", "must_understand": False}, ("must_understand",), "value"),
    ({"name": "int8", "must_understand": 1}, ("must_understand",), "value"),
    ({"name": "int8", "endian": "big"}, ("endian",), "unknown"),
    ("r0", (), "value"),
    ("r12", (), "value"),
    ("r08", (), "unsupported"),
    ("r\u0668", (), "unsupported"),
    ("r8\n", (), "unsupported"),
    ("r17179869184", (), "unsupported"),
    ("r" + "8" * 5000, (), "unsupported"),
    ("int128", (), "unsupported"),
    ("Int8", (), "unsupported"),
    ("", (), "unsupported"),
    ("variable_length_utf8", (), "unsupported"),
]


@pytest.mark.parametrize(("document", "path", "kind"), INVALID)
def test_problems(document: object, path: tuple[str, ...], kind: str) -> None:
    assert parse(document) == (None, {(("data_type", *path), kind)})


NOT_ZARR: list[Any] = [
    "O",
    "V0",
    np.dtype(("V3", (2,))),
    np.longdouble,
    np.clongdouble,
    None,
    "float99",
    object(),
    "i4,(",
    pytest.param(10**5000, id="huge"),
]


@pytest.mark.parametrize("dtype", NOT_ZARR)
def test_not_a_data_type(dtype: Any) -> None:
    with pytest.raises(UnsupportedFeatureError, match="data type"):
        DataType.from_numpy(dtype)


@pytest.mark.parametrize(("dtype", "name"), [(float, "float64"), (bool, "bool"), ("longlong", "int64"), ("B", "uint8")])
def test_other_spellings(dtype: Any, name: str) -> None:
    assert DataType.from_numpy(dtype).name == name
