"""Chunks that are nothing but their elements: what is read of them, and where it is put."""

import tracemalloc
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
from counting_store import CountingStore, Request

import zarr_hdf5 as zh
from zarr_hdf5.array.read_elements import run_of
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.stores import logged
from zarr_hdf5.stores.local import LocalStore

SHAPE, CHUNK, SHARD = (40, 30, 20), (10, 30, 20), (40, 30, 20)
ROW = 20 * 2  # bytes
PLANE = 30 * ROW
VALUES = np.random.default_rng(3).integers(0, 2**16, SHAPE, np.uint16)


class IntoStore(CountingStore):
    """With the verb that not every store has."""

    def read_into(
        self, key: str, wanted: Sequence[tuple[int, "memoryview[int]"]], version: Hashable | None = None
    ) -> None:
        self.log.append(logged.Request("read_into", key, tuple(ByteRange(o, len(buffer)) for o, buffer in wanted)))
        assert isinstance(self.store, LocalStore)
        self.store.read_into(key, wanted, version)


@pytest.fixture(autouse=True)
def _two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many tasks there are depends on it."""
    monkeypatch.setattr("zarr_hdf5.array.read.worker_count", lambda: 2)
    monkeypatch.setattr("zarr_hdf5.array.read_elements.WHOLE_NBYTES", 0)  # the chunks of these tests are small


# Selection; ranges and bytes that are read to their place; ranges and bytes that are read elsewhere first.
READS: dict[str, tuple[Any, list[tuple[int, int]], list[tuple[int, int]]]] = {
    "one element": (np.s_[11, 12, 13], [(1, 2)], []),
    "ten elements": (np.s_[11, 12, 5:15], [(1, 20)], []),
    "a row": (np.s_[11, 12], [(1, ROW)], []),
    "some rows": (np.s_[11, 12:20], [(1, 8 * ROW)], []),
    "some planes of one chunk": (np.s_[12:15], [(1, 3 * PLANE)], []),
    "planes of two chunks": (np.s_[8:12], [(2, 4 * PLANE)], []),
    "all": (..., [(4, 40 * PLANE)], []),
    "rows of two planes": (np.s_[11:13, 4:8], [], [(1, 2 * PLANE)]),
    "columns of a plane": (np.s_[11, 4:8, 2:4], [], [(1, 4 * ROW)]),
    "every second row": (np.s_[11, 4:9:2], [], [(1, 5 * ROW)]),
    "backwards": (np.s_[13:10:-1], [], [(1, 3 * PLANE)]),
}


def create(store: Any, **options: Any) -> zh.Array:
    wanted: Any = {"shape": SHAPE, "dtype": "u2", "chunks": CHUNK, "shards": SHARD, "compressors": None, **options}
    array = zh.create_array(store, data=VALUES, **wanted)
    array[0, 0, 0]  # the index is read
    return array


@pytest.mark.parametrize(("selection", "straight", "others"), READS.values(), ids=READS)
def test_only_what_is_wanted_is_read(
    selection: Any, straight: list[tuple[int, int]], others: list[tuple[int, int]], tmp_path: Path
) -> None:
    store = IntoStore(LocalStore(tmp_path))
    array = create(store)
    log = store.during(lambda: np.testing.assert_array_equal(array[selection], VALUES[selection]))
    wanted = [Request("read_into", "c/0/0/0", *one) for one in straight]
    assert log == wanted + [Request("get_ranges", "c/0/0/0", *one) for one in others]


@pytest.mark.parametrize(("selection", "straight", "others"), READS.values(), ids=READS)
@pytest.mark.parametrize("dtype", [">u2", "u2"])
def test_as_many_bytes_where_they_cannot_be_put_in_place(
    selection: Any, straight: list[tuple[int, int]], others: list[tuple[int, int]], dtype: str, tmp_path: Path
) -> None:
    """The store cannot, or the bytes are to be swapped."""
    big = [{"name": "bytes", "configuration": {"endian": "big"}}]
    store = IntoStore(LocalStore(tmp_path)) if dtype == ">u2" else CountingStore()
    array = create(store, serializer=big[0], hdf5=False) if dtype == ">u2" else create(store)
    log = store.during(lambda: np.testing.assert_array_equal(array[selection], VALUES[selection]))
    assert {request.verb for request in log} == {"get_ranges"}
    assert sum(request.nbytes for request in log) == sum(nbytes for _, nbytes in straight + others)


@pytest.mark.parametrize("dtype", ["u2", "f4", "bool", "c16"])
def test_results_of_every_layout(dtype: str, tmp_path: Path) -> None:
    values = (VALUES > 40000) if dtype == "bool" else VALUES.astype(dtype)
    array = zh.create_array(tmp_path, data=values, chunks=(3, 7, 20), shards=(6, 14, 20), compressors=None)
    for selection, *_ in READS.values():
        np.testing.assert_array_equal(array[selection], values[selection])
    out = np.zeros((*SHAPE, 2), np.float64)[..., 0]  # neither contiguous nor of the array's type
    array.get_basic_selection(..., out=out) if dtype not in ("c16", "bool") else None
    assert dtype in ("c16", "bool") or (out == values).all()


def test_no_second_copy_of_a_large_result(tmp_path: Path) -> None:
    values = np.arange(8 << 20, dtype="u4").reshape(-1, 1024)
    array = zh.create_array(tmp_path, data=values, chunks=(2048, 1024), shards=(8192, 1024), compressors=None)
    array[0, 0]
    tracemalloc.start()
    read = array[...]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    few = array[5000, 10:20]
    peak_of_few = tracemalloc.get_traced_memory()[1] - tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(few, values[5000, 10:20])
    assert peak < values.nbytes * 1.05
    assert peak_of_few < 200_000


def test_a_shard_that_was_replaced_is_looked_at_again(tmp_path: Path) -> None:
    store = IntoStore(LocalStore(tmp_path))
    array, other = create(store), zh.open_array(tmp_path, "r+")
    other[...] = 5
    log = store.during(lambda: np.testing.assert_array_equal(array[:], np.full(SHAPE, 5)))
    assert sorted(request.verb for request in log) == ["get_range"] + ["read_into"] * 2
    other[10:] = 0  # the fill value: three chunks are absent
    np.testing.assert_array_equal(array[5:25, 3], np.repeat([5, 0], [5, 15])[:, None] * np.ones(20))
    other[...] = 0  # and now there is no shard
    np.testing.assert_array_equal(array[5:25, 3], np.zeros((20, 20)))


def test_one_long_run_is_read_by_several_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zarr_hdf5.array.read_elements.TASK_NBYTES", 5 * PLANE)
    store = IntoStore(LocalStore(tmp_path))
    array = create(store, chunks=SHAPE)
    log = store.during(lambda: np.testing.assert_array_equal(array[1:], VALUES[1:]))
    assert sorted(request.nbytes for request in log) == [4 * PLANE] + [5 * PLANE] * 7


@pytest.mark.parametrize("shape", [(7,), (4, 5), (3, 4, 5)])
def test_a_run_holds_the_selection(shape: tuple[int, ...]) -> None:
    elements = np.arange(np.prod(shape)).reshape(shape)
    rng = np.random.default_rng(len(shape))
    for _ in range(300):
        low = [int(rng.integers(0, n)) for n in shape]
        high = [int(rng.integers(a + 1, n + 1)) for a, n in zip(low, shape, strict=True)]
        step = rng.choice([-2, -1, 1, 1, 1, 2], len(shape)).tolist()
        in_chunk = tuple(
            slice(a, b, k) if k > 0 else slice(b - 1, a - 1 if a else None, k)
            for a, b, k in zip(low, high, step, strict=True)
        )
        run = run_of(in_chunk, shape)
        held = elements.reshape(-1)[run.start : run.start + int(np.prod(run.shape))].reshape(run.shape)
        selected = elements[in_chunk]
        np.testing.assert_array_equal(held[run.inside], selected)
        assert run.exact == (held.shape == selected.shape and bool((held == selected).all()))


# The last chunk holds 3 of its 10 planes within the array; bytes that are stored of it, and whether that is enough.
@pytest.mark.parametrize(
    ("nbytes", "enough"), [(3, True), (5, True), (10, True), (2.9, False), (0, False), (11, False)]
)
@pytest.mark.parametrize("endian", ["little", "big"])
def test_a_chunk_may_end_where_the_array_ends(nbytes: float, enough: bool, endian: str, tmp_path: Path) -> None:
    serializer = {"name": "bytes", "configuration": {"endian": endian}}
    array = zh.create_array(
        tmp_path, data=VALUES[:33], chunks=CHUNK, shards=SHARD, serializer=serializer, compressors=None, hdf5=False
    )
    path = tmp_path / "c/0/0/0"
    shard = bytearray(path.read_bytes())
    entries = np.frombuffer(shard, "<u8", 8, len(shard) - 4 - 64).reshape(4, 2)
    data = bytes(shard[entries[3, 0] : entries[3, 0] + 10 * PLANE])
    entries[3] = entries[0, 0], int(nbytes * PLANE)  # at the place of the first chunk, to have room for more
    shard[entries[3, 0] : entries[3, 0] + 10 * PLANE] = data
    shard[-4:] = google_crc32c.value(bytes(shard[-68:-4])).to_bytes(4, "little")
    path.write_bytes(shard)
    np.testing.assert_array_equal(array[10:30], VALUES[10:30])
    if enough:
        np.testing.assert_array_equal(array[10:], VALUES[10:33])
        np.testing.assert_array_equal(array[32, 29], VALUES[32, 29])
    else:
        with pytest.raises(CorruptDataError, match=r"inner chunk \(3, 0, 0\).*exact length"):
            array[31]
