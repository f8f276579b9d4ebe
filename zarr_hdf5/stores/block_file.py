"""An object of a store as a file for libhdf5 (https://docs.h5py.org/en/stable/high/file.html#python-file-like-objects).

libhdf5 reads metadata in many small pieces. Here they come out of aligned blocks that are kept, so that a web server
is asked few, large questions. Knows ranges of bytes, no format.

libhdf5 calls while h5py's lock is held. Nothing here takes a lock or waits for a thread of ours: an h5py object may be
collected at any line, on any thread, and would there wait for h5py's lock, for ever if its holder waited for ours.
"""

import io
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.errors import StaleVersionError, StorageError, ZarrHDF5Error
from zarr_hdf5.stores.protocol import Blob, GetRange, GetRanges, max_gap_of

__all__ = ["BlockCache", "BlockFile", "BlockSource", "BlockStore", "GetStart"]

MAX_RUN_NBYTES = 16 << 20
"""No request is longer."""
MAX_AHEAD_NBYTES = 4 << 20
"""Most that is read in advance of a reader who reads on and on."""


class BlockSource(GetRange, GetRanges, Protocol):
    """What of a store is needed."""


@runtime_checkable
class GetStart(Protocol):
    """Stores where each call is a request: what an object begins with tells its size too."""

    def get_start(self, key: str, nbytes: int) -> Blob:
        """The first `nbytes` bytes, or all of a smaller object. Raises NotFoundError, StorageError."""
        ...


