"""Dimension scales: h5py, netCDF4 and h5netcdf see the dimensions that were meant."""

from collections.abc import Mapping
from pathlib import Path

import h5netcdf  # type: ignore[import-untyped]
import h5py
import netCDF4
import numpy as np
import pytest

from zarr_hdf5.hdf5.scales import write_scales

Names = tuple[str | None, ...]
SHAPES: dict[str, tuple[int, ...]] = {"a": (4, 5), "x": (5,), "g/b": (3, 5), "g/x": (7,), "g/c": (4, 7), "d": (4, 4)}


def write(path: Path, names: Mapping[str, Names]) -> None:
    with h5py.File(path, "w", libver=("earliest", "v108")) as file:
        for name, shape in SHAPES.items():
            file.create_dataset(name, shape, "f4")
        write_scales(file["/"], names)


def test_dimensions_of_netcdf(tmp_path: Path) -> None:
    path = tmp_path / "x.nc"
    write(path, {"a": ("y", "x"), "x": ("x",), "g/b": ("z", "x"), "g/x": ("x",), "g/c": ("y", "x")})
    with netCDF4.Dataset(path) as file:
        assert {name: len(d) for name, d in file.dimensions.items() if "phony" not in name} == {"x": 5, "y": 4}
        assert file["a"].dimensions == ("y", "x")
        assert {name: len(d) for name, d in file["g"].dimensions.items() if "phony" not in name} == {"x": 7, "z": 3}
        assert file["g/c"].dimensions == ("y", "x")
        assert len(file["g/c"].get_dims()[1]) == 7
        assert set(file.variables) == {"a", "x", "d"}
    with h5netcdf.File(path, phony_dims="sort") as file:
        assert file["a"].dimensions == ("y", "x")
        assert "y" not in file.variables


def test_h5py_and_its_lists(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write(path, {"a": ("y", "x"), "x": ("x",)})
    with h5py.File(path) as file:
        assert file["a"].dims[1][0] == file["x"]
        assert h5py.h5ds.is_attached(file["a"].id, file["x"].id, 1)
        assert h5py.h5ds.is_scale(file["y"].id)
        assert file["y"].id.get_storage_size() == 0
    with h5py.File(path, "r+") as file:
        file["a"].dims[1].detach_scale(file["x"])
    with h5py.File(path) as file:
        assert len(file["a"].dims[1]) == 0


@pytest.mark.parametrize(
    ("name", "dims"),
    [
        ("a", ("y", None)),  # a dimension without a name
        ("d", ("y", "y")),  # two of one name
        ("a", ("a", "x")),  # the name is taken by the dataset itself
        ("a", ("y", "g")),  # by a group
        ("g/b", ("..", "x")),  # no name of an HDF5 object
    ],
)
def test_what_gets_labels_only(tmp_path: Path, name: str, dims: Names) -> None:
    write(tmp_path / "x.h5", {name: dims, "x": ("x",)})
    with h5py.File(tmp_path / "x.h5") as file:
        assert [d.label for d in file[name].dims] == [label or "" for label in dims]
        assert all(len(d) == 0 for d in file[name].dims)


def test_more_users_than_a_scale_can_list(tmp_path: Path) -> None:
    path, count = tmp_path / "x.nc", 4100
    with h5py.File(path, "w", libver=("earliest", "v108")) as file:
        file["x"] = np.arange(3.0)
        for i in range(count):
            file.create_dataset(f"g{i % 50}/a{i}", (3,), "f4")
        write_scales(file["/"], {"x": ("x",)} | {f"g{i % 50}/a{i}": ("x",) for i in range(count)})
    with netCDF4.Dataset(path) as file:
        assert file["g7/a4057"].dimensions == ("x",)
        assert file["g7"].variables["a4057"].get_dims()[0].group().path == "/"
