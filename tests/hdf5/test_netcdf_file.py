"""netCDF-4 files written from plain values, as h5py, netCDF4 and h5netcdf read them; and compared with each other."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5netcdf  # type: ignore[import-untyped]
import h5py
import netCDF4
import numpy as np
import pytest

from zarr_hdf5.hdf5.netcdf_file import NetCDFFile, Variable, write_netcdf_file
from zarr_hdf5.hdf5.same_contents import differences
from zarr_hdf5.hdf5.virtual_dataset import VirtualDataset, read_sources

MARK = "program=1"


def over(**changes: Any) -> VirtualDataset:
    """Ten by four elements over files of four by four, the last one clipped."""
    facts: dict[str, Any] = {
        "shape": (10, 4),
        "dtype": np.dtype("<i4"),
        "fill_value": -1,
        "source_path": "/data",
        "files": ["s/0", "50%b", "s/2"],
        "origins": np.array([[0, 0], [4, 0], [8, 0]], np.int64),
        "source_shapes": np.array([[4, 4], [4, 4], [2, 4]], np.int64),
    }
    return VirtualDataset(**(facts | changes))


def variables(**changes: Any) -> list[Variable]:
    return [
        Variable("/t", over(**changes), ("time", "x"), (("units", "K"),)),
        Variable("/x", np.arange(4, dtype="f4"), ("x",), ()),
        Variable("/time", np.array(2.5), (), (("note", "no coordinate"),)),
        Variable("/g/names", np.array(["a", "ß", "", "d"], object), ("x",), ()),
    ]


def write(found: list[Variable]) -> NetCDFFile:
    return write_netcdf_file({"/": (("title", "ü"), ("n", np.int64(3))), "/g": (), "/empty": ()}, found, MARK)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "x.h5").write_bytes(write(variables()).image)
    for name, number in (("s/0", 0), ("50%b", 1)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with h5py.File(tmp_path / name, "w") as source:
            source["data"] = np.full((4, 4), number, "<i4")
    return tmp_path / "x.h5"


WANTED = np.repeat([0, 1, -1], [4, 4, 2])[:, None].repeat(4, axis=1)
"""The third source is missing; and a per cent sign in a name is that sign."""


def test_h5py(file: Path) -> None:
    with h5py.File(file) as found:
        assert set(found) == {"t", "x", "time", "_nc4_non_coord_time", "g", "empty"}
        np.testing.assert_array_equal(found["t"], WANTED)
        assert found["t"].dims[0][0].name == "/time"
        assert found["t"].dims[1][0].name == found["g/names"].dims[0][0].name == "/x"
        assert found["t"].attrs["units"] == "K"
        assert found["_nc4_non_coord_time"][()] == 2.5
        assert found["g/names"].asstr()[:].tolist() == ["a", "ß", "", "d"]
        assert (found.attrs["title"], found.attrs["n"]) == ("ü", 3)


def test_netcdf_programs(file: Path) -> None:
    with netCDF4.Dataset(file) as found:
        assert {name: len(dimension) for name, dimension in found.dimensions.items()} == {"time": 10, "x": 4}
        assert set(found.variables) == {"t", "x", "time"}
        assert found["t"].dimensions == ("time", "x")
        assert found["g/names"].dimensions == ("x",)
        np.testing.assert_array_equal(found["t"][...], WANTED)
        assert (found["time"].dimensions, found["time"][...], found["time"].note) == ((), 2.5, "no coordinate")
        assert found.ncattrs() == ["title", "n"]
    with h5netcdf.File(file) as found:
        assert set(found.variables) == {"t", "x", "time"}
        assert found["t"].dimensions == ("time", "x")
        assert found["time"].dimensions == ()
        np.testing.assert_array_equal(found["t"][...], WANTED)
        assert set(found.attrs) == {"title", "n"}


def test_what_comes_first_is_unlimited(file: Path) -> None:
    with h5py.File(file) as found:
        assert {name: found[name].maxshape for name in ("t", "x", "time", "g/names")} == {
            "t": (None, 4),
            "x": (4,),
            "time": (None,),
            "g/names": (4,),
        }
    with netCDF4.Dataset(file) as found:
        assert {name: dimension.isunlimited() for name, dimension in found.dimensions.items()} == {
            "time": True,
            "x": False,
        }


def test_values_along_an_unlimited_dimension(tmp_path: Path) -> None:
    words = np.array(["a", "ß", ""], object)
    found = [
        Variable("/words", words, ("n",), ()),
        Variable("/n", np.arange(3, dtype="f8"), ("n",), ()),
        Variable("/empty", np.zeros((0, 2), "u1"), ("none", "pair"), ()),
        Variable("/alone", np.arange(5), (None,), ()),
    ]
    (tmp_path / "x.h5").write_bytes(write_netcdf_file({"/": ()}, found, MARK).image)
    with h5py.File(tmp_path / "x.h5") as file:
        assert {name: file[name].maxshape for name in ("words", "n", "empty", "alone")} == {
            "words": (None,),
            "n": (None,),
            "empty": (None, 2),
            "alone": (None,),
        }
    with netCDF4.Dataset(tmp_path / "x.h5") as file:
        assert {name for name, dimension in file.dimensions.items() if dimension.isunlimited()} == {
            "n",
            "none",
            "phony_dim_5",
        }
        assert file["words"][:].tolist() == words.tolist()
        np.testing.assert_array_equal(file["n"][:], np.arange(3))
        assert file["empty"].shape == (0, 2)


def test_sources_are_told(file: Path) -> None:
    with h5py.File(file) as found:
        assert read_sources(found["t"]) == [
            (b"s/0", b"/data", ((0, 0), (3, 3))),
            (b"50%%b", b"/data", ((4, 0), (7, 3))),
            (b"s/2", b"/data", ((8, 0), (9, 3))),
        ]


def test_what_libhdf5_refuses_is_left_out() -> None:
    bad = Variable("/bad", over(source_shapes=np.array([[40, 4]] * 3, np.int64)), ("time", "x"), ())
    coordinate = Variable("/y", np.array([1j, "a"], object), ("y",), ())
    made = write([*variables(), bad, coordinate, Variable("/long", np.zeros(2, "u1"), ("y",), ())])
    assert [path for path, _ in made.refused] == ["/bad", "/y"]
    with h5py.File(io.BytesIO(made.image)) as found:
        assert "bad" not in found
        assert found["long"].dims[0][0].name == "/y"
        assert found["y"].attrs["NAME"].startswith(b"This is a netCDF dimension but not a netCDF variable")


def test_renamed_dimensions_are_told() -> None:
    other = Variable("/other", np.zeros(5), ("x",), ())
    assert write([*variables(), other]).renamed == (("/other", "x", "x_5"),)


@pytest.mark.parametrize("value", ["x" * 50_000, np.arange(7_000)], ids=["text", "numbers"])
def test_many_attributes_leave_the_mark_in_front(value: Any) -> None:
    attributes = tuple((f"a{i}", value) for i in range(100))
    image = write_netcdf_file({"/": attributes}, variables(), MARK).image
    assert MARK.encode() in image[:4096]


def test_a_dimension_may_have_any_length(tmp_path: Path) -> None:
    nothing = np.zeros((0, 2), np.int64)
    data = over(
        shape=(2**63 - 1, 1), dtype=np.dtype("u1"), fill_value=3, files=[], origins=nothing, source_shapes=nothing
    )
    made = write_netcdf_file({"/": ()}, [Variable("/t", data, ("long", "x"), ())], MARK)
    assert made.refused == ()
    (tmp_path / "x.h5").write_bytes(made.image)
    with netCDF4.Dataset(tmp_path / "x.h5") as file:
        assert len(file.dimensions["long"]) == 2**63 - 1
        assert file["t"][2**62, 0] == 3
    assert told(tmp_path / "x.h5", made) == []


CHANGES: dict[str, tuple[Callable[[h5py.File], object], list[str]]] = {
    "nothing": (lambda file: None, []),
    "attribute": (lambda file: file["t"].attrs.__setitem__("units", "C"), ["/t has another set of attributes"]),
    "group attribute": (lambda file: file.attrs.__delitem__("n"), ["/ has another set of attributes"]),
    "dataset gone": (
        lambda file: file.__delitem__("x"),
        ["/x is not in it", "/g/names has another list of dimensions", "/t has another list of dimensions"],
    ),
    "group more": (lambda file: file.create_group("h"), ["/h is in it, but should not be"]),
    "value": (lambda file: file["x"].__setitem__(0, 9), ["/x has other values"]),
    "text": (lambda file: file["g/names"].__setitem__(0, "z"), ["/g/names has other values"]),
    "dimension": (
        lambda file: file["g/names"].dims[0].detach_scale(file["x"]),
        ["/g/names has another list of dimensions"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_differences(change: str, file: Path) -> None:
    edit, wanted = CHANGES[change]
    with h5py.File(file, "r+") as edited:
        edit(edited)
    assert told(file, write(variables())) == wanted


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"shape": (11, 4)}, ["/t has another shape", "/time has another shape"]),
        ({"dtype": np.dtype(">i4")}, ["/t has another data type"]),
        ({"fill_value": 0}, ["/t has another fill value"]),
        ({"source_path": "/other"}, ["/t is over other sources"]),
        ({"files": ["s/0", "s/1", "s/2"]}, ["/t is over other sources"]),
        ({"origins": np.array([[4, 0], [0, 0], [8, 0]], np.int64)}, ["/t is over other sources"]),
    ],
    ids=["shape", "type", "fill value", "path", "files", "places"],
)
def test_differences_of_virtual_datasets(changes: Any, wanted: list[str], file: Path) -> None:
    found = told(file, write(variables(**changes)))
    assert len(found) >= len(wanted)
    assert all(any(line.startswith(start) for line in found) for start in wanted)


def told(file: Path, made: NetCDFFile) -> list[str]:
    with h5py.File(file) as ours, h5py.File(io.BytesIO(made.image)) as model:
        return list(differences(ours, model))
