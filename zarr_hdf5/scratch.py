"""Memory that a thread uses again and again.

Fresh memory costs more than most codecs: the system hands it out page by page, each cleared when it is first touched,
and libraries give it back as soon as they can. Decoding into memory that was touched before takes half the time.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Allocate", "Scratch", "fresh", "scratch"]

SCRATCH_NBYTES = 16 << 20
"""Of each thread; what does not fit any more is allocated."""
ALIGNMENT = 64
PAGE_NBYTES = 4096
"""What the memory begins at a multiple of: reading page-aligned parts of files to 16 bytes behind one, where the C
library puts large memory, takes five times as long on some processors."""

Allocate: TypeAlias = Callable[[int], npt.NDArray[np.uint8]]
"""Gives (nbytes,) of memory, which may hold anything."""


def fresh(nbytes: int) -> npt.NDArray[np.uint8]:
    """Memory for whoever asks, for good."""
    return np.empty(nbytes, np.uint8)


class Scratch:
    """The memory of one thread. What is allocated within a `with` block may be used until its end; blocks may nest."""

    def __init__(self) -> None:
        memory = fresh(SCRATCH_NBYTES + PAGE_NBYTES)
        start = -memory.ctypes.data % PAGE_NBYTES
        self._memory = memory[start : start + SCRATCH_NBYTES]
        self._used = 0
        self._marks: list[int] = []

    def __enter__(self) -> "Scratch":
        self._marks.append(self._used)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._used = self._marks.pop()

    def allocate(self, nbytes: int) -> npt.NDArray[np.uint8]:
        """See `Allocate`."""
        start = self._used
        if nbytes > SCRATCH_NBYTES - start:
            return fresh(nbytes)
        self._used = start + -(-nbytes // ALIGNMENT) * ALIGNMENT
        return self._memory[start : start + nbytes]


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.scratch = Scratch()


_of_thread = _OfThread()


def scratch() -> Scratch:
    """This thread's, for use in a `with` statement."""
    return _of_thread.scratch
