"""Rectilinear grids: arrays whose chunks, or shards, are of many shapes, against numpy."""

import time
from pathlib import Path
from typing import Any

import google_crc32c
import h5py
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

import zarr_hdf5 as zh
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.errors import InvalidMetadataError, SelectionError, UnsupportedFeatureError
from zarr_hdf5.stores.memory import MemoryStore

SHAPE = (60, 12)
VALUES = np.random.default_rng(5).integers(0, 2**16, SHAPE, np.uint16)
UNSHARDED: dict[str, Any] = {"chunks": [[10, 20, 30], [5, 7]], "shards": None, "hdf5": False}
SHARDED: dict[str, Any] = {"chunks": (5, 6), "shards": [[10, 20, 30], 12]}


def chunk_shapes(array: zh.Array) -> Any:
    return array.metadata.to_json()["chunk_grid"]["configuration"]["chunk_shapes"]


def test_unsharded_chunks_are_objects_of_their_shapes() -> None:
    store = MemoryStore()
    array = zh.create_array(store, data=VALUES, compressors=None, **UNSHARDED)
    assert chunk_shapes(array) == [[10, 20, 30], [5, 7]]
    for i, rows in enumerate([slice(0, 10), slice(10, 30), slice(30, 60)]):
        for j, columns in enumerate([slice(0, 5), slice(5, 12)]):
            assert store.get(f"c/{i}/{j}").data == VALUES[rows, columns].astype("<u2").tobytes()


def test_the_last_chunk_is_stored_whole() -> None:
    store = MemoryStore()
    array = zh.create_array(
        store, data=VALUES, chunks=[[10, 20, 40], 12], shards=None, hdf5=False, compressors=None, fill_value=9
    )
    chunk = np.full((40, 12), 9, "<u2")
    chunk[:30] = VALUES[30:]
    assert store.get("c/2/0").data == chunk.tobytes()
    np.testing.assert_array_equal(array[...], VALUES)


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("location", ["end", "start"])
def test_every_shard_is_a_file_of_its_shape(tmp_path: Path, libver: Any, location: Any) -> None:
    options = SHARDED | {"hdf5": zh.HDF5(libver=libver, index_location=location)}
    array = zh.create_array(tmp_path / "x.zarr", data=VALUES[:55], dtype="u2", **options)
    for i, (begin, end) in enumerate([(0, 10), (10, 30), (30, 55)]):
        with h5py.File(tmp_path / f"x.zarr/c/{i}/0") as file:
            dataset = file["data"]
            np.testing.assert_array_equal(dataset[...], VALUES[begin:end])
            assert dataset.chunks == (5, 6)
            assert dataset.maxshape == ((10, 20, 30)[i], 12)
            assert dataset.id.get_num_chunks() == (end - begin + 4) // 5 * 2
    assert zh.verify(tmp_path / "x.zarr")
    whole = array.hdf5.open() if isinstance(array.hdf5, HDF5Side) else None
    assert whole is not None
    assert whole.shape == (55, 12)
    np.testing.assert_array_equal(whole[30:], VALUES[30:55])
    whole.file.close()


def test_verify_names_chunks_of_the_array(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path / "x.zarr", data=VALUES, compressors=None, **SHARDED)
    file = tmp_path / "x.zarr/c/2/0"
    data = bytearray(file.read_bytes())
    index = memoryview(data)[-(12 * 16 + 4) :]
    index[3 * 16 : 3 * 16 + 8] = index[16 : 16 + 8]  # the fourth chunk of the last shard lies where its second does
    index[-4:] = google_crc32c.value(bytes(index[:-4])).to_bytes(4, "little")
    file.write_bytes(data)
    (only,) = zh.verify(tmp_path / "x.zarr").disagreements
    assert only.chunk == (7, 1)
    np.testing.assert_array_equal(zh.open_array(tmp_path / "x.zarr")[35:40, 6:], array[30:35, 6:])


