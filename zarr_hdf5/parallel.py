"""All cores for codec work: one pool of threads for the process, and the thread that asks.

The codecs release the interpreter lock. Work that itself asks for more work does that in place, so nobody ever waits
for a thread that waits.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain, islice
from typing import TypeVar

__all__ = ["run", "worker_count"]

T = TypeVar("T")

_inside = threading.local()
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def worker_count() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity
        return os.cpu_count() or 1


def run(task: Callable[[T], object], items: Iterable[T], *, alone: bool = False) -> None:
    """Call `task` on every item, on all cores; the first error stops what has not begun and is raised.

    The items are taken one by one, in order, each when somebody is free to work on it. `alone`: by the thread that
    asks, where the work is done before another has woken.
    """
    pending = iter(items)
    begun = list(islice(pending, 2))
    if alone or len(begun) < 2 or getattr(_inside, "working", False) or worker_count() == 1:
        for item in chain(begun, pending):
            task(item)
        return
    pending = chain(begun, pending)
    taking = threading.Lock()
    errors: list[BaseException] = []

    def take() -> list[T]:
        with taking:
            return list(islice(pending, 1))

    def work() -> None:
        _inside.working = True
        try:
            while not errors and (taken := take()):
                task(*taken)
        except BaseException as error:  # KeyboardInterrupt too: the others have to stop
            errors.append(error)
        finally:
            _inside.working = False

    helpers = [_get_pool().submit(work) for _ in range(worker_count() - 1)]
    work()
    wait([helper for helper in helpers if not helper.cancel()])
    if errors:
        raise errors[0]


def _get_pool() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(1, worker_count() - 1), "zarr_hdf5")
        return _pool


def _forget_pool() -> None:
    """A forked child has none of its parent's threads."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