class BlockCache:
    """The blocks read last, for any number of openings, on any threads, of the objects of one store.

    Parameters
    ----------
    block_nbytes
        Bytes of a block; it begins at a multiple of this.
    max_nbytes
        Bytes kept; at least one block is.
    """

    def __init__(self, *, block_nbytes: int = 512 << 10, max_nbytes: int = 32 << 20) -> None:
        self.block_nbytes = block_nbytes
        self.max_blocks = max(1, max_nbytes // block_nbytes)
        self.seen: dict[str, tuple[int, Hashable]] = {}  # key: size, version
        self._blocks: OrderedDict[tuple[str, Hashable, int], bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._blocks)

    def __contains__(self, place: object) -> bool:
        return place in self._blocks

    def get(self, place: tuple[str, Hashable, int]) -> bytes | None:
        """The block of this key, version and number, if it is here."""
        block = self._blocks.get(place)
        with suppress(KeyError):  # another thread may have dropped it
            self._blocks.move_to_end(place)
        return block

    def put(self, place: tuple[str, Hashable, int], block: bytes) -> None:
        """Keep a block; those used longest ago are dropped."""
        self._blocks[place] = block
        with suppress(KeyError):
            while len(self._blocks) > self.max_blocks:
                self._blocks.popitem(last=False)


class BlockFile(io.RawIOBase):
    """The object `key` of `store`, for reading.

    Opening it makes one request, or none where requests are dear and `cache` has seen the object before.

    Attributes
    ----------
    size
        Bytes.
    version
        As the store calls it; when the object is replaced, the next read that is a request raises StaleVersionError,
        and the next opening sees the new object.
    error
        The first error of a read: libhdf5 may report it as something else.

    Raises
    ------
    NotFoundError
        If there is no such object.
    StorageError
        If the storage failed.
    """

    def __init__(self, store: BlockSource, key: str, *, cache: BlockCache | None = None) -> None:
        self.store, self.key = store, key
        self.cache = BlockCache() if cache is None else cache
        self.error: ZarrHDF5Error | None = None
        self.size, self.version = self._look()
        self._position = 0
        self._next, self._ahead = 1, 0  # the block after those fetched last; how many more were fetched than asked for
        blocks = min(MAX_RUN_NBYTES // self.cache.block_nbytes, self.cache.max_blocks // 2)
        self._max_run = max(1, blocks)

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Where the next read begins, from the start (0), from here (1) or from the end (2)."""
        position = offset + (0, self._position, self.size)[whence]
        if position < 0:
            raise ValueError(f"seek to {position}, before the start of {self.key}")
        self._position = position
        return position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        """Fill `buffer`; past the end with zeros, which are not counted. Raises OSError, for libhdf5; see `error`."""
        view = memoryview(buffer).cast("B")
        nbytes = max(0, min(len(view), self.size - self._position))
        try:
            self._fill(view[:nbytes], self._position)
        except ZarrHDF5Error as error:
            self.error = self.error or _without_frames(error)
            raise OSError(str(error)) from None
        view[nbytes:] = bytes(len(view) - nbytes)  # h5py does not look at how much it got
        self._position += nbytes
        return nbytes

    def read_at(self, offset: int, nbytes: int) -> bytearray:
        """These bytes, wherever the file stands; from any thread.

        Raises
        ------
        CorruptDataError
            If they lie outside the object.
        StaleVersionError, StorageError
            As any read.
        """
        resolve(ByteRange(offset, nbytes), self.size, self.key)
        data = bytearray(nbytes)
        self._fill(memoryview(data), offset)
        return data

    def _look(self) -> tuple[int, Hashable]:
        """Size and version."""
        if not isinstance(self.store, GetStart):
            blob = self.store.get_range(self.key, ByteRange(0, 0))
            return blob.size, blob.version
        seen = self.cache.seen.get(self.key)
        if seen is None:
            blob = self.store.get_start(self.key, self.cache.block_nbytes)
            self.cache.put((self.key, blob.version, 0), bytes(blob.data))
            self.cache.seen[self.key] = seen = blob.size, blob.version
        return seen

    def _fill(self, view: "memoryview[int]", offset: int) -> None:
        block_nbytes = self.cache.block_nbytes
        last = (offset + len(view) - 1) // block_nbytes
        done = 0
        while done < len(view):
            number, skip = divmod(offset + done, block_nbytes)
            block = self.cache.get((self.key, self.version, number)) or self._fetch(number, last)
            part = memoryview(block)[skip : skip + len(view) - done]
            view[done : done + len(part)] = part
            done += len(part)

    def _fetch(self, number: int, last: int) -> bytes:
        """Block `number`, with those after it up to `last`, and beyond for who reads on, as far as they are missing."""
        nbytes = self.cache.block_nbytes
        reads_on = self._next <= number <= self._next + self._ahead + 1  # or leaves out as little as is read in advance
        self._ahead = min(2 * self._ahead + 1, MAX_AHEAD_NBYTES // nbytes) if reads_on else 0
        limit = min(last + 1 + self._ahead, number + self._max_run, -(-self.size // nbytes))
        stop = number + 1
        while stop < limit and (self.key, self.version, stop) not in self.cache:
            stop += 1
        wanted = ByteRange(number * nbytes, min(stop * nbytes, self.size) - number * nbytes)
        try:
            (run,) = self.store.get_ranges(self.key, [wanted], self.version)
        except StaleVersionError:
            self.cache.seen.pop(self.key, None)
            raise
        if len(run) != wanted.nbytes:
            raise StorageError(f"{self.key}: asked for {wanted.nbytes} bytes, got {len(run)}")
        self._next = stop
        # copies, so that one block kept does not keep its whole run
        blocks = [bytes(run[i : i + nbytes]) for i in range(0, len(run), nbytes)]
        for i, block in enumerate(blocks):
            self.cache.put((self.key, self.version, number + i), block)
        return blocks[0]

    def has(self, wanted: ByteRange) -> bool:
        """Whether these bytes are at hand."""
        nbytes = self.cache.block_nbytes
        numbers = range(wanted.offset // nbytes, -(-wanted.end // nbytes))
        return all((self.key, self.version, number) in self.cache for number in numbers)


def _without_frames(error: ZarrHDF5Error) -> ZarrHDF5Error:
    """The error without its tracebacks: a frame further up has libhdf5's access list, which has the file, for ever."""
    one: BaseException | None = error
    while one is not None:
        one.__traceback__ = None
        one = one.__cause__ or one.__context__
    return error


class BlockStore:
    """Ranges of a store's objects out of the blocks that libhdf5 reads them by.

    A small range that is not there comes with its block, for its neighbours are likely to be asked for next; of many
    only those that are missing are fetched, and not kept.
    """

    def __init__(self, store: BlockSource, cache: BlockCache) -> None:
        self._store, self._cache = store, cache
        self.max_gap = max_gap_of(store)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        file = BlockFile(self._store, key, cache=self._cache)
        found = resolve(wanted, file.size, key)
        (data,) = self._get(file, [found])
        return Blob(memoryview(data), file.size, file.version)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`."""
        file = BlockFile(self._store, key, cache=self._cache)
        if version is not None and version != file.version:
            raise StaleVersionError(f"{key}: the object was replaced or modified")
        return self._get(file, [resolve(one, file.size, key) for one in wanted])

    def _get(self, file: BlockFile, wanted: list[ByteRange]) -> list[bytes | memoryview | bytearray]:
        missing = [one for one in wanted if not file.has(one)]
        if len(missing) == 1 and missing[0].nbytes <= self._cache.block_nbytes:
            missing = []
        fetched = iter(self._store.get_ranges(file.key, missing, file.version) if missing else ())
        absent = set(missing)
        return [next(fetched) if one in absent else file.read_at(one.offset, one.nbytes) for one in wanted]