def test_master_file_and_one_file(tmp_path: Path) -> None:
    zh.create_array(tmp_path / "x.zarr", name="a", data=VALUES, **SHARDED)
    zh.link(tmp_path / "x.zarr")
    with h5py.File(tmp_path / "x.zarr/x.h5") as file:
        np.testing.assert_array_equal(file["a"][...], VALUES)
    assert zh.verify(tmp_path / "x.zarr")
    with zh.create_group(tmp_path / "one.h5") as group:
        group.create_array("a", data=VALUES, **SHARDED)
        group.create_array("strings", data=[["a", "b", "c"]] * 3, dtype=str, chunks=[[1, 2], 3], shards=None)
        with pytest.raises(UnsupportedFeatureError, match="HDF5 chunks are all of one shape"):
            group.create_array("no", data=VALUES, **(UNSHARDED | {"hdf5": True}))
        group.create_array("zarr only", data=VALUES, **UNSHARDED)
    with h5py.File(tmp_path / "one.h5") as file:
        np.testing.assert_array_equal(file["a"][...], VALUES)
        assert file["strings"].asstr()[2, 1] == "b"
        assert set(file) == {"a", "strings"}
    assert zh.verify(tmp_path / "one.h5")
    for name in ("a", "zarr only"):
        np.testing.assert_array_equal(zh.open_array(tmp_path / "one.h5", path=name)[...], VALUES)


@pytest.mark.parametrize("options", [UNSHARDED, SHARDED], ids=["unsharded", "sharded"])
def test_convert_copies_and_keeps_what_it_can(tmp_path: Path, options: dict[str, Any]) -> None:
    zh.create_array(tmp_path / "x.zarr", data=VALUES, **options)
    assert zh.convert(tmp_path / "x.zarr", tmp_path / "y.zarr").converted == ("",)
    copy = zh.open_array(tmp_path / "y.zarr")
    np.testing.assert_array_equal(copy[...], VALUES)
    assert copy.hdf5 is not None
    assert zh.verify(tmp_path / "y.zarr")
    zh.convert(tmp_path / "x.zarr", tmp_path / "z.zarr", hdf5=False)
    assert zh.open_array(tmp_path / "z.zarr").write_chunk_sizes == zh.open_array(tmp_path / "x.zarr").write_chunk_sizes


def test_convert_what_has_shrunk(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path / "x.zarr", data=VALUES, **SHARDED)
    array.resize((8, 12))
    zh.convert(tmp_path / "x.zarr", tmp_path / "y.zarr")
    copy = zh.open_array(tmp_path / "y.zarr")
    np.testing.assert_array_equal(copy[...], VALUES[:8])
    assert chunk_shapes(copy) == [[10, 20, 30], 12]


def test_an_array_of_no_elements_grows_into_its_chunks(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path, shape=(0, 12), dtype="u2", **SHARDED)
    assert (array.nchunks, array.nshards, array.write_chunk_sizes) == (0, 0, ((), (12,)))
    array.append(VALUES)
    assert array.write_chunk_sizes == ((10, 20, 30), (12,))
    np.testing.assert_array_equal(array[...], VALUES)
    assert zh.verify(tmp_path)


def test_what_chunks_and_shards_are() -> None:
    array = zh.create_array(MemoryStore(), data=VALUES, **UNSHARDED)
    with pytest.raises(NotImplementedError, match="use read_chunk_sizes"):
        _ = array.chunks
    assert array.shards is None
    assert array.nchunks == 6
    assert array.nshards is None
    assert array.block_shape == (30, 7)
    assert array.read_chunk_sizes == array.write_chunk_sizes == ((10, 20, 30), (5, 7))
    array = zh.create_array(MemoryStore(), shape=(55, 12), dtype="u2", **SHARDED)
    assert array.chunks == (5, 6)
    with pytest.raises(NotImplementedError, match="use write_chunk_sizes"):
        _ = array.shards
    assert (array.nchunks, array.nshards) == (22, 3)
    assert array.block_shape == (30, 12)
    assert array.write_chunk_sizes == ((10, 20, 25), (12,))
    assert array.read_chunk_sizes == ((5,) * 11, (6, 6))
    regular = zh.create_array(MemoryStore(), shape=(55, 12), dtype="u2", chunks=(5, 6), shards=(20, 12))
    assert regular.write_chunk_sizes == ((20, 20, 15), (12,))


