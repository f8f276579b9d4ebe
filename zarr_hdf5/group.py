"""Groups: nodes that hold arrays and other groups.

Source: Zarr core specification v3, "Hierarchy".
"""

from collections.abc import Iterator, Mapping
from typing import Any, Unpack

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.create import ArrayOptions, asarray_of, new_array_metadata
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.attributes import Attributes
from zarr_hdf5.errors import AlreadyExistsError, NotFoundError, ReadOnlyError
from zarr_hdf5.group_tree import TreeNode, tree_html, tree_text
from zarr_hdf5.hierarchy import (
    UNREADABLE,
    Metadata,
    NodeStore,
    child_names,
    clear_node,
    join,
    node_path,
    normalize_path,
    read_node,
    require_parents,
    write_node,
)
from zarr_hdf5.master.file import MasterFollower, wants_master
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.onefile.datasets import check_hdf5
from zarr_hdf5.onefile.documents import with_hdf5
from zarr_hdf5.onefile.store import OneFileStore
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.stores.protocol import Store, flush_store

__all__ = ["Group", "Tree", "create_array_at", "create_group_at", "open_node"]

DRAWN_DEPTH = 100


class Tree:
    """A hierarchy drawn as a tree: text in a terminal, folding in a notebook."""

    def __init__(self, root: TreeNode) -> None:
        self.root = root

    def __repr__(self) -> str:
        return tree_text(self.root)

    def _repr_html_(self) -> str:
        return tree_html(self.root)


class Group:
    """A group in a store. Made by `create_group`, `open_group` and other groups, not by hand.

    `hdf5` is what arrays created through it, or through groups it creates, get unless they say otherwise.
    """

    def __init__(
        self, store: Store, path: str, metadata: GroupMetadata, *, read_only: bool, hdf5: bool | HDF5 = True
    ) -> None:
        self.store = store
        self.path = path
        self.metadata = metadata
        self.read_only = read_only or store.read_only
        self.hdf5 = hdf5

    @property
    def name(self) -> str:
        """Absolute path in the hierarchy, beginning with "/"."""
        return f"/{self.path}"

    @property
    def attrs(self) -> Attributes:
        """User attributes; changes are written at once."""
        return Attributes(self.metadata.attributes, None if self.read_only else self._save_attributes)

    def __getitem__(self, name: str) -> "Array | Group":
        return open_node(self.store, node_path(self.store, f"{self.path}/{name}"), read_only=self.read_only)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and bool(self[name].name)
        except NotFoundError:
            return False

    def __delitem__(self, name: str) -> None:
        self._check_writable()
        path = join(self.path, name)
        read_node(self.store, path)
        self.store.delete_prefix(path)
        MasterFollower(self.store).metadata_changed()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> list[str]:
        """Names of the members, sorted."""
        return child_names(self.store, self.path)

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
        todo = [("", self, iter(self.keys()))]  # no recursion: files nest groups by the thousand
        while todo:
            below, group, names = todo[-1]
            name = next(names, None)
            if name is None:
                todo.pop()
                continue
            try:
                node = group[name]
            except UNREADABLE:
                continue
            yield below + name, node
            if isinstance(node, Group) and (max_depth is None or len(todo) <= max_depth):
                todo.append((f"{below}{name}/", node, iter(node.keys())))

    def unreadable(self) -> dict[str, str]:
        """Names of direct members that cannot be opened, and why."""
        found = dict(self.store.refused(self.path)) if isinstance(self.store, NodeStore) else {}
        for name in self.keys():
            try:
                self[name]
            except UNREADABLE as error:
                found[name] = str(error)
        return found

    def create_array(self, name: str, **options: Unpack[ArrayOptions]) -> Array:
        """Create an array at `name` below this group, and the groups between. See `zarr_hdf5.create_array`."""
        self._check_writable()
        if self.hdf5 is not True:
            options.setdefault("hdf5", self.hdf5)
        return create_array_at(self.store, join(self.path, name), options)

    def create_group(
        self, name: str, *, attributes: Mapping[str, Any] | None = None, overwrite: bool = False
    ) -> "Group":
        """Create a group at `name` below this group, and the groups between."""
        self._check_writable()
        path = join(self.path, name)
        return create_group_at(self.store, path, attributes=attributes, overwrite=overwrite, hdf5=self.hdf5)

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
        wanted = _new_metadata(self.store, join(self.path, name), options)
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

    def _tree_node(self, name: str, depth: int) -> TreeNode:
        if not depth:
            return TreeNode(name, "groups further down are not drawn", ())
        children = []
        for child in self.keys():
            try:
                node = self[child]
            except UNREADABLE as error:
                children.append(TreeNode(child, f"unreadable: {error}", ()))
                continue
            if isinstance(node, Group):
                children.append(node._tree_node(child, depth - 1))
            else:
                children.append(TreeNode(child, f"{node.metadata.data_type.name} {node.shape}", ()))
        refused = self.store.refused(self.path) if isinstance(self.store, NodeStore) else ()
        children += [TreeNode(child, f"unreadable: {reason}", ()) for child, reason in refused]
        return TreeNode(name, "", tuple(children))

    def _check_writable(self) -> None:
        if self.read_only:
            raise ReadOnlyError(f"{self.store.url}{self.name} was opened for reading only")

    def _save_attributes(self, attributes: dict[str, Any]) -> None:
        metadata = GroupMetadata(attributes, self.metadata.extra)
        write_node(self.store, self.path, metadata)
        self.metadata = metadata
        MasterFollower(self.store).metadata_changed()


