"""Attributes and dimension names, as HDF5's and netCDF's programs see them in every shard."""

import json
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
from hdf5_judges import run, run_for_text

import zarr_hdf5 as zh

VALUES: dict[str, tuple[Any, Any]] = {
    "int": (-7, np.int64(-7)),
    "big": (2**64 - 1, np.uint64(2**64 - 1)),
    "float": (0.1, np.float64(0.1)),
    "true": (True, np.bool_(True)),
    "text": ("metres per second", "metres per second"),
    "unicode": ("Grüße, Ωμέγα, 漢字 🎈", "Grüße, Ωμέγα, 漢字 🎈"),
    "empty text": ("", ""),
    "integers": ([1, 2, 3], np.array([1, 2, 3])),
    "floats": ([1, 2.5], np.array([1, 2.5])),
    "booleans": ([True, False], np.array([True, False])),
    "texts": (["a", "ß", ""], np.array(["a", "ß", ""], object)),
    # What HDF5 has no word for is JSON text.
    "null": (None, "null"),
    "object": ({"a": [1, None]}, '{"a": [1, null]}'),
    "empty list": ([], "[]"),
    "matrix": ([[1, 2], [3, 4]], "[[1, 2], [3, 4]]"),  # or netCDF could not open the file
    "cube": ([[[0.5]]], "[[[0.5]]]"),
    "ragged": ([[1], [2, 3]], "[[1], [2, 3]]"),
    "mixed": ([1, "a"], '[1, "a"]'),
    "true and one": ([True, 1], "[true, 1]"),
    "huge": (2**70, str(2**70)),
    "λ": (1, np.int64(1)),
}
ATTRIBUTES = {name: value for name, (value, _) in VALUES.items()}


def create(path: Path, libver: Any, attributes: dict[str, Any], **options: Any) -> list[Path]:
    """The shard files of an array of two by two shards."""
    array = zh.create_array(
        path,
        data=np.arange(77, dtype="<f8").reshape(7, 11),
        chunks=(2, 3),
        shards=(4, 6),
        attributes=attributes,
        hdf5=zh.HDF5(libver=libver),
        **options,
    )
    assert array.hdf5 is not None
    return [Path(array.hdf5.file(coords)) for coords in np.ndindex(2, 2)]


@pytest.mark.parametrize("libver", ["earliest", "v110"])
class TestAttributes:
    def test_h5py(self, libver: Any, tmp_path: Path) -> None:
        for path in create(tmp_path / "x.zarr", libver, ATTRIBUTES):
            with h5py.File(path) as file:
                found = file["data"].attrs
                assert set(found) == {*ATTRIBUTES, "_zarr_json", "_zarr_shard_coords"}
                for name, (_, expected) in VALUES.items():
                    assert type(found[name]) is type(expected), name
                    np.testing.assert_array_equal(found[name], expected, err_msg=name)
                    if isinstance(expected, np.ndarray | np.generic):
                        assert found[name].dtype == expected.dtype, name

    def test_netcdf4(self, libver: Any, tmp_path: Path) -> None:
        for path in create(tmp_path / "x.zarr", libver, ATTRIBUTES):
            with netCDF4.Dataset(path) as file:
                # Booleans are enumerations to HDF5, which netCDF passes over.
                assert set(ATTRIBUTES) - set(file["data"].ncattrs()) == {"true", "booleans"}
                for name in set(ATTRIBUTES) - {"true", "booleans"}:
                    expected = VALUES[name][1]
                    found = file["data"].getncattr(name)
                    assert np.array_equal(found, expected), name

    def test_h5dump(self, libver: Any, tmp_path: Path) -> None:
        for path in create(tmp_path / "x.zarr", libver, ATTRIBUTES):
            assert '"Grüße, Ωμέγα, 漢字 🎈"' in run_for_text("h5dump", "-a", "/data/unicode", path)
            assert "(0): -7" in run("h5dump", "-a", "/data/int", path)
            assert "(0): 1, 2, 3\n" in run("h5dump", "-a", "/data/integers", path)
            run("h5dump", "-A", path)

    @pytest.mark.parametrize(
        "value",
        ["x" * 70_000, ["é" * 40] * 2_000, list(range(20_000)), [0.5] * 9_000, {"a": "y" * 200_000}],
        ids=["text", "texts", "integers", "floats", "object"],
    )
    def test_more_than_64_kib(self, value: Any, libver: Any, tmp_path: Path) -> None:
        for path in create(tmp_path / "x.zarr", libver, {"large": value, "small": 1}):
            with h5py.File(path) as file:
                found = file["data"].attrs
                document = json.loads(found["_zarr_json"])
                assert document == json.loads((tmp_path / "x.zarr/zarr.json").read_text())
                assert len(found["_zarr_json"]) > 2**16 or isinstance(value, list)
                assert found["small"] == 1
                large = found["large"]
                assert large == value if isinstance(value, str) else as_json(large) == value
            run("h5dump", "-A", path)
            run("h5stat", path)


def as_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value.tolist()


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("names", [["y", "x"], ["Ωμ", None], [None, None], ["same", "same"]], ids=str)
def test_dimension_names(names: list[str | None], libver: Any, tmp_path: Path) -> None:
    swap = [{"name": "transpose", "configuration": {"order": [1, 0]}}]
    for filters, expected in (((), names), (swap, names[::-1])):
        paths = create(tmp_path / f"{len(filters)}.zarr", libver, {}, dimension_names=names, filters=filters)
        for path in paths:
            with h5py.File(path) as file:
                assert [dim.label for dim in file["data"].dims] == [name or "" for name in expected]
                assert ("_zarr_dimension_order" in file["data"].attrs) == bool(filters)
                shape = file["data"].shape
            with netCDF4.Dataset(path) as netcdf:  # labels without scales are no names to it
                assert netcdf["data"].shape == shape
            if "Ωμ" in names:
                assert '"Ωμ"' in run_for_text("h5dump", "-a", "/data/DIMENSION_LABELS", path)


@pytest.mark.parametrize("dataset", ["/data", "/a/b/température", "/x y"])
def test_dataset_anywhere(dataset: str, tmp_path: Path) -> None:
    data = np.arange(6, dtype="<i2")
    hdf5 = zh.HDF5(dataset=dataset)
    array = zh.create_array(tmp_path / "x.zarr", data=data, chunks=2, shards=6, hdf5=hdf5)
    assert array.hdf5 is not None
    path = array.hdf5.file((0,))
    with h5py.File(path) as file:
        assert file[dataset][...].tolist() == data.tolist()
    assert f'DATASET "{dataset}"' in run("h5dump", "-d", dataset, path)
    with netCDF4.Dataset(path) as file:
        assert file[dataset][...].tolist() == data.tolist()
