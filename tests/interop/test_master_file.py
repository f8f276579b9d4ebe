"""The master file in programs that know HDF5 or netCDF-4 and nothing of Zarr: they see what xarray sees in Zarr."""

import base64
import shutil
import struct
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr
from hdf5_judges import run

import zarr_hdf5 as zh

pytestmark = [
    pytest.mark.filterwarnings("ignore:Object at .* is not recognized"),
    pytest.mark.filterwarnings("ignore:Numcodecs codecs"),
    pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning"),
    pytest.mark.filterwarnings("ignore:WARNING. variable 'odd' has unsupported datatype, skipping"),
    pytest.mark.filterwarnings("ignore:Duplicate dimension names"),
]

MASTER = zh.HDF5(virtual_dataset=True)
MISSING = base64.b64encode(struct.pack("<d", -9999)).decode()
"""As xarray writes `_FillValue` of floats in Zarr v3."""


def temperatures() -> np.ndarray[Any, Any]:
    values = np.arange(72, dtype="f4").reshape(3, 4, 6)
    values[0, 0, :2] = -9999
    return values


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hierarchy with all that netCDF has a word for."""
    folder = tmp_path_factory.mktemp("master") / "x.zarr"
    title = {"title": "all of it", "n": 3, "yes": True, "numbers": [1, 2], "texts": ["a", "ß"], "empty": ""}
    root = zh.create_group(folder, attributes=title, hdf5=MASTER)
    time = {"units": "hours since 2020-01-01", "calendar": "proleptic_gregorian"}
    cell = {"grid_mapping": "crs", "units": "K", "_FillValue": MISSING, "valid_range": [0.0, 400.0]}
    packed = {"scale_factor": 0.5, "add_offset": 10.0, "_FillValue": 3}
    sharded: list[tuple[str, Any, list[str], dict[str, Any]]] = [
        ("time", [0, 6, 12], ["time"], time),
        ("lat", np.arange(4, dtype="f4"), ["lat"], {"units": "degrees_north"}),
        ("lon", np.arange(6, dtype=">f8"), ["lon"], {"units": "degrees_east"}),
        ("packed", np.arange(6, dtype="i2"), ["lon"], packed),
        ("mask", [True, False, True, False], ["lat"], {}),
        ("half", np.linspace(0, 1, 6, dtype="f2"), ["lon"], {"_FillValue": MISSING}),
        ("wave", np.arange(6) * 1j, ["lon"], {}),
        ("extra", np.ones((4, 5), "u8"), ["lat", "member"], {}),
        ("covariance", np.eye(4), ["lat", "lat"], {}),
    ]
    for name, data, dims, attributes in sharded:
        root.create_array(name, data=data, dimension_names=dims, attributes=attributes)
    root.create_array(
        "t",
        data=temperatures(),
        chunks=(1, 2, 3),
        shards=(2, 2, 6),
        dimension_names=["time", "lat", "lon"],
        attributes=cell,
    )
    below = root.create_group("sub", attributes={"note": "below"})
    below.create_array("a", data=np.arange(18.0).reshape(3, 6), dimension_names=["time", "lon"])
    below.create_array("b", data=np.arange(5), dimension_names=["y"])
    names = np.array(["one", "zwei", "três", ""], object)
    root.create_array("crs", data=np.int32(0), attributes={"grid_mapping_name": "lat_lon", "axis": 6.4e6}, hdf5=False)
    root.create_array("station", data=names, dtype=str, dimension_names=["station"], hdf5=False)
    root.create_array("plain", data=np.arange(6, dtype="u1"), dimension_names=["lon"], shards=None, hdf5=False)
    assert zh.link(folder).left_out == ()
    return folder


@pytest.mark.parametrize("group", ["/", "sub"])
@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_sees_what_it_sees_in_zarr(engine: Any, group: str, folder: Path) -> None:
    with xr.open_zarr(folder, group=group.strip("/") or None, consolidated=False) as opened:
        zarr_side = opened.load()
    with xr.open_dataset(folder / "x.h5", engine=engine, group=group) as opened:
        hdf5_side = opened.load()
    if engine == "netcdf4" and group == "/":  # complex numbers are compounds to it
        assert hdf5_side["wave"].values["i"].tolist() == zarr_side["wave"].values.imag.tolist()
        zarr_side, hdf5_side = zarr_side.drop_vars("wave"), hdf5_side.drop_vars("wave")
    xr.testing.assert_identical(hdf5_side, zarr_side)
    assert hdf5_side.sizes == zarr_side.sizes
    for name in set(zarr_side.variables) - {"half", "mask", "station"}:
        assert hdf5_side[name].dtype == zarr_side[name].dtype.newbyteorder("="), name


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_trees(engine: Any, folder: Path) -> None:
    with xr.open_datatree(folder / "x.h5", engine=engine) as tree:
        assert tree.groups == ("/", "/sub")
        assert tree["sub/a"].dims == ("time", "lon")


def test_netcdf4(folder: Path) -> None:
    with netCDF4.Dataset(folder / "x.h5") as file:
        assert {name: len(dimension) for name, dimension in file.dimensions.items()} == {
            "lat": 4,
            "lon": 6,
            "member": 5,
            "station": 4,
            "time": 3,
        }
        assert set(file["sub"].dimensions) == {"y"}
        assert file["t"].dimensions == ("time", "lat", "lon")
        np.testing.assert_array_equal(file["t"][...].filled(), temperatures())
        assert file["station"][...].tolist() == ["one", "zwei", "três", ""]
        assert file["crs"].ncattrs() == ["grid_mapping_name", "axis"]
        assert file.ncattrs() == ["title", "n", "yes", "numbers", "texts", "empty"]


def test_ncdump(folder: Path) -> None:
    text = " ".join(run("ncdump", folder / "x.h5").split())
    assert "dimensions: lat = 4 ; lon = 6 ;" in text
    assert "station = UNLIMITED ; // (4 currently) time = UNLIMITED ; // (3 currently)" in text
    assert "float t(time, lat, lon) ;" in text
    assert 'string t:units = "K" ;' in text
    assert "t = _, _, 2, 3, 4, 5, 6, 7, 8," in text
    assert 'station = "one", "zwei", "três", _ ;' in text
    assert "a = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 ;" in text


def test_what_grew_is_a_record_dimension(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr", hdf5=zh.HDF5(virtual_dataset=True))
    values = np.arange(24, dtype="f4").reshape(2, 3, 4)
    grown = root.create_array("t", data=values, shards=(1, 3, 4), dimension_names=["time", "lat", "lon"])
    times = root.create_array("time", data=[0.0, 1.0], dimension_names=["time"])
    root.create_array("lon", data=np.arange(4.0), dimension_names=["lon"])
    grown.append(values)
    times.append([2.0, 3.0])
    file = tmp_path / "x.zarr/x.h5"
    assert "time = UNLIMITED ; // (4 currently)" in run("ncdump", "-h", file)
    run("nccopy", "-k", "classic", file, tmp_path / "classic.nc")  # has one unlimited dimension at most
    engines: tuple[Any, ...] = ("h5netcdf", "netcdf4")
    for engine in engines:
        with xr.open_dataset(file, engine=engine) as dataset:
            assert dataset.encoding["unlimited_dims"] == {"time"}
            np.testing.assert_array_equal(dataset["t"], np.concatenate([values, values]))
            np.testing.assert_array_equal(dataset["time"], range(4))
            dataset.to_netcdf(tmp_path / f"{engine}.nc", format="NETCDF3_64BIT")


def test_hdf5_tools(folder: Path, tmp_path: Path) -> None:
    run("h5dump", "-d", "/t", "-o", tmp_path / "out", "-b", "FILE", folder / "x.h5")
    np.testing.assert_array_equal(np.fromfile(tmp_path / "out", "f4").reshape(3, 4, 6), temperatures())
    assert "SOURCE" in run("h5dump", "-p", "-H", "-d", "/t", folder / "x.h5")
    run("h5ls", "-r", folder / "x.h5")
    run("h5dump", folder / "x.h5")
    run("h5repack", folder / "x.h5", folder / "repacked")
    shutil.move(folder / "repacked", tmp_path / "repacked.h5")


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("location", ["end", "start"])
def test_shards_that_come_later(libver: Any, location: Any, tmp_path: Path) -> None:
    hdf5 = zh.HDF5(libver=libver, index_location=location, virtual_dataset=True)
    root = zh.create_group(tmp_path / "x.zarr", hdf5=hdf5)
    array = root.create_array(
        "a", shape=(5, 5), dtype="i4", chunks=(1, 2), shards=(2, 4), fill_value=-7, dimension_names=["y", "x"]
    )
    file, wanted = tmp_path / "x.zarr/x.h5", np.full((5, 5), -7, "i4")
    written = file.read_bytes()
    for region, value in ((np.s_[:, :], -7), (np.s_[4:, 4:], 1), (np.s_[1:3, 3:], 2)):
        array[region] = wanted[region] = value
        with h5py.File(file) as opened:
            np.testing.assert_array_equal(opened["a"], wanted)
        with netCDF4.Dataset(file) as netcdf:
            np.testing.assert_array_equal(netcdf["a"][...], wanted)
        run("h5dump", "-d", "/a", "-o", tmp_path / "out", "-b", "FILE", file)
        np.testing.assert_array_equal(np.fromfile(tmp_path / "out", "i4").reshape(5, 5), wanted)
        assert f"a = {', '.join(map(str, wanted.ravel()))} ;" in " ".join(run("ncdump", file).split())
    assert file.read_bytes() == written


KINDS: dict[str, Any] = {
    "bool": np.array([True, False]),
    "float16": np.array([0.5, 2], "f2"),
    "complex64": np.array([1 + 2j, 3], "c8"),
    "opaque": np.array([b"abc", b"def"], "V3"),
    "strings": np.array([b"ab", b"cdef"]),
    "structure": np.array([(1, 2.5), (3, 4)], "i4,f8"),
    "structure of strings": np.array([(b"ab", 2), (b"", 4)], "S3,i4"),
    "structure of halves": np.array([(1, 2), (3, 4)], "f2,?"),
    "structure of arrays": np.zeros(2, "i4,(2,3)f8"),
}


@pytest.mark.parametrize("is_coordinate", [False, True], ids=["variable", "coordinate"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_type_spoils_the_file(kind: str, is_coordinate: bool, tmp_path: Path) -> None:
    """netCDF's library passes over variables of types that it does not know, and opens what is left."""
    root = zh.create_group(tmp_path / "x.zarr", hdf5=MASTER)
    dim = "odd" if is_coordinate else "x"
    odd = root.create_array("odd", data=KINDS[kind], dimension_names=[dim])
    root.create_array("t", data=np.arange(6).reshape(2, 3), dimension_names=[dim, "y"])
    file = tmp_path / "x.zarr/x.h5"
    with netCDF4.Dataset(file) as netcdf:
        assert netcdf["t"].dimensions == (dim, "y")
        assert netcdf["t"][...].tolist() == [[0, 1, 2], [3, 4, 5]]
        if kind in ("float16", "strings", "structure"):
            assert netcdf["odd"][...].tolist() == [
                *(v.decode() if isinstance(v, bytes) else v for v in KINDS[kind].tolist())
            ]
    with h5py.File(file) as opened:
        assert opened["odd"][...].tolist() == odd[...].tolist()
    with xr.open_dataset(file, engine="h5netcdf") as found:
        assert found["t"].dims == (dim, "y")
    assert "t = 0, 1, 2, 3, 4, 5 ;" in " ".join(run("ncdump", "-v", "t", file).split())
    run("h5dump", file)
    assert zh.verify(tmp_path / "x.zarr")


