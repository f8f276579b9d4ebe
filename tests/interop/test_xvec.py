"""xvec's vector data cubes, whose geometries are WKB bytes in a Zarr: by our arrays to xarray, and from xarray to ours.

https://xvec.readthedocs.io/en/stable/io.html
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import xarray as xr
import xvec  # noqa: F401  (the accessor)

import zarr_hdf5 as zh

pytestmark = pytest.mark.filterwarnings("ignore:The data type:zarr.errors.UnstableSpecificationWarning")
GEOMETRIES = np.array(
    [
        shapely.Point(1.5, -2),
        shapely.Polygon([(0, 0), (4, 0), (4, 4)], [[(1, 0.5), (2, 0.5), (2, 1)]]),
        shapely.LineString([(0, 0), (1, 1), (2, 0)]),
        shapely.MultiPoint([(i, i * i) for i in range(500)]),
        shapely.from_wkt("POINT EMPTY"),
    ]
)
NAMES = ["Ås", "", "b" * 300, "d\n", "é"]


def cube() -> Any:
    """A data variable along geometries and years, with the geometries' names."""
    population = np.arange(15, dtype="i8").reshape(5, 3)
    coords = {"area": GEOMETRIES, "year": [1990, 2000, 2010], "name": ("area", np.array(NAMES, object))}
    data = xr.Dataset({"population": (("area", "year"), population)}, coords=coords)
    return data.xvec.set_geom_indexes("area", crs=4326)


def check(found: Any) -> None:
    """A cube as xvec reads it is the one that was written."""
    expected = cube()
    assert found.xvec.geom_coords_indexed.keys() == {"area"}
    assert shapely.equals_exact(found["area"].values, expected["area"].values).all()
    assert found["area"].attrs["crs"].to_epsg() == 4326
    assert found["name"].values.tolist() == NAMES
    np.testing.assert_array_equal(found["population"], expected["population"])
    assert list(found["year"].values) == [1990, 2000, 2010]


@pytest.mark.parametrize("options", [{"hdf5": False}, {"shards": None, "hdf5": False}], ids=["shards", "no shards"])
def test_xarray_reads_what_our_arrays_wrote(tmp_path: Path, options: Any) -> None:
    encoded = cube().xvec.encode_wkb()
    group = zh.create_group(tmp_path / "x.zarr", attributes=encoded.attrs)
    for name, variable in encoded.variables.items():
        attributes = dict(variable.attrs)
        if name in encoded.data_vars:
            attributes["coordinates"] = "name"
        group.create_array(
            str(name), data=variable.values, chunks=(2,) * variable.ndim, dimension_names=variable.dims,
            attributes=attributes, **options
        )  # fmt: skip
    area = group["area"]
    assert isinstance(area, zh.Array)
    assert area.metadata.data_type.name == "variable_length_bytes"
    with xr.open_zarr(tmp_path / "x.zarr", consolidated=False) as found:
        check(found.xvec.decode_wkb().load())


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_our_arrays_read_what_xarray_wrote(tmp_path: Path, zarr_format: Any) -> None:
    encoded = cube().xvec.encode_wkb()
    encoded.to_zarr(tmp_path / "x.zarr", zarr_format=zarr_format, consolidated=False)
    group = zh.open_group(tmp_path / "x.zarr")
    area, name, population = (group[path] for path in ("area", "name", "population"))
    assert isinstance(area, zh.Array)
    assert isinstance(name, zh.Array)
    assert isinstance(population, zh.Array)
    # xarray writes bytes of fixed length, filled up with zeros. numpy cuts off those that end a geometry, too.
    nbytes = area.dtype.itemsize
    assert nbytes == max(map(len, shapely.to_wkb(GEOMETRIES)))
    found = [wkb.ljust(nbytes, b"\0") for wkb in area[...].tolist()]
    assert found == [wkb.ljust(nbytes, b"\0") for wkb in shapely.to_wkb(GEOMETRIES).tolist()]
    assert shapely.equals_exact(shapely.from_wkb(found), GEOMETRIES).all()
    assert area.dimension_names == ("area",)
    assert area.attrs.asdict() == encoded["area"].attrs
    assert name[...].tolist() == NAMES
    assert population.dimension_names == ("area", "year")
    np.testing.assert_array_equal(population[...], encoded["population"])
