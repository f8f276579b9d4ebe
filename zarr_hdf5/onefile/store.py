"""A one-file as a store: reading from what is finished or, once something was written, from what is to be.

What is written is seen by others, and by HDF5, when `flush` finishes it. Between the first write and that the file is
locked. All stores of one path in a process are one. One that nobody holds any more is finished, as files of h5py are.
"""

import os
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from io import RawIOBase
from pathlib import Path

from zarr_hdf5.array.hdf5_side import HDF5Store, OneFileSide
from zarr_hdf5.buffer import Buffer
from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.errors import NotFoundError, StaleVersionError
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.onefile.datasets import one_file_side
from zarr_hdf5.onefile.front import end_of
from zarr_hdf5.onefile.session import Session
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.stores.block_file import BlockFile
from zarr_hdf5.stores.protocol import Blob, Store
from zarr_hdf5.stores.zip import ZipStore
from zarr_hdf5.stores.zip_writer import ZipWriter

__all__ = ["OneFileReader", "OneFileStore", "one_file_store"]


class OneFileReader(ZipStore, HDF5Store):
    """The hierarchy in a one-file, the object `key` of `store`, for reading."""

    def __init__(self, store: Store, key: str) -> None:
        super().__init__(store, key, end_of)

    def hdf5_side(self, path: str, metadata: ArrayMetadata, stored: StoredArray) -> OneFileSide | None:
        """See `HDF5Store`."""
        return one_file_side(path, metadata, stored, self.local_path or self.url)

    def unfinished(self) -> int:
        """Bytes behind the end of what was finished."""
        index = self.index()
        return index.size - index.end

    def hdf5_file(self) -> str | RawIOBase:
        """See `HDF5Store`."""
        return self.local_path or BlockFile(self._store, self._key)


class OneFileStore(HDF5Store):
    """The hierarchy in the one-file at a path; `one_file_store` makes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._session = Session(path)
        weakref.finalize(self, self._session.leave)

    def __repr__(self) -> str:
        return f"OneFileStore({str(self.path)!r})"

    @property
    def read_only(self) -> bool:
        """False."""
        return False

    @property
    def url(self) -> str:
        """Where the file is."""
        return self.path.as_uri()

    def hdf5_side(self, path: str, metadata: ArrayMetadata, stored: StoredArray) -> OneFileSide | None:
        """See `HDF5Store`."""
        return one_file_side(path, metadata, stored, str(self.path))

    def recover(self) -> None:
        """Begin to write; also where an HDF5 program has made the file longer, so that the Zarr side was lost."""
        self._session.recover()

    def compact(self) -> None:
        """Finish what was written, and write all of it anew, without the gaps that changes have left.

        Raises StorageError where another program has the file open, CorruptDataError, and ChecksumError.
        """
        self._session.compact()

    def let_read(self) -> None:
        """Let HDF5 programs read what is finished while more is being written."""
        self._session.let_read()

    def discard(self) -> None:
        """Drop what was written since the last `flush`."""
        self._session.discard()

    def unfinished(self) -> int:
        """Bytes behind the end of what was finished; 0 while a transaction is under way."""
        source = self._session.source()
        index = source.index() if isinstance(source, ZipStore) else None
        return 0 if index is None else index.size - index.end

    def hdf5_file(self) -> str | RawIOBase:
        """See `HDF5Store`. What was not finished is not in it."""
        return str(self.path)

    def start(self, key: str) -> int:
        """See `HDF5Store`."""
        return self._source(key).start(key)

    def flush(self) -> None:
        """Finish what was written. See `Flush`."""
        self._session.flush()

    def get(self, key: str) -> Blob:
        """See `Get`."""
        return self._source(key).get(key)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        return self._source(key).get_range(key, wanted)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`."""
        return self._source(key).get_ranges(key, wanted, version)

    def read_into(
        self, key: str, wanted: Sequence[tuple[int, "memoryview[int]"]], version: Hashable | None = None
    ) -> None:
        """See `ReadInto`."""
        self._source(key).read_into(key, wanted, version)

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """See `Set`."""
        held = list(parts)
        self._write(lambda writer: writer.set(key, held))

    def delete(self, key: str) -> None:
        """See `Delete`."""
        if self.exists(key):
            self._write(lambda writer: writer.delete(key))

    def delete_prefix(self, prefix: str) -> None:
        """See `DeletePrefix`. With all objects goes the file, whatever it is."""
        if not prefix:
            self._session.start_anew()
        elif any(True for _ in self.list_prefix(prefix)):
            self._write(lambda writer: writer.delete_prefix(prefix))

    def exists(self, key: str) -> bool:
        """See `Exists`."""
        source = self._session.source()
        return source is not None and source.exists(key)

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`."""
        source = self._session.source()
        return iter(()) if source is None else source.list_prefix(prefix)

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`."""
        source = self._session.source()
        return ([], []) if source is None else source.list_dir(prefix)

    def _write(self, change: Callable[[ZipWriter], None]) -> None:
        while True:
            writer = self._session.writer()
            try:
                return change(writer)
            except StaleVersionError:  # finished by another thread before it began
                continue

    def _source(self, key: str) -> ZipWriter | ZipStore:
        source = self._session.source()
        if source is None:
            raise NotFoundError(f"no object {key!r} in {self.url}: there is no such file")
        return source


_stores: "weakref.WeakValueDictionary[str, OneFileStore]" = weakref.WeakValueDictionary()
_stores_lock = threading.RLock()


def one_file_store(path: str | os.PathLike[str]) -> OneFileStore:
    """The store of the file at `path`, the same for all in this process who ask for it; there need be no file yet."""
    real = os.path.realpath(path)
    with _stores_lock:
        store = _stores.get(real)
        if store is None:
            store = _stores[real] = OneFileStore(Path(real))
        return store
