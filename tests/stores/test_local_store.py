import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import (
    CorruptDataError,
    NotFoundError,
    ReadOnlyError,
    StaleVersionError,
    StorageError,
    ZarrHDF5Error,
)
from zarr_hdf5.stores import files
from zarr_hdf5.stores.files import is_temporary
from zarr_hdf5.stores.local import LocalStore


def temporaries(root: Path) -> list[str]:
    return [name for _, _, names in os.walk(root) for name in names if is_temporary(name)]


def logged(log: list[Any], real: Callable[..., Any], describe: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        log.append(describe(*args))
        return real(*args)

    return call


def test_root_is_made_by_the_first_write(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "a" / "b")
    assert not store.exists("k")
    assert list(store.list_prefix("")) == []
    store.delete("k")
    store.delete_prefix("")
    assert os.listdir(tmp_path) == []
    store.set("c/k", [b"x"])
    assert (tmp_path / "a/b/c/k").read_bytes() == b"x"


def test_root_stays_when_all_is_deleted(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "root")
    store.set("a/b/k", [b"x"])
    store.delete("a/b/k")
    assert os.listdir(tmp_path / "root") == []
    store.set("a/b/k", [b"x"])
    store.delete_prefix("")
    assert os.listdir(tmp_path / "root") == []


def test_root_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore("x")
    monkeypatch.chdir("/")
    store.set("k", [b"x"])
    assert store.path_of("k") == tmp_path / "x" / "k"
    assert store.path_of("k").read_bytes() == b"x"


def test_path_of_stays_below_the_root(tmp_path: Path) -> None:
    for key in ["../x", "a/../../x", "/etc/passwd"]:
        with pytest.raises(NotFoundError):
            LocalStore(tmp_path).path_of(key)


@pytest.mark.parametrize("root", ["", "a\0b", "\ud800"])
def test_impossible_roots(root: str) -> None:
    with pytest.raises(NotFoundError, match="not a path"):
        LocalStore(root)


def test_mode_follows_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        LocalStore(tmp_path).set("k", [b"x"])
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o640


def test_version_sees_a_change_in_place(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.set("k", [b"abc"])
    before = store.get("k").version
    os.utime(tmp_path / "k", ns=(1, 1))
    assert store.get("k").version != before
    with pytest.raises(StaleVersionError, match="k"):
        store.get_ranges("k", [ByteRange(0, 1)], before)


def test_what_is_no_regular_file_is_no_object(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    os.mkfifo(tmp_path / "fifo")  # opening it to read would wait for ever
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "directory").mkdir()
    for key in ["fifo", "loop", "dangling", "zero", "directory", "loop/x"]:
        assert not store.exists(key)
        with pytest.raises(NotFoundError, match=key):
            store.get(key)
    assert store.list_dir("") == ([], ["directory"])
    assert list(store.list_prefix("")) == []


def test_links(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "root")
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "f"
    target.write_bytes(b"adopted")
    store.set("a/k", [b"x"])
    (tmp_path / "root/a/link").symlink_to(target)
    (tmp_path / "root/a/up").symlink_to(tmp_path / "root")
    (tmp_path / "root/away").symlink_to(tmp_path / "elsewhere")
    assert store.get("a/link").data == b"adopted"
    assert list(store.list_prefix("")) == ["a/k", "a/link", "away/f"]
    assert store.list_dir("") == ([], ["a", "away"])
    store.set("a/link", [b"new"])
    assert store.get("a/link").data == b"new"
    (tmp_path / "root/a/link2").symlink_to(target)
    store.delete("a/link2")
    store.delete_prefix("away")
    assert list(store.list_prefix("")) == ["a/k", "a/link"]
    (tmp_path / "root/away").symlink_to(tmp_path / "elsewhere")
    store.delete_prefix("a")
    store.delete_prefix("")
    assert os.listdir(tmp_path / "root") == []
    assert target.read_bytes() == b"adopted"


def test_an_object_in_the_way_of_a_directory(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.set("a", [b"x"])
    store.set("b/c", [b"x"])
    for key in ["a/b", "b", "n" * 300]:
        with pytest.raises(StorageError, match=f"cannot write '{key[:20]}"):
            store.set(key, [b"y"])
    assert list(store.list_prefix("")) == ["a", "b/c"]
    assert temporaries(tmp_path) == []


def test_temporary_names_are_no_keys(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    (tmp_path / ".zarr_hdf5-0123456789abcdef.tmp").write_bytes(b"x")
    assert temporaries(tmp_path) != []
    assert not store.exists(".zarr_hdf5-0123456789abcdef.tmp")
    with pytest.raises(NotFoundError, match="temporary"):
        store.get(".zarr_hdf5-0123456789abcdef.tmp")
    assert store.list_dir("") == ([], [])


def test_partial_reads_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 40
    pread, preadv, pwritev = os.pread, os.preadv, os.pwritev

    def short_pwritev(fd: int, parts: list[memoryview], offset: int) -> int:
        assert len(parts) <= os.sysconf("SC_IOV_MAX")
        return pwritev(fd, [b"".join(parts)[:13]], offset)

    monkeypatch.setattr(os, "pwritev", short_pwritev)
    monkeypatch.setattr(os, "pread", lambda fd, n, at: pread(fd, min(n, 7), at))
    monkeypatch.setattr(os, "preadv", lambda fd, views, at: preadv(fd, [views[0][:7]], at))
    store = LocalStore(tmp_path)
    store.set("k", (data[i : i + 5] for i in range(0, len(data), 5)))
    assert (tmp_path / "k").read_bytes() == data
    assert store.get("k").data == data
    assert [bytes(p) for p in store.get_ranges("k", [ByteRange(3, 200), ByteRange(0, 7)])] == [data[3:203], data[:7]]


def test_reads_of_more_than_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_ONE_READ_NBYTES", 10)
    store = LocalStore(tmp_path)
    store.set("k", [bytes(range(95))])
    assert store.get("k").data == bytes(range(95))


def test_a_file_that_shrinks_under_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    store.set("k", [bytes(100)])
    pread = os.pread

    def shrink(fd: int, n: int, at: int) -> bytes:
        os.truncate(tmp_path / "k", 10)
        return pread(fd, n, at)

    monkeypatch.setattr(os, "pread", shrink)
    with pytest.raises(StaleVersionError, match="shorter"):
        store.get("k")


def test_reading_into_buffers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_ONE_READ_NBYTES", 10)
    store = LocalStore(tmp_path)
    data = bytes(range(95))
    store.set("k", [data])
    version = store.get("k").version
    result = memoryview(bytearray(60))
    opened: list[Any] = []
    monkeypatch.setattr(os, "open", logged(opened, os.open, lambda *args: args))
    store.read_into("k", [(50, result[:45]), (0, result[45:45]), (3, result[45:])], version)
    assert bytes(result) == data[50:95] + data[3:18]
    assert len(opened) == 1
    with pytest.raises(CorruptDataError, match="outside"):
        store.read_into("k", [(0, result[:5]), (50, result[:46])], version)
    assert bytes(result) == data[50:95] + data[3:18]  # none is read where one is wrong
    store.set("k", [data])
    with pytest.raises(StaleVersionError):
        store.read_into("k", [(0, result)], version)
    with pytest.raises(NotFoundError):
        store.read_into("other", [(0, result)])


def test_a_file_that_shrinks_under_a_buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    store.set("k", [bytes(100)])
    preadv = os.preadv

    def shrink(fd: int, buffers: list[memoryview], at: int) -> int:
        os.truncate(tmp_path / "k", 10)
        return preadv(fd, buffers, at)

    monkeypatch.setattr(os, "preadv", shrink)
    with pytest.raises(StaleVersionError, match="shorter"):
        store.read_into("k", [(0, memoryview(bytearray(100)))])


def test_many_ranges_open_one_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path)
    store.set("k", [bytes(100)])
    opened: list[Any] = []
    monkeypatch.setattr(os, "open", logged(opened, os.open, lambda *args: args))
    assert len(store.get_ranges("k", [ByteRange(i, 1) for i in range(100)])) == 100
    assert len(opened) == 1


def test_descriptors_are_closed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, fsync=True)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else pytest.skip("no /proc")
    for _ in range(10):
        store.set("a/k", [b"x"])
        store.get("a/k")
        for key, failing in (("a/k", [ByteRange(0, 9)]), ("absent", []), ("a", [])):
            with pytest.raises(ZarrHDF5Error):
                store.get_ranges(key, failing)
        with pytest.raises(StorageError):
            store.set("a", [b"x"])
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("call", "code", "kind"),
    [
        ("pwritev", errno.ENOSPC, StorageError),
        ("pwritev", errno.EDQUOT, StorageError),
        ("pwritev", errno.EIO, StorageError),
        ("pwritev", errno.EFBIG, StorageError),
        ("fsync", errno.EIO, StorageError),
        ("replace", errno.EACCES, ReadOnlyError),
        ("replace", errno.EXDEV, StorageError),
        ("open", errno.EACCES, ReadOnlyError),
        ("open", errno.EPERM, ReadOnlyError),
        ("open", errno.EROFS, ReadOnlyError),
        ("open", errno.EMFILE, StorageError),
        ("open", errno.ENOENT, StorageError),
    ],
)
def test_failing_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, kind: type[OSError]
) -> None:
    store = LocalStore(tmp_path, fsync=True)
    store.set("a/k", [b"old"])

    def fail(*args: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(kind, match="a/k") as caught:
            store.set("a/k", [b"new"])
    assert type(caught.value) is kind
    assert caught.value.errno == code
    assert store.get("a/k").data == b"old"
    assert temporaries(tmp_path) == []


@pytest.mark.parametrize(
    ("call", "code", "kind"),
    [
        ("open", errno.EACCES, StorageError),
        ("open", errno.EMFILE, StorageError),
        ("open", errno.ENOENT, NotFoundError),
        ("pread", errno.EIO, StorageError),
        ("fstat", errno.ESTALE, StorageError),
    ],
)
def test_failing_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, kind: type[OSError]
) -> None:
    store = LocalStore(tmp_path)
    store.set("a/k", [b"old"])

    def fail(*args: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:  # no longer: the test runner calls fstat too
        patch.setattr(os, call, fail)
        with pytest.raises(kind, match="a/k") as caught:
            store.get("a/k")
    assert type(caught.value) is kind
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("call", "verb"),
    [("unlink", "delete"), ("unlink", "delete_prefix"), ("rmdir", "delete_prefix"), ("scandir", "delete_prefix")],
)
@pytest.mark.parametrize(("code", "kind"), [(errno.EACCES, ReadOnlyError), (errno.EIO, StorageError)])
def test_failing_deletes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, verb: str, code: int, kind: type[OSError]
) -> None:
    store = LocalStore(tmp_path)
    store.set("a/b/k", [b"old"])

    def fail(*args: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(kind, match="'a"):
        getattr(store, verb)("a/b/k" if verb == "delete" else "a")


def test_fsync_comes_before_the_new_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    fsync = logged(log, os.fsync, lambda fd: os.readlink(f"/proc/self/fd/{fd}"))
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", logged(log, os.replace, lambda *args: "replace"))
    root = tmp_path.resolve()
    LocalStore(root, fsync=True).set("a/b/k", [b"x"])
    assert is_temporary(os.path.basename(log[0]))
    assert log[1:] == ["replace", f"{root}/a/b", f"{root}/a", f"{root}"]
    log.clear()
    LocalStore(root).set("a/b/k", [b"x"])
    assert log == ["replace"]


KILLED = """
import sys, time
from zarr_hdf5.stores.local import LocalStore

def parts():
    for _ in range(4):
        yield bytes(9 << 20)
    print("written in part", flush=True)
    time.sleep(60)

LocalStore(sys.argv[1]).set("a/k", parts())
"""


def test_killed_while_writing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.set("a/k", [b"old"])
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written in part\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    (left,) = temporaries(tmp_path)
    assert (tmp_path / "a" / left).stat().st_size == 4 * (9 << 20)
    assert store.get("a/k").data == b"old"
    assert store.list_dir("a") == (["k"], [])
    assert list(store.list_prefix("")) == ["a/k"]
    store.set("a/k", [b"new"])
    assert store.get("a/k").data == b"new"
    store.delete_prefix("a")
    assert temporaries(tmp_path) == []


def test_full_disk(small_disk: Path) -> None:
    store = LocalStore(small_disk)
    store.set("a/k", [b"old"])
    for key in ["a/k", "b/new"]:
        with pytest.raises(StorageError, match=f"cannot write '{key}'") as caught:
            store.set(key, [bytes(1 << 18)] * 8)
        assert caught.value.errno == errno.ENOSPC
        assert isinstance(caught.value.__cause__, OSError)
    assert temporaries(small_disk) == []
    assert store.get("a/k").data == b"old"
    store.set("a/k", [bytes(1 << 18)])  # there is room again
    assert list(store.list_prefix("")) == ["a/k"]


def test_read_only_disk(small_disk: Path) -> None:
    store = LocalStore(small_disk)
    store.set("a/k", [b"old"])
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    calls: list[Callable[[], None]] = [
        lambda: store.set("a/k", [b"new"]),
        lambda: store.set("b/k", [b"new"]),
        lambda: store.delete("a/k"),
        lambda: store.delete("a/absent"),
        lambda: store.delete_prefix("a"),
    ]
    for call in calls:
        with pytest.raises(ReadOnlyError, match=r"cannot write '[ab]"):
            call()
    assert store.get("a/k").data == b"old"
