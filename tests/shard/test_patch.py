"""A patch that is killed at any byte: what h5py and Zarr readers find then, and how it is mended."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.stores.local import LocalStore

LAYOUTS = [zh.HDF5(libver=v, index_location=i) for v in ("earliest", "v110") for i in ("end", "start")]
OLD = np.arange(1, 65, dtype="<u2").reshape(8, 8)
OLD[4:, 4:] = 0  # absent
CHANGES = {"present": np.s_[2:4, 4:6], "absent before": np.s_[6:8, 6:8], "both": np.s_[2:6, 4:6]}
Steps = list[tuple[int, bytes]]
Values = npt.NDArray[Any]


class Recording(LocalStore):
    """Remembers the steps of the last patch."""

    def patch(self, key: str, version: Hashable, steps: Iterable[tuple[int, Sequence[Buffer]]]) -> Hashable:
        self.steps: Steps = [(offset, b"".join(map(byte_view, parts))) for offset, parts in steps]
        return super().patch(key, version, steps)


def patched(folder: Path, hdf5: zh.HDF5, change: Any) -> tuple[bytes, Steps, Values]:
    """The shard before a patch, the steps of the patch, and the values after it."""
    zh.create_array(folder, data=OLD, chunks=(2, 2), shards=(8, 8), hdf5=hdf5)
    before = (folder / "c/0/0").read_bytes()
    store = Recording(folder, in_place=True)
    new = OLD.copy()
    new[change] = [[40_000, 2], [3, 40_000]] * (new[change].shape[0] // 2)
    zh.open_array(store, "r+")[change] = new[change]
    assert store.steps
    return before, store.steps, new


def states(before: bytes, steps: Steps) -> Iterator[tuple[int, bool, bytes]]:
    """The file after each byte (of what is appended, after some): the step, whether it is complete, the contents."""
    file, last = bytearray(before), b""
    for number, (offset, data) in enumerate(steps):
        for i in range(len(data)):
            at, complete = offset + i, i == len(data) - 1
            assert at <= len(file)
            file[at : at + 1] = data[i : i + 1]
            if complete or (bytes(file) != last and (number or i % 7 == 0)):
                last = bytes(file)
                yield number, complete, last


def h5py_reads(path: Path) -> Values | None:
    try:
        with h5py.File(path) as file:
            return np.asarray(file["data"][...])
    except (OSError, KeyError):
        return None


def zarr_reads(folder: Path) -> Values | None:
    try:
        return np.asarray(zh.open_array(folder)[...])
    except CorruptDataError:
        return None


def is_one_of(values: Values, *wanted: Values) -> bool:
    return any(np.array_equal(values, each) for each in wanted)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_killed_after_any_byte(tmp_path: Path, hdf5: zh.HDF5, change: Any) -> None:
    before, steps, new = patched(tmp_path, hdf5, change)
    path = tmp_path / "c/0/0"
    for number, complete, contents in states(before, steps):
        path.write_bytes(contents)
        of_hdf5, of_zarr = h5py_reads(path), zarr_reads(tmp_path)
        assert of_zarr is None or is_one_of(of_zarr, OLD, new)
        assert of_hdf5 is None or is_one_of(of_hdf5, OLD, new)
        if number == 0:
            assert of_hdf5 is not None
            np.testing.assert_array_equal(of_hdf5, OLD)
        if complete or number > (hdf5.index_location == "start"):
            assert of_zarr is not None
        assert of_zarr is not None or of_hdf5 is not None
    np.testing.assert_array_equal(of_zarr, new)
    np.testing.assert_array_equal(of_hdf5, new)


@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_the_next_whole_write_mends(tmp_path: Path, hdf5: zh.HDF5) -> None:
    before, steps, new = patched(tmp_path, hdf5, CHANGES["both"])
    for _, _, contents in list(states(before, steps))[::9]:
        (tmp_path / "c/0/0").write_bytes(contents)
        zh.open_array(LocalStore(tmp_path, in_place=True), "r+")[...] = new
        assert zh.verify(tmp_path)
        np.testing.assert_array_equal(np.asarray(zarr.open_array(tmp_path, mode="r")[...]), new)


@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_the_next_update_mends_what_was_killed_between_two_steps(tmp_path: Path, hdf5: zh.HDF5) -> None:
    before, steps, new = patched(tmp_path, hdf5, CHANGES["present"])
    for number, complete, contents in states(before, steps):
        if not complete:
            continue
        (tmp_path / "c/0/0").write_bytes(contents)
        zh.open_array(LocalStore(tmp_path, in_place=True), "r+")[0, 0] = 9
        assert zh.verify(tmp_path), number
        result = zarr_reads(tmp_path)
        assert result is not None
        assert result[0, 0] == 9
        assert is_one_of(result[1:], OLD[1:], new[1:])


@pytest.mark.parametrize("libver", ["earliest", "v110"])
def test_opening_for_writing_in_h5py_takes_half_an_append_back(tmp_path: Path, libver: Any) -> None:
    before, steps, _ = patched(tmp_path, zh.HDF5(libver=libver), CHANGES["both"])
    path = tmp_path / "c/0/0"
    torn = 0
    for number, complete, contents in states(before, steps):
        if number or complete:
            break
        path.write_bytes(contents)
        torn += zarr_reads(tmp_path) is None
        with h5py.File(path, "r+"):
            pass
        assert path.stat().st_size == len(before)
        result = zarr_reads(tmp_path)
        assert result is not None
        np.testing.assert_array_equal(result, OLD)
    assert torn > 20
    assert zh.verify(tmp_path)


@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_an_append_killed_anywhere(tmp_path: Path, hdf5: zh.HDF5) -> None:
    """The document says the new shape already. What was there is there; what is new is there or the fill value."""
    old, rows = np.arange(1, 65, dtype="<u2").reshape(8, 8), np.full((2, 8), 40_000, "<u2")
    zh.create_array(tmp_path, data=old, chunks=(2, 2), shards=(32, 8), hdf5=hdf5)
    path = tmp_path / "c/0/0"
    before, store = path.read_bytes(), Recording(tmp_path, in_place=True)
    zh.open_array(store, "r+").append(rows)
    new, filled = np.concatenate([old, rows]), np.concatenate([old, 0 * rows])
    assert len(store.steps) >= 2
    for i, (number, complete, contents) in enumerate(states(before, store.steps)):
        if i % 11 and not complete:
            continue
        path.write_bytes(contents)
        of_hdf5, of_zarr = h5py_reads(path), zarr_reads(tmp_path)
        assert of_zarr is None or is_one_of(of_zarr, filled, new)
        assert of_hdf5 is None or is_one_of(of_hdf5, old, filled, new)
        if number == 0:
            np.testing.assert_array_equal(of_hdf5, old)
        if complete:
            assert of_zarr is not None
    np.testing.assert_array_equal(of_zarr, new)
    np.testing.assert_array_equal(of_hdf5, new)
    assert zh.verify(tmp_path)
    path.write_bytes(before)
    assert not zh.verify(tmp_path)
    again = zh.open_array(LocalStore(tmp_path, in_place=True), "r+")
    again[8:] = rows
    assert zh.verify(tmp_path)
    np.testing.assert_array_equal(np.asarray(zarr.open_array(tmp_path, mode="r")[...]), new)
