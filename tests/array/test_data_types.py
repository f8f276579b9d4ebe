"""Arrays of strings, dates and structures through the whole engine; numpy in memory is the judge."""

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zarr_hdf5 as zh
from zarr_hdf5.array.compose import compose_array
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.data_type import DataType
from zarr_hdf5.errors import (
    AlreadyExistsError,
    CodecError,
    CorruptDataError,
    InvalidMetadataError,
    UnsupportedFeatureError,
)
from zarr_hdf5.hierarchy import read_node
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.stored_array import Composer, StoredArray
from zarr_hdf5.stores.memory import MemoryStore

STRUCT = np.dtype([("a", "<i2"), ("b", "<f8"), ("s", "S3"), ("p", [("x", "<c8"), ("ok", "?")])])
TYPES: dict[str, tuple[Any, list[Any], Any]] = {
    "string": (str, ["", "ä\0", "long" * 30, "x"], "ö"),
    "variable_length_bytes": (bytes, [b"", b"\0\0", b"long" * 30, b"\xff"], b"f\0"),
    "null_terminated_bytes": ("S4", [b"", b"a", b"\xff\0b", b"full"], b"z"),
    "fixed_length_utf32": ("<U3", ["", "a", "\U0001f600", "abc"], "z"),
    "big-endian utf32": (">U3", ["", "a", "\U0001f600", "abc"], "z"),
    "numpy.datetime64": ("M8[s]", ["NaT", "1970-01-01", "2024-02-29", "1900-01-01"], "2000-01-01"),
    "numpy.timedelta64": ("m8[10us]", ["NaT", 0, -1, 5], 7),
    "structured": (STRUCT, [(1, 2.5, b"a", (1j, True)), (0, 0, b"", (0, False))], (7, np.nan, b"abc", (1, True))),
}
SHARDED = {"shards": (6,)}
LAYOUTS: dict[str, Any] = {"shards": SHARDED, "no shards": {"shards": None}}
HDF5_TYPES = ("null_terminated_bytes", "structured")


def elements(name: str) -> npt.NDArray[Any]:
    dtype, items, _ = TYPES[name]
    array = np.empty(len(items), object if dtype in (str, bytes) else dtype)
    array[:] = items
    return array


