from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.array.info import ArrayInfo
from zarr_hdf5.text import human_nbytes, printable


@dataclass(frozen=True)
class FakeStore:
    url: str = "memory://x"


@dataclass(frozen=True)
class FakeHDF5:
    libver: str = "earliest"
    dataset: str = "/data"


FLOAT32, NAN = np.dtype("<f4"), np.float32("nan")
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
BIG = {"name": "bytes", "configuration": {"endian": "big"}}
SHUFFLE = {"name": "numcodecs.shuffle", "configuration": {"elementsize": 4}}
ZLIB = {"name": "numcodecs.zlib", "configuration": {"level": 1}}
ZSTD = {"name": "zstd", "configuration": {"level": 0, "checksum": False}}
CRC = {"name": "crc32c", "configuration": {}}
TRANSPOSE = {"name": "transpose", "configuration": {"order": [1, 0]}}
BLOSC = {
    "name": "blosc",
    "configuration": {"cname": "zstd", "clevel": 5, "shuffle": "shuffle", "typesize": 4, "blocksize": 0},
}


def sharding(*codecs: dict[str, Any]) -> dict[str, Any]:
    index = {"index_codecs": [BYTES, CRC], "index_location": "end", "chunk_shape": [1, 45, 90]}
    return {"name": "sharding_indexed", "configuration": {**index, "codecs": list(codecs)}}


@dataclass(frozen=True)
class FakeArray:
    name: str = "/air/temperature"
    store: FakeStore = FakeStore()
    shape: tuple[int, ...] = (365, 180, 360)
    dtype: np.dtype[Any] = FLOAT32
    chunks: tuple[int, ...] = (1, 45, 90)
    shards: tuple[int, ...] | None = (73, 90, 180)
    nchunks: int = 5840
    nshards: int | None = 20
    fill_value: np.generic = NAN
    dimension_names: tuple[str | None, ...] | None = ("time", "lat", "lon")
    codecs: tuple[dict[str, Any], ...] = (sharding(BYTES, SHUFFLE, ZLIB),)
    nbytes: int = 94_608_000
    read_only: bool = False
    hdf5: FakeHDF5 | None = FakeHDF5()


ARRAY = FakeArray()
PRINTED = """\
Name          /air/temperature
Location      memory://x
Access        read and write
Type          float32
Shape         (365, 180, 360)
Dimensions    time, lat, lon
Inner chunks  (1, 45, 90), 5840 chunks
Shards        (73, 90, 180), 20 shards
Codecs        shuffle, zlib(level=1)
Fill value    nan
Size          90.2 MiB
HDF5 side     dataset /data, libver earliest"""


def test_printed() -> None:
    assert repr(ArrayInfo.of(ARRAY)) == str(ArrayInfo.of(ARRAY)) == PRINTED


CASES: dict[str, tuple[FakeArray, dict[str, str | None]]] = {
    "no shards": (
        replace(ARRAY, shards=None, nshards=None, hdf5=None, codecs=(BYTES,)),
        {
            "Inner chunks": None,
            "Chunks": "(1, 45, 90), 5840 chunks",
            "Shards": "none",
            "HDF5 side": "none",
            "Codecs": "none",
        },
    ),
    "one of each": (
        replace(ARRAY, nchunks=1, nshards=1),
        {"Inner chunks": "(1, 45, 90), 1 chunk", "Shards": "(73, 90, 180), 1 shard"},
    ),
    "an empty array": (
        replace(ARRAY, shape=(0, 180, 360), nchunks=0, nshards=0, nbytes=0),
        {"Shards": "(73, 90, 180), 0 shards", "Size": "0 bytes"},
    ),
    "no names": (replace(ARRAY, dimension_names=None), {"Dimensions": None}),
    "names, all absent": (replace(ARRAY, dimension_names=(None, None, None)), {"Dimensions": None}),
    "some names": (replace(ARRAY, dimension_names=("t", None, "")), {"Dimensions": "t, (unnamed), (unnamed)"}),
    "read-only": (replace(ARRAY, read_only=True), {"Access": "read-only"}),
    "big-endian": (
        replace(ARRAY, dtype=np.dtype(">f4"), codecs=(sharding(BIG),)),
        {"Type": "float32", "Codecs": "bytes(endian=big)"},
    ),
    "level 0 is told, absent options are not": (
        replace(ARRAY, codecs=(sharding(BYTES, ZSTD),)),
        {"Codecs": "zstd(level=0)"},
    ),
    "blosc": (
        replace(ARRAY, codecs=(sharding(BYTES, BLOSC),)),
        {"Codecs": "blosc(cname=zstd, clevel=5, shuffle=shuffle)"},
    ),
    "codecs around and within nested shards": (
        replace(ARRAY, codecs=(TRANSPOSE, sharding(sharding(BYTES, ZLIB)), CRC)),
        {"Codecs": "transpose(order=[1, 0]), zlib(level=1), crc32c"},
    ),
    "a codec without a configuration": (replace(ARRAY, codecs=({"name": "crc32c"},)), {"Codecs": "crc32c"}),
    "bytes as fill value": (
        replace(ARRAY, dtype=np.dtype("V2"), fill_value=np.void(b"\x00\x07")),
        {"Type": "|V2", "Fill value": r"b'\x00\x07'"},
    ),
    "a complex fill value": (replace(ARRAY, fill_value=np.complex64(1 - 2j)), {"Fill value": "(1-2j)"}),
}


@pytest.mark.parametrize(("array", "expected"), CASES.values(), ids=CASES.keys())
def test_rows(array: FakeArray, expected: dict[str, str | None]) -> None:
    rows = dict(ArrayInfo.of(array).rows)
    assert {what: rows.get(what) for what in expected} == expected


def test_long_fill_value_is_shortened() -> None:
    rows = dict(ArrayInfo.of(replace(ARRAY, fill_value=np.void(bytes(10**5)))).rows)
    assert len(rows["Fill value"]) == 200
    assert rows["Fill value"].endswith("…")


def test_hostile_name_stays_on_its_line() -> None:
    printed = repr(ArrayInfo.of(replace(ARRAY, name="/a\nShape  (1,)\x1b[2J")))
    assert printed.split("\n")[0] == r"Name          /a\nShape  (1,)\x1b[2J"
    assert printed.count("\n") == PRINTED.count("\n")


def test_no_rows() -> None:
    assert repr(ArrayInfo(())) == ""


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (2**20 - 1, "1023.9 KiB"),
        (2**20, "1.0 MiB"),
        (3 * 2**40, "3.0 TiB"),
        (2**80, "1.0 YiB"),
        (2**90 - 1, "1023.9 YiB"),
        (2**90, "more than 1024 YiB"),
        (2**5000, "more than 1024 YiB"),
    ],
)
def test_human_nbytes(n: int, text: str) -> None:
    assert human_nbytes(n) == text


@given(st.integers(1024, 2**90 - 1))
def test_human_nbytes_is_within_a_tenth(n: int) -> None:
    number, unit = human_nbytes(n).split()
    scale = 1024 ** (1 + ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"].index(unit))
    assert 1 <= float(number) < 1024
    assert 0 <= n * 10 // scale - round(float(number) * 10) < 1


@given(st.text())
def test_printable(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()
