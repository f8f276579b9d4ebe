"""Version 1 B-trees of chunks (node type 1), the chunk index of every HDF5 release.

Encodes a whole tree at once from sorted columns; decodes all of one level by level, or only what leads to a few chunks.
Knows no object header.
Source: HDF5 File Format Specification 3.0, III.A.1 "Disk Format: Level 1A1 - Version 1 B-trees".
"""

from functools import lru_cache
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.hdf5.chunk_extent import ChunkExtent, chunk_table
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.index_walk import FileSpace, Walk

__all__ = ["CHILDREN", "encode_btree_v1", "node_counts", "node_dtype", "walk_btree_v1"]

UNDEFINED = np.uint64(2**64 - 1)
STRUCTURE = "B-tree v1 node"
HEAD = Struct("<4sBBHQQ")
CHILDREN = 64
"""Children of a full node: 2K, where K is 32 unless a version 1 superblock says otherwise."""


@lru_cache(maxsize=64)
def node_dtype(rank: int, children: int = CHILDREN) -> np.dtype[Any]:
    """A node of a tree over chunks of `rank` dimensions."""
    key = np.dtype([("nbytes", "<u4"), ("filter_mask", "<u4"), ("offsets", "<u8", (rank + 1,))])
    slot = np.dtype([("key", key), ("child", "<u8")])
    head: list[Any] = [("signature", "S4"), ("type", "u1"), ("level", "u1"), ("entries", "<u2")]
    siblings: list[Any] = [("left", "<u8"), ("right", "<u8")]
    return np.dtype([*head, *siblings, ("slots", slot, (children,)), ("last_key", key)])


