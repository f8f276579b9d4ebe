"""resize and append, against numpy, and what other programs see of it on both sides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import zarr
import zarrista

import zarr_hdf5 as zh
from zarr_hdf5.errors import ReadOnlyError, SelectionError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore

pytestmark = pytest.mark.filterwarnings("ignore::zarr_hdf5.errors.InteroperabilityWarning")

FILL = 7
ARRAYS: dict[str, dict[str, Any]] = {
    "deflate": {},
    "v110": {"hdf5": zh.HDF5(libver="v110")},
    "no codec": {"compressors": None},
    "index at the start": {"hdf5": zh.HDF5(index_location="start")},
    "transposed": {"filters": [{"name": "transpose", "configuration": {"order": [1, 0]}}], "hdf5": False},
    "plain shards": {"hdf5": False},
    "unsharded": {"hdf5": False, "shards": None},
    "v2 keys": {"chunk_key_encoding": {"name": "v2", "separator": "."}},
    "rectilinear": {"chunks": [[3, 4, 6], [4, 5]], "shards": None, "hdf5": False, "compressors": "zstd"},
    "rectilinear shards": {"shards": [[6, 3, 6], 6], "compressors": "zstd"},
    "rectilinear shards, v110": {"shards": [[6, 3, 6], [4, 2, 4]], "hdf5": zh.HDF5(libver="v110"), "compressors": None},
    "rectilinear shards, transposed": {
        "shards": [[6, 3, 6], 6],
        "chunks": (3, 3),
        "compressors": "blosc",
        "hdf5": False,
        "filters": [{"name": "transpose", "configuration": {"order": [1, 0]}}],
    },
    "suffix": {"chunk_key_encoding": {"name": "suffix", "configuration": {"suffix": ".h5"}}},
    "fanout": {"chunk_key_encoding": {"name": "fanout", "configuration": {"max_children": 4}}},
    "strings": {"dtype": "string", "fill_value": "?", "hdf5": False},
}


def resized(values: npt.NDArray[Any], shape: tuple[int, ...], fill: Any) -> npt.NDArray[Any]:
    new = np.full(shape, fill, values.dtype)
    kept = tuple(slice(0, min(pair)) for pair in zip(values.shape, shape, strict=True))
    new[kept] = values[kept]
    return new


def create(store: Any, **options: Any) -> tuple[zh.Array, npt.NDArray[Any], Any]:
    wanted: dict[str, Any] = {"shape": (13, 9), "dtype": "i4", "chunks": (3, 2), "shards": (6, 6), "fill_value": FILL}
    wanted |= options
    if wanted["dtype"] == "string":
        return zh.create_array(store, **wanted), np.full((13, 9), "?", object), "?"
    return zh.create_array(store, **wanted), np.full((13, 9), FILL, "i4"), FILL


def new_values(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    values = rng.integers(-9, 9, shape, np.int32)
    return values.astype(str).astype(object) if dtype.hasobject else values


@pytest.mark.parametrize("where", ["directory", "in place", "memory"])
@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_any_sequence_of_changes(options: dict[str, Any], where: str, tmp_path: Path) -> None:
    stores: dict[str, Any] = {
        "directory": lambda: LocalStore(tmp_path),
        "in place": lambda: LocalStore(tmp_path, in_place=True),
        "memory": MemoryStore,
    }
    store = stores[where]()
    array, values, fill = create(store, **options)
    rng = np.random.default_rng(len(str(options)))
    for step in range(16):
        kind = step % 4
        if kind == 0:
            shape = tuple(int(n) for n in rng.integers(0, 20, 2))
            array.resize(shape)
            values = resized(values, shape, fill)
        elif kind == 1:
            axis = int(rng.integers(0, 2))
            more = [*values.shape]
            more[axis] = int(rng.integers(0, 8))
            data = new_values(rng, tuple(more), values.dtype) if step % 8 == 1 else np.full(more, fill, values.dtype)
            values = np.concatenate([values, data], axis=axis)
            assert array.append(data, axis=axis - 2 * (step % 3 == 0)) == values.shape
        else:
            low = [int(rng.integers(0, n + 1)) for n in values.shape]
            region = tuple(
                slice(start, int(rng.integers(start, n + 1))) for start, n in zip(low, values.shape, strict=True)
            )
            values[region] = new_values(rng, values[region].shape, values.dtype)
            array[region] = values[region]
        assert array.shape == values.shape
        np.testing.assert_array_equal(array[...], values)
        np.testing.assert_array_equal(zh.open_array(store)[...], values)
        if array.hdf5 is not None:
            assert zh.verify(store), step
            if where != "memory" and values.size:
                whole = array.hdf5.open()
                np.testing.assert_array_equal(whole[...], values)
                whole.file.close()
        if where != "memory":
            read = judge_of(array)
            assert read is None or not values.size or np.array_equal(read(tmp_path), values), step


def judge_of(array: zh.Array) -> Callable[[Path], Any] | None:
    """zarr-python, or zarrista for grids that it has not; none for keys that nobody has: their shards h5py has read."""
    opens = {row.program: row.opens for row in array.readers() if row.side == "Zarr"}
    if not opens["zarr-python"]:
        return None
    if array.metadata.chunk_lengths is None:
        return lambda path: zarr.open_array(path, mode="r")[...]
    assert opens["zarrista"]
    return read_zarrista


def read_zarrista(path: Path) -> Any:
    array = zarrista.Array.open(zarrista.store.FilesystemStore(str(path)))
    return array.retrieve_array_subset(...).to_numpy()


def test_shards_follow_and_chunks_move_as_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = zh.create_array(tmp_path, data=np.arange(50).reshape(10, 5), chunks=(2, 5), shards=(8, 5))
    monkeypatch.setattr("zarr_hdf5.array.write._encode", None)  # nothing is encoded
    array.resize((15, 5))
    with h5py.File(tmp_path / "c/1/0") as file:
        assert file["data"].shape == (7, 5)
        assert file["data"][:2].tolist() == np.arange(40, 50).reshape(2, 5).tolist()
        assert not file["data"][2:].any()
    with h5py.File(tmp_path / "c/0/0") as file:
        assert file["data"].shape == (8, 5)
    assert zh.verify(tmp_path)


def test_what_is_outside_is_deleted(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path, data=np.ones((10, 10)), chunks=(2, 2), shards=(4, 4))
    array.resize((4, 5))
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("c/*/*")) == ["c/0/0", "c/0/1"]
    array.resize((10, 10))
    assert array[...].sum() == 20
    assert np.asarray(zarr.open_array(tmp_path)[...]).sum() == 20
    array.resize((0, 10))
    assert [path.name for path in tmp_path.iterdir()] == ["zarr.json"]


def test_the_master_file_follows(tmp_path: Path) -> None:
    group = zh.create_group(tmp_path / "g.zarr", hdf5=zh.HDF5(virtual_dataset=True))
    time = group.create_array("time", data=np.arange(3), dimension_names=["time"])
    t = group.create_array("t", data=np.ones((3, 4)), dimension_names=["time", "x"], chunks=(2, 4), shards=(4, 4))
    time.append([3, 4])
    t.append(np.full((2, 4), 2.0))
    with h5py.File(tmp_path / "g.zarr/g.h5") as file:
        assert file["t"][:, 0].tolist() == [1, 1, 1, 2, 2]
        assert file["t"].dims[0][0][...].tolist() == [0, 1, 2, 3, 4]
    assert zh.verify(tmp_path / "g.zarr")


@pytest.mark.parametrize("shape", [(3,), (3, -1), 3, (3, 3, 3), (2.5, 3), "ab"])
def test_no_shapes(shape: Any, tmp_path: Path) -> None:
    array, values, _ = create(tmp_path)
    with pytest.raises(SelectionError, match="shape"):
        array.resize(shape)
    assert zh.open_array(tmp_path).shape == array.shape == values.shape


@pytest.mark.parametrize(("data", "axis"), [(np.ones((2, 8)), 0), (np.ones((13, 2)), 0), (np.ones(9), 0), (1, 0)])
def test_data_that_do_not_fit(data: Any, axis: int, tmp_path: Path) -> None:
    array, values, _ = create(tmp_path)
    with pytest.raises(SelectionError, match="data of shape"):
        array.append(data, axis)
    with pytest.raises(SelectionError, match="axis 2"):
        array.append(data, 2)
    assert array.shape == values.shape


def test_read_only(tmp_path: Path) -> None:
    create(tmp_path / "a.zarr")
    array = zh.open_array(tmp_path / "a.zarr")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["a"] = [1, 2]
    for one in (array, zh.open_array(tmp_path / "old.h5", path="a")):
        with pytest.raises(ReadOnlyError):
            one.resize(one.shape)
        with pytest.raises(ReadOnlyError):
            one.append(one[...])


def test_one_dimension(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path, data=[1, 2, 3], chunks=2, shards=4)
    array.resize(2)
    assert array.append([5, 6, 7]) == (5,)
    assert array[...].tolist() == [1, 2, 5, 6, 7]


@pytest.mark.parametrize("shape", [(17, 9), (8, 7)])
def test_a_crash_after_the_document(shape: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array, values, fill = create(tmp_path)
    array[...] = values = np.arange(values.size, dtype=values.dtype).reshape(values.shape)
    with monkeypatch.context() as patch:
        patch.setattr("zarr_hdf5.array.array.follow_bounds", None)
        with pytest.raises(TypeError):
            array.resize(shape)
    assert not zh.verify(tmp_path)
    again = zh.open_array(tmp_path, "r+")
    again.resize((30, 30))
    again.resize(shape)
    assert zh.verify(tmp_path)
    np.testing.assert_array_equal(again[...], resized(values, shape, fill))
