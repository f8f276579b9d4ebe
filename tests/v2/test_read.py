"""Arrays of Zarr v2 that others write: the same elements, whatever their type, order, keys and codecs."""

from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import tensorstore
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices
from v2_cases import CHUNKS, CODECS, OTHER, PLAIN, SHAPE, Codecs, some_values, without_last_chunk, write_array

import zarr_hdf5 as zh
from zarr_hdf5.data_type import parse_data_type
from zarr_hdf5.errors import Problem, UnsupportedFeatureError
from zarr_hdf5.stores.memory import MemoryStore

pytestmark = [
    pytest.mark.filterwarnings("ignore:The data type:zarr.errors.UnstableSpecificationWarning"),
]
STRUCTURES = {
    "plain": [("a", "<i4"), ("b", "<f8"), ("c", "|S3")],
    "big-endian": [("a", ">i4"), ("b", ">c8")],
    "both byte orders": [("a", "<i4"), ("b", ">f8")],
    "nested": [("a", [("x", "<i2"), ("y", "<U2")]), ("b", "?")],
    "subarrays": [("a", "<i2", (2, 3)), ("b", "<f4")],
    "nested, big-endian, with subarrays": [("a", [("x", ">i2", (2,)), ("y", ">M8[s]")]), ("b", "u1")],
}


def write_with_zarr_python(path: Path, values: Any, **options: Any) -> Any:
    """Write all but the last chunk; what zarr-python reads of it."""
    wanted: Any = {"chunks": CHUNKS, "compressors": None, "filters": None, **options}
    array = zarr.create_array(path, shape=values.shape, dtype=values.dtype, zarr_format=2, **wanted)
    array[:4] = values[:4]
    array[:, :9] = values[:, :9]
    return np.asarray(zarr.open_array(path, mode="r", zarr_format=2)[...])


