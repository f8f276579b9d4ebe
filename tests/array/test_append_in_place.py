"""append and resize where shards are changed in place: what stays where it is, and what is killed in between."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zarr_hdf5 as zh
from zarr_hdf5.stores.local import LocalStore

LAYOUTS = [zh.HDF5(libver=v, index_location=i) for v in ("earliest", "v110") for i in ("end", "start")]
TRANSPOSED = [{"name": "transpose", "configuration": {"order": [1, 0]}}]
KINDS: dict[str, dict[str, Any]] = {
    "deflate": {},
    "zstd": {"compressors": "zstd"},
    "no codec": {"compressors": None},
    "transposed": {"filters": TRANSPOSED},
}
Values = npt.NDArray[Any]


def values(rows: int, columns: int = 30, seed: int = 1) -> Values:
    return np.random.default_rng(seed).integers(1, 9999, (rows, columns), np.int32)


def like(other: Values, axis: int, length: int, seed: int) -> Values:
    rows, columns = (length if i == axis else n for i, n in enumerate(other.shape))
    return values(rows, columns, seed)


def create(folder: Path, data: Values, **options: Any) -> zh.Array:
    wanted: dict[str, Any] = {"data": data, "chunks": (4, 6), "shards": (64, 18), **options}
    zh.create_array(folder, **wanted)
    return zh.open_array(LocalStore(folder, in_place=True), "r+")


def keeps_files(folder: Path, act: Callable[[], object]) -> dict[str, bool]:
    """Of each shard that was there, whether it is the same file afterwards."""
    held = {str(path.relative_to(folder)): open(path, "rb") for path in folder.glob("c/*/*")}  # noqa: SIM115
    act()
    same = {key: os.path.samestat(os.fstat(file.fileno()), os.stat(folder / key)) for key, file in held.items()}
    for file in held.values():
        file.close()
    return same


def check(array: zh.Array, folder: Path, expected: Values) -> None:
    np.testing.assert_array_equal(array[...], expected)
    np.testing.assert_array_equal(zh.open_array(folder)[...], expected)
    np.testing.assert_array_equal(np.asarray(zarr.open_array(folder, mode="r")[...]), expected)
    report = zh.verify(folder)
    assert report, str(report)
    assert array.hdf5 is not None
    whole = array.hdf5.open()
    np.testing.assert_array_equal(whole[...].transpose(np.argsort(array.hdf5.order)), expected)
    whole.file.close()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_appending_row_by_row(tmp_path: Path, hdf5: zh.HDF5, kind: dict[str, Any]) -> None:
    expected = values(5)
    array = create(tmp_path, expected, hdf5=hdf5, **kind)
    kept = written_anew = 0
    for step in range(24):
        rows = values(1 + step % 3, seed=step + 2)
        expected = np.concatenate([expected, rows])
        same = keeps_files(tmp_path, lambda rows=rows: array.append(rows))  # type: ignore[misc]
        kept += sum(same.values())
        written_anew += len(same) - sum(same.values())
        assert np.asarray(array[-1]).tolist() == expected[-1].tolist()
    assert kept > 2 * written_anew  # those that would be more than half waste
    check(array, tmp_path, expected)


@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_appending_columns_and_rows(tmp_path: Path, hdf5: zh.HDF5) -> None:
    expected = values(9, 20)
    array = create(tmp_path, expected, hdf5=hdf5)
    for axis in (1, 0, 0, 1, 1, 0):
        more = like(expected, axis, 2, axis)
        expected = np.concatenate([expected, more], axis)
        array.append(more, axis)
        check(array, tmp_path, expected)


@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_nothing_but_the_fill_value(tmp_path: Path, hdf5: zh.HDF5) -> None:
    """Only the header changes, and it does."""
    expected = values(8)
    array = create(tmp_path, expected, hdf5=hdf5)
    size = (tmp_path / "c/0/0").stat().st_size
    assert all(keeps_files(tmp_path, lambda: array.append(np.zeros((4, 30)))).values())
    assert (tmp_path / "c/0/0").stat().st_size == size
    check(array, tmp_path, np.concatenate([expected, np.zeros((4, 30), "i4")]))
    with h5py.File(tmp_path / "c/0/0") as file:
        assert file["data"].shape == (12, 18)


@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_growing_changes_the_header_only(tmp_path: Path, hdf5: zh.HDF5) -> None:
    expected = values(10)
    array = create(tmp_path, expected, hdf5=hdf5)
    same = keeps_files(tmp_path, lambda: array.resize((40, 32)))
    assert same == {"c/0/0": True, "c/0/1": True}
    grown = np.zeros((40, 32), "i4")
    grown[:10, :30] = expected
    check(array, tmp_path, grown)
    array.resize((7, 32))
    check(array, tmp_path, grown[:7])


def test_many_chunks_at_once(tmp_path: Path) -> None:
    """What is new leaves no waste, however much it is."""
    expected = values(8)
    array = create(tmp_path, expected)
    more = values(40, seed=5)
    assert all(keeps_files(tmp_path, lambda: array.append(more)).values())
    check(array, tmp_path, np.concatenate([expected, more]))


def test_what_others_have_changed_is_written_anew(tmp_path: Path) -> None:
    expected = values(8)
    array = create(tmp_path, expected, hdf5=zh.HDF5(index_location="start"))
    with h5py.File(tmp_path / "c/0/0", "r+") as file:
        file["data"].attrs["note"] = "x" * 2000
    same = keeps_files(tmp_path, lambda: array.append(values(2)))
    assert same == {"c/0/0": False, "c/0/1": True}
    check(array, tmp_path, np.concatenate([expected, values(2)]))


def test_changed_attributes_reach_the_shard(tmp_path: Path) -> None:
    expected = values(8)
    array = create(tmp_path, expected)
    array.attrs["unit"] = "m"
    array.append(values(2))
    for key in ("c/0/0", "c/0/1"):
        with h5py.File(tmp_path / key) as file:
            assert file["data"].attrs["unit"] == "m"
    check(array, tmp_path, np.concatenate([expected, values(2)]))


def test_attributes_that_need_more_room(tmp_path: Path) -> None:
    expected = values(8)
    array = create(tmp_path, expected)
    array.attrs["long"] = "y" * 20_000
    assert not any(keeps_files(tmp_path, lambda: array.append(values(2))).values())
    check(array, tmp_path, np.concatenate([expected, values(2)]))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_random_lives(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("life")
    hdf5, kind = data.draw(st.sampled_from(LAYOUTS)), data.draw(st.sampled_from(list(KINDS.values())))
    expected = values(data.draw(st.integers(1, 70)), 20)
    array = create(folder, expected, hdf5=hdf5, **kind)
    for step in range(data.draw(st.integers(1, 6))):
        what = data.draw(st.sampled_from(["append", "append", "resize", "write", "attributes"]))
        if what == "append":
            axis = data.draw(st.integers(0, 1))
            more = like(expected, axis, data.draw(st.integers(0, 7)), step)
            more *= data.draw(st.integers(0, 1), label="not only the fill value")
            expected = np.concatenate([expected, more], axis)
            array.append(more, axis)
        elif what == "resize":
            shape = data.draw(st.tuples(st.integers(1, 80), st.integers(1, 40)))
            new = np.zeros(shape, "i4")
            kept = tuple(slice(0, min(pair)) for pair in zip(shape, expected.shape, strict=True))
            new[kept], expected = expected[kept], new
            array.resize(shape)
        elif what == "write":
            row = data.draw(st.integers(0, len(expected) - 1))
            array[row] = expected[row] = step
        else:
            array.attrs["n"] = step
    check(array, folder, expected)
    shutil.rmtree(folder)
