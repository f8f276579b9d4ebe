"""The programs that `run.py` compares: how each creates, writes and reads the array of the benchmark."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt
import tensorstore
import zarr
import zarrs  # noqa: F401 - registers its pipeline with zarr-python

import zarr_hdf5 as zh

__all__ = ["CODECS", "SHAPE", "Contender", "contenders"]

SHAPE = (512, 256, 256)
CODECS = ("none", "blosc", "zstd", "deflate")
Values = npt.NDArray[Any]
Shape = tuple[int, ...]

PIPELINES = {
    "zarr-python": "zarr.core.codec_pipeline.BatchedCodecPipeline",
    "zarrs (zarr-python)": "zarrs.ZarrsCodecPipeline",
}
COMPRESSORS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "zstd": [{"name": "zstd", "configuration": {"level": 1, "checksum": False}}],
    "blosc": [
        {
            "name": "blosc",
            "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "shuffle", "typesize": 2, "blocksize": 0},
        }
    ],
    "deflate": [
        {"name": "numcodecs.shuffle", "configuration": {"elementsize": 2}},
        {"name": "numcodecs.zlib", "configuration": {"level": 1}},
    ],
}
HDF5: dict[str, dict[str, Any]] = {
    "none": {},
    "zstd": dict(hdf5plugin.Zstd(clevel=1)),
    "blosc": dict(hdf5plugin.Blosc("zstd", 1, hdf5plugin.Blosc.SHUFFLE)),
    "deflate": {"shuffle": True, "compression": "gzip", "compression_opts": 1},
}


@dataclass(frozen=True)
class Contender:
    """`write` replaces the whole array; `read` takes a region of it from the open array."""

    name: str
    write: Callable[[Values], object]
    read: Callable[[Any], Values]


def contenders(codec: str, folder: Path, chunks: Shape, shards: Shape) -> list[Contender]:
    """Those that know the codec, zarr_hdf5 first."""
    common: dict[str, Any] = {"shape": SHAPE, "dtype": "u2", "chunks": chunks, "shards": shards}
    ours = zh.create_array(folder / "ours.zarr", compressors=COMPRESSORS[codec], **common)
    found = [_indexed("zarr_hdf5", ours)]
    for name, pipeline in PIPELINES.items():
        # zarr-python makes an array's pipeline when it opens the array.
        with zarr.config.set({"codec_pipeline.path": pipeline}):
            array = zarr.create_array(folder / f"{name}.zarr", compressors=COMPRESSORS[codec] or None, **common)
        found.append(_indexed(name, array))
    if codec != "deflate":
        found.append(_tensorstore(folder / "tensorstore.zarr", COMPRESSORS[codec], chunks, shards))
    file = h5py.File(folder / "h5py.h5", "w", rdcc_nbytes=0)
    found.append(_indexed("h5py (no shards)", file.create_dataset("data", SHAPE, "u2", chunks=chunks, **HDF5[codec])))
    return found


def _indexed(name: str, array: Any) -> Contender:
    return Contender(name, lambda values: array.__setitem__(..., values), lambda region: np.asarray(array[region]))


def _tensorstore(path: Path, compressors: list[dict[str, Any]], chunks: Shape, shards: Shape) -> Contender:
    inner = [{"name": "bytes", "configuration": {"endian": "little"}}, *compressors]
    if compressors and compressors[0]["name"] == "zstd":
        inner[1] = {"name": "zstd", "configuration": {"level": 1}}
    metadata = {
        "shape": SHAPE,
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shards}},
        "codecs": [{"name": "sharding_indexed", "configuration": {"chunk_shape": chunks, "codecs": inner}}],
    }
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}, "metadata": metadata}
    array = tensorstore.open(spec, create=True).result()
    return Contender(
        "tensorstore",
        lambda values: array.write(values).result(),
        lambda region: np.asarray(array[region].read().result()),
    )
