"""Encoded chunks copied from one array to another: not one of them is decoded, and h5py reads the copies."""

from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.array.copy import has_same_chunks
from zarr_hdf5.codecs.pipeline import PreparedChain

VALUES = np.random.default_rng(3).integers(0, 99, (37, 50)).astype("<i4")

SOURCES: dict[str, dict[str, Any]] = {
    "deflate": {"compression": "gzip", "shuffle": True},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "none": {},
    "zstd": dict(hdf5plugin.Zstd()),
    "blosc": dict(hdf5plugin.Blosc("zstd")),
    "big": {"dtype": ">i4", "compression": "gzip"},
}


def write(path: Path, libver: str = "earliest", **options: Any) -> None:
    with h5py.File(path, "w", libver=libver) as file:
        dataset = file.create_dataset(
            "a", (37, 50), **{"dtype": "<i4", "chunks": (5, 8), "maxshape": (None, 50), "fillvalue": 7} | options
        )
        dataset[:20] = VALUES[:20]
        dataset[30:, 20:] = VALUES[30:, 20:]


def fail(*arguments: object) -> None:
    raise AssertionError("a chunk was decoded")


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("options", [{}, {"hdf5": False}, {"hdf5": zh.HDF5(libver="v110", index_location="start")}])
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_chunks_are_copied_as_bytes(
    name: str, options: dict[str, Any], libver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x.h5", libver, **SOURCES[name])
    with monkeypatch.context() as patch:
        patch.setattr(PreparedChain, "decode", fail)
        done = zh.convert(tmp_path / "x.h5", tmp_path / "x.zarr", shards=(20, 16), chunks=(5, 8), **options)
    assert done.converted == ("a",)
    with h5py.File(tmp_path / "x.h5") as file:
        wanted = file["a"][()]
    array = zh.open_array(tmp_path / "x.zarr", path="a")
    np.testing.assert_array_equal(array[...], wanted)
    if array.hdf5 is not None:
        dataset = array.hdf5.open()
        with dataset.file:
            np.testing.assert_array_equal(dataset[()], wanted)
        assert zh.verify(tmp_path / "x.zarr")


def test_a_chunk_with_skipped_filters_is_encoded_anew(tmp_path: Path) -> None:
    write(tmp_path / "x.h5", compression="gzip")
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        file["a"].id.write_direct_chunk((0, 8), np.ascontiguousarray(VALUES[:5, 8:16]).tobytes(), filter_mask=1)
        wanted = file["a"][()]
    zh.convert(tmp_path / "x.h5", tmp_path / "x.zarr", hdf5=False)
    np.testing.assert_array_equal(zh.open_array(tmp_path / "x.zarr", path="a")[...], wanted)


@pytest.mark.parametrize(
    "options",
    [{"chunks": (5, 4)}, {"fill_value": 0}, {"compressors": "zstd"}, {"dtype": "<u4"}, {"shape": (40, 50)}],
)
def test_what_differs_is_not_copied(options: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "x.h5", **SOURCES["deflate"])
    source = zh.open_array(tmp_path / "x.h5", path="a").stored
    like: dict[str, Any] = {"shape": (37, 50), "dtype": "<i4", "chunks": (5, 8), "shards": (20, 16), "fill_value": 7}
    codecs: list[Any] = [{"name": "numcodecs.shuffle", "configuration": {"elementsize": 4}}]
    codecs += [{"name": "numcodecs.zlib", "configuration": {"level": 4}}]
    same = zh.create_array("memory://same", **like | {"compressors": codecs, "overwrite": True})
    other = zh.create_array("memory://other", **like | {"compressors": codecs, "overwrite": True} | options)
    assert has_same_chunks(source, same.stored)
    assert not has_same_chunks(source, other.stored)
