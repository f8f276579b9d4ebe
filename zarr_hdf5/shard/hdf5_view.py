"""The HDF5 file that a shard is: header in front, chunk index and Zarr index behind the chunks.

[ superblock, root group, dataset header ]  written by libhdf5, once for each clipped shape
[ encoded inner chunks ]
[ HDF5 chunk index ]                        B-tree version 1 or Fixed Array
[ Zarr shard index ]                        the last bytes; with index_location "start", a user block in front
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_source import ObjectGrid
from zarr_hdf5.codecs.shard_layout import PlacedChunks
from zarr_hdf5.codecs.sharding_indexed import FlatShard
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.chunk_index import StoredChunks, chunk_index_page_bits, encode_chunk_index
from zarr_hdf5.hdf5.template import DatasetSpec, Template, write_template
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.twin.attributes import hdf5_attributes
from zarr_hdf5.twin.filters import ChainTwin

__all__ = ["COORDS_ATTRIBUTE", "JSON_ATTRIBUTE", "ORDER_ATTRIBUTE", "HDF5View"]

JSON_ATTRIBUTE = "_zarr_json"
COORDS_ATTRIBUTE = "_zarr_shard_coords"
ORDER_ATTRIBUTE = "_zarr_dimension_order"
MAX_RANK = 32
MAX_CHUNK_NBYTES = 2**32 - 1
KEPT_DOCUMENTS = 64
KEPT_LENGTH = 16 << 10
"""Characters of metadata whose headers, which contain them, outlive their array."""

Templates = dict[tuple[int, ...], Template]
"""Headers of shards, by what of them lies in the array."""


@dataclass(slots=True)
class HDF5View:
    """Makes shards of one array into HDF5 files.

    grid
        Shards and chunks, in the order of dimensions in which they are stored.
    order
        Axis i of the stored array is axis order[i] of the Zarr array (codecs `transpose` before the sharding).
    twin
        The inner chunks as HDF5 sees them.
    metadata
        The array's: as a document, and as far as HDF5 can say it in its own terms.
    before
        How shards looked until the metadata changed, as those still do that have not been written since.
    """

    options: HDF5
    grid: ObjectGrid
    order: tuple[int, ...]
    flat: FlatShard
    twin: ChainTwin
    metadata: ArrayMetadata
    before: "HDF5View | None" = None
    _templates: Templates | None = None

    @property
    def zarr_json(self) -> str:
        """The metadata document; made when it is asked for, which reading never does."""
        return dump_json(self.metadata.to_json()).decode()

    def succeed(self, older: "HDF5View") -> None:
        """Take the place of `older`, whose metadata have changed."""
        older.before, self.before = None, older

    def check(self) -> None:
        """Raise UnsupportedFeatureError if HDF5 cannot hold the shards of this array, before the first is written."""
        rank = len(self.grid.shape)
        if not 1 <= rank <= MAX_RANK:
            raise UnsupportedFeatureError(f"the HDF5 view needs 1 to {MAX_RANK} dimensions, not {rank}")
        nbytes = prod(self.grid.chunk_shape) * self.twin.dtype.itemsize
        if nbytes > MAX_CHUNK_NBYTES:
            raise UnsupportedFeatureError(f"an HDF5 chunk has less than 4 GiB; this inner chunk has {nbytes} bytes")
        self._template(self.grid.object_shape)

    def wrap(self, shard_coords: tuple[int, ...], chunks: Sequence[Buffer | None]) -> list[Buffer]:
        """The parts of the file that holds these encoded chunks (by number) at `shard_coords` (stored order)."""
        placed = self.flat.layout.place(chunks, self.chunks_begin(shard_coords))
        front, behind = self.around(shard_coords, placed)
        return [*front, *placed.parts, *behind]

    def chunks_begin(self, shard_coords: tuple[int, ...]) -> int:
        """Where the chunks are placed in the file."""
        return self.base_address + len(self.template(shard_coords).image)

    def around(self, shard_coords: tuple[int, ...], placed: PlacedChunks) -> tuple[list[Buffer], list[Buffer]]:
        """What lies before the placed chunks, and what behind them."""
        template = self.template(shard_coords)
        top, base = self.flat.layout.levels[0], self.base_address
        stored = self.stored_chunks(placed.offsets, placed.nbytes)
        index = encode_chunk_index(template.layout.index_type, stored, placed.end - base)
        zarr_index = top.encode(placed.top)
        end = placed.end + len(index.data) + (0 if base else top.nbytes)
        header = self.header(shard_coords, end, index.address, index.single_chunk)
        if base:
            return [zarr_index, bytes(base - top.nbytes), header], [index.data]
        return [header], [index.data, zarr_index]

    def header(
        self,
        shard_coords: tuple[int, ...],
        end_of_file: int,
        index_address: int,
        single_chunk: tuple[int, int] | None = None,
    ) -> bytearray:
        """What the file of the shard at `shard_coords` begins with, behind the user block. See `Template.fill_in`."""
        template = self.template(shard_coords)
        return template.fill_in(
            end_of_file=end_of_file,
            index_address=index_address,
            variable=self.array_coords(shard_coords),
            page_bits=chunk_index_page_bits(template.layout.index_type, self.flat.layout.nchunks),
            single_chunk=single_chunk,
        )

    def array_coords(self, shard_coords: tuple[int, ...]) -> tuple[int, ...]:
        """The shard's place in the Zarr array's own order of dimensions."""
        coords = [0] * len(shard_coords)
        for i, axis in enumerate(self.order):
            coords[axis] = shard_coords[i]
        return tuple(coords)

    def dataset_order(self) -> tuple[int, ...]:
        """Axis i of the HDF5 dataset is this axis of the Zarr array."""
        return tuple(self.order[axis] for axis in self.twin.order)

    @property
    def base_address(self) -> int:
        """Bytes before the superblock, from which HDF5 counts: the user block, where the Zarr index is in one."""
        top = self.flat.layout.levels[0]
        return _user_block_nbytes(top.nbytes) if top.location == "start" else 0

    def template(self, shard_coords: tuple[int, ...]) -> Template:
        """The header of the shard at `shard_coords` (stored order)."""
        return self._template(self.grid.objects.clipped_shape(shard_coords))

    def stored_chunks(self, offsets: npt.NDArray[np.int64], nbytes: npt.NDArray[np.int64]) -> StoredChunks:
        """The placed chunks (by number) as the HDF5 dataset has them: C order of its own dimensions, no checksums."""
        twin, layout = self.twin, self.flat.layout
        if len(layout.levels) > 1:
            numbers = layout.numbers(layout.all_coords())
            offsets, nbytes = offsets[numbers], nbytes[numbers]
        offsets, nbytes = (c.reshape(layout.chunks_per_shard).transpose(twin.order).ravel() for c in (offsets, nbytes))
        shift = twin.skip_front - self.base_address
        addresses = np.where(offsets < 0, -1, offsets + shift) if shift else offsets
        skipped = twin.skip_front + twin.skip_back
        sizes = np.where(offsets < 0, 0, nbytes - skipped) if skipped else nbytes
        return StoredChunks(
            grid_shape=_permute(layout.chunks_per_shard, twin.order),
            chunk_shape=_permute(layout.chunk_shape, twin.order),
            chunk_nbytes=prod(layout.chunk_shape) * twin.dtype.itemsize,
            addresses=addresses.astype("<i8", copy=False).view("<u8"),
            nbytes=sizes.astype("<i8", copy=False).view("<u8"),
            filtered=bool(twin.filters),
        )

    def _template(self, shape: tuple[int, ...]) -> Template:
        if self._templates is None:
            identity = self._identity()
            shared = len(identity) <= KEPT_LENGTH
            self._templates = _templates_of(identity, self.options, self.grid.object_shape) if shared else {}
        template = self._templates.get(shape)
        if template is None:
            template = self._templates.setdefault(shape, write_template(self._spec(shape)))
        return template

    def _identity(self) -> str:
        """The metadata, in less time than `zarr_json` takes, and with NaN told from "NaN", which are two attributes."""
        try:
            return json.dumps(self.metadata.to_json())
        except (TypeError, ValueError, RecursionError):
            return self.zarr_json  # raises, and says what is wrong

    def _spec(self, shape: tuple[int, ...]) -> DatasetSpec:
        twin, order = self.twin, self.dataset_order()
        fill_value: Any = self.flat.chain.spec.fill_value  # a scalar: elements of variable length have no twin
        document = self.zarr_json  # first: an attribute may be nothing that JSON can say
        attributes: list[tuple[str, Any]] = [*hdf5_attributes(self.metadata.attributes, self.metadata.data_type.dtype)]
        attributes.append((JSON_ATTRIBUTE, document))
        if order != tuple(range(len(order))):
            attributes.append((ORDER_ATTRIBUTE, np.asarray(order, "<i8")))
        names = self.metadata.dimension_names
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
            user_block_nbytes=self.base_address,
        )


@lru_cache(KEPT_DOCUMENTS)
def _templates_of(identity: str, options: HDF5, shard_shape: tuple[int, ...]) -> Templates:
    """Of all arrays with this metadata, for shards of one shape, of which a rectilinear grid has several.

    libhdf5 takes a millisecond for one, and an array may be opened often.
    """
    return {}


def _permute(values: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(values[axis] for axis in order)


def _user_block_nbytes(index_nbytes: int) -> int:
    """The smallest user block that holds the Zarr index: 512 bytes or a power of two above it."""
    return max(512, 1 << (index_nbytes - 1).bit_length())
