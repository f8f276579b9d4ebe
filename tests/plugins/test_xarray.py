"""netCDF-4 files opened by xarray through zarr-python and the store: what xarray reads of them through h5netcdf.

The judge is h5netcdf. What differs does so because Zarr's attributes are JSON: numbers have no width, so that what is
packed with a `scale_factor` or `add_offset` of 32 bits is unpacked to 64; NaN and infinities are strings, except as
`_FillValue`. Attributes of this library that say what a data type leaves out are there in addition.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

from zarr_hdf5.plugins.zarr_python import HDF5Store

CORPUS = Path(os.environ.get("ZARR_HDF5_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
INVENTORY = CORPUS / "inventory.jsonl"
ROWS = [json.loads(line) for line in INVENTORY.read_text().splitlines()] if INVENTORY.exists() else []
FILES = [row["file"] for row in ROWS if row["opens"] and any(end in row["file"] for end in (".nc", ".he5"))]

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning"),
]

LEFT_OUT = {
    "test_vlen9.nc": "sequences of compounds are JSON in strings",
    "ref_hdf5_compat2.nc": "a variable that netCDF stores under another name than its own",
}


def coordinates(file: netCDF4.Dataset) -> None:
    for name, length in {"time": None, "lat": 4, "lon": 6}.items():
        file.createDimension(name, length)
    time = file.createVariable("time", "f8", ("time",))
    time.units, time.calendar = "hours since 2020-01-01", "proleptic_gregorian"
    time[:] = [0, 6, 12]
    for name, length in {"lat": 4, "lon": 6}.items():
        found = file.createVariable(name, "f4", (name,))
        found.units, found.standard_name = f"degrees_{name}", name
        found[:] = np.arange(length) * 1.5
    data = file.createVariable("t", "f4", ("time", "lat", "lon"), zlib=True, shuffle=True, fill_value=-9999.0)
    data.units, data.valid_range = "K", np.array([0, 400], "f4")
    data[:3] = np.ma.masked_less(np.arange(72).reshape(3, 4, 6), 5)
    file.title, file.version, file.numbers = "all of it", np.int16(3), [1, 2, 3]
    file.empty = ""


def packed(file: netCDF4.Dataset) -> None:
    file.createDimension("x", 10)
    for name, kind in {"a": "i2", "b": "u1", "c": "i4"}.items():
        data = file.createVariable(name, kind, ("x",), fill_value=np.array(99, kind)[()], chunksizes=(3,))
        data.scale_factor, data.add_offset = 0.5, 10.0
        data[:7] = np.arange(7) * 0.5 + 10
    single = file.createVariable("single", "i2", ("x",), fill_value=-1)
    single.set_auto_maskandscale(False)
    single.scale_factor = np.float32(0.01)
    single[:] = np.arange(10) - 1
    missing = file.createVariable("missing", "i4", ("x",))
    missing.missing_value = np.int32(3)
    missing[:] = np.arange(10)
    both = file.createVariable("both", "f4", ("x",), fill_value=np.float32(np.nan))
    both[:] = np.arange(10)
    unsigned = file.createVariable("unsigned", "i1", ("x",))
    unsigned._Unsigned = "true"
    unsigned.set_auto_maskandscale(False)
    unsigned[:] = np.arange(-5, 5)
    span = file.createVariable("span", "i8", ("x",))
    span.units = "days"
    span[:] = np.arange(10)


def strings(file: netCDF4.Dataset) -> None:
    file.createDimension("n", 3)
    file.createDimension("length", 5)
    characters = file.createVariable("characters", "S1", ("n", "length"))
    characters[:] = netCDF4.stringtochar(np.array(["abc", "", "defgh"], "S5"))
    encoded = file.createVariable("encoded", "S1", ("n", "length"))
    encoded._Encoding = "utf-8"
    encoded[:] = np.array(["äb", "c", "dé"])
    words = file.createVariable("words", str, ("n",))
    words[:] = np.array(["one", "zwei", "três"], object)
    one = file.createVariable("one", str, ())
    one[...] = "alone"
    file.many = ["a", "b"]
    file.text = "ünïcode"


def curvilinear(file: netCDF4.Dataset) -> None:
    file.createDimension("y", 3)
    file.createDimension("x", 4)
    for name in ("lat", "lon"):
        file.createVariable(name, "f8", ("y", "x"))[:] = np.arange(12).reshape(3, 4)
    data = file.createVariable("data", "i4", ("y", "x"))
    data.coordinates = "lat lon"
    data[:] = 1
    file.createVariable("scalar", "f8", ())[...] = 2.5
    bounds = file.createVariable("y_bounds", "f4", ("y", "x"))
    bounds[:] = 3


def of_several_dimensions(file: netCDF4.Dataset) -> None:
    """A coordinate variable of two dimensions, a dimension scale in HDF5; a variable of the same one twice."""
    file.createDimension("y", 3)
    file.createDimension("x", 4)
    file.createVariable("y", "f8", ("y",))[:] = [1, 2, 3]
    file.createVariable("x", "f8", ("x", "y"))[:] = np.arange(12).reshape(4, 3)
    file.createVariable("covariance", "f8", ("y", "y"))[:] = np.eye(3)
    file.createVariable("along", "f8", ("x",))[:] = np.arange(4)


def groups(file: netCDF4.Dataset) -> None:
    file.createDimension("x", 2)
    file.createVariable("x", "i4", ("x",))[:] = [5, 6]
    inner = file.createGroup("inner")
    inner.createDimension("y", 3)
    inner.createVariable("a", "f4", ("x", "y"))[:] = np.arange(6).reshape(2, 3)
    deep = inner.createGroup("deep")
    deep.note = "below"
    deep.createVariable("b", "f4", ("y",))[:] = 1


def bare_dimensions(file: netCDF4.Dataset) -> None:
    """Dimensions without variables, and unlimited ones that are empty, or longer in one variable than in another."""
    file.createDimension("a", 3)
    file.createDimension("u", None)
    file.createDimension("v", None)
    file.createVariable("p", "f4", ("u", "a"))[:4] = 1
    file.createVariable("q", "f4", ("v", "a"))
    file.createVariable("r", "i8", ("a",))[:] = [1, 2, 3]


def not_finite(file: netCDF4.Dataset) -> None:
    file.createDimension("x", 3)
    both = file.createVariable("both", "f4", ("x",), fill_value=np.nan)
    both.missing_value, both.valid_max, both.list = np.float32(np.nan), np.inf, [1.0, -np.inf]
    both[:] = [1, np.nan, 2]
    missing = file.createVariable("missing", "f8", ("x",), fill_value=1e36)
    missing.missing_value = 1e36
    missing[:2] = [1, np.inf]


def enumerations(file: netCDF4.Dataset) -> None:
    file.createDimension("x", 3)
    clouds = file.createEnumType(np.uint8, "cloud_t", {"clear": 0, "cumulus": 2})
    file.createVariable("cloud", clouds, ("x",))[:] = [0, 2, 0]


def byte_orders(file: netCDF4.Dataset) -> None:
    file.createDimension("x", 5)
    for kind in ("i2", "u4", "f8"):
        for order in ("little", "big"):
            found = file.createVariable(f"{kind}_{order}", kind, ("x",), endian=order, zlib=True, fletcher32=True)
            found[:] = np.arange(5)


Recipe = Callable[[netCDF4.Dataset], None]
RECIPES: list[Recipe] = [
    *(coordinates, packed, strings, curvilinear, of_several_dimensions),
    *(groups, bare_dimensions, enumerations, byte_orders, not_finite),
]


def groups_of(path: Path) -> list[str]:
    found = ["/"]
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, node: found.append(name) if isinstance(node, h5py.Group) else None)
    return found


def by_h5netcdf(path: Path, group: str) -> xr.Dataset:
    with xr.open_dataset(path, engine="h5netcdf", group=group) as found:
        loaded: xr.Dataset = found.load()
        return loaded


def through_the_store(path: Path, group: str, chunks: Any) -> xr.Dataset:
    store = HDF5Store(path, phony_dims=True)
    with xr.open_zarr(store, group=group, consolidated=False, zarr_format=3, chunks=chunks) as found:
        loaded: xr.Dataset = found.load()
        return loaded


def assert_same(found: xr.Dataset, wanted: xr.Dataset) -> None:
    assert set(found.variables) == set(wanted.variables)
    pairs = {pair for name in wanted.variables for pair in zip(found[name].dims, wanted[name].dims, strict=True)}
    phony = [pair for pair in pairs if str(pair[0]).startswith("phony_dim_")]  # which h5netcdf numbers
    found = found.rename_dims({mine: f"same as {its}" for mine, its in phony})
    wanted = wanted.rename_dims({its: f"same as {its}" for _, its in phony})
    assert set(found.coords) == set(wanted.coords)
    for name, variable in found.variables.items():
        variable.attrs = comparable(variable.attrs, wanted[name].attrs)
    found.attrs = comparable(found.attrs, wanted.attrs)
    wide = [name for name, variable in wanted.variables.items() if is_packed_in_32_bits(variable)]
    for name in wide:
        assert found[name].dtype == "f8"
        assert found[name].dims == wanted[name].dims
        largest = float(abs(wanted[name]).max())
        np.testing.assert_allclose(found[name].values, wanted[name].values, rtol=1e-6, atol=1e-6 * largest)
        assert found[name].attrs.keys() == wanted[name].attrs.keys()
    xr.testing.assert_identical(found.drop_vars(wide), wanted.drop_vars(wide))
    for name, variable in wanted.drop_vars(wide).variables.items():
        kinds = {found[name].dtype.kind, variable.dtype.kind}
        assert kinds <= set("OTU") or found[name].dtype == variable.dtype.newbyteorder("="), name


def comparable(attributes: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Without those of this library, and with numbers for the strings that JSON has for some."""
    found = {name: value for name, value in attributes.items() if not name.startswith("_hdf5_")}
    for name, value in found.items():
        if name in wanted and np.asarray(wanted[name]).dtype.kind == "f":
            found[name] = np.asarray(value, object).astype(float)
    return found