def test_info_and_drawing() -> None:
    array = zh.create_array(MemoryStore(), data=VALUES, **UNSHARDED)
    assert "Chunks      of many shapes, 6 chunks\nShards      none\n" in repr(array.info)
    assert array._repr_html_().count("<line") or "<path" in array._repr_html_()
    array = zh.create_array(MemoryStore(), data=VALUES, **SHARDED)
    assert "Inner chunks  (5, 6), 24 chunks\nShards        of many shapes, 3 shards\n" in repr(array.info)
    assert "one shard" in array._repr_html_()
    assert list(array)[17].tolist() == VALUES[17].tolist()


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "HDF5 chunks": ({"chunks": [[30, 30], 12]}, UnsupportedFeatureError, "HDF5 chunks are all of one shape"),
    "too few": ({"chunks": [[30, 20], 12], "hdf5": False}, InvalidMetadataError, "50 elements in all"),
    "too many": ({"chunks": [[30, 30, 1], 12], "hdf5": False}, InvalidMetadataError, "61 elements in all"),
    "none": ({"chunks": [[], 12], "hdf5": False}, InvalidMetadataError, "positive"),
    "zero": ({"chunks": [[60, 0], 12], "hdf5": False}, InvalidMetadataError, "positive"),
    "not integers": ({"chunks": [[30.0, 30.0], 12], "hdf5": False}, InvalidMetadataError, "integers"),
    "rank": ({"chunks": [[30, 30]], "hdf5": False}, InvalidMetadataError, "do not fit"),
    "run": ({"chunks": [[[30, 2]], 12], "hdf5": False}, InvalidMetadataError, "integers"),
    "within shards": (
        {"chunks": [[30, 30], 12], "shards": (60, 12)},
        InvalidMetadataError,
        "within shards are all of one shape",
    ),
    "within automatic shards": ({"chunks": [[30, 30], 12], "shards": "auto"}, InvalidMetadataError, "of one shape"),
    "no multiple": ({"chunks": (5, 6), "shards": [[30, 29, 1], 12]}, InvalidMetadataError, "not a multiple"),
    "no multiple of explicit inner chunks": (
        {
            "chunks": [[30, 29, 1], 12],
            "shards": None,
            "hdf5": False,
            "compressors": None,
            "serializer": {
                "name": "sharding_indexed",
                "configuration": {"chunk_shape": [5, 6], "codecs": ["bytes"], "index_codecs": ["bytes"]},
            },
        },
        UnsupportedFeatureError,
        "do not divide",
    ),
}


@pytest.mark.parametrize(("options", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        zh.create_array(MemoryStore(), shape=SHAPE, dtype="u1", **options)


def test_chunks_of_listed_shards_are_found() -> None:
    array = zh.create_array(MemoryStore(), shape=(6000, 4000), dtype="f8", shards=[[2000, 1000, 3000], 4000])
    assert all(n % c == 0 for n, c in zip((1000, 4000), array.chunks, strict=True))
    assert np.prod(array.chunks) * 8 <= 256 << 10
    edges = ChunkEdges(((1000, 6),))
    assert chunk_shapes(zh.create_array(MemoryStore(), shape=(6000,), dtype="u1", shards=[edges])) == [[[1000, 6]]]
    many: Any = np.full(3, 2000)
    assert chunk_shapes(zh.create_array(MemoryStore(), shape=(6000,), dtype="u1", shards=[many])) == [[[2000, 3]]]


def test_append_adds_a_chunk_of_what_is_appended(tmp_path: Path) -> None:
    """As months are added to a year."""
    months = [31, 28, 31]
    for name, options in {
        "plain": {"chunks": [months], **UNSHARDED_1D},
        "shards": {"chunks": 1, "shards": [months]},
    }.items():
        array = zh.create_array(tmp_path / name, data=np.arange(90), **options)
        array.append(np.arange(90, 120))
        assert chunk_shapes(array) == [[31, 28, 31, 30]]
        array.resize(100)
        assert chunk_shapes(array) == [[31, 28, 31, 30]]
        np.testing.assert_array_equal(zh.open_array(tmp_path / name)[...], np.arange(100))
        array.resize(125)
        assert chunk_shapes(array) == [[31, 28, 31, 30, 5]]
        np.testing.assert_array_equal(array[...], [*range(100), *[0] * 25])
    assert zh.verify(tmp_path / "shards")


UNSHARDED_1D: dict[str, Any] = {"shards": None, "hdf5": False}


def test_a_grid_of_billions_costs_nothing() -> None:
    length = 4 * 10**9 + 9 * 10**17
    store = MemoryStore()
    begin = time.perf_counter()
    array = zh.create_array(
        store,
        shape=(length, 3),
        dtype="u1",
        chunks=[ChunkEdges(((4, 10**9), (9, 10**17))), [1, 2]],
        shards=None,
        hdf5=False,
    )
    assert array.nchunks == 2 * (10**9 + 10**17)
    array[length - 1, 2] = 7
    array[4 * 10**9 - 1 : 4 * 10**9 + 1, 1:] = 5
    array = zh.open_array(store, mode="r+")
    assert array[length - 1].tolist() == [0, 0, 7]
    assert array[4 * 10**9 - 2 : 4 * 10**9 + 2, 1].tolist() == [0, 5, 5, 0]
    assert array[:: 9 * 10**16, 0].shape == (11,)
    assert array.vindex[[0, 4 * 10**9, length - 1], [0, 2, 2]].tolist() == [0, 5, 7]
    assert "of many shapes" in repr(array.info)
    assert array._repr_html_()
    array.resize((length + 1, 3))
    with pytest.raises(UnsupportedFeatureError, match="are not listed"):
        _ = array.read_chunk_sizes
    assert time.perf_counter() - begin < 2


Options = dict[str, Any]


@st.composite
def grids(draw: st.DrawFn) -> tuple[tuple[int, ...], Options]:
    """A shape, and a rectilinear grid of chunks or shards over it."""
    rank = draw(st.integers(1, 3))
    unit = draw(st.tuples(*[st.integers(1, 3)] * rank))
    sharded = draw(st.booleans())
    shape: list[int] = []
    lengths: list[Any] = []
    for step in unit if sharded else (1,) * rank:
        edges = [step * n for n in draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))]
        shape.append(draw(st.integers(sum(edges[:-1]) + 1, sum(edges))))
        lengths.append(edges if draw(st.integers(0, 3)) else edges[0])
    if all(isinstance(n, int) for n in lengths):
        lengths[0] = [shape[0] + -shape[0] % (unit[0] if sharded else 1)]
    if not sharded:
        return tuple(shape), {"chunks": lengths, "shards": None, "hdf5": False}
    return tuple(shape), {"chunks": unit, "shards": lengths, "hdf5": draw(st.booleans())}


