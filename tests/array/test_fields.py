"""Fields of structures, read and written."""

import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.errors import SelectionError

pytestmark = pytest.mark.filterwarnings("ignore:The data type")  # zarr-python: not in its specification

KIND = np.dtype([("x", "<f4"), ("y", "<i2"), ("name", "S3"), ("in", [("a", "u1"), ("b", ">u4")])])
RNG = np.random.default_rng(3)
VALUES = np.frombuffer(RNG.integers(65, 90, 12 * 10 * KIND.itemsize, np.uint8).tobytes(), KIND).reshape(12, 10)
MASK = RNG.random((12, 10)) < 0.2
SELECTIONS: dict[str, tuple[str, Any]] = {
    "basic": ("", np.s_[::-2, 3:]),
    "all": ("", ()),
    "an element": ("", (3, 4)),
    "rows": ("", ([3, 3, 1],)),
    "points": ("", ([1, 11, 1], [9, 0, 9])),
    "mask": ("", (MASK,)),
    "orthogonal": ("oindex", ([5, 2], [0, 9])),
    "coordinates": ("vindex", ([5, 2], [0, 9])),
    "blocks": ("blocks", (1,)),
}
STORED: dict[str, dict[str, Any]] = {
    "deflate": {"chunks": (4, 5), "shards": (8, 10)},
    "elements alone": {"chunks": (4, 5), "shards": (8, 10), "compressors": None},
    "no shards": {"chunks": (8, 10), "shards": None, "hdf5": False},
}


def of(values: Any, kind: str, selection: tuple[Any, ...]) -> Any:
    if kind == "oindex":
        return values[np.ix_(*selection)]
    return values[8:] if kind == "blocks" else values[selection]


@pytest.fixture(params=list(STORED.values()), ids=list(STORED))
def array(request: pytest.FixtureRequest, tmp_path: Path) -> zh.Array:
    return zh.create_array(tmp_path / "a.zarr", data=VALUES, **request.param)


def test_reading(array: zh.Array) -> None:
    theirs: Any = None if array.shards else zarr.open_array(array.store.url, mode="r")  # it has no shards of structures
    for what, (kind, selection) in SELECTIONS.items():
        for fields in (("x",), ("y", "x"), ("name",), ("in",)):
            found = (getattr(array, kind) if kind else array)[(*fields, *selection)]
            names: Any = fields[0] if len(fields) == 1 else list(fields)
            wanted = of(VALUES[names], kind, selection)
            assert found.shape == wanted.shape, what
            assert found.tolist() == wanted.tolist(), what
            if theirs is not None and what != "basic":  # nor negative steps
                judge = (getattr(theirs, kind) if kind else theirs)[selection]
                assert np.asarray(judge)[names].tolist() == found.tolist(), what


def test_writing_keeps_the_others(array: zh.Array) -> None:
    model = VALUES.copy()
    for what, (kind, selection) in SELECTIONS.items():
        numbers = of(np.arange(120).reshape(12, 10), kind, selection)
        for fields in (("x",), ("y", "x")):
            if len(fields) == 1:
                value: Any = np.asarray(RNG.random(np.shape(numbers)), "f4")
                model.reshape(-1)["x"][numbers] = value
            else:
                value = np.zeros(np.shape(numbers), [("y", "i2"), ("x", "f8")])
                value["y"], value["x"] = 5, RNG.random(np.shape(numbers))
                for name in fields:
                    model.reshape(-1)[name][numbers] = value[name]
            (getattr(array, kind) if kind else array)[(*fields, *selection)] = value
            assert array[...].tolist() == model.tolist(), what
    if isinstance(array.hdf5, HDF5Side):
        dataset = array.hdf5.open()
        with dataset.file:
            assert dataset[()].tolist() == model.tolist()
    else:
        assert np.asarray(zarr.open_array(array.store.url, mode="r")[...]).tolist() == model.tolist()


def test_by_keyword_and_broadcast(array: zh.Array) -> None:
    model = VALUES.copy()
    array.set_basic_selection(np.s_[2:4], 1.5, fields="x")
    array.set_orthogonal_selection(([0, 7], slice(3)), (3, b"abc"), fields=["y", "name"])
    array.set_mask_selection(MASK, 9, fields=["y"])
    array["y", 11] = np.arange(10)
    model["x"][2:4] = 1.5
    for row in (0, 7):
        model["y"][row, :3], model["name"][row, :3] = 3, b"abc"
    model["y"][MASK] = 9
    model["y"][11] = np.arange(10)
    assert array[...].tolist() == model.tolist()
    assert array.get_mask_selection(MASK, fields=("y", "x")).tolist() == model[MASK][["y", "x"]].tolist()
    out = np.zeros((10, 12), "f8").T
    assert array.get_basic_selection(out=out, fields="y") is out
    assert out.tolist() == model["y"].tolist()
    assert array["in"].dtype == KIND["in"].newbyteorder("<")


def test_a_field_of_what_is_not_there_yet(tmp_path: Path) -> None:
    fill = np.array((2.5, 7), [("x", "f4"), ("y", "i2")])[()]
    array = zh.create_array(
        tmp_path / "a.zarr", shape=(8,), dtype=fill.dtype, chunks=(2,), shards=(4,), fill_value=fill
    )
    array["y", 1:3] = 9
    assert array[...].tolist() == [(2.5, 7), (2.5, 9), (2.5, 9), *[(2.5, 7)] * 5]
    array["x"] = 0
    assert array["y"].tolist() == [7, 9, 9, 7, 7, 7, 7, 7]
    assert zh.verify(tmp_path / "a.zarr")


def test_of_hdf5_files(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["contiguous"] = VALUES
        file.create_dataset("chunked", data=VALUES, chunks=(4, 5), compression="gzip")
    for name in ("contiguous", "chunked"):
        array = zh.open_array(tmp_path / "a.h5", path=name)
        with h5py.File(tmp_path / "a.h5") as file:
            assert array["y", 2:5].tolist() == file[name]["y", 2:5].tolist()
        assert array.oindex["x", [3, 1]].tolist() == VALUES["x"][[3, 1]].tolist()


@pytest.mark.parametrize("fields", ["q", ["x", "q"], ["x", "x"], 3], ids=str)
def test_refused(array: zh.Array, fields: Any) -> None:
    with pytest.raises(SelectionError, match="the structure has"):
        array.get_basic_selection(0, fields=fields)
    with pytest.raises(SelectionError, match="the structure has"):
        array.set_basic_selection(0, 1, fields=fields)
    assert array[...].tolist() == VALUES.tolist()


def test_elements_without_fields() -> None:
    array = zh.create_array("memory://plain", data=[1, 2], overwrite=True)
    with pytest.raises(SelectionError, match="no fields"):
        array["x"]
    with pytest.raises(SelectionError, match="no fields"):
        array["x"] = 1


def test_writers_of_different_fields_do_not_lose_each_others(tmp_path: Path) -> None:
    kind = np.dtype([(name, "i4") for name in "abcd"])
    array = zh.create_array(tmp_path / "a.zarr", shape=(32,), dtype=kind, chunks=(8,), shards=(16,))
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for i in range(32):
                array[name, i] = i + 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert array[...].tolist() == [(i + 1,) * 4 for i in range(32)]
