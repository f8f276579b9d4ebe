"""Numbers of few bits: zarrista, tensorstore and programs that know HDF5 read ours, and we read theirs."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes  # which gives numpy, and so zarrista, the names of its types
import numpy as np
import pytest
import tensorstore
import zarrista
from hdf5_judges import run
from interop_cases import Document, Values, codec
from zarr_judges import ZARR_JUDGES

import zarr_hdf5 as zh
from zarr_hdf5.data_type import COMPLEX, FORMATS, DataType, NumberFormat

NAMES = [*FORMATS, *COMPLEX]
ENDIANS: dict[str, Document] = {
    "little": codec("bytes", endian="little"),
    "big": codec("bytes", endian="big"),
    "none": codec("bytes"),
}
LAYOUTS: dict[str, dict[str, Any]] = {"shards": {"shards": (128,)}, "no shards": {"shards": None}}


def data_type(name: str) -> DataType:
    found = DataType.low_precision(name)
    assert found is not None
    return found


def part_of(name: str) -> NumberFormat | None:
    return FORMATS.get(name) or FORMATS.get(COMPLEX[name])


def values(name: str) -> Values:
    """All patterns of bits, or of those of two bytes and more some thousand."""
    dtype, part = data_type(name).dtype, part_of(name)
    if part is not None and part.bits <= 8:
        raw = np.arange(256 * dtype.itemsize, dtype=np.uint32)
        raw = (raw + raw // 256).astype("u1") & np.uint8(part.mask)
    else:
        raw = (np.arange(2048 * dtype.itemsize) * 40503 >> 7).astype("u1")
    return raw.view(dtype)


def orders(name: str) -> list[str]:
    part = part_of(name)
    return list(ENDIANS) if part is not None and part.nbytes == 1 else ["little", "big"]


def write(path: Path, name: str, **options: Any) -> zh.Array:
    """Its second half is never written."""
    data = values(name)
    asked: dict[str, Any] = {"compressors": None, "hdf5": False, "shards": None, **options}
    array = zh.create_array(path, shape=2 * len(data), dtype=name, chunks=64, fill_value=data[3], **asked)
    array[: len(data)] = data
    return zh.open_array(path)


def expected(name: str) -> Values:
    data = values(name)
    return np.concatenate([data, np.full(len(data), data[3])])


def read_zarrista(path: Path, name: str) -> bytes:
    tensor = zarrista.Array.open(zarrista.store.FilesystemStore(str(path))).retrieve_array_subset(...)
    if data_type(name).dtype.names is None:
        return np.asarray(tensor.to_numpy()).astype(data_type(name).dtype).tobytes()
    return bytes(tensor.buffer())


def read_tensorstore(path: Path, name: str) -> bytes:
    found = np.asarray(_tensorstore(path).read().result())
    assert found.dtype == data_type(name).dtype
    return found.tobytes()


def _tensorstore(path: Path, **options: Any) -> Any:
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/"}, **options}
    return tensorstore.open(spec).result()


READ: dict[str, Callable[[Path, str], bytes]] = {
    "zarr-python": lambda path, name: ZARR_JUDGES["zarr-python"](path).tobytes(),
    "zarrs": lambda path, name: ZARR_JUDGES["zarrs"](path).tobytes(),
    "zarrista": read_zarrista,
    "tensorstore": read_tensorstore,
}


def known(raw: bytes, name: str) -> bytes:
    """Without the bits that mean nothing."""
    part = part_of(name)
    mask = 255 if part is None else part.mask & 255
    return (np.frombuffer(raw, "u1") & np.uint8(mask)).tobytes()


def told(array: zh.Array, side: str = "Zarr") -> dict[str, bool]:
    return {row.program: row.opens for row in array.readers() if row.side == side}


TABLE = [(name, layout, order) for name in NAMES for layout in LAYOUTS for order in orders(name)]


@pytest.mark.parametrize(("name", "layout", "order"), TABLE)
def test_every_program_reads_what_readers_says(name: str, layout: str, order: str, tmp_path: Path) -> None:
    array = write(tmp_path / "x", name, serializer=ENDIANS[order], **LAYOUTS[layout])
    assert array[...].tobytes() == expected(name).tobytes()
    found = {}
    for program, read in READ.items():
        try:
            found[program] = known(read(tmp_path / "x", name), name) == expected(name).tobytes()
        except (Exception, zarrista.exceptions.ZarristaError):
            found[program] = False
    rows = told(array)
    assert found == {program: rows[program] for program in READ}
    assert not rows["zarrita.js"]


NOT_IN_TENSORSTORE = ("uint2", "uint4", "float6_e2m3fn", "float6_e3m2fn", "float8_e4m3")
TENSORSTORE = [name for name in FORMATS if name not in NOT_IN_TENSORSTORE]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("name", TENSORSTORE)
def test_made_by_tensorstore(name: str, order: str, tmp_path: Path) -> None:
    """By its own spelling; and what we write into it, it reads."""
    data = values(name)
    metadata = {
        "shape": [len(data)],
        "data_type": name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [100]}},
        "codecs": [ENDIANS[order]],
    }
    theirs = _tensorstore(tmp_path / "x", metadata=metadata, create=True)
    theirs.write(data).result()
    ours = zh.open_array(tmp_path / "x", "r+")
    assert ours[...].tobytes() == data.tobytes()
    assert np.asarray(ours.fill_value).tobytes() == bytes(data.itemsize)
    ours[:50] = data[50:100]
    assert known(read_tensorstore(tmp_path / "x", name), name)[: 50 * data.itemsize] == data[50:100].tobytes()
    ours.attrs["a"] = 1
    assert known(read_tensorstore(tmp_path / "x", name), name)[50:] == ours[...].tobytes()[50:]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "float8_e4m3fn"])
def test_made_by_zarrista(name: str, order: str, tmp_path: Path) -> None:
    data = values(name)
    document = write(tmp_path / "ours", name, serializer=ENDIANS[order]).metadata.to_json()
    store = zarrista.store.FilesystemStore(str(tmp_path / "x"))
    array = zarrista.Array.from_metadata(document, store)
    array.store_metadata()
    array.store_array_subset((slice(0, len(data)),), data.tobytes())
    ours = zh.open_array(tmp_path / "x", "r+")
    assert ours[...].tobytes() == expected(name).tobytes()
    ours[:10] = data[10:20]
    assert known(read_zarrista(tmp_path / "x", name), name)[: 10 * data.itemsize] == data[10:20].tobytes()


def fills(name: str) -> list[Any]:
    """Every pattern, of those of two bytes some, in our JSON."""
    part = part_of(name)
    chosen = np.unique(values(name).view(f"V{values(name).itemsize}"))[:: 1 if part and part.bits <= 8 else 97]
    return list(chosen.view(data_type(name).dtype)[:256])


def document(name: str, fill: Any) -> Document:
    options: dict[str, Any] = {"shards": None, "compressors": None, "hdf5": False, "overwrite": True}
    array = zh.create_array("memory://fill", shape=(2,), dtype=name, chunks=(2,), fill_value=fill, **options)
    found: Document = json.loads(json.dumps(array.metadata.to_json()))
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name != "float8_e4m3fn"])
def test_zarrista_has_our_fill_values(name: str, tmp_path: Path) -> None:
    for fill in fills(name):
        array = zarrista.Array.from_metadata(document(name, fill), zarrista.store.FilesystemStore(str(tmp_path / "x")))
        assert known(bytes(array.retrieve_array_subset(...).buffer()), name) == 2 * np.asarray(fill).tobytes()


@pytest.mark.parametrize("name", TENSORSTORE)
def test_tensorstore_has_our_fill_values_and_we_have_its(name: str) -> None:
    for fill in fills(name):
        metadata = {k: v for k, v in document(name, fill).items() if k not in ("zarr_format", "node_type")}
        kvstore = {"driver": "memory", "path": "x/"}
        array = tensorstore.open(
            {"driver": "zarr3", "kvstore": kvstore, "metadata": metadata}, create=True, delete_existing=True
        ).result()
        assert known(np.asarray(array.read().result()).tobytes(), name) == 2 * np.asarray(fill).tobytes()
        if name == "float8_e8m0fnu":  # whose numbers it writes otherwise than it has them
            continue
        assert array.kvstore is not None
        theirs = json.loads(array.kvstore.read("zarr.json").result().value)
        store = zh.create_group("memory://theirs", overwrite=True, hdf5=False).store
        store.set("zarr.json", [json.dumps(theirs).encode()])
        ours = zh.open_array("memory://theirs")
        if np.asarray(fill != fill).any():  # of a NaN it keeps no bits
            assert np.isnan(np.asarray(ours.fill_value).astype(float))
        else:
            assert np.asarray(ours.fill_value).tobytes() == np.asarray(fill).tobytes()


HDF5 = [name for name, found in FORMATS.items() if found.ieee or found.kind != "f"]
HDF5 += ["complex_bfloat16", "complex_float16", "complex_float32", "complex_float64"]


INTEGERS = np.array([(-8, 1), (7, 3)] * 64, [("x", ml_dtypes.int4), ("y", ml_dtypes.uint2)])


@pytest.mark.parametrize("name", [*HDF5, "structure"])
def test_hdf5_programs(name: str, tmp_path: Path) -> None:
    """h5py, HDF5's own tools, and netCDF4, on a shard."""
    options: dict[str, Any] = {"chunks": 64, "shards": 128, "hdf5": zh.HDF5(dataset="/data"), "compressors": "deflate"}
    data = INTEGERS if name == "structure" else values(name)[:128]
    dtype = data.dtype if name == "structure" else name
    array = zh.create_array(tmp_path / "x", data=data, dtype=dtype, fill_value=data[3], **options)
    rows = told(array, "HDF5")
    assert array.hdf5 is not None
    path = Path(array.hdf5.file((0,)))
    with h5py.File(path) as file:
        assert same_numbers(file["data"][...], data) == rows["h5py"]
    assert rows["h5dump and HDF5's other tools"]
    run("h5ls", "-v", path)
    run("h5dump", path)
    run("h5dump", "-d", "/data", "-o", tmp_path / "raw", "-b", "FILE", path)
    assert (tmp_path / "raw").read_bytes() == data.tobytes()
    assert netcdf4_reads(path, data) == rows["netCDF4"]


def same_numbers(found: Values, data: Values) -> bool:
    """Whatever the types: of complex numbers, both parts."""
    ours, theirs = parts(data), parts(found)
    with np.errstate(invalid="ignore"):
        pairs = [(a.astype(np.float64), b.astype(np.float64)) for a, b in zip(ours, theirs, strict=True)]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def parts(values: Values) -> list[Values]:
    if values.dtype.names:
        return [values[name] for name in values.dtype.names]
    return [values.real, values.imag] if values.dtype.kind == "c" else [values]


NETCDF4 = """
import sys, netCDF4, numpy
with netCDF4.Dataset(sys.argv[1]) as file:
    file.set_auto_maskandscale(False)
    numpy.save(sys.argv[2], numpy.asarray(file["data"][...]))
"""


def netcdf4_reads(path: Path, data: Values) -> bool:
    """In a process of its own: of some types netCDF's library crashes."""
    out = path.with_name("netcdf.npy")
    done = subprocess.run([sys.executable, "-c", NETCDF4, path, out], capture_output=True, timeout=60, check=False)
    return done.returncode == 0 and same_numbers(np.load(out), data)
