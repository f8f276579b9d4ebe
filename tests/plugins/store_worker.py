"""Reads all arrays of an HDF5 file's root through the store: a program for an interpreter of any zarr-python.

    python store_worker.py URL PIPELINE

Prints their digests as JSON. Exits with `NOTHING_TO_DO` where it lacks the packages, or the codec pipeline.
"""

import hashlib
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["FUSED", "NOTHING_TO_DO", "WORKER", "digest"]

FUSED = "zarr.core.codec_pipeline.FusedCodecPipeline"
NOTHING_TO_DO = 77
WORKER = Path(__file__)


def digest(values: Any) -> str:
    """Of shape and values, whatever the byte order; text may be bytes."""
    values = np.asarray(values)
    if values.dtype.kind in "OTUS":
        texts = [item.decode() if isinstance(item, bytes) else str(item) for item in values.reshape(-1).tolist()]
        return f"{values.shape} {texts}"
    little = values if values.dtype.names else values.astype(values.dtype.newbyteorder("<"))
    return f"{values.shape} {hashlib.sha256(little.tobytes()).hexdigest()}"


def main(url: str, pipeline: str) -> int:
    try:
        importlib.import_module("hdf5plugin")
        zarr = importlib.import_module("zarr")
        plugin = importlib.import_module("zarr_hdf5.plugins.zarr_python")
        if pipeline:
            getattr(importlib.import_module(pipeline.rpartition(".")[0]), pipeline.rpartition(".")[2])
    except (ImportError, AttributeError) as error:
        print(f"{sys.executable}: {error}", file=sys.stderr)
        return NOTHING_TO_DO
    with zarr.config.set({"codec_pipeline.path": pipeline} if pipeline else {}):
        root = zarr.open_group(plugin.HDF5Store(url), mode="r")
        print(json.dumps({name: digest(array[...]) for name, array in root.arrays()}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
