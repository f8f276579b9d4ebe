"""An HDF5 file as a read-only store: the documents of groups and arrays, and their chunks, made up from what it says.

Groups and arrays of this library ask it for nodes, and read chunks where they lie in the file; other readers ask for
documents and chunks by key.
"""

import re
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import h5py

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.errors import CorruptDataError, NotFoundError, ReadOnlyError, UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.hdf5.description import DatasetDescription, GroupDescription, Member, describe, list_members
from zarr_hdf5.hdf5.links import DATASET, GROUP, MAX_LINKS, ExternalTarget, Target, only_dataset, resolve_path
from zarr_hdf5.hierarchy import DOCUMENT, NodeStore, node_path, prefix_of
from zarr_hdf5.legacy.array_metadata import facts, group_metadata, present
from zarr_hdf5.legacy.hdf5_array import HDF5Array
from zarr_hdf5.legacy.hdf5_object import HDF5Object
from zarr_hdf5.legacy.names import escape_name, unescape_name
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.stored_array import Composer, StoredArray
from zarr_hdf5.stores.protocol import Blob

__all__ = ["HDF5Group", "HDF5Hierarchy"]

CHUNK_KEY = re.compile(r"(?:(?P<path>.*)/)?c(?P<coords>(?:/(?:0|[1-9][0-9]*))*)", re.DOTALL)
MAX_NODES = 4096
"""Nodes whose description is kept."""

DAMAGES = (CorruptDataError, NotFoundError, UnsupportedFeatureError)

Identity = tuple[str, int]
"""A file's URL and the address of an object header in it."""


@dataclass(frozen=True, slots=True)
class HDF5Group:
    """A group of a file, described once."""

    file: HDF5Object
    description: GroupDescription
    metadata: GroupMetadata


