"""The index of a shard: one table of cases, encoded and decoded, and compared with what zarr-python writes."""

import struct
from typing import Any

import google_crc32c
import numpy as np
import pytest
from zarr import create_array
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec

from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.codecs.shard_index import ShardIndex, ShardIndexFormat
from zarr_hdf5.errors import ChecksumError, CorruptDataError, Problem, UnsupportedFeatureError

LITTLE = ("bytes", {"endian": "little"})
BIG = ("bytes", {"endian": "big"})
CRC32C: tuple[str, dict[str, Any]] = ("crc32c", {})
ABSENT = (2**64 - 1, 2**64 - 1)

Codecs = tuple[tuple[str, dict[str, Any]], ...]
# Index codecs, struct's byte order, whether a checksum follows.
CHAINS: dict[str, tuple[Codecs, str, bool]] = {
    "little, crc32c": ((LITTLE, CRC32C), "<", True),
    "big, crc32c": ((BIG, CRC32C), ">", True),
    "little": ((LITTLE,), "<", False),
    "big": ((BIG,), ">", False),
}
# Chunks per shard, entries.
TABLES: list[tuple[tuple[int, ...], list[tuple[int, int]]]] = [
    ((1,), [(0, 7)]),
    ((1,), [ABSENT]),
    ((3,), [(20, 5), ABSENT, (0, 20)]),
    ((2, 2), [(0, 1), (1, 2), (3, 3), (6, 0)]),
    ((1, 2, 3), [ABSENT] * 6),
    ((2, 1), [(2**33, 2**32), ABSENT]),
]


def index_format(shape: tuple[int, ...], codecs: Codecs, location: str = "end") -> ShardIndexFormat:
    problems: list[Problem] = []
    chain = parse_chain(codecs, (), problems)
    assert chain is not None
    assert not problems
    return ShardIndexFormat.prepare(shape, chain, location)


def by_hand(table: list[tuple[int, int]], order: str, checksum: bool) -> bytes:
    data = b"".join(struct.pack(f"{order}QQ", *entry) for entry in table)
    return data + (struct.pack("<I", google_crc32c.value(data)) if checksum else b"")


