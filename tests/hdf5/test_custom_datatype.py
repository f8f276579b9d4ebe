"""Numbers of few bits in HDF5's terms. The judge is libhdf5: what its own conversion makes of every pattern of bits."""

import sys
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest
from h5py import h5d, h5s, h5t

import zarr_hdf5 as zh
from zarr_hdf5.data_type import COMPLEX, FORMATS, DataType, widened
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.custom_datatype import create_datatype, custom_dtype
from zarr_hdf5.hdf5.datatype import describe_datatype

SAID = ("int2", "int4", "uint2", "uint4", "float8_e3m4", "float8_e4m3", "float8_e5m2", "bfloat16")
NOT_SAID = sorted(set(FORMATS) - set(SAID))
ORDERED = [*((name, "<") for name in SAID), ("bfloat16", ">")]
"""Single bytes have no order."""


def dtype_of(name: str, order: Any = "<") -> np.dtype[Any]:
    found = DataType.low_precision(name)
    assert found is not None
    return found.dtype.newbyteorder(order)


def patterns(name: str, order: str = "<") -> np.ndarray[Any, Any]:
    """All there are, as integers."""
    nbytes = FORMATS[name].nbytes
    return np.arange(1 << FORMATS[name].bits, dtype=f"{order}u{nbytes}")


def numbers(name: str) -> np.ndarray[Any, Any]:
    """What ml_dtypes makes of them."""
    with np.errstate(invalid="ignore"):  # of signalling NaNs
        return patterns(name).view(dtype_of(name)).astype(widened(dtype_of(name)))


def write(path: Path, kind: h5t.TypeID, raw: np.ndarray[Any, Any], **options: Any) -> None:
    """A dataset "x" of these bytes."""
    with h5py.File(path, "w", **options) as file:
        dataset = h5d.create(file.id, b"x", kind, h5s.create_simple(raw.shape))
        dataset.write(h5s.ALL, h5s.ALL, raw, mtype=kind)


@pytest.mark.parametrize(("name", "order"), ORDERED)
def test_libhdf5_reads_the_same_numbers(name: str, order: str, tmp_path: Path) -> None:
    kind = create_datatype(dtype_of(name, order))
    write(tmp_path / "x.h5", kind, patterns(name, order))
    wanted = numbers(name)
    with h5py.File(tmp_path / "x.h5") as file:
        found = np.zeros(wanted.shape, wanted.dtype)
        file["x"].id.read(h5s.ALL, h5s.ALL, found, mtype=h5t.py_create(wanted.dtype))
        np.testing.assert_array_equal(found, wanted)
        assert (np.signbit(found) == np.signbit(wanted))[~np.isnan(wanted)].all()
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(file["x"][...].astype(wanted.dtype), wanted)
        assert describe_datatype(file["x"].id.get_type()).reading == "plain"


