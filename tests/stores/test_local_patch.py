"""Changing objects of a directory where they are."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zarr_hdf5.errors import ReadOnlyError, StaleVersionError, StorageError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import patches_of
from zarr_hdf5.stores.view import StoreView

OLD = b"0123456789"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    store = LocalStore(tmp_path / "store", in_place=True)
    store.set("a/k", [OLD])
    return store


def test_steps_overwrite_and_append(store: LocalStore) -> None:
    before = os.stat(store.path_of("a/k"))
    version = store.patch("a/k", store.get("a/k").version, [(10, [b"ab", b"", b"cd"]), (2, [b"xy"]), (0, [b"z"])])
    blob = store.get("a/k")
    assert blob.data == b"z1xy456789abcd"
    assert blob.version == version
    assert os.stat(store.path_of("a/k")).st_ino == before.st_ino


def test_no_steps_change_nothing(store: LocalStore) -> None:
    version = store.get("a/k").version
    assert store.patch("a/k", version, []) == version


def test_where_it_is_wanted(tmp_path: Path, store: LocalStore) -> None:
    assert patches_of(store) is store
    assert patches_of(LocalStore(tmp_path)) is None
    assert patches_of(LocalStore(tmp_path, in_place=True, read_only=True)) is None
    assert patches_of(MemoryStore()) is None
    assert patches_of(StoreView(MemoryStore(), "a")) is None
    assert patches_of(StoreView(store, "a", read_only=True)) is None
    assert repr(store).endswith(", in_place=True)")


def test_through_a_view(store: LocalStore) -> None:
    view = StoreView(store, "a")
    patches = patches_of(view)
    assert patches is not None
    assert patches.patch("k", view.get("k").version, [(10, [b"!"])]) == store.get("a/k").version
    assert store.get("a/k").data == OLD + b"!"
    with pytest.raises(ReadOnlyError):
        StoreView(store, "a", read_only=True).patch("k", None, [])
    with pytest.raises(StaleVersionError, match="whole"):
        StoreView(MemoryStore()).patch("k", None, [])


def test_read_only(store: LocalStore) -> None:
    with pytest.raises(ReadOnlyError):
        LocalStore(store.root, in_place=True, read_only=True).patch("a/k", store.get("a/k").version, [(0, [b"x"])])


def _replace(path: Path) -> None:
    path.with_name("new").write_bytes(OLD)
    path.with_name("new").replace(path)


def _symbolic_link(path: Path) -> None:
    path.rename(path.with_name("target"))
    path.symlink_to("target")


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES: dict[str, Callable[[Path], Any]] = {
    "replaced": _replace,
    "modified": lambda path: path.write_bytes(OLD + b"x"),
    "deleted": Path.unlink,
    "symbolic link": _symbolic_link,
    "hard link": lambda path: path.with_name("other").hardlink_to(path),
    "FIFO": _fifo,
    "directory": _directory,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_object_or_one_with_other_names_is_left_alone(store: LocalStore, change: Callable[[Path], Any]) -> None:
    version = store.get("a/k").version
    change(store.path_of("a/k"))
    files = {path: path.read_bytes() for path in store.path_of("a").iterdir() if path.is_file()}
    with pytest.raises(StaleVersionError, match="a/k"):
        store.patch("a/k", version, [(0, [b"x"])])
    assert files == {path: path.read_bytes() for path in store.path_of("a").iterdir() if path.is_file()}


@pytest.mark.parametrize("how", [fcntl.LOCK_SH, fcntl.LOCK_EX])
def test_what_somebody_has_locked_is_left_alone(store: LocalStore, how: int) -> None:
    version = store.get("a/k").version
    with open(store.path_of("a/k"), "rb") as file:
        fcntl.flock(file, how)
        with pytest.raises(StaleVersionError, match="open elsewhere"):
            store.patch("a/k", version, [(0, [b"x"])])
    assert store.get("a/k").data == OLD
    store.patch("a/k", version, [(0, [b"x"])])


@pytest.mark.parametrize(("failing", "left"), [(1, OLD), (2, b"01x3456789abcd")])
def test_a_failing_append_is_taken_back(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, failing: int, left: bytes
) -> None:
    version, write, calls = store.get("a/k").version, os.pwritev, []

    def full_disk(fd: int, buffers: list[memoryview], offset: int) -> int:
        calls.append(fd)
        if len(calls) == failing:
            write(fd, [buffers[0][:1]], offset)
            raise OSError(errno.ENOSPC, "full")
        return write(fd, buffers, offset)

    monkeypatch.setattr(os, "pwritev", full_disk)
    with pytest.raises(StorageError, match="cannot write 'a/k'"):
        store.patch("a/k", version, [(10, [b"abcd"]), (2, [b"xy"])])
    assert store.get("a/k").data == left


@pytest.mark.parametrize("fsync", [False, True])
def test_each_step_is_on_disk_before_the_next(store: LocalStore, monkeypatch: pytest.MonkeyPatch, fsync: bool) -> None:
    log: list[str] = []
    write, sync = os.pwritev, os.fsync

    def logging_write(fd: int, buffers: list[memoryview], offset: int) -> int:
        log.append("write")
        return write(fd, buffers, offset)

    def logging_sync(fd: int) -> None:
        log.append("fsync")
        sync(fd)

    monkeypatch.setattr(os, "pwritev", logging_write)
    monkeypatch.setattr(os, "fsync", logging_sync)
    version = store.get("a/k").version
    LocalStore(store.root, in_place=True, fsync=fsync).patch("a/k", version, [(10, [b"ab", b"cd"]), (2, [b"xy"])])
    assert log == (["write", "fsync"] * 2 if fsync else ["write"] * 2)