def assert_same(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    assert found.astype(expected.dtype).tobytes() == expected.tobytes()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("dtype", [*PLAIN, *OTHER])
def test_data_types(tmp_path: Path, dtype: str, order: Any, separator: Any) -> None:
    encoding: Any = {"name": "v2", "separator": separator}
    values = some_values(dtype)
    expected = write_with_zarr_python(tmp_path, values, order=order, chunk_key_encoding=encoding)
    array = zh.open_array(tmp_path)
    assert array.dtype == np.dtype(dtype).newbyteorder("<")
    assert array.chunks == CHUNKS
    assert array.shards is None
    assert array.nbytes == values.nbytes
    assert_same(array[...], expected)
    assert_same(array[5:1:-2, 3], expected[5:1:-2, 3])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("case", CODECS.values(), ids=CODECS)
def test_codecs(tmp_path: Path, case: Codecs, order: Any) -> None:
    expected = write_with_zarr_python(
        tmp_path, some_values(case.dtype), order=order, filters=case.filters or None, compressors=case.compressor
    )
    assert_same(zh.open_array(tmp_path)[...], expected)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("fields", STRUCTURES.values(), ids=STRUCTURES)
def test_structures(fields: Any, order: str) -> None:
    values = some_values(fields)
    store = MemoryStore()
    write_array(store, "", values, order=order, compressor=numcodecs.Zlib())
    array = zh.open_array(store)
    found = array[...]
    expected = without_last_chunk(values, np.zeros((), values.dtype))
    assert found.tobytes() == expected.astype(found.dtype).tobytes()
    assert array.dtype.names == values.dtype.names
    assert [array.dtype[name].shape for name in array.dtype.names or ()] == [
        values.dtype[name].shape for name in values.dtype.names or ()
    ]


FILLS: list[tuple[Any, Any]] = [
    ("<i4", -5),
    (">u8", 2**64 - 1),
    ("|b1", True),
    (">f8", np.nan),
    ("<f4", -np.inf),
    ("<f2", 1e-7),
    (">c8", complex(np.nan, -2)),
    ("<c16", complex(np.inf, 0.1)),
    ("|S3", b"ab"),
    ("<U3", "é"),
    (">U3", ""),
    ("|V3", np.void(b"abc")),
    ("<M8[s]", np.datetime64("2001-02-03", "s")),
    (">m8[10us]", np.timedelta64("NaT")),
    ([("a", "<i2"), ("b", "<f8")], (-3, 1.5)),
    ([("a", ">i2"), ("b", ">f8")], (-3, 1.5)),
]


@pytest.mark.parametrize(("dtype", "fill_value"), FILLS, ids=str)
def test_fill_values(tmp_path: Path, dtype: Any, fill_value: Any) -> None:
    wanted: Any = {"dtype": np.dtype(dtype), "fill_value": np.array(fill_value, dtype)[()], "zarr_format": 2}
    expected = np.asarray(zarr.create_array(tmp_path, shape=(2,), chunks=(1,), **wanted)[...])
    found = zh.open_array(tmp_path)[...]
    assert found.tobytes() == expected.astype(found.dtype).tobytes()


def test_structures_of_zarr_python(tmp_path: Path) -> None:
    values = some_values([("a", "<i4"), ("b", "<f8")])
    expected = write_with_zarr_python(tmp_path, values, compressors=numcodecs.Blosc())
    assert_same(zh.open_array(tmp_path)[...], expected)


@pytest.mark.parametrize("order", ["C", "F"])
def test_strings_of_any_length(tmp_path: Path, order: Any) -> None:
    values = np.array([f"é{'x' * (i % 5)}{i}" for i in range(70)], object).reshape(SHAPE)
    array = zarr.create_array(tmp_path, shape=SHAPE, dtype=str, chunks=CHUNKS, zarr_format=2, order=order)
    array[:4] = values[:4]
    found = zh.open_array(tmp_path)
    assert found.metadata.data_type.name == "string"
    assert found[...].tolist() == np.asarray(array[...]).tolist()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("compressor", [None, numcodecs.Zstd()], ids=["plain", "zstd"])
def test_bytes_and_arrays_of_any_length(order: str, compressor: Any) -> None:
    numbers = [np.arange(i % 4, dtype=">u2") for i in range(70)]
    arrays = np.empty(70, object)
    arrays[:] = numbers
    blobs = np.empty(70, object)
    blobs[:] = [one.tobytes() for one in numbers]
    store = MemoryStore()
    options: Any = {"order": order, "compressor": compressor}
    write_array(store, "a/", blobs.reshape(SHAPE), filters=[numcodecs.VLenBytes()], **options)
    ragged = numcodecs.VLenArray(">u2")
    write_array(store, "b/", arrays.reshape(SHAPE), filters=[ragged], **options)
    expected = without_last_chunk(blobs.reshape(SHAPE), b"").tolist()
    for path in "ab":
        array = zh.open_array(store, path=path)
        assert array.metadata.data_type.name == "variable_length_bytes"
        assert array[...].tolist() == expected
    attributes = zh.open_array(store, path="b").attrs
    assert attributes == {"_numcodecs_vlen_array_dtype": ">u2"}
    one = zh.open_array(store, path="b")[0, 3]
    assert np.frombuffer(one, attributes["_numcodecs_vlen_array_dtype"]).tolist() == [0, 1, 2]


@pytest.mark.parametrize("separator", [".", "/"])
def test_without_dimensions(tmp_path: Path, separator: str) -> None:
    encoding: Any = {"name": "v2", "separator": separator}
    array = zarr.create_array(
        tmp_path, shape=(), chunks=(), dtype=">f4", zarr_format=2, order="F", chunk_key_encoding=encoding, fill_value=7
    )
    assert zh.open_array(tmp_path)[()] == 7
    array[()] = 2.5
    assert zh.open_array(tmp_path)[()] == 2.5


@st.composite
def written_arrays(draw: st.DrawFn) -> tuple[Any, dict[str, Any]]:
    """Values, and how they are stored."""
    rank = draw(st.integers(0, 4))
    shape = tuple(draw(st.integers(1, 7)) for _ in range(rank))
    chunks = tuple(draw(st.integers(1, 9)) for _ in range(rank))
    options = {"chunks": chunks, "order": draw(st.sampled_from("CF")), "separator": draw(st.sampled_from("./"))}
    compressor = draw(st.sampled_from([None, numcodecs.Zlib(), numcodecs.Blosc(), numcodecs.Zstd()]))
    values = np.asarray(some_values(draw(st.sampled_from([*PLAIN, *OTHER])), shape))
    return values, {**options, "compressor": compressor}


@given(written_arrays(), st.data())
def test_any_array_and_any_part_of_it(written: tuple[Any, dict[str, Any]], data: st.DataObject) -> None:
    values, options = written
    store = MemoryStore()
    write_array(store, "", values, **options)
    array = zh.open_array(store)
    expected = without_last_chunk(values, array.fill_value, options["chunks"]) if values.ndim else values
    selection = data.draw(basic_indices(values.shape, allow_newaxis=False, allow_ellipsis=True))
    found, wanted = np.asarray(array[selection]), np.asarray(expected[selection])
    assert_same(found, wanted.astype(found.dtype))


@pytest.mark.parametrize("chunks", [0, 1])
def test_without_elements(chunks: int) -> None:
    store = MemoryStore()
    write_array(store, "", np.zeros((0, 3), "<i4"), chunks=(chunks, 3))
    assert zh.open_array(store)[...].shape == (0, 3)


TENSORSTORE: dict[str, dict[str, Any]] = {
    "plain": {"dtype": "<f4", "compressor": None},
    "big-endian": {"dtype": ">i2", "compressor": {"id": "zlib", "level": 2}},
    "F": {"dtype": "<u8", "compressor": {"id": "gzip", "level": 2}, "order": "F"},
    "blosc": {"dtype": "<c8", "compressor": {"id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": -1}},
    "bz2": {"dtype": "|b1", "compressor": {"id": "bz2", "level": 2}, "dimension_separator": "/"},
    "zstd": {"dtype": ">f8", "compressor": {"id": "zstd", "level": 2}, "fill_value": "NaN"},
}


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "int4"])
def test_types_that_tensorstore_adds(tmp_path: Path, name: str) -> None:
    values = np.arange(70, dtype="i1").reshape(SHAPE) % 8
    document = {"shape": list(SHAPE), "chunks": list(CHUNKS), "dtype": name, "compressor": None, "fill_value": 3}
    kvstore = {"driver": "file", "path": f"{tmp_path}/"}
    array = tensorstore.open({"driver": "zarr", "kvstore": kvstore, "metadata": document, "create": True}).result()
    array[:4].write(values[:4].astype(array.dtype.numpy_dtype)).result()
    problems: list[Problem] = []
    if parse_data_type(name, (), problems) is None:
        with pytest.raises(UnsupportedFeatureError, match=name):
            zh.open_array(tmp_path)
        return
    values[4:] = 3
    assert zh.open_array(tmp_path)[...].astype("i1").tolist() == values.tolist()


@pytest.mark.parametrize("metadata", TENSORSTORE.values(), ids=TENSORSTORE)
def test_tensorstore(tmp_path: Path, metadata: dict[str, Any]) -> None:
    document = {"shape": list(SHAPE), "chunks": list(CHUNKS), **metadata}
    kvstore = {"driver": "file", "path": f"{tmp_path}/"}
    array = tensorstore.open({"driver": "zarr", "kvstore": kvstore, "metadata": document, "create": True}).result()
    array[:4].write(some_values(metadata["dtype"])[:4]).result()
    assert_same(zh.open_array(tmp_path)[...], np.asarray(array.read().result()))
