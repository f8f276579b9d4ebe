"""One file, and the programs that must read it: those of HDF5, those of netCDF, those of ZIP and of zipped Zarr."""

import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401 - registers filters with h5py's libhdf5
import netCDF4
import numpy as np
import pytest
import tensorstore
import xarray as xr
import zarr
import zarrista
from study import ARRAYS, BYTES, GRID, NEVER_WRITTEN, ZARR_ONLY, Values, dataset_axes, write_study

import zarr_hdf5 as zh

NAMES = [*ARRAYS, NEVER_WRITTEN]
VARIABLE = ("strings", "bytes")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Values]]:
    path = tmp_path_factory.mktemp("one") / "study.h5"
    return path, write_study(path)


def run(*command: str | Path) -> str:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert done.stderr == "", (command, done.stderr)
    return done.stdout


def from_h5py(dataset: h5py.Dataset, name: str) -> Values:
    if name == "bytes":
        found = np.empty(dataset.shape, object)
        found[...] = [element.tobytes() for element in dataset[()]]
        return found
    if name == "strings":
        return np.asarray(dataset.asstr()[()])
    return np.asarray(dataset[()])


def equal(found: Values, values: Values) -> None:
    assert found.shape == values.shape
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("name", NAMES)
def test_ours(study: tuple[Path, dict[str, Values]], name: str) -> None:
    path, values = study
    array = zh.open(path)[name]
    assert isinstance(array, zh.Array)
    equal(np.asarray(array[...]), values[name])
    assert array.hdf5 is not None
    dataset = array.hdf5.open()
    equal(from_h5py(dataset, name), dataset_axes(name, values[name]))
    dataset.file.close()


@pytest.mark.parametrize("name", NAMES)
def test_h5py(study: tuple[Path, dict[str, Values]], name: str) -> None:
    path, values = study
    with h5py.File(path) as file:
        equal(from_h5py(file[name], name), dataset_axes(name, values[name]))


def test_h5py_attributes_and_members(study: tuple[Path, dict[str, Values]]) -> None:
    path, _ = study
    with h5py.File(path) as file:
        assert dict(file.attrs) == {"title": "a study of größe", "nested": '{"a": [1, 2]}'}
        assert dict(file["deep"].attrs) == {"level": 1}
        assert (file["sharded"].attrs["units"], file["sharded"].attrs["n"]) == ("m", 3)
        assert file["sharded"].chunks == (5, 9)
        assert ZARR_ONLY not in file
        assert file["sharded"].dims[1][0] == file["x"]
        assert file["deep/er/µ"].dims[1][0] == file["x"]
        assert list(file["transposed"].attrs["_zarr_dimension_order"]) == [1, 0]


def test_hdf5_tools(study: tuple[Path, dict[str, Values]], tmp_path: Path) -> None:
    path, values = study
    listed = run("h5ls", "-r", path)
    for name in NAMES:
        assert f"/{name} ".encode().split(b"\xc2")[0].decode().replace(" ", "\\ ").split("\\")[0] in listed
    for name in ("sharded", "unsharded", "zstd", "blosc", "big endian", "checked", NEVER_WRITTEN):
        run("h5dump", "-d", f"/{name}", "-o", tmp_path / "out", "-b", "FILE", path)
        equal(np.fromfile(tmp_path / "out", values[name].dtype).reshape(values[name].shape), values[name])
    run("h5dump", "-A", path)
    run("h5repack", path, tmp_path / "again.h5")
    with h5py.File(tmp_path / "again.h5") as file:
        for name in NAMES:
            equal(from_h5py(file[name], name), dataset_axes(name, values[name]))
    run("h5stat", path)


NOT_IN_NETCDF = {"bytes", "fixed strings"}


def test_netcdf(study: tuple[Path, dict[str, Values]]) -> None:
    path, values = study
    run("ncdump", "-h", path)
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        assert set(file.variables) == {name for name in NAMES if "/" not in name}
        assert file["sharded"].dimensions == ("y", "x")
        assert file["x"].dimensions == ("x",)
        assert (file.dimensions["x"].size, file.dimensions["y"].size) == (53, 37)
        assert file["deep/er/µ"].dimensions == ("y", "x")
        for name in NAMES:
            if name not in NOT_IN_NETCDF and values[name].dtype.kind not in "cV":
                equal(np.asarray(file[name][...]), dataset_axes(name, values[name]))


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray(study: tuple[Path, dict[str, Values]], engine: Any) -> None:
    path, values = study
    dropped = ["bytes", "fixed strings", "structures"]
    options: dict[str, Any] = {"phony_dims": "access"} if engine == "h5netcdf" else {}
    with xr.open_dataset(path, engine=engine, drop_variables=dropped, **options) as dataset:
        assert dataset["sharded"].dims == ("y", "x")
        assert list(dataset.coords) == ["x"]
        assert dataset["sharded"].attrs == {"units": "m", "n": 3}
        assert dataset.attrs["title"] == "a study of größe"
        equal(dataset["sharded"].values, values["sharded"])
        equal(dataset["x"].values, values["x"])
        equal(dataset["strings"].values.astype(object), values["strings"])
        assert dataset["sharded"].sel(x=0.0).shape == (37,)