@settings(deadline=None)
@given(grids(), st.data())
def test_random_reads_and_writes_are_numpys(grid: tuple[tuple[int, ...], Options], data: st.DataObject) -> None:
    shape, options = grid
    store = MemoryStore()
    array = zh.create_array(store, shape=shape, dtype="i4", fill_value=-1, **options)
    values = np.full(shape, -1, "i4")
    indices = basic_indices(shape, allow_newaxis=False, allow_ellipsis=True)
    for step in range(3):
        index = data.draw(indices)
        new: npt.NDArray[Any] = np.arange(values[index].size, dtype="i4").reshape(np.shape(values[index])) + 100 * step
        values[index] = new
        array[index] = new
        np.testing.assert_array_equal(array[...], values)
        read = data.draw(indices)
        np.testing.assert_array_equal(array[read], values[read])
    points = tuple(np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=5, max_size=5))) for n in shape)
    np.testing.assert_array_equal(array.vindex[points], values[points])
    with pytest.raises(SelectionError):
        array[shape[0]]
    assert [sum(along) for along in array.read_chunk_sizes] == list(shape)
    if array.hdf5 is not None:
        assert zh.verify(store)


@pytest.mark.parametrize("order", [(1, 0), (0, 1)])
@pytest.mark.parametrize("hdf5", [True, False])
def test_transposed_shards(order: tuple[int, int], hdf5: bool, tmp_path: Path) -> None:
    codecs = [{"name": "transpose", "configuration": {"order": list(order)}}]
    inner = [6, 5] if order == (1, 0) else [5, 6]
    sharding = {
        "name": "sharding_indexed",
        "configuration": {
            "chunk_shape": inner,
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
            "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
        },
    }
    array = zh.create_array(
        tmp_path,
        shape=SHAPE,
        dtype="u2",
        chunks=[[10, 20, 30], 12],
        shards=None,
        hdf5=False,
        filters=codecs,
        serializer=sharding,
        compressors=None,
    )
    array[...] = VALUES
    array[8:33, 4] = 3
    wanted = VALUES.copy()
    wanted[8:33, 4] = 3
    reopened = zh.open_array(tmp_path)
    assert reopened.chunks == (5, 6)
    np.testing.assert_array_equal(reopened[...], wanted)
    np.testing.assert_array_equal(reopened.vindex[[3, 40], [11, 0]], wanted[[3, 40], [11, 0]])
