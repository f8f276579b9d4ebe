"""All cores for codec work: one pool of threads for the process.

The codecs release the interpreter lock. Tasks must not themselves wait for the pool, so a task that calls `run` again
simply runs its tasks in place.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
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


def run(task: Callable[[T], object], items: Sequence[T]) -> None:
    """Call `task` on every item, on all cores; the first error stops what has not begun and is raised."""
    if len(items) <= 1 or getattr(_inside, "worker", False) or worker_count() == 1:
        for item in items:
            task(item)
        return
    futures = [_get_pool().submit(task, item) for item in items]
    done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
    for future in waiting:
        future.cancel()
    wait(waiting)
    for future in done:
        future.result()


def _mark_worker() -> None:
    _inside.worker = True


def _get_pool() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(worker_count(), "zarr_hdf5", initializer=_mark_worker)
        return _pool


def _forget_pool() -> None:
    """A forked child has none of its parent's threads."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
