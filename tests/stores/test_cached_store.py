"""What a cache asks the store for, what it keeps, and that nobody sees what was replaced."""

import threading
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr_hdf5 as zh
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import NotFoundError, StaleVersionError
from zarr_hdf5.stores.cached import CachedStore
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.logged import LoggedStore
from zarr_hdf5.stores.memory import MemoryStore

DATA = bytes(range(256)) * 4
LOOK = ("get_range", 0)


def cached(max_nbytes: int = 1024, data: bytes = DATA) -> tuple[LoggedStore, CachedStore]:
    """A store that has an object "k", and a cache of blocks of 100 bytes."""
    logged = LoggedStore(MemoryStore())
    logged.set("k", [data])
    logged.log.clear()
    return logged, CachedStore(logged, max_nbytes=max_nbytes, block_nbytes=100)


def asked(store: LoggedStore) -> list[tuple[str, int]]:
    """Verbs and bytes of the requests since the last time."""
    found = [(request.verb, request.nbytes) for request in store.log]
    store.log.clear()
    return found


def test_what_was_read_is_not_read_again() -> None:
    logged, store = cached()
    first = store.get_range("k", ByteRange(150, 60))
    assert (first.data, first.size) == (DATA[150:210], 1024)
    assert asked(logged) == [LOOK, ("get_ranges", 200)]
    assert store.get_range("k", ByteRange(101, 199)).data == DATA[101:300]
    assert asked(logged) == [LOOK]
    assert store.get_ranges("k", [ByteRange(299, 1), ByteRange(120, 0)]) == [DATA[299:300], b""]
    assert asked(logged) == [LOOK]
    # With a version, what is missing is asked for at once: the store looks at the version itself.
    wanted = [ByteRange(90, 20), ByteRange(250, 60), ByteRange(1020, 4)]
    assert store.get_ranges("k", wanted, first.version) == [DATA[one.offset : one.end] for one in wanted]
    assert asked(logged) == [("get_ranges", 100 + 100 + 24)]
    assert store.get_range("k", SuffixRange(24)).data == DATA[-24:]
    assert asked(logged) == [LOOK]


def test_whole_objects() -> None:
    logged, store = cached(4096)
    assert store.get("k").data == DATA
    assert asked(logged) == [("get", 1024)]
    assert store.get("k").data == DATA
    assert store.get_range("k", ByteRange(500, 500)).data == DATA[500:1000]
    assert asked(logged) == [LOOK, LOOK]


def test_the_bound() -> None:
    logged, store = cached(500)
    for start in range(0, 1000, 100):
        store.get_range("k", ByteRange(start, 100))
    assert len(store._cache) == 5
    asked(logged)
    store.get_range("k", ByteRange(500, 100))  # now the last to go
    assert asked(logged) == [LOOK]
    store.get_range("k", ByteRange(0, 100))
    asked(logged)
    store.get_range("k", ByteRange(500, 100))
    assert asked(logged) == [LOOK]
    store.get_range("k", ByteRange(600, 100))
    assert asked(logged) == [LOOK, ("get_ranges", 100)]
    # What is more than half of it would push out all else.
    assert store.get_range("k", ByteRange(1, 300)).data == DATA[1:301]
    assert store.get("k").data == DATA
    assert asked(logged) == [LOOK, ("get_ranges", 300), LOOK, ("get_ranges", 1024)]
    assert len(store._cache) == 5


def test_objects_that_are_replaced_deleted_and_made_shorter() -> None:
    logged, store = cached(4096)
    version = store.get("k").version
    logged.set("k", [b"new" * 100])
    for ranges in ([ByteRange(0, 1)], []):
        with pytest.raises(StaleVersionError):
            store.get_ranges("k", ranges, version)
    assert store.get_ranges("k", [ByteRange(0, 3)]) == [b"new"]
    assert store.get("k").data == b"new" * 100
    with pytest.raises(zh.errors.CorruptDataError, match="300 bytes"):
        store.get_range("k", ByteRange(300, 1))
    store.set("k", [b"by itself"])
    assert store.get("k").data == b"by itself"
    logged.delete("k")
    for read in (
        lambda: store.get("k"),
        lambda: store.get_range("k", SuffixRange(1)),
        lambda: store.get_ranges("k", []),
    ):
        with pytest.raises(NotFoundError):
            read()


class Replacing(MemoryStore):
    """Whose object is replaced before each of the first `times` reads of ranges."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def get_ranges(self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None) -> Any:
        if self.times:
            self.times -= 1
            self.set(key, [bytes([self.times % 256]) * 50])
        return super().get_ranges(key, wanted, version)


def test_an_object_that_is_replaced_between_the_look_and_the_read() -> None:
    store = Replacing(3)
    store.set("k", [b"x" * 50])
    cache = CachedStore(store)
    assert cache.get_range("k", ByteRange(10, 5)).data == b"\0" * 5
    store.times = 1000
    with pytest.raises(StaleVersionError, match="again and again"):
        CachedStore(store).get_range("k", ByteRange(0, 1))


RANGES = st.lists(st.tuples(st.integers(0, 1024), st.integers(0, 400)), max_size=6)


@given(st.lists(RANGES, max_size=6), st.integers(1, 3000), st.integers(1, 300))
def test_bytes_are_those_of_the_store(reads: Any, max_nbytes: int, block_nbytes: int) -> None:
    inner = MemoryStore()
    inner.set("k", [DATA])
    store = CachedStore(inner, max_nbytes=max_nbytes, block_nbytes=block_nbytes)
    for pairs in reads:
        wanted = [ByteRange(offset, min(nbytes, 1024 - offset)) for offset, nbytes in pairs]
        assert [bytes(part) for part in store.get_ranges("k", wanted)] == [DATA[one.offset : one.end] for one in wanted]
        assert len(store._cache) * store._cache.block_nbytes <= max_nbytes


@pytest.mark.parametrize("options", [{"max_nbytes": 0}, {"block_nbytes": 0}, {"max_nbytes": -1}])
def test_bounds_that_are_none(options: Any) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        CachedStore(MemoryStore(), **options)


def test_many_threads(tmp_path: Path) -> None:
    """Readers of an object that is replaced see one version of it, and never go back to an older one."""
    store = CachedStore(LocalStore(tmp_path), max_nbytes=4000, block_nbytes=64)
    store.set("k", [bytes(1000)])
    stop, problems = threading.Event(), []

    def read() -> None:
        last = 0
        while not stop.is_set():
            blob = store.get_range("k", ByteRange(100, 900))
            seen = set(bytes(blob.data))
            if len(seen) != 1 or min(seen) < last:
                problems.append((seen, last))
            last = min(seen)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for value in range(1, 200):
        store.set("k", [bytes([value]) * 1000])
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems


def test_an_array() -> None:
    logged = LoggedStore(MemoryStore())
    values = np.random.default_rng(2).integers(0, 2**16, (64, 64), "u2")
    options: Any = {"chunks": (16, 16), "shards": (32, 32)}
    zh.create_array(logged, data=values, **options)
    array = zh.open_array(CachedStore(logged), "r+")
    np.testing.assert_array_equal(array[...], values)
    asked(logged)
    np.testing.assert_array_equal(array[...], values)
    assert sum(nbytes for _, nbytes in asked(logged)) == 0
    array[:16, :16] = 1
    values[:16, :16] = 1
    np.testing.assert_array_equal(array[...], values)
    np.testing.assert_array_equal(zh.open_array(logged)[...], values)
