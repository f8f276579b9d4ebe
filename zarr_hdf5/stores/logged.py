"""A store that writes down what is asked of another one, and how long that took."""

import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.stores.protocol import Blob, NewObject, Store
from zarr_hdf5.stores.wrapper import StoreWrapper

__all__ = ["LoggedStore", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a store.

    Attributes
    ----------
    verb
        The store's method, such as "get_ranges"; an object that is written piece by piece is one "set".
    key
        The object, or the prefix that is listed or deleted.
    ranges
        Those that were asked for, or written by "patch"; none where the object is taken as a whole.
    nbytes
        Bytes that were read, or written; 0 if the call raised.
    seconds
        Until the call returned or raised. Does not count in comparisons.
    """

    verb: str
    key: str
    ranges: tuple[ByteRange | SuffixRange, ...] = ()
    nbytes: int = 0
    seconds: float = field(default=0.0, compare=False)


class LoggedStore(StoreWrapper):
    """The objects of `store`; `log` has the calls, in the order in which they ended, until it is cleared.

    Arrays ask for ranges by `get_ranges`, also where the store itself could read them to where they are wanted.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.log: list[Request] = []

    def get(self, key: str) -> Blob:
        """See `Get`."""
        with self._noting("get", key) as note:
            blob = super().get(key)
            note.nbytes = byte_view(blob.data).nbytes
            return blob

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        with self._noting("get_range", key, (wanted,)) as note:
            blob = super().get_range(key, wanted)
            note.nbytes = wanted.nbytes
            return blob

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`."""
        with self._noting("get_ranges", key, tuple(wanted)) as note:
            found = super().get_ranges(key, wanted, version)
            note.nbytes = sum(one.nbytes for one in wanted)
            return found

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """See `Set`."""
        written = _Counted(parts)
        with self._noting("set", key) as note:
            super().set(key, written)
            note.nbytes = written.nbytes

    def create(self, key: str) -> NewObject:
        """See `Create`."""
        return _LoggedObject(self, key, super().create(key))

    def patch(self, key: str, version: Hashable, steps: Iterable[tuple[int, Sequence[Buffer]]]) -> Hashable:
        """See `Patch`."""
        written: list[ByteRange] = []

        def noted() -> Iterator[tuple[int, Sequence[Buffer]]]:
            for offset, parts in steps:
                views = [byte_view(part) for part in parts]
                written.append(ByteRange(offset, sum(view.nbytes for view in views)))
                yield offset, views

        with self._noting("patch", key) as note:
            try:
                found = super().patch(key, version, noted())
                note.nbytes = sum(one.nbytes for one in written)
                return found
            finally:
                note.ranges = tuple(written)

    def delete(self, key: str) -> None:
        """See `Delete`."""
        with self._noting("delete", key):
            super().delete(key)

    def delete_prefix(self, prefix: str) -> None:
        """See `DeletePrefix`."""
        with self._noting("delete_prefix", prefix):
            super().delete_prefix(prefix)

    def exists(self, key: str) -> bool:
        """See `Exists`."""
        with self._noting("exists", key):
            return super().exists(key)

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`."""
        with self._noting("list_prefix", prefix):
            return super().list_prefix(prefix)

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`."""
        with self._noting("list_dir", prefix):
            return super().list_dir(prefix)

    @contextmanager
    def _noting(self, verb: str, key: str, ranges: tuple[ByteRange | SuffixRange, ...] = ()) -> Iterator["_Note"]:
        note, begun = _Note(ranges), time.perf_counter()
        try:
            yield note
        finally:
            self.log.append(Request(verb, key, note.ranges, note.nbytes, time.perf_counter() - begun))


@dataclass(slots=True)
class _Note:
    """What is known of a request only while it is served."""

    ranges: tuple[ByteRange | SuffixRange, ...]
    nbytes: int = 0


@dataclass(slots=True)
class _Counted:
    """Parts, and the bytes of those that have been taken."""

    parts: Iterable[Buffer]
    nbytes: int = 0

    def __iter__(self) -> Iterator[Buffer]:
        for part in self.parts:
            view = byte_view(part)
            self.nbytes += view.nbytes
            yield view


class _LoggedObject:
    """An object that is being written; noted when it is finished."""

    def __init__(self, store: LoggedStore, key: str, new: NewObject) -> None:
        self._store, self._key, self._new = store, key, new
        self._ends: list[int] = [0]
        self._begun = time.perf_counter()

    def write(self, offset: int, parts: Iterable[Buffer]) -> None:
        """See `NewObject`."""
        counted = _Counted(parts)
        self._new.write(offset, counted)
        self._ends.append(offset + counted.nbytes)

    def finish(self) -> None:
        """See `NewObject`."""
        self._new.finish()
        seconds = time.perf_counter() - self._begun
        self._store.log.append(Request("set", self._key, (), max(self._ends), seconds))

    def abandon(self) -> None:
        """See `NewObject`."""
        self._new.abandon()
