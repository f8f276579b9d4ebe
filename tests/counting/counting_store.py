"""A store that remembers what was asked of it, and a look at the codecs."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from zarr_hdf5.stores.logged import LoggedStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Store


@dataclass(frozen=True)
class Request:
    """One call of a store: `nbytes` were asked for, or written."""

    verb: str
    key: str
    nranges: int = 1
    nbytes: int = 0


class CountingStore(LoggedStore):
    """Any store, with a log."""

    def __init__(self, store: Store | None = None) -> None:
        super().__init__(MemoryStore() if store is None else store)

    def during(self, action: Callable[[], object]) -> list[Request]:
        """What `action` asks for, by key; the requests for one key in their order."""
        self.log.clear()
        action()
        found = [
            Request(r.verb, r.key, len(r.ranges) or 1, sum(one.nbytes for one in r.ranges) or r.nbytes)
            for r in self.log
        ]
        return sorted(found, key=lambda request: request.key)


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