@pytest.mark.parametrize("name", [name for name in (*NAMES, ZARR_ONLY) if name != "structures"])
def test_zarr_python(study: tuple[Path, dict[str, Values]], name: str) -> None:
    path, values = study
    with zarr.storage.ZipStore(path, mode="r") as store:
        array = zarr.open_group(store, mode="r")[name]
        assert isinstance(array, zarr.Array)
        wanted = values.get(name, np.array(["one", "two", "é"]))
        equal(np.asarray(array[...]), wanted)


def test_zarr_python_reads_the_consolidated_metadata(study: tuple[Path, dict[str, Values]]) -> None:
    path, _ = study
    with zarr.storage.ZipStore(path, mode="r") as store:
        group = zarr.open_consolidated(store, mode="r")
        found = dict(group.members(max_depth=None))
        assert set(found) == {*NAMES, ZARR_ONLY, "deep", "deep/er"}
        assert found["sharded"].attrs["units"] == "m"
        assert group.attrs["nested"] == {"a": [1, 2]}


@pytest.mark.parametrize("name", ["zstd", "blosc", "big endian", "checked", "checked unsharded"])
def test_tensorstore(study: tuple[Path, dict[str, Values]], name: str) -> None:
    path, values = study
    base = {"driver": "file", "path": str(path)}
    spec = {"driver": "zarr3", "kvstore": {"driver": "zip", "base": base, "path": f"{name}/"}}
    equal(np.asarray(tensorstore.open(spec).result().read().result()), values[name])


@pytest.mark.parametrize("name", ["zstd", "blosc", "big endian", "checked"])
def test_zarrista(study: tuple[Path, dict[str, Values]], name: str) -> None:
    path, values = study
    array = zarrista.Array.open(
        zarrista.store.ZipStore(zarrista.store.FilesystemStore(str(path.parent)), path.name), f"/{name}"
    )
    found = array.retrieve_array_subset(...).to_numpy()
    equal(np.asarray(found).astype(values[name].dtype), values[name])


def test_zip_programs(study: tuple[Path, dict[str, Values]], tmp_path: Path) -> None:
    path, values = study
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(set(archive.namelist()))
    run("unzip", "-tq", path)
    run("unzip", "-q", path, "-d", tmp_path / "form_a.zarr")
    group = zh.open_group(tmp_path / "form_a.zarr")
    outside = zarr.open_group(tmp_path / "form_a.zarr", mode="r")
    for name in NAMES:
        array = group[name]
        assert isinstance(array, zh.Array)
        assert array.hdf5 is None
        equal(np.asarray(array[...]), values[name])
        if name != "structures":
            theirs = outside[name]
            assert isinstance(theirs, zarr.Array)
            equal(np.asarray(theirs[...]), values[name])


def test_a_chunk_is_stored_once(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 2**32, (512, 512), "<u4")
    with zh.create_group(tmp_path / "x.h5") as group:
        group.create_array("a", data=values, chunks=(64, 64), shards=(256, 256), compressors=None)
        group.create_array("b", data=values, chunks=(64, 64), shards=None, compressors=None)
    assert (tmp_path / "x.h5").stat().st_size < 2 * values.nbytes + 40_000


def test_the_same_twice_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        with zh.create_group(tmp_path / name) as group:
            group.create_array("x", data=GRID[0], attributes={"a": [1, 2]}, dimension_names=["x"])
            group.create_array("s", data=BYTES, dtype="variable_length_bytes")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("suffix", [".h5", ".hdf5", ".he5", ".nc", ".nc4", ".H5"])
def test_an_array_at_the_root(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    zh.create_array(path, data=GRID, chunks=(10, 10), shards=(20, 20), dimension_names=["y", "x"]).close()
    with h5py.File(path) as file:
        equal(file["data"][()], GRID)
        assert set(file) == {"data", "y", "x"}
    equal(np.asarray(zh.open_array(path)), GRID)
    with zarr.storage.ZipStore(path, mode="r") as store:
        equal(np.asarray(zarr.open_array(store, mode="r")[...]), GRID)
    zh.create_array(path, data=GRID, overwrite=True, hdf5=zh.HDF5(dataset="/deep/values")).close()
    with h5py.File(path) as file:
        equal(file["deep/values"][()], GRID)
