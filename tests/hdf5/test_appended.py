"""Metadata behind what a file holds: libhdf5 writes it, and h5py reads the file with the new superblock."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.errors import StorageError, UnsupportedFeatureError
from zarr_hdf5.hdf5.appended import MIN_START, append_metadata, try_metadata
from zarr_hdf5.hdf5.object_header import read_messages

FRONT = bytes(range(256)) * 40


def appended(build: Callable[[h5py.Group], Any], start: int, front: bytes = FRONT) -> bytes:
    """A file that begins with `front`, but for its superblock, and has what `build` makes from `start` on."""
    file = bytearray(front)

    def write(offset: int, data: Buffer) -> None:
        assert offset >= start
        file.extend(bytes(max(0, offset + len(byte_view(data)) - len(file))))
        file[offset : offset + len(byte_view(data))] = byte_view(data)

    found = append_metadata(lambda offset, nbytes: bytes(file[offset : offset + nbytes]), write, start, build)
    file.extend(bytes(max(0, found.end - len(file))))
    assert bytes(file[: len(front)]) == front[: len(file)], "what was there was changed"
    superblock = found.superblock(read_messages(file, found.root_address), len(file))
    return superblock + bytes(file[len(superblock) :])


def nothing(root: h5py.Group) -> None:
    pass


def some(root: h5py.Group) -> None:
    root.attrs["title"] = "größe"
    root["g/text"] = ["a", "bc"]
    root.create_dataset("chunked", data=np.arange(100.0).reshape(10, 10), chunks=(3, 3), compression="gzip")


def many(root: h5py.Group) -> None:
    for i in range(200):
        root.create_group(f"g{i}").attrs["i"] = i


def named_in_utf8(root: h5py.Group) -> None:
    for i in range(20):
        root[f"µ{i}"] = i


@pytest.mark.parametrize("start", [len(FRONT), len(FRONT) + 8 * 1000, 2**20])
@pytest.mark.parametrize("build", [nothing, some, many, named_in_utf8])
def test_h5py_reads_it(tmp_path: Path, build: Callable[[h5py.Group], None], start: int) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(appended(build, start))
    with h5py.File("wanted", "w", driver="core", backing_store=False) as wanted, h5py.File(path) as file:
        build(wanted)
        names: list[str] = []
        wanted.visit(names.append)
        found: list[str] = []
        file.visit(found.append)
        assert sorted(found) == sorted(names)
        for name in names:
            if isinstance(wanted[name], h5py.Dataset):
                np.testing.assert_array_equal(file[name][()], wanted[name][()])
            assert dict(file[name].attrs) == dict(wanted[name].attrs)
        assert dict(file.attrs) == dict(wanted.attrs)
    with h5py.File(path, "r+") as file:
        file["more"] = 1
    with h5py.File(path) as file:
        assert file["more"][()] == 1


def test_again_behind_what_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    first = appended(some, MIN_START, b"")
    path.write_bytes(appended(named_in_utf8, -(-len(first) // 8) * 8, first))
    with h5py.File(path) as file:
        assert len(file) == 20
    path.write_bytes(first)
    with h5py.File(path) as file:
        assert file.attrs["title"] == "größe"


def refused(root: h5py.Group) -> None:
    root["a"] = 1
    root["a"] = 2


def test_what_libhdf5_refuses() -> None:
    for call in (lambda: try_metadata(refused), lambda: appended(refused, len(FRONT))):
        with pytest.raises(UnsupportedFeatureError, match="libhdf5 cannot make this"):
            call()


def test_errors_of_build_come_out() -> None:
    def build(root: h5py.Group) -> None:
        root["a"] = 1
        raise StorageError("build")

    for call in (lambda: try_metadata(build), lambda: appended(build, len(FRONT))):
        with pytest.raises(StorageError, match="build"):
            call()


@pytest.mark.parametrize("allowed", range(12))
def test_errors_of_writing_come_out(allowed: int) -> None:
    left = [allowed]

    def write(offset: int, data: Buffer) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise StorageError("disk full")

    with pytest.raises(StorageError, match="disk full"):
        append_metadata(lambda offset, nbytes: bytes(nbytes), write, MIN_START, some)
