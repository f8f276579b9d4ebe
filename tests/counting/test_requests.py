"""What is asked of the store, and which chunks are decoded and encoded, for every kind of access: exactly."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from counting_store import CodecCalls, CountingStore, Request

import zarr_hdf5 as zh

CHUNK, SHARD, SHAPE = (64, 64), (256, 256), (512, 512)
CHUNK_NBYTES = 64 * 64 * 2  # more than is read along between two ranges
SHARD_NBYTES = 16 * CHUNK_NBYTES
INDEX = 16 * 16 + 4
VALUES = np.random.default_rng(5).integers(1, 2**16, SHAPE, np.uint16)
KEYS = ["c/0/0", "c/0/1", "c/1/0", "c/1/1"]
SOME = np.zeros(SHAPE, bool)
SOME[[0, 1, 70, 70, 300], [0, 63, 70, 200, 5]] = True
NESTED = {
    "name": "sharding_indexed",
    "configuration": {
        "chunk_shape": list(CHUNK),
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
        "index_location": "end",
    },
}
SHUFFLE = [{"name": "numcodecs.shuffle", "configuration": {"elementsize": 2}}]  # no chunk changes its length
UNSHARDED: dict[str, Any] = {"shards": None, "hdf5": False}


@pytest.fixture(autouse=True)
def _two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more cores than objects, an object is read in more and smaller parts."""
    monkeypatch.setattr("zarr_hdf5.array.read.worker_count", lambda: 2)


def create(store: CountingStore, data: npt.NDArray[Any] | None = VALUES, **options: Any) -> zh.Array:
    wanted: Any = {
        "shape": SHAPE, "dtype": "u2", "chunks": CHUNK, "shards": SHARD, "compressors": SHUFFLE, "data": data, **options
    }  # fmt: skip
    zh.create_array(store, **wanted)
    array = zh.open_array(store, "r+")
    store.log.clear()
    return array


def index(key: str) -> Request:
    return Request("get_range", key, nbytes=INDEX)


def chunks(key: str, nchunks: int, nranges: int = 1) -> Request:
    return Request("get_ranges", key, nranges, nchunks * CHUNK_NBYTES)


# Selection, what is read of the chunks (the index comes first, but only once), and chunks decoded.
READS: dict[str, tuple[Any, list[Request], int]] = {
    "one chunk": (np.s_[64:128, 64:128], [chunks("c/0/0", 1)], 1),
    "one element": (np.s_[300, 5], [chunks("c/1/0", 1)], 1),
    "row across shards": (np.s_[0, :], [chunks("c/0/0", 4), chunks("c/0/1", 4)], 8),
    "column across shards": (np.s_[:, 0], [chunks("c/0/0", 4, 4), chunks("c/1/0", 4, 4)], 8),
    "strided": (np.s_[::128, 10:20:3], [chunks("c/0/0", 2, 2), chunks("c/1/0", 2, 2)], 4),
    "backwards": (np.s_[200:60:-2, 70], [chunks("c/0/0", 4, 4)], 4),
    "corner of four shards": (np.s_[255:257, 255:257], [chunks(key, 1) for key in KEYS], 4),
    "whole": (np.s_[...], [chunks(key, 16) for key in KEYS], 64),
    "nothing": (np.s_[5:5, :], [], 0),
    "rows by number": (
        np.s_[[300, 5, 70, 300, 5]],
        [chunks("c/0/0", 8), chunks("c/0/1", 8), chunks("c/1/0", 4), chunks("c/1/1", 4)],
        24,
    ),
    "columns by number": (np.s_[3:9, [1, 500, 2, 1]], [chunks("c/0/0", 1), chunks("c/0/1", 1)], 2),
    "an open mesh": (np.ix_([300, 5, 299], [0, 511, 1]), [chunks(key, 1) for key in KEYS], 4),
    "a mask of rows": (np.arange(512) % 256 == 3, [chunks(key, 4) for key in KEYS], 16),
    "a mask": (SOME, [chunks("c/0/0", 3, 3), chunks("c/1/0", 1)], 4),
}


@pytest.mark.parametrize("hdf5", [True, False], ids=["hdf5", "plain"])
@pytest.mark.parametrize(("selection", "wanted", "decoded"), READS.values(), ids=READS)
def test_reading_takes_an_index_once_and_the_chunks_it_needs(
    selection: Any, wanted: list[Request], decoded: int, hdf5: bool, codecs: CodecCalls
) -> None:
    store = CountingStore()
    array = create(store, hdf5=hdf5)
    codecs.decoded = 0
    first = store.during(lambda: np.testing.assert_array_equal(array[selection], VALUES[selection]))
    assert codecs.decoded == decoded
    keys = dict.fromkeys(request.key for request in wanted)
    with_indexes = [request for key in keys for request in [index(key), *(r for r in wanted if r.key == key)]]
    assert first == with_indexes
    assert store.during(lambda: array[selection]) == wanted
    assert codecs.decoded == 2 * decoded


