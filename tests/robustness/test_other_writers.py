"""Objects that change under the reader's hands, and many who write at once."""

import multiprocessing
import os
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_shards import KEY, KINDS, LITTLE, VALUES, Kind, document, sharding, store_of, written

import zarr_hdf5 as zh
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Blob

FLAT, NESTED = KINDS[1], KINDS[5]
OTHER = VALUES[::-1] * 1000


class Meddling(MemoryStore):
    """Before each read of a shard, `meddle` may do something to the store; `reads` counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.meddle: Callable[[int], None] = lambda reads: None
        self.reads = 0

    def _meddle(self, key: str) -> None:
        if key == KEY:
            self.reads += 1
            self.meddle(self.reads)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        self._meddle(key)
        return super().get_range(key, wanted)

    def get_ranges(self, key: str, wanted: Sequence[ByteRange], version: Any = None) -> list[Any]:
        self._meddle(key)
        return super().get_ranges(key, wanted, version)


def meddling(kind: Kind) -> tuple[Meddling, bytes, bytes]:
    """A store with VALUES, their shard, and a shard of OTHER."""
    source, shard = written(kind)
    store = Meddling()
    store.set("zarr.json", [source.get("zarr.json").data])
    zh.open_array(source, "r+")[...] = OTHER
    store.set(KEY, [shard])
    return store, shard, bytes(source.get(KEY).data)


@pytest.mark.parametrize("kind", [FLAT, NESTED], ids=["flat", "nested"])
class TestMeddling:
    @pytest.mark.parametrize("when", [1, 2, 3, 4])
    def test_replaced_once(self, kind: Kind, when: int) -> None:
        store, _, other = meddling(kind)
        store.meddle = lambda reads: store.set(KEY, [other]) if reads == when else None
        # One chunk: it is wholly of one shard or of the other.
        chunk = zh.open_array(store)[:2, :2].tolist()
        before = 2 if kind is FLAT else 3
        assert chunk == (OTHER if when <= before else VALUES)[:2, :2].tolist()

    @pytest.mark.parametrize("when", [1, 2, 3])
    def test_deleted(self, kind: Kind, when: int) -> None:
        store, _, _ = meddling(kind)
        store.meddle = lambda reads: store.delete(KEY) if reads == when else None
        before = 2 if kind is FLAT else 3
        chunk = zh.open_array(store)[:2, :2]
        assert chunk.tolist() == ([[0, 0], [0, 0]] if when <= before else VALUES[:2, :2].tolist())

    @pytest.mark.parametrize("when", [1, 2])
    def test_replaced_by_a_broken_one(self, kind: Kind, when: int) -> None:
        store, shard, _ = meddling(kind)
        store.meddle = lambda reads: store.set(KEY, [shard[:-1]]) if reads == when else None
        with pytest.raises(CorruptDataError, match=f"^{KEY}: "):
            zh.open_array(store)[:2, :2]

    def test_replaced_again_and_again(self, kind: Kind) -> None:
        store, shard, other = meddling(kind)
        store.meddle = lambda reads: store.set(KEY, [other if reads % 2 else shard])
        with pytest.raises(CorruptDataError, match=f"^{KEY}: replaced 10 times while"):
            zh.open_array(store)[:2, :2]
        assert store.reads < 250

    def test_what_was_kept_of_an_index_is_not_trusted(self, kind: Kind) -> None:
        store, _, other = meddling(kind)
        array = zh.open_array(store)
        np.testing.assert_array_equal(array[...], VALUES)
        store.set(KEY, [other])
        np.testing.assert_array_equal(array[...], OTHER)
        store.delete(KEY)
        assert not array[...].any()

    def test_a_part_is_written_into_what_is_there_by_then(self, kind: Kind) -> None:
        store, _, other = meddling(kind)
        array = zh.open_array(store, "r+")
        assert array[0, 0] == 1
        store.set(KEY, [other])
        array[0, 0] = -1
        expected = OTHER.copy()
        expected[0, 0] = -1
        np.testing.assert_array_equal(array[...], expected)


@pytest.mark.parametrize("hdf5", [True, False], ids=["hdf5", "plain"])
def test_readers_beside_a_writer_see_whole_shards(tmp_path: Path, hdf5: bool) -> None:
    folder = tmp_path / "a.zarr"
    writer = zh.create_array(folder, shape=(64, 64), dtype="i4", chunks=(16, 16), shards=(64, 64), hdf5=hdf5)
    writer[...] = 1
    done = threading.Event()

    def read() -> int:
        array, count = zh.open_array(folder), 0
        while not done.is_set() or count == 0:
            values = np.unique(array[:16, :16])  # one chunk
            assert len(values) == 1
            assert values[0] > 0
            count += 1
        return count

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        try:
            for n in range(2, 60):
                writer[...] = np.full((64, 64), n) if n % 2 else np.random.default_rng(n).integers(n, n + 1, (64, 64))
        finally:
            done.set()
        assert all(reader.result() > 0 for reader in readers)


def in_threads(count: int, task: Callable[[int], object]) -> None:
    barrier = threading.Barrier(count)

    def start(i: int) -> None:
        barrier.wait()
        task(i)

    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(start, i) for i in range(count)]:
            future.result()


@pytest.mark.parametrize("kind", KINDS, ids=[kind.id for kind in KINDS])
def test_no_update_of_a_shard_is_lost(kind: Kind) -> None:
    store, _ = written(kind)
    shared = zh.open_array(store, "r+")

    def task(i: int) -> None:
        array = shared if i % 2 else zh.open_array(store, "r+")
        for column in range(8):
            array[i, column] = 100 + 10 * i + column

    in_threads(8, task)
    np.testing.assert_array_equal(shared[...], 100 + 10 * np.arange(8)[:, None] + np.arange(8))


@pytest.mark.parametrize("url", ["{folder}/x.zarr", "memory://lost-update"], ids=["directory", "memory"])
def test_no_update_is_lost_between_an_array_and_its_hierarchy(tmp_path: Path, url: str) -> None:
    """The same shard, reached as a/b of the root, as b of a group, and as an array of its own."""
    root = url.format(folder=tmp_path)
    zh.create_array(root, name="a/b", shape=(24, 64), dtype="i4", chunks=(24, 8), shards=(24, 64))
    ways: list[Callable[[], Any]] = [
        lambda: zh.open_array(root, "r+", "a/b"),
        lambda: zh.open_group(f"{root}/a", "r+")["b"],
        lambda: zh.open_array(f"{root}/a/b", "r+"),
    ]

    def task(i: int) -> None:
        array = ways[i % 3]()
        for column in range(0, 64, 8):
            array[i, column : column + 8] = i + 1

    in_threads(6, task)
    expected = np.repeat(np.arange(1, 7), 64).reshape(6, 64)
    np.testing.assert_array_equal(zh.open_array(root, path="a/b")[:6], expected)


def test_many_shards_and_many_writers() -> None:
    """Writers whose regions overlap take their locks in one order; none waits for ever."""
    array = zh.create_array(MemoryStore(), shape=(32, 32), dtype="i4", chunks=(4, 4), shards=(8, 8), hdf5=False)

    def task(i: int) -> None:
        for _ in range(3):
            array[i : i + 20, ::-1] = i + 1
            array[:, i] = i + 1

    in_threads(8, task)
    assert set(np.unique(array[...])) <= set(range(9))


def test_small_slices_of_an_array_larger_than_memory() -> None:
    side = 1 << 40
    codecs = [sharding((64, 64), [LITTLE])]
    array = zh.open_array(store_of(document(codecs, shape=(side, side), shard=(1 << 16, 1 << 16))), "r+")
    places = [0, side // 3, side - 100]
    for place in places:
        array[place : place + 100, place : place + 3] = place % 1000 + 1
    tracemalloc.start()
    try:
        for place in places:
            assert (array[place : place + 100, place : place + 3] == place % 1000 + 1).all()
            assert not array[place : place + 100 : 7, side // 2 : side // 2 + 3].any()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The indexes of the shards that were touched are kept: 16 bytes for each of 2**20 chunks.
    assert peak < 300 << 20


def test_passing_through_a_large_file_takes_no_more_than_a_piece(tmp_path: Path) -> None:
    array = zh.create_array(tmp_path / "a.zarr", shape=1 << 25, dtype="u1", chunks=1 << 16, shards=1 << 22)
    for start in range(0, 1 << 25, 1 << 22):
        array[start : start + (1 << 22)] = start >> 22
    reader = zh.open_array(tmp_path / "a.zarr")
    tracemalloc.start()
    try:
        total = sum(int(reader[start : start + 50_000].sum()) for start in range(0, 1 << 25, 50_000))
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    assert total == sum(range(8)) << 22


def work_in_child(folder: str, row: int) -> None:
    array = zh.open_array(folder, "r+")
    assert (array[:16] == 1).all()
    array[row * 16 : (row + 1) * 16] = row
    os._exit(0 if (array[row * 16 : (row + 1) * 16] == row).all() else 1)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_fork_after_threads(tmp_path: Path) -> None:
    """A forked child has none of its parent's threads; it makes its own."""
    folder = str(tmp_path / "a.zarr")
    array = zh.create_array(folder, shape=(96, 256), dtype="i4", chunks=(4, 16), shards=(16, 256))
    array[...] = 1
    assert (array[...] == 1).all()  # the pool is at work
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=work_in_child, args=(folder, row)) for row in range(2, 6)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        hung = child.is_alive()
        child.kill()
        assert not hung
        assert child.exitcode == 0
    assert array[::16, 0].tolist() == [1, 1, 2, 3, 4, 5]
    assert zh.verify(folder)
