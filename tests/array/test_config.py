"""`config`: chunks of nothing but the fill value, and chunks that are not stored; against zarr-python's meaning."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.array_config import ArrayConfig
from zarr_hdf5.errors import ChunkNotFoundError, InvalidMetadataError, NotFoundError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore

WRITE_ALL: Any = {"write_empty_chunks": True}
STRICT: Any = {"read_missing_chunks": False}
ARRAYS: dict[str, dict[str, Any]] = {
    "deflate": {},
    "no codec": {"compressors": None},
    "v110": {"hdf5": zh.HDF5(libver="v110")},
    "plain shards": {"hdf5": False},
    "unsharded": {"hdf5": False, "shards": None},
    "transposed": {"filters": [{"name": "transpose", "configuration": {"order": [1, 0]}}], "hdf5": False},
    "text": {"dtype": "string", "fill_value": "?", "hdf5": False},
}


def create(store: Any, **options: Any) -> zh.Array:
    wanted = {"shape": (8, 8), "dtype": "i4", "chunks": (2, 2), "shards": (4, 4), "fill_value": 7, **options}
    return zh.create_array(store, **wanted)


def stored_chunks(array: zh.Array) -> int:
    """Chunks that are stored, as the shards' indexes say, or files."""
    source, grid = array.stored.source, array.stored.source.grid
    inside = np.argwhere(np.ones(grid.chunks_per_object, bool))
    found = 0
    for coords in np.ndindex(grid.objects.grid_shape):
        located = source.locate(coords, inside, fresh=True)
        if located is not None:
            there = located.offsets is None and array.store.exists(located.key)
            found += int((located.offsets >= 0).sum()) if located.offsets is not None else int(there)
    return found


@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_empty_chunks(options: dict[str, Any], tmp_path: Path) -> None:
    fill: Any = "?" if options.get("dtype") == "string" else 7
    lean = create(tmp_path / "lean", **options)
    lean[...] = fill
    assert stored_chunks(lean) == 0
    full = create(tmp_path / "full", config=WRITE_ALL, **options)
    full[...] = fill
    assert stored_chunks(full) == 16
    full[:3, :3] = fill
    assert stored_chunks(full) == 16
    again = zh.open_array(tmp_path / "lean", "r+", config=WRITE_ALL)
    again[0, :5] = fill
    assert stored_chunks(again) == 3
    zh.open_array(tmp_path / "full", "r+")[:4, :4] = fill
    assert stored_chunks(full) == 12
    for name in ("lean", "full"):
        theirs = np.asarray(zarr.open_array(tmp_path / name, mode="r")[...])
        assert (theirs == fill).all()
        assert zh.verify(tmp_path / name)


def test_hdf5_has_them_too(tmp_path: Path) -> None:
    create(tmp_path, config=WRITE_ALL)[...] = 7
    with h5py.File(tmp_path / "c/0/0") as file:
        assert file["data"].id.get_num_chunks() == 4
        assert (file["data"][...] == 7).all()


def test_as_zarr_python_does_it(tmp_path: Path) -> None:
    """The same objects, in an array without shards."""
    for name, config in (("lean", {}), ("full", WRITE_ALL)):
        options: Any = {"shape": (8, 8), "chunks": (2, 2), "dtype": "i4", "fill_value": 7, "config": config}
        theirs = zarr.create_array(tmp_path / f"theirs {name}", **options)
        ours = create(tmp_path / f"ours {name}", shards=None, hdf5=False, config=config)
        for array in (theirs, ours):
            array[:5, :3] = 7
            array[4:, 4:] = 1
        keys = [sorted(p.name for p in (tmp_path / f"{who} {name}").glob("c/*/*")) for who in ("theirs", "ours")]
        assert keys[0] == keys[1]


SELECTIONS: dict[str, Any] = {
    "one element": (0, 0),
    "a chunk": np.s_[:2, :2],
    "part of it": np.s_[0:1, 1:2],
    "a row": np.s_[1, :],
    "all": np.s_[...],
    "strided": np.s_[::4, ::4],
}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_missing_chunks(options: dict[str, Any], selection: Any) -> None:
    store = MemoryStore()
    text = options.get("dtype") == "string"
    value: Any = "x" if text else 1
    lenient = create(store, **options)
    strict = zh.open_array(store, config=STRICT)
    with pytest.raises(ChunkNotFoundError, match="is not stored"):
        strict[selection]
    lenient[2:, 2:] = value  # all shards are there, but not all chunks
    with pytest.raises(ChunkNotFoundError) as caught:
        strict[selection]
    assert isinstance(caught.value, NotFoundError)
    assert caught.value.key.startswith("c/")
    assert (np.asarray(strict[2:, 2:]) == value).all()
    lenient[...] = value
    assert (np.asarray(strict[selection]) == value).all()
    if isinstance(selection, tuple) and selection == (0, 0):
        assert strict.vindex[[0, 7], [0, 7]].tolist() == [value, value]


