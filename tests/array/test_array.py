"""The face of an array: what numpy's users expect of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5 import errors

DATA = np.arange(60, dtype="<f4").reshape(3, 4, 5)


@pytest.fixture
def array(tmp_path: Path) -> zh.Array:
    return zh.create_array(
        tmp_path / "a.zarr",
        data=DATA,
        chunks=(1, 2, 5),
        shards=(2, 4, 5),
        fill_value=np.nan,
        dimension_names=["z", "y", None],
        attributes={"units": "K"},
    )


def test_properties(array: zh.Array) -> None:
    assert (array.shape, array.ndim, array.size, array.nbytes) == ((3, 4, 5), 3, 60, 240)
    assert array.dtype == np.dtype("<f4")
    assert (array.chunks, array.shards, array.nchunks, array.nshards) == ((1, 2, 5), (2, 4, 5), 6, 2)
    assert np.isnan(array.fill_value)
    assert array.dimension_names == ("z", "y", None)
    assert (array.name, array.path) == ("/", "")
    assert [c["name"] for c in array.codecs] == ["sharding_indexed"]
    assert len(array) == 3
    assert repr(array) == f"<zarr_hdf5.Array {array.store.url}/ shape=(3, 4, 5) dtype=float32>"
    assert "<svg" in array._repr_html_()
    assert "(3, 4, 5)" in str(array.info)


def test_numpy_takes_it(array: zh.Array) -> None:
    np.testing.assert_array_equal(np.asarray(array), DATA)
    assert np.asarray(array, "f8").dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.asarray(array, copy=False)
    assert float(np.sum(array)) == DATA.sum()
    for ours, theirs in zip(array, DATA, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_scalars_come_as_scalars(array: zh.Array) -> None:
    assert isinstance(array[1, 2, 3], np.float32)
    assert array[-1, -1, -1] == 59


def test_out(array: zh.Array) -> None:
    out = np.zeros((2, 5), "f8")
    assert array.get_basic_selection((slice(1, 3), 0), out=out) is out
    np.testing.assert_array_equal(out, DATA[1:3, 0])
    strided = np.zeros((5, 4, 3), "f4").T
    array.get_basic_selection(..., out=strided)
    np.testing.assert_array_equal(strided, DATA)
    with pytest.raises(errors.SelectionError, match="out has shape"):
        array.get_basic_selection(0, out=out)


@pytest.mark.parametrize("selection", [[0, 3], True, 1.5, "x", (0, 0, 0, 0), 3, (..., ...)])
def test_refused_selections(array: zh.Array, selection: Any) -> None:
    with pytest.raises(errors.SelectionError):
        array[selection]
    with pytest.raises(errors.SelectionError):
        array[selection] = 0


def test_values_that_do_not_fit(array: zh.Array) -> None:
    with pytest.raises(errors.SelectionError, match="broadcast"):
        array[0] = np.zeros((3, 3))
    with pytest.raises(ValueError, match="could not convert"):
        array[0] = "warm"
    np.testing.assert_array_equal(array[...], DATA)


def test_casting_follows_numpy(array: zh.Array) -> None:
    array[0] = np.arange(5, dtype="i8")
    array[1, 0] = True
    expected = DATA.copy()
    expected[0], expected[1, 0] = np.arange(5), 1
    np.testing.assert_array_equal(array[...], expected)


def test_attributes_are_written_through(array: zh.Array) -> None:
    array.attrs["units"] = "degC"
    array.attrs.update(a=1, b=[1, 2])
    del array.attrs["a"]
    reopened = zh.open_array(array.store.url)
    assert reopened.attrs.asdict() == {"units": "degC", "b": [1, 2]}
    assert len(reopened.attrs) == 2
    assert "units" in repr(reopened.attrs)
    array.attrs.put({"c": None})
    assert zh.open_array(array.store.url).attrs == {"c": None}
    with pytest.raises(KeyError):
        del array.attrs["nothing"]
    with pytest.raises(errors.ReadOnlyError):
        reopened.attrs["x"] = 1
    report = zh.verify(array.store.url)
    assert report
    assert any("older than zarr.json" in note for note in report.notes)


def test_empty_and_scalar_arrays(tmp_path: Path) -> None:
    empty = zh.create_array(tmp_path / "empty", shape=(0, 5), dtype="i4")
    assert empty[...].shape == (0, 5)
    empty[...] = 1
    assert empty.nchunks == 0
    scalar = zh.create_array(tmp_path / "scalar", data=np.int16(7))
    assert scalar[()] == 7
    scalar[...] = 8
    assert zh.open_array(tmp_path / "scalar")[...] == 8
    assert scalar.hdf5 is None
    assert not any(r.opens for r in scalar.readers() if r.side == "HDF5")
    with pytest.raises(TypeError, match="no length"):
        len(scalar)


def test_context_manager(tmp_path: Path) -> None:
    with zh.create_array(tmp_path / "a", data=[1, 2, 3]) as array:
        array[0] = 5
        array.flush()
    assert zh.open_array(tmp_path / "a")[0] == 5


def test_hdf5_side(array: zh.Array) -> None:
    side = array.hdf5
    assert side is not None
    assert (side.dataset, side.libver, side.order) == ("/data", "earliest", (0, 1, 2))
    assert Path(side.file((1, 0, 0))).is_file()
    with pytest.raises(errors.SelectionError):
        side.file((2, 0, 0))
    dataset = side.open()
    with dataset.file:
        np.testing.assert_array_equal(dataset[()], DATA)
        assert dataset.file.mode == "r"


def test_whole_dataset_of_missing_shards_is_fill(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path / "a", shape=(4, 4), dtype="i2", chunks=(2, 2), shards=(2, 2), fill_value=-3)
    array[:2, :2] = 1
    assert array.hdf5 is not None
    dataset = array.hdf5.open()
    with dataset.file:
        np.testing.assert_array_equal(dataset[()], array[...])


@pytest.mark.parametrize("fill", [0.0, -0.0, np.nan])
def test_chunks_are_left_out_only_if_every_bit_is_fill(tmp_path: Path, fill: float) -> None:
    array = zh.create_array(tmp_path / "a", shape=(2,), dtype="f8", chunks=(1,), shards=(1,), fill_value=fill)
    array[0] = 0.0
    array[1] = -0.0
    np.testing.assert_array_equal(np.signbit(array[...]), [False, True])
    array[...] = fill
    stored = [p for p in (tmp_path / "a").rglob("*") if p.is_file() and p.name != "zarr.json"]
    assert stored == []


def test_a_grid_of_any_size_is_not_walked(tmp_path: Path) -> None:
    """Only the shards that exist are looked at."""
    array = zh.create_array(tmp_path / "a", shape=(10**15, 10), dtype="u1", chunks=(5, 5), shards=(10, 10))
    array[123_456_789_012:123_456_789_025, 3] = 7
    assert zh.verify(tmp_path / "a").shards == 2
    assert array.hdf5 is not None
    dataset = array.hdf5.open()
    with dataset.file:
        assert dataset[123_456_789_012, 3] == 7