@pytest.mark.parametrize(("name", "order"), ORDERED)
def test_files_of_others(name: str, order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their type is known by its fields; without ml_dtypes, libhdf5 converts."""
    write(tmp_path / "x.h5", create_datatype(dtype_of(name, order)), patterns(name, order))
    array = zh.open(tmp_path / "x.h5")["x"]
    assert isinstance(array, zh.Array)
    assert array.metadata.data_type.name == name
    assert array[...].view(f"u{FORMATS[name].nbytes}").tolist() == patterns(name).tolist()
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    plain = zh.open(tmp_path / "x.h5")["x"]
    assert isinstance(plain, zh.Array)
    assert plain.dtype in ("f2", "f4", "i1", "u1")
    np.testing.assert_array_equal(plain[...].astype(widened(dtype_of_numbers(name))), numbers_without(name))


def dtype_of_numbers(name: str) -> np.dtype[Any]:
    return np.dtype({"f": "f4", "i": "i1", "u": "u1"}[FORMATS[name].kind])


def numbers_without(name: str) -> np.ndarray[Any, Any]:
    with np.errstate(invalid="ignore"):
        found: np.ndarray[Any, Any] = patterns(name).view(getattr(ml_dtypes, name))
        return found.astype(dtype_of_numbers(name))


@pytest.mark.parametrize("name", NOT_SAID)
def test_what_hdf5_would_misread_is_refused(name: str) -> None:
    for refused in (name, f"complex_{name}") if f"complex_{name}" in COMPLEX else (name,):
        with pytest.raises(UnsupportedFeatureError, match=rf"{name}: it.* (largest exponent|sign).* hdf5=False"):
            zh.create_array("memory://refused", shape=4, dtype=refused, overwrite=True)
    with pytest.raises(UnsupportedFeatureError, match=name):
        create_datatype(dtype_of(name))


@pytest.mark.parametrize("name", [name for name in NOT_SAID if name != "float8_e8m0fnu"])
def test_it_would_be_misread(name: str, tmp_path: Path) -> None:
    """A float with the very fields: libhdf5 makes other numbers of some bits."""
    found = FORMATS[name]
    kind = h5t.IEEE_F32LE.copy()
    kind.set_fields(found.bits - 1, found.mantissa, found.bits - 1 - found.mantissa, 0, found.mantissa)
    kind.set_precision(found.bits)
    kind.set_size(1)
    kind.set_ebias(found.bias)
    write(tmp_path / "x.h5", kind, patterns(name))
    with h5py.File(tmp_path / "x.h5") as file:
        values = np.zeros(1 << found.bits, "f4")
        file["x"].id.read(h5s.ALL, h5s.ALL, values, mtype=h5t.IEEE_F32LE)
    finite = np.isfinite(numbers(name))
    assert (values[finite] != numbers(name)[finite]).any()


@pytest.mark.parametrize("order", ["<", ">"])
def test_compounds(order: str, tmp_path: Path) -> None:
    """Padding, arrays and other members stay what they are."""
    bfloat16, int4 = dtype_of("bfloat16", order), dtype_of("int4")
    inner = np.dtype([("r", bfloat16), ("i", bfloat16)])
    dtype = np.dtype(
        {
            "names": ["a", "b", "c", "s"],
            "formats": [int4, inner, (bfloat16, (2, 3)), "S3"],
            "offsets": [0, 2, 6, 20],
            "itemsize": 24,
        }
    )
    kind = create_datatype(dtype)
    assert custom_dtype(kind) == dtype
    found = describe_datatype(kind)
    assert (found.dtype, found.reading) == (dtype, "plain")
    raw = np.frombuffer(bytes(range(72)), "V24")
    write(tmp_path / "x.h5", kind, raw.copy())
    array = zh.open(tmp_path / "x.h5")["x"]
    assert isinstance(array, zh.Array)
    sound = raw.view("u1").copy()
    sound[::24] &= 15
    assert array[...].tobytes() == sound.tobytes()


def test_complex_numbers(tmp_path: Path) -> None:
    dtype = dtype_of("complex_bfloat16")
    raw = np.array([(1.5, -2), (0, 3)], dtype)
    write(tmp_path / "x.h5", create_datatype(dtype), raw)
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["x"][...].tolist() == [1.5 - 2j, 3j]
    array = zh.open(tmp_path / "x.h5")["x"]
    assert isinstance(array, zh.Array)
    assert array.metadata.data_type.name == "complex_bfloat16"
    assert array[...].tobytes() == raw.tobytes()
    write(tmp_path / "big.h5", create_datatype(np.dtype([(n, dtype_of("bfloat16", ">")) for n in "ri"])), raw)
    big = zh.open(tmp_path / "big.h5")["x"]
    assert isinstance(big, zh.Array)
    assert big.metadata.data_type.name == "complex_bfloat16"
    assert big[...].tobytes() == raw.view("<u2").byteswap().tobytes()


OTHERS = {
    "another bias": (15, 7, 8, 0, 7, 126, 16, 2),
    "bits to spare": (14, 7, 7, 0, 7, 63, 15, 2),
    "float16": (15, 10, 5, 0, 10, 15, 16, 2),
    "four bytes": (15, 7, 8, 0, 7, 127, 16, 4),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_floats(name: str) -> None:
    *fields, bias, precision, size = OTHERS[name]
    kind = h5t.IEEE_F32LE.copy()
    kind.set_fields(*fields)
    kind.set_precision(precision)
    kind.set_size(size)
    kind.set_ebias(bias)
    assert custom_dtype(kind) is None


@pytest.mark.parametrize(("bits", "size", "offset"), [(4, 2, 0), (4, 1, 1), (3, 1, 0), (8, 1, 0)])
def test_other_integers(bits: int, size: int, offset: int) -> None:
    kind = h5t.STD_U8LE.copy()
    kind.set_size(size)
    kind.set_precision(bits)
    kind.set_offset(offset)
    assert custom_dtype(kind) is None


def test_enumerations_stay_integers() -> None:
    base = create_datatype(dtype_of("int4"))
    kind = h5t.enum_create(base)
    kind.enum_insert(b"a", 1)
    assert custom_dtype(kind) is None


@pytest.mark.parametrize("name", [*SAID, "complex_bfloat16"])
def test_fill_values(name: str, tmp_path: Path) -> None:
    """Read from the file, and by h5py of chunks that were never written."""
    fill = (1, 1) if name.startswith("complex") else 1 if name.startswith("u") else -1
    array = zh.create_array(tmp_path / "x", shape=(4,), chunks=2, shards=4, dtype=name, fill_value=fill)
    array[2:] = 0
    assert array.hdf5 is not None
    path = array.hdf5.file((0,))
    with h5py.File(path) as file:
        assert complex(file["data"].fillvalue) == (1 + 1j if name.startswith("complex") else fill)
        assert file["data"][:2].tolist() == [file["data"].fillvalue] * 2
    shard = zh.open(path)
    assert isinstance(shard, zh.Array)
    assert np.asarray(shard.fill_value).tobytes() == np.asarray(array.fill_value).tobytes()
    assert shard[...].tobytes() == array[...].tobytes()
