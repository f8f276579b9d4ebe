import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from web_server import WebServer, free_port

from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import (
    CorruptDataError,
    NotFoundError,
    StaleVersionError,
    StorageError,
    UnsupportedFeatureError,
    ZarrHDF5Error,
)
from zarr_hdf5.stores.block_file import BlockFile
from zarr_hdf5.stores.remote import RemoteStore
from zarr_hdf5.stores.resolve import object_at, store_from_url


@pytest.fixture
def folder(nginx: WebServer) -> Path:
    """An empty one that is served."""
    path = nginx.root / str(uuid.uuid4())
    path.mkdir()
    return path


def web(nginx: WebServer, folder: Path, prefix: str = "") -> RemoteStore:
    store = store_from_url(f"{nginx.url}{prefix}/{folder.name}")
    assert isinstance(store, RemoteStore)
    return store


NAMES = ["plain", "a b", "a%20b", "a#b?c", "ü", "a+b&c=d", "a'b\"c", "{a}*~|<>^", "a\\b", "x:y", "a/b/c"]


@pytest.mark.parametrize("name", NAMES)
def test_names(nginx: WebServer, folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"0123456789")
    store = web(nginx, folder)
    assert store.get(name).data == b"0123456789"
    assert store.exists(name)
    assert not store.exists(name + "x")
    with pytest.raises(NotFoundError, match="no object"):
        store.get(name + "x")
    url = nginx.url + "/" + "/".join(map(quoted, [folder.name, *name.split("/")]))
    parent, key = object_at(url + "?token=a/b")
    assert (key, parent.get_range(key, ByteRange(2, 3)).data) == (name.split("/")[-1], b"234")


def quoted(segment: str) -> str:
    return "".join(f"%{byte:02X}" for byte in segment.encode())


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ByteRange(0, 10), b"0123456789"),
        (ByteRange(3, 4), b"3456"),
        (ByteRange(9, 1), b"9"),
        (ByteRange(10, 0), b""),
        (SuffixRange(4), b"6789"),
        (SuffixRange(10), b"0123456789"),
        (SuffixRange(0), b""),
        (ByteRange(0, 11), None),
        (ByteRange(10, 1), None),
        (ByteRange(11, 0), None),
        (ByteRange(-1, 1), None),
        (ByteRange(1, -1), None),
        (ByteRange(0, 2**62), None),
        (ByteRange(2**64, 2**64), None),
        (SuffixRange(11), None),
        (SuffixRange(2**70), None),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/without-etags"])
def test_ranges(
    nginx: WebServer, folder: Path, prefix: str, wanted: ByteRange | SuffixRange, expected: bytes | None
) -> None:
    (folder / "k").write_bytes(b"0123456789")
    store = web(nginx, folder, prefix)
    if expected is None:
        with pytest.raises(CorruptDataError, match="outside the object, which has 10 bytes"):
            store.get_range("k", wanted)
        return
    blob = store.get_range("k", wanted)
    assert (blob.data, blob.size, blob.version) == (expected, 10, store.get("k").version)
    if isinstance(wanted, ByteRange):
        assert store.get_ranges("k", [ByteRange(1, 2), wanted], blob.version) == [b"12", expected]


@pytest.mark.parametrize("prefix", ["", "/without-etags"])
def test_a_replaced_object_is_noticed(nginx: WebServer, folder: Path, prefix: str) -> None:
    (folder / "k").write_bytes(b"old, old, old")
    store = web(nginx, folder, prefix)
    old = store.get("k").version
    assert store.get_ranges("k", [ByteRange(0, 3)], old) == [b"old"]
    (folder / "k").write_bytes(b"new, and longer")
    for ranges in ([ByteRange(0, 3)], [ByteRange(0, 3), ByteRange(4, 2)], [ByteRange(0, 0)], []):
        with pytest.raises(StaleVersionError, match="replaced"):
            store.get_ranges("k", ranges, old)
    assert store.get_ranges("k", [ByteRange(0, 3), ByteRange(5, 3)]) == [b"new", b"and"]
    os.utime(folder / "k", (1_000_000_000, 1_000_000_000))  # same size, other time
    assert store.get("k").version not in (old, store.get("k").data)
    with pytest.raises(StaleVersionError):
        store.get_ranges("k", [ByteRange(0, 3)], old)


def test_empty_objects(nginx: WebServer, folder: Path) -> None:
    (folder / "k").write_bytes(b"")
    store = web(nginx, folder)
    assert (store.get("k").data, store.get_start("k", 100).size, store.get_range("k", SuffixRange(0)).size) == (
        b"",
        0,
        0,
    )
    assert BlockFile(store, "k").read() == b""
    with pytest.raises(CorruptDataError, match="which has 0 bytes"):
        store.get_range("k", ByteRange(0, 1))


