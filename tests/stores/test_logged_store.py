"""What a log says of each call of a store."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import NotFoundError, StaleVersionError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.logged import LoggedStore, Request
from zarr_hdf5.stores.memory import MemoryStore


def test_every_verb() -> None:
    store = LoggedStore(MemoryStore())
    store.set("a/k", [b"0123", np.array([1, 2], "<u2")])
    store.get("a/k")
    store.get_range("a/k", SuffixRange(3))
    wanted = [ByteRange(0, 2), ByteRange(5, 1)]
    store.get_ranges("a/k", wanted)
    store.exists("a/k")
    list(store.list_prefix("a"))
    store.list_dir("")
    store.delete("a/k")
    store.delete_prefix("a")
    assert store.log == [
        Request("set", "a/k", nbytes=8),
        Request("get", "a/k", nbytes=8),
        Request("get_range", "a/k", (SuffixRange(3),), 3),
        Request("get_ranges", "a/k", (ByteRange(0, 2), ByteRange(5, 1)), 3),
        Request("exists", "a/k"),
        Request("list_prefix", "a"),
        Request("list_dir", ""),
        Request("delete", "a/k"),
        Request("delete_prefix", "a"),
    ]
    assert all(0 < request.seconds < 10 for request in store.log)


def test_calls_that_fail() -> None:
    store = LoggedStore(MemoryStore())
    with pytest.raises(NotFoundError):
        store.get("k")
    with pytest.raises(NotFoundError):
        store.get_ranges("k", [ByteRange(0, 5)])
    with pytest.raises(StaleVersionError):
        store.patch("k", 1, [(0, [b"x"])])
    assert store.log == [Request("get", "k"), Request("get_ranges", "k", (ByteRange(0, 5),)), Request("patch", "k")]


def test_writing_piece_by_piece_and_in_place(tmp_path: Path) -> None:
    store = LoggedStore(LocalStore(tmp_path, in_place=True))
    assert store.creates
    assert store.in_place
    new = store.create("k")
    new.write(0, (part for part in [b"0123", b"4567"]))
    new.write(2, [b"xx"])
    new.finish()
    store.create("never").abandon()
    blob = store.get("k")
    assert blob.data == b"01xx4567"
    store.patch("k", blob.version, [(8, [b"89", b"a"]), (0, [b"y"])])
    assert store.get("k").data == b"y1xx456789a"
    assert store.log == [
        Request("set", "k", nbytes=8),
        Request("get", "k", nbytes=8),
        Request("patch", "k", (ByteRange(8, 3), ByteRange(0, 1)), 4),
        Request("get", "k", nbytes=11),
    ]
    assert not LoggedStore(MemoryStore()).creates
    assert not LoggedStore(LocalStore(tmp_path)).in_place


@pytest.mark.parametrize("local", [True, False], ids=["local", "memory"])
def test_an_array(tmp_path: Path, local: bool) -> None:
    store = LoggedStore(LocalStore(tmp_path) if local else MemoryStore())
    values = np.arange(64 * 64, dtype="u2").reshape(64, 64)
    options: Any = {"chunks": (16, 16), "shards": (32, 32), "compressors": None}
    zh.create_array(store, data=values, **options)
    assert next(r.key for r in store.log if r.verb == "set") == "zarr.json"
    assert sorted(r.key for r in store.log if r.verb == "set")[:4] == ["c/0/0", "c/0/1", "c/1/0", "c/1/1"]
    store.log.clear()
    array = zh.open_array(store)
    assert [(r.verb, r.key) for r in store.log] == [("get", "zarr.json")]
    store.log.clear()
    np.testing.assert_array_equal(array[:16, :16], values[:16, :16])
    assert [(r.verb, r.key, r.nbytes) for r in store.log] == [
        ("get_range", "c/0/0", 4 * 16 + 4),
        ("get_ranges", "c/0/0", 16 * 16 * 2),
    ]
    assert repr(store).startswith("LoggedStore(")
