"""Writing a shard where it cannot succeed: the old shard stays whole, nothing is left lying about."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from processes import ENVIRONMENT

import zarr_hdf5 as zh
from zarr_hdf5.errors import ReadOnlyError, StorageError

OLD = np.arange(64, dtype="<i4").reshape(8, 8) + 1
NOBODY = 65534
VIEWS: dict[str, Any] = {"plain": False, "earliest": zh.HDF5(), "v110": zh.HDF5(libver="v110")}


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def check_old(array: zh.Array, folder: Path) -> None:
    """Both sides still have the old values."""
    np.testing.assert_array_equal(zh.open_array(folder)[:8, :8], OLD)
    if array.hdf5 is not None:
        with h5py.File(array.hdf5.file((0, 0))) as file:
            np.testing.assert_array_equal(file["data"][:8, :8], OLD)


@pytest.mark.parametrize("hdf5", VIEWS.values(), ids=VIEWS)
def test_full_disk(small_disk: Path, hdf5: Any) -> None:
    folder = small_disk / "a.zarr"
    shape = (1024, 1024)
    array = zh.create_array(folder, shape=shape, dtype="i4", chunks=(64, 64), shards=shape, compressors=None, hdf5=hdf5)
    array[:8, :8] = OLD
    before = files(small_disk)
    noise = np.random.default_rng(1).integers(1, 1000, shape, "i4")
    for region in (..., slice(8, 1000)):
        with pytest.raises(StorageError, match="cannot write 'c/0/0'") as caught:
            array[region] = noise[region]
        assert caught.value.errno == errno.ENOSPC
        check_old(array, folder)
        assert files(small_disk) == before
    with pytest.raises(StorageError, match="cannot write"):
        zh.create_array(small_disk / "b.zarr", data=noise, compressors=None, hdf5=hdf5)
    array[8:16, :8] = OLD  # there is room for this
    np.testing.assert_array_equal(zh.open_array(folder)[8:16, :8], OLD)


def test_full_disk_says_so_when_converting(small_disk: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(1, 1000, (1024, 1024), "i4")
    with h5py.File(tmp_path / "big.h5", "w") as file:
        file["a/b"] = noise
    with pytest.raises(StorageError, match="cannot write 'a/b/"):
        zh.convert(tmp_path / "big.h5", small_disk / "out.zarr", compressors=None)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read and write everything; nobody may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that all may enter and nobody may write to."""
    above = [folder for folder in tmp_path.parents if folder.name.startswith(("pytest-", "popen-"))]
    for folder in (tmp_path, *above):
        folder.chmod(0o755)
    yield tmp_path
    for folder in above:
        folder.chmod(0o700)


def locked_array(folder: Path) -> zh.Array:
    """An array that may only be read."""
    array = zh.create_array(folder, data=OLD, chunks=(4, 4), shards=(8, 8))
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return array


def test_unwritable_directory(public_folder: Path) -> None:
    folder = public_folder / "a.zarr"
    array = locked_array(folder)
    public_folder.chmod(0o555)
    changes: list[tuple[Callable[[], object], str]] = [
        (lambda: array.set_basic_selection(0, 7), "'c/0/0'"),
        (lambda: array.set_basic_selection(..., 7), "'c/0/0'"),
        (lambda: array.set_basic_selection(..., 0), "'c/0/0'"),  # would delete the shard
        (lambda: array.attrs.update(a=1), "'zarr.json'"),
        (lambda: zh.create_array(public_folder / "b.zarr", data=OLD), "'zarr.json'"),
        (lambda: zh.create_array(public_folder, name="b/c", data=OLD), "'zarr.json'"),
        (lambda: zh.create_array(folder, data=OLD, overwrite=True), "''"),
    ]
    with as_nobody():
        for change, key in changes:
            with pytest.raises(ReadOnlyError, match=f"cannot write {key} in file://"):
                change()
        check_old(array, folder)
    public_folder.chmod(0o755)


def test_unreadable_shard(public_folder: Path) -> None:
    array = locked_array(public_folder / "a.zarr")
    (public_folder / "a.zarr/c/0/0").chmod(0)
    with as_nobody():
        for use in (lambda: array[0], lambda: array.set_basic_selection(0, 1)):
            with pytest.raises(StorageError, match="cannot read 'c/0/0'"):
                use()


KILLED = """
import os, signal, sys
import numpy as np
import zarr_hdf5 as zh
{patch}
array = zh.open_array(sys.argv[1], "r+")
array[{region}] = 7
"""
MIDWAY = """
from zarr_hdf5.stores import files
real = os.pwritev
def pwritev(fd, buffers, offset):
    real(fd, [buffers[0][: max(1, len(buffers[0]) // 2)]], offset)
    os.kill(os.getpid(), signal.SIGKILL)
os.pwritev = pwritev
"""
BEFORE_RENAME = "os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize("patch", [MIDWAY, BEFORE_RENAME], ids=["midway", "before the rename"])
@pytest.mark.parametrize("region", ["...", "2:3"], ids=["whole shard", "a part"])
@pytest.mark.parametrize("hdf5", VIEWS.values(), ids=VIEWS)
def test_killed_while_writing(tmp_path: Path, hdf5: Any, region: str, patch: str) -> None:
    folder = tmp_path / "a.zarr"
    array = zh.create_array(folder, data=OLD, chunks=(4, 4), shards=(8, 8), hdf5=hdf5)
    code = KILLED.format(patch=patch, region=region)
    done = subprocess.run([sys.executable, "-c", code, str(folder)], env=ENVIRONMENT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(files(folder)) == 3  # zarr.json, the old shard, and what was written of the new one
    check_old(array, folder)
    if hdf5:
        assert zh.verify(folder)
    zh.open_array(folder, "r+")[2:3] = 7
    np.testing.assert_array_equal(zh.open_array(folder)[2], [7] * 8)
    np.testing.assert_array_equal(zh.open_array(folder)[3:], OLD[3:])


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path) -> None:
    folder = tmp_path / "a.zarr"
    array = zh.create_array(folder, shape=(256, 256), dtype="i4", chunks=(16, 16), shards=(128, 128))
    array[...] = 1
    code = (
        "import sys, zarr_hdf5 as zh\na = zh.open_array(sys.argv[1], 'r+')\nprint('go', flush=True)\nn = 1\n"
        "while True:\n    n += 1\n    a[...] = n\n    a[:100, 5] = n"
    )
    for delay in np.linspace(0.001, 0.3, 6):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], env=ENVIRONMENT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                process.wait(float(delay))
            except subprocess.TimeoutExpired:
                process.kill()
        assert zh.verify(folder)
        for block in (array[:128, :128], array[:128, 128:], array[128:, :128], array[128:, 128:]):
            assert len(np.unique(block)) == 1  # each shard is of one write