def same(found: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> bool:
    if found.shape != wanted.shape or found.dtype != wanted.dtype.newbyteorder("<"):
        return False
    if found.dtype.hasobject:
        return found.tolist() == wanted.tolist() and set(map(type, found.flat)) == set(map(type, wanted.flat))
    return found.tobytes() == wanted.astype(found.dtype).tobytes()


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_reads_what_was_written(name: str, layout: dict[str, Any], data: st.DataObject) -> None:
    """Writes and reads of parts, beside numpy."""
    dtype, _, fill = TYPES[name]
    values = elements(name)
    store = MemoryStore(name="t")
    array = zh.create_array(store, shape=(11,), dtype=dtype, chunks=(2,), hdf5=False, fill_value=fill, **layout)
    model = np.empty(11, values.dtype)
    model[...] = np.array(fill, values.dtype)
    slices = st.slices(11)
    for _ in range(data.draw(st.integers(0, 3))):
        chosen = data.draw(slices)
        count = len(range(*chosen.indices(11)))
        new = values[
            np.array(data.draw(st.lists(st.integers(0, len(values) - 1), min_size=count, max_size=count)), int)
        ]
        array[chosen] = new
        model[chosen] = new
    again = zh.open_array(store)
    chosen = data.draw(slices)
    assert same(again[...], model)
    assert same(again[chosen], model[chosen])
    assert again.metadata == array.metadata


@pytest.mark.parametrize("name", TYPES)
def test_chunks_of_nothing_but_fill_are_not_stored(name: str) -> None:
    dtype, _, fill = TYPES[name]
    store = MemoryStore(name="t")
    array = zh.create_array(store, shape=(4,), dtype=dtype, chunks=(2,), shards=None, hdf5=False, fill_value=fill)
    array[:] = elements(name)[1]
    assert len(list(store.list_prefix(""))) == 3
    array[:2] = array.fill_value
    assert sorted(store.list_prefix("")) == ["c/1", "zarr.json"]
    assert same(array[1:3], np.array([array.fill_value, elements(name)[1]], elements(name).dtype))


@pytest.mark.parametrize("name", TYPES)
def test_facts(name: str) -> None:
    """Everything an array tells of itself, with all options left to it."""
    dtype, _, _ = TYPES[name]
    array = zh.create_array("memory://facts", shape=(5, 4), dtype=dtype, hdf5=False, overwrite=True)
    assert array.chunks == (5, 4)
    assert array.nbytes == 20 * array.dtype.itemsize
    assert array.metadata.data_type.name == name.replace("big-endian utf32", "fixed_length_utf32")
    text = str(array.info)
    assert "Fill value" in text
    assert ("depends on the elements" in text) == array.dtype.hasobject
    html = array._repr_html_()
    assert html.startswith("<div")
    assert html.count("<tr") == len(text.splitlines())
    inner = array.metadata.codecs[0].configuration["codecs"]
    serializer = {"string": "vlen-utf8", "variable_length_bytes": "vlen-bytes"}.get(name, "bytes")
    assert inner[0]["name"] == serializer
    assert ("numcodecs.shuffle" in [codec["name"] for codec in inner]) == (serializer == "bytes")


def test_types_are_told_in_words() -> None:
    rows = {
        dtype: dict(zh.create_array("memory://w", shape=2, dtype=dtype, hdf5=False, overwrite=True).info.rows)
        for dtype in (str, bytes, "S3")
    }
    assert [rows[dtype]["Type"] for dtype in rows] == ["strings of any length", "bytes of any length", "|S3"]
    assert [rows[dtype]["Fill value"] for dtype in rows] == ["''", "b''", "b''"]


@pytest.mark.parametrize("dtype", [str, bytes])
def test_auto_chunks_of_elements_of_any_length(dtype: type) -> None:
    """As if an element had 32 bytes."""
    array = zh.create_array("memory://auto", shape=(2**20,), dtype=dtype, hdf5=False, overwrite=True)
    like = zh.create_array("memory://auto", shape=(2**20,), dtype="S32", hdf5=False, overwrite=True)
    assert (array.chunks, array.shards) == (like.chunks, like.shards) == ((2**13,), (2**20,))


GIVEN: list[tuple[Any, Any, str]] = [
    (None, np.array(["a", "bc"], object), "string"),
    (None, np.array([b"a", b"bc"], object), "variable_length_bytes"),
    (None, ["a", "bc"], "fixed_length_utf32"),
    (None, [b"a", b"bc"], "null_terminated_bytes"),
    ("string", ["a", "bc"], "string"),
    ("str", ["a", "bc"], "string"),
    ("variable_length_bytes", [b"a", b"bc\0"], "variable_length_bytes"),
    (bytes, np.array([b"a", b"bc"]), "variable_length_bytes"),
    (DataType.raw_bytes(2), np.array([b"ab", b"c\0"], "V2"), "raw_bytes"),
    (DataType.verbatim(np.dtype([("a", "i1"), ("b", "i8")], align=True)), [(1, 2)], "structured"),
]


@pytest.mark.parametrize(("dtype", "data", "name"), GIVEN, ids=range(len(GIVEN)))
def test_what_users_give(dtype: Any, data: Any, name: str) -> None:
    array = zh.create_array("memory://given", data=data, dtype=dtype, hdf5=False, overwrite=True)
    assert array.metadata.data_type.name == name
    wanted = np.asarray(data, object if array.dtype.hasobject else array.dtype)
    assert zh.open_array("memory://given")[...].tolist() == wanted.tolist()


@pytest.mark.parametrize("data", [[1, "a"], ["a", b"a"], [None], []], ids=str)
def test_objects_that_say_nothing(data: list[Any]) -> None:
    with pytest.raises(UnsupportedFeatureError, match="say dtype=str or dtype=bytes"):
        zh.create_array("memory://objects", data=np.array(data, object), hdf5=False)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="numpy 1 has no StringDType")
