import os
import uuid
from pathlib import Path

import pytest

from zarr_hdf5.errors import NotFoundError, UnsupportedFeatureError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.resolve import store_from_url


def test_paths_and_file_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "a b%20ü#?.zarr"
    LocalStore(root).set("k", [b"x"])
    monkeypatch.chdir(tmp_path)
    urls: list[str | os.PathLike[str]] = [
        str(root),
        root,
        root.name,
        f"./{root.name}",
        root.as_uri(),
        root.as_uri().replace("file://", "FILE://localhost"),
        LocalStore(root).url,
    ]
    for url in urls:
        store = store_from_url(url)
        assert isinstance(store, LocalStore)
        assert store.get("k").data == b"x"
        assert not store.read_only
        assert store_from_url(url, read_only=True).read_only


@pytest.mark.parametrize("name", ["a%2Fb", "x:y", "c:\\x", "s3:bucket", "./s3://x"])
def test_paths_are_taken_as_they_are(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = store_from_url(name)
    assert isinstance(store, LocalStore)
    assert store.root == tmp_path / name


def test_file_urls_that_are_not_utf8(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    LocalStore(root).set("k", [b"x"])
    assert store_from_url(LocalStore(root).url).get("k").data == b"x"


def test_memory_urls() -> None:
    name = str(uuid.uuid4())
    store = store_from_url(f"memory://{name}")
    assert store_from_url(f"memory://{name}") is store
    assert store_from_url(f"memory://{name}/") is store
    assert not store_from_url(f"memory://{name}").exists("k")
    part = store_from_url(f"memory://{name}/sub/path")
    part.set("a/k", [b"x"])
    assert list(store.list_prefix("")) == ["sub/path/a/k"]
    assert list(part.list_prefix("")) == ["a/k"]
    assert store_from_url(part.url).get("a/k").data == b"x"
    assert store_from_url(store.url) is store
    shut = store_from_url(f"memory://{name}", read_only=True)
    assert shut.read_only
    store.set("k", [b"later"])
    assert shut.get("k").data == b"later"
    assert not store_from_url(f"memory://{uuid.uuid4()}").exists("k")


def test_stores_pass_through(tmp_path: Path) -> None:
    for store in (MemoryStore(), LocalStore(tmp_path)):
        assert store_from_url(store) is store
    shut = store_from_url(LocalStore(tmp_path), read_only=True)
    assert isinstance(shut, LocalStore)  # the paths of its files can still be had
    assert shut.root == tmp_path


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("ftp://host/x", UnsupportedFeatureError, "ftp://"),
        ("zip://x", UnsupportedFeatureError, "zip://"),
        ("://x", UnsupportedFeatureError, "://x"),
        ("file://host/x", UnsupportedFeatureError, "host"),
        ("file://relative", NotFoundError, "absolute"),
        ("file:///a%00b", NotFoundError, "not a path"),
        ("", NotFoundError, "not a path"),
        ("a\0b", NotFoundError, "not a path"),
        ("memory://", NotFoundError, "name"),
        ("memory:///x", NotFoundError, "name"),
        ("memory://x/../y", NotFoundError, "no object can have"),
        (MemoryStore().url, NotFoundError, "name"),
        (3, UnsupportedFeatureError, "neither a path"),
        (b"x", UnsupportedFeatureError, "neither a path"),
        (None, UnsupportedFeatureError, "neither a path"),
    ],
)
def test_refused(url: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        store_from_url(url)
