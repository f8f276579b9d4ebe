"""Into one file, and out of it."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from study import NEVER_WRITTEN, ZARR_ONLY, write_study

import zarr_hdf5 as zh
from zarr_hdf5.cli.demo import write_sample
from zarr_hdf5.cli.main import main
from zarr_hdf5.errors import AlreadyExistsError


def same_values(found: zh.Group, wanted: zh.Group) -> None:
    names = [name for name, node in wanted.members(None) if isinstance(node, zh.Array)]
    assert [name for name, node in found.members(None) if isinstance(node, zh.Array)] == names
    for name in names:
        a, b = found[name], wanted[name]
        assert isinstance(a, zh.Array)
        assert isinstance(b, zh.Array)
        np.testing.assert_array_equal(a[...], b[...])
        assert dict(a.attrs) == dict(b.attrs)
        assert a.dimension_names == b.dimension_names


def test_hdf5_to_one_file_and_on(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.h5")
    done = zh.convert(tmp_path / "sample.h5", tmp_path / "one.h5")
    assert (done.skipped, done.zarr_only) == ((), ())
    one = zh.open_group(tmp_path / "one.h5")
    same_values(one, zh.open_group(tmp_path / "sample.h5"))
    with h5py.File(tmp_path / "one.h5") as file, h5py.File(tmp_path / "sample.h5") as sample:
        assert file["temperature"].dims[0][0] == file["time"]
        for name in ("temperature", "cloudy", "station/counts", "lat"):
            np.testing.assert_array_equal(file[name][()], sample[name][()])
    assert zh.convert(tmp_path / "one.h5", tmp_path / "a.zarr").skipped == ()
    same_values(zh.open_group(tmp_path / "a.zarr"), one)
    assert zh.convert(tmp_path / "a.zarr", tmp_path / "again.nc").skipped == ()
    same_values(zh.open_group(tmp_path / "again.nc"), one)


def test_study(tmp_path: Path) -> None:
    write_study(tmp_path / "study.h5")
    done = zh.convert(tmp_path / "study.h5", tmp_path / "copy.h5")
    assert (done.skipped, done.zarr_only) == ((), (ZARR_ONLY,))
    same_values(zh.open_group(tmp_path / "copy.h5"), zh.open_group(tmp_path / "study.h5"))
    with h5py.File(tmp_path / "copy.h5") as file:
        assert (file[NEVER_WRITTEN][()] == -5).all()
        assert file["strings"].asstr()[0, 1] == "größe"


def test_zipped_zarr_to_one_file(tmp_path: Path) -> None:
    values = np.arange(60).reshape(6, 10)
    with zarr.storage.ZipStore(tmp_path / "x.zip", mode="w") as store:
        zarr.create_group(store).create_array("a", data=values, chunks=(2, 5), compressors=None)
    zh.convert(tmp_path / "x.zip", tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(file["a"][()], values)


def test_not_onto_itself(tmp_path: Path) -> None:
    zh.create_array(tmp_path / "x.h5", data=[1, 2]).close()
    with pytest.raises(AlreadyExistsError, match="within the other"):
        zh.convert(tmp_path / "x.h5", tmp_path / "x.h5", overwrite=True)
    zh.create_array(tmp_path / "a.zarr", data=[1, 3])
    with pytest.raises(AlreadyExistsError, match="overwrite"):
        zh.convert(tmp_path / "a.zarr", tmp_path / "x.h5")
    zh.convert(tmp_path / "a.zarr", tmp_path / "x.h5", overwrite=True)
    assert np.asarray(zh.open_array(tmp_path / "x.h5")).tolist() == [1, 3]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sample(tmp_path / "sample.h5")
    assert main(["convert", str(tmp_path / "sample.h5"), str(tmp_path / "one.h5")]) == 0
    assert "6 arrays" in capsys.readouterr().out
    assert main(["info", str(tmp_path / "one.h5"), "--path", "temperature"]) == 0
    assert "HDF5 side" in capsys.readouterr().out
