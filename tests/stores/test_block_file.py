import gc
import io
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore as ObjectsInMemory

from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import CorruptDataError, NotFoundError, StaleVersionError, StorageError
from zarr_hdf5.stores.block_file import BlockCache, BlockFile
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Blob, Store
from zarr_hdf5.stores.remote import RemoteStore
from zarr_hdf5.stores.view import StoreView

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda root: MemoryStore(),
    "local": lambda root: LocalStore(root / "store"),
    "remote": lambda root: RemoteStore(ObjectsInMemory(), "bucket://x"),
    "part of remote": lambda root: StoreView(RemoteStore(ObjectsInMemory(), "bucket://x"), "sub/path"),
}
KiB = 1 << 10


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(tmp_path)
    return made


@dataclass
class Asked:
    """A remote store that remembers the ranges it was asked for."""

    inner: RemoteStore = field(default_factory=lambda: RemoteStore(ObjectsInMemory(), "bucket://x"))
    log: list[tuple[int, int]] = field(default_factory=list)  # offset, end

    def get_start(self, key: str, nbytes: int) -> Blob:
        self.log.append((0, nbytes))
        return self.inner.get_start(key, nbytes)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        raise AssertionError("a request too many")

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        self.log += [(r.offset, r.end) for r in wanted]
        return self.inner.get_ranges(key, wanted, version)


def noise(nbytes: int) -> bytes:
    return np.random.default_rng(nbytes).bytes(nbytes)


def hdf5_bytes(value: int = 0) -> bytes:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        for i in range(20):
            file.create_dataset(
                f"g{i % 3}/d{i}", data=np.arange(i, 3000 + i) + value, chunks=(500,), compression="gzip"
            )
            file[f"g{i % 3}/d{i}"].attrs["units"] = f"m{i}"
    return memory.getvalue()


def test_libhdf5_reads_through_it(store: Store) -> None:
    store.set("a/old.h5", [hdf5_bytes()])
    with BlockFile(store, "a/old.h5", cache=BlockCache(block_nbytes=KiB)) as blocks:
        with h5py.File(blocks, "r") as file:
            for i in range(20):
                dataset = file[f"g{i % 3}/d{i}"]
                assert dataset.attrs["units"] == f"m{i}"
                np.testing.assert_array_equal(dataset[:], np.arange(i, 3000 + i))
        assert blocks.error is None


Step = tuple[str, int, int]


