"""A store in memory: a dictionary behind a lock. Knows no format.

Objects are immutable bytes, so ranges are views of them and a reader keeps what it holds.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import count
from threading import Lock

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.errors import NotFoundError, StaleVersionError
from zarr_hdf5.stores.protocol import Blob, check_key, check_prefix

__all__ = ["MemoryStore", "named_memory_store"]


class MemoryStore:
    """An empty store of its own; `named_memory_store` has those that `memory://name` means."""

    def __init__(self, *, name: str = "") -> None:
        self._name = name
        self._lock = Lock()
        self._objects: dict[str, tuple[bytes, int]] = {}  # key: data, version
        self._versions = count(1)

    def __repr__(self) -> str:
        return f"<MemoryStore {self._name or hex(id(self))}, {len(self._objects)} objects>"

    @property
    def read_only(self) -> bool:
        """False."""
        return False

    @property
    def url(self) -> str:
        """`memory://` and the name; a store without a name cannot be opened by URL."""
        return f"memory://{self._name}"

    def get(self, key: str) -> Blob:
        """See `Get`."""
        data, version = self._object(key)
        return Blob(data, len(data), version)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """See `GetRange`."""
        data, version = self._object(key)
        found = resolve(wanted, len(data), key)
        return Blob(memoryview(data)[found.offset : found.end], len(data), version)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """See `GetRanges`."""
        data, found = self._object(key)
        if version is not None and version != found:
            raise StaleVersionError(f"{key}: the object was replaced")
        ranges = [resolve(r, len(data), key) for r in wanted]
        view = memoryview(data)
        return [view[r.offset : r.end] for r in ranges]

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """See `Set`."""
        check_key(key)
        data = b"".join(byte_view(part) for part in parts)
        with self._lock:
            self._objects[key] = data, next(self._versions)

    def delete(self, key: str) -> None:
        """See `Delete`."""
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def delete_prefix(self, prefix: str) -> None:
        """See `DeletePrefix`."""
        with self._lock:
            for key in self._keys(prefix):
                del self._objects[key]

    def move_prefix(self, prefix: str, to: str) -> None:
        """See `MovePrefix`."""
        check_prefix(to)
        with self._lock:
            keys = self._keys(prefix)
            if not keys:
                raise NotFoundError(f"nothing below {prefix!r} in {self.url}")
            for key in keys:
                self._objects[to + key[len(prefix) :]] = self._objects.pop(key)

    def exists(self, key: str) -> bool:
        """See `Exists`."""
        return key in self._objects

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`."""
        with self._lock:
            return iter(sorted(self._keys(prefix)))

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`."""
        with self._lock:
            keys = self._keys(prefix)
        start = len(prefix) + 1 if prefix else 0
        split = [key[start:].partition("/") for key in keys]
        return sorted(name for name, more, _ in split if not more), sorted({name for name, more, _ in split if more})

    def _object(self, key: str) -> tuple[bytes, int]:
        check_key(key)
        try:
            return self._objects[key]
        except KeyError:
            raise NotFoundError(f"no object {key!r} in {self.url}") from None

    def _keys(self, prefix: str) -> list[str]:
        start = f"{prefix}/" if check_prefix(prefix) else ""
        return [key for key in self._objects if key.startswith(start)]


_named: dict[str, MemoryStore] = {}
_named_lock = Lock()


def named_memory_store(name: str) -> MemoryStore:
    """The store of this name in this process, made on first use and kept."""
    with _named_lock:
        return _named.setdefault(name, MemoryStore(name=name))
