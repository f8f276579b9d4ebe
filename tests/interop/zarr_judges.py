"""Other programs that read and write Zarr: each opens an array by its path."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore
import zarr
import zarrista

from interop_cases import Values

STRICT_ZARRS = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "codec_pipeline.strict": True}


def read_zarr_python(path: Path) -> Values:
    return np.asarray(zarr.open_array(path, mode="r")[...])


def read_zarrs(path: Path) -> Values:
    with zarr.config.set(STRICT_ZARRS):
        return read_zarr_python(path)


def read_zarrista(path: Path) -> Values:
    array = zarrista.Array.open(zarrista.store.FilesystemStore(str(path)))
    tensor = array.retrieve_array_subset(...)
    if array.metadata["data_type"] == "r24":  # which it hands out as bytes only
        return np.frombuffer(tensor.buffer(), "V3").reshape(tensor.shape)
    return np.array(tensor.to_numpy())


def open_tensorstore(path: Path) -> Any:
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/"}}
    return tensorstore.open(spec).result()


def read_tensorstore(path: Path) -> Values:
    return np.asarray(open_tensorstore(path).read().result())


ZARR_JUDGES: dict[str, Callable[[Path], Values]] = {
    "zarr-python": read_zarr_python,
    "zarrs": read_zarrs,
    "zarrista": read_zarrista,
    "tensorstore": read_tensorstore,
}
