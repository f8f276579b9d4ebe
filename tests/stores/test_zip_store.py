"""ZIP files as stores: those of zipfile and of Info-ZIP's `zip`, and hostile ones."""

import io
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import (
    ChecksumError,
    CorruptDataError,
    NotFoundError,
    ReadOnlyError,
    StaleVersionError,
    UnsupportedFeatureError,
)
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.stores.zip import ZipStore

OBJECTS = {"a/b": b"0123456789" * 20, "a/c/0": b"x", "a.x": b"", "zarr.json": b"{}", "µ/zarr.json": b"{ }"}


def zipped(method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.comment = comment
        for name, data in OBJECTS.items():
            archive.writestr(name, data)
    return file.getvalue()


def store_of(data: bytes) -> ZipStore:
    memory = MemoryStore(name="m")
    memory.set("x.zip", [data])
    return ZipStore(memory, "x.zip")


@pytest.mark.parametrize("comment", [b"", b"c" * 1000])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_reading(method: int, comment: bytes) -> None:
    store = store_of(zipped(method, comment))
    assert isinstance(store, Store)
    assert store.read_only
    assert store.url == "memory://m/x.zip"
    assert list(store.list_prefix("")) == sorted(OBJECTS)
    assert list(store.list_prefix("a")) == ["a/b", "a/c/0"]
    assert store.list_dir("") == (["a.x", "zarr.json"], ["a", "µ"])
    assert store.list_dir("a") == (["b"], ["c"])
    for key, data in OBJECTS.items():
        blob = store.get(key)
        assert (bytes(blob.data), blob.size) == (data, len(data))
        assert store.exists(key)
    assert bytes(store.get_range("a/b", SuffixRange(3)).data) == b"789"
    version = store.get("a/b").version
    assert [bytes(r) for r in store.get_ranges("a/b", [ByteRange(1, 2), ByteRange(199, 1)], version)] == [b"12", b"9"]
    buffer = bytearray(4)
    store.read_into("a/b", [(2, memoryview(buffer))], version)
    assert buffer == b"2345"
    with pytest.raises(CorruptDataError):
        store.get_ranges("a/b", [ByteRange(199, 2)])
    with pytest.raises(StaleVersionError):
        store.get_ranges("a/b", [ByteRange(0, 1)], "other")
    for key in ("a", "b", "../a", "a/b/"):
        assert not store.exists(key)
        with pytest.raises(NotFoundError):
            store.get(key)
    writes: list[Callable[[], None]] = [
        lambda: store.set("k", [b""]),
        lambda: store.delete("a/b"),
        lambda: store.delete_prefix(""),
    ]
    for write in writes:
        with pytest.raises(ReadOnlyError, match="ZIP file"):
            write()


def test_the_last_of_several_members_with_one_name() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("k", b"old")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("k", b"new")
    assert bytes(store_of(file.getvalue()).get("k").data) == b"new"


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zipped())
    store = ZipStore(LocalStore(tmp_path), "x.zip")
    same, other = store.get("a/b").version, store.get("zarr.json").version
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("new", b"new")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("zarr.json", b"{1}")
    assert bytes(store.get("new").data) == b"new"
    assert bytes(store.get("zarr.json").data) == b"{1}"
    assert [bytes(r) for r in store.get_ranges("a/b", [ByteRange(0, 1)], same)] == [b"0"]
    with pytest.raises(StaleVersionError):
        store.get_ranges("zarr.json", [ByteRange(0, 1)], other)
    path.unlink()
    with pytest.raises(NotFoundError):
        store.get("new")


def patched(at: Callable[[bytes], int], form: str, value: int) -> bytes:
    data = bytearray(zipped())
    struct.pack_into(form, data, at(bytes(data)), value)
    return bytes(data)


def central(number: int, field: int) -> Callable[[bytes], int]:
    """Where a field of the central directory's entry of this number lies."""

    def find(data: bytes) -> int:
        at = -1
        for _ in range(number + 1):
            at = data.index(b"PK\1\2", at + 1)
        return at + field

    return find


HOSTILE: dict[str, tuple[bytes, str]] = {
    "offset beyond the end": (patched(central(1, 42), "<I", 10**6), "behind the directory"),
    "length beyond the end": (patched(central(4, 20), "<I", 10**6), "behind the directory"),
    "overlap": (patched(central(1, 42), "<I", 3), "overlap"),
    "two names for one place": (patched(central(1, 42), "<I", 0), "overlap"),
    "a directory of 256 MiB": (patched(lambda d: len(d) - 10, "<I", 0x0FFFFFFF), "runs into"),
    "count": (patched(lambda d: len(d) - 14, "<I", 0xFFF0FFF0), "members"),
    "fewer": (patched(central(2, 0), "<I", 0), "no entry"),
    "name": (patched(central(4, 28), "<H", 0xFFFF), "no entry"),
    "zip64 without its numbers": (patched(central(0, 42), "<I", 0xFFFFFFFF), "64-bit numbers"),
}