def test_numpys_strings() -> None:
    data = np.array(["a", "bc\0", ""], "T")
    array = zh.create_array("memory://strings", data=data, hdf5=False, overwrite=True)
    assert array.metadata.data_type == DataType.string()
    assert array[...].tolist() == ["a", "bc\0", ""]


def test_what_is_no_string_is_named_and_nothing_is_written() -> None:
    array = zh.create_array("memory://wrong", shape=(4,), dtype=str, chunks=4, shards=None, hdf5=False, overwrite=True)
    with pytest.raises(CodecError, match=r"element \(2,\) of the chunk: 5 is not str"):
        array[1:3] = np.array(["a", 5], object)
    assert array[...].tolist() == [""] * 4


def test_subarrays_are_written_as_the_structures_that_stand_for_them() -> None:
    dtype = np.dtype([("a", "<i2", (2, 2)), ("b", ">f8")], align=True)
    data = np.zeros((3, 2), dtype)
    data["a"] = np.arange(24).reshape(3, 2, 2, 2)
    data["b"] = np.arange(6).reshape(3, 2)
    array = zh.create_array("memory://sub", data=data, chunks=(2, 2), shards=(4, 2), overwrite=True)
    found = zh.open_array("memory://sub")[...]
    assert found["a"]["1"]["0"].tolist() == data["a"][..., 1, 0].tolist()
    assert found["b"].tolist() == data["b"].tolist()
    array[0, 0] = data[2, 1]
    assert array[0, 0] == found[2, 1]


class Verbatim(MemoryStore, Composer):
    """A store that knows the layout of its elements in memory."""

    dtype = np.dtype([("a", "<i1"), ("b", ">i8"), ("c", "<i2", (2,))], align=True)

    def compose(self, path: str) -> StoredArray:
        """Chunks are the elements as they lie in memory."""
        metadata = read_node(self, path)
        assert isinstance(metadata, ArrayMetadata)
        base = MemoryStore(name="base")
        base._objects = self._objects
        composition = compose_array(metadata, base, "")
        stored = composition.stored
        fill: Any = np.zeros((), self.dtype)[()]
        spec = ChunkSpec(metadata.chunk_shape, self.dtype, fill)
        return StoredArray(stored.store, stored.source, composition.codecs.prepare(spec), stored.order)


def test_arrays_of_a_verbatim_type() -> None:
    """Padding, byte order and subarrays come out as they are stored; the metadata speak of the packed type."""
    data = np.frombuffer(bytes(range(5 * Verbatim.dtype.itemsize)), Verbatim.dtype).copy()
    data["a"], data["b"], data["c"] = np.arange(5), -np.arange(5), np.arange(10).reshape(5, 2)
    store = Verbatim(name="verbatim")
    plain: Any = {"serializer": {"name": "bytes", "configuration": {}}, "compressors": None, "shards": None}
    made = zh.create_array(MemoryStore(name="made"), shape=5, dtype=Verbatim.dtype, chunks=5, hdf5=False, **plain)
    store.set("zarr.json", [made.store.get("zarr.json").data])
    store.set("c/0", [data.tobytes()])
    array = zh.Array(store, "", made.metadata, read_only=True)
    assert array.dtype == Verbatim.dtype
    assert array.dtype.itemsize > made.dtype.itemsize
    assert array[...].tobytes() == data.tobytes()
    assert repr(array[3:1:-1].tolist()) == repr(data[3:1:-1].tolist())
    assert array.metadata.data_type == DataType.from_numpy(Verbatim.dtype)