def is_packed_in_32_bits(variable: xr.Variable) -> bool:
    scales = [np.asarray(variable.encoding[n]) for n in ("scale_factor", "add_offset") if n in variable.encoding]
    return any(scale.dtype == "f4" for scale in scales)


@pytest.mark.parametrize("chunks", [None, {}], ids=["numpy", "dask"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.__name__)
def test_xarray_reads_the_same(recipe: Recipe, chunks: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        recipe(file)
    for group in groups_of(path):
        assert_same(through_the_store(path, group, chunks), by_h5netcdf(path, group))


def test_a_part_is_read_through_dask(tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        coordinates(file)
    with xr.open_zarr(HDF5Store(tmp_path / "a.nc"), consolidated=False, zarr_format=3, chunks={}) as found:
        assert found["t"].chunks is not None
        wanted = by_h5netcdf(tmp_path / "a.nc", "/")["t"]
        xr.testing.assert_identical(found["t"].sel(lat=3.0).mean("time").load(), wanted.sel(lat=3.0).mean("time"))


def test_dimensions_without_names(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["square"], file["line"], file["point"] = np.eye(3), np.arange(3), 5
        file["mixed"] = np.ones((2, 3))
        file["mixed"].dims[0].label = "rows"
    found = xr.open_zarr(HDF5Store(tmp_path / "plain.h5", phony_dims=True), consolidated=False, zarr_format=3)
    assert found["square"].dims == ("phony_dim_3", "phony_dim_3_2")
    assert found["line"].dims == ("phony_dim_3",)
    assert found["mixed"].dims == ("rows", "phony_dim_3")
    np.testing.assert_array_equal(found["square"].values, np.eye(3))
    with pytest.raises(KeyError, match="dimension_names"):
        xr.open_zarr(HDF5Store(tmp_path / "plain.h5"), consolidated=False, zarr_format=3)


@pytest.mark.skipif(not FILES, reason=f"no corpus of netCDF-4 files at {CORPUS}")
@pytest.mark.parametrize("file", FILES)
def test_real_files_read_the_same(file: str) -> None:
    path, opened = CORPUS / file, 0
    for group in groups_of(path):
        try:
            wanted = by_h5netcdf(path, group)
        except Exception:  # of vlen and opaque types, and units without a calendar that all agree on
            continue
        if any(word in file for word in LEFT_OUT):
            pytest.skip(next(why for word, why in LEFT_OUT.items() if word in file))
        assert_same(through_the_store(path, group, None), wanted)
        opened += 1
    if not opened:
        pytest.skip("h5netcdf opens no group of it")