def test_points_take_the_chunks_that_hold_them(codecs: CodecCalls) -> None:
    store = CountingStore()
    array = create(store)
    codecs.decoded = 0
    points = ([0, 300, 70, 1, 70, 300], [0, 5, 200, 63, 70, 5])
    wanted = [chunks("c/0/0", 3, 3), chunks("c/1/0", 1)]
    log = store.during(lambda: np.testing.assert_array_equal(array.vindex[points], VALUES[points]))
    assert log == [index("c/0/0"), wanted[0], index("c/1/0"), wanted[1]]
    assert codecs.decoded == 4
    assert store.during(lambda: array.vindex[points]) == wanted


def test_points_of_chunks_without_codecs_are_read_alone(codecs: CodecCalls) -> None:
    store = CountingStore()
    array = create(store, compressors=None)
    codecs.decoded = 0
    points = ([0, 0, 63], [0, 1, 63])  # the first two lie side by side
    log = store.during(lambda: np.testing.assert_array_equal(array.vindex[points], VALUES[points]))
    assert log == [index("c/0/0"), Request("get_ranges", "c/0/0", 2, 6)]
    assert codecs.decoded == 0


def test_parts_of_a_mask_have_no_chunk_in_common(codecs: CodecCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zarr_hdf5.array.transfer.MASK_SIZE", 1)
    store = CountingStore()
    array = create(store)
    codecs.decoded = codecs.encoded = 0
    mask = np.ones(SHAPE, bool)
    mask[300:, 300:] = False
    np.testing.assert_array_equal(array[mask], VALUES[mask])
    assert codecs.decoded == 64 - 9

    def write() -> None:
        array[mask] = 5

    assert [request.key for request in store.during(write) if request.verb == "set"] == KEYS
    assert codecs.encoded == 64 - 9


def test_blocks_and_views_take_the_chunks_they_hold(codecs: CodecCalls) -> None:
    store = CountingStore()
    array = create(store)
    codecs.decoded = 0
    log = store.during(lambda: np.testing.assert_array_equal(array.blocks[1, 0], VALUES[256:, :256]))
    assert log == [index("c/1/0"), chunks("c/1/0", 16)]
    assert codecs.decoded == 16
    assert store.during(lambda: array.lazy[300:400].T.lazy[:, 0]) == []
    view = array.lazy[300:400].T.lazy[:64]
    log = store.during(lambda: np.testing.assert_array_equal(view[5:9], VALUES[300:400, 5:9].T))
    assert log == [chunks("c/1/0", 3, 3)]
    assert codecs.decoded == 19


def test_opening_is_one_request() -> None:
    store = CountingStore()
    create(store)
    assert [(r.verb, r.key) for r in store.during(lambda: zh.open(store))] == [("get", "zarr.json")]


# What is written, requests (of a set: only which object), and chunks decoded and encoded.
WRITES: dict[str, tuple[Any, list[Request], tuple[int, int]]] = {
    "one chunk": (np.s_[64:128, 64:128], [index("c/0/0"), chunks("c/0/0", 15, 2)], (0, 1)),
    "first chunk": (np.s_[:64, :64], [index("c/0/0"), chunks("c/0/0", 15)], (0, 1)),
    "one element": (np.s_[300, 5], [index("c/1/0"), chunks("c/1/0", 16)], (1, 1)),
    "half of two chunks": (np.s_[0:64, 32:96], [index("c/0/0"), chunks("c/0/0", 16)], (2, 2)),
    "every second row": (np.s_[0:256:2, 0:256], [index("c/0/0"), chunks("c/0/0", 16)], (16, 16)),
    "all chunks but one column": (np.s_[:256, 64:256], [index("c/0/0"), chunks("c/0/0", 4, 4)], (0, 12)),
    "whole shard": (np.s_[256:, :256], [], (0, 16)),
    "whole array": (np.s_[...], [], (0, 64)),
    "a row by number": (np.s_[[3, 70, 3], :64], [index("c/0/0"), chunks("c/0/0", 16)], (2, 2)),
    "whole chunks by number": (np.s_[[*range(63, -1, -1), 70], :64], [index("c/0/0"), chunks("c/0/0", 15)], (1, 2)),
    "an open mesh": (
        np.ix_([300, 5], [0, 1]),
        [index("c/0/0"), chunks("c/0/0", 16), index("c/1/0"), chunks("c/1/0", 16)],
        (2, 2),
    ),
    "points": (([5, 70, 6, 70], [0, 70, 1, 71]), [index("c/0/0"), chunks("c/0/0", 16)], (2, 2)),
    "a mask": (SOME & (np.arange(512) < 256)[:, np.newaxis], [index("c/0/0"), chunks("c/0/0", 16)], (3, 3)),
}


@pytest.mark.parametrize("hdf5", [True, False], ids=["hdf5", "plain"])
@pytest.mark.parametrize(("selection", "reads", "calls"), WRITES.values(), ids=WRITES)
def test_writing_decodes_only_what_it_partly_overwrites(
    selection: Any, reads: list[Request], calls: tuple[int, int], hdf5: bool, codecs: CodecCalls
) -> None:
    store = CountingStore()
    array = create(store, hdf5=hdf5)
    codecs.decoded = codecs.encoded = 0
    expected = VALUES.copy()
    expected[selection] = 7

    def write() -> None:
        array[selection] = 7

    log = store.during(write)
    assert (codecs.decoded, codecs.encoded) == calls
    assert [request for request in log if request.verb != "set"] == reads
    written = [request.key for request in log if request.verb == "set"]
    assert written == ([r.key for r in reads if r.verb == "get_range"] or _keys_of(selection))
    np.testing.assert_array_equal(array[...], expected)


def _keys_of(selection: Any) -> list[str]:
    return KEYS if selection is ... else ["c/1/0"]


def test_a_shard_cut_by_the_edge_is_written_without_reading() -> None:
    store = CountingStore()
    array = create(store, VALUES[:300, :300], shape=(300, 300))

    def write() -> None:
        array[256:, 256:] = 3

    assert [(r.verb, r.key) for r in store.during(write)] == [("set", "c/1/1")]


@pytest.mark.parametrize("hdf5", [True, False], ids=["hdf5", "plain"])
def test_absent_shards(hdf5: bool, codecs: CodecCalls) -> None:
    store = CountingStore()
    array = create(store, None, hdf5=hdf5)
    assert store.during(lambda: array[:64, :]) == [index("c/0/0"), index("c/0/1")]

    def write() -> None:
        array[10, 10] = 1

    assert [(r.verb, r.key) for r in store.during(write)] == [("get_range", "c/0/0"), ("set", "c/0/0")]
    assert (codecs.decoded, codecs.encoded) == (0, 1)
    assert array[10, 10] == 1


def test_empty_chunks_are_not_stored(codecs: CodecCalls) -> None:
    store = CountingStore()
    array = create(store, None, hdf5=False)
    values = np.zeros(SHAPE, "u2")
    values[300, 5] = 1

    def write() -> None:
        array[...] = values

    expected = [Request("delete", key) for key in KEYS]
    expected[2] = Request("set", "c/1/0", nbytes=CHUNK_NBYTES + INDEX)
    assert store.during(write) == expected
    assert (codecs.decoded, codecs.encoded) == (0, 1)
    read = store.during(lambda: np.testing.assert_array_equal(array[...], values))
    assert read == [index("c/0/0"), index("c/0/1"), index("c/1/0"), chunks("c/1/0", 1), index("c/1/1")]
    assert codecs.decoded == 1


def test_the_index_of_a_shard_is_read_again_after_it_was_written() -> None:
    store = CountingStore()
    array = create(store)
    array[:64, :64]

    def write_and_read() -> None:
        array[:256, :256] = 9
        assert (array[:64, :64] == 9).all()

    log = [(r.verb, r.key) for r in store.during(write_and_read)]
    assert log == [("set", "c/0/0"), ("get_ranges", "c/0/0"), ("get_range", "c/0/0"), ("get_ranges", "c/0/0")]


UNSHARDED_READS: dict[str, tuple[Any, list[str]]] = {
    "one chunk": (np.s_[64:128, 0:64], ["c/1/0"]),
    "plane": (np.s_[0, :256], ["c/0/0", "c/0/1", "c/0/2", "c/0/3"]),
    "strided": (np.s_[::128, 0], ["c/0/0", "c/2/0", "c/4/0", "c/6/0"]),
}


@pytest.mark.parametrize(("selection", "keys"), UNSHARDED_READS.values(), ids=UNSHARDED_READS)
def test_an_unsharded_array_takes_one_request_a_chunk(selection: Any, keys: list[str]) -> None:
    store = CountingStore()
    array = create(store, **UNSHARDED)
    wanted = [Request("get", key, nbytes=CHUNK_NBYTES) for key in keys]
    assert store.during(lambda: np.testing.assert_array_equal(array[selection], VALUES[selection])) == wanted
    assert store.during(lambda: array[selection]) == wanted


def test_writing_an_unsharded_array() -> None:
    store = CountingStore()
    array = create(store, **UNSHARDED)

    def write(selection: Any) -> Callable[[], None]:
        return lambda: array.set_basic_selection(selection, 4)

    whole, part = Request("set", "c/0/0", nbytes=CHUNK_NBYTES), Request("get", "c/0/0", nbytes=CHUNK_NBYTES)
    assert store.during(write(np.s_[:64, :64])) == [whole]
    assert store.during(write(np.s_[:1, :1])) == [part, whole]


def test_a_nested_shard_takes_three_requests_and_then_one() -> None:
    store = CountingStore()
    array = create(store, chunks=(128, 128), serializer=NESTED, compressors=None)
    assert array.chunks == CHUNK
    inner = Request("get_ranges", "c/0/0", 4, 4 * 68)
    outer = Request("get_range", "c/0/0", nbytes=68)
    assert store.during(lambda: array[:64, :64]) == [outer, inner, chunks("c/0/0", 1)]
    assert store.during(lambda: array[64:128, :64]) == [chunks("c/0/0", 1)]
