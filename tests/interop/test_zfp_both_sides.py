"""Chunks of codec `zfp` are those of HDF5's filter 32013: each side reads what the other has written."""

from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt
import pytest
from hdf5_judges import read_h5dump, read_h5py

import zarr_hdf5 as zh
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain

Array = npt.NDArray[Any]

MODES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"mode": "reversible"}, {"reversible": True}),
    ({"mode": "fixed_accuracy", "tolerance": 0.05}, {"accuracy": 0.05}),
    ({"mode": "fixed_rate", "rate": 10.5}, {"rate": 10.5}),
    ({"mode": "fixed_rate", "rate": 60}, {"rate": 60}),
    ({"mode": "fixed_precision", "precision": 17}, {"precision": 17}),
]
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = [
    ((30,), (7,), (14,)),
    ((9, 14), (4, 6), (8, 12)),
    ((5, 6, 7), (2, 3, 4), (4, 6, 8)),
    ((4, 5, 6, 7), (2, 3, 3, 4), (4, 6, 6, 8)),
]


def smooth(shape: tuple[int, ...], dtype: str) -> Array:
    return np.cumsum(np.random.default_rng(0).normal(0, 9, shape), axis=-1).astype(dtype)


# zfp has no accuracy of integers.
CASES = [
    (dtype, *mode)
    for dtype in ("<i4", "<i8", "<f4", "<f8")
    for mode in MODES
    if "i" not in dtype or "tolerance" not in mode[0]
]


@pytest.mark.parametrize(("shape", "chunks", "shards"), SHAPES, ids=[f"{len(s[0])}d" for s in SHAPES])
@pytest.mark.parametrize(("dtype", "configuration", "plugin"), CASES)
def test_both_sides(
    configuration: dict[str, Any],
    plugin: dict[str, Any],
    dtype: str,
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    shards: tuple[int, ...],
    tmp_path: Path,
) -> None:
    data = smooth(shape, dtype)
    zfp = {"name": "zfp", "configuration": configuration}
    codecs = [{"name": "crc32c", "configuration": {}}] if len(shape) == 2 else None
    array = zh.create_array(
        tmp_path / "x.zarr", data=data, chunks=chunks, shards=shards, serializer=zfp, compressors=codecs
    )
    assert array.hdf5 is not None
    assert zh.verify(tmp_path / "x.zarr")
    coords = (0,) * len(shape)
    region = tuple(slice(0, n) for n in shards)
    expected = array[region]
    if configuration["mode"] == "reversible":
        np.testing.assert_array_equal(expected, data[region])
    shard = Path(array.hdf5.file(coords))
    assert read_h5py(shard).tobytes() == expected.tobytes()
    if len(shape) == 2:
        assert read_h5dump(shard, tmp_path / "out", expected).tobytes() == expected.tobytes()

    # What HDF5 writes, with a header of its own making.
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        theirs = file.create_dataset("x", data=data[region], chunks=chunks, **hdf5plugin.Zfp(**plugin))
        with h5py.File(shard) as ours:
            name = ours["data"].id.get_create_plist().get_filter(0)
        assert theirs.id.get_create_plist().get_filter(0)[2] == name[2]
        chain = parse_chain([("zfp", configuration)], (), [])
        assert chain is not None
        prepared = chain.prepare(ChunkSpec(chunks, np.dtype(dtype), np.zeros(1, dtype)[0]))
        part = tuple(slice(0, n) for n in chunks)
        decoded = prepared.decode(theirs.id.read_direct_chunk(coords)[1])
        np.testing.assert_array_equal(decoded, theirs[part])


def test_dimensions_of_one_element(tmp_path: Path) -> None:
    """HDF5's filter leaves them out of its header; a header with them is read as well."""
    data = smooth((3, 8), "<f4")
    zfp = {"name": "zfp", "configuration": {"mode": "reversible"}}
    array = zh.create_array(
        tmp_path / "x.zarr", data=data, chunks=(1, 8), shards=(3, 8), serializer=zfp, compressors=None
    )
    assert array.hdf5 is not None
    np.testing.assert_array_equal(read_h5py(Path(array.hdf5.file((0, 0)))), data)


def test_transposed(tmp_path: Path) -> None:
    data = smooth((6, 8), "<f8")
    zfp = {"name": "zfp", "configuration": {"mode": "reversible"}}
    swap = {"name": "transpose", "configuration": {"order": [1, 0]}}
    options: Any = {"filters": [swap], "serializer": zfp, "compressors": None}
    array = zh.create_array(tmp_path / "x.zarr", data=data, chunks=(3, 8), shards=(6, 8), **options)
    assert array.hdf5 is not None
    np.testing.assert_array_equal(read_h5py(Path(array.hdf5.file((0, 0)))), data.T)


@pytest.mark.parametrize("dtype", ["|i1", "<u4", "<f2"])
def test_promoted_numbers_have_no_hdf5_side(dtype: str) -> None:
    zfp = {"name": "zfp", "configuration": {"mode": "reversible"}}
    with pytest.raises(zh.errors.UnsupportedFeatureError, match="promote"):
        zh.create_array("memory://zfp", data=np.zeros((4, 4), dtype), serializer=zfp, compressors=None)


def test_header_in_each_chunk_has_no_hdf5_side() -> None:
    zfpy = {"name": "numcodecs.zfpy", "configuration": {}}
    with pytest.raises(zh.errors.UnsupportedFeatureError, match="in the dataset"):
        zh.create_array("memory://zfp", data=np.zeros((4, 4)), serializer=zfpy, compressors=None)
