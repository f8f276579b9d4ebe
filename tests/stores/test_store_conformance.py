import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import CorruptDataError, NotFoundError, ReadOnlyError, StaleVersionError
from zarr_hdf5.stores.cached import CachedStore
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.logged import LoggedStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Store, moves_of
from zarr_hdf5.stores.resolve import store_from_url
from zarr_hdf5.stores.view import StoreView
from zarr_hdf5.stores.zip_writer import ZipWriter

ILLEGAL_KEYS = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/.",
    "./a",
    "../a",
    "a/../b",
    "a/..",
    "a\0b",
    "\ud800",
    "a/\ud800",
]
STRANGE_KEYS = ["...", "a/..b/c..", " ", "a b/%2e%2e/ü", ".zgroup", "a\\b", "c:d", "~", "\udcff", "-rf"]


def view_of_memory(root: Path) -> Store:
    base = MemoryStore()
    base.set("other", [b"not in the view"])
    base.set("inner", [b"not in the view"])
    base.set("innermost/x", [b"not in the view"])
    return StoreView(base, "inner")


STORES: dict[str, Callable[[Path], Store]] = {
    "local": lambda root: LocalStore(root / "store"),
    "local, fsync": lambda root: LocalStore(root / "store", fsync=True),
    "memory": lambda root: MemoryStore(),
    "named memory": lambda root: store_from_url(f"memory://{uuid.uuid4()}"),
    "part of memory": view_of_memory,
    "part of local": lambda root: StoreView(LocalStore(root / "store"), "inner/most"),
    "logged local": lambda root: LoggedStore(LocalStore(root / "store")),
    "cached local": lambda root: CachedStore(LocalStore(root / "store")),
    "cached memory": lambda root: CachedStore(MemoryStore(), max_nbytes=1 << 20, block_nbytes=7),
}


def joined(parts: list[bytes | memoryview | bytearray]) -> list[bytes]:
    return [bytes(p) for p in parts]


