"""HDF5 files that h5py wrote, seen as Zarr: h5py is the judge."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5 import errors
from zarr_hdf5.legacy import array_metadata

DATA = np.random.default_rng(1).integers(0, 50, (23, 17)).astype("i4")

# Name, and how to make the dataset; whether its chunks are read where they lie, not decoded by libhdf5.
DATASETS: dict[str, tuple[dict[str, Any], bool]] = {
    "contiguous": ({"data": DATA}, False),
    "chunked": ({"data": DATA, "chunks": (5, 4)}, True),
    "deflate": ({"data": DATA, "chunks": (5, 4), "compression": "gzip", "shuffle": True}, True),
    "fletcher32": ({"data": DATA, "chunks": (5, 4), "fletcher32": True}, True),
    "zstd": ({"data": DATA, "chunks": (5, 4), **hdf5plugin.Zstd()}, True),
    "blosc": ({"data": DATA, "chunks": (5, 4), **hdf5plugin.Blosc("zstd", shuffle=2)}, True),
    "bzip2": ({"data": DATA, "chunks": (5, 4), **hdf5plugin.BZip2()}, True),
    "lzf": ({"data": DATA, "chunks": (5, 4), "compression": "lzf"}, False),
    "scaleoffset": ({"data": DATA, "chunks": (5, 4), "scaleoffset": 0}, False),
    "bitshuffle": ({"data": DATA, "chunks": (5, 4), **hdf5plugin.Bitshuffle()}, False),
    "big": ({"data": DATA.astype(">i4"), "chunks": (5, 4), "compression": "gzip"}, True),
    "unlimited": ({"data": DATA, "chunks": (5, 4), "maxshape": (None, 17)}, True),
    "unlimited second": ({"data": DATA, "chunks": (5, 4), "maxshape": (23, None)}, True),
    "larger chunks": ({"data": DATA, "chunks": (32, 32), "maxshape": (None, None)}, True),
    "never written": ({"shape": (23, 17), "dtype": "f4", "chunks": (5, 4), "fillvalue": 2.5}, True),
    "bool": ({"data": DATA > 20, "chunks": (5, 4)}, True),
    "complex": ({"data": DATA * 1j, "chunks": (5, 4), "compression": "gzip"}, True),
    "half": ({"data": DATA.astype("f2")}, False),
    "scalar": ({"data": 2.5}, False),
    "empty": ({"shape": (0, 3), "dtype": "f4", "maxshape": (None, 3)}, True),
    "compact": ({"data": np.arange(3, dtype="u1")}, False),
}


@pytest.fixture(scope="module", params=["earliest", "v110", "latest"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("legacy") / f"{request.param}.h5"
    with h5py.File(path, "w", libver=request.param, userblock_size=1024) as file:
        for name, (options, _) in DATASETS.items():
            file.create_dataset(name, **options)
    return path


@pytest.mark.parametrize("name", DATASETS)
def test_values(path: Path, name: str) -> None:
    array = zh.open_array(path, path=name)
    with h5py.File(path, "r") as file:
        wanted, fill = file[name][()], file[name].fillvalue
    np.testing.assert_array_equal(array[...], wanted)
    assert array[...].dtype == np.asarray(wanted).dtype.newbyteorder("=")
    assert array.fill_value == fill
    if array.ndim == 2:
        np.testing.assert_array_equal(array[3:20:4, ::-2], wanted[3:20:4, ::-2])
        np.testing.assert_array_equal(array[-1:, 2], wanted[-1:, 2])
    assert array.stored.natural_chunks == DATASETS[name][1]


@pytest.mark.parametrize("shape", [(3, 5, 40_007), (70_001, 1), (2, 3, 3, 70_000), (1, 40_000, 2), (100, 900)])
@pytest.mark.parametrize("dtype", ["<u2", ">i4", "?"])
def test_contiguous_data_is_cut_along_any_dimension(
    shape: tuple[int, ...], dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_metadata, "SLAB_NBYTES", 1 << 15)
    values = np.random.default_rng(5).integers(0, 2, shape).astype(dtype)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["a"] = values
    array = zh.open_array(tmp_path / "f.h5", path="a")
    assert array.nchunks > 1
    np.testing.assert_array_equal(array[...], values)
    np.testing.assert_array_equal(array[..., -3:], values[..., -3:])
    np.testing.assert_array_equal(array[-1:, ..., ::-7], values[-1:, ..., ::-7])
    store = array.store
    for coords in np.ndindex(*array.metadata.chunk_grid.grid_shape):
        assert store.get("a/c/" + "/".join(map(str, coords))).size == array.stored.chain.spec.nbytes


def test_chunks_with_skipped_filters(tmp_path: Path) -> None:
    """h5py sets the filter mask of a chunk that was written raw; those bytes must not be inflated."""
    with h5py.File(tmp_path / "m.h5", "w") as file:
        dataset = file.create_dataset("a", (8,), "i4", chunks=(4,), compression="gzip", shuffle=True)
        dataset[:4] = [1, 2, 3, 4]
        dataset.id.write_direct_chunk((4,), np.array([5, 6, 7, 8], "i4").tobytes(), filter_mask=0b11)
    assert zh.open_array(tmp_path / "m.h5", path="a")[...].tolist() == list(range(1, 9))
    zh.convert(tmp_path / "m.h5", tmp_path / "m.zarr")
    assert zh.open_array(tmp_path / "m.zarr", path="a")[...].tolist() == list(range(1, 9))


def test_what_cannot_be_shown_is_named_and_the_rest_works(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["g/a"] = [1, 2]
        file["g/up"] = file["/"]
        file["up too"] = h5py.SoftLink("/")
        file["soft"] = h5py.SoftLink("/g/a")
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["circle"] = h5py.SoftLink("circle")
        file["outside"] = h5py.ExternalLink("/etc/passwd", "/")
        file["type"] = np.dtype("f8")
    group: Any = zh.open_group(tmp_path / "f.h5")
    assert [path for path, _ in group.members(max_depth=None)] == ["g", "g/a", "soft"]
    assert group["soft"][...].tolist() == [1, 2]
    why = group.unreadable()
    assert set(why) == {"up too", "dangling", "circle", "outside", "type"}
    assert "a group above it" in why["up too"]
    assert "leads nowhere" in why["dangling"]
    assert "links to follow" in why["circle"]
    assert "leads out of the directory" in why["outside"]
    assert "neither a group nor a dataset" in why["type"]
    assert list(group["g"].unreadable()) == ["up"]
    assert "unreadable: a link that leads nowhere" in str(group.tree())
    done = zh.convert(tmp_path / "f.h5", tmp_path / "f.zarr")
    assert done.converted == ("g/a", "soft")
    assert set(dict(done.skipped)) == {"g/up", *why}


def test_external_links_stay_in_the_directory(tmp_path: Path) -> None:
    (tmp_path / "a" / "below").mkdir(parents=True)
    for name in ("other.h5", "a/below/inner.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            file["x/values"] = [3, 4]
            file["back"] = h5py.ExternalLink("../f.h5", "/")
    with h5py.File(tmp_path / "a" / "f.h5", "w") as file:
        file["inner"] = h5py.ExternalLink("below/inner.h5", "/x")
        file["outer"] = h5py.ExternalLink("../other.h5", "/x")
    group: Any = zh.open_group(tmp_path / "a" / "f.h5")
    assert group["inner/values"][...].tolist() == [3, 4]
    assert list(group.unreadable()) == ["outer"]
    with pytest.raises(errors.UnsupportedFeatureError, match="leads out"):
        group["outer/values"]
    anywhere: Any = zh.open_group(tmp_path / "a" / "f.h5", links_outside=True)
    assert anywhere["outer/values"][...].tolist() == [3, 4]


def test_external_files_and_virtual_datasets(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("outer.raw", "a/inner.raw"):
        (tmp_path / name).write_bytes(np.arange(6, dtype="<i4").tobytes())
    with h5py.File(tmp_path / "a" / "source.h5", "w") as file:
        file["x"] = np.arange(5)
    layout = h5py.VirtualLayout((2, 5), "i8", maxshape=(None, 5))
    layout[0] = h5py.VirtualSource("source.h5", "x", (5,))
    with h5py.File(tmp_path / "a" / "f.h5", "w") as file:
        file.create_dataset("inner", (6,), "<i4", external=[("inner.raw", 0, 24)])
        file.create_dataset("outer", (6,), "<i4", external=[("../outer.raw", 0, 24)])
        file.create_virtual_dataset("virtual", layout, fillvalue=7)
    group: Any = zh.open_group(tmp_path / "a" / "f.h5")
    assert group["inner"][...].tolist() == list(range(6))
    assert group["virtual"][...].tolist() == [list(range(5)), [7] * 5]
    with pytest.raises(errors.UnsupportedFeatureError, match="leads out"):
        group["outer"][...]
    anywhere: Any = zh.open_group(tmp_path / "a" / "f.h5", links_outside=True)
    assert anywhere["outer"][...].tolist() == list(range(6))


NAMES = ["back\\slash", "..", "...", "zarr.json", "100%", "a%41", "%", b"\xff raw", "ü", " ", "c"]


def test_names_that_are_not_zarrs(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        for i, name in enumerate(NAMES):
            file[name] = [i]
    group: Any = zh.open_group(tmp_path / "f.h5")
    assert {group[name][0] for name in group} == set(range(len(NAMES)))
    assert set(group) == {
        *("back%5Cslash", "%2E%2E", "%2E%2E%2E", "zarr%2Ejson"),
        *("100%", "a%2541", "%", "%FF raw", "ü", " ", "c"),
    }
    assert group["back\\slash"][0] == 0
    assert zh.open_array(tmp_path / "f.h5", path="zarr.json")[0] == 3


def test_attributes_and_dimension_names(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["x"] = [1.0, 2.0]
        file["x"].make_scale("x")
        file["a"] = np.zeros((2, 3))
        file["a"].dims[0].attach_scale(file["x"])
        file["a"].dims[1].label = "y"
        file["a"].attrs["units"] = "K"
        file["plain"] = [1]
    group: Any = zh.open_group(tmp_path / "f.h5")
    arrays = dict(group.arrays())
    assert arrays["a"].dimension_names == ("x", "y")
    assert arrays["x"].dimension_names == ("x",)
    assert arrays["plain"].dimension_names is None
    assert arrays["a"].attrs.asdict() == {"units": "K"}


def test_the_file_may_change(tmp_path: Path) -> None:
    """A remembered chunk index is not used on a file that was written since."""
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("a", (8,), "i4", chunks=(4,), compression="gzip")[:4] = 1
    array = zh.open_array(tmp_path / "f.h5", path="a")
    assert array[...].tolist() == [1] * 4 + [0] * 4
    with h5py.File(tmp_path / "f.h5", "r+") as file:
        file["a"][...] = np.arange(8)
    assert array[...].tolist() == list(range(8))


@pytest.mark.parametrize(
    "damage",
    [lambda d: d[: len(d) // 2], lambda d: d[:600], lambda d: d[:8], lambda d: d[:8] + bytes(len(d) - 8)],
)
def test_broken_files(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("a", data=np.arange(4096), chunks=(64,), compression="gzip")
    data = (tmp_path / "f.h5").read_bytes()
    (tmp_path / "broken.h5").write_bytes(damage(data))
    with pytest.raises(errors.CorruptDataError):
        zh.open_array(tmp_path / "broken.h5", path="a")[...]


def test_a_filter_nobody_has(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((4,))
        properties.set_filter(300, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5py.h5s.create_simple((4,))
        dataset = h5py.h5d.create(file.id, b"a", h5py.h5t.STD_I32LE, space, dcpl=properties)
        dataset.write_direct_chunk((0,), bytes(16))
        file["b"] = [1]
    assert zh.open_array(tmp_path / "f.h5", path="b")[...].tolist() == [1]
    with pytest.raises(errors.UnsupportedFeatureError, match="filter 300"):
        zh.open_array(tmp_path / "f.h5", path="a")[...]


def test_an_array_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    """Nothing of it stays behind: half an array would look like a whole one."""
    with h5py.File(tmp_path / "f.h5", "w") as file:
        dataset = file.create_dataset("bad", (8,), "i4", chunks=(4,), compression="gzip")
        dataset[:4] = 1
        dataset.id.write_direct_chunk((4,), b"no zlib stream")
        file["good"] = [1, 2]
    done = zh.convert(tmp_path / "f.h5", tmp_path / "f.zarr", compressors="zstd")
    assert done.converted == ("good",)
    ((path, reason),) = done.skipped
    assert path == "bad"
    assert "inner chunk (1,)" in reason
    assert zh.open_group(tmp_path / "f.zarr").keys() == ["good"]


def test_names_too_long_for_the_file_system(tmp_path: Path) -> None:
    long = "x" * 300
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file[long] = [1]
        file[f"g/{long}/a"] = [1]
        file["good"] = [1, 2]
    done = zh.convert(tmp_path / "f.h5", tmp_path / "f.zarr")
    assert done.converted == ("good",)
    assert dict(done.skipped) == dict.fromkeys((long, f"g/{long}"), "its name is too long for the file system")


def test_the_documents_of_a_file_are_read_only(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["g/a"] = [1]
    store = zh.open_group(tmp_path / "f.h5").store
    assert set(store.list_prefix("")) == {"zarr.json", "g/zarr.json", "g/a/c/0", "g/a/zarr.json"}
    assert store.exists("g/a/c/0")
    assert not store.exists("g/a/c/1")
    with pytest.raises(errors.ReadOnlyError):
        store.set("x", [b""])
    with pytest.raises(errors.ReadOnlyError):
        store.delete("x")
    with pytest.raises(errors.ReadOnlyError):
        store.delete_prefix("")
