"""A store that remembers what was asked of it, and a look at the codecs."""

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Blob, Store, patches_of


@dataclass(frozen=True)
class Request:
    """One call of a store: `nbytes` were read, or written."""

    verb: str
    key: str
    nranges: int = 1
    nbytes: int = 0


@dataclass
class CountingStore:
    """Any store, with a log."""

    inner: Store = field(default_factory=MemoryStore)
    log: list[Request] = field(default_factory=list)

    @property
    def read_only(self) -> bool:
        return self.inner.read_only

    @property
    def url(self) -> str:
        return self.inner.url

    def get(self, key: str) -> Blob:
        self.log.append(Request("get", key, nbytes=len(self.inner.get(key).data) if self.inner.exists(key) else 0))
        return self.inner.get(key)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        self.log.append(Request("get_range", key, nbytes=wanted.nbytes))
        return self.inner.get_range(key, wanted)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        self.log.append(Request("get_ranges", key, len(wanted), sum(r.nbytes for r in wanted)))
        return self.inner.get_ranges(key, wanted, version)

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        views = [byte_view(part) for part in parts]
        self.log.append(Request("set", key, nbytes=sum(view.nbytes for view in views)))
        self.inner.set(key, views)

    @property
    def in_place(self) -> bool:
        return patches_of(self.inner) is not None

    def patch(self, key: str, version: Hashable, steps: Iterable[tuple[int, Sequence[Buffer]]]) -> Hashable:
        views = [(offset, [byte_view(part) for part in parts]) for offset, parts in steps]
        self.log.append(Request("patch", key, len(views), sum(v.nbytes for _, parts in views for v in parts)))
        patches = patches_of(self.inner)
        assert patches is not None
        return patches.patch(key, version, views)

    def delete(self, key: str) -> None:
        self.log.append(Request("delete", key))
        self.inner.delete(key)

    def delete_prefix(self, prefix: str) -> None:
        self.log.append(Request("delete_prefix", prefix))
        self.inner.delete_prefix(prefix)

    def exists(self, key: str) -> bool:
        self.log.append(Request("exists", key))
        return self.inner.exists(key)

    def list_prefix(self, prefix: str) -> Iterator[str]:
        self.log.append(Request("list_prefix", prefix))
        return self.inner.list_prefix(prefix)

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        self.log.append(Request("list_dir", prefix))
        return self.inner.list_dir(prefix)

    def during(self, action: Callable[[], object]) -> list[Request]:
        """What `action` asks for, by key; the requests for one key in their order."""
        self.log.clear()
        action()
        return sorted(self.log, key=lambda request: request.key)


@dataclass
class CodecCalls:
    """How many chunks (of the array, not indexes) were decoded and encoded, by which threads.

    Where `meet` is given, the first chunks of the first two threads wait for each other there: else one thread could do
    all the work before another begins.
    """

    dtype: np.dtype[np.generic]
    decoded: int = 0
    encoded: int = 0
    threads: set[int] = field(default_factory=set)
    meet: threading.Barrier | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, direction: str, nchunks: int) -> None:
        me = threading.get_ident()
        with self._lock:
            setattr(self, direction, getattr(self, direction) + nchunks)
            wait = self.meet is not None and me not in self.threads and len(self.threads) < 2
            self.threads.add(me)
        if wait and self.meet is not None:
            self.meet.wait(30)
