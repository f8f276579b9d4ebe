"""New contents for a few chunks of a shard that is an HDF5 file: what to append to it, and what to overwrite then.

[ the shard as it was ] [ new chunks ] [ new parts of the HDF5 index ] [ Zarr index ]

Old chunks stay where they are. What is written, in this order: all that is appended; a Zarr index that lies in a user
block; entries of the HDF5 index; the header with the new end of the file. Until then the header says that this was not
finished: HDF5 refuses what lies behind the old end, and the next update writes the shard whole. So does the update of a
shard that others have changed, or of which too much would be waste.

Where the array has grown, the new header says so, too; if it needs more room than the old one had, the shard is written
whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.shard_index import ShardIndex
from zarr_hdf5.codecs.shard_layout import ShardLayout
from zarr_hdf5.hdf5.chunk_index import chunk_index_nbytes
from zarr_hdf5.hdf5.index_edit import walk_to_edit
from zarr_hdf5.hdf5.index_walk import FileSpace, Walk
from zarr_hdf5.shard.hdf5_view import HDF5View
from zarr_hdf5.shard.source import ShardTable

__all__ = ["ShardPatch", "max_patched", "walk_to_patch"]

MAX_PART = 4
"""A shard of which more than one in so many chunks are replaced is written whole; what is new leaves no waste."""
MAX_GROWTH = 2
"""A shard is not patched to more than this many times the length it would have if written whole."""


@dataclass(frozen=True, slots=True, eq=False)
class ShardPatch:
    """What to write, in steps (see `stores.protocol.Patch`); the rest is what a `ShardTable` will say then."""

    steps: list[tuple[int, list[Buffer]]]
    size: int
    index: ShardIndex
    hdf5_index: int | None


def max_patched(layout: ShardLayout) -> int:
    """Most chunks of a shard that are worth to be replaced by a patch.

    0 where a Zarr index that is only half written would not be noticed, and for shards of shards, which have several.
    """
    codecs = layout.levels[0].chain.chain.bytes_bytes
    checked = any(codec.name == "crc32c" for codec in codecs)
    return layout.nchunks // MAX_PART if checked and len(layout.levels) == 1 else 0


def walk_to_patch(
    view: HDF5View, shard_coords: tuple[int, ...], table: ShardTable, chunks: Mapping[int, Buffer | None]
) -> Walk[ShardPatch | None]:
    """How the shard that `table` is the index of gets these encoded chunks (by number; None: absent).

    None where the shard has to be written whole.

    Raises
    ------
    CorruptDataError, UnsupportedFeatureError
        The same, where the HDF5 index is not as expected, or not of a type that can be edited.
    """
    gone = [number for number, chunk in chunks.items() if chunk is None]
    if (table.index.offsets[gone] >= 0).any():
        return None
    new = {number: byte_view(chunk) for number, chunk in chunks.items() if chunk is not None}
    address = table.hdf5_index
    if not new and (address is not None or view.before is None):
        return ShardPatch([], table.size, table.index, address)
    template, base = view.template(shard_coords), view.base_address
    space, index_type = FileSpace(base, table.size), template.layout.index_type
    if address is None:
        address = yield from _walk_to_header(view, shard_coords, space)
        if address is None:
            return None
        if not new:
            header = view.header(shard_coords, table.size, address)
            return ShardPatch([(base, [header])], table.size, table.index, address)
    index, end = _placed(table, new)
    before = view.stored_chunks(table.index.offsets, table.index.nbytes)
    after = view.stored_chunks(index.offsets, index.nbytes)
    edit = yield from walk_to_edit(space, index_type, address, before, after, end - base)
    zarr_index = byte_view(view.flat.layout.levels[0].encode(index))
    appended = [*new.values(), byte_view(edit.data), *([] if base else [zarr_index])]
    size = table.size + sum(map(len, appended))
    least = base + len(template.image) + chunk_index_nbytes(index_type, after) + (0 if base else len(zarr_index))
    if size > MAX_GROWTH * (least + int(np.maximum(index.nbytes, 0).sum())):
        return None
    steps: list[tuple[int, list[Buffer]]] = [(table.size, [*appended])]
    steps += [(0, [zarr_index])] if base else []
    steps += [(base + edit.address, [edit.changed])] if edit.changed else []
    steps += [(base, [view.header(shard_coords, size, edit.index_address)])]
    return ShardPatch(steps, size, index, edit.index_address)


def _walk_to_header(view: HDF5View, shard_coords: tuple[int, ...], space: FileSpace) -> Walk[int | None]:
    """Where the HDF5 index is; None unless the header is the one to be, or one of before that it can be put over."""
    for writer in (view, view.before):
        if writer is None or not _has_room(writer, view, shard_coords):
            continue
        template = writer.template(shard_coords)
        (found,) = yield [space.span(0, len(template.image), "HDF5 header")]
        address = template.index_address(found)
        if byte_view(found) == writer.header(shard_coords, space.nbytes, address):
            return address
    return None


def _has_room(old: HDF5View, new: HDF5View, shard_coords: tuple[int, ...]) -> bool:
    """Whether a header that `new` makes can take the place of one of `old`, with the same index."""
    if old is new:
        return True
    if min(old.grid.objects.clipped_shape(shard_coords)) < 1:
        return False
    before, after = old.template(shard_coords), new.template(shard_coords)
    same_index = before.layout.index_type is after.layout.index_type
    return same_index and old.base_address == new.base_address and len(after.image) <= len(before.image)


def _placed(table: ShardTable, new: Mapping[int, "memoryview[int]"]) -> tuple[ShardIndex, int]:
    """The Zarr index with the new chunks behind the end of the shard, and where they end."""
    offsets, nbytes = table.index.offsets.copy(), table.index.nbytes.copy()
    end = table.size
    for number, chunk in new.items():
        offsets[number], nbytes[number] = end, len(chunk)
        end += len(chunk)
    return ShardIndex(offsets, nbytes), end