@given(
    size=st.integers(0, 400),
    block_nbytes=st.integers(1, 70),
    max_nbytes=st.integers(1, 200),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("read"), st.integers(0, 450), st.just(0)),
            st.tuples(st.just("seek"), st.integers(-450, 450), st.sampled_from([0, 1, 2])),
        ),
        max_size=30,
    ),
)
def test_it_is_a_file(size: int, block_nbytes: int, max_nbytes: int, steps: list[Step]) -> None:
    data = noise(size)
    memory = RemoteStore(ObjectsInMemory(), "bucket://x")
    memory.set("k", [data])
    cache = BlockCache(block_nbytes=block_nbytes, max_nbytes=max_nbytes)
    ours, theirs = BlockFile(memory, "k", cache=cache), io.BytesIO(data)
    for verb, number, whence in steps:
        if verb == "read":
            assert ours.read(number) == theirs.read(number)
        elif number + (0, theirs.tell(), size)[whence] < 0:
            with pytest.raises(ValueError, match="before the start"):
                ours.seek(number, whence)
        else:
            assert ours.seek(number, whence) == theirs.seek(number, whence)
        assert ours.tell() == theirs.tell()
        assert len(cache) <= max(1, max_nbytes // block_nbytes)


def test_a_file_says_what_it_is(store: Store) -> None:
    store.set("k", [b"0123456789"])
    file = BlockFile(store, "k", cache=BlockCache(block_nbytes=4))
    assert (file.size, file.version) == (10, store.get("k").version)
    assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
    assert file.read() == b"0123456789"
    assert [bytes(file.read_at(*place)) for place in [(0, 10), (3, 6), (10, 0)]] == [b"0123456789", b"345678", b""]
    for place in [(0, 11), (-1, 1), (11, 0), (2**64, 1)]:
        with pytest.raises(CorruptDataError, match="outside"):
            file.read_at(*place)
    file.seek(8)
    buffer = bytearray(b"xxxxx")
    assert file.readinto(buffer) == 2
    assert buffer == b"89\0\0\0"


def test_absent_and_empty(store: Store) -> None:
    with pytest.raises(NotFoundError):
        BlockFile(store, "absent")
    store.set("empty", [])
    file = BlockFile(store, "empty")
    assert (file.size, file.read()) == (0, b"")


@pytest.mark.parametrize(
    ("size", "reads", "expected"),
    [
        # the first block comes with the size; a small object whole
        (100 * KiB, [(0, 100 * KiB)], [(0, 256 * KiB)]),
        (2048 * KiB, [(0, 8), (100, 1000), (255 * KiB, KiB)], [(0, 256 * KiB)]),
        # one block for a small read, anywhere
        (2048 * KiB, [(1000 * KiB, 5), (1001 * KiB, 5)], [(0, 256 * KiB), (768 * KiB, 1024 * KiB)]),
        # neighbours in one piece, up to the object's end
        (2000 * KiB, [(600 * KiB, 1400 * KiB)], [(0, 256 * KiB), (512 * KiB, 2000 * KiB)]),
        # what is there already is not asked for again
        (
            2048 * KiB,
            [(800 * KiB, 1), (300 * KiB, 1200 * KiB)],
            [(0, 256 * KiB), (768 * KiB, 1024 * KiB), (256 * KiB, 768 * KiB), (1024 * KiB, 1792 * KiB)],
        ),
        # who reads on and on gets more each time
        (
            8192 * KiB,
            [(i * 64 * KiB, 64 * KiB) for i in range(128)],
            [(0, 256 * KiB)]
            + [(b * 256 * KiB, e * 256 * KiB) for b, e in [(1, 3), (3, 7), (7, 15), (15, 31), (31, 32)]],
        ),
        # no request is longer than 16 MiB
        (
            20480 * KiB,
            [(256 * KiB, 20224 * KiB)],
            [(0, 256 * KiB), (256 * KiB, 16640 * KiB), (16640 * KiB, 20480 * KiB)],
        ),
    ],
)
def test_requests(size: int, reads: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    asked, data = Asked(), noise(size)
    asked.inner.set("k", [data])
    file = BlockFile(asked, "k", cache=BlockCache(block_nbytes=256 * KiB))
    for offset, nbytes in reads:
        assert file.read_at(offset, nbytes) == data[offset : offset + nbytes]
    assert asked.log == expected


def test_openings_share_blocks() -> None:
    asked, cache, data = Asked(), BlockCache(block_nbytes=KiB, max_nbytes=8 * KiB), noise(100 * KiB)
    asked.inner.set("k", [data])
    asked.inner.set("other", [data[::-1]])
    assert BlockFile(asked, "k", cache=cache).read_at(5000, 10) == data[5000:5010]
    asked.log.clear()
    again = BlockFile(asked, "k", cache=cache)
    assert (again.size, bytes(again.read_at(5000, 10))) == (100 * KiB, data[5000:5010])
    assert asked.log == []
    assert BlockFile(asked, "other", cache=cache).read_at(5000, 10) == data[::-1][5000:5010]
    assert len(asked.log) == 2
    again.read_at(0, 100 * KiB)
    assert len(cache) == 8


def test_a_replaced_object_is_noticed(store: Store) -> None:
    old, new = hdf5_bytes(0), hdf5_bytes(1) + b"longer"
    store.set("k", [old])
    cache = BlockCache(block_nbytes=KiB)
    blocks = BlockFile(store, "k", cache=cache)
    store.set("k", [new])
    with pytest.raises(OSError, match="replaced"), h5py.File(blocks, "r") as file:
        file.visititems(lambda name, node: None)
    assert isinstance(blocks.error, StaleVersionError)
    with h5py.File(BlockFile(store, "k", cache=cache), "r") as file:
        np.testing.assert_array_equal(file["g0/d0"][:], np.arange(3000) + 1)


def test_the_first_error_is_kept() -> None:
    class Breaks(Asked):
        def get_ranges(
            self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
        ) -> list[bytes | memoryview | bytearray]:
            raise StorageError(f"the line is cut at {wanted[0].offset}")

    breaks = Breaks()
    breaks.inner.set("k", [noise(10 * KiB)])
    file = BlockFile(breaks, "k", cache=BlockCache(block_nbytes=KiB))
    for offset in (2 * KiB, 5 * KiB):
        file.seek(offset)
        with pytest.raises(OSError, match="the line is cut"):
            file.read(1)
    assert str(file.error) == "the line is cut at 2048"
    assert BlockFile(breaks, "k", cache=file.cache).error is None


def test_an_error_holds_nothing_open() -> None:
    """An access list of libhdf5's that is left over at the end of the process is a segmentation fault."""

    class Breaks(Asked):
        def get_ranges(
            self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
        ) -> list[bytes | memoryview | bytearray]:
            try:
                raise KeyError("line")
            except KeyError as error:
                raise StorageError("the line is cut") from error

    def fail() -> "weakref.ref[BlockFile]":
        breaks = Breaks()
        breaks.inner.set("k", [hdf5_bytes(0)])
        file = BlockFile(breaks, "k", cache=BlockCache(block_nbytes=KiB))
        with pytest.raises(OSError, match="cut"), h5py.File(file, "r") as opened:
            opened.visititems(lambda name, node: None)
        assert isinstance(file.error, StorageError)
        return weakref.ref(file)

    found = fail()
    gc.collect()
    assert found() is None
