"""`readers` about every codec there is, with and without its optional configuration, in arrays without shards."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
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
    codec("numcodecs.blosc", cname="zstd", clevel=3, shuffle=1, blocksize=0),
    codec("numcodecs.blosc"),
    codec("numcodecs.gzip", level=1),
    codec("numcodecs.gzip"),
    codec("numcodecs.zstd", level=1, checksum=False),
    codec("numcodecs.zstd", level=1),
    codec("numcodecs.zstd"),
    codec("numcodecs.crc32c"),
    codec("numcodecs.crc32c", location="end"),
    codec("numcodecs.crc32c", location="start"),
    codec("numcodecs.jenkins_lookup3"),
    codec("conditional", codecs=[codec("zstd", level=1, checksum=False)], header_bits=8),
]
FILTERS = [
    (codec("transpose", order=[1, 0]), "<f4"),
    (codec("numcodecs.delta", dtype="<i4"), "<i4"),
    (codec("numcodecs.bitround", keepbits=8), "<f4"),
    (codec("numcodecs.fixedscaleoffset", offset=0, scale=1, dtype="<f4", astype="<i4"), "<f4"),
    (codec("numcodecs.packbits"), "|b1"),
    (codec("numcodecs.quantize", digits=1, dtype="<f4"), "<f4"),
    (codec("numcodecs.astype", encode_dtype="<f8", decode_dtype="<f4"), "<f4"),
    (codec("bitround", keepbits=8), "<f4"),
    (codec("bitround", keepbits=3), "<i4"),
    (codec("reshape", shape=[[0, 1]]), "<f4"),
    (codec("reshape", shape=[1, [0], -1]), "<f4"),
    (codec("scale_offset", offset=0, scale=2), "<f4"),
    (codec("scale_offset", offset=-1, scale=1), "<i4"),
    (codec("cast_value", data_type="float64"), "<f4"),
    (codec("cast_value", data_type="int8", rounding="towards-zero", out_of_range="clamp"), "<f4"),
    (codec("cast_value", data_type="int16", scalar_map={"encode": [[63, 1000]], "decode": [[1000, 63]]}), "<i4"),
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
    (codec("numcodecs.pcodec"), []),
    (codec("numcodecs.pcodec", level=8, mode_spec="auto", delta_spec="auto", paging_spec="equal_pages_up_to"), []),
    (codec("numcodecs.zfpy", mode=4, tolerance=0), []),
    (codec("numcodecs.zfpy"), []),
    (codec("zfp", mode="reversible"), []),
    (codec("packbits"), []),
    (codec("packbits", padding_encoding="first_byte"), []),
]
TABLE: list[tuple[str, dict[str, Any]]] = [
    *(("<f4", {"compressors": [document]}) for document in COMPRESSORS),
    *((dtype, {"filters": [document], "compressors": None}) for document, dtype in FILTERS),
    *(("<f4", {"serializer": serializer, "compressors": after}) for serializer, after in SERIALIZERS),
    ("<f4", {"serializer": codec("bytes", endian="big"), "compressors": None}),
    ("<c8", {"serializer": codec("bytes", endian="big"), "compressors": None}),
    ("|b1", {"serializer": codec("packbits", padding_encoding="none"), "compressors": None}),
    ("|b1", {"serializer": codec("packbits", padding_encoding="last_byte"), "compressors": None}),
    ("<i4", {"serializer": codec("packbits", first_bit=0, last_bit=6), "compressors": None}),
    ("<c8", {"serializer": codec("packbits"), "compressors": None}),
]
IDS = [f"{i}-{dtype}-{'-'.join(options)}" for i, (dtype, options) in enumerate(TABLE)]


def create(path: Path, dtype: str, options: dict[str, Any]) -> zh.Array:
    data = (np.arange(35).reshape(5, 7) % (2 if dtype == "|b1" else 64)).astype(dtype)
    return zh.create_array(path, data=data * dtype_factor(dtype), chunks=(2, 3), shards=None, hdf5=False, **options)


def dtype_factor(dtype: str) -> Any:
    return np.array(1 + 2j if dtype == "<c8" else 1, dtype)


def opened(array: zh.Array, version: tuple[int, ...]) -> dict[str, bool]:
    """What `readers` says, of zarr-python in that version."""
    found = {}
    for row in array.readers():
        needed = re.match(r"needs zarr-python (\d+)\.(\d+)", row.note)
        found[row.program] = row.opens and (needed is None or version >= tuple(map(int, needed.groups())))
    return found


VLEN = {"vlen-bytes", "vlen-utf8"}  # of strings and bytes: test_data_types_of_others.py


def test_the_table_has_every_codec() -> None:
    documents = [*COMPRESSORS, *(document for document, _ in FILTERS)]
    documents += [options["serializer"] for _, options in TABLE if "serializer" in options]
    assert set(codec_names()) - {document["name"] for document in documents} == VLEN


# zarr-python warns that it reads shards whole where other codecs are around the sharding.
@pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")
@pytest.mark.parametrize(("dtype", "options"), TABLE, ids=IDS)
def test_every_program(dtype: str, options: dict[str, Any], tmp_path: Path) -> None:
    array = create(tmp_path / "x.zarr", dtype, options)
    rows = opened(array, tuple(int(part) for part in zarr.__version__.split(".")[:2]))
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
        assert (answer == digest(array[...])) == opened(array, newest_zarr.version)["zarr-python"], (name, answer)