READS: list[Callable[[RemoteStore], object]] = [
    lambda store: store.get("k"),
    lambda store: store.get_start("k", 10),
    lambda store: store.get_range("k", ByteRange(0, 1)),
    lambda store: store.get_range("k", SuffixRange(1)),
    lambda store: store.get_ranges("k", [ByteRange(0, 1)]),
    lambda store: store.get_ranges("k", [ByteRange(i, 1) for i in range(30)]),
    lambda store: store.get_ranges("k", []),
    lambda store: store.exists("k"),
    lambda store: BlockFile(store, "k"),
]


@pytest.mark.parametrize("status", [401, 403])
def test_access_denied(nginx: WebServer, status: int) -> None:
    store = store_from_url(f"{nginx.url}/status/{status}")
    assert isinstance(store, RemoteStore)
    for read in READS:
        with pytest.raises(StorageError, match=f"denied.*{status}"):
            read(store)


@pytest.mark.parametrize("status", [500, 503])
def test_server_errors(nginx: WebServer, status: int) -> None:
    store = store_from_url(f"{nginx.url}/status/{status}")

    def read() -> None:
        with pytest.raises(StorageError, match=str(status)):
            store.get("k")

    assert len(nginx.during(read)) == 4  # tries


def test_nobody_answers() -> None:
    store = store_from_url(f"http://127.0.0.1:{free_port()}/x")
    for read in (lambda: store.get("k"), lambda: store.get_range("k", ByteRange(0, 1)), lambda: store.exists("k")):
        with pytest.raises(StorageError, match="error sending request"):
            read()


def test_a_server_that_ignores_ranges(nginx: WebServer, folder: Path) -> None:
    with (folder / "k").open("wb") as file:
        file.truncate(10 << 30)
    store = web(nginx, folder, "/without-ranges")
    reads: list[Callable[[], object]] = [
        lambda: store.get_range("k", ByteRange(1, 5)),
        lambda: store.get_range("k", SuffixRange(5)),
        lambda: store.get_start("k", 100),
        lambda: store.get_ranges("k", [ByteRange(1, 5), ByteRange(10, 5)]),
        lambda: BlockFile(store, "k"),
    ]
    for read in reads:
        with pytest.raises(UnsupportedFeatureError, match="does not answer parts"):
            read()
    (folder / "k").unlink()


@contextmanager
def lying_server(answer: bytes, endless: bytes = b"") -> Iterator[str]:
    """Says the same to everyone, whatever was asked."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(answer)
                    while endless:
                        connection.sendall(endless)
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


PARTIAL = b'HTTP/1.1 206 Partial Content\r\nETag: "1"\r\nContent-Range: bytes %s\r\n'
CHUNKED = PARTIAL + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "endless"),
    [
        # less than it says, and then the end
        (PARTIAL % b"0-9/100" + b"Content-Length: 10\r\n\r\n01234", b""),
        (PARTIAL % b"0-9/100" + b"Content-Length: 5\r\n\r\n01234", b""),
        # another range than was asked for
        (PARTIAL % b"5-14/100" + b"Content-Length: 10\r\n\r\n0123456789", b""),
        (PARTIAL % b"0-99/100" + b"Content-Length: 100\r\n\r\n" + b"x" * 100, b""),
        (PARTIAL % b"0-9/5" + b"Content-Length: 10\r\n\r\n0123456789", b""),
        # more than was asked for, without an end
        (CHUNKED % b"0-9/100", b"10000\r\n" + bytes(65536) + b"\r\n"),
        # no HTTP
        (b"0123456789", b""),
        (PARTIAL % b"nonsense" + b"Content-Length: 10\r\n\r\n0123456789", b""),
        (b"HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\n\r\n0123456789", b""),
        (b"", b""),
    ],
)
def test_a_server_that_lies(answer: bytes, endless: bytes) -> None:
    with lying_server(answer, endless) as url:
        store = store_from_url(url)
        with pytest.raises(ZarrHDF5Error) as refused:
            store.get_range("k", ByteRange(0, 10))
        assert isinstance(refused.value, StorageError | CorruptDataError)


def test_the_lies_are_told_well() -> None:
    with lying_server(PARTIAL % b"0-9/100" + b"Content-Length: 10\r\nConnection: close\r\n\r\n0123456789") as url:
        assert store_from_url(url).get_range("k", ByteRange(0, 10)).data == b"0123456789"
