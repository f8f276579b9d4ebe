"""Objects on web servers and in buckets, through obstore (https://developmentseed.org/obstore), which is Rust's
object_store. HTTP semantics: RFC 9110, sections 8.8 (validators) and 14 (ranges).

http://, https://             read-only and not listed; a query goes along with every request
s3://bucket/prefix            credentials and endpoints come from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL,
gs://bucket/prefix            AWS_SKIP_SIGNATURE=true for public buckets, GOOGLE_SERVICE_ACCOUNT,
az://container/prefix         AZURE_STORAGE_ACCOUNT_NAME, ...), as obstore documents them

Knows requests and answers, no format. Calls block, with the interpreter lock released; a call that needs one request
starts no thread, so that it may be made while libhdf5's lock is held.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

import obstore
from obstore.exceptions import (
    BaseError,
    GenericError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, HTTPStore, S3Store

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.errors import (
    NotFoundError,
    ReadOnlyError,
    StaleVersionError,
    StorageError,
    UnsupportedFeatureError,
    ZarrHDF5Error,
)
from zarr_hdf5.stores.protocol import Blob, check_key, check_prefix

if TYPE_CHECKING:  # the names that obstore has for type checkers only
    from obstore import GetOptions, GetResult, ObjectMeta
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

__all__ = ["RemoteStore", "remote_store"]

CONCURRENT_REQUESTS = 10
"""Requests of one `get_ranges` under way at a time."""
ATTEMPTS = 5
"""How often ranges of an object are read anew that is replaced meanwhile."""
CLIENT: "ClientConfig" = {
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(seconds=20),  # between two packets
    "timeout": timedelta(minutes=10),  # a long range on a slow line
}
BUCKET_CLIENT: "ClientConfig" = {**CLIENT, "allow_http": True}  # for who has set such an endpoint
RETRY: "RetryConfig" = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
}
DENIED = (PermissionDeniedError, UnauthenticatedError)


class RemoteStore:
    """The objects of one of obstore's stores.

    Parameters
    ----------
    objects
        An `HTTPStore` is read-only and cannot be listed.
    url
        Where that is.
    read_only
        Refuse to write.
    """

    max_gap = 256 << 10
    """Bytes: a request takes about as long as reading so much."""

    def __init__(self, objects: "ObjectStore", url: str, *, read_only: bool = False) -> None:
        self._objects = objects
        self._url = url
        self._read_only = read_only or isinstance(objects, HTTPStore)

    def __repr__(self) -> str:
        return f"RemoteStore({self._url!r}{', read_only=True' if self._read_only else ''})"

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        return self._read_only

    @property
    def url(self) -> str:
        """As it was given."""
        return self._url

    def get(self, key: str) -> Blob:
        """See `Get`."""
        with _errors(key, self._url):
            result = self._ask(key, {})
            return _blob(result, ByteRange(0, result.meta["size"]), key)

    def get_start(self, key: str, nbytes: int) -> Blob:
        """The first `nbytes` (at least 1) bytes of an object, or all of a smaller one, with one request."""
        with _errors(key, self._url):
            try:
                result = self._ask(key, {"range": (0, nbytes)})
            except _REFUSED as error:
                head = self._head_after(key, error)
                if head.size:
                    raise
                return head
            return _blob(result, ByteRange(0, min(nbytes, result.meta["size"])), key)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        return self._get_range(key, wanted, None)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`. Up to CONCURRENT_REQUESTS at a time; ranges are not merged."""
        if not wanted:
            _check_version(key, self._head(key).version, version)
            return []
        if len(wanted) == 1:
            return [self._get_range(key, wanted[0], version).data]
        for _ in range(ATTEMPTS):
            with ThreadPoolExecutor(min(CONCURRENT_REQUESTS, len(wanted)), "zarr_hdf5_requests") as pool:
                blobs = list(pool.map(lambda one: self._get_range(key, one, version), wanted))
            if len({blob.version for blob in blobs}) == 1:
                return [blob.data for blob in blobs]
        raise StaleVersionError(f"{key}: the object was replaced again and again while it was read")

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """See `Set`."""
        check_key(key)
        with self._writing(key):
            obstore.put(self._objects, key, b"".join([byte_view(part) for part in parts]))

    def delete(self, key: str) -> None:
        """See `Delete`."""
        check_key(key)
        with self._writing(key), suppress(FileNotFoundError):
            obstore.delete(self._objects, key)

    def delete_prefix(self, prefix: str) -> None:
        """See `DeletePrefix`."""
        with self._writing(prefix):
            keys = list(self.list_prefix(prefix))
            if keys:
                obstore.delete(self._objects, keys)

    def exists(self, key: str) -> bool:
        """See `Exists`."""
        try:
            self._head(key)
        except NotFoundError:
            return False
        return True

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`. Raises UnsupportedFeatureError for web servers."""
        self._check_listable(prefix)
        with _errors(prefix, self._url):
            pages = obstore.list(self._objects, prefix or None, chunk_size=1000)
            return iter(sorted(meta["path"] for page in pages for meta in page))

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`. Raises UnsupportedFeatureError for web servers."""
        self._check_listable(prefix)
        with _errors(prefix, self._url):
            found = obstore.list_with_delimiter(self._objects, prefix or None)
        start = len(prefix) + 1 if prefix else 0
        objects = sorted(meta["path"][start:] for meta in found["objects"])
        return objects, sorted(path[start:] for path in found["common_prefixes"])

    def _ask(self, key: str, options: "GetOptions") -> "GetResult":
        return obstore.get(self._objects, check_key(key), options=options)

    def _head(self, key: str) -> Blob:
        """Size and version of an object, no data."""
        with _errors(key, self._url):
            meta = obstore.head(self._objects, check_key(key))
            return Blob(b"", meta["size"], _version(meta))

    def _get_range(self, key: str, wanted: ByteRange | SuffixRange, version: Hashable | None) -> Blob:
        with _errors(key, self._url):
            try:
                result = self._ask(key, _range_options(wanted))
            except _REFUSED as error:
                blob = self._without_range(key, wanted, error)
                _check_version(key, blob.version, version)
                return blob
            _check_version(key, _version(result.meta), version)
            return _blob(result, resolve(wanted, result.meta["size"], key), key)

    def _without_range(self, key: str, wanted: ByteRange | SuffixRange, error: Exception) -> Blob:
        """What a range comes to that was refused, or that cannot be asked for: nothing, or an error."""
        head = self._head_after(key, error)
        found = resolve(wanted, head.size, key)
        if not found.nbytes:
            return head
        if isinstance(wanted, SuffixRange):  # not every store has them
            return self._get_range(key, found, head.version)
        raise error

    def _head_after(self, key: str, error: Exception) -> Blob:
        try:
            return self._head(key)
        except StorageError:
            if isinstance(error, BaseError):
                raise error from None  # it says more than that the second request failed as well
            raise

    def _check_listable(self, prefix: str) -> None:
        check_prefix(prefix)
        if isinstance(self._objects, HTTPStore):
            raise UnsupportedFeatureError(f"{self._url}: web servers do not list what they have; give the whole path")

    @contextmanager
    def _writing(self, key: str) -> Iterator[None]:
        if self._read_only:
            raise ReadOnlyError(f"{key}: the store {self._url} is open for reading only")
        with _errors(key, self._url, denied=ReadOnlyError):
            yield


def remote_store(url: str, *, read_only: bool = False) -> RemoteStore:
    """The store at `url`, which is not asked for anything yet.

    Raises
    ------
    NotFoundError
        If the URL can name nothing.
    StorageError
        If the environment lacks what is needed to get there.
    """
    url = urldefrag(url).url.removesuffix("/") if url.lower().startswith("http") else url.removesuffix("/")
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    try:
        if scheme in ("http", "https"):
            options: ClientConfig = {**CLIENT, "allow_http": scheme == "http"}
            return RemoteStore(HTTPStore(url, client_options=options, retry_config=RETRY), url)
        bucket, _, prefix = rest.partition("/")
        if not bucket:
            raise NotFoundError(f"a URL names a bucket, {scheme}://bucket/path: {url}")
        objects = BUCKETS[scheme](bucket, check_prefix(prefix) or None)
    except ZarrHDF5Error:
        raise
    except ValueError as error:
        raise NotFoundError(f"not a URL: {url}: {_first_line(error)}") from error
    except BaseError as error:
        raise StorageError(f"{url}: {_first_line(error)}") from error
    return RemoteStore(objects, url, read_only=read_only)


BUCKETS: dict[str, Callable[[str, str | None], "ObjectStore"]] = {
    "s3": lambda name, prefix: S3Store(name, prefix=prefix, client_options=BUCKET_CLIENT, retry_config=RETRY),
    "gs": lambda name, prefix: GCSStore(name, prefix=prefix, client_options=BUCKET_CLIENT, retry_config=RETRY),
    "az": lambda name, prefix: AzureStore(name, prefix=prefix, client_options=BUCKET_CLIENT, retry_config=RETRY),
}


class _UnaskableRangeError(Exception):
    """No request can express such a range: it is empty, or outside every object."""

    def __str__(self) -> str:
        return "no request can ask for such a range"


_REFUSED = (GenericError, NotSupportedError, _UnaskableRangeError)


def _range_options(wanted: ByteRange | SuffixRange) -> "GetOptions":
    if wanted.nbytes < 1 or wanted.nbytes >= 1 << 63:
        raise _UnaskableRangeError
    if isinstance(wanted, SuffixRange):
        return {"range": {"suffix": wanted.nbytes}}
    if wanted.offset < 0 or wanted.end >= 1 << 63:
        raise _UnaskableRangeError
    return {"range": (wanted.offset, wanted.end)}


def _version(meta: "ObjectMeta") -> Hashable:
    return meta["e_tag"] or (meta["last_modified"], meta["size"])


def _check_version(key: str, found: Hashable, expected: Hashable | None) -> None:
    if expected is not None and found != expected:
        raise StaleVersionError(f"{key}: the object was replaced")


def _blob(result: "GetResult", expected: ByteRange, key: str) -> Blob:
    """The answer, held against what was asked for; reads no more than that, whatever the server sends."""
    if result.range != (expected.offset, expected.end):
        raise StorageError(f"{key}: asked for bytes {expected.offset} to {expected.end}, answered {result.range}")
    parts: list[bytes] = []
    have = 0
    for part in result.stream(min_chunk_size=max(expected.nbytes, 1)):
        parts.append(part)
        have += len(part)
        if have > expected.nbytes:
            break
    if have != expected.nbytes:
        amount = "more" if have > expected.nbytes else f"{have}"
        raise StorageError(f"{key}: asked for {expected.nbytes} bytes, got {amount}")
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    return Blob(data, result.meta["size"], _version(result.meta))


@contextmanager
def _errors(key: str, url: str, denied: type[ZarrHDF5Error] = StorageError) -> Iterator[None]:
    try:
        yield
    except ZarrHDF5Error:
        raise
    except FileNotFoundError as error:
        raise NotFoundError(f"no object {key!r} in {url}") from error
    except ValueError as error:
        raise NotFoundError(f"no object can have the key {key!r}: {_first_line(error)}") from error
    except DENIED as error:
        raise denied(f"{key}: access to {url} is denied: {_first_line(error)}") from error
    except NotSupportedError as error:
        raise UnsupportedFeatureError(f"{key}: {url} does not answer parts of objects: {_first_line(error)}") from error
    except (BaseError, _UnaskableRangeError) as error:
        raise StorageError(f"{key} in {url}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    """What obstore says, without its debugging output."""
    return str(error).partition("\n")[0]
