"""Strings, dates, structures and opaque bytes: other programs read ours, and we read theirs."""

import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import tensorstore
import zarr
import zarrista
from hdf5_judges import read_h5py, read_pyfive, run
from interop_cases import Values
from newest_zarr import NewestZarr
from zarr_judges import ZARR_JUDGES
from zarr_python_worker import digest

import zarr_hdf5 as zh
from zarr_hdf5.data_type import DataType, FillValue

pytestmark = [
    pytest.mark.filterwarnings("ignore:The data type"),  # zarr-python: without a specification
    pytest.mark.filterwarnings("ignore:The codec `vlen"),
]

NUMBERS = np.dtype([("a", "<i2"), ("b", "<f8"), ("c", "<u1")])
MIXED = np.dtype([("n", "<i4"), ("s", "S3"), ("ok", "?"), ("z", "<c8"), ("v", "V2")])
NESTED = np.dtype([("a", "<i2"), ("p", [("x", "<f4"), ("y", "<i8")])])
TEXT = np.dtype([("t", "<U2"), ("when", "<M8[s]")])


@dataclass(frozen=True)
class Case:
    """An array of `shape`, of which the part before `written` along the first dimension is written."""

    dtype: Any
    items: list[Any]
    fill: Any
    endian: str = ""


CASES: dict[str, Case] = {
    "string": Case(str, ["", "ä\0", "long" * 30, "\U0001f600"], "ö"),
    "variable_length_bytes": Case(bytes, [b"", b"\0\0", b"long" * 30, b"\xff"], b"f"),
    "S4": Case("S4", [b"", b"a", b"\xff\0b", b"full"], b"z"),
    "S1": Case("S1", [b"", b"a", b"\xff", b"z"], b"z"),
    "U3": Case("<U3", ["", "a", "\U0001f600", "abc"], "ö"),
    "U3 big-endian": Case(">U3", ["", "a", "\U0001f600", "abc"], "ö"),
    "datetime64": Case("M8[s]", ["NaT", "1970-01-01", "2024-02-29", "1900-01-01"], "NaT"),
    "datetime64, 25 us": Case("M8[25us]", ["NaT", "1970-01-01", "2024-02-29", "1900-01-01"], "2000-01-01"),
    "timedelta64": Case("m8[ms]", ["NaT", 0, -1, 5], 7),
    "V3": Case("V3", [b"abc", b"\0\0\0", b"\xff\0\0", b"xyz"], b"abc"),
    "raw_bytes": Case(DataType.raw_bytes(3), [b"abc", b"\0\0\0", b"\xff\0\0", b"xyz"], b"abc"),
    "numbers": Case(NUMBERS, [(1, 2.5, 3), (-1, np.nan, 0), (0, 0, 0), (7, -np.inf, 255)], (1, 2, 3)),
    "numbers big-endian": Case(NUMBERS, [(1, 2.5, 3), (-1, np.nan, 0), (0, 0, 0), (7, -1, 255)], (1, 2, 3), "big"),
    "mixed": Case(MIXED, [(1, b"a", True, 1j, b"ab"), (0, b"", False, 0, b"\0\0")], (7, b"abc", True, 1, b"q\0")),
    "nested": Case(NESTED, [(1, (2.5, 3)), (-1, (0, 2**62)), (0, (0, 0))], (5, (6, 7))),
    "text": Case(TEXT, [("a", "1970-01-01"), ("\U0001f600b", "NaT")], ("z", "2000-01-01")),
}
LAYOUTS: dict[str, dict[str, Any]] = {"shards": {"shards": (4, 4)}, "no shards": {"shards": None}}
HDF5 = ("S4", "S1", "V3", "numbers", "numbers big-endian", "mixed", "nested")
TABLE = [(name, layout) for name in CASES for layout in LAYOUTS]


def numpy_dtype(case: Case) -> np.dtype[Any]:
    if case.dtype in (str, bytes):
        return np.dtype(object)
    return case.dtype.dtype if isinstance(case.dtype, DataType) else np.dtype(case.dtype)


def values(case: Case) -> Values:
    """Five rows of three; the last two are fill."""
    dtype = numpy_dtype(case)
    dtype = dtype if dtype.hasobject else dtype.newbyteorder("<")
    found = np.empty(15, dtype)
    items = np.empty(len(case.items), dtype)
    items[:] = case.items
    found[...] = np.resize(items, 15)
    found[9:] = np.array(case.fill, dtype)
    return found.reshape(5, 3)


