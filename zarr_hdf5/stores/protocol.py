"""Zarr core specification v3, "Stores" (https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#stores).

Knows the verbs of a store, what a key may look like, and what a read brings back. Knows no format, and no
particular store.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeGuard, cast, runtime_checkable

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import NotFoundError

__all__ = [
    "Blob",
    "Create",
    "Delete",
    "DeletePrefix",
    "Exists",
    "Flush",
    "Get",
    "GetRange",
    "GetRanges",
    "ListDir",
    "ListPrefix",
    "MovePrefix",
    "NewObject",
    "Patch",
    "ReadInto",
    "Set",
    "Store",
    "check_key",
    "check_prefix",
    "creates_of",
    "flush_store",
    "max_gap_of",
    "moves_of",
    "patches_of",
    "reads_into",
]

KEPT_KEYS = 1024
"""That are known to be legal."""
MAX_GAP = 4096
"""What a store that does not say anything has for `max_gap_of`."""


@dataclass(frozen=True, slots=True)
class Blob:
    """What a read brings back.

    `data`: the bytes asked for. `size`: bytes of the whole object. `version`: changes whenever the object is
    replaced or modified; means nothing beyond equality.
    """

    data: bytes | memoryview
    size: int
    version: Hashable


@lru_cache(KEPT_KEYS)
def check_key(key: str) -> str:
    """`key` itself, if it is legal: "/"-separated segments, none of them empty, "." or "..".

    Raises
    ------
    NotFoundError
        If no object can have this key.
    """
    if "\0" in key or not {"", ".", ".."}.isdisjoint(key.split("/")):
        raise NotFoundError(f"no object can have the key {key!r}: it has an empty, '.' or '..' segment, or a NUL")
    try:
        if not key.isascii():
            key.encode("utf-8", "surrogateescape")  # file names that are not UTF-8 are listed with escapes
    except UnicodeEncodeError as error:
        raise NotFoundError(f"no object can have the key {key!r}: it is not text") from error
    return key


def check_prefix(prefix: str) -> str:
    """`prefix` itself, if it is legal: "" (the whole store) or written like a key. Raises NotFoundError."""
    return check_key(prefix) if prefix else prefix


class Get(Protocol):
    """Reading whole objects."""

    def get(self, key: str) -> Blob:
        """The whole object. Raises NotFoundError, StorageError."""
        ...


class GetRange(Protocol):
    """Reading one range of an object."""

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """A part of an object.

        Raises
        ------
        NotFoundError
            If there is no such object.
        CorruptDataError
            If the range lies outside the object.
        StorageError
            If the storage failed.
        """
        ...


class GetRanges(Protocol):
    """Reading many ranges of an object at once."""

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """Parts of one and the same version of an object, in the order asked for.

        Raises
        ------
        NotFoundError
            If there is no such object.
        StaleVersionError
            If `version` is given and the object has another by now.
        CorruptDataError
            If a range lies outside the object; none is read then.
        StorageError
            If the storage failed.
        """
        ...


@runtime_checkable
class ReadInto(Protocol):
    """Reading ranges to where they are wanted; for stores to which that saves a copy."""

    def read_into(
        self, key: str, wanted: Sequence[tuple[int, "memoryview[int]"]], version: Hashable | None = None
    ) -> None:
        """Fill each writable buffer from an offset of the object on; all from one and the same version of it.

        Raises what `GetRanges` raises. The buffers may hold anything then.
        """
        ...


class Set(Protocol):
    """Writing whole objects."""

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """Write the concatenation of `parts`: readers see the whole old object or the whole new one.

        Raises
        ------
        ReadOnlyError
            If the store is open, or permitted, for reading only.
        StorageError
            If the storage failed; the old object is still there.
        """
        ...


class NewObject(Protocol):
    """An object that is being written; nobody sees it before it is finished. For many threads."""

    def write(self, offset: int, parts: Iterable[Buffer]) -> None:
        """Write `parts`, one behind the other, from `offset` on. Raises StorageError."""
        ...

    def finish(self) -> None:
        """Put it in place of the old object, in one step. Raises StorageError; the old object is still there then."""
        ...

    def abandon(self) -> None:
        """Forget it, if it is not finished."""
        ...


class Create(Protocol):
    """Writing whole objects piece by piece."""

    @property
    def creates(self) -> bool:
        """Whether this can be done; False: do not call `create`."""
        ...

    def create(self, key: str) -> NewObject:
        """Begin a new object. Raises ReadOnlyError, StorageError."""
        ...


class Patch(Protocol):
    """Changing objects where they are; readers at the same moment, and crashes, may see some of it."""

    @property
    def in_place(self) -> bool:
        """Whether this is wanted here; False: do not call `patch`."""
        ...

    def patch(self, key: str, version: Hashable, steps: Iterable[tuple[int, Sequence[Buffer]]]) -> Hashable:
        """Overwrite and append to the object of this version, step by step; its version then.

        Parameters
        ----------
        steps
            Offset, and parts to be written one behind the other from there on. A step begins when the one before it is
            done; the first may go past the end of the object.

        Raises
        ------
        StaleVersionError
            If the object has another version by now, or is gone, or may not be changed where it is: it has other
            names, or others hold it open and locked. Nothing was written.
        ReadOnlyError
            If the store is open, or permitted, for reading only.
        StorageError
            If the storage failed; where the first step failed, the object is what it was.
        """
        ...


class Delete(Protocol):
    """Deleting single objects."""

    def delete(self, key: str) -> None:
        """Delete an object, if it is there. Raises ReadOnlyError, StorageError."""
        ...


class DeletePrefix(Protocol):
    """Deleting many objects."""

    def delete_prefix(self, prefix: str) -> None:
        """Delete all objects whose keys begin with `prefix` and "/" (all objects if it is ""), not atomically.

        Raises ReadOnlyError, StorageError.
        """
        ...


class MovePrefix(Protocol):
    """Giving many objects other keys; for stores that need not copy them."""

    def move_prefix(self, prefix: str, to: str) -> None:
        """Let all keys that begin with `prefix` and "/" begin with `to` and "/"; there are none yet that do.

        Raises
        ------
        NotFoundError
            If there are no such objects.
        ReadOnlyError
            If the store is open, or permitted, for reading only.
        StorageError
            If the storage failed.
        """
        ...


class Exists(Protocol):
    """Asking for objects."""

    def exists(self, key: str) -> bool:
        """Whether there is such an object; False for illegal keys. Raises StorageError."""
        ...


class ListPrefix(Protocol):
    """Listing keys."""

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """The keys (whole, sorted) that begin with `prefix` and "/"; all keys if it is "". Raises StorageError."""
        ...


class ListDir(Protocol):
    """Listing one level."""

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """Names of the objects, and of the sub-prefixes, directly below `prefix`, each sorted. Raises StorageError."""
        ...


@runtime_checkable
class Flush(Protocol):
    """Holding back; for stores whose writes others see only when they are told to."""

    def flush(self) -> None:
        """Let others see all that was written. Raises StorageError, and whatever else keeps it from being complete."""
        ...


@runtime_checkable
class Store(Get, GetRange, GetRanges, Set, Delete, DeletePrefix, Exists, ListPrefix, ListDir, Protocol):
    """All verbs; safe to use from many threads."""

    @property
    def read_only(self) -> bool:
        """Whether `set`, `delete` and `delete_prefix` always raise ReadOnlyError."""
        ...

    @property
    def url(self) -> str:
        """Where this is; for messages, and to open it again."""
        ...


def flush_store(store: object) -> None:
    """Let others see what was written, where a store holds anything back."""
    if isinstance(store, Flush):
        store.flush()


def reads_into(store: object) -> TypeGuard[ReadInto]:
    """Whether the store is a `ReadInto`, asked for every chunk: `isinstance` takes much longer."""
    return hasattr(store, "read_into")


def creates_of(store: object) -> Create | None:
    """The store itself, where it can write an object piece by piece."""
    return cast("Create", store) if getattr(store, "creates", False) else None


def moves_of(store: object) -> MovePrefix | None:
    """The store itself, where it can move objects without copying them."""
    return cast("MovePrefix", store) if hasattr(store, "move_prefix") else None


def max_gap_of(store: object) -> int:
    """Unwanted bytes between two ranges that are cheaper to read along than to leave out.

    A store where each range is a request, or a system call, says so in an attribute `max_gap`.
    """
    return int(getattr(store, "max_gap", MAX_GAP))


def patches_of(store: object) -> Patch | None:
    """The store itself, where its objects may be changed in place."""
    return cast("Patch", store) if getattr(store, "in_place", False) else None
