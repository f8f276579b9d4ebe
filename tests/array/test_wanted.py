"""Which blocks of a chunk are decoded for a selection, and that the right values come out of them."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr_hdf5 as zh
from zarr_hdf5.array.wanted import touched_blocks
from zarr_hdf5.buffer import byte_view
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.stores.memory import MemoryStore

Inside = tuple[slice | npt.NDArray[np.int64], ...]


def exactly(inside: Inside, shape: tuple[int, ...], itemsize: int, block: int) -> npt.NDArray[np.bool_]:
    """The blocks that hold a byte of a selected element."""
    chosen = np.zeros(shape, np.bool_)
    chosen[np.ix_(*[np.arange(n)[i] for i, n in zip(inside, shape, strict=True)])] = True
    in_bytes = np.repeat(chosen.reshape(-1), itemsize)
    padded = np.pad(in_bytes, (0, -len(in_bytes) % block))
    return np.asarray(padded.reshape(-1, block).any(axis=1))


WHOLE = slice(0, 64, 1)
# What is selected of a chunk of 64³ elements of two bytes, and how many of its 16 blocks of 32 KiB hold it.
SELECTIONS: dict[str, tuple[Inside, int]] = {
    "all": ((WHOLE, WHOLE, WHOLE), 16),
    "an element": ((slice(63, 64, 1), slice(0, 1, 1), slice(5, 6, 1)), 1),
    "a plane along the first axis": ((slice(33, 34, 1), WHOLE, WHOLE), 1),
    "a plane along the second axis": ((WHOLE, slice(33, 34, 1), WHOLE), 16),
    "a corner": ((slice(0, 8, 1), slice(0, 8, 1), slice(0, 8, 1)), 2),
    "few planes": ((slice(0, 64, 16), WHOLE, WHOLE), 4),
    "few planes, backwards": ((slice(63, None, -16), WHOLE, WHOLE), 4),
    "few lines of some planes": ((slice(2, 34, 16), slice(1, 64, 50), WHOLE), 2),
    "some planes by number": ((np.array([0, 1, 31, 63]), WHOLE, WHOLE), 3),
}


@pytest.mark.parametrize(("inside", "count"), SELECTIONS.values(), ids=SELECTIONS)
def test_blocks_of_a_selection(inside: Inside, count: int) -> None:
    found = touched_blocks(inside, (64, 64, 64), 2, 32 << 10)
    np.testing.assert_array_equal(found, exactly(inside, (64, 64, 64), 2, 32 << 10))
    assert found.sum() == count


@st.composite
def insides(draw: st.DrawFn) -> tuple[Inside, tuple[int, ...]]:
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=0, max_size=3)))
    inside: list[Any] = []
    for n in shape:
        some = sorted(draw(st.sets(st.integers(0, n - 1), min_size=1)))
        first, last, step = some[0], some[-1], draw(st.integers(1, 4))
        up = slice(first, last + 1, step)
        down = slice(last, first - 1 if first else None, -step)
        inside.append(draw(st.sampled_from([up, down, np.array(some, np.int64)])))
    return tuple(inside), shape


@given(insides(), st.integers(1, 8), st.integers(1, 100))
def test_no_block_is_forgotten(case: tuple[Inside, tuple[int, ...]], itemsize: int, block: int) -> None:
    inside, shape = case
    found = touched_blocks(inside, shape, itemsize, block)
    needed = exactly(inside, shape, itemsize, block)
    assert len(found) == -(-prod(shape) * itemsize // block)
    assert not (needed & ~found).any()


SHAPE, CHUNKS, SHARDS = (120, 90, 70), (60, 50, 64), (120, 100, 128)
VALUES = (np.arange(prod(SHAPE)) % 5003 // 7).astype(np.uint16).reshape(SHAPE)
CODECS: dict[str, Any] = {
    "zstd": "zstd",
    "gzip": [{"name": "gzip", "configuration": {"level": 1}}],
    "deflate": [{"name": "numcodecs.zlib", "configuration": {"level": 1}}],
    "zstd, checked": [{"name": "zstd", "configuration": {"level": 3, "checksum": True}}],
    "blosc": [{"name": "blosc", "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "shuffle"}}],
    "blosc, small blocks": [{"name": "blosc", "configuration": {"cname": "lz4", "clevel": 5, "blocksize": 4096}}],
    "blosc, checked": [
        {"name": "blosc", "configuration": {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle"}},
        {"name": "crc32c"},
    ],
}
POINTS = tuple(np.random.default_rng(0).integers(0, n, 30) for n in SHAPE)
READS: dict[str, Any] = {
    "a plane": lambda a: a[61],
    "planes": lambda a: a[::50, 1:],
    "lines backwards": lambda a: a[100:3:-40, 7, ::-1],
    "a corner": lambda a: a[:3, :70, :2],
    "an element": lambda a: a[-1, -1, -1],
    "rows": lambda a: a[[0, 1, 119]],
    "a mesh": lambda a: a[[2, 119]][:, [3, 88]] if isinstance(a, np.ndarray) else a.oindex[[2, 119], [3, 88]],
    "points": lambda a: a[POINTS],
}


@pytest.fixture(scope="module", params=CODECS)
def array(request: pytest.FixtureRequest) -> zh.Array:
    created = zh.create_array(
        MemoryStore(), shape=SHAPE, dtype="u2", chunks=CHUNKS, compressors=CODECS[request.param], hdf5=False
    )
    created[...] = VALUES
    return created


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_values(array: zh.Array, read: Any) -> None:
    np.testing.assert_array_equal(read(array), read(VALUES))


def test_absent_chunks_among_others() -> None:
    array = zh.create_array(
        MemoryStore(), shape=SHAPE, dtype="u2", chunks=CHUNKS, shards=SHARDS, compressors=CODECS["blosc"]
    )
    array[:60, 50:] = VALUES[:60, 50:]
    expected = np.zeros(SHAPE, np.uint16)
    expected[:60, 50:] = VALUES[:60, 50:]
    for read in READS.values():
        np.testing.assert_array_equal(read(array), read(expected))


@pytest.mark.parametrize("codec", CODECS)
def test_a_damaged_chunk_is_named(codec: str) -> None:
    store = MemoryStore()
    options: Any = {"shape": SHAPE, "dtype": "u2", "chunks": CHUNKS, "compressors": CODECS[codec]}
    array = zh.create_array(store, shards=None, hdf5=False, **options)
    array[...] = VALUES
    good = byte_view(store.get("c/1/0/0").data).tobytes()
    store.set("c/1/0/0", [good[: len(good) // 20]])
    with pytest.raises(CorruptDataError, match="c/1/0/0"):
        array[61]
    np.testing.assert_array_equal(array[59], VALUES[59])
