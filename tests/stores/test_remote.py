import importlib
import os
import sys
import uuid
from pathlib import Path

import pytest
from obstore.store import MemoryStore as ObjectsInMemory

# For `test_store_conformance`: pytest's import mode "importlib" makes no folder of tests importable.
sys.path.insert(0, str(Path(__file__).parent))

from test_store_conformance import STRANGE_KEYS, StoreConformance

from zarr_hdf5.errors import NotFoundError, ReadOnlyError, StorageError, UnsupportedFeatureError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.stores.remote import RemoteStore, remote_store
from zarr_hdf5.stores.resolve import object_at, store_from_url
from zarr_hdf5.stores.view import StoreView


@pytest.fixture
def store() -> Store:
    return RemoteStore(ObjectsInMemory(), "bucket://x")


class TestRemoteStore(StoreConformance):
    @pytest.mark.parametrize("key", [key for key in STRANGE_KEYS if key.isprintable()])
    def test_strange_keys(self, store: Store, key: str) -> None:
        super().test_strange_keys(store, key)

    def test_names_that_are_not_utf8(self, store: Store) -> None:
        with pytest.raises(NotFoundError, match="no object can have"):
            store.set("\udcff", [b"x"])
        assert not store.exists("\udcff")

    @pytest.mark.parametrize(("nbytes", "expected"), [(1, b"0"), (10, b"0123456789"), (1000, b"0123456789")])
    def test_start(self, nbytes: int, expected: bytes) -> None:
        remote = RemoteStore(ObjectsInMemory(), "bucket://x")
        remote.set("k", [b"0123456789"])
        blob = remote.get_start("k", nbytes)
        assert (bytes(blob.data), blob.size, blob.version) == (expected, 10, remote.get("k").version)
        remote.set("empty", [])
        assert remote.get_start("empty", nbytes).size == 0
        with pytest.raises(NotFoundError):
            remote.get_start("absent", nbytes)

    def test_read_only_from_the_start(self) -> None:
        shut = RemoteStore(ObjectsInMemory(), "bucket://x", read_only=True)
        with pytest.raises(ReadOnlyError):
            shut.set("k", [b""])


ENVIRONMENT = {"AWS_REGION": "eu-west-1", "AZURE_STORAGE_ACCOUNT_NAME": "someone"}


@pytest.mark.parametrize(
    ("url", "expected", "read_only"),
    [
        ("http://host/dir/x.zarr/", "http://host/dir/x.zarr", True),
        ("HTTPS://host:8080/a%20b?token=1#part", "https://host:8080/a%20b?token=1", True),
        ("https://host", "https://host", True),
        ("s3://bucket", "s3://bucket", False),
        ("s3://bucket/a b/x%20.zarr/", "s3://bucket/a b/x%20.zarr", False),
        ("gs://bucket/x.zarr", "gs://bucket/x.zarr", False),
        ("az://container/x.zarr", "az://container/x.zarr", False),
    ],
)
def test_urls(url: str, expected: str, read_only: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    store = store_from_url(url)
    assert isinstance(store, RemoteStore)
    assert (store.url.replace("HTTPS", "https"), store.read_only) == (expected, read_only)
    assert store_from_url(store.url).url == store.url
    assert store_from_url(url, read_only=True).read_only


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://", NotFoundError),
        ("http://[::1", NotFoundError),
        ("https://ho st/x", NotFoundError),
        ("s3://", NotFoundError),
        ("s3:///x", NotFoundError),
        ("s3://bucket/a/../b", NotFoundError),
        ("az://container/x", StorageError),  # the environment names no account
    ],
)
def test_urls_refused(url: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    with pytest.raises(kind) as refused:
        remote_store(url)
    assert type(refused.value) is kind


def test_web_servers_are_not_listed() -> None:
    store = store_from_url("http://127.0.0.1:1/x")
    for call in (store.list_dir, store.list_prefix):
        with pytest.raises(UnsupportedFeatureError, match="do not list"):
            call("a")
    with pytest.raises(ReadOnlyError):
        store.set("k", [b""])


def test_without_obstore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "zarr_hdf5.stores.remote")
    with pytest.raises(UnsupportedFeatureError, match=r"zarr-hdf5\[cloud\]"):
        store_from_url("s3://bucket/x")
    monkeypatch.undo()
    importlib.import_module("zarr_hdf5.stores.remote")


@pytest.mark.parametrize(
    ("url", "parent", "name"),
    [
        ("https://host/dir/old.h5", "https://host/dir", "old.h5"),
        ("https://host/dir/a%20b.h5?query=/x", "https://host/dir?query=/x", "a b.h5"),
        ("http://host:80/old.h5#part", "http://host:80", "old.h5"),
        ("s3://bucket/dir/old%20?#.h5", "s3://bucket/dir", "old%20?#.h5"),
        ("s3://bucket/old.h5/", "s3://bucket", "old.h5"),
        ("gs://bucket/dir/old.h5", "gs://bucket/dir", "old.h5"),
    ],
)
def test_remote_objects(url: str, parent: str, name: str) -> None:
    store, key = object_at(url)
    assert (store.url, key) == (parent, name)
    again, key = object_at(store_from_url(url)) if "#part" not in url else (store, key)
    assert (again.url, key) == (parent, name)


def test_local_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a b%20.h5"
    path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    urls: list[str | Path | Store] = [path, str(path), path.name, path.as_uri(), f"{path}/", LocalStore(path)]
    for url in urls:
        store, key = object_at(url)
        assert (store.url, key, store.read_only) == (tmp_path.as_uri(), path.name, False)
        assert store.get(key).data == b"x"
        assert object_at(url, read_only=True)[0].read_only
    assert object_at(LocalStore(path, read_only=True))[0].read_only


def test_objects_in_memory() -> None:
    name = str(uuid.uuid4())
    base = store_from_url(f"memory://{name}")
    base.set("dir/old.h5", [b"x"])
    url = f"memory://{name}/dir/old.h5"
    meanings: list[str | Store | tuple[Store, str]] = [url, store_from_url(url), (base, "dir/old.h5")]
    for meaning in meanings:
        store, key = object_at(meaning)
        assert (key, store.get(key).data) == ("old.h5", b"x")
    anonymous = MemoryStore()
    anonymous.set("k", [b"x"])
    assert object_at((anonymous, "k")) == (anonymous, "k")
    assert object_at((anonymous, "k"), read_only=True)[0].read_only


def test_objects_beside_each_other(tmp_path: Path) -> None:
    store, key = object_at((LocalStore(tmp_path), "a/b/c"))
    assert isinstance(store, LocalStore)  # the paths of its files can still be had
    assert (store.root, key) == (tmp_path / "a/b", "c")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("", NotFoundError),
        ("/", NotFoundError),
        ("a/..", NotFoundError),
        ("memory://name", NotFoundError),
        ("memory:///x", NotFoundError),
        ("https://host", NotFoundError),
        ("https://host/", NotFoundError),
        ("https://[::1/x", NotFoundError),
        ("s3://bucket", NotFoundError),
        ("s3://bucket/a/..", NotFoundError),
        (MemoryStore(), NotFoundError),
        (StoreView(MemoryStore(), "a"), NotFoundError),
        (RemoteStore(ObjectsInMemory(), "bucket://x/y"), NotFoundError),
        ((MemoryStore(), "a/"), NotFoundError),
        ("zip://a/b", UnsupportedFeatureError),
        (3, UnsupportedFeatureError),
    ],
)
def test_no_objects(url: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        object_at(url)
