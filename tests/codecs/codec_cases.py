"""The table of codec chains that the tests of this folder share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.codecs.pipeline import PreparedChain
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.errors import Problem

Document = tuple[str, Mapping[str, Any]]
Array = npt.NDArray[Any]

LITTLE: Document = ("bytes", {"endian": "little"})
BIG: Document = ("bytes", {"endian": "big"})
NUMERIC = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16")
SOME = ("|u1", "<u2", "<f8")


@dataclass(frozen=True)
class Case:
    """A chain, the dtypes to try it with, and how near to the data a round trip comes."""

    id: str
    documents: tuple[Document, ...]
    dtypes: tuple[str, ...] = SOME
    shape: tuple[int, ...] = (7, 12)
    atol: float = 0
    zarr: bool = True
    """zarr-python can do it too."""

    checked: bool = False
    """Has a checksum over all bytes, so that no damage goes unnoticed."""


def behind(*documents: Document, **options: Any) -> Case:
    """A case with bytes->bytes codecs behind `bytes`."""
    return Case("+".join(name.removeprefix("numcodecs.") for name, _ in documents), (LITTLE, *documents), **options)


def before(*documents: Document, **options: Any) -> Case:
    """A case with array->array codecs before `bytes`."""
    return Case("+".join(name.removeprefix("numcodecs.") for name, _ in documents), (*documents, LITTLE), **options)


BLOSC = {"cname": "zstd", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0}
LZMA2 = {"id": 0x21, "preset": 1}
DELTA3 = {"id": 3, "dist": 4}

CASES = (
    Case("little", (LITTLE,), NUMERIC),
    Case("big", (BIG,), NUMERIC),
    Case("no endian", (("bytes", {}),), ("|b1", "|i1", "|u1", "|V3")),
    Case("raw", (LITTLE,), ("|V3", "|V16")),
    Case("scalar", (LITTLE,), ("<f4",), shape=()),
    Case("one element", (LITTLE, ("zstd", {})), ("<f4",), shape=(1, 1, 1)),
    before(("transpose", {"order": [1, 0]}), dtypes=NUMERIC),
    before(("transpose", {"order": [2, 0, 3, 1]}), shape=(2, 3, 4, 5)),
    before(("transpose", {"order": [1, 2, 0]}), ("transpose", {"order": [1, 2, 0]}), shape=(2, 3, 4)),
    before(("numcodecs.delta", {"dtype": "<i4"}), dtypes=("<i4",)),
    before(("numcodecs.delta", {"dtype": "int16", "astype": "<i8"}), dtypes=("<i2",)),
    before(("numcodecs.delta", {"dtype": "|u1"}), ("transpose", {"order": [0]}), dtypes=("|u1",), shape=(30,)),
    before(("numcodecs.bitround", {"keepbits": 3}), dtypes=("<f2", "<f4", "<f8"), atol=60),
    before(("numcodecs.bitround", {"keepbits": 52}), dtypes=("<f8",)),
    before(
        ("numcodecs.fixedscaleoffset", {"offset": -1000, "scale": 4, "dtype": "<f8", "astype": "<u2"}),
        dtypes=("<f8",),
        atol=0.125,
    ),
    before(("numcodecs.fixedscaleoffset", {"offset": 3, "scale": 2.5}), dtypes=("<f4",), atol=0.3),
    before(("numcodecs.quantize", {"digits": 1, "dtype": "<f8"}), dtypes=("<f8",), atol=0.05),
    before(("numcodecs.quantize", {"digits": -2}), dtypes=("<f4",), atol=50),
    before(("numcodecs.astype", {"encode_dtype": "<f8", "decode_dtype": "<i4"}), dtypes=("<i4",)),
    before(("numcodecs.astype", {"encode_dtype": "int64"}), dtypes=("<i2",)),
    before(("numcodecs.astype", {"encode_dtype": "<i2"}), dtypes=("|b1",), zarr=False),
    # zarr-python reads chunks in another order than it writes them here.
    before(("transpose", {"order": [1, 0]}), ("numcodecs.delta", {"dtype": "<i4"}), dtypes=("<i4",), zarr=False),
    before(("numcodecs.packbits", {}), dtypes=("|b1",), shape=(3, 7)),
    before(("numcodecs.packbits", {}), dtypes=("|b1",), shape=(4, 8)),
    behind(("crc32c", {}), checked=True),
    behind(("gzip", {"level": 0}), checked=True),
    behind(("gzip", {"level": 9}), checked=True),
    behind(("zstd", {"level": 3, "checksum": True}), dtypes=NUMERIC),
    behind(("zstd", {"level": -7, "checksum": False})),
    behind(("blosc", BLOSC)),
    behind(("blosc", {**BLOSC, "cname": "lz4", "shuffle": "bitshuffle", "blocksize": 64})),
    behind(("blosc", {**BLOSC, "cname": "lz4hc", "shuffle": "noshuffle", "typesize": 255})),
    behind(("blosc", {**BLOSC, "cname": "blosclz", "clevel": 9})),
    behind(("blosc", {**BLOSC, "cname": "zlib", "clevel": 0})),
    behind(("blosc", {"cname": "lz4"})),
    behind(("numcodecs.zlib", {"level": 6}), checked=True),
    behind(("numcodecs.bz2", {"level": 9})),
    behind(("numcodecs.lz4", {"acceleration": 2})),
    behind(("numcodecs.lzma", {})),
    behind(("numcodecs.lzma", {"preset": 0, "check": 10})),
    behind(("numcodecs.lzma", {"format": 2, "check": -1, "preset": 2, "filters": None})),
    behind(("numcodecs.lzma", {"format": 3, "filters": [DELTA3, LZMA2]})),
    behind(("numcodecs.shuffle", {"elementsize": 4})),
    behind(("numcodecs.shuffle", {}), dtypes=NUMERIC),
    behind(("numcodecs.fletcher32", {}), checked=True),
    behind(("numcodecs.fletcher32", {}), dtypes=("|u1",), shape=(3, 5), checked=True),
    behind(("numcodecs.crc32", {}), checked=True),
    behind(("numcodecs.crc32", {"location": "end"}), checked=True),
    behind(("numcodecs.adler32", {"location": "start"}), checked=True),
    behind(("numcodecs.adler32", {"location": "end"}), checked=True),
    behind(("numcodecs.shuffle", {}), ("numcodecs.zlib", {"level": 4}), ("numcodecs.fletcher32", {}), checked=True),
    behind(("numcodecs.shuffle", {}), ("zstd", {"level": 1}), ("crc32c", {}), checked=True),
    behind(("crc32c", {}), ("zstd", {}), ("gzip", {"level": 1}), checked=True),
    Case(
        "all kinds",
        (("transpose", {"order": [1, 0]}), BIG, ("blosc", {"cname": "zstd"}), ("crc32c", {})),
        NUMERIC,
        checked=True,
    ),
)

CASES_BY_DTYPE = [(case, dtype) for case in CASES for dtype in case.dtypes]
CASE_IDS = [f"{number}-{case.id}-{dtype[1:]}" for number, case in enumerate(CASES) for dtype in case.dtypes]


def prepare(documents: tuple[Document, ...], dtype: str, shape: tuple[int, ...]) -> PreparedChain:
    """The chain of `documents`, which must be without fault."""
    problems: list[Problem] = []
    chain = parse_chain(documents, ("codecs",), problems)
    assert chain is not None, problems
    return chain.prepare(ChunkSpec(shape, np.dtype(dtype), np.zeros(1, dtype)[0]))


def encode(chain: PreparedChain, array: Array) -> bytes:
    """An encoded chunk as bytes, whatever kind of buffer it came in."""
    return bytes(byte_view(chain.encode(array)))


def data(dtype: str, shape: tuple[int, ...], seed: int = 0) -> Array:
    """Values of every sort, some of them alike; floats between -1000 and 1000, and a NaN where they are lossless."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        return np.where(
            rng.random(shape) < 0.5, 7, rng.integers(info.min, info.max, shape, dtype, endpoint=True)
        ).astype(dtype)
    if kind.kind in "fc":
        imaginary = 1j * rng.uniform(-9, 9, shape) if kind.kind == "c" else 0
        return np.asarray(rng.uniform(-1000, 1000, shape) + imaginary).astype(dtype)
    raw = rng.integers(0, 256, (*shape, kind.itemsize), np.uint8)
    return raw.view(kind).reshape(shape)
