"""A store around another one, which passes on every verb: for those that change a few. Knows no particular store."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import cast

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import StaleVersionError
from zarr_hdf5.stores.protocol import (
    Blob,
    Create,
    NewObject,
    Store,
    creates_of,
    flush_store,
    max_gap_of,
    patches_of,
)

__all__ = ["StoreWrapper"]


class StoreWrapper:
    """The objects of `store`, under the same keys and the same URL."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.store!r})"

    @property
    def read_only(self) -> bool:
        """The store's."""
        return self.store.read_only

    @property
    def url(self) -> str:
        """The store's."""
        return self.store.url

    @property
    def max_gap(self) -> int:
        """The store's."""
        return max_gap_of(self.store)

    @property
    def in_place(self) -> bool:
        """The store's."""
        return patches_of(self.store) is not None

    @property
    def creates(self) -> bool:
        """The store's."""
        return creates_of(self.store) is not None

    def get(self, key: str) -> Blob:
        """See `Get`."""
        return self.store.get(key)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        return self.store.get_range(key, wanted)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`."""
        return self.store.get_ranges(key, wanted, version)

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """See `Set`."""
        self.store.set(key, parts)

    def create(self, key: str) -> NewObject:
        """See `Create`."""
        return cast("Create", self.store).create(key)

    def patch(self, key: str, version: Hashable, steps: Iterable[tuple[int, Sequence[Buffer]]]) -> Hashable:
        """See `Patch`."""
        patches = patches_of(self.store)
        if patches is None:
            raise StaleVersionError(f"{key}: the store {self.url} replaces its objects whole")
        return patches.patch(key, version, steps)

    def delete(self, key: str) -> None:
        """See `Delete`."""
        self.store.delete(key)

    def delete_prefix(self, prefix: str) -> None:
        """See `DeletePrefix`."""
        self.store.delete_prefix(prefix)

    def exists(self, key: str) -> bool:
        """See `Exists`."""
        return self.store.exists(key)

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`."""
        return self.store.list_prefix(prefix)

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`."""
        return self.store.list_dir(prefix)

    def flush(self) -> None:
        """See `Flush`."""
        flush_store(self.store)