REFUSED = {
    "string": "vlen-utf8.*heap|vlen-utf8.*apart from the chunks.*hdf5=False",
    "variable_length_bytes": "vlen-bytes.*apart from the chunks.*hdf5=False",
    "fixed_length_utf32": "UTF-32.*hdf5=False",
    "numpy.datetime64": "dates.*hdf5=False",
    "numpy.timedelta64": "times.*hdf5=False",
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_hdf5_side(name: str, tmp_path: Path) -> None:
    """The error comes before anything is written."""
    with pytest.raises(UnsupportedFeatureError, match=REFUSED[name]):
        zh.create_array(tmp_path / "x.zarr", shape=(4,), dtype=TYPES[name][0])
    assert not (tmp_path / "x.zarr").exists()


def test_no_hdf5_side_of_a_field() -> None:
    with pytest.raises(UnsupportedFeatureError, match=r"field 'p\.when': HDF5 has no data type for dates"):
        zh.create_array("memory://field", shape=(4,), dtype=[("a", "i4"), ("p", [("when", "M8[s]")])])


def test_a_fill_value_that_hdf5_would_cut_off() -> None:
    with pytest.raises(UnsupportedFeatureError, match="NUL"):
        zh.create_array("memory://nul", shape=(4,), dtype="S3", fill_value=b"a\0b")


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("name", HDF5_TYPES)
def test_hdf5_side(name: str, libver: Any, tmp_path: Path) -> None:
    dtype, _, fill = TYPES[name]
    hdf5 = zh.HDF5(libver=libver)
    array = zh.create_array(tmp_path / "x", shape=(9,), dtype=dtype, chunks=2, shards=4, fill_value=fill, hdf5=hdf5)
    array[1:3], array[8] = elements(name)[:2], elements(name)[1]
    assert array.hdf5 is not None
    wanted = array[...]
    with h5py.File(array.hdf5.file((0,))) as file:
        assert file[array.hdf5.dataset].dtype == array.dtype
        assert file[array.hdf5.dataset].fillvalue == array.fill_value or name == "structured"  # a NaN
        assert file[array.hdf5.dataset][...].tobytes() == wanted[:4].tobytes()
    with array.hdf5.open().file as file:  # shard 1 was never written
        assert file[array.hdf5.dataset][...].tobytes() == wanted.tobytes()
    assert zh.verify(tmp_path / "x")


def test_big_endian_structures() -> None:
    big = {"name": "bytes", "configuration": {"endian": "big"}}
    data = elements("structured")
    array = zh.create_array("memory://big", data=data, serializer=big, overwrite=True)
    assert isinstance(array.hdf5, HDF5Side)
    with h5py.File(io.BytesIO(array.store.get(array.hdf5.key((0,))).data)) as file:
        assert file["data"].dtype == STRUCT.newbyteorder(">")
        assert file["data"][...].astype(STRUCT).tobytes() == data.tobytes()
    assert array[...].tobytes() == data.tobytes()


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_bits_that_are_no_elements(layout: dict[str, Any], tmp_path: Path) -> None:
    """Bytes of bools other than 0 and 1 are true, and characters beyond Unicode are corrupt, read whole or in part."""
    dtype = np.dtype([("ok", "?"), ("c", "<U1")])
    data = np.array([(True, "a")] * 6, dtype)
    zh.create_array(tmp_path / "x", data=data, chunks=(6,), compressors=None, hdf5=False, **layout)
    chunk = tmp_path / "x/c/0"
    good = chunk.read_bytes()
    chunk.write_bytes(b"\2" + good[1:])
    array = zh.open_array(tmp_path / "x")
    assert array[...].tobytes() == data.tobytes()
    assert array[:1].tobytes() == data[:1].tobytes()
    chunk.write_bytes(good[:4] + b"\1" + good[5:])
    for selection in (slice(None), slice(1), 0):
        with pytest.raises(CorruptDataError, match="beyond Unicode"):
            zh.open_array(tmp_path / "x")[selection]


def test_long_elements_and_blosc() -> None:
    """c-blosc knows elements of up to 255 bytes."""
    array = zh.create_array("memory://blosc", data=[b"x" * 300], compressors="blosc", overwrite=True)
    assert array[0] == b"x" * 300


def test_like_another() -> None:
    """A group's arrays are required by their metadata, which two types of objects share only in memory."""
    group = zh.create_group("memory://require", overwrite=True, hdf5=False)
    made = group.create_array("a", shape=2, dtype=str)
    assert group.require_array("a", shape=2, dtype=str).metadata == made.metadata
    with pytest.raises(AlreadyExistsError):
        group.require_array("a", shape=3, dtype=str)


def test_what_cannot_be_a_fill_value() -> None:
    with pytest.raises(InvalidMetadataError, match="fill_value: expected at most 3 bytes, found 4"):
        zh.create_array("memory://f", shape=2, dtype="S3", fill_value="four")