@pytest.mark.parametrize(("data", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_directories(data: bytes, message: str) -> None:
    with pytest.raises((CorruptDataError, UnsupportedFeatureError), match=f"{message}|parts"):
        store_of(data)


MEMBER_FAULTS: dict[str, tuple[bytes, type[Exception], str]] = {
    "local name": (zipped().replace(b"a/b", b"a/d", 1), CorruptDataError, "not that of the member"),
    "local signature": (b"PK\3\5" + zipped()[4:], CorruptDataError, "not that of the member"),
    "local extra": (patched(lambda d: 28, "<H", 0xFFFF), CorruptDataError, "outside"),
    "crc": (patched(central(0, 16), "<I", 1), ChecksumError, "checksum"),
    "method": (patched(central(0, 10), "<H", 12), UnsupportedFeatureError, "method 12"),
    "encrypted": (patched(central(0, 8), "<H", 1), UnsupportedFeatureError, "encrypted"),
    "size": (patched(central(0, 24), "<I", 190), ChecksumError, "checksum"),
    "more than there is": (patched(central(0, 24), "<I", 2**31), CorruptDataError, "lies outside"),
}


@pytest.mark.parametrize(("data", "error", "message"), MEMBER_FAULTS.values(), ids=MEMBER_FAULTS)
def test_hostile_members(data: bytes, error: type[Exception], message: str) -> None:
    store = store_of(data)
    with pytest.raises(error, match=message):
        store.get("a/b")
    assert bytes(store.get("zarr.json").data) == b"{}"


@pytest.mark.parametrize("size", [0, 199, 201, 2**20, 2**31 - 1])
def test_inflating_stops_at_the_length(size: int) -> None:
    data = bytearray(zipped(zipfile.ZIP_DEFLATED))
    struct.pack_into("<I", data, central(0, 24)(bytes(data)), size)
    with pytest.raises(CorruptDataError, match="not of its length"):
        store_of(bytes(data)).get("a/b")


def test_every_byte_wrong() -> None:
    """An error of ours, or other objects; nothing else."""
    good = zipped(zipfile.ZIP_DEFLATED)
    for at in range(len(good)):
        for value in {good[at] ^ 0xFF, 0xFF, 0} - {good[at]}:
            data = bytearray(good)
            data[at] = value
            try:
                store = store_of(bytes(data))
                for key in store.list_prefix(""):
                    store.get(key)
            except (CorruptDataError, NotFoundError, UnsupportedFeatureError):
                pass


def test_every_length() -> None:
    good = zipped()
    for length in range(len(good)):
        with pytest.raises((CorruptDataError, NotFoundError)):
            store_of(good[:length])


VALUES = np.arange(600, dtype="<i4").reshape(20, 30)


def zarr_python(path: Path) -> None:
    with zarr.storage.ZipStore(path, mode="w") as store:
        group = zarr.create_group(store, attributes={"title": "t"})
        group.create_array("g/a", data=VALUES, chunks=(5, 10), shards=(10, 30))
        group.create_array("plain", data=VALUES, chunks=(7, 7))


def info_zip(path: Path) -> None:
    if shutil.which("zip") is None:
        pytest.skip("Info-ZIP's zip is not installed")
    folder = path.with_suffix(".zarr")
    group = zh.create_group(folder, attributes={"title": "t"})
    group.create_array("g/a", data=VALUES, chunks=(5, 10), shards=(10, 30))
    group.create_array("plain", data=VALUES, chunks=(7, 7), shards=None, hdf5=False)
    subprocess.run(["zip", "-q", "-r", str(path), "."], cwd=folder, check=True)


@pytest.mark.parametrize("write", [zarr_python, info_zip])
def test_open(write: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "x.zarr.zip"
    write(path)
    group = zh.open_group(path)
    assert group.attrs["title"] == "t"
    for name in ("g/a", "plain"):
        array = group[name]
        assert isinstance(array, zh.Array)
        np.testing.assert_array_equal(array[...], VALUES)
        np.testing.assert_array_equal(array[3:17:2, 5], VALUES[3:17:2, 5])
    with pytest.raises(ReadOnlyError):
        zh.open(path, "r+")
