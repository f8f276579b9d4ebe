"""The master file: made, kept current, found out when others leave it behind, and no trouble to Zarr."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5 import errors
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.buffer import Buffer
from zarr_hdf5.hdf5.virtual_dataset import read_sources
from zarr_hdf5.master.file import is_master_file
from zarr_hdf5.stores.local import LocalStore

MASTER = zh.HDF5(virtual_dataset=True)
DATA = np.arange(30, dtype="i4").reshape(5, 6)


@pytest.fixture
def root(tmp_path: Path) -> zh.Group:
    root = zh.create_group(tmp_path / "x.zarr", attributes={"title": "t"}, hdf5=MASTER)
    root.create_array(
        "t", data=DATA, chunks=(2, 2), shards=(2, 4), dimension_names=["y", "x"], attributes={"units": "K"}
    )
    root.create_array("crs", data=7, hdf5=False)
    root.create_group("g").create_array("words", data=["a", "ß"], dtype=str, hdf5=False, dimension_names=["w"])
    return root


@pytest.fixture
def file(root: zh.Group, tmp_path: Path) -> Path:
    return tmp_path / "x.zarr/x.h5"


def names(file: Path) -> set[str]:
    found: set[str] = set()
    with h5py.File(file) as opened:
        opened.visit(found.add)
    return found


def value(file: Path, what: Callable[[h5py.File], Any]) -> Any:
    with h5py.File(file) as opened:
        return what(opened)


def test_contents(file: Path, root: zh.Group) -> None:
    assert names(file) == {"t", "crs", "g", "g/words", "y", "x", "g/w"}
    np.testing.assert_array_equal(value(file, lambda f: f["t"][...]), DATA)
    assert value(file, lambda f: f["crs"][()]) == 7
    assert value(file, lambda f: f["g/words"].asstr()[:].tolist()) == ["a", "ß"]
    assert zh.verify(root.store)


class TestKeptCurrent:
    def test_attributes(self, file: Path, root: zh.Group) -> None:
        root.attrs["title"] = "new"
        array = root["t"]
        array.attrs.update(units="m", more=[1, 2])
        assert value(file, lambda f: f.attrs["title"]) == "new"
        assert value(file, lambda f: f["t"].attrs["units"]) == "m"
        del array.attrs["more"]
        assert value(file, lambda f: set(f["t"].attrs)) == {"units", "DIMENSION_LIST"}
        assert zh.verify(root.store)

    def test_new_and_deleted_nodes(self, file: Path, root: zh.Group) -> None:
        root.create_array("new", data=[1, 2, 3])
        assert value(file, lambda f: f["new"][:].tolist()) == [1, 2, 3]
        root.create_array("new", data=[4, 5], overwrite=True)
        assert value(file, lambda f: f["new"][:].tolist()) == [4, 5]
        del root["g"]
        root.require_group("h")
        assert names(file) == {"t", "crs", "y", "x", "new", "h", "phony_dim_2"}

    def test_values_of_copies(self, file: Path, root: zh.Group) -> None:
        crs, words = root["crs"], root["g/words"]
        assert isinstance(crs, zh.Array)
        assert isinstance(words, zh.Array)
        crs[...] = 9
        words[1] = "new"
        assert value(file, lambda f: f["crs"][()]) == 9
        assert value(file, lambda f: f["g/words"].asstr()[1]) == "new"

    def test_writing_shards_leaves_it_alone(self, file: Path, root: zh.Group) -> None:
        array = root.create_array("late", shape=(4,), dtype="f4", chunks=2, shards=2, fill_value=-1)
        before = file.stat()
        with h5py.File(file) as opened:
            assert opened["late"][:].tolist() == [-1, -1, -1, -1]
            assert len(read_sources(opened["late"])) == 2
        array[2:] = 3
        assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert value(file, lambda f: f["late"][:].tolist()) == [-1, -1, 3, 3]

    @pytest.mark.parametrize("url", ["x.zarr/t", "x.zarr/g/words"])
    def test_through_an_array_opened_alone(self, url: str, file: Path, tmp_path: Path) -> None:
        zh.open_array(tmp_path / url, mode="r+").attrs["note"] = "from below"
        path = url.removeprefix("x.zarr/")
        assert value(file, lambda f: f[path].attrs["note"]) == "from below"

    def test_through_a_url_below(self, file: Path, tmp_path: Path) -> None:
        zh.create_array(tmp_path / "x.zarr/g/other", data=[1.0, 2.0])
        assert value(file, lambda f: f["g/other"][:].tolist()) == [1, 2]

    def test_while_another_program_writes_to_it(self, file: Path, root: zh.Group) -> None:
        with h5py.File(file, "r+"):
            root.attrs["title"] = "new"
        assert value(file, lambda f: f.attrs["title"]) == "new"

    def test_not_where_there_is_none(self, file: Path, root: zh.Group) -> None:
        file.unlink()
        again = zh.open_group(file.parent, mode="r+")
        again.attrs["title"] = "new"
        again.create_array("new", data=[1])
        assert not file.exists()

    def test_by_many_threads(self, file: Path, root: zh.Group) -> None:
        def create(number: int) -> None:
            root.create_array(f"n{number}", data=np.arange(3), dimension_names=["n"], hdf5=True)

        threads = [threading.Thread(target=create, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {f"n{number}" for number in range(12)} <= names(file)
        assert zh.verify(root.store)

    def test_by_many_processes(self, file: Path, root: zh.Group) -> None:
        code = (
            "import sys, zarr_hdf5 as zh; group = zh.open_group(sys.argv[1], 'r+')\n"
            "for i in range(8): group.create_array(f'{sys.argv[2]}{i}', data=[i], dimension_names=['n'])"
        )
        command = [sys.executable, "-c", code, str(file.parent)]
        workers = [subprocess.Popen([*command, name]) for name in "abc"]
        assert [worker.wait(60) for worker in workers] == [0, 0, 0]
        assert {f"{name}{i}" for name in "abc" for i in range(8)} <= names(file)
        assert zh.verify(root.store, deep=False)


class TestStale:
    """Other programs do not know of the master file."""

    def test_verify_tells(self, file: Path, root: zh.Group) -> None:
        zarr.open_group(file.parent, mode="r+")["t"].attrs["units"] = "m"
        found = zh.verify(file.parent)
        assert [d.key for d in found.disagreements] == ["x.h5"]
        assert "out of date: /t has another set of attributes" in str(found)
        zh.link(file.parent)
        assert zh.verify(file.parent)

    def test_resized(self, file: Path, root: zh.Group) -> None:
        zarr.open_array(file.parent / "t", mode="r+").resize((9, 6))
        reasons = [d.reason for d in zh.verify(file.parent, deep=False).disagreements if d.key == "x.h5"]
        assert "the master file is out of date: /t has another shape" in reasons

    def test_values_of_a_copy(self, file: Path, root: zh.Group) -> None:
        zarr.open_array(file.parent / "crs", mode="r+")[...] = 8
        assert "/crs has other values" in str(zh.verify(file.parent))

    def test_after_a_new_name_of_the_directory(self, file: Path, root: zh.Group, tmp_path: Path) -> None:
        (tmp_path / "x.zarr").rename(tmp_path / "y.zarr")
        moved = tmp_path / "y.zarr/x.h5"
        np.testing.assert_array_equal(value(moved, lambda f: f["t"][...]), DATA)
        assert zh.verify(tmp_path / "y.zarr")
        zh.open_group(tmp_path / "y.zarr", mode="r+").attrs["title"] = "new"
        assert [d.key for d in zh.verify(tmp_path / "y.zarr").disagreements] == ["x.h5"]

    @pytest.mark.parametrize("damage", [100, 1000, 3000])
    def test_damaged(self, damage: int, file: Path) -> None:
        data = bytearray(file.read_bytes())
        data[damage : damage + 8] = b"\xff" * 8
        file.write_bytes(data)
        zh.verify(file.parent)  # whatever it finds, it does not crash
        os.truncate(file, 600)
        assert "cannot be read" in str(zh.verify(file.parent)) or not is_master_file(file)
        zh.link(file.parent)
        assert zh.verify(file.parent)


class TestZarrIsUndisturbed:
    def test_our_own_groups(self, file: Path, root: zh.Group) -> None:
        assert root.keys() == ["crs", "g", "t"]
        assert [name for name, _ in root.members(None)] == ["crs", "g", "g/words", "t"]
        assert "x.h5" not in str(root.tree())
        assert root.unreadable() == {}
        assert "x.h5" not in root

    def test_zarr_python(self, file: Path) -> None:
        group = zarr.open_group(file.parent, mode="r")
        with pytest.warns(UserWarning, match=r"Object at x\.h5 is not recognized as a component of a Zarr hierarchy"):
            assert sorted(name for name, _ in group.members()) == ["crs", "g", "t"]
        np.testing.assert_array_equal(zarr.open_array(file.parent / "t", mode="r")[...], DATA)

    @pytest.mark.filterwarnings("ignore:Object at x.h5", "ignore:Consolidated metadata is currently not part")
    def test_consolidated_metadata(self, file: Path) -> None:
        zarr.consolidate_metadata(file.parent)
        assert sorted(dict(zarr.open_group(file.parent, mode="r").members())) == ["crs", "g", "t"]

    def test_an_array_at_the_root(self, tmp_path: Path) -> None:
        array = zh.create_array(tmp_path / "a.zarr", data=DATA, chunks=(2, 2), shards=(4, 4), hdf5=MASTER)
        np.testing.assert_array_equal(zarr.open_array(tmp_path / "a.zarr", mode="r")[...], DATA)
        assert isinstance(array.hdf5, HDF5Side)
        assert len(array.hdf5.shards()) == 4
        np.testing.assert_array_equal(value(tmp_path / "a.zarr/a.h5", lambda f: f["data"][...]), DATA)
        zh.create_array(tmp_path / "a.zarr", data=DATA, overwrite=True)
        assert not (tmp_path / "a.zarr/a.h5").exists()


class TestWhereItCannotBe:
    def test_in_memory(self) -> None:
        with pytest.raises(errors.UnsupportedFeatureError, match="a master file is for local directories"):
            zh.create_group("memory://master-1", hdf5=MASTER)
        zh.create_array("memory://master-2", data=[1, 2])
        with pytest.raises(errors.UnsupportedFeatureError, match="a master file is for local directories"):
            zh.link("memory://master-2")

    def test_in_place_of_something_else(self, tmp_path: Path) -> None:
        zh.create_array(tmp_path / "x.zarr", data=[1, 2])
        with h5py.File(tmp_path / "x.zarr/x.h5", "w") as file:
            file["mine"] = 1
        with pytest.raises(errors.AlreadyExistsError, match="not a master file"):
            zh.link(tmp_path / "x.zarr")
        zh.open_array(tmp_path / "x.zarr", mode="r+").attrs["a"] = 1
        assert names(tmp_path / "x.zarr/x.h5") == {"mine"}
        assert zh.verify(tmp_path / "x.zarr")

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(errors.NotFoundError):
            zh.link(tmp_path / "x.zarr")

    def test_an_hdf5_file(self, file: Path) -> None:
        with pytest.raises(errors.UnsupportedFeatureError, match="is an HDF5 file already"):
            zh.link(file)


@pytest.mark.parametrize(
    ("directory", "wanted"),
    [
        ("x.zarr", "x.h5"),
        ("data", "data.h5"),
        ("v1.5", "v1.5.h5"),
        ("a.ome.zarr", "a.ome.h5"),
        (".zarr", "data.h5"),
        ("x.zarr/../y.zarr", "y.h5"),
    ],
)
def test_names(directory: str, wanted: str, tmp_path: Path) -> None:
    (tmp_path / "x.zarr").mkdir()
    zh.create_array(tmp_path / directory, data=[1, 2])
    assert Path(zh.link(tmp_path / directory).file).name == wanted
    assert (tmp_path / directory / wanted).exists()


@pytest.mark.parametrize("place", ["other.h5", "x.zarr/other.h5", "deep/er/other.h5", "linked/other.h5"])
def test_elsewhere(place: str, root: zh.Group, tmp_path: Path) -> None:
    (tmp_path / "real/er").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(tmp_path / "real/er")
    done = zh.link(tmp_path / "x.zarr", tmp_path / place)
    assert done.file == str(tmp_path / place)
    np.testing.assert_array_equal(value(tmp_path / place, lambda f: f["t"][...]), DATA)


class TestLeftOut:
    def test_too_many_shards(self, tmp_path: Path) -> None:
        root = zh.create_group(tmp_path / "x.zarr", hdf5=MASTER)
        root.create_array("huge", shape=(2**62, 3), dtype="f8", chunks=(1, 1), shards=(1, 1))
        root.create_array("small", data=[1])
        done = zh.link(tmp_path / "x.zarr")
        assert done.arrays == ("/small",)
        assert [path for path, _ in done.left_out] == ["/huge"]
        assert "shards; a virtual dataset of more than 1000000 is not made" in done.left_out[0][1]

    def test_without_an_hdf5_side(self, tmp_path: Path) -> None:
        root = zh.create_group(tmp_path / "x.zarr", hdf5=MASTER)
        root.create_array("large", shape=(200_000,), dtype="f8", hdf5=False)
        root.create_array("times", data=np.array(["2020-01-01"], "M8[s]"), hdf5=False)
        root.create_array("binary", data=[b"a\0b"], dtype=bytes, hdf5=False)
        root.create_array("long", data=["x" * (1 << 21)], dtype=str, hdf5=False)
        root.create_array("letters", data=np.array(["ab", "c"]), hdf5=False)
        done = zh.link(tmp_path / "x.zarr")
        assert done.copied == ("/letters",)
        assert dict(done.left_out) == {
            "/large": "it has no HDF5 side, and its 1600000 bytes are too many to be copied",
            "/times": "it has no HDF5 side, and HDF5 has no data type for datetime64[s]",
            "/binary": "it has no HDF5 side, and its elements are not text that HDF5 can hold",
            "/long": "it has no HDF5 side, and its 2097152 characters are too many to be copied",
        }

    def test_what_cannot_be_read(self, root: zh.Group, tmp_path: Path) -> None:
        (tmp_path / "x.zarr/g/zarr.json").write_text("{}")
        (tmp_path / "x.zarr/a\\b").mkdir()
        (tmp_path / "x.zarr/a\\b/zarr.json").write_text((tmp_path / "x.zarr/zarr.json").read_text())
        done = zh.link(tmp_path / "x.zarr")
        assert [path for path, _ in done.left_out] == ["/g"]
        assert done.arrays == ("/t",)
        root.attrs["title"] = "new"
        assert value(tmp_path / "x.zarr/x.h5", lambda f: f.attrs["title"]) == "new"


def test_ten_thousand_shards_are_mapped(tmp_path: Path) -> None:
    array = zh.create_array(
        tmp_path / "x.zarr", shape=(399, 398), dtype="u2", chunks=(2, 2), shards=(4, 4), hdf5=MASTER
    )
    array[396:, 396:] = 5
    with h5py.File(tmp_path / "x.zarr/x.h5") as file:
        sources = read_sources(file["data"])
        assert len(sources) == 10_000
        assert sources[-1] == (b"c/99/99", b"/data", ((396, 396), (398, 397)))
        assert file["data"][395:, 395:].tolist() == [[0, 0, 0], [0, 5, 5], [0, 5, 5], [0, 5, 5]]


def test_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The master file is written when all arrays are there, not with each of them."""
    with h5py.File(tmp_path / "old.h5", "w") as file:
        for i in range(5):
            file.create_dataset(f"a{i}", data=np.arange(i + 1))
        file["words"] = ["a", "b"]
    written: list[str] = []
    write = LocalStore.set

    def noting(self: LocalStore, key: str, parts: Iterable[Buffer]) -> None:
        written.append(key)
        write(self, key, parts)

    monkeypatch.setattr(LocalStore, "set", noting)
    zh.convert(tmp_path / "old.h5", tmp_path / "new.zarr", hdf5=MASTER)
    assert written.count("new.h5") == 1
    assert names(tmp_path / "new.zarr/new.h5") == {"a0", "a1", "a2", "a3", "a4", "words"}
    assert zh.verify(tmp_path / "new.zarr")


def test_a_master_file_is_an_hdf5_file_to_read(file: Path) -> None:
    root = zh.open_group(file)
    assert root.keys() == ["crs", "g", "t"]
    array = root["t"]
    assert isinstance(array, zh.Array)
    np.testing.assert_array_equal(array[1:4, 2:], DATA[1:4, 2:])
    assert (array.dimension_names, array.attrs.asdict()) == (("y", "x"), {"units": "K"})
    assert zh.open_array(file, path="g/words")[1] == "ß"


def test_report_reads_well(root: zh.Group, tmp_path: Path) -> None:
    root.create_array("other", data=[1, 2], dimension_names=["y"])
    root.create_array("times", data=np.array(["2020-01-01"], "M8[s]"), hdf5=False)
    lines = str(zh.link(tmp_path / "x.zarr")).splitlines()
    assert lines == [
        f"{tmp_path / 'x.zarr/x.h5'}: 2 arrays over 7 shards, 2 copied",
        "left out: /times: it has no HDF5 side, and HDF5 has no data type for datetime64[s]",
        "/t: dimension y is called y_5",
    ]
