"""Big buffers: what Python and numpy allocate at most beyond the result, for each kind of access."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.stores.memory import MemoryStore

MIB = 1 << 20
SHAPE, CHUNK, SHARD = (256, 256, 256), (64, 64, 64), (256, 256, 128)
CHUNK_NBYTES = 64**3 * 2
VALUES = np.tile(np.random.default_rng(4).integers(0, 2**10, (32, *SHAPE[1:]), np.uint16), (8, 1, 1))
POINTS = tuple(np.random.default_rng(5).integers(0, n, 2000) for n in SHAPE)
CODECS = [None, "deflate", "zstd"]


def peak(access: Callable[[], Any]) -> int:
    """Bytes allocated at most, the result included."""
    access()  # what is kept from now on (indexes, decompressors, scratch memory) is not counted
    tracemalloc.start()
    try:
        access()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module", params=CODECS, ids=str)
def array(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> zh.Array:
    url = tmp_path_factory.mktemp("allocations") / "a.zarr"
    options: Any = {"shape": SHAPE, "dtype": "u2", "chunks": CHUNK, "shards": SHARD, "compressors": request.param}
    created = zh.create_array(url, **options)
    created[...] = VALUES
    return created


# Selection, and bytes beyond the result. A thread has a task's ranges, and a few decoded chunks, in hand.
READS: dict[str, tuple[Any, int]] = {
    "everything": (np.s_[...], 2 * 4 * CHUNK_NBYTES),
    "a chunk": (np.s_[64:128, :64, 128:192], 2 * CHUNK_NBYTES),
    "an element": (np.s_[100, 100, 100], 2 * CHUNK_NBYTES),
    "a plane": (np.s_[100], 2 * 4 * CHUNK_NBYTES),
    "1 %": (np.s_[::5, ::5, ::4], 2 * 4 * CHUNK_NBYTES),
}


@pytest.mark.parametrize(("selection", "beyond"), READS.values(), ids=READS)
def test_reading(array: zh.Array, selection: Any, beyond: int) -> None:
    wanted = VALUES[selection].nbytes
    assert peak(lambda: array[selection]) < wanted + beyond + MIB


def test_reading_points(array: zh.Array) -> None:
    assert peak(lambda: array.vindex[POINTS]) < 2 * 4 * CHUNK_NBYTES + MIB


def test_reading_a_product_of_arrays(array: zh.Array) -> None:
    """Not as points, whose coordinates alone would take 24 bytes each."""
    rows, columns = (np.flatnonzero(np.arange(256) % 5 < 3) for _ in range(2))
    wanted = len(rows) * len(columns) * 256 * 2
    assert peak(lambda: array.oindex[rows, columns]) < wanted + 2 * 4 * CHUNK_NBYTES + MIB
    assert peak(lambda: array.vindex[np.ix_(rows, columns, np.arange(256))]) < wanted + 2 * 4 * CHUNK_NBYTES + MIB


def test_reading_by_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A position and its plan take more than 100 bytes: they are not made of all elements at once."""
    monkeypatch.setattr("zarr_hdf5.array.transfer.MASK_SIZE", 1 << 14)
    values = VALUES.reshape(-1, 256)[:4096]
    created = zh.create_array(MemoryStore(), data=values, chunks=(16, 64), shards=(64, 256), compressors="zstd")
    assert peak(lambda: created[np.ones(values.shape, bool)]) < 3 * values.size + 200 * (1 << 14) + MIB


def test_writing_whole_shards(array: zh.Array) -> None:
    """The encoded chunks of a task for each thread, and of one that came too early."""
    assert peak(lambda: array.set_basic_selection(..., VALUES)) < 4 * 4 * MIB + MIB
