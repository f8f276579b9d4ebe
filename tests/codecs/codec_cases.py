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

    open_ended: bool = False
    """Does not say where it ends, so that bytes behind go unnoticed."""

    padding: int = 0
    """So many bytes at the end may mean nothing."""


def alone(name: str, configuration: Mapping[str, Any], **options: Any) -> Case:
    """A case with no other codec."""
    return Case(name.removeprefix("numcodecs."), ((name, configuration),), **options)


def streamed(name: str, configuration: Mapping[str, Any], **options: Any) -> Case:
    """A stream of words of 8 bytes alone."""
    return alone(name, configuration, padding=7, **options)


def behind(*documents: Document, **options: Any) -> Case:
    """A case with bytes->bytes codecs behind `bytes`."""
    return Case("+".join(name.removeprefix("numcodecs.") for name, _ in documents), (LITTLE, *documents), **options)


def before(*documents: Document, **options: Any) -> Case:
    """A case with array->array codecs before `bytes`."""
    return Case("+".join(name.removeprefix("numcodecs.") for name, _ in documents), (*documents, LITTLE), **options)


BLOSC = {"cname": "zstd", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0}
LZMA2 = {"id": 0x21, "preset": 1}
DELTA3 = {"id": 3, "dist": 4}
PCODEC = ("<u2", "<u4", "<u8", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8")
ZFP = ("<i4", "<i8", "<f4", "<f8")
CONDITIONAL = {
    "codecs": [{"name": "numcodecs.shuffle", "configuration": {}}, {"name": "zstd", "configuration": {"level": 1}}]
}

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
    before(("bitround", {"keepbits": 3}), dtypes=("<f2", "<f4", "<f8", "<c8", "<c16"), atol=64, zarr=False),
    before(("bitround", {"keepbits": 64}), dtypes=("|i1", "<u2", "<i4", "<u8", "<i8"), zarr=False),
    before(("reshape", {"shape": [[0, 1]]}), zarr=False),
    before(("reshape", {"shape": [7, -1, 3]}), zarr=False),
    before(("transpose", {"order": [1, 0]}), ("reshape", {"shape": [[0], 7, 1]}), zarr=False),
    before(("scale_offset", {"offset": -3, "scale": 1}), dtypes=("<f2", "<f4", "<f8"), atol=0.5, zarr=False),
    before(("scale_offset", {"offset": 5, "scale": 0.5}), dtypes=("<f4", "<f8"), atol=1e-4, zarr=False),
    before(("cast_value", {"data_type": "float64"}), dtypes=("|i1", "<u2", "<i4", "<f2", "<f4"), zarr=False),
    before(("cast_value", {"data_type": "int16", "out_of_range": "wrap"}), dtypes=("<u2", "|i1"), zarr=False),
    before(
        ("scale_offset", {"offset": 0, "scale": 10}),
        ("cast_value", {"data_type": "int16", "rounding": "nearest-away", "out_of_range": "clamp"}),
        dtypes=("<f4", "<f8"),
        atol=0.051,
        zarr=False,
    ),
    alone("packbits", {}, dtypes=NUMERIC, zarr=False),
    alone("packbits", {"padding_encoding": "first_byte"}, dtypes=("|b1",), shape=(3, 7), zarr=False),
    alone("packbits", {"padding_encoding": "last_byte"}, dtypes=("|b1", "<i4"), shape=(3, 7), zarr=False),
    alone("numcodecs.pcodec", {}, dtypes=PCODEC),
    alone("numcodecs.pcodec", {"level": 2, "mode_spec": "classic", "equal_pages_up_to": 10}, dtypes=("<f4", "<i8")),
    alone("numcodecs.pcodec", {"delta_spec": "try_consecutive", "delta_encoding_order": 2}, dtypes=("<i4",)),
    streamed("numcodecs.zfpy", {}, dtypes=ZFP, open_ended=True),
    streamed("numcodecs.zfpy", {"mode": 4, "tolerance": 0.5}, dtypes=("<f4", "<f8"), atol=0.5, open_ended=True),
    streamed("numcodecs.zfpy", {"mode": 2, "rate": 16}, dtypes=("<f4", "<f8"), shape=(5, 6, 7), atol=2),
    streamed("numcodecs.zfpy", {"mode": 2, "rate": 20}, dtypes=("<f8",), shape=(5, 6, 2, 3), atol=1),
    streamed("numcodecs.zfpy", {"mode": 3, "precision": 20}, dtypes=("<f8",), atol=0.1, open_ended=True),
    streamed(
        "zfp",
        {"mode": "reversible"},
        dtypes=(*ZFP, "|i1", "|u1", "<i2", "<u2", "<f2"),
        shape=(2, 9, 5),
        zarr=False,
        open_ended=True,
    ),
    streamed("zfp", {"mode": "reversible"}, dtypes=("<f4",), shape=(), zarr=False, open_ended=True),
    streamed(
        "zfp", {"mode": "fixed_accuracy", "tolerance": 0.05}, dtypes=("<f8",), atol=0.05, zarr=False, open_ended=True
    ),
    streamed("zfp", {"mode": "fixed_rate", "rate": 10.5}, dtypes=("<f4", "<f8"), shape=(30,), atol=300, zarr=False),
    streamed("zfp", {"mode": "fixed_precision", "precision": 19}, dtypes=("<f4",), atol=1, zarr=False, open_ended=True),
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
    behind(("numcodecs.zstd", {"level": 3})),
    behind(("numcodecs.gzip", {}), checked=True),
    behind(("numcodecs.blosc", {})),
    behind(("numcodecs.blosc", {"cname": "zstd", "clevel": 3, "shuffle": 2, "blocksize": 0})),
    behind(("numcodecs.blosc", {"shuffle": -1}), dtypes=NUMERIC),
    behind(("numcodecs.crc32c", {}), checked=True),
    behind(("numcodecs.crc32c", {"location": "start"}), checked=True),
    behind(("numcodecs.jenkins_lookup3", {}), checked=True),
    behind(("numcodecs.jenkins_lookup3", {"initval": 7}), checked=True),
    behind(("conditional", CONDITIONAL), zarr=False),
    behind(("conditional", {**CONDITIONAL, "header_bits": 24}), ("crc32c", {}), zarr=False, checked=True),
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