def write(name: str, layout: str, path: Path, **options: Any) -> zh.Array:
    case = CASES[name]
    asked: dict[str, Any] = {"compressors": None, "hdf5": False, **LAYOUTS[layout], **options}
    if case.endian:
        asked["serializer"] = {"name": "bytes", "configuration": {"endian": case.endian}}
    array = zh.create_array(path, shape=(5, 3), dtype=case.dtype, chunks=(2, 2), fill_value=case.fill, **asked)
    array[:3] = values(case)[:3]
    return zh.open_array(path)


def equal(found: object, expected: Values) -> bool:
    """Bit for bit, whatever the byte order; a bool is a byte of 0 or 1."""
    array = np.asarray(found)
    if array.shape != expected.shape:
        return False
    if expected.dtype.hasobject:
        return bool(array.tolist() == expected.tolist())
    if array.dtype.newbyteorder("<") != expected.dtype:
        return False
    return array.astype(expected.dtype).tobytes() == expected.tobytes()


def read_zarrista(path: Path, expected: Values) -> Values:
    array = zarrista.Array.open(zarrista.store.FilesystemStore(str(path)))
    tensor = array.retrieve_array_subset(...)
    if expected.dtype.kind in "UV":  # which it hands out as bytes only
        return np.frombuffer(tensor.buffer(), expected.dtype).reshape(tensor.shape)
    return np.asarray(tensor.to_numpy())


def read_tensorstore(path: Path, expected: Values) -> Values:
    """Structures field by field."""
    kvstore = {"driver": "file", "path": f"{path}/"}
    names = expected.dtype.names or ("",)
    parts = [
        tensorstore.open({"driver": "zarr3", "kvstore": kvstore, **({"field": name} if name else {})}).result().read()
        for name in names
    ]
    if expected.dtype.names is None:
        return np.asarray(parts[0].result())
    found = np.zeros(expected.shape, expected.dtype)
    for name, part in zip(names, parts, strict=True):
        found[name] = part.result()
    return found


READ: dict[str, Callable[[Path, Values], Values]] = {
    "zarr-python": lambda path, expected: ZARR_JUDGES["zarr-python"](path),
    "zarrs": lambda path, expected: ZARR_JUDGES["zarrs"](path),
    "zarrista": read_zarrista,
    "tensorstore": read_tensorstore,
}


def reads(array: zh.Array, program: str, version: tuple[int, ...] = ()) -> bool:
    """What `readers` says of a program of a version."""
    row = next(row for row in array.readers() if row.program == program)
    needed = re.match(r"needs zarr-python (\d+)\.(\d+)", row.note)
    return row.opens and (needed is None or version >= tuple(map(int, needed.groups())))


@pytest.mark.parametrize(("name", "layout"), TABLE)
def test_every_program_reads_what_readers_says(name: str, layout: str, tmp_path: Path) -> None:
    array = write(name, layout, tmp_path / "x.zarr")
    expected = values(CASES[name])
    version = tuple(int(part) for part in zarr.__version__.split(".")[:2])
    assert equal(array[...], expected)
    found = {}
    for program, read in READ.items():
        try:
            found[program] = equal(read(tmp_path / "x.zarr", expected), expected)
        except Exception:
            found[program] = False
    assert found == {program: reads(array, program, version) for program in READ}


@pytest.mark.slow
def test_newest_zarr_python(newest_zarr: NewestZarr, tmp_path: Path) -> None:
    arrays = [write(name, layout, tmp_path / str(i)) for i, (name, layout) in enumerate(TABLE)]
    for pipeline in newest_zarr.pipelines:
        jobs = [{"pipeline": pipeline, "read": str(tmp_path / str(i))} for i in range(len(TABLE))]
        answers = newest_zarr.work(tmp_path, jobs)
        for (name, layout), array, answer in zip(TABLE, arrays, answers, strict=True):
            right = answer == digest(values(CASES[name]))
            assert right == reads(array, "zarr-python", newest_zarr.version), (pipeline, name, layout, answer)


BY_ZARR_PYTHON = [name for name in CASES if name != "V3"]


