"""What zarrita.js makes of codecs that HDF5 has no filter for, in arrays without shards; `readers` says the same."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import zarr_hdf5 as zh

HERE = Path(__file__).parent


def codec(name: str, **configuration: Any) -> dict[str, Any]:
    return {"name": name, "configuration": configuration}


NAN_MAP = {"encode": [["NaN", 0], ["Infinity", 1]], "decode": [[0, "NaN"], [1, "Infinity"]]}
SCALE_OFFSET = codec("scale_offset", offset=-4, scale=0.5)
FILTERS: list[tuple[str, list[dict[str, Any]]]] = [
    ("<f4", [codec("bitround", keepbits=6)]),
    ("<f8", [codec("numcodecs.bitround", keepbits=6)]),
    ("<i4", [codec("numcodecs.delta", dtype="<i4")]),
    ("<f4", [SCALE_OFFSET]),
    ("<f8", [SCALE_OFFSET]),
    ("<i4", [codec("scale_offset", offset=-4, scale=3)]),
    ("<f4", [codec("cast_value", data_type="float64")]),
    ("<f8", [codec("cast_value", data_type="float32", rounding="towards-zero")]),
    *(
        ("<f8", [SCALE_OFFSET, codec("cast_value", data_type="int16", rounding=rounding, out_of_range=beyond)])
        for rounding in ("nearest-even", "nearest-away", "towards-positive", "towards-negative", "towards-zero")
        for beyond in ("clamp", "wrap")
    ),
    ("<f4", [codec("cast_value", data_type="uint16", out_of_range="clamp", scalar_map=NAN_MAP)]),
    ("<f4", [codec("reshape", shape=[[0, 1]])]),
    ("|b1", [codec("numcodecs.packbits")]),
]
SERIALIZERS = [
    ("|b1", codec("packbits")),
    ("<f4", codec("zfp", mode="reversible")),
    ("<f4", codec("numcodecs.zfpy")),
    ("<f4", codec("numcodecs.pcodec")),
]
COMPRESSORS = [
    codec("numcodecs.blosc", cname="lz4", clevel=5, shuffle=1, blocksize=0),
    codec("numcodecs.gzip", level=1),
    codec("numcodecs.zstd", level=1),
    codec("numcodecs.lz4"),
    codec("numcodecs.crc32c"),
    codec("numcodecs.jenkins_lookup3"),
    codec("conditional", codecs=[codec("zstd", level=1, checksum=False)], header_bits=8),
]
TABLE: list[tuple[str, dict[str, Any]]] = [
    *((dtype, {"filters": filters, "compressors": None}) for dtype, filters in FILTERS),
    *((dtype, {"serializer": serializer, "compressors": None}) for dtype, serializer in SERIALIZERS),
    *(("<i4", {"compressors": [document]}) for document in COMPRESSORS),
]


def values(dtype: str) -> npt.NDArray[Any]:
    """Numbers, halves and quarters among them where they can be."""
    numbers = np.arange(-17, 18).reshape(5, 7)
    return np.asarray(numbers % 3 == 0) if dtype == "|b1" else (numbers / (4 if "f" in dtype else 1)).astype(dtype)


def decode(answer: dict[str, Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    raw = base64.b64decode(answer["data"])
    if len(raw) != np.prod(answer["shape"]) * dtype.itemsize:
        return np.empty(0, dtype)
    strides = [n * dtype.itemsize for n in answer["strides"]]
    return np.ndarray(answer["shape"], dtype, raw, strides=strides)


def test_zarrita(node_modules: Path, tmp_path: Path) -> None:
    arrays = []
    for number, (dtype, options) in enumerate(TABLE):
        path = tmp_path / f"{number}.zarr"
        data = values(dtype)
        if "scalar_map" in str(options):
            data[0, :2] = np.nan, np.inf
        arrays.append(zh.create_array(path, data=data, chunks=(2, 3), shards=None, hdf5=False, **options))
    shutil.copy(HERE / "read_codecs.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(node_modules)
    command = ["node", "read_codecs.mjs", *(str(tmp_path / f"{number}.zarr") for number in range(len(TABLE)))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[int, Any] = {}
    wanted: dict[int, Any] = {}
    for number, (array, answer) in enumerate(zip(arrays, json.loads(done.stdout), strict=True)):
        row = next(row for row in array.readers() if row.program == "zarrita.js")
        equal = "error" not in answer and decode(answer, array.dtype).tobytes() == array[...].tobytes()
        found[number] = (TABLE[number], equal, answer.get("error", "") if not equal else "")
        wanted[number] = (TABLE[number], row.opens, found[number][2])
    assert {n: v for n, v in found.items() if v != wanted[n]} == {}