def node_counts(nchunks: int) -> list[int]:
    """Nodes of the tree that `encode_btree_v1` makes over `nchunks` chunks, level by level, leaves first."""
    counts = [-(-nchunks // CHILDREN)]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // CHILDREN))
    return counts


def encode_btree_v1(
    offsets: npt.NDArray[np.uint64],
    addresses: npt.NDArray[np.uint64],
    nbytes: npt.NDArray[np.uint64],
    chunk_shape: tuple[int, ...],
    address: int,
) -> tuple[bytes, int]:
    """A tree over `n` present chunks, to be placed at `address`.

    Parameters
    ----------
    offsets
        (n, rank) element offsets of the chunks, in C order.
    addresses, nbytes
        (n,) where each chunk lies and its stored bytes.
    chunk_shape
        Elements of a chunk.
    address
        Where the first byte of the result will lie.

    Returns
    -------
    tuple
        The nodes, leaves first, and the address of the root: the undefined address if there is no chunk.
    """
    rank = len(chunk_shape)
    node = node_dtype(rank)
    key_dtype = node["last_key"]
    if not len(addresses):
        return b"", int(UNDEFINED)
    keys = np.zeros(len(addresses) + 1, key_dtype)
    keys["nbytes"][:-1] = nbytes
    keys["offsets"][:-1, :rank] = offsets
    # The closing key only has to be greater than every chunk's.
    keys["offsets"][-1, :rank] = offsets[-1] + np.asarray(chunk_shape, "<u8")
    parts, children, level = [], addresses.astype("<u8"), 0
    while True:
        nodes = _encode_level(node, keys, children, level, address)
        parts.append(nodes.tobytes())
        children = address + np.arange(len(nodes), dtype="<u8") * np.uint64(node.itemsize)
        address += len(parts[-1])
        if len(nodes) == 1:
            return b"".join(parts), int(children[0])
        keys = np.concatenate([nodes["slots"]["key"][:, 0], keys[-1:]])
        level += 1


def _encode_level(
    node: np.dtype[Any], keys: npt.NDArray[Any], children: npt.NDArray[np.uint64], level: int, address: int
) -> npt.NDArray[Any]:
    """The nodes of one level: `keys` has one more entry than `children`."""
    n = len(children)
    count = -(-n // CHILDREN)
    nodes = np.zeros(count, node)
    nodes["signature"], nodes["type"], nodes["level"] = b"TREE", 1, level
    nodes["entries"] = CHILDREN
    nodes["entries"][-1] = n - CHILDREN * (count - 1)
    starts = np.uint64(address) + np.arange(count, dtype="<u8") * np.uint64(node.itemsize)
    nodes["left"][0], nodes["left"][1:] = UNDEFINED, starts[:-1]
    nodes["right"][-1], nodes["right"][:-1] = UNDEFINED, starts[1:]
    slots = np.zeros(count * CHILDREN, node["slots"].base)
    slots["key"][:n], slots["child"][:n] = keys[:-1], children
    if n < len(slots):
        slots["key"][n] = keys[-1]
    nodes["slots"] = slots.reshape(count, CHILDREN)
    nodes["last_key"][:-1] = nodes["slots"]["key"][1:, 0]
    if n == len(slots):
        nodes["last_key"][-1] = keys[-1]
    return nodes


def walk_btree_v1(
    space: FileSpace, address: int, extent: ChunkExtent, wanted: list[tuple[int, ...]] | None = None
) -> Walk[ChunkTable]:
    """The chunks in the tree whose root is at `address`.

    Parameters
    ----------
    wanted
        Coordinates of the only chunks to look for; None: all.

    Raises
    ------
    CorruptDataError
    """
    if wanted is not None:
        return (yield from _walk_wanted(space, address, extent, wanted))
    node = node_dtype(extent.rank, 2 * space.indexed_storage_k)
    addresses, level = np.array([address], "<u8"), None
    while True:
        buffers = yield space.spans(addresses, node.itemsize, STRUCTURE)
        nodes = np.frombuffer(b"".join(map(byte_view, buffers)), node)
        level = _check_nodes(nodes, level, address)
        used = np.arange(2 * space.indexed_storage_k) < nodes["entries"][:, None]
        addresses = nodes["slots"]["child"][used]
        if level == 0 or not len(addresses):
            return _leaf_table(space, extent, nodes["slots"]["key"][used], addresses)


def _check_nodes(nodes: npt.NDArray[Any], above: int | None, address: int) -> int:
    """The level of these nodes, whose parents are at level `above`."""
    level = int(nodes["level"][0])
    right = (nodes["signature"] == b"TREE") & (nodes["type"] == 1) & (nodes["level"] == level)
    right &= nodes["entries"] <= nodes["slots"].shape[1]
    if not right.all() or (above is not None and level != above - 1):
        raise CorruptDataError("not a B-tree of chunks, at least in part", structure=STRUCTURE, offset=address)
    return level


def _leaf_table(
    space: FileSpace, extent: ChunkExtent, keys: npt.NDArray[Any], addresses: npt.NDArray[np.uint64]
) -> ChunkTable:
    origins = keys["offsets"][:, : extent.rank]
    coords = origins // np.asarray(extent.chunk_shape, "<u8")
    if (origins >= np.asarray(extent.shape, "<u8")).any():
        raise CorruptDataError("a chunk lies outside the dataset", structure=STRUCTURE)
    if (coords * np.asarray(extent.chunk_shape, "<u8") != origins).any():
        raise CorruptDataError("a chunk begins within another", structure=STRUCTURE)
    return chunk_table(space, extent, coords.astype(np.int64), addresses, keys["nbytes"], keys["filter_mask"])


def _walk_wanted(
    space: FileSpace, address: int, extent: ChunkExtent, wanted: list[tuple[int, ...]]
) -> Walk[ChunkTable]:
    """Down from node to node, with the few chunks that each may hold."""
    slot = Struct(f"<II{extent.rank + 1}QQ")
    nbytes = HEAD.size + slot.size * 2 * space.indexed_storage_k + slot.size - 8
    origins = {tuple(c * n for c, n in zip(chunk, extent.chunk_shape, strict=True)): chunk for chunk in wanted}
    frontier, level = {address: list(origins)}, -1
    found: list[tuple[int, ...]] = []
    while frontier:
        buffers = yield [space.span(at, nbytes, STRUCTURE) for at in frontier]
        below: dict[int, list[tuple[int, ...]]] = {}
        above = level
        for (at, looked_for), buffer in zip(frontier.items(), buffers, strict=True):
            data = byte_view(buffer)
            level, entries = _node_head(data, space.indexed_storage_k, above, at)
            for origin in looked_for:
                last = _last_up_to(origin, data, slot, entries)
                if last is not None and level:
                    below.setdefault(last[-1], []).append(origin)
                elif last is not None and last[2:-2] == origin:
                    found.append((*last[:2], last[-1], *origins[origin]))
        frontier = below
    rows = np.array(found, "<u8").reshape(len(found), 3 + extent.rank)
    nbytes_of, masks, addresses = rows.T[:3]
    return chunk_table(space, extent, rows[:, 3:].astype(np.int64), addresses, nbytes_of, masks.astype(np.uint32))


def _last_up_to(origin: tuple[int, ...], data: memoryview, slot: Struct, entries: int) -> tuple[int, ...] | None:
    """The last key of a node that is not past `origin`, with its child; only keys that are compared are unpacked."""
    low, high, last = 0, entries, None
    while low < high:
        middle = (low + high) // 2
        found = slot.unpack_from(data, HEAD.size + middle * slot.size)
        if found[2:-2] <= origin:
            low, last = middle + 1, found
        else:
            high = middle
    return last


def _node_head(data: memoryview, k: int, above: int, address: int) -> tuple[int, int]:
    """Level and number of children of a node whose parent is at level `above` (-1: none)."""
    signature, kind, level, entries, _, _ = HEAD.unpack_from(data)
    if signature != b"TREE" or kind != 1 or entries > 2 * k or above not in (-1, level + 1):
        raise CorruptDataError("not a B-tree of chunks, at least in part", structure=STRUCTURE, offset=address)
    return level, entries
