"""Groups: nodes that hold arrays and other groups.

Source: Zarr core specification v3, "Hierarchy".
"""

from collections.abc import Iterator, Mapping
from typing import Any, Unpack

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.create import ArrayOptions
from zarr_hdf5.array_config import DEFAULT_CONFIG, ArrayConfig
from zarr_hdf5.attributes import Attributes
from zarr_hdf5.errors import (
    AlreadyExistsError,
    InvalidMetadataError,
    NotFoundError,
    Problem,
    ReadOnlyError,
    ZarrHDF5Error,
)
from zarr_hdf5.group_tree import Tree, TreeNode
from zarr_hdf5.hierarchy import (
    UNREADABLE,
    Metadata,
    NodeStore,
    forget_consolidated,
    has_node,
    join,
    node_path,
    normalize_path,
    prefix_of,
    read_node,
    write_node,
)
from zarr_hdf5.master.file import MasterFollower
from zarr_hdf5.members import consolidate, member_names, read_hierarchy, read_members
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.consolidated import Consolidated, without_consolidated
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.model.group import GroupModel
from zarr_hdf5.nodes.bulk import NodeOptions, node_metadata, write_nodes
from zarr_hdf5.nodes.create import array_metadata, create_array_at, new_group
from zarr_hdf5.nodes.pattern import Pattern
from zarr_hdf5.nodes.transfer import copy_node, move_node
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.stores.protocol import Store, flush_store

__all__ = ["Group", "create_group_at", "open_node"]

DRAWN_DEPTH = 100


