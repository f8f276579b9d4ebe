"""The programs that `run.py` compares: how each creates and opens the array of the benchmark."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import h5py
import hdf5plugin
import zarr
import zarr.core.codec_pipeline
import zarrs  # noqa: F401 - registers its pipeline with zarr-python
from floor import Floor
from layout import Layout
from open_array import DATASET, H5pyArray, H5pyShards, OpenArray, TensorStoreArray, Values, ZarrArray

import zarr_hdf5 as zh
from zarr_hdf5.plugins.zarr_python import HDF5Store
from zarr_hdf5.stores.local import LocalStore

__all__ = ["FILTERS", "OURS", "Contender", "contenders", "left_out", "legacy_contenders"]

OURS, H5PY = "zarr_hdf5", "h5py"
FUSED = hasattr(zarr.core.codec_pipeline, "FusedCodecPipeline")
PIPELINES = {
    "zarr-python": "zarr.core.codec_pipeline.BatchedCodecPipeline",
    **({"zarr-python, fused": "zarr.core.codec_pipeline.FusedCodecPipeline"} if FUSED else {}),
    "zarrs": "zarrs.ZarrsCodecPipeline",
}
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "deflate": {"shuffle": True, "compression": "gzip", "compression_opts": 1},
    "zstd": dict(hdf5plugin.Zstd(clevel=1)),
    "blosc": dict(hdf5plugin.Blosc("zstd", 1, hdf5plugin.Blosc.SHUFFLE)),
}
"""Codecs, as h5py's options."""


@dataclass(frozen=True)
class Contender:
    """One program.

    open
        Opens what was written.
    create
        An empty array in place of what was there; None for those that read the files of another.
    role
        A reference is compared with, but is no competitor.
    only
        The workloads it takes part in; all if empty.
    context
        What must hold whenever it does something.
    """

    name: str
    open: Callable[[], OpenArray]
    create: Callable[[], OpenArray] | None = None
    role: Literal["ours", "peer", "reference"] = "peer"
    only: tuple[str, ...] = ()
    context: Callable[[], AbstractContextManager[Any]] = nullcontext


def left_out() -> list[str]:
    """Who does not take part, and why."""
    fused = [] if FUSED else [f"zarr-python's fused pipeline: zarr {version('zarr')} has none"]
    return [*fused, "tensorstore for deflate: it has no byte shuffle"]


def contenders(layout: Layout, folder: Path, values: Values, *, shared: bool = False) -> list[Contender]:
    """Those that know the codec, zarr_hdf5 first. `shared`: all that know Zarr open what zarr_hdf5 wrote."""
    ours = folder / OURS
    found = [_ours(OURS, layout, ours, "ours", in_place=True)]
    for name, pipeline in PIPELINES.items():
        found.append(_zarr_python(name, pipeline, layout, ours if shared else folder / name, create=not shared))
    if layout.codec != "deflate":
        found.append(_tensorstore(layout, ours if shared else folder / "tensorstore", create=not shared))
    found.append(_h5py(layout, folder / "h5py.h5"))
    shards = partial(H5pyShards, ours, layout.shape, layout.shards, layout.dtype)
    found.append(Contender("h5py, same shards", shards, only=("read",)))
    found.append(_ours("replacing shards", layout, folder / "replaced", "reference", only=("write", "update")))
    found.append(_ours("no HDF5 view", layout, folder / "plain", "reference", only=("write",), hdf5=False))
    floor = Floor(layout, values, ours)
    found.append(Contender("floor", lambda: floor, lambda: floor, "reference", ("read", "write")))
    return found


def legacy_contenders(layout: Layout, folder: Path) -> list[Contender]:
    """Readers of a file that h5py writes."""
    path = folder / "h5py.h5"
    return [
        Contender(OURS, lambda: ZarrArray(zh.open_array(path, path=DATASET)), role="ours"),
        _h5py(layout, path),
        Contender(
            "zarr-python, HDF5Store",
            lambda: ZarrArray(zarr.open_array(HDF5Store(path, read_only=True), path=DATASET, mode="r")),
        ),
    ]


def _ours(
    name: str,
    layout: Layout,
    path: Path,
    role: Literal["ours", "reference"],
    only: tuple[str, ...] = (),
    *,
    in_place: bool = False,
    **more: Any,
) -> Contender:
    store = LocalStore(path, in_place=in_place)

    def create() -> OpenArray:
        shutil.rmtree(path, ignore_errors=True)
        return ZarrArray(zh.create_array(store, compressors=layout.compressors, **layout.common, **more))

    return Contender(name, lambda: ZarrArray(zh.open_array(store, "r+")), create, role, only)


def _zarr_python(name: str, pipeline: str, layout: Layout, path: Path, *, create: bool) -> Contender:
    def new() -> OpenArray:
        shutil.rmtree(path, ignore_errors=True)
        return ZarrArray(zarr.create_array(path, compressors=layout.compressors or None, **layout.common))

    # Pipelines are chosen when an array is opened, and for the chunks in a shard again when it is read.
    context = partial(zarr.config.set, {"codec_pipeline.path": pipeline})
    return Contender(name, lambda: ZarrArray(zarr.open_array(path)), new if create else None, context=context)


def _tensorstore(layout: Layout, path: Path, *, create: bool) -> Contender:
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
    metadata = {
        "shape": layout.shape,
        "data_type": layout.dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": layout.shards}},
        "codecs": [
            {"name": "sharding_indexed", "configuration": {"chunk_shape": layout.chunks, "codecs": layout.plain_codecs}}
        ],
    }

    def new() -> OpenArray:
        return TensorStoreArray({**spec, "metadata": metadata}, create=True, delete_existing=True)

    return Contender("tensorstore", lambda: TensorStoreArray(spec, open=True), new if create else None)


def _h5py(layout: Layout, path: Path) -> Contender:
    def create() -> OpenArray:
        file = h5py.File(path, "w")
        file.create_dataset(DATASET, layout.shape, layout.dtype, chunks=layout.chunks, **FILTERS[layout.codec])
        return H5pyArray(file)

    return Contender(H5PY, lambda: H5pyArray(h5py.File(path, "r+")), create)
