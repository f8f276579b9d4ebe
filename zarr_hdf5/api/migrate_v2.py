"""`migrate_v2`: documents of Zarr v3 beside those of v2, for the same chunks."""

from collections.abc import Iterator
from dataclasses import dataclass

from zarr_hdf5.api.locate import URL, store_at
from zarr_hdf5.array.compose import with_resolved_codecs
from zarr_hdf5.data_type import packed
from zarr_hdf5.errors import NotFoundError, ReadOnlyError, UnsupportedFeatureError
from zarr_hdf5.hierarchy import (
    UNREADABLE,
    V2_DOCUMENTS,
    Metadata,
    document_key,
    join,
    prefix_of,
    write_node,
)
from zarr_hdf5.master.file import MasterFollower
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.stores.protocol import Store
from zarr_hdf5.v2.hierarchy import ATTRIBUTES, CONSOLIDATED, V2Hierarchy

__all__ = ["Migration", "migrate_v2"]


@dataclass(frozen=True, slots=True)
class Migration:
    """What `migrate_v2` did, or with `dry_run` would do.

    url
        The hierarchy or array.
    migrated
        Paths of the nodes that got a `zarr.json`.
    kept
        Paths of those that had one already.
    refused
        Paths of what v3 cannot say or this library cannot read, and why.
    """

    url: str
    migrated: tuple[str, ...]
    kept: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def migrate_v2(url: URL, *, dry_run: bool = False, remove_v2: bool = False) -> Migration:
    """Write a `zarr.json` for each array and group of the Zarr v2 hierarchy at `url`; chunks stay as they are.

    From then on it is v3 to all who know v3. Nodes come before the groups that hold them, so if it is interrupted, the
    hierarchy is still v2, and another call does the rest. The documents of v2 stay for those who know only v2, but say
    nothing of what is changed in v3 later. Consolidated metadata are not looked at, and not written.

    Parameters
    ----------
    url
        A directory, or a bucket, or a store; not a ZIP file.
    dry_run
        Only find out what would be done.
    remove_v2
        When all of v3 is there, delete the documents of v2.

    Raises
    ------
    NotFoundError
        If there is no Zarr v2.
    UnsupportedFeatureError
        If any node cannot be migrated; nothing was written then. `dry_run` tells which in its result instead.
    ReadOnlyError
        If it may not be written.
    """
    store = store_at(url, read_only=dry_run)
    if store.read_only and not dry_run:
        raise ReadOnlyError(f"{store.url} can only be read; convert copies it")
    nodes: list[tuple[str, Metadata]] = []
    refused: list[tuple[str, str]] = []
    for path, node in _walk(store):
        if isinstance(node, str):
            refused.append((path, node))
        else:
            nodes.append((path, node))
    if refused and not dry_run:
        reasons = "; ".join(f"{path or '/'}: {why}" for path, why in refused)
        raise UnsupportedFeatureError(f"{store.url}: nothing was migrated, because not all can be: {reasons}")
    nodes.reverse()
    kept = [path for path, _ in nodes if store.exists(document_key(path))]
    new = [(path, metadata) for path, metadata in nodes if path not in set(kept)]
    if not dry_run:
        for path, metadata in new:
            write_node(store, path, metadata)
        if new:
            MasterFollower(store).metadata_changed()
        for path, _ in nodes if remove_v2 else ():
            for name in (CONSOLIDATED, ATTRIBUTES, *V2_DOCUMENTS):
                store.delete(prefix_of(path) + name)
    return Migration(store.url, tuple(path for path, _ in new), tuple(kept), tuple(refused))


def _walk(store: Store) -> Iterator[tuple[str, Metadata | str]]:
    """All v2 nodes, groups before what they hold, as v3 has them; or why it cannot."""
    v2 = V2Hierarchy(store)
    todo = [""]
    while todo:
        path = todo.pop()
        try:
            node = v2.node(path)
            yield path, _complete(node) if isinstance(node, ArrayMetadata) else node
            todo += [join(path, name) for name in (v2.child_names(path) if isinstance(node, GroupMetadata) else ())]
        except NotFoundError:
            raise
        except UNREADABLE as error:
            yield path, str(error)


def _complete(metadata: ArrayMetadata) -> ArrayMetadata:
    """The metadata with all that v3 wants to have said. Raises UnsupportedFeatureError where it cannot be said."""
    dtype = metadata.data_type.dtype
    if dtype.names is not None and dtype != packed(dtype):
        raise UnsupportedFeatureError("structures with numbers of both byte orders are not in Zarr v3")
    return with_resolved_codecs(metadata)