@dataclass(slots=True)
class _Kept:
    """What is remembered of one version of the file."""

    version: Hashable = None
    nodes: dict[str, HDF5Group | HDF5Array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class HDF5Hierarchy(NodeStore, Composer):
    """The hierarchy in an HDF5 file.

    root
        The absolute HDF5 path that stands for the Zarr root.
    low_precision
        Whether to have data types for numbers of few bits; otherwise they are such as libhdf5 converts them to.
    """

    file: HDF5Object
    root: str = "/"
    low_precision: bool = True
    _kept: _Kept = field(default_factory=_Kept)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def read_only(self) -> bool:
        """Always: HDF5 files of others are not edited here."""
        return True

    @property
    def url(self) -> str:
        """Where the file is."""
        return self.file.url

    def node(self, path: str) -> ArrayMetadata | GroupMetadata:
        """The metadata of a node. Raises NotFoundError, UnsupportedFeatureError, CorruptDataError."""
        found = self.describe(path)
        return found.presentation.metadata if isinstance(found, HDF5Array) else found.metadata

    @classmethod
    def of(
        cls,
        file: HDF5Object,
        is_root: Callable[[h5py.File, Target], bool],
        first: str = "",
        *,
        low_precision: bool = True,
    ) -> "HDF5Hierarchy":
        """The hierarchy in a file; its root is the only dataset if `is_root` says so, else the root group.

        The node `first` and the only dataset are described at once: to open the file again would take longer.
        """
        hierarchy = cls(file, low_precision=low_precision)
        # What is broken says so when it is asked for; the rest of the file may be whole.
        with suppress(*DAMAGES), file.open() as opened:
            only = only_dataset(opened)
            if only is not None and is_root(opened, only):
                hierarchy = cls(file, only.path, low_precision)
            asked = node_path(hierarchy, first)
            targets = {asked: resolve_path(opened, hierarchy._absolute(asked))}
            if only is not None and hierarchy.root == "/":
                targets["/".join(map(escape_name, only.path.split("/")[1:]))] = only
            nodes = hierarchy._fresh().nodes
            for path, found in targets.items():
                if isinstance(found, Target):
                    description = describe(opened, found, low_precision=low_precision)
                    nodes[path] = hierarchy._shown(file, description)
        return hierarchy

    def describe(self, path: str) -> HDF5Group | HDF5Array:
        """What is at a path, with all that is to be known of it."""
        with self._lock:
            kept = self._fresh()
            found = kept.nodes.get(path)
            if found is None:
                found = self._describe(path)
                if len(kept.nodes) >= MAX_NODES:
                    kept.nodes.clear()
                kept.nodes[path] = found
            return found

    def child_names(self, path: str) -> list[str]:
        """Names of the members of a group that are shown, sorted."""
        return sorted(escape_name(m.name) for m in self._members(path) if m.target is not None and not m.bare_dimension)

    def refused(self, path: str) -> tuple[tuple[str, str], ...]:
        """Names of the members of a group that are not shown, and why; dimensions without a variable are not missed."""
        return tuple((escape_name(m.name), m.reason) for m in self._members(path) if m.target is None)

    def facts(self, path: str) -> dict[str, str]:
        """What there is to know of a dataset beyond its Zarr metadata."""
        found = self.describe(path)
        return facts(found.dataset, found.presentation) if isinstance(found, HDF5Array) else {}

    def compose(self, path: str) -> StoredArray:
        """The engine of the array at `path`."""
        found = self._kept.nodes.get(path) or self.describe(path)  # as a moment ago, when its metadata were asked for
        if isinstance(found, HDF5Array):
            return found.stored
        raise NotFoundError(f"{self.url}: {path} is no array any more")

    def get(self, key: str) -> Blob:
        """A metadata document or a chunk. Raises NotFoundError, UnsupportedFeatureError, CorruptDataError."""
        array, coords = self._chunk(key)
        if array is None:
            data: Buffer = dump_json(self.node(_node_of(key, self.url)).to_json())
        else:
            data = array.chunk(coords)
        view = byte_view(data)
        return Blob(view, len(view), None)

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        """A part of a document or chunk."""
        array, coords = self._chunk(key)
        place = None if array is None else array.chunk_range(coords)
        if array is None or place is None:
            whole = self.get(key)
            found = resolve(wanted, whole.size, key)
            return Blob(whole.data[found.offset : found.end], whole.size, whole.version)
        found = resolve(wanted, place.nbytes, key)
        inner = ByteRange(place.offset + found.offset, found.nbytes)
        return Blob(byte_view(array.file.store.get_ranges(array.file.key, [inner])[0]), place.nbytes, None)

    def get_ranges(
        self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None
    ) -> list[bytes | memoryview | bytearray]:
        """Parts of a document or chunk."""
        return [self.get_range(key, one).data for one in wanted]

    def exists(self, key: str) -> bool:
        """Whether there is such a document or chunk, be it one that cannot be shown."""
        try:
            array, coords = self._chunk(key)
            if array is not None:
                return array.has_chunk(coords)
            self._identity(_node_of(key, self.url))
        except NotFoundError:
            return False
        except ZarrHDF5Error:
            return True
        return True

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """Names of documents and chunks directly below a prefix, and of further prefixes.

        Nodes that cannot be shown are none, for other readers would list nothing of their whole group.
        """
        try:
            found = self.describe(prefix)
        except NotFoundError:
            return self._list_chunks(prefix)
        if isinstance(found, HDF5Array):
            scalar = not found.presentation.metadata.shape
            return ([*(["c"] if scalar else []), DOCUMENT], [] if scalar else ["c"])
        below = prefix_of(prefix)
        return [DOCUMENT], [name for name in self.child_names(prefix) if self._has_document(below + name)]

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """The keys of all documents and chunks below `prefix`; of nodes that cannot be shown, none."""
        todo = [prefix]  # no recursion: files nest groups by the thousand
        while todo:
            path = todo.pop()
            below = prefix_of(path)
            try:
                found = self.describe(path)
            except NotFoundError:
                yield from self._chunk_keys(path)
                continue
            except ZarrHDF5Error:
                continue
            yield below + DOCUMENT
            if isinstance(found, HDF5Array):
                yield from self._chunk_keys(below + "c")
            else:
                todo += [below + name for name in reversed(self.child_names(path))]

    def set(self, key: str, parts: Iterable[Buffer]) -> None:
        """Raises ReadOnlyError."""
        raise self._refusal()

    def delete(self, key: str) -> None:
        """Raises ReadOnlyError."""
        raise self._refusal()

    def delete_prefix(self, prefix: str) -> None:
        """Raises ReadOnlyError."""
        raise self._refusal()

    def _fresh(self) -> _Kept:
        """What is kept, of the file as it is now."""
        version = self.file.version()
        if version != self._kept.version:
            self._kept.version = version
            self._kept.nodes.clear()
        return self._kept

    def _has_document(self, path: str) -> bool:
        try:
            self.describe(path)
        except ZarrHDF5Error:
            return False
        return True

    def _describe(self, path: str) -> HDF5Group | HDF5Array:
        with self._opened(path) as (file, opened, target):
            return self._shown(file, describe(opened, target, low_precision=self.low_precision))

    def _shown(self, file: HDF5Object, description: GroupDescription | DatasetDescription) -> HDF5Group | HDF5Array:
        if isinstance(description, GroupDescription):
            return HDF5Group(file, description, group_metadata(description.attributes))
        return HDF5Array(file, file.look(), description, present(description))

    @contextmanager
    def _opened(self, path: str) -> Iterator[tuple[HDF5Object, h5py.File, Target]]:
        """Follow a path, through other files if links lead there; the last file, open, and what is meant in it."""
        place, file = self._absolute(path), self.file
        for _ in range(MAX_LINKS):
            with file.open() as opened:
                found = resolve_path(opened, place)
                if isinstance(found, Target):
                    yield file, opened, found
                    return
            file, place = file.beside(found.file), found.path
        raise CorruptDataError(f"more than {MAX_LINKS} links to follow", structure="link", key=path)

    def _identity(self, path: str) -> Identity:
        found = self._kept.nodes.get(path) or self.describe(path)  # groups may be deeply nested
        return found.file.url, found.dataset.address if isinstance(found, HDF5Array) else found.description.address

    def _members(self, path: str) -> list[Member]:
        """The members of a group; those that cannot be shown with the reason and without a target."""
        with self._opened(path) as (file, opened, target):
            members = list_members(opened, target) if target.type == GROUP else []
        names = path.split("/") if path else []
        # The group and those above it, as they were walked through.
        above = frozenset(self._identity("/".join(names[:depth])) for depth in range(len(names) + 1))
        return [self._checked(member, path, file, above) for member in members]

    def _checked(self, member: Member, path: str, file: HDF5Object, above: frozenset[Identity]) -> Member:
        target = member.target
        if target is None:
            return member
        try:
            identity = (file.url, target.address) if isinstance(target, Target) else None
            if isinstance(target, ExternalTarget):
                with self._opened(f"{path}/{escape_name(member.name)}".lstrip("/")) as (file, _, target):
                    identity = (file.url, target.address)
            if target.type not in (GROUP, DATASET):
                raise UnsupportedFeatureError("neither a group nor a dataset")
            if identity in above:
                raise UnsupportedFeatureError("a link to a group above it")
        except NotFoundError as error:
            return Member(member.name, None, f"a link that leads nowhere: {error}")
        except ZarrHDF5Error as error:
            return Member(member.name, None, str(error))
        return member

    def _chunk(self, key: str) -> tuple[HDF5Array | None, tuple[int, ...]]:
        """The array and coordinates that a key may mean; None where it is no chunk's."""
        match = _chunk_of(key)
        if match is None:
            return None, ()
        path, coords = match
        found = self.describe(path)
        if not isinstance(found, HDF5Array):
            raise NotFoundError(f"{self.url}: no object {key}")
        return found, coords

    def _chunk_keys(self, prefix: str) -> Iterator[str]:
        """The keys of the chunks that begin so."""
        match = _chunk_of(prefix)
        if match is None:
            return
        path, first = match
        found = self.describe(path)
        if isinstance(found, HDF5Array):
            for coords in found.chunk_coords():
                if coords[: len(first)] == first:
                    yield prefix_of(path) + "/".join(map(str, ("c", *coords)))

    def _list_chunks(self, prefix: str) -> tuple[list[str], list[str]]:
        """The next coordinate of the chunks whose keys begin so: of the last dimension, or of another."""
        objects: dict[str, None] = {}
        prefixes: dict[str, None] = {}
        for key in self._chunk_keys(prefix):
            name, deeper, _ = key.removeprefix(prefix).lstrip("/").partition("/")
            (prefixes if deeper else objects)[name] = None
        objects.pop("", None)
        return sorted(objects), sorted(prefixes)

    def _absolute(self, path: str) -> str:
        names = [unescape_name(name) for name in path.split("/")] if path else []
        return "/" + "/".join(part for part in (self.root.strip("/"), *names) if part)

    def _refusal(self) -> ReadOnlyError:
        return ReadOnlyError(f"{self.url} is an HDF5 file, open for reading only; convert it to write")


def _chunk_of(key: str) -> tuple[str, tuple[int, ...]] | None:
    """The path and the coordinates (those that come first, in a prefix) in a chunk's key; None of another key."""
    match = CHUNK_KEY.fullmatch(key)
    return None if match is None else (match["path"] or "", tuple(map(int, match["coords"].split("/")[1:])))


def _node_of(key: str, url: str) -> str:
    """The node whose document a key means. Raises NotFoundError."""
    path, _, name = key.rpartition("/")
    if name != DOCUMENT:
        raise NotFoundError(f"{url}: no object {key}")
    return path
