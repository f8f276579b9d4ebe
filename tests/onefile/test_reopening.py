"""One file changed after it was finished: by this library, by two of its stores at once, and by HDF5 programs."""

import fcntl
import gc
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.cli.main import main
from zarr_hdf5.errors import (
    AlreadyExistsError,
    CorruptDataError,
    NotFoundError,
    ReadOnlyError,
    StorageError,
    UnsupportedFeatureError,
)

VALUES = np.arange(240, dtype="<i4").reshape(12, 20)
TILES: Any = {"chunks": (2, 5), "shards": (6, 10), "compressors": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with an array, a string array and a group."""
    path = tmp_path / "x.h5"
    with zh.create_group(path, attributes={"title": "old"}) as group:
        group.create_array("a", data=VALUES, attributes={"units": "m"}, dimension_names=["y", "x"], **TILES)
        group.create_array("s", data=np.array(["a", "b"], object))
        group.create_group("g", attributes={"n": 1})
    return path


def array_of(group: Any, name: str) -> zh.Array:
    found = group[name]
    assert isinstance(found, zh.Array)
    return found


def both(path: Path, name: str) -> np.ndarray[Any, Any]:
    """An array's values, the same on both sides and for zarr-python."""
    with h5py.File(path) as file:
        values = np.asarray(file[name][()])
    np.testing.assert_array_equal(array_of(zh.open(path), name)[...], values)
    with zarr.storage.ZipStore(path, mode="r") as store:
        theirs = zarr.open_group(store, mode="r")[name]
        assert isinstance(theirs, zarr.Array)
        np.testing.assert_array_equal(theirs[...], values)
    return values


def test_changes_are_seen_when_they_are_finished(path: Path) -> None:
    before = path.read_bytes()
    with zh.open_group(path, "r+") as group:
        array_of(group, "a")[3:9, 4:13] = -1
        group.create_array("g/b", data=VALUES * 2, **TILES)
        group.attrs["title"] = "new"
        array_of(group, "s")[1] = "größe"
        assert array_of(group, "a")[3, 4] == -1
        assert group["g/b"].attrs.asdict() == {}
        assert zh.open_group(path).attrs["title"] == "old"  # from what is finished
    after = path.read_bytes()
    assert after[192 : len(before)] == before[192:]  # all but the superblock
    wanted = VALUES.copy()
    wanted[3:9, 4:13] = -1
    np.testing.assert_array_equal(both(path, "a"), wanted)
    np.testing.assert_array_equal(both(path, "g/b"), VALUES * 2)
    with h5py.File(path) as file:
        assert file.attrs["title"] == "new"
        assert file["s"].asstr()[1] == "größe"
        assert file["g"].attrs["n"] == 1
    assert zh.verify(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names)) == 4 + 1 + 4 + 5


def test_deleting(path: Path) -> None:
    with zh.open_group(path, "r+") as group:
        del group["g"]
        array_of(group, "a")[:6, :10] = 0  # nothing but the fill value: the shard goes
    assert sorted(zh.open_group(path)) == ["a", "s"]
    with h5py.File(path) as file:
        assert set(file) == {"a", "s", "y", "x"}
        assert not file["a"][:6, :10].any()
    both(path, "a")
    assert zh.verify(path)


def test_writing_again_after_flush(path: Path) -> None:
    group = zh.open_group(path, "r+")
    for i in range(4):
        array_of(group, "a")[i] = i
        group.flush()
        assert (both(path, "a")[i] == i).all()
    size = path.stat().st_size
    group.flush()
    group.close()
    assert path.stat().st_size == size  # nothing changed, nothing written


def test_all_stores_of_a_path_are_one(path: Path) -> None:
    first, second = zh.open_group(path, "r+"), zh.open_group(str(path), "a")
    assert first.store is second.store
    array_of(first, "a")[0] = 5
    array_of(second, "a")[1] = 6
    assert array_of(first, "a")[1, 0] == 6
    (path.parent / "link.h5").symlink_to(path)
    assert zh.open(path.parent / "link.h5", "r+").store is first.store
    second.close()
    assert both(path, "a")[:2, 0].tolist() == [5, 6]


