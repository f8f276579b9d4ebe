"""An HDF5 file as a read-only store of Zarr metadata documents, and the composition of its arrays.

Groups and arrays read documents from any store; this one makes them up from what the file says. Chunks are not objects
here: they are read where they lie in the file.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.chunk_source import ObjectGrid
from zarr_hdf5.codecs.pipeline import CodecChain
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import CorruptDataError, NotFoundError, ReadOnlyError
from zarr_hdf5.hdf5.description import DatasetDescription, GroupDescription, describe, open_file
from zarr_hdf5.legacy.array_metadata import array_metadata, group_metadata, is_located
from zarr_hdf5.legacy.slabs import SlabStore
from zarr_hdf5.legacy.source import HDF5ChunkSource
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Blob
from zarr_hdf5.unsharded import UnshardedSource

__all__ = ["HDF5Hierarchy"]

DOCUMENT = "zarr.json"


@dataclass(frozen=True, slots=True)
class HDF5Hierarchy:
    """The hierarchy in a local HDF5 file; `root` is the absolute HDF5 path that stands for the Zarr root."""

    file_name: str
    root: str = "/"

    @property
    def read_only(self) -> bool:
        """Always: HDF5 files of others are not edited here."""
        return True

    @property
    def url(self) -> str:
        """`file://` URL of the file."""
        return Path(self.file_name).absolute().as_uri()

    def get(self, key: str) -> Blob:
        """The metadata document at `key`. Raises NotFoundError, UnsupportedFeatureError."""
        path, _, name = key.rpartition("/")
        if name != DOCUMENT:
            raise NotFoundError(f"{self.url}: no object {key}")
        found = self._describe(path)
        metadata = array_metadata(found) if isinstance(found, DatasetDescription) else group_metadata(found)
        data = dump_json(metadata.to_json())
        return Blob(data, len(data), None)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """A part of a document."""
        whole = self.get(key)
        found = resolve(wanted, whole.size, key)
        return Blob(whole.data[found.offset : found.end], whole.size, whole.version)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """Parts of a document."""
        return [self.get_range(key, one).data for one in wanted]

    def exists(self, key: str) -> bool:
        """Whether there is such a document, be it one that cannot be shown."""
        path, _, name = key.rpartition("/")
        if name != DOCUMENT:
            return False
        try:
            with open_file(self.file_name) as file:
                return not path or self._absolute(path) in file
        except CorruptDataError:
            return True

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """The document of a node, and the names of its members."""
        found = self._describe(prefix)
        members = [*found.groups, *found.datasets] if isinstance(found, GroupDescription) else []
        return [DOCUMENT], sorted(members)

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """The keys of all documents below `prefix`."""
        below = f"{prefix}/" if prefix else ""
        yield below + DOCUMENT
        for name in self.list_dir(prefix)[1]:
            yield from self.list_prefix(below + name)

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """Raises ReadOnlyError."""
        raise self._refusal()

    def delete(self, key: str) -> None:
        """Raises ReadOnlyError."""
        raise self._refusal()

    def delete_prefix(self, prefix: str) -> None:
        """Raises ReadOnlyError."""
        raise self._refusal()

    def refused(self, path: str) -> tuple[tuple[str, str], ...]:
        """Names of the members of a group that are not shown, and why."""
        found = self._describe(path)
        return found.refused if isinstance(found, GroupDescription) else ()

    def compose(self, path: str, metadata: ArrayMetadata, codecs: CodecChain) -> StoredArray:
        """The engine of the array at `path`, whose metadata came from here."""
        found = self._describe(path)
        chain = codecs.prepare(ChunkSpec(metadata.chunk_shape, metadata.data_type.dtype, metadata.fill_value))
        order = tuple(range(len(metadata.shape)))
        if isinstance(found, DatasetDescription) and is_located(found):
            counts = metadata.chunk_grid.grid_shape
            whole = tuple(max(1, n) * c for n, c in zip(counts, metadata.chunk_shape, strict=True))
            file = Path(self.file_name).absolute()
            store = LocalStore(file.parent, read_only=True)
            grid = ObjectGrid(metadata.shape, whole, metadata.chunk_shape)
            return StoredArray(store, HDF5ChunkSource(store, file.name, found.path, grid), chain, order)
        slabs = SlabStore(
            self.file_name,
            self._absolute(path),
            metadata.shape,
            metadata.chunk_shape,
            metadata.data_type.dtype,
            metadata.fill_value,
        )
        grid = ObjectGrid(metadata.shape, metadata.chunk_shape, metadata.chunk_shape)
        source = UnshardedSource(lambda coords: "/".join(map(str, coords)), grid)
        return StoredArray(slabs, source, chain, order, natural_chunks=False)

    def _describe(self, path: str) -> DatasetDescription | GroupDescription:
        with open_file(self.file_name) as file:
            return describe(file, self._absolute(path))

    def _absolute(self, path: str) -> str:
        return "/" + "/".join(part for part in (self.root.strip("/"), path) if part)

    def _refusal(self) -> ReadOnlyError:
        return ReadOnlyError(f"{self.file_name} is an HDF5 file, open for reading only; convert it to write")
