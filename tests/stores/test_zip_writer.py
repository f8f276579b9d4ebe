"""ZIP files that are added to: Python's zipfile and Info-ZIP's unzip must read what comes of it."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import NotFoundError, UnsupportedFeatureError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.zip import ZipStore
from zarr_hdf5.stores.zip_index import read_index
from zarr_hdf5.stores.zip_writer import ZipWriter


@contextmanager
def writing(path: Path) -> Iterator[ZipWriter]:
    """Add to the file; its directory is written at the end."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        index = read_index(LocalStore(path.parent), path.name) if os.fstat(fd).st_size else None
        members, end = ({}, 0) if index is None else (index.members, index.end)
        writer = ZipWriter(fd, path.as_uri(), members, end, lambda key: key.endswith("zarr.json"))
        yield writer
        writer.cut_at(writer.write_directory(writer.end))
    finally:
        os.close(fd)


def contents(path: Path) -> dict[str, bytes]:
    """As zipfile reads them, and ours; `unzip` must find nothing wrong."""
    if shutil.which("unzip") is not None:
        subprocess.run(["unzip", "-tq", str(path)], check=True, capture_output=True)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    store = ZipStore(LocalStore(path.parent), path.name)
    assert list(store.list_prefix("")) == sorted(found)
    assert {key: bytes(store.get(key).data) for key in found} == found
    return found


def test_adding_replacing_deleting(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    wanted: dict[str, bytes] = {}
    for round_ in range(3):
        with writing(path) as writer:
            new = {
                f"a/c/{round_}": b"%d" % round_ * 1000,
                "a/c/0": b"again%d" % round_,
                "µ/zarr.json": b"{%d}" % round_,
            }
            for key, data in new.items():
                writer.set(key, [data[:3], data[3:]])
                assert bytes(writer.get(key).data) == data
            writer.set("gone", [b"x"])
            writer.delete("gone")
            writer.delete("a/c/1")
        wanted = {**wanted, **new}
        wanted.pop("a/c/1", None)
        assert contents(path) == wanted
    with writing(path) as writer:
        writer.delete_prefix("a")
    assert list(contents(path)) == ["µ/zarr.json"]


def test_documents_lie_together_and_outer_ones_first(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with writing(path) as writer:
        for key in ["a/b/zarr.json", "zarr.json", "a/c/0", "b/zarr.json", "a/zarr.json"]:
            writer.set(key, [b"{}"])
        with pytest.raises(NotFoundError, match="not in the file yet"):
            writer.start("zarr.json")
        assert os.pread(writer.fd, 1, writer.start("a/c/0")) == b"{"
    assert list(contents(path)) == ["zarr.json", "a/zarr.json", "b/zarr.json", "a/b/zarr.json", "a/c/0"]


def test_many_members(tmp_path: Path) -> None:
    """More than the 65,535 that the old end record can count."""
    path = tmp_path / "x.zip"
    with writing(path) as writer:
        for i in range(66_000):
            writer.set(f"c/{i}", [b"x"])
    found = contents(path)
    assert len(found) == 66_000
    assert set(found.values()) == {b"x"}


def test_compressed_members_are_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("k", b"x" * 100)
    with pytest.raises(UnsupportedFeatureError, match="k was compressed"), writing(path):
        pass


@pytest.mark.slow
@pytest.mark.usefixtures("sparse_writes")
def test_beyond_4_gib(tmp_path: Path) -> None:
    path, block = tmp_path / "x.zip", np.zeros(1 << 26, dtype="<u4")  # 256 MiB
    with writing(path) as writer:
        writer.set("small", [b"x"])
        writer.set("large", [block] * 17 + [b"end"])
        writer.set("behind", [b"y"])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.getinfo("large").file_size == (17 << 28) + 3
    store = ZipStore(LocalStore(tmp_path), "x.zip")
    assert bytes(store.get("behind").data) == b"y"
    assert bytes(store.get_range("large", ByteRange(17 << 28, 3)).data) == b"end"
