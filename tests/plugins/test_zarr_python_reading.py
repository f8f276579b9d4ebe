"""Datasets of all kinds that h5py wrote, read by zarr-python through the store: equal to what h5py reads."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest
import zarr
from numpy.lib.recfunctions import repack_fields
from store_worker import FUSED, NOTHING_TO_DO, WORKER, digest

import zarr_hdf5 as zh
from zarr_hdf5.data_type import has_low_precision
from zarr_hdf5.errors import NotFoundError, ReadOnlyError, UnsupportedFeatureError
from zarr_hdf5.plugins.zarr_python import HDF5Store
from zarr_hdf5.stores.memory import named_memory_store

pytestmark = [
    # zarr-python says so of bytes and compounds.
    pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning"),
]
FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "legacy").glob("*.h5"))
DATA = np.random.default_rng(3).integers(0, 50, (23, 17)).astype("<i4")
PACKED = np.dtype([("a", "<i4"), ("b", "<f8"), ("c", "S5")])
PADDED = np.dtype({"names": ["a", "b"], "formats": ["<i2", ">f4"], "offsets": [2, 8], "itemsize": 16})
NESTED = np.dtype([("inner", PACKED), ("list", ">i2", (2, 3)), ("flag", "u1")])
ENUM = h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 42}, "u1")
CHUNKED = {"data": DATA, "chunks": (5, 4)}


def compounds(dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    found = np.zeros(11, dtype)
    for i, name in enumerate(dtype.names or ()):
        if found[name].dtype.names is None:
            found[name] = (np.arange(found[name].size).reshape(found[name].shape) + i) % 100
        else:
            found[name] = compounds(found[name].dtype)
    return found


DATASETS: dict[str, dict[str, Any]] = {
    "contiguous": {"data": DATA},
    "contiguous, several slabs": {"data": np.arange(700_000, dtype="<f4").reshape(7000, 100)},
    "chunked": CHUNKED,
    "deflate": {**CHUNKED, "compression": "gzip"},
    "deflate, shuffle, fletcher32": {**CHUNKED, "compression": "gzip", "shuffle": True, "fletcher32": True},
    "zstd": {**CHUNKED, **hdf5plugin.Zstd()},
    "blosc": {**CHUNKED, **hdf5plugin.Blosc("lz4", shuffle=1)},
    "lz4": {**CHUNKED, **hdf5plugin.LZ4()},
    "bzip2": {**CHUNKED, **hdf5plugin.BZip2()},
    "bitshuffle": {**CHUNKED, **hdf5plugin.Bitshuffle()},
    "lzf": {**CHUNKED, "compression": "lzf"},
    "szip": {**CHUNKED, "compression": "szip"},
    "scaleoffset": {**CHUNKED, "scaleoffset": 0},
    "big-endian": {"data": DATA.astype(">i4"), "chunks": (5, 4), "compression": "gzip"},
    "big-endian contiguous": {"data": DATA.astype(">f8")},
    "chunks larger than the shape": {"data": DATA, "chunks": (32, 32), "maxshape": (None, None)},
    "fill value": {"shape": (23, 17), "dtype": "<f4", "chunks": (5, 4), "fillvalue": 2.5},
    "fill value, big-endian": {"shape": (23, 17), "dtype": ">i2", "chunks": (5, 4), "fillvalue": 258},
    "never written contiguous": {"shape": (23, 17), "dtype": "<f4", "fillvalue": np.nan},
    "bool": {"data": DATA > 20, "chunks": (5, 4)},
    "complex": {"data": DATA * (1 + 2j), "chunks": (5, 4), "compression": "gzip"},
    "half": {"data": DATA.astype("<f2")},
    "enumeration": {"data": (DATA % 2).astype("u1"), "dtype": ENUM, "chunks": (5, 4)},
    "array elements": {"shape": (4,), "dtype": np.dtype(("<i2", (3, 2))), "fillvalue": None},
    "fixed strings": {"data": np.array([["a", "bcd"], ["", "ef"]], "S3"), "chunks": (1, 2)},
    "variable strings": {"data": ["a", "", "ünï", "x" * 999], "dtype": h5py.string_dtype()},
    "variable strings, chunked": {"data": ["a", "b", "cé"], "dtype": h5py.string_dtype(), "chunks": (2,)},
    "packed": {"data": compounds(PACKED), "chunks": (4,), "compression": "gzip", "shuffle": True},
    "padded": {"data": compounds(PADDED), "chunks": (4,)},
    "nested": {"data": compounds(NESTED)},
    "never written compound": {"shape": (5,), "dtype": PADDED, "chunks": (2,)},
    "opaque": {"data": np.array([b"abc", b"\0d\0"], "V3")},
    "scalar": {"data": 2.5},
    "scalar string": {"data": "text"},
    "empty": {"shape": (0, 3), "dtype": "<f4", "maxshape": (None, 3)},
    "datetime": {"data": np.arange(5).astype("M8[s]").view("<i8")},
}


@pytest.fixture(scope="module", params=["earliest", "latest"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reading") / f"{request.param}.h5"
    with h5py.File(path, "w", libver=request.param, userblock_size=512) as file:
        for name, options in DATASETS.items():
            file.create_dataset(name, **options)
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((5,))
        small = h5py.h5d.create(file.id, b"compact", h5py.h5t.STD_I32BE, space, dcpl=compact)
        small.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(5, dtype="i4"))
        masked = file.create_dataset("masked", (8,), "<i4", chunks=(4,), compression="gzip", shuffle=True)
        masked[:4] = [1, 2, 3, 4]
        masked.id.write_direct_chunk((4,), np.array([5, 6, 7, 8], "<i4").tobytes(), filter_mask=0b11)
        sparse = file.create_dataset("sparse", (20, 20), "<i8", chunks=(3, 7), compression="gzip", fillvalue=-1)
        sparse[4:8, 9:] = 5
    return path


def read(store: HDF5Store, path: str) -> np.ndarray[Any, Any]:
    return np.asarray(zarr.open_array(store, path=path, mode="r")[...])


def packed(values: Any) -> Any:
    """Compounds as Zarr has them: without padding, little-endian, lists as bytes just so."""
    values = np.asarray(values)
    if values.dtype.names is None:
        return values
    return values.astype(repack_fields(values.dtype.newbyteorder("<"), recurse=True))


def assert_same(found: Any, wanted: Any) -> None:
    found, wanted = np.asarray(found), packed(wanted)
    assert found.shape == wanted.shape
    if found.dtype.kind in "TU":
        texts = [item.decode() if isinstance(item, bytes) else item for item in wanted.reshape(-1).tolist()]
        assert found.reshape(-1).tolist() == texts
        return
    if wanted.dtype.names is not None:
        assert found.dtype.names == wanted.dtype.names
        assert found.tobytes() == wanted.tobytes()
    elif wanted.dtype.kind == "V":
        assert found.tobytes() == wanted.tobytes()
    else:
        np.testing.assert_array_equal(found, wanted)


def selections(ndim: int) -> Iterator[Any]:
    yield (...)
    if ndim == 1:
        yield from (slice(1, 3), 0, slice(2, 2), slice(0, None, 2))
    if ndim == 2:
        yield from ((slice(3, 20, 4), slice(2, 3)), (slice(-1, None), 1), (0, slice(None)), (slice(1, 2), slice(1, 9)))


@pytest.mark.parametrize("name", [*DATASETS, "compact", "masked", "sparse"])
def test_values(url: Path, name: str) -> None:
    array = zarr.open_array(HDF5Store(url), path=name, mode="r")
    with h5py.File(url, "r") as file:
        wanted = np.asarray(file[name][()])
    for selection in selections(array.ndim):
        if 0 not in array.shape or selection is ...:
            assert_same(array[selection], wanted[selection])


@pytest.mark.parametrize("name", ["chunked", "deflate, shuffle, fletcher32", "zstd", "sparse", "contiguous"])
def test_zarrs_reads_them_too(url: Path, name: str) -> None:
    """A codec pipeline of Rust, which gets the bytes of this store from zarr-python."""
    with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
        found = zarr.open_array(HDF5Store(url), path=name, mode="r")[...]
    with h5py.File(url, "r") as file:
        np.testing.assert_array_equal(found, file[name][()])


def test_references_become_paths(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "r.h5", "w") as file:
        group = file.create_group("a/b")
        file.create_dataset("to", data=[group.ref, None, file.ref], dtype=h5py.ref_dtype)
        file.create_dataset("lists", (2,), h5py.vlen_dtype("i4"))[:] = [np.array([1, 2]), np.array([], "i4")]
    store = HDF5Store(tmp_path / "r.h5")
    assert read(store, "to").tolist() == ["/a/b", "", "/"]
    assert [json.loads(text) for text in read(store, "lists")] == [[1, 2], []]


def test_groups_attributes_and_dimension_names(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file.attrs["title"] = "all of it"
        file["a/b/x"] = [1.0, 2.0]
        file["a/b/x"].make_scale("x")
        file["a/b/data"] = [3, 4]
        file["a/b/data"].dims[0].attach_scale(file["a/b/x"])
        file["a/b/data"].attrs["units"] = "m"
    root = zarr.open_group(HDF5Store(tmp_path / "g.h5"), mode="r")
    assert dict(root.attrs) == {"title": "all of it"}
    assert sorted(path for path, _ in root.members(max_depth=None)) == ["a", "a/b", "a/b/data", "a/b/x"]
    data = root["a/b/data"]
    assert isinstance(data, zarr.Array)
    assert data.metadata.to_dict()["dimension_names"] == ("x",)
    assert dict(data.attrs) == {"units": "m"}


def test_zarr_open_needs_no_mode(url: Path) -> None:
    found = zarr.open(HDF5Store(url))
    assert isinstance(found, zarr.Group)
    assert "chunked" in found


def test_nothing_can_be_written(url: Path) -> None:
    array = zarr.open_array(HDF5Store(url), path="chunked", mode="r")
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1
    with pytest.raises(ReadOnlyError, match="not written"):
        zarr.create_group(HDF5Store(url), path="new")


def test_what_cannot_be_shown_is_not_listed_but_says_why_when_asked_for(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file["good"] = [1, 2]
        file["up"] = file["/"]
        file["out"] = h5py.ExternalLink("../elsewhere.h5", "/a")
        file["type"] = np.dtype("<f4")
        file["gone"] = h5py.SoftLink("/nothing")
    store = HDF5Store(tmp_path / "bad.h5")
    root = zarr.open_group(store, mode="r")
    assert [name for name, _ in root.members()] == ["good"]
    for name in ("out", "type"):
        assert name not in list(root.keys())
        with pytest.raises(UnsupportedFeatureError, match=r"leads out|neither a group nor a dataset"):
            root[name]
    with pytest.raises(KeyError):
        root["gone"]


def test_a_broken_chunk_is_an_error(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "c.h5", "w") as file:
        dataset = file.create_dataset("a", (8,), "<i4", chunks=(4,), compression="lzf")
        dataset[:] = 1
        dataset.id.write_direct_chunk((4,), b"no such stream", filter_mask=0)
    array = zarr.open_array(HDF5Store(tmp_path / "c.h5"), path="a", mode="r")
    with pytest.raises(zh.errors.ZarrHDF5Error):
        array[4:]


def test_the_file_may_be_open_in_h5py_too(url: Path) -> None:
    with h5py.File(url, "r") as file:
        for name in ("lzf", "deflate", "padded"):
            dataset = file[name]
            assert_same(read(HDF5Store(url), name), dataset[()])
            assert dataset.id.valid


def test_only_dimension_scales_give_their_names(tmp_path: Path) -> None:
    """netCDF gives variables the number of their first dimension, too."""
    with h5py.File(tmp_path / "n.h5", "w") as file:
        for name in ("air", "time"):
            file[name] = [1.0, 2.0]
            file[name].attrs.update({"_Netcdf4Dimid": np.int32(0), "_Netcdf4Coordinates": np.array([0], "i4")})
        file["time"].make_scale("time")
    for name in ("air", "time"):
        assert zh.open_array(tmp_path / "n.h5", path=name).dimension_names == ("time",)


def test_shuffle_of_what_a_checksum_made_longer(tmp_path: Path) -> None:
    """libhdf5 leaves the four bytes over as they are; codecs would refuse them."""
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for kind, rest in {"f8": 5, "f4": 5, "f8 whole": 6}.items():
            properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            properties.set_chunk((rest,))
            properties.set_fletcher32()
            properties.set_shuffle()
            datatype = h5py.h5t.py_create(np.dtype(kind.split()[0]))
            space = h5py.h5s.create_simple((11,))
            made = h5py.h5d.create(file.id, kind.encode(), datatype, space, dcpl=properties)
            made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(11, dtype=kind.split()[0]))
    for kind in ("f8", "f4", "f8 whole"):
        assert read(HDF5Store(tmp_path / "s.h5"), kind).tolist() == list(range(11))
        assert zh.open_array(tmp_path / "s.h5", path=kind)[...].tolist() == list(range(11))


def test_a_file_in_a_store_that_is_no_disk(url: Path) -> None:
    memory = named_memory_store("plugins")
    memory.set("a/b.h5", [url.read_bytes()])
    store = HDF5Store("memory://plugins/a/b.h5")
    for name in ("deflate", "variable strings", "sparse"):
        assert_same(read(store, name), read(HDF5Store(url), name))
    with pytest.raises(NotFoundError):
        HDF5Store("memory://plugins/a/c.h5")


def test_links_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = [1, 2]
    with h5py.File(tmp_path / "in" / "x.h5", "w") as file:
        file["link"] = h5py.ExternalLink("../other.h5", "/a")
    store = HDF5Store(tmp_path / "in" / "x.h5", links_outside=True)
    assert [name for name, _ in zarr.open_group(store, mode="r").members()] == ["link"]
    assert read(store, "link").tolist() == [1, 2]


def test_a_lone_shard_is_an_array(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path / "s.zarr", shape=(8, 6), dtype="int32", chunks=(2, 3), shards=(8, 6))
    array[...] = np.arange(48).reshape(8, 6)
    (shard,) = (path for path in (tmp_path / "s.zarr" / "c").rglob("*") if path.is_file())
    found = zarr.open(HDF5Store(shard))
    assert isinstance(found, zarr.Array)
    np.testing.assert_array_equal(found[...], np.arange(48).reshape(8, 6))


def arrays_of(node: zh.Group | zh.Array) -> Iterator[zh.Array]:
    if isinstance(node, zh.Array):
        yield node
    else:
        yield from (member for _, member in node.members(max_depth=None) if isinstance(member, zh.Array))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_zarr_python_reads_what_this_library_reads(path: Path) -> None:
    try:
        arrays = list(arrays_of(zh.open(path)))
    except zh.errors.ZarrHDF5Error:
        with pytest.raises(zh.errors.ZarrHDF5Error):
            zarr.open(HDF5Store(path))
        return
    store = HDF5Store(path)
    for array in arrays:
        try:
            wanted = array[...]
        except zh.errors.ZarrHDF5Error:  # what zarr-python decodes itself, it refuses in words of its own
            with pytest.raises(Exception, match=r"."):
                read(store, array.path)
            continue
        found = read(store, array.path)
        # Numbers of few bits, which zarr-python does not have, are what libhdf5 converts them to.
        assert_same(found, wanted.astype(found.dtype) if has_low_precision(array.dtype) else wanted)


@pytest.mark.parametrize("pipeline", ["", FUSED])
def test_the_newest_zarr_python_reads_the_same(url: Path, pipeline: str) -> None:
    """In an interpreter of its own, whose zarr-python may be newer, with its default pipeline and its fused one."""
    python = os.environ.get("ZARR_HDF5_NEWEST_ZARR_PYTHON", sys.executable)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    environment["PYTHONPATH"] = str(Path(zh.__file__).parents[1])
    command = [python, "-W", "ignore", str(WORKER), str(url), pipeline]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    if done.returncode == NOTHING_TO_DO:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    with h5py.File(url, "r") as file:
        assert found == {name: digest(packed(file[name][()])) for name in file}