@pytest.mark.parametrize("name", [name for name in BY_ZARR_PYTHON if name != "mixed"])  # 3.1 has no default for V2
def test_arrays_made_by_zarr_python(name: str, tmp_path: Path) -> None:
    """In its own words, not in ours: `dtype` is numpy's where it takes that."""
    case = CASES[name]
    dtype: Any = {str: "string", bytes: "variable_length_bytes"}.get(case.dtype, numpy_dtype(case))
    array = zarr.create_array(tmp_path / "x.zarr", shape=(5, 3), chunks=(2, 2), dtype=dtype)
    array[:3] = values(case)[:3]
    ours = zh.open_array(tmp_path / "x.zarr", "r+")
    assert equal(ours[:3], values(case)[:3])
    theirs = np.asarray(zarr.open_array(tmp_path / "x.zarr", mode="r")[3:])
    if name not in ("nested", "text"):  # whose defaults it writes otherwise than it has them
        assert equal(ours[3:], theirs)
    ours[4] = values(case)[2]
    assert equal(np.asarray(zarr.open_array(tmp_path / "x.zarr", mode="r")[4]), values(case)[2])
    before = json.loads((tmp_path / "x.zarr/zarr.json").read_text())
    ours.attrs["kept"] = True  # its zarr.json, written by us
    after = json.loads((tmp_path / "x.zarr/zarr.json").read_text())
    assert after["data_type"] == before["data_type"]
    assert zarr.open_array(tmp_path / "x.zarr", mode="r").attrs["kept"]


@pytest.mark.slow
def test_arrays_made_by_the_newest_zarr_python(newest_zarr: NewestZarr, tmp_path: Path) -> None:
    """From documents of ours; what it writes in their place has its own spelling."""
    jobs = []
    for i, name in enumerate(BY_ZARR_PYTHON):
        document = write(name, "no shards", tmp_path / f"{i}.ours").metadata.to_json()
        np.save(tmp_path / f"{i}.npy", values(CASES[name]), allow_pickle=True)
        place = str(tmp_path / f"{i}.zarr")
        jobs += [{"pipeline": "", "create": place, "document": document, "values": str(tmp_path / f"{i}.npy")}]
    assert newest_zarr.work(tmp_path, jobs) == [None] * len(jobs)
    for i, name in enumerate(BY_ZARR_PYTHON):
        assert equal(zh.open_array(tmp_path / f"{i}.zarr")[...], values(CASES[name])), name
    named = {zh.open_array(tmp_path / f"{i}.zarr").metadata.data_type.name for i in range(len(jobs))}
    assert "struct" in named or newest_zarr.version < (3, 2)


@pytest.mark.parametrize("name", ["string", "variable_length_bytes", "datetime64", "timedelta64"])
def test_arrays_made_by_zarrista(name: str, tmp_path: Path) -> None:
    document = write(name, "no shards", tmp_path / "ours.zarr").metadata.to_json()
    store = zarrista.store.FilesystemStore(str(tmp_path / "x.zarr"))
    array = zarrista.Array.from_metadata(document, store)
    array.store_metadata()
    assert equal(zh.open_array(tmp_path / "x.zarr")[...], np.repeat(values(CASES[name])[4:], 5, axis=0))


def test_structures_made_by_tensorstore(tmp_path: Path) -> None:
    """It writes them a field at a time."""
    expected = values(CASES["numbers"])
    document = write("numbers", "no shards", tmp_path / "ours.zarr").metadata.to_json()
    metadata = {key: value for key, value in document.items() if key not in ("zarr_format", "node_type")}
    for name in NUMBERS.names or ():
        spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{tmp_path}/x.zarr/"}, "field": name}
        array = tensorstore.open({**spec, "metadata": metadata}, create=True, open=True).result()
        array.write(expected[name]).result()
    assert equal(zh.open_array(tmp_path / "x.zarr")[...], expected)


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("name", HDF5)
def test_hdf5_programs(name: str, libver: Any, tmp_path: Path) -> None:
    """h5py, HDF5's own tools, netCDF4, and pyfive, which has no libhdf5, on the first shard."""
    hdf5 = zh.HDF5(libver=libver, dataset="/data")
    array = write(name, "shards", tmp_path / "x.zarr", compressors="deflate", hdf5=hdf5)
    assert array.hdf5 is not None
    path, expected = Path(array.hdf5.file((0, 0))), values(CASES[name])[:4]
    assert equal(read_h5py(path)[:, :3], expected)
    with h5py.File(path) as file:
        fill: FillValue = file["data"].fillvalue
        assert np.array(fill, expected.dtype).tobytes() == expected[3, :1].tobytes()
    run("h5dump", path)
    rows = {row.program: row.opens for row in array.readers()}
    assert rows["h5py"]
    if name != "S4":  # libnetcdf takes it for pointers, which may end the process
        assert netcdf4_reads(path, expected) == rows["netCDF4"]
    if name not in ("mixed", "V3") and libver == "earliest":
        assert equal(read_pyfive(path)[:, :3], expected)


def netcdf4_reads(path: Path, expected: Values) -> bool:
    with warnings.catch_warnings(action="ignore"), netCDF4.Dataset(path) as file:  # it warns of types it skips
        if "data" not in file.variables:
            return False
        file.set_auto_maskandscale(False)
        return equal(np.asarray(file["data"][...])[:, :3].astype(expected.dtype), expected)
