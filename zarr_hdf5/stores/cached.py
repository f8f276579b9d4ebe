"""A store that keeps what was read last of another one, within a bound of bytes.

Objects are kept in blocks, aligned and of one size, each under the version of its object. Nothing that is kept is
handed out before the store has said that the object still has this version, which costs a request of no bytes where
nothing is missing: what has been replaced is never seen again, as far as the store tells versions apart (some web
servers do so by the second). Knows no particular store.
"""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.coalesce import coalesce
from zarr_hdf5.errors import StaleVersionError
from zarr_hdf5.stores.block_file import BlockCache
from zarr_hdf5.stores.protocol import Blob, Store
from zarr_hdf5.stores.wrapper import StoreWrapper

__all__ = ["CachedStore"]

ATTEMPTS = 10
"""How often an object is looked at again that is replaced meanwhile."""
MAX_HEADS = 10_000
"""Objects whose size and version are remembered."""

Bytes = bytes | memoryview | bytearray


class Head(NamedTuple):
    """What an object was when it was last looked at."""

    size: int
    version: Hashable


class CachedStore(StoreWrapper):
    """The objects of `store`, what was read of them last at hand. For many threads.

    Parameters
    ----------
    max_nbytes
        Bytes that are kept, at most; those used longest ago go first. What is more than half of this is not kept.
    block_nbytes
        Bytes of a block, which is read as a whole where a part of it is wanted; never more than `max_nbytes`.

    Raises ValueError where either is not positive.
    """

    def __init__(self, store: Store, *, max_nbytes: int = 64 << 20, block_nbytes: int = 64 << 10) -> None:
        super().__init__(store)
        if min(max_nbytes, block_nbytes) < 1:
            raise ValueError(f"max_nbytes and block_nbytes must be positive, not {max_nbytes} and {block_nbytes}")
        self._max_nbytes = max_nbytes
        # Takes no locks: an h5py object may be collected at any line here, and would wait for h5py's own.
        self._cache = BlockCache(block_nbytes=min(block_nbytes, max_nbytes), max_nbytes=max_nbytes)
        self._heads: dict[str, Head] = {}

    def get(self, key: str) -> Blob:
        """See `Get`."""
        if key in self._heads:
            (data,), head = self._read(key, lambda size: [ByteRange(0, size)], None)
            return Blob(byte_view(data), *head)
        blob = super().get(key)
        if 2 * blob.size <= self._max_nbytes:
            head = self._remember(key, blob)
            self._put(key, head, ByteRange(0, head.size), blob.data)
        return blob

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        (data,), head = self._read(key, lambda size: [resolve(wanted, size, key)], None)
        return Blob(byte_view(data), *head)

    def get_ranges(self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None) -> list[Bytes]:
        """See `GetRanges`."""
        return self._read(key, lambda size: [resolve(one, size, key) for one in wanted], version)[0]

    def _read(
        self, key: str, ranges_in: Callable[[int], list[ByteRange]], version: Hashable | None
    ) -> tuple[list[Bytes], Head]:
        """Ranges, told the size, of one version of an object, which it still has; and what it is."""
        head = self._heads.get(key)
        if version is not None and head is not None and head.version == version:
            parts, fetched = self._parts(key, head, ranges_in(head.size))
            if fetched:  # so the store has looked at the version
                return parts, head
        for _ in range(ATTEMPTS):
            head = self._remember(key, self.store.get_range(key, ByteRange(0, 0)))
            if version is not None and version != head.version:
                raise StaleVersionError(f"{key}: the object was replaced or modified")
            with suppress(StaleVersionError):
                return self._parts(key, head, ranges_in(head.size))[0], head
        raise StaleVersionError(f"{key}: the object was replaced again and again while it was read")

    def _parts(self, key: str, head: Head, wanted: list[ByteRange]) -> tuple[list[Bytes], bool]:
        """The ranges, and whether the store was asked for any of them. Raises StaleVersionError."""
        if 2 * sum(one.nbytes for one in wanted) > self._max_nbytes:
            return self.store.get_ranges(key, wanted, head.version), True
        nbytes = self._cache.block_nbytes
        numbers = {n for one in wanted if one.nbytes for n in range(one.offset // nbytes, -(-one.end // nbytes))}
        kept = {number: self._cache.get((key, head.version, number)) for number in numbers}
        blocks = {number: block for number, block in kept.items() if block is not None}
        offsets = np.array(sorted(numbers - set(blocks)), np.int64) * nbytes
        missing, _ = coalesce(offsets, np.minimum(nbytes, head.size - offsets), max_gap=0, max_nbytes=self._max_nbytes)
        if missing:
            for run, data in zip(missing, self.store.get_ranges(key, missing, head.version), strict=True):
                blocks |= self._put(key, head, run, data)
        return [_cut(blocks, nbytes, one) for one in wanted], bool(missing)

    def _put(self, key: str, head: Head, run: ByteRange, data: Bytes) -> dict[int, bytes]:
        """Keep whole blocks; copies of them by number, so that one block does not keep its whole run."""
        nbytes, view = self._cache.block_nbytes, byte_view(data)
        first = run.offset // nbytes
        blocks = {first + i // nbytes: bytes(view[i : i + nbytes]) for i in range(0, run.nbytes, nbytes)}
        for number, block in blocks.items():
            self._cache.put((key, head.version, number), block)
        return blocks

    def _remember(self, key: str, blob: Blob) -> Head:
        if len(self._heads) >= MAX_HEADS:
            self._heads.clear()
        head = self._heads[key] = Head(blob.size, blob.version)
        return head


def _cut(blocks: dict[int, bytes], block_nbytes: int, wanted: ByteRange) -> Bytes:
    """A range out of the blocks that have it; a view where it lies in one."""
    if not wanted.nbytes:
        return b""
    first, skip = divmod(wanted.offset, block_nbytes)
    last = (wanted.end - 1) // block_nbytes
    if first == last:
        return memoryview(blocks[first])[skip : skip + wanted.nbytes]
    middle = [blocks[number] for number in range(first + 1, last)]
    rest = wanted.end - last * block_nbytes
    return b"".join([memoryview(blocks[first])[skip:], *middle, memoryview(blocks[last])[:rest]])