class StoreConformance:
    """What every store does. A test class inherits this and has a fixture `store`: an empty, writable store."""

    def test_is_a_store(self, store: Store) -> None:
        assert isinstance(store, Store)
        assert not store.read_only
        assert "://" in store.url

    @pytest.mark.parametrize(
        ("parts", "expected"),
        [
            ([], b""),
            ([b""], b""),
            ([b"abc"], b"abc"),
            (
                [b"a", bytearray(b"b"), memoryview(b"xcx")[1:2], b"", np.array([[0x64, 0x65]], dtype="<u2")],
                b"abcd\0e\0",
            ),
            ([np.zeros((0, 3)), np.array(7, dtype=">i4")], b"\0\0\0\7"),
            ([np.array([1], dtype="<M8[s]"), np.array([(1, 2)], dtype="<u1,<u2")], b"\1\0\0\0\0\0\0\0\1\2\0"),
            ([np.arange(6, dtype="u1").reshape(2, 3).T], b"\0\3\1\4\2\5"),
            ([np.arange(4, dtype="<u2").reshape(2, 2).data], b"\0\0\1\0\2\0\3\0"),
        ],
    )
    def test_set_joins_parts(self, store: Store, parts: list[Buffer], expected: bytes) -> None:
        store.set("a/b", parts)
        blob = store.get("a/b")
        assert (bytes(blob.data), blob.size) == (expected, len(expected))

    def test_many_parts_from_a_generator(self, store: Store) -> None:
        store.set("k", (bytes([i % 251]) * (i % 7) for i in range(5000)))
        assert store.get("k").data == b"".join(bytes([i % 251]) * (i % 7) for i in range(5000))

    def test_large_parts(self, store: Store) -> None:
        data = np.random.default_rng(0).integers(0, 256, (3, 7_000_000), dtype=np.uint8)
        store.set("k", list(data))
        blob = store.get("k")
        assert blob.data == data.tobytes()
        assert store.get_ranges("k", [ByteRange(20_999_990, 10)]) == [data[2, -10:].tobytes()]

    def test_later_changes_of_a_part_do_not_show(self, store: Store) -> None:
        part = bytearray(b"abc")
        store.set("k", [part])
        part[:] = b"xyz"
        assert store.get("k").data == b"abc"

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            (ByteRange(0, 10), b"0123456789"),
            (ByteRange(3, 4), b"3456"),
            (ByteRange(10, 0), b""),
            (SuffixRange(4), b"6789"),
            (SuffixRange(10), b"0123456789"),
            (SuffixRange(0), b""),
            (ByteRange(0, 11), None),
            (ByteRange(11, 0), None),
            (ByteRange(-1, 1), None),
            (ByteRange(1, -1), None),
            (ByteRange(0, 2**62), None),
            (ByteRange(2**64, 2**64), None),
            (SuffixRange(11), None),
            (SuffixRange(2**62), None),
        ],
    )
    def test_ranges(self, store: Store, wanted: ByteRange | SuffixRange, expected: bytes | None) -> None:
        store.set("a/k", [b"0123456789"])
        if expected is None:
            with pytest.raises(CorruptDataError, match="a/k"):
                store.get_range("a/k", wanted)
        else:
            blob = store.get_range("a/k", wanted)
            assert (bytes(blob.data), blob.size) == (expected, 10)
            assert blob.version == store.get("a/k").version
        if isinstance(wanted, ByteRange):
            both = [ByteRange(1, 2), wanted]
            if expected is None:
                with pytest.raises(CorruptDataError, match="a/k"):
                    store.get_ranges("a/k", both)
            else:
                assert joined(store.get_ranges("a/k", both)) == [b"12", expected]

    def test_no_ranges(self, store: Store) -> None:
        store.set("k", [b"abc"])
        assert store.get_ranges("k", []) == []
        with pytest.raises(NotFoundError):
            store.get_ranges("absent", [])

    def test_versions(self, store: Store) -> None:
        store.set("k", [b"abc"])
        first = store.get("k").version
        hash(first)
        assert store.get("k").version == first
        assert joined(store.get_ranges("k", [ByteRange(0, 1)], first)) == [b"a"]
        store.set("k", [b"abc"])
        second = store.get("k").version
        assert second != first
        for ranges in ([ByteRange(0, 1)], []):
            with pytest.raises(StaleVersionError):
                store.get_ranges("k", ranges, first)
        assert joined(store.get_ranges("k", [ByteRange(0, 1)], second)) == [b"a"]

    def test_absent(self, store: Store) -> None:
        store.set("a/b", [b"x"])
        for key in ["b", "a", "a/b/c", "a/bb", "x" * 300, "/".join(["d" * 200] * 40)]:
            assert not store.exists(key)
            with pytest.raises(NotFoundError):
                store.get(key)
            with pytest.raises(NotFoundError):
                store.get_range(key, SuffixRange(1))
            with pytest.raises(NotFoundError):
                store.get_ranges(key, [ByteRange(0, 1)])
            store.delete(key)
            assert store.list_dir("b") == ([], [])
            assert list(store.list_prefix("b")) == []
        store.delete_prefix("b")
        store.delete_prefix("a/b")  # an object, with nothing below it
        assert store.get("a/b").data == b"x"

    @pytest.mark.parametrize("key", ILLEGAL_KEYS)
    def test_illegal_keys(self, store: Store, key: str) -> None:
        assert not store.exists(key)
        calls: list[Any] = [
            lambda: store.get(key),
            lambda: store.get_range(key, SuffixRange(1)),
            lambda: store.get_ranges(key, []),
            lambda: store.set(key, [b"x"]),
            lambda: store.delete(key),
        ]
        if key:
            calls += [
                lambda: store.delete_prefix(key),
                lambda: store.list_dir(key),
                lambda: list(store.list_prefix(key)),
            ]
        for call in calls:
            with pytest.raises(NotFoundError, match="no object can have the key"):
                call()
        assert list(store.list_prefix("")) == []

    @pytest.mark.parametrize("key", STRANGE_KEYS)
    def test_strange_keys(self, store: Store, key: str) -> None:
        store.set(key, [b"x"])
        assert store.get(key).data == b"x"
        assert store.exists(key)
        assert list(store.list_prefix("")) == [key]
        store.delete(key)
        assert not store.exists(key)

    def test_listing(self, store: Store) -> None:
        assert store.list_dir("") == ([], [])
        assert list(store.list_prefix("")) == []
        keys = ["a/b", "a/c/0/0", "a/c/0/1", "a/c/10", "a/c/9", "a.x", "a0/z", "zarr.json", "é"]
        for key in reversed(keys):
            store.set(key, [b"x"])
        assert list(store.list_prefix("")) == sorted(keys)
        assert list(store.list_prefix("a")) == [k for k in sorted(keys) if k.startswith("a/")]
        assert list(store.list_prefix("a/c/0")) == ["a/c/0/0", "a/c/0/1"]
        assert store.list_dir("") == (["a.x", "zarr.json", "é"], ["a", "a0"])
        assert store.list_dir("a") == (["b"], ["c"])
        assert store.list_dir("a/c") == (["10", "9"], ["0"])
        assert store.list_dir("a/b") == ([], [])
        assert list(store.list_prefix("a/b")) == []

    def test_delete(self, store: Store) -> None:
        for key in ["a/b/c", "a/b/d", "e"]:
            store.set(key, [b"x"])
        store.delete("a/b/c")
        store.delete("a/b/c")
        store.delete("a/b")
        assert list(store.list_prefix("")) == ["a/b/d", "e"]
        store.delete("a/b/d")
        assert store.list_dir("") == (["e"], [])
        store.set("a/b", [b"now an object"])
        assert store.list_dir("a") == (["b"], [])

    def test_delete_prefix(self, store: Store) -> None:
        keys = ["a/b/c", "a/b/d/e", "a/bb", "ab/c", "f"]
        for key in keys:
            store.set(key, [b"x"])
        store.delete_prefix("a/b")
        assert list(store.list_prefix("")) == ["a/bb", "ab/c", "f"]
        store.delete_prefix("a")
        assert store.list_dir("") == (["f"], ["ab"])
        store.delete_prefix("")
        assert store.list_dir("") == ([], [])
        store.delete_prefix("")
        store.set("a/b/c", [b"x"])
        assert store.get("a/b/c").data == b"x"

    def test_move_prefix(self, store: Store) -> None:
        moves = moves_of(store)
        if moves is None:
            return
        for key in ("a/x", "a/b/y", "ab/z", "other"):
            store.set(key, [key.encode()])
        moves.move_prefix("a", "new/er/c")
        assert list(store.list_prefix("")) == ["ab/z", "new/er/c/b/y", "new/er/c/x", "other"]
        assert bytes(store.get("new/er/c/b/y").data) == b"a/b/y"
        moves.move_prefix("new/er/c", "a")
        assert list(store.list_prefix("")) == ["a/b/y", "a/x", "ab/z", "other"]
        assert store.list_dir("new") == ([], [])
        for wrong in ("nothing", "../a", "other/x"):
            with pytest.raises(NotFoundError):
                moves.move_prefix(wrong, "d")
        with pytest.raises(NotFoundError):
            moves.move_prefix("a", "../a")
        assert len(list(store.list_prefix(""))) == 4

    def test_a_part_that_fails_leaves_the_old_object(self, store: Store) -> None:
        def parts() -> Iterator[bytes]:
            yield b"n" * (9 << 20)
            raise ZeroDivisionError

        store.set("a/k", [b"old"])
        for key in ["a/k", "a/new"]:
            with pytest.raises(ZeroDivisionError):
                store.set(key, parts())
        assert store.get("a/k").data == b"old"
        assert list(store.list_prefix("")) == ["a/k"]

    def test_parts_read_from_the_same_object(self, store: Store) -> None:
        store.set("k", [b"abc"])
        store.set("k", (store.get("k").data for _ in range(3)))
        assert store.get("k").data == b"abcabcabc"
        with pytest.raises(NotFoundError, match="absent"):
            store.set("k", (store.get("absent").data for _ in range(3)))

    def test_readers_see_whole_objects_while_writers_replace_them(self, store: Store) -> None:
        size = 300_000
        store.set("k", [b"\0" * size])
        stop = threading.Event()
        problems: list[str] = []
        reads = [0, 0]

        def read(me: int) -> None:
            while not stop.is_set():
                blob = store.get("k")
                first, last = store.get_ranges("k", [ByteRange(0, 100), ByteRange(size - 100, 100)])
                if len(blob.data) != size or len(set(bytes(blob.data))) != 1 or bytes(first) != bytes(last):
                    problems.append("a mixture")
                try:
                    (again,) = store.get_ranges("k", [ByteRange(size // 2, 1)], blob.version)
                except StaleVersionError:
                    continue
                finally:
                    reads[me] += 1
                if bytes(again)[0] != blob.data[0]:
                    problems.append("another object under the same version")

        def write(value: int) -> None:
            for _ in range(40):
                store.set("k", [bytes([value]) * (size // 3)] * 3)

        readers = [threading.Thread(target=read, args=(i,)) for i in range(2)]
        writers = [threading.Thread(target=write, args=(i,)) for i in range(1, 4)]
        for thread in readers + writers:
            thread.start()
        for thread in writers:
            thread.join()
        stop.set()
        for thread in readers:
            thread.join()
        assert problems == []
        assert min(reads) > 0
        assert list(store.list_prefix("")) == ["k"]

    def test_setting_and_deleting_at_once(self, store: Store) -> None:
        problems: list[BaseException] = []

        def work(key: str) -> None:
            try:
                for _ in range(100):
                    store.set(key, [b"x"])
                    store.delete(key)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(f"a/b/{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert store.list_dir("") == ([], [])

    def test_read_only(self, store: Store) -> None:
        store.set("a/k", [b"old"])
        shut = store_from_url(store, read_only=True)
        assert shut.read_only
        assert shut.url == store.url
        calls: list[Callable[[], None]] = [
            lambda: shut.set("a/k", [b"new"]),
            lambda: shut.delete("a/k"),
            lambda: shut.delete("a/absent"),
            lambda: shut.delete_prefix("a"),
        ]
        for call in calls:
            with pytest.raises(ReadOnlyError, match="reading only"):
                call()
        assert shut.get("a/k").data == b"old"
        assert store_from_url(shut, read_only=True) is shut


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store: Store = request.param(tmp_path)
    yield store
    assert set(os.listdir(tmp_path)) <= {"store"}, "something was written outside the root"


class TestStores(StoreConformance):
    pass


class TestZipWriter(StoreConformance):
    """Its members may not be documents of Zarr, but some of these tests' objects are called like them."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        fd = os.open(tmp_path / "x.zip", os.O_RDWR | os.O_CREAT)
        yield ZipWriter(fd, "file:///x.zip", {}, 0, lambda key: key.endswith("zarr.json"))
        os.close(fd)

    @pytest.mark.parametrize("key", [key for key in STRANGE_KEYS if key != "\udcff"])
    def test_strange_keys(self, store: Store, key: str) -> None:
        super().test_strange_keys(store, key)

    def test_names_that_are_not_text(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="are text"):
            store.set("\udcff", [b"x"])
