"""Version 2 B-trees of chunks (record types 10 and 11): the chunk index of datasets that grow along several dimensions.

Decodes all of a tree level by level, or only what leads to a few chunks. Writes none.
Source: HDF5 File Format Specification 3.0, III.A.2 "Disk Format: Level 1A2 - Version 2 B-trees".
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

import numpy as np

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.errors import CorruptDataError
from zarr_hdf5.hdf5.chunk_extent import ChunkExtent, chunk_table, raw_columns, wide
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.index_walk import UNDEFINED_ADDRESS, FileSpace, Walk, check_sum

__all__ = ["walk_btree_v2"]

HEADER = Struct("<4sBBIHHBBQHQI")
PREFIX_NBYTES = 6
"""Signature, version and type of a node."""
OVERHEAD_NBYTES = 10
"""The same and the checksum."""
MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree's header.

    max_records
        Of a node at each level; leaves first.
    count_nbytes, total_nbytes
        Widths of the two counts in the pointer to a child at each level: its own records, and those of all below it.
    """

    node_nbytes: int
    record_nbytes: int
    depth: int
    root: int
    root_records: int
    max_records: tuple[int, ...]
    count_nbytes: int
    total_nbytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A node to be read: its records, and the chunks to look for in and below it (None: all)."""

    address: int
    nrecords: int
    wanted: list[tuple[int, ...]] | None


def walk_btree_v2(
    space: FileSpace, address: int, extent: ChunkExtent, wanted: list[tuple[int, ...]] | None = None
) -> Walk[ChunkTable]:
    """The chunks in the tree whose header is at `address`; only those at `wanted`, if given, and their neighbours.

    Raises
    ------
    ChecksumError, CorruptDataError
    """
    (buffer,) = yield [space.span(address, HEADER.size, "B-tree v2 header")]
    tree = _tree(byte_view(buffer), extent, space.base_address + address)
    nodes = [Node(tree.root, tree.root_records, wanted)] if tree.root_records else []
    records: list[memoryview] = []
    for level in range(tree.depth, -1, -1):
        addresses = np.array([node.address for node in nodes], "<u8")
        buffers = yield space.spans(addresses, tree.node_nbytes, "B-tree v2 node")
        below: list[Node] = []
        for node, buffer in zip(nodes, buffers, strict=True):
            data = _checked_node(tree, node, level, byte_view(buffer), extent)
            records.append(data[PREFIX_NBYTES : PREFIX_NBYTES + node.nrecords * tree.record_nbytes])
            if level:
                below += _children(tree, node, level, data, extent.rank)
        nodes = below
    return _table(space, tree, extent, b"".join(records))


def _tree(data: memoryview, extent: ChunkExtent, offset: int) -> Tree:
    check_sum(data, "B-tree v2 header", offset)
    signature, version, kind, node_nbytes, record_nbytes, depth, _, _, root, root_records, _, _ = HEADER.unpack(data)
    bare_nbytes = 8 + 8 * extent.rank
    size_nbytes = record_nbytes - bare_nbytes - 4 if extent.nfilters else 0
    if (signature, version, kind) != (b"BTHD", 0, 11 if extent.nfilters else 10):
        raise CorruptDataError("not a B-tree of chunks", structure="B-tree v2 header", offset=offset)
    if not (1 <= size_nbytes <= 8 if extent.nfilters else record_nbytes == bare_nbytes) or depth > MAX_DEPTH:
        raise CorruptDataError("records of another size, or too deep", structure="B-tree v2 header", offset=offset)
    most = [max(0, node_nbytes - OVERHEAD_NBYTES) // record_nbytes]
    count_nbytes = _width(most[0])
    totals, widths = [most[0]], [0]
    for _ in range(depth):
        pointer = 8 + count_nbytes + widths[-1]
        most.append(max(0, node_nbytes - OVERHEAD_NBYTES - pointer) // (record_nbytes + pointer))
        totals.append((most[-1] + 1) * totals[-1] + most[-1])
        widths.append(_width(totals[-1]))
    if 0 in most or totals[-1] >= 1 << 64 or root_records > most[-1] or (root_records and root == UNDEFINED_ADDRESS):
        raise CorruptDataError("nodes of an impossible size", structure="B-tree v2 header", offset=offset)
    return Tree(node_nbytes, record_nbytes, depth, root, root_records, tuple(most), count_nbytes, tuple(widths))


def _width(limit: int) -> int:
    """Bytes of a count that may be `limit`."""
    return max(1, (limit.bit_length() + 7) // 8)


def _checked_node(tree: Tree, node: Node, level: int, data: memoryview, extent: ChunkExtent) -> memoryview:
    """The part of a node that is in use, checksum included."""
    used = PREFIX_NBYTES + node.nrecords * tree.record_nbytes + 4
    if level:
        used += (node.nrecords + 1) * (8 + tree.count_nbytes + tree.total_nbytes[level - 1])
    head = (b"BTIN" if level else b"BTLF") + bytes([0, 11 if extent.nfilters else 10])
    if bytes(data[:PREFIX_NBYTES]) != head:
        raise CorruptDataError("not a node of this tree", structure="B-tree v2 node", offset=node.address)
    check_sum(data[:used], "B-tree v2 node", node.address)
    return data[:used]


def _children(tree: Tree, node: Node, level: int, data: memoryview, rank: int) -> Iterator[Node]:
    """The children of an internal node that may hold what is wanted."""
    width = 8 + tree.count_nbytes + tree.total_nbytes[level - 1]
    start = PREFIX_NBYTES + node.nrecords * tree.record_nbytes
    below: dict[int, list[tuple[int, ...]]] = {}
    if node.wanted is not None:
        scaled = Struct(f"<{rank}Q")
        ends = range(PREFIX_NBYTES + tree.record_nbytes, start + 1, tree.record_nbytes)
        keys = [scaled.unpack_from(data, end - scaled.size) for end in ends]
        for chunk in node.wanted:
            i = bisect_left(keys, chunk)
            if i == len(keys) or keys[i] != chunk:
                below.setdefault(i, []).append(chunk)
    for i in range(node.nrecords + 1) if node.wanted is None else below:
        at = start + i * width
        address = int.from_bytes(data[at : at + 8], "little")
        nrecords = int.from_bytes(data[at + 8 : at + 8 + tree.count_nbytes], "little")
        if nrecords > tree.max_records[level - 1]:
            raise CorruptDataError("a child of too many records", structure="B-tree v2 node", offset=node.address)
        yield Node(address, nrecords, None if node.wanted is None else below[i])


def _table(space: FileSpace, tree: Tree, extent: ChunkExtent, records: bytes) -> ChunkTable:
    width = tree.record_nbytes - 12 - 8 * extent.rank
    sizes = [("nbytes", "u1", (width,)), ("mask", "<u4")] if extent.nfilters else []
    rows = np.frombuffer(records, np.dtype([("address", "<u8"), *sizes, ("coords", "<u8", (extent.rank,))]))
    nbytes, masks = raw_columns(len(rows), extent)
    if extent.nfilters:
        nbytes, masks = wide(rows["nbytes"]), rows["mask"]
    if (rows["coords"] >= np.asarray(extent.grid_shape, "<u8")).any():
        raise CorruptDataError("a chunk lies outside the dataset", structure="B-tree v2 node")
    return chunk_table(space, extent, rows["coords"].astype(np.int64), rows["address"], nbytes, masks)
