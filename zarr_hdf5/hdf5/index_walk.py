"""Walks: how structures that lie all over a file are decoded by code that never reads.

A walk is a generator. It yields the byte ranges it wants next, is sent their bytes, and returns a value. It may not
ask for what lies outside the file, nor for more bytes in all than the file has: so no damage makes it go in circles.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import ChecksumError, CorruptDataError
from zarr_hdf5.hdf5.lookup3 import lookup3

__all__ = ["UNDEFINED_ADDRESS", "FileSpace", "Walk", "check_sum", "run_walk"]

T = TypeVar("T")
Walk: TypeAlias = Generator[list[ByteRange], Sequence[Buffer], T]

UNDEFINED_ADDRESS = 2**64 - 1
REREAD_NBYTES = 1 << 20
"""What a walk may read again: first guesses are sometimes short."""


@dataclass(frozen=True, slots=True)
class FileSpace:
    """What the addresses of a file are judged by.

    base_address
        Byte of the file from which all addresses in it count.
    nbytes
        Of the whole file.
    indexed_storage_k
        Half the children of a full node in version 1 B-trees of chunks.
    """

    base_address: int
    nbytes: int
    indexed_storage_k: int = 32

    def span(self, address: int, nbytes: int, structure: str) -> ByteRange:
        """The range of a structure at `address`. Raises CorruptDataError unless it lies in the file."""
        start = self.base_address + address
        if nbytes < 0 or start + nbytes > self.nbytes:
            raise CorruptDataError(
                f"{nbytes} bytes lie outside the file, which has {self.nbytes}", structure=structure, offset=start
            )
        return ByteRange(start, nbytes)

    def spans(self, addresses: npt.NDArray[np.uint64], nbytes: int, structure: str) -> list[ByteRange]:
        """The ranges of equally long structures. Raises CorruptDataError, also if two have one address."""
        if not len(addresses):
            return []
        self.span(int(addresses.max()), nbytes, structure)
        if len(np.unique(addresses)) < len(addresses) or len(addresses) * nbytes > self.nbytes:
            raise CorruptDataError("two parents share a child", structure=structure)
        return [ByteRange(start, nbytes) for start in (addresses.astype(np.int64) + self.base_address).tolist()]


def run_walk(walk: Walk[T], read: Callable[[list[ByteRange]], Sequence[Buffer]], nbytes: int) -> T:
    """Read for `walk`, through a file of `nbytes` bytes, until it returns.

    Raises
    ------
    CorruptDataError
        If it asks for more bytes than there are: structures then overlap.
    """
    left = nbytes + REREAD_NBYTES
    buffers: Sequence[Buffer] | None = None
    while True:
        try:
            wanted = next(walk) if buffers is None else walk.send(buffers)
        except StopIteration as done:
            return cast("T", done.value)
        left -= sum(r.nbytes for r in wanted)
        if left < 0:
            walk.close()
            raise CorruptDataError("its structures overlap", structure="HDF5 file")
        buffers = read(wanted)


def check_sum(block: Any, structure: str, offset: int) -> None:
    """Raise ChecksumError unless the last four bytes of `block` are the lookup3 of what is before them."""
    data = memoryview(block)
    found = int.from_bytes(data[-4:], "little")
    expected = lookup3(data[:-4])
    if found != expected:
        raise ChecksumError(
            "checksum does not match", structure=structure, offset=offset, expected=expected, found=found
        )
