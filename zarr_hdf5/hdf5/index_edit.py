"""Changes to a chunk index that `encode_chunk_index` made: what to append to the file, what to overwrite after that.

In a B-tree version 1, slots of leaves get other children; where chunks are new, another tree takes the place of the
old. A Fixed Array's header gets the address of another data block. So a reader finds either the old entries or the new
ones, but for the moment in which a few neighbouring bytes are overwritten.
Source: HDF5 File Format Specification 3.0, III.A.1 "Version 1 B-trees" and VII.C "The Fixed Array Index".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.btree_v1 import CHILDREN, node_counts, node_dtype
from zarr_hdf5.hdf5.chunk_index import UNDEFINED_ADDRESS, StoredChunks, encode_chunk_index
from zarr_hdf5.hdf5.data_layout import ChunkIndexType
from zarr_hdf5.hdf5.fixed_array import HEADER_NBYTES, fixed_array_block, fixed_array_header
from zarr_hdf5.hdf5.index_walk import FileSpace, Walk

__all__ = ["IndexEdit", "walk_to_edit"]

BLOCK_FIELD = 16
"""Where in a Fixed Array's header the address of the data block begins; the checksum follows, and nothing else."""


@dataclass(frozen=True, slots=True)
class IndexEdit:
    """What to do to an index.

    data
        To be appended first.
    index_address
        What the layout message must say then.
    address, changed
        Where to overwrite it last, and with what.
    """

    data: bytes
    index_address: int
    address: int = 0
    changed: bytes = b""


def walk_to_edit(
    space: FileSpace,
    index_type: ChunkIndexType,
    index_address: int,
    before: StoredChunks,
    after: StoredChunks,
    address: int,
) -> Walk[IndexEdit]:
    """How to make the index of `before`, which is at `index_address`, one of `after`.

    Parameters
    ----------
    before, after
        Differ in at least one chunk; no chunk of `before` is absent in `after`.
    address
        Where the first of the appended bytes will lie.

    Raises
    ------
    CorruptDataError
        If this is no index of `before`.
    UnsupportedFeatureError
        If an index of this type cannot be edited.
    """
    if index_type is ChunkIndexType.FIXED_ARRAY:
        return (yield from _edit_fixed_array(space, index_address, before, after, address))
    if index_type is not ChunkIndexType.BTREE_V1:
        raise UnsupportedFeatureError(f"editing a chunk index of type {index_type.name}")
    present = before.addresses != np.uint64(UNDEFINED_ADDRESS)
    (numbers,) = (before.addresses != after.addresses).nonzero()
    if not present[numbers].all():
        index = encode_chunk_index(index_type, after, address)
        return IndexEdit(index.data, index.address)
    return (yield from _edit_btree(space, index_address, before, after, present, numbers))


def _edit_btree(
    space: FileSpace,
    root: int,
    before: StoredChunks,
    after: StoredChunks,
    present: npt.NDArray[np.bool_],
    numbers: npt.NDArray[np.intp],
) -> Walk[IndexEdit]:
    """Other children and sizes in the slots of the chunks `numbers`, all of them `present`."""
    places = np.array([np.count_nonzero(present[:number]) for number in numbers.tolist()])
    leaf, slot = np.divmod(places, CHILDREN)
    first, last = int(leaf[0]), int(leaf[-1])
    node = node_dtype(len(before.chunk_shape))
    # The leaves are the first nodes of a tree, the root is the last.
    address = root - (sum(node_counts(int(np.count_nonzero(present)))) - 1 - first) * node.itemsize
    if address < 0:
        raise CorruptDataError("leaves before the first byte", structure="B-tree leaves", offset=address)
    span = space.span(address, (last - first + 1) * node.itemsize, "B-tree leaves")
    (found,) = yield [span]
    leaves = np.frombuffer(bytearray(byte_view(found)), node)
    where = leaf - first, slot
    old, new = _slots(before, numbers), _slots(after, numbers)
    if leaves["slots"][where].tobytes() != old.tobytes() or leaves["level"].any():
        raise CorruptDataError("not the chunk index that was expected", structure="B-tree leaves", offset=span.offset)
    # Copies of these keys, in nodes above and at the end of the leaf before, are only ever compared by their offsets.
    leaves["slots"][where] = new
    return IndexEdit(b"", root, address, leaves.tobytes())


def _slots(chunks: StoredChunks, numbers: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """The slots that a leaf has for these chunks."""
    rank = len(chunks.chunk_shape)
    slots = np.zeros(len(numbers), node_dtype(rank)["slots"].base)
    slots["child"] = chunks.addresses[numbers]
    slots["key"]["nbytes"] = chunks.nbytes[numbers]
    for axis, coords in enumerate(np.unravel_index(numbers, chunks.grid_shape)):
        slots["key"]["offsets"][:, axis] = coords * chunks.chunk_shape[axis]
    return slots


def _edit_fixed_array(
    space: FileSpace, index_address: int, before: StoredChunks, after: StoredChunks, address: int
) -> Walk[IndexEdit]:
    """Another data block, and its address in the header."""
    span = space.span(index_address, HEADER_NBYTES, "fixed array header")
    (found,) = yield [span]
    header = bytes(byte_view(found))
    count, chunk_nbytes = len(before.addresses), before.chunk_nbytes
    old_block = int.from_bytes(header[BLOCK_FIELD : BLOCK_FIELD + 8], "little")
    if header != fixed_array_header(count, before.filtered, chunk_nbytes, old_block):
        raise CorruptDataError(
            "not the chunk index that was expected", structure="fixed array header", offset=span.offset
        )
    sizes = after.nbytes if after.filtered else None
    block = fixed_array_block(after.addresses, sizes, chunk_nbytes, index_address)
    header = fixed_array_header(count, after.filtered, chunk_nbytes, address)
    return IndexEdit(block, index_address, index_address + BLOCK_FIELD, header[BLOCK_FIELD:])
