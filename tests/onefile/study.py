"""A hierarchy of all kinds of arrays, and what other programs must find in it."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import zarr_hdf5 as zh
from zarr_hdf5.array.create import ArrayOptions

Values = npt.NDArray[Any]

RNG = np.random.default_rng(7)
GRID: Values = RNG.integers(-1000, 1000, (37, 53))
TRANSPOSE = {"name": "transpose", "configuration": {"order": [1, 0]}}
CRC32C = {"name": "crc32c", "configuration": {}}
TILES: ArrayOptions = {"chunks": (5, 9), "shards": (15, 27)}
STRINGS: Values = np.array([["a", "größe", ""], ["x" * 300, "µ", "end"]], object)
BYTES: Values = np.array([b"", b"\0\1", b"xyz" * 50, b"\xff"], object)

ARRAYS: dict[str, tuple[Values, ArrayOptions]] = {
    "sharded": (GRID.astype("<i4"), {**TILES, "dimension_names": ["y", "x"], "attributes": {"units": "m", "n": 3}}),
    "x": (np.linspace(0, 1, 53), {"dimension_names": ["x"], "attributes": {"long_name": "größe"}}),
    "unsharded": (GRID.astype("<f8"), {"chunks": (10, 20), "shards": None, "dimension_names": ["y", "x"]}),
    "big endian": (GRID.astype(">i2"), {**TILES, "compressors": None}),
    "zstd": (GRID.astype("<u2"), {**TILES, "compressors": "zstd"}),
    "blosc": (GRID.astype("<f4"), {**TILES, "compressors": "blosc"}),
    "transposed": (GRID.astype("<i8"), {**TILES, "filters": [TRANSPOSE], "dimension_names": ["y", "x"]}),
    "checked": (GRID.astype("<i4"), {**TILES, "compressors": [CRC32C]}),
    "checked unsharded": (GRID.astype("<i4"), {"chunks": (8, 8), "shards": None, "compressors": [CRC32C]}),
    "deep/er/µ": (GRID.astype("<u1"), {**TILES, "dimension_names": ["y", "x"]}),
    "deep/bool": (GRID % 3 == 0, TILES),
    "deep/complex": ((GRID + 1j).astype("<c16"), TILES),
    "one chunk larger than all": (GRID.astype("<i4"), {"chunks": (64, 64), "shards": (64, 64)}),
    "v2 keys": (GRID.astype("<i4"), {**TILES, "chunk_key_encoding": {"name": "v2", "separator": "."}}),
    "fixed strings": (np.array([b"ab", b"", b"xyz"] * 7, "S3"), {}),
    "structures": (np.array([(1, 2.5), (3, -4)], [("a", "<i2"), ("b", "<f8")]), {}),
    "strings": (STRINGS, {"dtype": "string"}),
    "bytes": (BYTES, {"dtype": "variable_length_bytes"}),
    "scalar": (np.array(2.5, "<f4"), {}),
    "empty": (np.zeros((0, 5), "<f4"), {"chunks": (3, 3)}),
}
NEVER_WRITTEN = "never written"
ZARR_ONLY = "Zarr only"


def write_study(path: Path) -> dict[str, Values]:
    """The study in one file, and its arrays' values."""
    with zh.create_group(path, attributes={"title": "a study of größe", "nested": {"a": [1, 2]}}) as root:
        for name, (values, options) in ARRAYS.items():
            wanted: ArrayOptions = {**options, "data": values}
            root.create_array(name, **wanted)
        root.create_array(NEVER_WRITTEN, shape=(7, 8), dtype="i2", chunks=(2, 3), shards=(4, 6), fill_value=-5)
        root.create_array(ZARR_ONLY, data=np.array(["one", "two", "é"]), hdf5=False)
        root["deep"].attrs["level"] = 1
    return {name: values for name, (values, _) in ARRAYS.items()} | {NEVER_WRITTEN: np.full((7, 8), -5, "<i2")}


def dataset_axes(name: str, values: Values) -> Values:
    """The values in the order of dimensions in which HDF5 has them."""
    return values.T if name == "transposed" else values