def signed(table: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    offsets, nbytes = zip(*((-1, -1) if entry == ABSENT else entry for entry in table), strict=True)
    return list(offsets), list(nbytes)


@pytest.mark.parametrize(("codecs", "order", "checksum"), CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize(("shape", "table"), TABLES)
@pytest.mark.parametrize("location", ["start", "end"])
def test_table(shape: Any, table: Any, codecs: Codecs, order: str, checksum: bool, location: str) -> None:
    this = index_format(shape, codecs, location)
    shift = this.nbytes if location == "start" else 0
    table = [entry if entry == ABSENT else (entry[0] + shift, entry[1]) for entry in table]
    data = by_hand(table, order, checksum)
    assert this.nbytes == len(data)
    offsets, nbytes = signed(table)
    decoded = this.decode(data, 2**40)
    assert (decoded.offsets.tolist(), decoded.nbytes.tolist()) == (offsets, nbytes)
    assert decoded.offsets.dtype == decoded.nbytes.dtype == np.dtype(np.int64)
    encoded = this.encode(ShardIndex(np.array(offsets, np.int64), np.array(nbytes, np.int64)))
    assert bytes(encoded) == data


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("endian", ["little", "big"])
def test_zarr_python_wrote_it(location: Any, endian: Any) -> None:
    values = np.arange(24 * 6, dtype="u2").reshape(24, 6)
    values[8:16, 2:4] = 0
    codec = ShardingCodec(
        chunk_shape=(8, 2),
        index_location=location,
        index_codecs=[BytesCodec(endian=endian), Crc32cCodec()],
    )
    store: dict[str, Any] = {}
    create_array(store, shape=(24, 6), chunks=(24, 6), dtype="u2", serializer=codec, compressors=None)[:] = values
    shard = store["c/0/0"].to_bytes()
    this = index_format((3, 3), ((("bytes", {"endian": endian})), CRC32C), location)
    index = this.locate(memoryview(shard))
    assert index.offsets[4] == index.nbytes[4] == -1
    for number in set(range(9)) - {4}:
        i, j = divmod(number, 3)
        chunk = shard[index.offsets[number] : index.offsets[number] + index.nbytes[number]]
        assert chunk == values[8 * i : 8 * i + 8, 2 * j : 2 * j + 2].tobytes()
    assert index.offsets[index.offsets >= 0].min() == (this.nbytes if location == "start" else 0)


SIZE = 1000
INDEX = 2 * 16 + 4
# Entry, and where the index is, in a shard of SIZE bytes.
ILLEGAL = [
    ((SIZE - INDEX, 1), "end"),
    ((SIZE - INDEX + 1, 0), "end"),
    ((0, SIZE - INDEX + 1), "end"),
    ((SIZE, 0), "end"),
    ((2**63, 0), "end"),
    ((2**64 - 1, 0), "end"),
    ((0, 2**64 - 1), "end"),
    ((5, 2**64 - 5), "end"),
    ((2**64 - 5, 5), "end"),
    ((2**64 - 2, 2**64 - 1), "end"),
    ((0, 1), "start"),
    ((INDEX - 1, 2), "start"),
    ((INDEX, SIZE), "start"),
    ((SIZE, 1), "start"),
    ((SIZE + 1, 0), "start"),
]
LEGAL = [
    ((0, SIZE - INDEX), "end"),
    ((SIZE - INDEX, 0), "end"),
    ((INDEX, SIZE - INDEX), "start"),
    ((SIZE, 0), "start"),
    ((SIZE - 1, 1), "start"),
]


@pytest.mark.parametrize(("entry", "location"), ILLEGAL)
def test_illegal_entries(entry: tuple[int, int], location: str) -> None:
    this = index_format((2,), (LITTLE, CRC32C), location)
    with pytest.raises(CorruptDataError, match=rf"^some/key: entry 1 says bytes {entry[0]} to \+{entry[1]}") as caught:
        this.decode(by_hand([ABSENT, entry], "<", True), SIZE, "some/key")
    assert caught.value.structure == "shard index"


@pytest.mark.parametrize(("entry", "location"), LEGAL)
def test_entries_at_the_edge(entry: tuple[int, int], location: str) -> None:
    index = index_format((2,), (LITTLE, CRC32C), location).decode(by_hand([ABSENT, entry], "<", True), SIZE)
    assert (index.offsets[1], index.nbytes[1]) == entry


@pytest.mark.parametrize("length", range(INDEX))
@pytest.mark.parametrize("location", ["start", "end"])
def test_shorter_than_the_index(length: int, location: str) -> None:
    this = index_format((2,), (LITTLE, CRC32C), location)
    data = by_hand([ABSENT, ABSENT], "<", True)
    with pytest.raises(CorruptDataError, match="shorter than its index"):
        this.locate(memoryview(data[:length]))
    with pytest.raises(CorruptDataError, match="shorter than its index"):
        this.decode(data, length, "key")


def test_checksum() -> None:
    this = index_format((2,), (LITTLE, CRC32C))
    data = bytearray(by_hand([ABSENT, (0, 1)], "<", True))
    for byte in range(len(data)):
        damaged = bytearray(data)
        damaged[byte] ^= 0x10
        with pytest.raises(ChecksumError, match=r"^key: shard index: "):
            this.decode(damaged, SIZE, "key")
    with pytest.raises(CorruptDataError, match=r"^key: shard index: "):
        this.decode(data[:-1], SIZE, "key")


def test_no_shard() -> None:
    index = index_format((2, 3), (LITTLE,)).locate(None)
    assert index.offsets.tolist() == index.nbytes.tolist() == [-1] * 6


@pytest.mark.parametrize(
    "codecs", [(LITTLE, ("gzip", {"level": 1})), (LITTLE, ("numcodecs.zlib", {"level": 1}), CRC32C)]
)
def test_size_must_not_depend_on_data(codecs: Codecs) -> None:
    with pytest.raises(UnsupportedFeatureError, match="must not change size"):
        index_format((2,), codecs)
