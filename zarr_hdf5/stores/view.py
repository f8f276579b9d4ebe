"""A part of another store as a store, or a store with its writing verbs off. Knows no particular store."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import cast

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import ReadOnlyError, StaleVersionError
from zarr_hdf5.stores.protocol import (
    Blob,
    Create,
    NewObject,
    Store,
    check_key,
    check_prefix,
    creates_of,
    max_gap_of,
    patches_of,
)

__all__ = ["StoreView"]


class StoreView:
    """The objects of `store` below `prefix` ("": all), under the rest of their keys."""

    def __init__(self, store: Store, prefix: str = "", *, read_only: bool = False) -> None:
        self._store = store
        self._prefix = check_prefix(prefix)
        self._read_only = read_only or store.read_only

    def __repr__(self) -> str:
        return f"StoreView({self._store!r}, {self._prefix!r}{', read_only=True' if self._read_only else ''})"

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        return self._read_only

    @property
    def max_gap(self) -> int:
        """The store's."""
        return max_gap_of(self._store)

    @property
    def in_place(self) -> bool:
        """The store's, unless this view is read-only."""
        return not self._read_only and patches_of(self._store) is not None

    @property
    def url(self) -> str:
        """The store's, with the prefix."""
        return "/".join(filter(None, [self._store.url, self._prefix]))

    def get(self, key: str) -> Blob:
        """See `Get`."""
        return self._store.get(self._key(key))

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        return self._store.get_range(self._key(key), wanted)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`."""
        return self._store.get_ranges(self._key(key), wanted, version)

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """See `Set`."""
        self._check_writable(key)
        self._store.set(self._key(key), parts)

    @property
    def creates(self) -> bool:
        """The store's."""
        return creates_of(self._store) is not None

    def create(self, key: str) -> NewObject:
        """See `Create`."""
        self._check_writable(key)
        return cast("Create", self._store).create(self._key(key))

    def patch(self, key: str, version: Hashable, steps: Iterable[tuple[int, Sequence[Buffer]]]) -> Hashable:
        """See `Patch`."""
        self._check_writable(key)
        store = patches_of(self._store)
        if store is None:
            raise StaleVersionError(f"{key}: the store {self.url} replaces its objects whole")
        return store.patch(self._key(key), version, steps)

    def delete(self, key: str) -> None:
        """See `Delete`."""
        self._check_writable(key)
        self._store.delete(self._key(key))

    def delete_prefix(self, prefix: str) -> None:
        """See `DeletePrefix`."""
        self._check_writable(prefix)
        self._store.delete_prefix(self._below(prefix))

    def exists(self, key: str) -> bool:
        """See `Exists`."""
        return self._store.exists(f"{self._prefix}/{key}" if self._prefix else key)

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`."""
        start = len(self._prefix) + 1 if self._prefix else 0
        keys = self._store.list_prefix(self._below(prefix))
        return (key[start:] for key in keys)

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`."""
        return self._store.list_dir(self._below(prefix))

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{check_key(key)}" if self._prefix else check_key(key)

    def _below(self, prefix: str) -> str:
        return "/".join(filter(None, [self._prefix, check_prefix(prefix)]))

    def _check_writable(self, key: str) -> None:
        if self._read_only:
            raise ReadOnlyError(f"{key}: the store {self.url} is open for reading only")
