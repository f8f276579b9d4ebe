"""From a URL to a store. Knows the schemes; looks at nothing that is stored.

path, file:///path      the directory; percent-escapes are decoded in the URL only
memory://name           the store of that name in this process
memory://name/sub/path  the part of it below sub/path, as a store of its own
"""

import os
from urllib.parse import unquote_to_bytes

from zarr_hdf5.errors import NotFoundError, UnsupportedFeatureError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import named_memory_store
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.stores.view import StoreView

__all__ = ["store_from_url"]


def store_from_url(url: str | os.PathLike[str] | Store, *, read_only: bool = False) -> Store:
    """The store that `url` means; a store is returned as it is, unless it must be made read-only.

    Raises
    ------
    NotFoundError
        If the URL can name nothing.
    UnsupportedFeatureError
        If its scheme is not known here.
    """
    if isinstance(url, str):
        scheme, separator, rest = url.partition("://")
        if not separator or "/" in scheme:
            return LocalStore(url, read_only=read_only)
        if scheme.lower() == "file":
            return LocalStore(_file_path(url, rest), read_only=read_only)
        if scheme.lower() == "memory":
            return _memory_store(url, rest, read_only)
        raise UnsupportedFeatureError(f"no store for {scheme}:// URLs: {url}")
    if isinstance(url, os.PathLike):
        return LocalStore(url, read_only=read_only)
    if not isinstance(url, Store):
        raise UnsupportedFeatureError(f"neither a path, a URL nor a store: {url!r}")
    if not read_only or url.read_only:
        return url
    # not a view: whoever wants the paths of files still gets them
    return LocalStore(url.root, read_only=True) if isinstance(url, LocalStore) else StoreView(url, read_only=True)


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
