"""Version 1 B-trees of chunks (node type 1), the chunk index of every HDF5 release.

Encodes a whole tree at once from sorted columns. Knows no object header.
Source: HDF5 File Format Specification 3.0, III.A.1 "Disk Format: Level 1A1 - Version 1 B-trees".
"""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["encode_btree_v1"]

UNDEFINED = np.uint64(2**64 - 1)
CHILDREN = 64
"""Children of a full node: 2K, where K is 32 unless a version 1 superblock says otherwise."""


def _node_dtype(rank: int) -> np.dtype[Any]:
    key = np.dtype([("nbytes", "<u4"), ("filter_mask", "<u4"), ("offsets", "<u8", (rank + 1,))])
    slot = np.dtype([("key", key), ("child", "<u8")])
    head: list[Any] = [("signature", "S4"), ("type", "u1"), ("level", "u1"), ("entries", "<u2")]
    siblings: list[Any] = [("left", "<u8"), ("right", "<u8")]
    return np.dtype([*head, *siblings, ("slots", slot, (CHILDREN,)), ("last_key", key)])


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
    node = _node_dtype(rank)
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
