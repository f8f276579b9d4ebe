"""`readers` about every codec there is, with and without its optional configuration, in arrays without shards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interop_cases import Document, codec, same
from newest_zarr import NewestZarr
from zarr_judges import ZARR_JUDGES
from zarr_python_worker import digest

import zarr_hdf5 as zh
from zarr_hdf5.codecs.registry import codec_names

BLOSC = {"clevel": 1, "blocksize": 0}
COMPRESSORS = [
    codec("crc32c"),
    codec("gzip", level=1),
    codec("zstd", level=1, checksum=False),
    codec("zstd", level=22, checksum=True),
    codec("zstd", level=-5, checksum=False),
    codec("zstd", level=1),
    codec("zstd"),
    *(
        codec("blosc", cname=cname, shuffle="shuffle", typesize=4, **BLOSC)
        for cname in ("blosclz", "lz4", "lz4hc", "zlib", "zstd")
    ),
    codec("blosc", cname="lz4", shuffle="bitshuffle", typesize=4, **BLOSC),
    codec("blosc", cname="lz4", shuffle="noshuffle", **BLOSC),
    codec("numcodecs.shuffle", elementsize=4),
    codec("numcodecs.shuffle"),
    codec("numcodecs.zlib", level=0),
    codec("numcodecs.zlib", level=9),
    codec("numcodecs.zlib", level=-1),
    codec("numcodecs.zlib"),
    codec("numcodecs.bz2", level=1),
    codec("numcodecs.bz2"),
    codec("numcodecs.lz4", acceleration=1),
    codec("numcodecs.lz4"),
    codec("numcodecs.lzma"),
    codec("numcodecs.fletcher32"),
    codec("numcodecs.crc32"),
    codec("numcodecs.crc32", location="end"),
    codec("numcodecs.adler32"),
    codec("numcodecs.adler32", location="end"),
]
FILTERS = [
    (codec("transpose", order=[1, 0]), "<f4"),
    (codec("numcodecs.delta", dtype="<i4"), "<i4"),
    (codec("numcodecs.bitround", keepbits=8), "<f4"),
    (codec("numcodecs.fixedscaleoffset", offset=0, scale=1, dtype="<f4", astype="<i4"), "<f4"),
    (codec("numcodecs.packbits"), "|b1"),
    (codec("numcodecs.quantize", digits=1, dtype="<f4"), "<f4"),
    (codec("numcodecs.astype", encode_dtype="<f8", decode_dtype="<f4"), "<f4"),
]


def sharding(chunk: list[int], *codecs: Document) -> Document:
    index = [codec("bytes", endian="little"), codec("crc32c")]
    return codec("sharding_indexed", chunk_shape=chunk, codecs=list(codecs), index_codecs=index, index_location="end")


LITTLE, GZIP = codec("bytes", endian="little"), codec("gzip", level=1)
SERIALIZERS = [
    (codec("endian", endian="little"), []),
    (sharding([1, 3], LITTLE), [GZIP]),
    (sharding([1, 3], sharding([1, 1], LITTLE), GZIP), []),
    (sharding([2, 1], codec("transpose", order=[1, 0]), sharding([1, 2], LITTLE)), []),
]
TABLE: list[tuple[str, dict[str, Any]]] = [
    *(("<f4", {"compressors": [document]}) for document in COMPRESSORS),
    *((dtype, {"filters": [document], "compressors": None}) for document, dtype in FILTERS),
    *(("<f4", {"serializer": serializer, "compressors": after}) for serializer, after in SERIALIZERS),
    ("<f4", {"serializer": codec("bytes", endian="big"), "compressors": None}),
    ("<c8", {"serializer": codec("bytes", endian="big"), "compressors": None}),
]
IDS = [f"{i}-{dtype}-{'-'.join(options)}" for i, (dtype, options) in enumerate(TABLE)]


def create(path: Path, dtype: str, options: dict[str, Any]) -> zh.Array:
    data = (np.arange(35).reshape(5, 7) % (2 if dtype == "|b1" else 64)).astype(dtype)
    return zh.create_array(path, data=data * dtype_factor(dtype), chunks=(2, 3), shards=None, hdf5=False, **options)


def dtype_factor(dtype: str) -> Any:
    return np.array(1 + 2j if dtype == "<c8" else 1, dtype)


def opened(array: zh.Array) -> dict[str, bool]:
    return {row.program: row.opens for row in array.readers()}


VLEN = {"vlen-bytes", "vlen-utf8"}  # of strings and bytes: test_data_types_of_others.py


def test_the_table_has_every_codec() -> None:
    documents = [*COMPRESSORS, *(document for document, _ in FILTERS)]
    missing = set(codec_names()) - {document["name"] for document in documents}
    assert missing <= {"bytes", "endian", "sharding_indexed", *VLEN}  # the rest the table has as serializers


# zarr-python warns that it reads shards whole where other codecs are around the sharding.
@pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")
@pytest.mark.parametrize(("dtype", "options"), TABLE, ids=IDS)
def test_every_program(dtype: str, options: dict[str, Any], tmp_path: Path) -> None:
    array = create(tmp_path / "x.zarr", dtype, options)
    rows = opened(array)
    for program, read in ZARR_JUDGES.items():
        try:
            equal = same(read(tmp_path / "x.zarr"), array[...])
        except Exception:
            equal = False
        assert equal == rows[program], program


@pytest.mark.slow
def test_newest_zarr_python(tmp_path: Path, newest_zarr: NewestZarr) -> None:
    arrays = [create(tmp_path / str(i), dtype, options) for i, (dtype, options) in enumerate(TABLE)]
    answers = newest_zarr.work(tmp_path, [{"pipeline": "", "read": str(tmp_path / str(i))} for i in range(len(TABLE))])
    for name, array, answer in zip(IDS, arrays, answers, strict=True):
        assert (answer == digest(array[...])) == opened(array)["zarr-python"], (name, answer)
