"""What an update in place reads, writes, decodes and encodes: exactly."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counting_store import CodecCalls, CountingStore, Request

import zarr_hdf5 as zh
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.stores.local import LocalStore

CHUNK, SHARD = (64, 64), (512, 1024)  # 128 chunks
CHUNK_NBYTES, INDEX = 64 * 64 * 2, 128 * 16 + 4
VALUES = np.random.default_rng(5).integers(1, 2**16, SHARD, np.uint16)
SHUFFLE = [{"name": "numcodecs.shuffle", "configuration": {"elementsize": 2}}]  # no chunk changes its length
NODE = 24 + 64 * 40 + 32  # of a B-tree of rank 2
ENTRY, ARRAY_HEADER = 8 + 3 + 4, 28  # of a Fixed Array, filtered
BLOCK = 14 + 128 * ENTRY + 4
LAYOUTS = [zh.HDF5(libver=v, index_location=i) for v in ("earliest", "v110") for i in ("end", "start")]

# Selection; chunks that are read, written and decoded; nodes of the B-tree from the first to the last that change.
UPDATES: dict[str, tuple[Any, int, int, int]] = {
    "one chunk": (np.s_[64:128, 64:128], 0, 1, 1),
    "one element": (np.s_[300, 5], 1, 1, 1),
    "half of two chunks": (np.s_[0:64, 32:96], 2, 2, 1),
    "first and last row of chunks, partly": (np.s_[::511, 64:192], 4, 4, 2),
    "a quarter of the chunks": (np.s_[:128, :], 0, 32, 1),
}


@pytest.mark.parametrize(("selection", "nread", "nwritten", "nodes"), UPDATES.values(), ids=UPDATES)
@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_an_update_costs_what_it_changes(
    tmp_path: Path, codecs: CodecCalls, hdf5: zh.HDF5, selection: Any, nread: int, nwritten: int, nodes: int
) -> None:
    store = CountingStore(LocalStore(tmp_path, in_place=True))
    zh.create_array(store, data=VALUES, chunks=CHUNK, shards=SHARD, compressors=SHUFFLE, hdf5=hdf5)
    array = zh.open_array(store, "r+")
    first = store.during(lambda: array.set_basic_selection((-1, -1), 1))
    # The index; a chunk; the header and the entries. From here on the index and the header are known.
    assert [request.verb for request in first] == ["get_range", "get_ranges", "get_ranges", "get_ranges", "patch"]
    codecs.decoded = codecs.encoded = 0

    def update() -> None:
        array[selection] = 7

    log = store.during(update)
    assert (codecs.decoded, codecs.encoded) == (nread, nwritten)
    header = array.hdf5.view.template((0, 0)).image if isinstance(array.hdf5, HDF5Side) else b""
    btree = hdf5.libver == "earliest"
    entries = nodes * NODE if btree else ARRAY_HEADER
    read = sum(request.nbytes for request in log if request.verb == "get_ranges")
    assert read == nread * CHUNK_NBYTES + entries
    assert [request.verb for request in log[:-1]] == ["get_ranges"] * (2 if nread else 1)
    changed = entries if btree else BLOCK + 12
    written = nwritten * CHUNK_NBYTES + INDEX + changed + len(header)
    assert log[-1] == Request("patch", "c/0/0", 3 + (hdf5.index_location == "start"), written)
    VALUES_AFTER = VALUES.copy()
    VALUES_AFTER[-1, -1], VALUES_AFTER[selection] = 1, 7
    np.testing.assert_array_equal(array[...], VALUES_AFTER)


def test_an_update_that_would_change_too_much_reads_as_before(tmp_path: Path) -> None:
    store = CountingStore(LocalStore(tmp_path, in_place=True))
    zh.create_array(store, data=VALUES, chunks=CHUNK, shards=SHARD, compressors=SHUFFLE)
    array = zh.open_array(store, "r+")

    def update() -> None:
        array[:128, :] = 7
        array[:129, :] = 8

    log = store.during(update)
    assert [request.verb for request in log if request.key == "c/0/0"][-3:] == ["get_range", "get_ranges", "set"]
    assert sum(request.verb == "patch" for request in log) == 1


def test_the_hundredth_update_costs_no_more_than_the_first(tmp_path: Path) -> None:
    store = CountingStore(LocalStore(tmp_path, in_place=True))
    zh.create_array(store, data=VALUES, chunks=CHUNK, shards=SHARD, compressors=SHUFFLE)
    array = zh.open_array(store, "r+")

    def update() -> None:
        for i in range(100):
            array[:64, 64 * (i % 16) : 64 * (i % 16 + 1)] = i + 1

    log = store.during(update)
    assert sum(request.verb == "get_range" for request in log) == 1
    assert {request.nbytes for request in log if request.verb == "patch"} == {log[-1].nbytes}
    assert not [request for request in log if request.verb == "set"]
