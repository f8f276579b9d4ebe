"""One file, and a zipped Zarr, behind a web server and in a bucket's store: their values, and how few requests."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import obstore.store
import pytest
from web_server import WebRequest, WebServer

import zarr_hdf5 as zh
from zarr_hdf5.errors import ReadOnlyError, UnsupportedFeatureError
from zarr_hdf5.stores.remote import RemoteStore
from zarr_hdf5.stores.zip import ZipStore

VALUES = np.random.default_rng(0).integers(0, 60_000, (2000, 1500)).astype("u2")

T = TypeVar("T")


@pytest.fixture(scope="module")
def url(nginx: WebServer) -> str:
    """A file of 10 MB."""
    with zh.create_group(nginx.root / "one.h5", attributes={"title": "t"}) as group:
        for name, shards in {"sharded": (1000, 1500), "unsharded": None}.items():
            group.create_array(name, data=VALUES, chunks=(250, 250), shards=shards, compressors=None)
        for i in range(50):
            group.create_array(f"g/d{i}", data=np.arange(10), attributes={"units": "K"})
    return f"{nginx.url}/one.h5"


def asked(nginx: WebServer, action: Callable[[], T]) -> tuple[T, list[WebRequest]]:
    results: list[T] = []
    requests = nginx.during(lambda: results.append(action()))
    return results[0], requests


def test_requests(url: str, nginx: WebServer) -> None:
    group, opening = asked(nginx, lambda: zh.open_group(url))
    assert len(opening) <= 3  # what it is, its start, and its end
    assert group.attrs["title"] == "t"
    found, listing = asked(nginx, lambda: [name for name, _ in group.members(None)])
    assert len(found) == 53
    assert listing == []  # all documents came with the end of the file
    array = group["sharded"]
    assert isinstance(array, zh.Array)
    value, first = asked(nginx, lambda: array[3, 4])
    assert value == VALUES[3, 4]
    assert len(first) <= 3  # the local header, the shard's index, the chunk
    value, second = asked(nginx, lambda: array[303, 404])
    assert value == VALUES[303, 404]
    assert len(second) == 1
    np.testing.assert_array_equal(array[...], VALUES)
    plain = group["unsharded"]
    assert isinstance(plain, zh.Array)
    np.testing.assert_array_equal(plain[100:700, 200:300], VALUES[100:700, 200:300])


def test_it_is_read_only(url: str) -> None:
    with pytest.raises(ReadOnlyError):
        zh.open(url, "r+")
    with pytest.raises(UnsupportedFeatureError, match="local disk"):
        zh.create_array(url, data=[1])


def test_verify_reads_hdf5_through_the_same_server(url: str) -> None:
    assert zh.verify(url)


def test_zipped_zarr(nginx: WebServer, tmp_path: Path) -> None:
    zh.create_array(tmp_path / "a.zarr", data=VALUES, chunks=(250, 250), shards=(1000, 1500))
    with zipfile.ZipFile(nginx.root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (tmp_path / "a.zarr").rglob("*"):
            archive.write(path, path.relative_to(tmp_path / "a.zarr"))
    np.testing.assert_array_equal(np.asarray(zh.open_array(f"{nginx.url}/a.zip")), VALUES)


def test_a_bucket(url: str, nginx: WebServer) -> None:
    memory = obstore.store.MemoryStore()
    memory.put("folder/one.h5", (nginx.root / "one.h5").read_bytes())
    store = RemoteStore(memory, "s3://bucket")
    members = ZipStore(store, "folder/one.h5")
    assert members.exists("sharded/zarr.json")
    np.testing.assert_array_equal(np.asarray(zh.open_array(members, path="sharded")), VALUES)
