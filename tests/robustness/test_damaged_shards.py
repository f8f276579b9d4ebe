"""Shards whose bytes are wrong, read by their Zarr side: an error that names the shard, or the right values."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import google_crc32c
import numpy as np
import pytest
import zstandard
from hostile_shards import (
    ABSENT,
    CRC32C,
    IDS,
    INNER_INDEX_NBYTES,
    KEY,
    KINDS,
    LITTLE,
    VALUES,
    ZLIB,
    Entry,
    Kind,
    document,
    encode_index,
    entries,
    index_span,
    innermost,
    parse_index,
    sharding,
    store_of,
    with_entry,
    written,
)

import zarr_hdf5 as zh
from zarr_hdf5.errors import ChecksumError, CorruptDataError
from zarr_hdf5.stores.memory import MemoryStore


def outcome(array: zh.Array, shard: bytes) -> CorruptDataError | None:
    """The error of reading the array with this shard; None if its values are right."""
    array.store.set(KEY, [shard])
    caught: CorruptDataError | None = None
    try:
        values = array[...]
    except CorruptDataError as error:
        caught = error
    if caught is not None:
        assert caught.key == KEY
        assert str(caught).startswith(f"{KEY}: ")
        return caught
    np.testing.assert_array_equal(values, VALUES)
    return None


def opened(kind: Kind) -> tuple[zh.Array, bytes]:
    store, shard = written(kind)
    return zh.open_array(store, "r+"), shard


def flipped(shard: bytes, bit: int) -> bytes:
    damaged = bytearray(shard)
    damaged[bit // 8] ^= 1 << (bit % 8)
    return bytes(damaged)


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
class TestEveryKind:
    def test_whole(self, kind: Kind) -> None:
        assert outcome(*opened(kind)) is None

    def test_truncated(self, kind: Kind) -> None:
        array, shard = opened(kind)
        chunks_end = max(offset + nbytes for offset, nbytes in innermost(kind, shard))
        lengths = {*range(0, len(shard), 97), *range(70), *range(len(shard) - 70, len(shard))}
        lengths |= {chunks_end - 1, chunks_end}
        for length in sorted(lengths):
            whole = kind.at_start and length >= chunks_end
            assert (outcome(array, shard[:length]) is None) == whole, length

    def test_bits_flipped_in_the_index(self, kind: Kind) -> None:
        array, shard = opened(kind)
        start, stop = index_span(kind, shard)
        for bit in range(8 * start, 8 * stop):
            assert isinstance(outcome(array, flipped(shard, bit)), ChecksumError)

    def test_bits_flipped_in_chunks(self, kind: Kind) -> None:
        array, shard = opened(kind)
        for offset, nbytes in innermost(kind, shard):
            for bit in range(8 * offset, 8 * (offset + nbytes), 5):
                error = outcome(array, flipped(shard, bit))
                assert isinstance(error, ChecksumError)
                assert "inner chunk (" in str(error)

    def test_bits_flipped_in_what_only_hdf5_reads(self, kind: Kind) -> None:
        array, shard = opened(kind)
        read = np.zeros(len(shard), bool)
        start, stop = index_span(kind, shard)
        read[start:stop] = True
        for offset, nbytes in entries(kind, shard):
            read[offset : offset + nbytes] = True
        damaged = np.frombuffer(shard, np.uint8) ^ np.where(read, 0, 0xFF).astype(np.uint8)
        assert (kind.hdf5 is False) == (damaged.tobytes() == shard)
        assert outcome(array, damaged.tobytes()) is None

    def test_empty_and_noise(self, kind: Kind) -> None:
        array, shard = opened(kind)
        noise = np.random.default_rng(1)
        for damaged in (b"", b"\0" * len(shard), b"\xff" * len(shard), noise.bytes(len(shard))):
            assert outcome(array, damaged) is not None

    def test_hostile_entries(self, kind: Kind) -> None:
        array, shard = opened(kind)
        size, (start, stop) = len(shard), index_span(kind, shard)
        hostile: list[Entry] = [
            (size, 1),
            (size - 1, 2),
            (2**64 - 8, 16),
            (8, 2**64 - 8),
            (8, 2**64 - 1),
            (2**64 - 1, 8),
            (2**64 - 2, 2**64 - 1),
            (2**63, 1),
            (2**63, 2**63),
            (2**62, 2**62),
            (stop - 8, 2**63 - 1),
            (start, 4),
            (stop - 1, 4),
            (start, kind.index_nbytes),
            (0, size),
            *([(start - 1, 2)] if start else []),
        ]
        for entry in hostile:
            error = outcome(array, with_entry(kind, shard, entry))
            assert error is not None
            assert error.structure == "shard index"
            assert f"entry 1 says bytes {entry[0]} to +{entry[1]}" in str(error)

    def test_partial_write_into_a_damaged_shard_changes_nothing(self, kind: Kind) -> None:
        array, shard = opened(kind)
        start, _ = index_span(kind, shard)
        damaged = flipped(shard, 8 * start)
        array.store.set(KEY, [damaged])
        with pytest.raises(ChecksumError, match=KEY):
            array[0, 0] = 5
        assert array.store.get(KEY).data == damaged
        array[...] = VALUES  # asks nothing of the old shard
        np.testing.assert_array_equal(array[...], VALUES)


@pytest.mark.parametrize("kind", [k for k in KINDS if k.nested], ids=[k.id for k in KINDS if k.nested])
class TestNested:
    def test_bits_flipped_in_inner_indexes(self, kind: Kind) -> None:
        array, shard = opened(kind)
        for offset, nbytes in entries(kind, shard):
            stop = offset + nbytes
            for bit in range(8 * (stop - INNER_INDEX_NBYTES), 8 * stop, 5):
                assert isinstance(outcome(array, flipped(shard, bit)), ChecksumError)

    def test_inner_shard_shorter_than_its_index(self, kind: Kind) -> None:
        array, shard = opened(kind)
        offset, _ = entries(kind, shard)[1]
        for nbytes in (0, 1, INNER_INDEX_NBYTES - 1):
            error = outcome(array, with_entry(kind, shard, (offset, nbytes)))
            assert error is not None

    def test_hostile_entries_of_an_inner_index(self, kind: Kind) -> None:
        array, shard = opened(kind)
        at, nbytes = entries(kind, shard)[1]
        where = slice(at + nbytes - INNER_INDEX_NBYTES, at + nbytes)
        chunks_end = nbytes - INNER_INDEX_NBYTES
        # The last two lie within the whole shard, but not in the inner one.
        for entry in [(2**64 - 8, 16), (2**63, 1), (1, 2**64 - 2), (chunks_end, 1), (0, chunks_end + 1), (nbytes, 8)]:
            table = parse_index(shard[where])
            table[2] = entry
            damaged = shard[: where.start] + encode_index(table) + shard[where.stop :]
            error = outcome(array, damaged)
            assert error is not None
            assert "entry 2" in str(error)


def crc32c(data: bytes) -> bytes:
    checksum: int = google_crc32c.value(data)
    return data + checksum.to_bytes(4, "little")


Encode = Callable[[bytes], bytes]
CHAINS: dict[str, tuple[list[dict[str, Any]], Encode]] = {
    "raw": ([], bytes),
    "crc32c": ([CRC32C], crc32c),
    "zlib": ([ZLIB], zlib.compress),
    "gzip": ([{"name": "gzip", "configuration": {"level": 1}}], gzip.compress),
    "zstd": ([{"name": "zstd", "configuration": {"level": 1, "checksum": False}}], zstandard.compress),
    "zlib, crc32c": ([ZLIB, CRC32C], lambda data: crc32c(zlib.compress(data))),
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
class TestChunksOfAnotherLength:
    def store(self, chain: tuple[list[dict[str, Any]], Encode], chunk: bytes) -> MemoryStore:
        """One shard of four chunks, of which only number 2 is present."""
        codecs, encode = chain
        data = encode(chunk)
        index = encode_index([ABSENT, ABSENT, (0, len(data)), ABSENT])
        return store_of(document([sharding((4, 4), [LITTLE, *codecs])]), **{KEY: data + index})

    def test_right_length(self, chain: tuple[list[dict[str, Any]], Encode]) -> None:
        values = zh.open_array(self.store(chain, VALUES[4:, :4].tobytes()))[...]
        np.testing.assert_array_equal(values[4:, :4], VALUES[4:, :4])
        assert not values[:4].any()

    @pytest.mark.parametrize("nbytes", [0, 1, 4, 60, 63, 65, 68, 128, 1 << 20])
    def test_another_length(self, chain: tuple[list[dict[str, Any]], Encode], nbytes: int) -> None:
        store = self.store(chain, b"\1" * nbytes)
        array = zh.open_array(store, "r+")
        calls: list[Callable[[], object]] = [
            lambda: array[...],
            lambda: array[5, 1],
            lambda: array.set_basic_selection((5, 1), 7),  # must decode the chunk to keep the rest of it
        ]
        for call in calls:
            with pytest.raises(CorruptDataError, match=rf"^{KEY}: inner chunk \(1, 0\): "):
                call()
        assert not array[:4].any()  # the other chunks are there

    def test_a_bomb_takes_no_memory(self, chain: tuple[list[dict[str, Any]], Encode]) -> None:
        store = self.store(chain, bytes(1 << 26))
        array = zh.open_array(store)
        tracemalloc.start()
        try:
            with pytest.raises(CorruptDataError, match="inner chunk"):
                array[5, 1]
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()


def test_a_bad_chunk_leaves_the_others_readable() -> None:
    kind = KINDS[1]
    array, shard = opened(kind)
    offset, nbytes = innermost(kind, shard)[3]
    array.store.set(KEY, [flipped(shard, 8 * (offset + nbytes // 2))])
    np.testing.assert_array_equal(array[:4], VALUES[:4])
    np.testing.assert_array_equal(array[4:, :4], VALUES[4:, :4])
    with pytest.raises(ChecksumError, match=rf"^{KEY}: inner chunk \(1, 1\): "):
        array[7, 7]