def test_strings_with_a_fill_value_are_left_out(tmp_path: Path) -> None:
    """netCDF's library frees it as if it were a pointer."""
    root = zh.create_group(tmp_path / "x.zarr")
    root.create_array("s", data=np.array([b"ab", b"c"]), fill_value=b"zz")
    root.create_array("t", data=[1, 2])
    done = zh.link(tmp_path / "x.zarr")
    assert (done.arrays, [path for path, _ in done.left_out]) == (("/t",), ["/s"])


def test_dimensions_in_stored_order(tmp_path: Path) -> None:
    data = np.arange(24).reshape(2, 3, 4)
    swap = [{"name": "transpose", "configuration": {"order": [2, 0, 1]}}]
    root = zh.create_group(tmp_path / "x.zarr", hdf5=MASTER)
    root.create_array("t", data=data, chunks=(1, 3, 2), shards=(2, 3, 2), dimension_names=list("abc"), filters=swap)
    with xr.open_dataset(tmp_path / "x.zarr/x.h5", engine="h5netcdf") as found:
        assert found["t"].dims == ("c", "a", "b")
        np.testing.assert_array_equal(found["t"].transpose("a", "b", "c"), data)


@pytest.mark.parametrize("name", ["50%b", "50%", "%%", "x y", "température", "a:b", "a&b", "-x", "1", "a'b\""])
def test_names(name: str, tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr", hdf5=MASTER)
    root.create_array(name, data=[1, 2, 3], dimension_names=[name])
    file = tmp_path / "x.zarr/x.h5"
    for engine in ("h5netcdf", "netcdf4"):
        with xr.open_dataset(file, engine=engine) as found:
            assert found[name].values.tolist() == [1, 2, 3]
            assert found[name].dims == (name,)
    assert "1, 2, 3" in run("h5dump", file)
    assert "1, 2, 3" in run("ncdump", file)


def test_a_group_has_dimensions_of_its_own(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr", hdf5=MASTER)
    for path, n in {"x": 2, "g/x": 3}.items():
        root.create_array(path, data=np.arange(n), dimension_names=["x"])
        root.create_array(path.replace("x", "a"), data=np.arange(n), dimension_names=["x"])
    with netCDF4.Dataset(tmp_path / "x.zarr/x.h5") as file:
        assert [len(group.dimensions["x"]) for group in (file, file["g"])] == [2, 3]
        assert [file[path].get_dims()[0].group().path for path in ("a", "g/a", "g/x")] == ["/", "/g", "/g"]
    run("ncdump", tmp_path / "x.zarr/x.h5")


def test_one_name_two_lengths(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr", hdf5=MASTER)
    root.create_array("a", data=np.ones((2, 3)), dimension_names=["x", "y"])
    root.create_array("b", data=np.ones((5, 3)), dimension_names=["x", "y"])
    root.create_array("c", data=np.ones((2, 4)), dimension_names=["x", None])
    for engine in ("h5netcdf", "netcdf4"):
        with xr.open_dataset(tmp_path / "x.zarr/x.h5", engine=engine) as found:
            assert (found["a"].dims, found["b"].dims, found["c"].dims) == (
                ("x", "y"),
                ("x_5", "y"),
                ("x", "phony_dim_4"),
            )
    run("ncdump", tmp_path / "x.zarr/x.h5")


def test_nothing_in_it(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr", hdf5=MASTER)
    root.create_array("a", shape=(0, 3), dtype="f8", dimension_names=["x", "y"])
    root.create_array("x", shape=(0,), dtype="i4", dimension_names=["x"])
    for engine in ("h5netcdf", "netcdf4"):
        with xr.open_dataset(tmp_path / "x.zarr/x.h5", engine=engine) as found:
            assert found.sizes == {"x": 0, "y": 3}
            assert found["a"].shape == (0, 3)
    run("ncdump", tmp_path / "x.zarr/x.h5")


def test_netcdf_there_and_back(tmp_path: Path) -> None:
    """A netCDF-4 file, converted, is in its master file what it was."""
    with netCDF4.Dataset(tmp_path / "old.nc", "w") as file:
        for name, length in {"time": None, "lat": 4, "lon": 6, "n": 3}.items():
            file.createDimension(name, length)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time.calendar = "hours since 2020-01-01", "standard"
        time[:] = [0, 6, 12]
        file.createVariable("lat", "f4", ("lat",))[:] = np.arange(4)
        data = file.createVariable("t", "i2", ("time", "lat", "lon"), zlib=True, shuffle=True, fill_value=-1)
        data.scale_factor, data.coordinates, data.grid_mapping = 0.5, "area", "crs"
        data[:] = np.ma.masked_less(np.arange(72).reshape(3, 4, 6) / 2, 5)
        file.createVariable("area", "f8", ("lat", "lon"))[:] = np.ones((4, 6))
        file.createVariable("crs", "i4", ()).grid_mapping_name = "lat_lon"
        file.createVariable("words", str, ("n",))[:] = np.array(["one", "zwei", "três"], object)
        file.title = "ünïcode"
    zh.convert(tmp_path / "old.nc", tmp_path / "new.zarr", hdf5=MASTER)
    for engine in ("h5netcdf", "netcdf4"):
        with (
            xr.open_dataset(tmp_path / "old.nc", engine=engine) as old,
            xr.open_dataset(tmp_path / "new.zarr/new.h5", engine=engine) as new,
        ):
            xr.testing.assert_identical(new.load(), old.load())