def test_threads_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with zh.create_group(path) as group:
        arrays = [
            group.create_array(f"a{i}", shape=(40, 50), dtype="i4", chunks=(5, 5), shards=(10, 10)) for i in range(4)
        ]

        def fill(number: int) -> None:
            for row in range(0, 40, 5):
                arrays[number][row : row + 5] = number + 1

        threads = [threading.Thread(target=fill, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for i in range(4):
        assert (both(path, f"a{i}") == i + 1).all()
    assert zh.verify(path)


def test_one_thread_finishes_while_others_write(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    group = zh.create_group(path)
    arrays = [group.create_array(f"a{i}", shape=(60, 5), dtype="i4", chunks=(1, 5), shards=(2, 5)) for i in range(3)]

    def fill(number: int) -> None:
        for row in range(0, 60, 2):
            arrays[number][row : row + 2] = number + 1
            assert (arrays[number][: row + 2] == number + 1).all()

    threads = [threading.Thread(target=fill, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        group.flush()
    for thread in threads:
        thread.join()
    group.close()
    for i in range(3):
        assert (both(path, f"a{i}") == i + 1).all()
    assert zh.verify(path)


def test_a_file_nobody_holds_any_more_is_finished(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path / "x.h5", data=VALUES, **TILES)
    with h5py.File(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(file["data"][()], VALUES)
    array[0] = -1
    del array
    for _ in range(100):  # whoever encoded its last chunk may still hold it for a moment
        gc.collect()
        with suppress(OSError), h5py.File(tmp_path / "x.h5") as file:
            if file["data"][0, 0] == -1:
                break
        time.sleep(0.01)
    else:
        pytest.fail("not finished")
    code = f"import zarr_hdf5 as zh\na = zh.create_array({str(tmp_path / 'y.h5')!r}, data=[1, 2])\n"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert np.asarray(zh.open_array(tmp_path / "y.h5")).tolist() == [1, 2]


def test_another_program_has_it_open(path: Path) -> None:
    group = zh.open_group(path, "r+")
    with h5py.File(path) as file:
        with pytest.raises(StorageError, match="open in another program"):
            group.attrs["title"] = "new"
        assert file.attrs["title"] == "old"
    group.attrs["title"] = "new"
    with pytest.raises(OSError, match="lock"):
        h5py.File(path)
    code = (
        "import sys, zarr_hdf5 as zh\ng = zh.open_group(sys.argv[1], 'r+')\nassert g.attrs['title'] == 'old'\n"
        "try:\n    g.attrs['title'] = 'other'\nexcept zh.errors.StorageError:\n    print('refused')\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code, path], env=env, check=True, capture_output=True, text=True)
    assert done.stdout == "refused\n"
    group.close()
    with h5py.File(path) as file:
        assert file.attrs["title"] == "new"


def test_a_forked_process_does_not_finish_it(path: Path) -> None:
    group = zh.open_group(path, "r+")
    group.attrs["title"] = "new"
    child = os.fork()
    if not child:
        code = 1
        try:
            group.attrs["title"] = "child"
        except StorageError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    group.close()
    assert zh.open_group(path).attrs["title"] == "new"


def test_overwriting_the_whole(path: Path) -> None:
    before = path.stat().st_ino
    with zh.open_group(path, "w") as group:
        assert list(group) == []
        assert sorted(zh.open_group(path)) == ["a", "g", "s"]  # until the new one is finished
        group.create_array("b", data=[1, 2])
    assert list(zh.open_group(path)) == ["b"]
    assert path.stat().st_ino != before
    assert os.listdir(path.parent) == ["x.h5"]
    assert path.stat().st_size < 10_000


def test_what_else_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["d"] = [1]
    for make in (zh.create_group, lambda p: zh.create_array(p, data=[2])):
        with pytest.raises(AlreadyExistsError, match="not written by zarr_hdf5"):
            make(path)
    with pytest.raises(ReadOnlyError):
        zh.open(path, "r+")
    zh.create_array(path, data=[2], overwrite=True).close()
    assert np.asarray(zh.open_array(path)).tolist() == [2]
    with pytest.raises(AlreadyExistsError):
        zh.create_group(path)
    with pytest.raises(AlreadyExistsError):
        zh.open_group(path, "w-")


def test_modes(tmp_path: Path) -> None:
    path = tmp_path / "new/deeper/x.h5"
    for mode in ("r", "r+"):
        with pytest.raises(NotFoundError):
            zh.open(path, mode)
    with zh.open_group(path, "a") as group:
        group.create_array("a", data=[1])
    assert list(zh.open_group(path)) == ["a"]
    with pytest.raises(ReadOnlyError):
        zh.open_group(path).attrs["a"] = 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compressors": [{"name": "gzip", "configuration": {"level": 1}}]}, "gzip"),
        ({"dtype": "U5"}, "UTF-32"),
        ({"hdf5": zh.HDF5(libver="v110")}, "earliest"),
        ({"hdf5": zh.HDF5(index_location="start")}, "at the end"),
        ({"hdf5": zh.HDF5(dataset="/other")}, "/g/a"),
        ({"chunks": (2**31,), "shards": (2**31,), "shape": (2**31,), "dtype": "u4"}, "less than 4 GiB"),
    ],
)
def test_what_hdf5_cannot_hold_is_refused_at_once(tmp_path: Path, options: Any, message: str) -> None:
    with zh.create_group(tmp_path / "x.h5") as group:
        with pytest.raises(UnsupportedFeatureError, match=message):
            group.create_array("g/a", **{"shape": (4,), "dtype": "i4", **options})
        assert list(group) == []
    assert zh.verify(tmp_path / "x.h5")


def test_a_string_that_hdf5_cannot_hold(tmp_path: Path) -> None:
    with zh.create_group(tmp_path / "x.h5") as group:
        group.create_array("s", data=np.array(["a\0b", "c"], object))
        group.create_array("t", data=np.array(["fine"], object))
    assert array_of(zh.open(tmp_path / "x.h5"), "s")[0] == "a\0b"
    report = zh.verify(tmp_path / "x.h5")
    assert [(d.key, d.reason) for d in report.disagreements] == [("s", "only the Zarr side has it")]


def hdf5_attribute(file: h5py.File) -> None:
    file.attrs["title"] = "edited by h5py"
    file["a"].attrs["more"] = [1.5, 2.5]
    del file["a"].attrs["units"]


def hdf5_elements(file: h5py.File) -> None:
    file["a"][2:4, 3:8] = -7


def hdf5_new_objects(file: h5py.File) -> None:
    file.create_dataset("g/new", data=np.arange(30.0).reshape(5, 6), chunks=(2, 3), compression="gzip")
    file["contiguous"] = np.arange(4)
    file.create_group("h").attrs["a"] = "b"


def hdf5_deletes(file: h5py.File) -> None:
    del file["g"]


def hdf5_string(file: h5py.File) -> None:
    file["s"][0] = "another, much longer string than before " * 100


EDITS: list[Callable[[h5py.File], None]] = [
    hdf5_attribute,
    hdf5_elements,
    hdf5_new_objects,
    hdf5_deletes,
    hdf5_string,
]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("prefer", ["newest", "zarr"])
def test_edited_by_h5py(path: Path, edit: Callable[[h5py.File], None], prefer: Any) -> None:
    with h5py.File(path, "r+") as file:
        edit(file)
    with h5py.File(path) as file:
        wanted = {name: file[name][()] for name in file if isinstance(file[name], h5py.Dataset) and name not in "xy"}
        attributes = dict(file.attrs), dict(file["a"].attrs)
    assert not zh.verify(path)
    report = zh.sync(path, prefer=prefer)
    assert report, report
    assert zh.verify(path)
    group = zh.open_group(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    if prefer == "zarr" and edit is not hdf5_elements:  # which changed bytes that both sides share
        assert group.attrs["title"] == "old"
        assert sorted(group) == ["a", "g", "s"]
        np.testing.assert_array_equal(both(path, "a"), VALUES)
        assert array_of(group, "s")[0] == "a"
        assert array_of(group, "a").attrs.asdict() == {"units": "m"}
        return
    assert group.attrs["title"] == attributes[0]["title"]
    for name, values in wanted.items():
        found = array_of(group, name)[...]
        np.testing.assert_array_equal(found, values.astype(str) if name == "s" else values)
        both(path, name) if name != "s" else None
    if edit is hdf5_attribute:
        assert array_of(group, "a").attrs.asdict() == {"more": [1.5, 2.5]}
        assert "units" not in attributes[1]
    if edit is hdf5_new_objects:
        np.testing.assert_array_equal(both(path, "g/new"), np.arange(30.0).reshape(5, 6))
        assert group["h"].attrs["a"] == "b"
    if edit is hdf5_deletes:
        assert "g" not in group


def test_a_file_made_longer_by_h5py_opens_as_hdf5(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["new"] = np.arange(1000)
    group = zh.open_group(path)
    assert array_of(group, "new")[5] == 5
    with pytest.raises(ReadOnlyError):
        zh.open(path, "r+")
    with pytest.raises(CorruptDataError, match="sync"):
        zh.create_group(path, path="more")


def test_sync_refuses_what_would_be_lost(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["link"] = h5py.SoftLink("/nowhere")
        file["new"] = np.arange(1000)
    before = path.read_bytes()
    with pytest.raises(UnsupportedFeatureError, match="link would be lost"):
        zh.sync(path)
    assert path.read_bytes() == before
    assert zh.sync(path, prefer="zarr")
    assert sorted(zh.open_group(path)) == ["a", "g", "s"]


def test_sync_is_for_one_files(tmp_path: Path) -> None:
    zh.create_array(tmp_path / "a.zarr", data=[1])
    with h5py.File(tmp_path / "b.h5", "w"):
        pass
    for name in ("a.zarr", "b.h5", "nothing.h5"):
        with pytest.raises(UnsupportedFeatureError, match="one file"):
            zh.sync(tmp_path / name)


def test_nested_attributes_survive_sync(path: Path) -> None:
    with zh.open_group(path, "r+") as group:
        group.attrs["nested"] = {"a": [1, {"b": None}]}
    with h5py.File(path, "r+") as file:
        assert json.loads(file.attrs["nested"]) == {"a": [1, {"b": None}]}
        file.attrs["title"] = "edited by h5py"
    assert zh.sync(path)
    assert zh.open_group(path).attrs.asdict() == {"title": "edited by h5py", "nested": {"a": [1, {"b": None}]}}


def test_no_lock_is_left(path: Path) -> None:
    with zh.open_group(path, "r+") as group:
        group.attrs["a"] = 1
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_compact(path: Path) -> None:
    for i in range(5):
        with zh.open_group(path, "r+") as group:
            array_of(group, "a")[:] = i
    before = path.stat().st_size
    saved = zh.compact(path)
    assert saved > 4 * VALUES.nbytes
    assert path.stat().st_size == before - saved
    assert os.listdir(path.parent) == ["x.h5"]
    assert (both(path, "a") == 4).all()
    assert zh.verify(path)
    with h5py.File(path), pytest.raises(StorageError, match="open in another program"):
        zh.compact(path)
    with open(path, "ab") as file:
        file.write(b"unfinished")
    with pytest.raises(CorruptDataError, match="sync"):
        zh.compact(path)


def test_commands(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open(path, "ab") as file:
        file.write(b"unfinished")
    assert main(["verify", str(path)]) == 1
    assert "never finished" in capsys.readouterr().out
    assert main(["sync", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["agree"] is True
    assert main(["compact", str(path)]) == 0
    assert "saved" in capsys.readouterr().out
    assert main(["sync", str(path.parent)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_bounds_change(tmp_path: Path) -> None:
    """resize and append, each finished on its own, against numpy; then all gaps reclaimed."""
    path = tmp_path / "grows.h5"
    rng = np.random.default_rng(11)
    values = rng.integers(0, 99, (7, 5))
    with zh.create_group(path) as group:
        group.create_array("a", data=values, chunks=(2, 2), shards=(4, 4), dimension_names=["t", "x"])
        group.create_array("plain", data=values, chunks=(2, 2), shards=None)
        group.create_array("words", data=np.array(["a", "b"], object))
    for step in range(8):
        with zh.open_group(path, "r+") as group:
            for name in ("a", "plain"):
                array = group[name]
                assert isinstance(array, zh.Array)
                if step % 2:
                    array.resize((step, 9 - step))
                else:
                    array.append(np.full((step + 1, array.shape[1]), step))
        if step % 2:
            new = np.zeros((step, 9 - step), values.dtype)
            kept = values[:step, : 9 - step]
            new[: kept.shape[0], : kept.shape[1]] = kept
            values = new
        else:
            values = np.concatenate([values, np.full((step + 1, values.shape[1]), step)])
        assert zh.verify(path)
        with h5py.File(path) as file:
            assert file["a"][...].tolist() == file["plain"][...].tolist() == values.tolist()
        with zarr.storage.ZipStore(path, mode="r") as store:
            theirs = zarr.open_group(store, mode="r")["a"]
            assert isinstance(theirs, zarr.Array)
            assert np.asarray(theirs[...]).tolist() == values.tolist()
    before = path.stat().st_size
    zh.compact(path)
    assert path.stat().st_size < before
    assert np.asarray(zh.open_array(path, path="a")[...]).tolist() == values.tolist()
