"""zarr-python's own tests of stores, on the store of an HDF5 file.

A test that puts bytes under keys of its choice does so here with bytes that are in a file, and asserts the same. Those
that apply to no read-only store are set to None below, with the reason.
"""

import json
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import Buffer, default_buffer_prototype
from zarr.core.buffer.cpu import Buffer as CPUBuffer
from zarr.core.sync import _collect_aiterator, sync
from zarr.testing.store import StoreTests

from zarr_hdf5.errors import NotFoundError, ReadOnlyError
from zarr_hdf5.plugins.zarr_python import CONCURRENCY, HDF5Store

PROTOTYPE = default_buffer_prototype()
LISTED = {
    *("zarr.json", "foo/zarr.json", "foo-bar/zarr.json", "foo/bar/zarr.json"),
    *(f"foo/bar/c/{i}" for i in range(10)),
    *("foo/gzip/zarr.json", "foo/gzip/c/0/0", "foo/gzip/c/0/1", "foo/gzip/c/1/1"),
    *("foo/padded/zarr.json", "foo/padded/c/0", "foo/scalar/zarr.json", "foo/scalar/c"),
}
KEYS = ["foo/bar/c/0", "foo/bar/c/9", "foo/gzip/c/1/1"]
REQUESTS: list[ByteRequest | None] = [
    *(None, RangeByteRequest(1, 4), OffsetByteRequest(1), SuffixByteRequest(1)),
    *(RangeByteRequest(0, 0), RangeByteRequest(2, 99), RangeByteRequest(99, 100), RangeByteRequest(3, 1)),
    *(OffsetByteRequest(99), SuffixByteRequest(99)),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_group("foo-bar")
        foo = file.create_group("foo")
        foo.create_dataset("bar", data=np.arange(40, dtype="u1"), chunks=(4,))
        gzip = foo.create_dataset("gzip", (4, 6), "<f8", chunks=(2, 3), compression="gzip", fillvalue=7)
        gzip[:2] = np.arange(12).reshape(2, 6)
        gzip[2:, 3:] = 1
        foo["padded"] = np.ones(3, np.dtype({"names": ["a"], "formats": [">i4"], "offsets": [4], "itemsize": 16}))
        foo["scalar"] = 2.5
        foo["without"] = h5py.SoftLink("/nowhere")
    return path


def stored(store: HDF5Store, key: str) -> bytes:
    """A chunk as it lies in the file."""
    path, _, coords = key.partition("/c/")
    with h5py.File(store.url, "r") as file:
        dataset = file[path]
        start = tuple(int(i) * n for i, n in zip(coords.split("/"), dataset.chunks, strict=True))
        return bytes(dataset.id.read_direct_chunk(start)[1])


def part(data: bytes, request: ByteRequest | None) -> bytes:
    match request:
        case RangeByteRequest(start, end):
            return data[start:end]
        case OffsetByteRequest(offset):
            return data[offset:]
        case SuffixByteRequest(suffix):
            return data[max(0, len(data) - suffix) :]
    return data


def value(buffer: Buffer | None) -> bytes:
    assert buffer is not None
    return buffer.to_bytes()


class TestHDF5Store(StoreTests[HDF5Store, CPUBuffer]):
    store_cls = HDF5Store
    buffer_cls = CPUBuffer

    # What writes and deletes succeed in: nothing does.
    test_set = None  # type: ignore[assignment]
    test_set_not_open = None  # type: ignore[assignment]
    test_set_many = None  # type: ignore[assignment]
    test_set_sync = None  # type: ignore[assignment]
    test_delete = None  # type: ignore[assignment]
    test_delete_dir = None  # type: ignore[assignment]
    test_delete_nonexistent_key_does_not_raise = None  # type: ignore[assignment]
    test_delete_sync = None  # type: ignore[assignment]
    test_delete_sync_missing = None  # type: ignore[assignment]
    test_sync_async_set_get_parity = None
    test_delete_sync_visible_to_async_get = None

    async def set(self, store: HDF5Store, key: str, value: Buffer) -> None:
        raise AssertionError("nothing can be put into an HDF5 file")

    async def get(self, store: HDF5Store, key: str) -> Buffer:
        return self.buffer_cls.from_bytes(stored(store, key))

    @pytest.fixture
    def store_kwargs(self, url: Path) -> dict[str, Any]:
        return {"url": url}

    @pytest.fixture
    def store(self, open_kwargs: dict[str, Any]) -> HDF5Store:
        return sync(self.store_cls.open(**open_kwargs))

    @pytest.fixture
    def store_not_open(self, store_kwargs: dict[str, Any]) -> HDF5Store:
        return self.store_cls(**store_kwargs)

    def test_store_repr(self, store: HDF5Store) -> None:
        assert repr(store) == f"HDF5Store('{store.url}')"

    def test_store_supports_writes(self, store: HDF5Store) -> None:
        assert not store.supports_writes
        assert not store.supports_deletes
        assert not store.supports_consolidated_metadata

    def test_store_supports_listing(self, store: HDF5Store) -> None:
        assert store.supports_listing

    async def test_serializable_store(self, store: HDF5Store) -> None:
        again: HDF5Store = pickle.loads(pickle.dumps(store))
        assert again == store
        assert hash(again) == hash(store)
        assert again.read_only == store.read_only
        assert value(await again.get(KEYS[0], PROTOTYPE)) == stored(store, KEYS[0])

    @pytest.mark.parametrize("read_only", [True, False])
    def test_with_read_only_gives_the_same_store(self, store: HDF5Store, read_only: bool) -> None:
        again = store.with_read_only(read_only)
        assert isinstance(again, HDF5Store)
        assert (again.url, again.read_only) == (store.url, read_only)

    async def test_with_read_only_store(self, open_kwargs: dict[str, Any]) -> None:
        """Whatever the store says of itself, nothing is written."""
        store = await self.store_cls.open(**{**open_kwargs, "read_only": True})
        for one in (store.with_read_only(True), store):
            with pytest.raises(ValueError, match="read-only mode"):
                await one.set("foo", self.buffer_cls.from_bytes(b"bar"))
            with pytest.raises(ValueError, match="read-only mode"):
                await one.delete("foo")
        writer = store.with_read_only(False)
        for attempt in (writer.set("foo", self.buffer_cls.from_bytes(b"bar")), writer.delete("foo"), writer.clear()):
            with pytest.raises(ReadOnlyError, match="not written"):
                await attempt

    @pytest.mark.parametrize("key", KEYS)
    @pytest.mark.parametrize("byte_range", REQUESTS, ids=repr)
    async def test_get(self, store: HDF5Store, key: str, byte_range: ByteRequest | None) -> None:  # type: ignore[override]
        observed = await store.get(key, PROTOTYPE, byte_range)
        assert value(observed) == part(stored(store, key), byte_range)

    @pytest.mark.parametrize("key", ["zarr.json", "foo/padded/c/0", "foo/scalar/c"])
    @pytest.mark.parametrize("byte_range", REQUESTS, ids=repr)
    async def test_get_of_what_is_made_up(self, store: HDF5Store, key: str, byte_range: ByteRequest | None) -> None:
        whole = value(await store.get(key, PROTOTYPE))
        assert value(await store.get(key, PROTOTYPE, byte_range)) == part(whole, byte_range)

    @pytest.mark.parametrize(
        "key",
        [
            *("foo/gzip/c/1/0", "foo/bar/c/10", "foo/bar/c/0/0", "foo/bar/c", "foo/bar/c/00", "foo/bar/c/-1"),
            *("spam/zarr.json", "foo/c/0", "c/0", "foo/bar/baz/zarr.json", "foo/without/zarr.json", "foo/without/c/0"),
            *("", "/", "foo", ".zgroup", "foo/.zattrs", "foo/bar/c/99999999999999999999"),
        ],
    )
    async def test_get_of_what_is_not_there(self, store: HDF5Store, key: str) -> None:
        assert await store.get(key, PROTOTYPE) is None
        assert store.get_sync(key, byte_range=SuffixByteRequest(3)) is None
        assert not await store.exists(key)

    async def test_get_not_open(self, store_not_open: HDF5Store) -> None:
        assert not store_not_open._is_open
        assert value(await store_not_open.get(KEYS[0], PROTOTYPE)) == stored(store_not_open, KEYS[0])

    async def test_get_raises(self, store: HDF5Store) -> None:
        with pytest.raises((ValueError, TypeError), match=r"Unexpected byte_range, got.*"):
            await store.get(KEYS[0], PROTOTYPE, byte_range=(0, 2))  # type: ignore[arg-type]

    async def test_get_many(self, store: HDF5Store) -> None:
        found = await _collect_aiterator(store._get_many((key, PROTOTYPE, None) for key in KEYS))
        assert {key: value(buffer) for key, buffer in found} == {key: stored(store, key) for key in KEYS}

    @pytest.mark.parametrize("key", KEYS)
    async def test_getsize(self, store: HDF5Store, key: str) -> None:  # type: ignore[override]
        assert await store.getsize(key) == len(stored(store, key))

    @pytest.mark.parametrize("key", sorted(LISTED))
    async def test_getsize_is_the_size_of_the_value(self, store: HDF5Store, key: str) -> None:
        assert await store.getsize(key) == len(value(await store.get(key, PROTOTYPE)))

    async def test_getsize_prefix(self, store: HDF5Store) -> None:
        assert await store.getsize_prefix("foo/bar/c") == 40

    @pytest.mark.parametrize(
        "key_ranges",
        [
            [],
            [("zarr.json", RangeByteRequest(0, 2))],
            [("foo/bar/c/0", RangeByteRequest(0, 2)), ("zarr.json", None)],
            [
                ("foo/bar/c/0", RangeByteRequest(0, 2)),
                ("foo/bar/c/1", SuffixByteRequest(2)),
                ("foo/bar/c/2", OffsetByteRequest(2)),
            ],
        ],
    )
    async def test_get_partial_values(  # type: ignore[override]
        self,
        store: HDF5Store,
        key_ranges: list[tuple[str, ByteRequest | None]],
    ) -> None:
        observed = await store.get_partial_values(PROTOTYPE, (pair for pair in key_ranges))
        expected = [value(await store.get(key, PROTOTYPE, byte_range)) for key, byte_range in key_ranges]
        assert [value(buffer) for buffer in observed] == expected

    async def test_get_partial_values_of_what_is_not_there(self, store: HDF5Store) -> None:
        assert await store.get_partial_values(PROTOTYPE, [("spam", None), ("c/0", SuffixByteRequest(1))]) == [None] * 2

    async def test_exists(self, store: HDF5Store) -> None:
        assert not await store.exists("foo")
        assert await store.exists("foo/zarr.json")

    async def test_is_empty(self, store: HDF5Store) -> None:
        assert not await store.is_empty("")
        assert await store.is_empty("fo")
        assert not await store.is_empty("foo/")
        assert not await store.is_empty("foo")
        assert await store.is_empty("spam/")

    async def test_clear(self, store: HDF5Store) -> None:
        with pytest.raises(ReadOnlyError, match="not written"):
            await store.clear()

    async def test_list(self, store: HDF5Store) -> None:
        assert sorted(await _collect_aiterator(store.list())) == sorted(LISTED)

    async def test_what_is_listed_exists(self, store: HDF5Store) -> None:
        async for key in store.list():
            assert await store.exists(key)
            assert await store.get(key, PROTOTYPE) is not None

    @pytest.mark.parametrize("prefix", ["", "foo/", "foo/bar/", "foo/gzip/c/", "foo/gzip/c/1/", "foo-bar/"])
    async def test_list_prefix(self, store: HDF5Store, prefix: str) -> None:  # type: ignore[override]
        expected = sorted(key for key in LISTED if key.startswith(prefix))
        assert sorted(await _collect_aiterator(store.list_prefix(prefix))) == expected
        assert sorted(await _collect_aiterator(store.list_prefix(prefix.rstrip("/")))) == expected

    async def test_list_empty_path(self, store: HDF5Store) -> None:
        assert sorted(await _collect_aiterator(store.list_prefix(""))) == sorted(LISTED)

    @pytest.mark.parametrize(
        "root", ["", "foo", "foo/bar", "foo/gzip/c", "foo/gzip/c/1", "foo/bar/c", "foo-bar", "spam"]
    )
    async def test_list_dir(self, store: HDF5Store, root: str) -> None:  # type: ignore[override]
        below = f"{root}/" if root else ""
        expected = {key.removeprefix(below).split("/")[0] for key in LISTED if key.startswith(below)}
        assert sorted(await _collect_aiterator(store.list_dir(root))) == sorted(expected)
        assert sorted(await _collect_aiterator(store.list_dir(below))) == sorted(expected)

    async def test_set_if_not_exists(self, store: HDF5Store) -> None:
        new = self.buffer_cls.from_bytes(b"1111")
        await store.set_if_not_exists(KEYS[0], new)  # no error
        with pytest.raises(ReadOnlyError, match="not written"):
            await store.set_if_not_exists("k2", new)
        assert await store.get("k2", PROTOTYPE) is None

    @pytest.mark.skipif(not hasattr(HDF5Store, "_get_bytes"), reason="not in newer versions of zarr-python")
    async def test_get_bytes(self, store: HDF5Store) -> None:
        assert await store._get_bytes(KEYS[0], prototype=PROTOTYPE) == stored(store, KEYS[0])
        with pytest.raises(FileNotFoundError):
            await store._get_bytes("nonexistent_key", prototype=PROTOTYPE)

    @pytest.mark.skipif(not hasattr(HDF5Store, "_get_bytes"), reason="not in newer versions of zarr-python")
    def test_get_bytes_sync(self, store: HDF5Store) -> None:
        assert store._get_bytes_sync(KEYS[0], prototype=PROTOTYPE) == stored(store, KEYS[0])

    @pytest.mark.skipif(not hasattr(HDF5Store, "_get_json"), reason="not in newer versions of zarr-python")
    async def test_get_json(self, store: HDF5Store) -> None:
        document = await store._get_json("foo/zarr.json", prototype=PROTOTYPE)
        assert document == {"zarr_format": 3, "node_type": "group", "attributes": {}}

    @pytest.mark.skipif(not hasattr(HDF5Store, "_get_json"), reason="not in newer versions of zarr-python")
    def test_get_json_sync(self, store: HDF5Store) -> None:
        assert store._get_json_sync("foo/bar/zarr.json", prototype=PROTOTYPE)["shape"] == [40]

    def test_get_sync(self, store: HDF5Store) -> None:
        getter = self._require_get_sync(store)
        assert value(getter.get_sync(KEYS[0])) == stored(store, KEYS[0])

    @pytest.mark.parametrize("byte_range", REQUESTS, ids=repr)
    async def test_get_sync_byte_range_parity(self, store: HDF5Store, byte_range: ByteRequest | None) -> None:
        observed = store.get_sync(KEYS[0], byte_range=byte_range)
        assert value(observed) == value(await store.get(KEYS[0], PROTOTYPE, byte_range))

    def test_sync_writes_raise(self, store: HDF5Store) -> None:
        with pytest.raises(ReadOnlyError, match="not written"):
            store.set_sync("foo", self.buffer_cls.from_bytes(b"bar"))
        with pytest.raises(ReadOnlyError, match="not written"):
            store.delete_sync("foo")


def test_documents_are_those_of_the_same_json(url: Path) -> None:
    found = HDF5Store(url).get_sync("foo/gzip/zarr.json")
    document = json.loads(value(found))
    assert (document["node_type"], document["shape"], document["data_type"]) == ("array", [4, 6], "float64")
    assert document["chunk_grid"]["configuration"]["chunk_shape"] == [2, 3]


async def test_documents_with_phony_dims_are_whole(url: Path) -> None:
    store = HDF5Store(url, phony_dims=True)
    document = value(await store.get("foo/gzip/zarr.json", PROTOTYPE))
    assert json.loads(document)["dimension_names"] == ["phony_dim_4", "phony_dim_6"]
    assert await store.getsize("foo/gzip/zarr.json") == len(document)
    for request in REQUESTS:
        assert value(await store.get("foo/gzip/zarr.json", PROTOTYPE, request)) == part(document, request)
    assert await store.get("foo/gzip/c/0/0", PROTOTYPE) is not None
    assert await store.get("spam/zarr.json", PROTOTYPE) is None


async def test_few_values_are_read_at_a_time(url: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, lock, under_way, most = HDF5Store(url), threading.Lock(), 0, 0
    get_sync = store.get_sync

    def counted(*args: Any, **kwargs: Any) -> Buffer | None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.002)
        found = get_sync(*args, **kwargs)
        with lock:
            under_way -= 1
        return found

    monkeypatch.setattr(store, "get_sync", counted)
    found = await store.get_partial_values(PROTOTYPE, [(f"foo/bar/c/{i % 10}", None) for i in range(100)])
    assert [value(buffer) for buffer in found[:10]] == [stored(store, f"foo/bar/c/{i}") for i in range(10)]
    assert 1 < most <= CONCURRENCY


def test_stores_of_other_files_or_options_differ(url: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.h5"
    other.write_bytes(url.read_bytes())
    assert HDF5Store(url) == HDF5Store(str(url))
    assert HDF5Store(url) != HDF5Store(other)
    assert HDF5Store(url) != HDF5Store(url, links_outside=True)
    assert (
        HDF5Store(url) != HDF5Store(url, phony_dims=True) == pickle.loads(pickle.dumps(HDF5Store(url, phony_dims=True)))
    )
    assert HDF5Store(url) != str(url)


def test_a_relative_path_is_made_absolute(url: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(url.parent)
    store = HDF5Store("a.h5")
    data = pickle.dumps(store)
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(data) == store == HDF5Store(url)


def test_what_is_no_hdf5_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no HDF5")
    with pytest.raises(NotFoundError, match="no HDF5 file"):
        HDF5Store(tmp_path / "nothing.h5")
    with pytest.raises(NotFoundError, match="no HDF5 file"):
        HDF5Store(tmp_path / "text")
    zarr.create_group(tmp_path / "x.zarr")
    with pytest.raises(NotFoundError, match="no HDF5 file"):
        HDF5Store(tmp_path / "x.zarr")


def test_opens_as_zarr_python_opens_by_default(url: Path) -> None:
    group = zarr.open_group(HDF5Store(url))
    assert np.asarray(group["foo/bar"])[:3].tolist() == [0, 1, 2]
    assert sorted(zarr.open_group(HDF5Store(url), mode="r").group_keys()) == ["foo", "foo-bar"]
    with pytest.raises(ReadOnlyError, match="not written"):
        group.attrs["a"] = 1
    with pytest.raises(ReadOnlyError, match="not written"):
        zarr.open_group(HDF5Store(url), mode="w")