class Group:
    """A group in a store. Made by `create_group`, `open_group` and other groups, not by hand.

    `hdf5` is what arrays created through it, or through groups it creates, get unless they say otherwise; `config`, how
    arrays opened or created through it are read and written. `known`: what is below, as consolidated metadata say.
    """

    def __init__(
        self,
        store: Store,
        path: str,
        metadata: GroupMetadata,
        *,
        read_only: bool,
        hdf5: bool | HDF5 = True,
        config: ArrayConfig = DEFAULT_CONFIG,
        known: Consolidated | None = None,
    ) -> None:
        self.store = store
        self.path = path
        self.metadata = metadata
        self.read_only = read_only or store.read_only
        self.hdf5 = hdf5
        self.config = config
        self._known = known

    @property
    def name(self) -> str:
        """Absolute path in the hierarchy, beginning with "/"."""
        return f"/{self.path}"

    @property
    def attrs(self) -> Attributes:
        """User attributes; changes are written at once."""
        return Attributes(lambda: self.metadata.attributes, None if self.read_only else self._save_attributes)

    def __getitem__(self, name: str) -> "Array | Group":
        path = node_path(self.store, f"{self.path}/{name}")
        return self._wrap(path, read_node(self.store, path) if self._known is None else self._known.node(path))

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        try:
            path = node_path(self.store, f"{self.path}/{name}")
        except InvalidMetadataError:
            return False
        return has_node(self.store, path) if self._known is None else path in self._known.documents

    def __delitem__(self, name: str) -> None:
        self._check_writable()
        path = self._below(name)
        if not has_node(self.store, path):
            raise NotFoundError(f"no array or group {name!r} in {self!r}")
        forget_consolidated(self.store, path)
        self.store.delete_prefix(path)
        MasterFollower(self.store).metadata_changed()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> list[str]:
        """Names of the members, sorted."""
        return member_names(self.store, self.path, self._known)

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Names and members that are arrays."""
        return ((name, node) for name, node in self.members() if isinstance(node, Array))

    def groups(self) -> Iterator[tuple[str, "Group"]]:
        """Names and members that are groups."""
        return ((name, node) for name, node in self.members() if isinstance(node, Group))

    def members(self, max_depth: int | None = 0) -> Iterator[tuple[str, "Array | Group"]]:
        """Paths (below this group) and nodes; `max_depth` 0: only direct members, None: all.

        Those that cannot be opened are left out: `unreadable` says which, and why.
        """
        todo = [("", self._children())]  # no recursion: files nest groups by the thousand
        while todo:
            below, children = todo[-1]
            name, node = next(children, ("", None))
            if node is None:
                todo.pop()
            elif not isinstance(node, ZarrHDF5Error):
                yield below + name, node
                if isinstance(node, Group) and (max_depth is None or len(todo) <= max_depth):
                    todo.append((f"{below}{name}/", node._children()))

    def glob(self, pattern: str) -> Iterator[tuple[str, "Array | Group"]]:
        """Paths (below this group) and nodes that match a shell pattern: `run*/temperature`, `**/time`.

        `*`, `?` and `[...]` stand for what is within one name, `**` for any number of names.
        """
        wanted = Pattern.parse(pattern)
        start = self[wanted.start] if wanted.start and wanted.start in self else None if wanted.start else self
        if not isinstance(start, Group):
            return
        if wanted.start and wanted.matches(""):
            yield wanted.start, start
        for path, node in start.members(wanted.max_depth):
            if wanted.matches(path):
                yield prefix_of(wanted.start) + path, node

    def unreadable(self) -> dict[str, str]:
        """Names of direct members that cannot be opened, and why."""
        found = dict(self.store.refused(self.path)) if isinstance(self.store, NodeStore) else {}
        found |= {name: str(why) for name, why in self._children() if isinstance(why, ZarrHDF5Error)}
        return found

    def create_array(self, name: str, **options: Unpack[ArrayOptions]) -> Array:
        """Create an array at `name` below this group, and the groups between. See `zarr_hdf5.create_array`."""
        self._check_writable()
        return create_array_at(self.store, join(self.path, name), self._defaults(options))

    def create_group(
        self, name: str, *, attributes: Mapping[str, Any] | None = None, overwrite: bool = False
    ) -> "Group":
        """Create a group at `name` below this group, and the groups between."""
        self._check_writable()
        path = join(self.path, name)
        made = create_group_at(self.store, path, attributes=attributes, overwrite=overwrite, hdf5=self.hdf5)
        made.config = self.config
        return made

    def create_hierarchy(
        self, nodes: Mapping[str, NodeOptions], *, overwrite: bool = False
    ) -> dict[str, "Array | Group"]:
        """Create many nodes at once, by path below this group, with few requests; groups between are made too.

        Parameters
        ----------
        nodes
            Of an array, its options as for `create_array` (but `data` and `overwrite`), or its model; of a group, its
            model, such as `GroupModel({"title": "t"})`, whose members are made as well. Models may be in JSON form.
        overwrite
            Replace nodes that are there.

        Raises
        ------
        AlreadyExistsError
            If a node is there and `overwrite` is false; nothing was created.
        InvalidMetadataError, UnsupportedFeatureError
            If one of the nodes cannot be; nothing was created.
        """
        self._check_writable()
        made: dict[str, Metadata] = {}
        for name, what in nodes.items():
            made |= node_metadata(self.store, self._below(name), what, self._defaults({}))
        write_nodes(self.store, made, overwrite=overwrite)
        MasterFollower(self.store).metadata_changed()
        start = len(prefix_of(self.path))
        return {path[start:]: self._wrap(path, metadata) for path, metadata in made.items()}

    def require_array(self, name: str, **options: Unpack[ArrayOptions]) -> Array:
        """The array at `name`, created if there is none.

        Raises
        ------
        AlreadyExistsError
            If what is there has another shape, another data type, or is a group.
        """
        if name not in self:
            return self.create_array(name, **options)
        node = self[name]
        wanted = array_metadata(self.store, join(self.path, name), options)
        if not isinstance(node, Array) or node.shape != wanted.shape or node.dtype != wanted.data_type.dtype:
            raise AlreadyExistsError(f"{node!r} is not an array of {wanted.shape} {wanted.data_type.name}")
        return node

    def require_group(self, name: str) -> "Group":
        """The group at `name`, created if there is none. Raises AlreadyExistsError if it is an array."""
        if name not in self:
            return self.create_group(name)
        node = self[name]
        if not isinstance(node, Group):
            raise AlreadyExistsError(f"{node!r} is not a group")
        return node

    def copy(self, source: str, dest: str, *, overwrite: bool = False) -> "Array | Group":
        """Copy the node at `source`, and all below it, to `dest`, both paths below this group; the copy.

        Byte for byte: shards that are HDF5 files keep the name of their dataset (`array.hdf5.dataset`). Raises
        NotFoundError, AlreadyExistsError.
        """
        self._check_writable()
        path = self._below(dest)
        copy_node(self.store, self._below(source), self.store, path, overwrite=overwrite)
        return self._arrived(path)

    def move(self, source: str, dest: str) -> "Array | Group":
        """Move the node at `source`, and all below it, to `dest`, both paths below this group; the node there.

        In a local directory and in memory, in one step; elsewhere copied, then deleted. What was opened before does not
        follow: it sees nothing any more. Shards that are HDF5 files keep the name of their dataset. Raises
        NotFoundError, AlreadyExistsError.
        """
        self._check_writable()
        path = self._below(dest)
        move_node(self.store, self._below(source), path)
        return self._arrived(path)

    def consolidate_metadata(self) -> "Group":
        """Put the documents of all nodes below into this group's own, so that reading needs but one request.

        They are used when the group is opened read-only. Any change of a document through this library removes them;
        what other programs change later is not seen through them, and `verify` says so. Returns the group.
        """
        self._check_writable()
        self.metadata = consolidate(self.store, self.path)
        return self

    def to_model(self, max_depth: int | None = None) -> GroupModel:
        """What the hierarchy is, without elements and where it is: a group of ZEP 6's Zarr Object Model.

        Parameters
        ----------
        max_depth
            As of `members`; None: all of it. Groups further down have no members in the model, but None.

        Raises
        ------
        InvalidMetadataError, UnsupportedFeatureError, CorruptDataError
            If a node cannot be read.
        """
        nodes, unknown = read_hierarchy(self.store, self.path, self.metadata, self._known, max_depth)
        return GroupModel.of(nodes, unknown)

    def tree(self) -> Tree:
        """The hierarchy below this group, for people to read; a node that cannot be read says why."""
        return Tree(self._tree_node(self.name if self.path else "/", DRAWN_DEPTH))

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """As `flush`; nothing else is held."""
        self.flush()

    def flush(self) -> None:
        """Finish the one file that this is in, for others to see; elsewhere every write is complete at once."""
        flush_store(self.store)

    def __repr__(self) -> str:
        return f"<zarr_hdf5.Group {self.store.url}{self.name}>"

    def _repr_html_(self) -> str:
        return self.tree()._repr_html_()

    def _children(self) -> Iterator[tuple[str, "Array | Group | ZarrHDF5Error"]]:
        """Direct members, sorted; in place of one that cannot be opened, why."""
        for name, found in read_members(self.store, self.path, self._known):
            if isinstance(found, ZarrHDF5Error):
                yield name, found
                continue
            try:
                node = self._wrap(prefix_of(self.path) + name, found)
            except UNREADABLE as error:
                yield name, error
                continue
            yield name, node

    def _wrap(self, path: str, metadata: Metadata) -> "Array | Group":
        return wrap(self.store, path, metadata, read_only=self.read_only, config=self.config, known=self._known)

    def _arrived(self, path: str) -> "Array | Group":
        MasterFollower(self.store).metadata_changed()
        return self._wrap(path, read_node(self.store, path))

    def _below(self, name: str) -> str:
        path = join(self.path, name)
        if path == normalize_path(self.path):
            raise InvalidMetadataError([Problem((), f"{name!r} names nothing below the group")], self.name)
        return path

    def _defaults(self, options: ArrayOptions) -> ArrayOptions:
        if self.hdf5 is not True:
            options.setdefault("hdf5", self.hdf5)
        if self.config != DEFAULT_CONFIG:
            options.setdefault("config", self.config)
        return options

    def _tree_node(self, name: str, depth: int) -> TreeNode:
        if not depth:
            return TreeNode(name, "groups further down are not drawn", ())
        children = []
        for child, node in self._children():
            if isinstance(node, Group):
                children.append(node._tree_node(child, depth - 1))
            elif isinstance(node, Array):
                children.append(TreeNode(child, f"{node.metadata.data_type.name} {node.shape}", ()))
            else:
                children.append(TreeNode(child, f"unreadable: {node}", ()))
        refused = self.store.refused(self.path) if isinstance(self.store, NodeStore) else ()
        children += [TreeNode(child, f"unreadable: {reason}", ()) for child, reason in refused]
        return TreeNode(name, "", tuple(children))

    def _check_writable(self) -> None:
        if self.read_only:
            raise ReadOnlyError(f"{self.store.url}{self.name} was opened for reading only")

    def _save_attributes(self, attributes: dict[str, Any]) -> None:
        # Without what it was opened with of the nodes below: that may have been removed since.
        metadata = without_consolidated(GroupMetadata(attributes, self.metadata.extra))
        write_node(self.store, self.path, metadata)
        self.metadata = metadata
        MasterFollower(self.store).metadata_changed()


def open_node(
    store: Store, path: str, *, read_only: bool, config: ArrayConfig = DEFAULT_CONFIG, consolidated: bool = True
) -> Array | Group:
    """The array or group at `path`. Raises NotFoundError, InvalidMetadataError, UnsupportedFeatureError.

    A group that is only read knows what is below from its consolidated metadata, if `consolidated`.
    """
    metadata = read_node(store, path)
    use = consolidated and read_only and isinstance(metadata, GroupMetadata)
    known = Consolidated.of(metadata, path) if use and isinstance(metadata, GroupMetadata) else None
    return wrap(store, path, metadata, read_only=read_only, config=config, known=known)


def wrap(
    store: Store,
    path: str,
    metadata: Metadata,
    *,
    read_only: bool,
    config: ArrayConfig = DEFAULT_CONFIG,
    known: Consolidated | None = None,
) -> Array | Group:
    """The object for a node whose metadata is known."""
    if isinstance(metadata, ArrayMetadata):
        return Array(store, path, metadata, read_only=read_only, follower=MasterFollower(store), config=config)
    return Group(store, path, metadata, read_only=read_only, config=config, known=known)


def create_group_at(
    store: Store,
    path: str,
    *,
    attributes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    hdf5: bool | HDF5 = True,
) -> Group:
    """Create a group, and groups for its ancestors."""
    path = normalize_path(path)
    metadata = new_group(store, path, attributes=attributes, overwrite=overwrite, hdf5=hdf5)
    return Group(store, path, metadata, read_only=False, hdf5=hdf5)
