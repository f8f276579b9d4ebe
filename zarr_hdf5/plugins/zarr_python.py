"""Any HDF5 file as a store of zarr-python, and through it of xarray and dask: nothing is copied or converted.

    import xarray, zarr
    from zarr_hdf5.plugins.zarr_python import HDF5Store

    zarr.open_group(HDF5Store("old.h5"))["a/b"][:10]
    xarray.open_zarr(HDF5Store("old.nc"), consolidated=False, zarr_format=3, chunks={})
    xarray.open_zarr(HDF5Store("old.h5", phony_dims=True), consolidated=False, zarr_format=3)

Needs the extra `zarr`. Sources: `zarr.abc.store`, whose docstrings are the contract; zarr-python 3.1 to 3.4. Knows no
HDF5: documents and chunks come from `legacy.hierarchy`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from itertools import islice, repeat
from typing import Any, Self

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype

from zarr_hdf5.api.locate import hdf5_hierarchy_at
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import NotFoundError, ReadOnlyError
from zarr_hdf5.hierarchy import DOCUMENT
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.json_document import dump_json

__all__ = ["HDF5Store"]

BATCH = 256
"""Keys listed in one go, while the event loop waits."""
CONCURRENCY = 8
"""Values of one `get_partial_values` that are read at a time."""


class HDF5Store(Store):
    """The store of an HDF5 file at `url`: a path, or a URL that `zarr_hdf5.open` takes.

    Objects that cannot be shown are not listed; whoever asks for one by name gets the error that says why.

    Parameters
    ----------
    url
        Of the file. A path is made absolute, so that a pickled store means the same file elsewhere.
    links_outside
        Whether external links may lead out of the directory of the file.
    phony_dims
        Whether dimensions without a name get one, by their length, as xarray needs it: `phony_dim_10`, and
        `phony_dim_10_2` for the second of this length of the same array.
    read_only
        What the store says of itself. Nothing is ever written; but many functions of zarr-python, such as `open_group`,
        open for writing unless told otherwise, and want no store that says it is read-only.

    Raises
    ------
    NotFoundError
        If there is no HDF5 file at `url`.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        links_outside: bool = False,
        phony_dims: bool = False,
        read_only: bool = False,
    ) -> None:
        super().__init__(read_only=read_only)
        text = os.fspath(url)
        self.url = text if "://" in text else os.path.abspath(text)
        self.links_outside = links_outside
        self.phony_dims = phony_dims
        self._hierarchy = hdf5_hierarchy_at(self.url, links_outside=links_outside, low_precision=False)

    @classmethod
    async def open(cls, *args: Any, **kwargs: Any) -> Self:
        """Make and open a store; the file is looked at in another thread."""
        store = await asyncio.to_thread(cls, *args, **kwargs)
        await store._open()
        return store

    def with_read_only(self, read_only: bool = False) -> Store:
        """The same store again, which says this of itself."""
        return _unpickle(type(self), self.url, self.links_outside, self.phony_dims, read_only)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HDF5Store) and self._arguments == other._arguments

    def __hash__(self) -> int:
        return hash(self._arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, self._arguments

    @property
    def _arguments(self) -> "tuple[type[HDF5Store], str, bool, bool, bool]":
        return type(self), self.url, self.links_outside, self.phony_dims, self.read_only

    def __repr__(self) -> str:
        return f"HDF5Store({self.url!r})"

    @property
    def supports_writes(self) -> bool:
        """No."""
        return False

    @property
    def supports_deletes(self) -> bool:
        """No."""
        return False

    @property
    def supports_listing(self) -> bool:
        """Yes."""
        return True

    @property
    def supports_consolidated_metadata(self) -> bool:
        """No: documents are made when asked for."""
        return False

    def get_sync(
        self, key: str, *, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """A document or a chunk, or a part of it; None where there is none.

        Raises
        ------
        UnsupportedFeatureError, CorruptDataError, CodecError
            With the reason why it cannot be shown.
        """
        try:
            data = self._read(key, byte_range)
        except NotFoundError:
            return None
        return (prototype or default_buffer_prototype()).buffer.from_bytes(data)

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """As `get_sync`, in another thread."""
        await self._ensure_open()
        return await asyncio.to_thread(self.get_sync, key, prototype=prototype, byte_range=byte_range)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Several values or parts of values, a few at a time."""
        free = asyncio.Semaphore(CONCURRENCY)

        async def get_one(key: str, byte_range: ByteRequest | None) -> Buffer | None:
            async with free:
                return await self.get(key, prototype, byte_range)

        return list(await asyncio.gather(*(get_one(key, byte_range) for key, byte_range in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Whether there is a document or chunk, be it one that cannot be shown."""
        await self._ensure_open()
        return await asyncio.to_thread(self._hierarchy.exists, key)

    async def getsize(self, key: str) -> int:
        """Bytes of a document or chunk. Raises FileNotFoundError."""
        await self._ensure_open()
        return await asyncio.to_thread(self._size, key)

    async def is_empty(self, prefix: str) -> bool:
        """Whether no key begins with the prefix, taken as a path."""
        async for _ in self._each(islice(self._list_prefix(prefix), 1)):
            return False
        return True

    async def list(self) -> AsyncIterator[str]:
        """All keys."""
        async for key in self._each(self._list_prefix("")):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """All keys that begin with the prefix, taken as a path."""
        async for key in self._each(self._list_prefix(prefix)):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Names of documents, chunks and nodes directly below the prefix."""
        async for name in self._each(self._list_dir(prefix)):
            yield name

    async def set(self, key: str, value: Buffer) -> None:
        """Raises ValueError, or ReadOnlyError from a store that does not say that it is read-only."""
        self._refuse()

    async def delete(self, key: str) -> None:
        """Raises as `set` does."""
        self._refuse()

    async def delete_dir(self, prefix: str) -> None:
        """Raises as `set` does."""
        self._refuse()

    async def clear(self) -> None:
        """Raises as `set` does."""
        self._refuse()

    # zarr-python's fused pipeline reads through `get_sync` only if the other two are there.
    def set_sync(self, key: str, value: Buffer) -> None:
        """Raises as `set` does."""
        self._refuse()

    def delete_sync(self, key: str) -> None:
        """Raises as `set` does."""
        self._refuse()

    def _refuse(self) -> None:
        self._check_writable()
        raise ReadOnlyError(f"{self.url} is read in place, not written; convert it to write")

    def _document(self, key: str) -> bytes | None:
        """The document of an array whose dimensions are to be named; None if this is no such key."""
        path, _, name = key.rpartition("/")
        if not self.phony_dims or name != DOCUMENT:
            return None
        metadata = self._hierarchy.node(path)
        return dump_json(_named(metadata).to_json()) if isinstance(metadata, ArrayMetadata) else None

    def _size(self, key: str) -> int:
        document = self._document(key)
        if document is not None:
            return len(document)
        return self._hierarchy.get_range(key, ByteRange(0, 0)).size

    def _read(self, key: str, request: ByteRequest | None) -> bytes | memoryview | bytearray:
        if not isinstance(request, RangeByteRequest | OffsetByteRequest | SuffixByteRequest | None):
            raise ValueError(f"Unexpected byte_range, got {request!r}")
        document = self._document(key)
        if document is not None:
            wanted = ByteRange(0, len(document)) if request is None else _within(request, len(document))
            return document[wanted.offset : wanted.end]
        if request is None:
            return self._hierarchy.get(key).data
        return self._hierarchy.get_range(key, _within(request, self._size(key))).data

    def _list_prefix(self, prefix: str) -> Iterator[str]:
        try:
            yield from self._hierarchy.list_prefix(prefix.strip("/"))
        except NotFoundError:
            return

    def _list_dir(self, prefix: str) -> Iterator[str]:
        try:
            objects, prefixes = self._hierarchy.list_dir(prefix.strip("/"))
        except NotFoundError:
            return
        yield from (*objects, *prefixes)

    async def _each(self, names: Iterator[str]) -> AsyncIterator[str]:
        """What a blocking iterator gives, with other threads doing the waiting."""
        await self._ensure_open()
        while batch := await asyncio.to_thread(lambda: [*islice(names, BATCH)]):
            for name in batch:
                yield name


def _within(request: RangeByteRequest | OffsetByteRequest | SuffixByteRequest, size: int) -> ByteRange:
    """What of a request lies in an object of `size` bytes."""
    match request:
        case RangeByteRequest(start, end):
            pass
        case OffsetByteRequest(start):
            end = size
        case SuffixByteRequest(suffix):
            start, end = size - suffix, size
    start = min(max(start, 0), size)
    return ByteRange(start, max(min(end, size) - start, 0))


def _named(metadata: ArrayMetadata) -> ArrayMetadata:
    """With a name for each dimension."""
    names: list[str] = []
    for length, name in zip(metadata.shape, metadata.dimension_names or repeat(None), strict=False):
        phony = f"phony_dim_{length}"
        count = sum(other == phony or other.startswith(f"{phony}_") for other in names)
        names.append(name or (f"{phony}_{count + 1}" if count else phony))
    return replace(metadata, dimension_names=tuple(names))


def _unpickle(cls: type[HDF5Store], url: str, links_outside: bool, phony_dims: bool, read_only: bool) -> HDF5Store:
    return cls(url, links_outside=links_outside, phony_dims=phony_dims, read_only=read_only)
