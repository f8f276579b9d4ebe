"""What is said of groups, links and odd datatypes; h5py made the files."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import ml_dtypes  # noqa: F401 - gives numpy the names of its types
import numpy as np
import pytest
from h5py import h5t

from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5.custom_datatype import create_datatype
from zarr_hdf5.hdf5.datatype import describe_datatype
from zarr_hdf5.hdf5.description import (
    DatasetDescription,
    GroupDescription,
    describe,
    list_members,
)
from zarr_hdf5.hdf5.library import open_file
from zarr_hdf5.hdf5.links import ExternalTarget, Target, resolve_path
from zarr_hdf5.hdf5.values import read_region


@pytest.fixture
def file(tmp_path: Path) -> Iterator[h5py.File]:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("g/d", data=[1])
        file["g"].attrs["a"] = 3
        file["g"]["type"] = np.dtype("i4")
        file["null"] = h5py.Empty("f4")
        file["soft"] = h5py.SoftLink("/g/d")
        file["g/relative"] = h5py.SoftLink("d")
        file["to group"] = h5py.SoftLink("g")
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["circle"] = h5py.SoftLink("circle")
        file["external"] = h5py.ExternalLink("other.h5", "/x/")
        file.create_group(b"\xff\\")
        yield file


RESOLVED = {
    "/": "/",
    "g/d": "/g/d",
    "/soft": "/g/d",
    "to group/relative": "/g/d",
    "to group/./d": "/g/d",
    "\udcff\\": "/\udcff\\",
}


@pytest.mark.parametrize("path", RESOLVED)
def test_links(file: h5py.File, path: str) -> None:
    found = resolve_path(file, path)
    assert isinstance(found, Target)
    assert found.path == RESOLVED[path]
    name = found.path.encode("utf-8", "surrogateescape")
    assert found.address == h5py.h5o.get_info(h5py.h5o.open(file.id, name)).addr


@pytest.mark.parametrize("path", ["nowhere", "dangling", "soft/below", "g/d/e", "g/.."])
def test_links_that_lead_nowhere(file: h5py.File, path: str) -> None:
    with pytest.raises(NotFoundError, match="no object"):
        resolve_path(file, path)


def test_other_links(file: h5py.File) -> None:
    assert resolve_path(file, "external/y/z") == ExternalTarget("other.h5", "/x/y/z")
    with pytest.raises(CorruptDataError, match="links to follow"):
        resolve_path(file, "circle")


def test_members(file: h5py.File) -> None:
    root = resolve_path(file, "/")
    assert isinstance(root, Target)
    members = {m.name: m for m in list_members(file, root)}
    assert members["dangling"].reason == "a link that leads nowhere"
    assert "links to follow" in members["circle"].reason
    assert isinstance(members["external"].target, ExternalTarget)
    assert {n for n, m in members.items() if m.target is None} == {"dangling", "circle"}
    assert "\udcff\\" in members


def test_groups_and_types(file: h5py.File) -> None:
    group, named = resolve_path(file, "g"), resolve_path(file, "g/type")
    assert isinstance(group, Target)
    assert isinstance(named, Target)
    found = describe(file, group)
    assert isinstance(found, GroupDescription)
    assert dict(found.attributes.values) == {"a": 3}
    with pytest.raises(UnsupportedFeatureError, match="neither a group nor a dataset"):
        describe(file, named)


def test_null_dataspace(file: h5py.File) -> None:
    target = resolve_path(file, "null")
    assert isinstance(target, Target)
    found = describe(file, target)
    assert isinstance(found, DatasetDescription)
    assert found.shape is None


def integer(base: h5t.TypeIntegerID, size: int, precision: int, offset: int = 0) -> h5t.TypeIntegerID:
    datatype = base.copy()
    datatype.set_precision(precision)
    datatype.set_offset(offset)
    datatype.set_size(size)
    return datatype


def bfloat16(bias: int = 127) -> h5t.TypeFloatID:
    datatype = h5t.IEEE_F32LE.copy()
    datatype.set_fields(15, 7, 8, 0, 7)
    datatype.set_size(2)
    datatype.set_ebias(bias)
    return datatype


def string(size: int, padding: int) -> h5t.TypeStringID:
    datatype = h5t.C_S1.copy()
    datatype.set_size(size)
    datatype.set_strpad(padding)
    return datatype


def compound(dtype: np.dtype[np.void]) -> h5t.TypeID:
    return h5t.py_create(dtype, logical=True)


# numpy's dtype, and how it is read
DATATYPES = [
    (h5t.STD_I32BE, ">i4", "plain"),
    (h5t.STD_B16LE, "<u2", "plain"),
    (h5t.IEEE_F16LE, "<f2", "plain"),
    (integer(h5t.STD_U32LE, 4, 12, 3), "<u4", "converted"),
    (integer(h5t.STD_I32LE, 3, 24), "<i4", "converted"),
    (integer(h5t.STD_U64LE, 5, 40), "<u8", "converted"),
    (bfloat16(), "bfloat16", "plain"),
    (bfloat16(126), "<f8", "converted"),
    (h5t.NATIVE_LDOUBLE, "<f8", "rounded"),
    (h5t.UNIX_D32BE, ">i4", "raw"),
    (string(5, h5t.STR_NULLPAD), "|S5", "plain"),
    (string(5, h5t.STR_NULLTERM), "|S5", "converted"),
    (string(5, h5t.STR_SPACEPAD), "|S5", "converted"),
    (string(1, h5t.STR_NULLTERM), "|S1", "plain"),
    (h5t.create(h5t.OPAQUE, 3), "|V3", "plain"),
    (h5t.py_create(np.dtype("?"), logical=True), "|b1", "plain"),
    (h5t.py_create(np.dtype(">c16"), logical=True), ">c16", "plain"),
    (h5t.py_create(h5py.enum_dtype({"a": 1}, "<i2"), logical=True), "<i2", "plain"),
    (h5t.array_create(h5t.STD_I16LE, (2, 3)), "<i2", "plain"),
    (h5t.py_create(h5py.string_dtype(), logical=True), "O", "text"),
    (h5t.py_create(h5py.vlen_dtype("i4"), logical=True), "O", "object"),
    (h5t.STD_REF_OBJ, "O", "object"),
]


@pytest.mark.parametrize(("datatype", "dtype", "reading"), DATATYPES)
def test_datatypes(datatype: h5t.TypeID, dtype: str, reading: str) -> None:
    found = describe_datatype(datatype)
    assert (found.dtype, found.reading) == (np.dtype(dtype), reading)
    assert found.element_shape == ((2, 3) if "array" in found.name else ())


COMPOUNDS = {
    "packed": np.dtype([("a", "<i4"), ("b", ">f8")]),
    "padded": np.dtype({"names": ["a", "b"], "formats": ["u1", "<f8"], "offsets": [0, 8], "itemsize": 24}),
    "nested": np.dtype([("a", [("x", "<i2"), ("s", "S3")]), ("v", "<f4", (2, 2))]),
}


@pytest.mark.parametrize("name", COMPOUNDS)
def test_compounds(name: str) -> None:
    found = describe_datatype(compound(COMPOUNDS[name]))
    assert (found.dtype, found.reading) == (COMPOUNDS[name], "plain")


def test_types_without_equivalent() -> None:
    with pytest.raises(UnsupportedFeatureError, match="integer, 128 bits"):
        describe_datatype(integer(h5t.STD_I64LE, 16, 128))


# libhdf5 does not make datasets of integers with unused bits, nor convert opaque values.
NUMBERS = [row for row in DATATYPES if row[2] in ("plain", "converted") and row[1] not in ("<u4", "|V3", "|S1")]


@pytest.mark.parametrize(("datatype", "dtype", "reading"), NUMBERS)
def test_regions(datatype: h5t.TypeID, dtype: str, reading: str, tmp_path: Path) -> None:
    """The values are h5py's, or, where it has none, those that were written."""
    found = describe_datatype(datatype)
    values = np.arange(12 * int(np.prod(found.element_shape))).reshape(12, *found.element_shape) % 2
    with h5py.File(tmp_path / "x.h5", "w") as file:
        space = h5py.h5s.create_simple((12,))
        dataset = h5py.Dataset(h5py.h5d.create(file.id, b"a", datatype, space))
        element = np.dtype((found.dtype, found.element_shape))
        written = values.astype(found.dtype)
        dataset.id.write(h5py.h5s.ALL, h5py.h5s.ALL, written, mtype=create_datatype(element))
        with open_file(str(tmp_path / "x.h5")) as reading_file:
            read = read_region(reading_file["a"], found, (3,), (4,))
    assert read.dtype == found.dtype
    np.testing.assert_array_equal(read, written[3:7])