def open_node(store: Store, path: str, *, read_only: bool) -> Array | Group:
    """The array or group at `path`. Raises NotFoundError, InvalidMetadataError, UnsupportedFeatureError."""
    return wrap(store, path, read_node(store, path), read_only=read_only)


def wrap(store: Store, path: str, metadata: Metadata, *, read_only: bool) -> Array | Group:
    """The object for a node whose metadata is known."""
    if isinstance(metadata, ArrayMetadata):
        return Array(store, path, metadata, read_only=read_only, follower=MasterFollower(store))
    return Group(store, path, metadata, read_only=read_only)


def create_array_at(store: Store, path: str, options: ArrayOptions) -> Array:
    """Create an array, and groups for its ancestors; with the option `data`, write them."""
    path = normalize_path(path)
    data = options.get("data")
    if data is not None:
        # Once, and before anything is cleared: it may be read from there.
        data = options["data"] = asarray_of(data, options)
    metadata = _new_metadata(store, path, options)
    array = Array(store, path, metadata, read_only=False, follower=MasterFollower(store))
    if isinstance(array.hdf5, HDF5Side):
        array.hdf5.view.check()
    create = wants_master(store, options.get("hdf5", True))
    clear_node(store, path, overwrite=options.get("overwrite", False))
    require_parents(store, path)
    write_node(store, path, metadata)
    MasterFollower(store).metadata_changed(create=create)
    if data is not None:
        array[...] = data
    return array


def _new_metadata(store: Store, path: str, options: ArrayOptions) -> ArrayMetadata:
    """The metadata of a new array; in one file it is the file, not the shards, that has an HDF5 side."""
    if not isinstance(store, OneFileStore):
        return new_array_metadata(path, options)
    hdf5 = options.get("hdf5", True)
    metadata = with_hdf5(new_array_metadata(path, {**options, "hdf5": False}), path, hdf5)
    if hdf5 is not False:
        check_hdf5(metadata)
    return metadata


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
    create = wants_master(store, hdf5)
    clear_node(store, path, overwrite=overwrite)
    require_parents(store, path)
    metadata = GroupMetadata(dict(attributes or {}))
    write_node(store, path, metadata)
    MasterFollower(store).metadata_changed(create=create)
    return Group(store, path, metadata, read_only=False, hdf5=hdf5)
