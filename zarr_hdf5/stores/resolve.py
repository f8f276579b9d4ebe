"""From a URL to a store. Knows the schemes; looks at nothing that is stored.

path, file:///path      the directory; percent-escapes are decoded in the URL only
memory://name           the store of that name in this process
memory://name/sub/path  the part of it below sub/path, as a store of its own
http, https, s3, gs, az as `stores.remote` says, which needs the extra `cloud`
"""

import importlib
import os
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from zarr_hdf5.errors import NotFoundError, UnsupportedFeatureError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import named_memory_store
from zarr_hdf5.stores.protocol import Store, check_key
from zarr_hdf5.stores.view import StoreView

__all__ = ["object_at", "store_from_url"]

REMOTE_SCHEMES = ("http", "https", "s3", "gs", "az")


def store_from_url(url: str | os.PathLike[str] | Store, *, read_only: bool = False) -> Store:
    """The store that `url` means; a store is returned as it is, unless it must be made read-only.

    Raises
    ------
    NotFoundError
        If the URL can name nothing.
    UnsupportedFeatureError
        If its scheme is not known here, or needs an extra that is not installed.
    """
    if isinstance(url, str):
        scheme, separator, rest = url.partition("://")
        if not separator or "/" in scheme:
            return LocalStore(url, read_only=read_only)
        if scheme.lower() == "file":
            return LocalStore(_file_path(url, rest), read_only=read_only)
        if scheme.lower() == "memory":
            return _memory_store(url, rest, read_only)
        if scheme.lower() in REMOTE_SCHEMES:
            return _remote_store(url, read_only)
        raise UnsupportedFeatureError(f"no store for {scheme}:// URLs: {url}")
    if isinstance(url, os.PathLike):
        return LocalStore(url, read_only=read_only)
    if isinstance(url, LocalStore):  # no view of it: whoever wants the paths of files still gets them
        return LocalStore(url.root, read_only=True) if read_only and not url.read_only else url
    if not isinstance(url, Store):
        raise UnsupportedFeatureError(f"neither a path, a URL nor a store: {url!r}")
    return StoreView(url, read_only=True) if read_only and not url.read_only else url


def object_at(url: str | os.PathLike[str] | Store | tuple[Store, str], *, read_only: bool = False) -> tuple[Store, str]:
    """The store of the directory that holds what `url` means, and its name there: its key, without a "/".

    A pair is a store and a key in it. Of a store, its URL is taken, with what that says of credentials.

    Raises
    ------
    NotFoundError
        If the URL can name nothing, or nothing that lies in a directory.
    UnsupportedFeatureError
        As `store_from_url`.
    """
    if isinstance(url, tuple):
        store, key = url
        parent, _, name = check_key(key).rpartition("/")
        if isinstance(store, LocalStore):
            return LocalStore(store.root / parent, read_only=read_only or store.read_only), name
        store = store_from_url(store, read_only=read_only)
        return (StoreView(store, parent) if parent else store), name
    if isinstance(url, Store) and not isinstance(url, LocalStore):
        try:
            return object_at(url.url, read_only=read_only or url.read_only)
        except UnsupportedFeatureError as error:
            raise NotFoundError(f"{url!r} does not say where it is") from error
    if isinstance(url, str) and (scheme := url.partition("://")[0].lower()) in ("memory", *REMOTE_SCHEMES):
        parent, name = _split_web_url(url) if scheme in ("http", "https") else _split_url(url)
        return store_from_url(parent, read_only=read_only), check_key(name)
    store = store_from_url(url, read_only=read_only)
    if not isinstance(store, LocalStore):
        raise UnsupportedFeatureError(f"not the URL of an object: {url}")
    return LocalStore(store.root.parent, read_only=store.read_only), check_key(store.root.name)


def _split_url(url: str) -> tuple[str, str]:
    """Parent and name; in names of buckets and keys every character stands for itself."""
    parent, _, name = url.removesuffix("/").rpartition("/")
    if parent.endswith(("/", ":")):
        raise NotFoundError(f"no object, but all of a store: {url}")
    return parent, name


def _split_web_url(url: str) -> tuple[str, str]:
    """Parent, which keeps the query, and decoded name."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise NotFoundError(f"not a URL: {url}: {error}") from error
    parent, _, name = parts.path.removesuffix("/").rpartition("/")
    if not name or not parts.netloc:
        raise NotFoundError(f"no object, but all of a server: {url}")
    return parts._replace(path=parent, fragment="").geturl(), unquote(name)


def _remote_store(url: str, read_only: bool) -> Store:
    try:
        remote = importlib.import_module("zarr_hdf5.stores.remote")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("obstore"):
            raise
        raise UnsupportedFeatureError(f"{url}: needs obstore: pip install 'zarr-hdf5[cloud]'") from error
    store: Store = remote.remote_store(url, read_only=read_only)
    return store


def _file_path(url: str, rest: str) -> str:
    host, slash, path = rest.partition("/")
    if not slash:
        raise NotFoundError(f"a file URL has an absolute path, file:///path: {url}")
    if host not in ("", "localhost"):
        raise UnsupportedFeatureError(f"no store for files on another host, {host}: {url}")
    return os.fsdecode(unquote_to_bytes("/" + path))


def _memory_store(url: str, rest: str, read_only: bool) -> Store:
    name, _, path = rest.partition("/")
    if not name:
        raise NotFoundError(f"a memory URL has a name, memory://name: {url}")
    store = named_memory_store(name)
    path = path.removesuffix("/")
    return StoreView(store, path, read_only=read_only) if path or read_only else store
