"""The HDF5 file that a shard is: header in front, chunk index and Zarr index behind the chunks.

[ superblock, root group, dataset header ]  written by libhdf5, once for each clipped shape
[ encoded inner chunks ]
[ HDF5 chunk index ]                        B-tree version 1 or Fixed Array
[ Zarr shard index ]                        the last bytes; with index_location "start", a user block in front
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_source import ObjectGrid
from zarr_hdf5.codecs.sharding_indexed import FlatShard
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.chunk_index import StoredChunks, encode_chunk_index
from zarr_hdf5.hdf5.template import AttributeValue, DatasetSpec, Template, write_template
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.twin.filters import ChainTwin

__all__ = ["COORDS_ATTRIBUTE", "JSON_ATTRIBUTE", "ORDER_ATTRIBUTE", "HDF5View"]

JSON_ATTRIBUTE = "_zarr_json"
COORDS_ATTRIBUTE = "_zarr_shard_coords"
ORDER_ATTRIBUTE = "_zarr_dimension_order"
MAX_RANK = 32
MAX_CHUNK_NBYTES = 2**32 - 1


@dataclass(slots=True)
class HDF5View:
    """Makes shards of one array into HDF5 files.

    grid
        Shards and chunks, in the order of dimensions in which they are stored.
    order
        Axis i of the stored array is axis order[i] of the Zarr array (codecs `transpose` before the sharding).
    twin
        The inner chunks as HDF5 sees them.
    zarr_json, attributes, dimension_names
        The array's metadata document, and what of it HDF5 can say in its own terms.
    """

    options: HDF5
    grid: ObjectGrid
    order: tuple[int, ...]
    flat: FlatShard
    twin: ChainTwin
    zarr_json: str
    attributes: tuple[tuple[str, AttributeValue], ...]
    dimension_names: tuple[str | None, ...] | None
    _templates: dict[tuple[int, ...], Template] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """Raise UnsupportedFeatureError if HDF5 cannot hold the shards of this array, before the first is written."""
        rank = len(self.grid.shape)
        if not 1 <= rank <= MAX_RANK:
            raise UnsupportedFeatureError(f"the HDF5 view needs 1 to {MAX_RANK} dimensions, not {rank}")
        nbytes = int(np.prod(self.grid.chunk_shape, dtype=object)) * self.twin.dtype.itemsize
        if nbytes > MAX_CHUNK_NBYTES:
            raise UnsupportedFeatureError(f"an HDF5 chunk has less than 4 GiB; this inner chunk has {nbytes} bytes")
        self._template(self.grid.object_shape)

    def wrap(self, shard_coords: tuple[int, ...], chunks: Sequence[Buffer | None]) -> list[Buffer]:
        """The parts of the file that holds these encoded chunks (by number) at `shard_coords` (stored order)."""
        template = self._template(self.grid.objects.clipped_shape(shard_coords))
        layout, top = self.flat.layout, self.flat.layout.levels[0]
        base = _user_block_nbytes(top.nbytes) if top.location == "start" else 0
        placed = layout.place(chunks, base + len(template.image))
        stored = self._stored_chunks(placed.offsets, placed.nbytes, base)
        index = encode_chunk_index(template.layout.index_type, stored, placed.end - base)
        zarr_index = top.encode(placed.top)
        behind = [index.data] if base else [index.data, zarr_index]
        header = template.fill_in(
            end_of_file=placed.end + len(index.data) + (0 if base else top.nbytes),
            index_address=index.address,
            variable=self.array_coords(shard_coords),
            page_bits=index.page_bits,
            single_chunk=index.single_chunk,
        )
        front: list[Buffer] = [zarr_index, bytes(base - top.nbytes), header] if base else [header]
        return [*front, *placed.parts, *behind]

    def array_coords(self, shard_coords: tuple[int, ...]) -> tuple[int, ...]:
        """The shard's place in the Zarr array's own order of dimensions."""
        coords = [0] * len(shard_coords)
        for i, axis in enumerate(self.order):
            coords[axis] = shard_coords[i]
        return tuple(coords)

    def dataset_order(self) -> tuple[int, ...]:
        """Axis i of the HDF5 dataset is this axis of the Zarr array."""
        return tuple(self.order[axis] for axis in self.twin.order)

    def _stored_chunks(self, offsets: npt.NDArray[np.int64], nbytes: npt.NDArray[np.int64], base: int) -> StoredChunks:
        """The placed chunks as the HDF5 dataset counts them: C order of its own dimensions, checksums cut off."""
        twin, layout = self.twin, self.flat.layout
        numbers = layout.numbers(layout.all_coords()).reshape(layout.chunks_per_shard).transpose(twin.order).ravel()
        present = offsets[numbers] >= 0
        addresses = np.where(present, offsets[numbers] + (twin.skip_front - base), -1)
        sizes = np.where(present, nbytes[numbers] - (twin.skip_front + twin.skip_back), 0)
        return StoredChunks(
            grid_shape=_permute(layout.chunks_per_shard, twin.order),
            chunk_shape=_permute(layout.chunk_shape, twin.order),
            chunk_nbytes=int(np.prod(layout.chunk_shape)) * twin.dtype.itemsize,
            addresses=addresses.astype("<i8").view("<u8"),
            nbytes=sizes.astype("<u8"),
            filtered=bool(twin.filters),
        )

    def _template(self, shape: tuple[int, ...]) -> Template:
        with self._lock:
            template = self._templates.get(shape)
            if template is None:
                template = self._templates[shape] = write_template(self._spec(shape))
            return template

    def _spec(self, shape: tuple[int, ...]) -> DatasetSpec:
        twin, order = self.twin, self.dataset_order()
        fill_value: Any = self.flat.chain.spec.fill_value  # a scalar: elements of variable length have no twin
        attributes: list[tuple[str, Any]] = [*self.attributes, (JSON_ATTRIBUTE, self.zarr_json)]
        if order != tuple(range(len(order))):
            attributes.append((ORDER_ATTRIBUTE, np.asarray(order, "<i8")))
        names = self.dimension_names
        top = self.flat.layout.levels[0]
        return DatasetSpec(
            path=self.options.path,
            shape=_permute(shape, twin.order),
            maxshape=_permute(self.grid.object_shape, twin.order),
            chunk_shape=_permute(self.grid.chunk_shape, twin.order),
            dtype=twin.dtype,
            fill_value=fill_value,
            filters=twin.filters,
            attributes=tuple(attributes),
            variable=(COORDS_ATTRIBUTE, len(order)),
            dimension_labels=None if names is None else tuple(names[axis] or "" for axis in order),
            libver=self.options.libver,
            user_block_nbytes=_user_block_nbytes(top.nbytes) if top.location == "start" else 0,
        )


def _permute(values: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(values[axis] for axis in order)


def _user_block_nbytes(index_nbytes: int) -> int:
    """The smallest user block that holds the Zarr index: 512 bytes or a power of two above it."""
    return max(512, 1 << (index_nbytes - 1).bit_length())
