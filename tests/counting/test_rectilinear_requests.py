"""A rectilinear grid costs no request, and no chunk decoded, that a regular one of the same shards would not."""

from typing import Any

import numpy as np
import pytest
from counting_store import CodecCalls, CountingStore, Request

import zarr_hdf5 as zh

CHUNK_NBYTES = 64 * 64 * 2
ROWS = (64, 192, 256)
VALUES = np.random.default_rng(5).integers(1, 2**16, (512, 128), np.uint16)
SHUFFLE = [{"name": "numcodecs.shuffle", "configuration": {"elementsize": 2}}]  # no chunk changes its length


@pytest.fixture(autouse=True)
def _two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("read", "forms"):
        monkeypatch.setattr(f"zarr_hdf5.array.{module}.worker_count", lambda: 2)


def create(store: CountingStore, **options: Any) -> zh.Array:
    zh.create_array(store, data=VALUES, compressors=SHUFFLE, **options)
    array = zh.open_array(store, "r+")
    store.log.clear()
    return array


def index(i: int) -> Request:
    return Request("get_range", f"c/{i}/0", nbytes=ROWS[i] // 64 * 2 * 16 + 4)


def chunks(i: int, nchunks: int, nranges: int = 1) -> Request:
    return Request("get_ranges", f"c/{i}/0", nranges, nchunks * CHUNK_NBYTES)


READS: dict[str, tuple[Any, list[Request], int]] = {
    "one chunk": (np.s_[64:128, 64:], [index(1), chunks(1, 1)], 1),
    "two shards": (np.s_[250:300, 3], [index(1), index(2), chunks(1, 1), chunks(2, 1)], 2),
    "a long step": (np.s_[::300, 5], [index(0), index(2), chunks(0, 1), chunks(2, 1)], 2),
    "nothing": (np.s_[5:5], [], 0),
}


@pytest.mark.parametrize("hdf5", [True, False])
@pytest.mark.parametrize(("selection", "wanted", "decoded"), READS.values(), ids=READS)
def test_reading_shards(selection: Any, wanted: list[Request], decoded: int, hdf5: bool, codecs: CodecCalls) -> None:
    store = CountingStore()
    array = create(store, chunks=(64, 64), shards=[list(ROWS), 128], hdf5=hdf5)
    codecs.encoded = 0

    def read() -> None:
        np.testing.assert_array_equal(array[selection], VALUES[selection])

    assert sorted(map(str, store.during(read))) == sorted(map(str, wanted))
    assert codecs.decoded == decoded
    assert sorted(map(str, store.during(read))) == sorted(str(one) for one in wanted if one.verb == "get_ranges")


def test_reading_unsharded_chunks(codecs: CodecCalls) -> None:
    store = CountingStore()
    array = create(store, chunks=[list(ROWS), [28, 100]], shards=None, hdf5=False)
    codecs.encoded = 0
    np.testing.assert_array_equal(array[60:70, 30], VALUES[60:70, 30])
    assert {(one.verb, one.key) for one in store.log} == {("get", "c/0/1"), ("get", "c/1/1")}
    assert codecs.decoded == len(store.log) == 2


def test_writing_one_chunk_reads_one_shard(codecs: CodecCalls) -> None:
    store = CountingStore()
    array = create(store, chunks=(64, 64), shards=[list(ROWS), 128])
    codecs.encoded = 0
    array[256:320, :64] = 1
    assert {one.key for one in store.log} == {"c/2/0"}
    assert (codecs.encoded, codecs.decoded) == (1, 0)
