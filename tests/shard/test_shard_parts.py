"""Sources and sinks of shards: what they read, keep, write and delete."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.shard import source as shard_source
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Blob


class Logged(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        self.log.append(f"index of {key}: {wanted.nbytes}")
        return super().get_range(key, wanted)

    def get_ranges(self, key: str, wanted: Sequence[ByteRange], version: Any = None) -> list[Any]:
        self.log.append(f"{len(wanted)} of {key}")
        return super().get_ranges(key, wanted, version)


def logged_array(hdf5: Any = True) -> tuple[Logged, zh.Array]:
    store = Logged()
    zh.create_array(store, data=np.arange(1, 65).reshape(8, 8), chunks=(2, 2), shards=(4, 4), hdf5=hdf5)
    store.log.clear()
    return store, zh.open_array(store, "r+")


@pytest.mark.parametrize("hdf5", [True, False])
def test_an_index_is_read_once_and_neighbours_in_one_request(hdf5: bool) -> None:
    store, array = logged_array(hdf5)
    array[0, 0]
    assert store.log == ["index of c/0/0: 68", "1 of c/0/0"]
    array[:4, :4]
    array[3, 3]
    assert not [line for line in store.log[2:] if line.startswith("index")]
    array[5, 5]
    assert store.log[-2:] == ["index of c/1/1: 68", "1 of c/1/1"]


def test_few_indexes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_source, "CACHED_CHUNKS", 8)  # two shards of four chunks
    store, array = logged_array()
    for row, column in [(0, 0), (0, 4), (0, 0), (4, 0), (0, 0), (0, 4)]:
        array[row, column]
    indexes = [line.split(":")[0] for line in store.log if line.startswith("index")]
    assert indexes == [f"index of c/{place}" for place in ("0/0", "0/1", "1/0", "0/1")]


def test_a_shard_of_nothing_but_the_fill_value_is_deleted() -> None:
    store, array = logged_array()
    assert store.exists("c/0/1")
    array[:4, 4:] = 0
    assert sorted(store.list_prefix("c")) == ["c/0/0", "c/1/0", "c/1/1"]
    assert not array[:4, 4:].any()
    assert zh.verify(store)


def test_overwriting_a_whole_shard_reads_nothing_of_the_old() -> None:
    store, array = logged_array()
    array[:4, :4] = 5
    assert store.log == []


def test_overwriting_a_part_decodes_only_what_it_cuts() -> None:
    store, array = logged_array()
    before = bytes(store.get("c/0/0").data)
    array[:2, :2] = 5  # one whole chunk: the other three move as they are
    assert store.log == ["index of c/0/0: 68", "1 of c/0/0"]
    after = bytes(store.get("c/0/0").data)
    assert before != after
    np.testing.assert_array_equal(array[2:4, :4], np.arange(1, 65).reshape(8, 8)[2:4, :4])