def test_nothing_is_never_missing() -> None:
    strict = create(MemoryStore(), config=STRICT)
    assert strict[3:3].shape == (0, 8)
    with pytest.raises(ChunkNotFoundError):
        strict.vindex[[0], [0]]


def test_parts_of_missing_chunks_can_be_written(tmp_path: Path) -> None:
    array = create(tmp_path, config={**STRICT, **WRITE_ALL})
    array[0, 0] = 1
    assert array[:2, :2].tolist() == [[1, 7], [7, 7]]
    array[:4, :4] = 2
    array.resize((3, 3))
    assert array[...].tolist() == [[2] * 3] * 3
    array.append(np.full((1, 3), 7))
    assert array[3].tolist() == [7] * 3


def test_hdf5_files_and_one_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        dataset = file.create_dataset("a", (8, 8), "<i4", chunks=(2, 2), fillvalue=7)
        dataset[:2, :2] = 1
        file["b"] = np.zeros((2, 2))
    with create(tmp_path / "one.h5") as one:
        one[:2, :2] = 1
    for array in (
        zh.open_array(tmp_path / "old.h5", path="a", config=STRICT),
        zh.open_array(tmp_path / "one.h5", config=STRICT),
    ):
        assert array[:2, :2].tolist() == [[1, 1], [1, 1]]
        for selection in (np.s_[2:4, :2], np.s_[:2, 6:], np.s_[:, :]):
            with pytest.raises(ChunkNotFoundError):
                array[selection]
    assert not np.asarray(zh.open_array(tmp_path / "old.h5", path="b", config=STRICT)).any()


@pytest.mark.parametrize("in_place", [False, True])
def test_parts_of_shards(tmp_path: Path, in_place: bool) -> None:
    """Also where shards are changed in place."""
    create(tmp_path, chunks=(1, 2), shards=(8, 8))[...] = 1
    store = LocalStore(tmp_path, in_place=in_place)
    array = zh.open_array(store, "r+", config=WRITE_ALL)
    array[2, 2:4] = 7
    assert stored_chunks(array) == 32
    zh.open_array(store, "r+")[3, 2:4] = 7
    assert stored_chunks(array) == 31
    assert zh.verify(tmp_path)


def test_groups_hand_it_on(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr")
    root.create_group("g").create_array("a", data=np.ones((4, 4)), chunks=(2, 2))
    root.create_array("empty", shape=(4,), dtype="i4")
    strict = zh.open_group(tmp_path / "x.zarr", config=STRICT)
    assert {node.config for _, node in strict.members(None)} == {ArrayConfig(read_missing_chunks=False)}
    with pytest.raises(ChunkNotFoundError):
        np.asarray(strict["empty"])
    for mode in ("r+", "a", "w"):
        group = zh.open_group(
            tmp_path / f"{mode}.zarr" if mode != "r+" else tmp_path / "x.zarr", mode, config=WRITE_ALL
        )
        made = group.create_group("made").create_array("a", data=np.zeros(4), chunks=(2,), shards=(4,))
        assert stored_chunks(made) == 2
        own = group.create_array("own", data=np.zeros(4), chunks=(2,), shards=(4,), config={})
        assert stored_chunks(own) == 0
        bulk = group.create_hierarchy({"many/a": {"shape": (4,), "dtype": "i4"}})["many/a"]
        assert bulk.config.write_empty_chunks


@pytest.mark.parametrize(
    "config", [{"write_empty_chunks": 1}, {"order": "C"}, {"read_missing_chunks": None, "x": 1}], ids=str
)
def test_what_is_no_config(config: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidMetadataError, match="config") as caught:
        create(tmp_path / "a", config=config)
    assert {problem.path for problem in caught.value.problems} == {("config", name) for name in config}
    assert not (tmp_path / "a").exists()
    create(tmp_path / "a")
    with pytest.raises(InvalidMetadataError):
        zh.open(tmp_path / "a", config=config)
