"""The documents of Zarr v2: what they mean, and every fault of one, at its place."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.errors import InvalidMetadataError, UnsupportedFeatureError
from zarr_hdf5.v2.array import parse_array
from zarr_hdf5.v2.group import parse_attributes, parse_group

DOCUMENT: dict[str, Any] = {
    "zarr_format": 2,
    "shape": [20, 30],
    "chunks": [10, 10],
    "dtype": "<i4",
    "compressor": {"id": "zlib", "level": 1},
    "fill_value": 0,
    "order": "C",
    "filters": None,
}
NONE: dict[str, Any] = {}


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


BIG = [["a", ">i2"], ["b", [["c", ">f4"], ["d", "|S2"]]]]
BIG_ELEMENT = np.array((-2, (1.5, b"xy")), [("a", ">i2"), ("b", [("c", ">f4"), ("d", "S2")])])
MIXED = [["a", "<i2"], ["b", ">i2", [2]]]
FILLS: list[tuple[Any, Any, Any]] = [
    ("<i4", -5, -5),
    (">u8", 2**64 - 1, 2**64 - 1),
    ("<i4", 5.0, 5),
    ("<i4", None, 0),
    ("|b1", True, True),
    ("|b1", 1, True),
    ("<f4", 1.5, 1.5),
    ("<f4", 1e20, np.float32(1e20)),
    ("<f8", "Infinity", np.inf),
    (">f2", "-Infinity", -np.inf),
    ("<c16", ["NaN", -1], complex(np.nan, -1)),
    ("<c8", [0.5, "Infinity"], complex(0.5, np.inf)),
    ("|S4", text(b"ab"), b"ab"),
    ("|S4", text(b"ab\0\0"), b"ab"),
    ("|S4", "", b""),
    ("|S4", 0, b""),
    ("<U3", "ab", "ab"),
    (">U3", 0, ""),
    ("<U3", None, ""),
    ("|V3", text(b"\1\2\3"), np.void(b"\1\2\3")),
    ("|V3", None, np.void(b"\0\0\0")),
    ("<M8[D]", 365, np.datetime64("1971-01-01")),
    (">m8[s]", "NaT", np.timedelta64("NaT")),
    ("<M8[s]", -(2**63), np.datetime64("NaT")),
    ("<M8[s]", 0, np.datetime64(0, "s")),
    ("<M8[s]", None, np.datetime64("NaT")),
    (BIG, text(BIG_ELEMENT.tobytes()), BIG_ELEMENT[()]),
    (BIG, None, np.zeros((), BIG_ELEMENT.dtype)[()]),
    (BIG, 0, np.zeros((), BIG_ELEMENT.dtype)[()]),
    (MIXED, text(b"\1\0\0\2\0\3"), (1, [2, 3])),
]


@pytest.mark.parametrize(("dtype", "fill_value", "expected"), FILLS)
def test_fill_values(dtype: Any, fill_value: Any, expected: Any) -> None:
    metadata = parse_array({**DOCUMENT, "dtype": dtype, "fill_value": fill_value}, NONE)
    assert isinstance(metadata.fill_value, np.generic)
    found: Any = metadata.fill_value
    if isinstance(expected, tuple):
        assert (found["a"], found["b"].tolist()) == expected
    else:
        assert str(found) == str(np.asarray(expected).astype(found.dtype)[()])


@pytest.mark.parametrize(
    ("codec", "fill_value", "expected"),
    [
        ("vlen-utf8", "é", "é"),
        ("vlen-utf8", None, ""),
        ("vlen-utf8", 0, ""),
        ("vlen-bytes", text(b"\xff"), b"\xff"),
        ("vlen-bytes", 0, b""),
        ("vlen-bytes", "", b""),
    ],
)
def test_fill_values_of_objects(codec: str, fill_value: Any, expected: Any) -> None:
    document = {**DOCUMENT, "dtype": "|O", "filters": [{"id": codec}], "fill_value": fill_value}
    assert parse_array(document, NONE).fill_value == expected


def test_an_array_in_the_words_of_v3() -> None:
    document = {
        **DOCUMENT,
        "dtype": ">f8",
        "filters": [{"id": "fixedscaleoffset", "offset": 1, "scale": 2, "dtype": ">f8", "astype": "<i2"}],
        "compressor": {"id": "blosc", "cname": "lz4", "clevel": 3, "shuffle": -1, "blocksize": 0},
        "order": "F",
        "dimension_separator": "/",
        "_nczarr_array": {"dimrefs": []},
    }
    attributes = {"_ARRAY_DIMENSIONS": ["y", "x"], "units": "K"}
    found = parse_array(document, attributes).to_json()
    assert found["chunk_key_encoding"] == {"name": "v2", "configuration": {"separator": "/"}}
    assert found["data_type"] == "float64"
    assert [(codec["name"], codec["configuration"]) for codec in found["codecs"]] == [
        ("transpose", {"order": [1, 0]}),
        ("numcodecs.fixedscaleoffset", {"offset": 1, "scale": 2, "dtype": ">f8", "astype": "<i2"}),
        ("bytes", {"endian": "little"}),
        ("blosc", {"cname": "lz4", "clevel": 3, "blocksize": 0}),
    ]
    assert found["dimension_names"] == ["y", "x"]
    assert found["attributes"] == {"units": "K", "_FillValue": text(np.float64(0).tobytes())}


@pytest.mark.parametrize(
    ("document", "attributes", "expected"),
    [
        ({"dtype": "<i2", "fill_value": -9}, {}, -9),
        ({"dtype": "|b1", "fill_value": False}, {}, False),
        ({"dtype": "<f4", "fill_value": "NaN"}, {}, text(np.float64("nan").tobytes())),
        ({"dtype": "<i2", "fill_value": None}, {}, None),
        ({"dtype": "<i2", "fill_value": 3}, {"_FillValue": 4}, 4),
        ({"dtype": "|S2", "fill_value": text(b"ab")}, {}, None),
    ],
)
def test_what_xarray_takes_for_missing(document: Any, attributes: Any, expected: Any) -> None:
    names = {"_ARRAY_DIMENSIONS": ["y", "x"]}
    assert parse_array({**DOCUMENT, **document}, {**names, **attributes}).attributes.get("_FillValue") == expected
    assert parse_array({**DOCUMENT, **document}, attributes).attributes == attributes


@pytest.mark.parametrize("names", [["x"], "xy", [1, 2], {"x": 1}, None])
def test_names_that_do_not_fit_stay_attributes(names: Any) -> None:
    metadata = parse_array(DOCUMENT, {"_ARRAY_DIMENSIONS": names})
    assert metadata.dimension_names is None
    assert metadata.attributes == {"_ARRAY_DIMENSIONS": names}


def codec(**members: Any) -> dict[str, Any]:
    return {"compressor": members}


def filters(*documents: Any, **more: Any) -> dict[str, Any]:
    return {"filters": list(documents), "compressor": None, **more}


OBJECTS: dict[str, Any] = {"dtype": "|O", "fill_value": None}
# Members of the document; places of the faults.
INVALID: list[tuple[dict[str, Any], list[str]]] = [
    ({"shape": 5}, ["shape"]),
    ({"shape": [-1, 2.5]}, ["shape[0]", "shape[1]"]),
    ({"shape": [True, 2**63]}, ["shape[0]", "shape[1]"]),
    ({"chunks": [10]}, ["chunks"]),
    ({"chunks": [0, 10]}, ["chunks[0]"]),
    ({"chunks": {"a": 1}}, ["chunks"]),
    ({"order": "A"}, ["order"]),
    ({"order": ["C"]}, ["order"]),
    ({"dimension_separator": None}, ["dimension_separator"]),
    ({"dimension_separator": ":"}, ["dimension_separator"]),
    ({"dtype": None}, ["dtype"]),
    ({"dtype": 4}, ["dtype"]),
    ({"dtype": "|S0"}, ["dtype"]),
    ({"dtype": "<U9999999999"}, ["dtype"]),
    ({"dtype": "<f3"}, ["dtype"]),
    ({"dtype": "<M8[x]"}, ["dtype"]),
    ({"dtype": []}, ["dtype"]),
    ({"dtype": [["a", "<i4"], ["a", "<i4"]]}, ["dtype"]),
    ({"dtype": ["a", "<i4"]}, ["dtype[0]", "dtype[1]"]),
    ({"dtype": [["a", "<i4", [0]], ["b", "<i4", "x"]]}, ["dtype[0][2]", "dtype[1][2]"]),
    ({"dtype": [["a", [["b", None]]]]}, ["dtype[0][1][0][1]"]),
    ({"fill_value": "x"}, ["fill_value"]),
    ({"fill_value": [1]}, ["fill_value"]),
    ({"fill_value": {"a": 1}}, ["fill_value"]),
    ({"fill_value": 2**31}, ["fill_value"]),
    ({"fill_value": 0.5}, ["fill_value"]),
    ({"fill_value": float("nan")}, ["fill_value"]),
    ({"dtype": "|b1", "fill_value": 2}, ["fill_value"]),
    ({"dtype": "<f4", "fill_value": "nan"}, ["fill_value"]),
    ({"dtype": "<f4", "fill_value": 10**400}, ["fill_value"]),
    ({"dtype": "<c8", "fill_value": [1]}, ["fill_value"]),
    ({"dtype": "|S2", "fill_value": text(b"abc")}, ["fill_value"]),
    ({"dtype": "|S2", "fill_value": "?"}, ["fill_value"]),
    ({"dtype": "|S2", "fill_value": 7}, ["fill_value"]),
    ({"dtype": "<U2", "fill_value": "abc"}, ["fill_value"]),
    ({"dtype": "<U2", "fill_value": 7}, ["fill_value"]),
    ({"dtype": "|V2", "fill_value": text(b"a")}, ["fill_value"]),
    ({"dtype": "<M8[s]", "fill_value": [1]}, ["fill_value"]),
    ({"dtype": MIXED, "fill_value": text(b"abc")}, ["fill_value"]),
    ({"dtype": MIXED, "fill_value": [1, 2]}, ["fill_value"]),
    ({"dtype": [["a", "<U1"]], "fill_value": text(b"\xff\xff\xff\xff")}, ["fill_value"]),
    ({"compressor": "zlib"}, ["compressor"]),
    (codec(level=1), ["compressor.id"]),
    (codec(id=5), ["compressor.id"]),
    (codec(id="zlib", level="1", more=2), ["compressor.level", "compressor.more"]),
    (codec(id="blosc", shuffle=3), ["compressor.shuffle"]),
    (codec(id="blosc", clevel=10), ["compressor.clevel"]),
    (codec(id="lzma", filters=[{"id": "x"}]), ["compressor.filters"]),
    ({"filters": {"id": "delta"}}, ["filters"]),
    (filters(None, "delta"), ["filters[0]", "filters[1]"]),
    (filters({"id": "delta"}), ["filters[0].dtype"]),
    (filters({"id": "delta", "dtype": "|O"}), ["filters[0].dtype"]),
    (filters({"id": "shuffle", "elementsize": -1}), ["filters[0].elementsize"]),
    ({**OBJECTS}, ["filters"]),
    (filters(**OBJECTS), ["filters"]),
    (filters({"id": "vlen-utf8", "x": 1}, **OBJECTS), ["filters[0].x"]),
    (filters({"id": "vlen-array"}, **OBJECTS), ["filters[0].dtype"]),
    (filters({"id": "vlen-array", "dtype": "|O"}, **OBJECTS), ["filters[0].dtype"]),
    (filters({"id": "vlen-utf8"}, {"id": "delta", "dtype": "<i4"}, **OBJECTS), ["filters[1]"]),
    (filters({"id": "vlen-utf8"}, **{**OBJECTS, "fill_value": 5}), ["fill_value"]),
    ({"shape": None, "order": 1, "dtype": 2, "chunks": "x"}, ["shape", "chunks", "order", "dtype"]),
    ({"zarr_format": "2"}, ["zarr_format"]),
]


@pytest.mark.parametrize(("members", "places"), INVALID, ids=lambda value: str(value)[:60])
def test_faults(members: Any, places: list[str]) -> None:
    with pytest.raises(InvalidMetadataError) as raised:
        parse_array({**DOCUMENT, **members}, NONE, "x/.zarray")
    found = [str(problem).partition(": ")[0] for problem in raised.value.problems]
    assert sorted(found) == sorted(places)
    assert str(raised.value).startswith("x/.zarray: ")


@pytest.mark.parametrize("name", [name for name in DOCUMENT if name != "filters"])
def test_members_that_must_be_there(name: str) -> None:
    with pytest.raises(InvalidMetadataError, match=f"{name}: is required"):
        parse_array({key: value for key, value in DOCUMENT.items() if key != name}, NONE)


def test_filters_may_be_left_out() -> None:
    assert parse_array({key: value for key, value in DOCUMENT.items() if key != "filters"}, NONE)


UNSUPPORTED: list[tuple[dict[str, Any], str]] = [
    ({"zarr_format": 3}, "expected Zarr format 2"),
    ({"dtype": "float32"}, "dtype: the data type 'float32' is not supported"),
    ({"dtype": "<f16"}, "float128"),
    ({"shape": [1] * 33, "chunks": [1] * 33}, "33 dimensions"),
    ({"dtype": [["a", "|O"]]}, "objects in a structure"),
    ({"dtype": [["a", "<i4", [1000, 1000]]]}, "fields"),
    ({"dtype": [["a", "<i4", [2**31 - 1]]]}, "an element of more than"),
    ({"dtype": [[str(i), "<i4"] for i in range(10_001)]}, "more than 10000 fields"),
    (codec(id="n5_wrapper"), "compressor.id: the codec 'n5_wrapper' is not supported"),
    (filters({"id": "shuffle"}, {"id": "delta", "dtype": "<i4"}), r"filters\[1\]: delta is for elements"),
    (filters({"id": "vlen-utf8"}), r"filters\[0\].id: vlen-utf8: is for objects"),
    (filters({"id": "pickle", "protocol": 5}, **OBJECTS), "pickle: data can make it run any program"),
    ({**OBJECTS, "compressor": {"id": "pickle", "protocol": 5}}, "pickle: data can make it run any program"),
    (filters({"id": "vlen-utf8"}, {"id": "pickle"}, **OBJECTS), "pickle"),
    (filters({"id": "json2"}, **OBJECTS), "json2: objects other than"),
    (filters({"id": "msgpack2"}, **OBJECTS), "msgpack2: objects other than"),
    (filters({"id": "categorize", "labels": ["a"]}, **OBJECTS), "categorize: objects other than"),
]


@pytest.mark.parametrize(("members", "message"), UNSUPPORTED, ids=lambda value: str(value)[:60])
def test_what_is_not_supported(members: Any, message: str) -> None:
    with pytest.raises(UnsupportedFeatureError, match=message):
        parse_array({**DOCUMENT, **members}, NONE)


def test_structures_within_structures_without_end() -> None:
    dtype: Any = "<i4"
    for _ in range(200):
        dtype = [["a", dtype]]
    with pytest.raises(UnsupportedFeatureError, match="within each other"):
        parse_array({**DOCUMENT, "dtype": dtype}, NONE)


@pytest.mark.parametrize("document", [None, [], "x", 2])
def test_documents_that_are_no_objects(document: Any) -> None:
    parsers: list[Callable[[], object]] = [
        lambda: parse_array(document, NONE, "here"),
        lambda: parse_group(document, "here"),
        lambda: parse_attributes(document, "here"),
    ]
    for parse in parsers:
        with pytest.raises(InvalidMetadataError, match="here: document: expected an object"):
            parse()


def test_groups() -> None:
    assert parse_group({"zarr_format": 2}).attributes == {}
    with pytest.raises(UnsupportedFeatureError, match="expected Zarr format 2"):
        parse_group({"zarr_format": 1})
    with pytest.raises(InvalidMetadataError, match="zarr_format: is required"):
        parse_group({})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["<i4", "|O", "C"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "dtype", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(list(DOCUMENT)), JSON, max_size=3), JSON)
def test_whatever_is_wrong_is_told(members: dict[str, Any], attributes: Any) -> None:
    document = json.loads(json.dumps({**DOCUMENT, **members}))
    with suppress(InvalidMetadataError, UnsupportedFeatureError):
        metadata = parse_array(document, attributes if isinstance(attributes, dict) else {})
        assert metadata.to_json()["zarr_format"] == 3
