"""Other programs that read and write Zarr arrays, each by its path."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore
import zarr
import zarrista
from interop_cases import Document, Slices, Values
from zarr_python_worker import zarr_python_options

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


def read_tensorstore(path: Path) -> Values:
    return np.asarray(_tensorstore(path).read().result())


def overwrite_zarr_python(path: Path, region: Slices, values: Values) -> None:
    zarr.open_array(path, mode="r+")[region] = values


def overwrite_zarrs(path: Path, region: Slices, values: Values) -> None:
    with zarr.config.set(STRICT_ZARRS):
        overwrite_zarr_python(path, region, values)


def overwrite_zarrista(path: Path, region: Slices, values: Values) -> None:
    array = zarrista.Array.open(zarrista.store.FilesystemStore(str(path)))
    # It takes complex numbers, which it reads as any other, only as bytes.
    array.store_array_subset(region, values.tobytes() if values.dtype.kind == "c" else np.ascontiguousarray(values))


def overwrite_tensorstore(path: Path, region: Slices, values: Values) -> None:
    _tensorstore(path)[region].write(values).result()


def create_zarr_python(path: Path, document: Document) -> None:
    zarr.create_array(path, **zarr_python_options(document))


def create_zarrs(path: Path, document: Document) -> None:
    with zarr.config.set(STRICT_ZARRS):
        create_zarr_python(path, document)


def create_zarrista(path: Path, document: Document) -> None:
    zarrista.Array.from_metadata(document, zarrista.store.FilesystemStore(str(path))).store_metadata()


def create_tensorstore(path: Path, document: Document) -> None:
    wanted = {key: value for key, value in document.items() if key not in ("zarr_format", "node_type")}
    _tensorstore(path, metadata=wanted, create=True)


def _tensorstore(path: Path, **options: Any) -> Any:
    kvstore = {"driver": "file", "path": f"{path}/"}
    return tensorstore.open({"driver": "zarr3", "kvstore": kvstore, **options}).result()


@dataclass(frozen=True)
class Program:
    """How one program reads an array, overwrites a region, and creates an array from what its zarr.json is to say."""

    read: Callable[[Path], Values]
    overwrite: Callable[[Path, Slices, Values], None]
    create: Callable[[Path, Document], None]


PROGRAMS = {
    "zarr-python": Program(read_zarr_python, overwrite_zarr_python, create_zarr_python),
    "zarrs": Program(read_zarrs, overwrite_zarrs, create_zarrs),
    "zarrista": Program(read_zarrista, overwrite_zarrista, create_zarrista),
    "tensorstore": Program(read_tensorstore, overwrite_tensorstore, create_tensorstore),
}
ZARR_JUDGES = {name: program.read for name, program in PROGRAMS.items()}
