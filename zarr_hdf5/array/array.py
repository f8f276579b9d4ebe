"""The array a user holds: numpy's face over a stored array."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import index
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.bounds import follow_bounds, stored_objects
from zarr_hdf5.array.compose import Composition, compose_array
from zarr_hdf5.array.hdf5_side import HDF5Side, HDF5Store, OneFileSide
from zarr_hdf5.array.info import ArrayInfo, StorageFacts
from zarr_hdf5.array.lazy import ArrayView, LazyIndex, view_of_array
from zarr_hdf5.array.readers import ReaderTable, reader_table
from zarr_hdf5.array.selections import Selectable
from zarr_hdf5.array.svg import array_html
from zarr_hdf5.array_config import DEFAULT_CONFIG, ArrayConfig
from zarr_hdf5.attributes import Attributes
from zarr_hdf5.chunk_grid import ChunkGrid
from zarr_hdf5.chunk_source import ChunkSink, RectilinearObjectGrid
from zarr_hdf5.data_type import complex_elements
from zarr_hdf5.errors import ReadOnlyError, SelectionError, UnsupportedFeatureError
from zarr_hdf5.hierarchy import prefix_of, write_node
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.model.array import ArrayModel
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.stores.protocol import Store, flush_store

__all__ = ["Array", "Follower"]

MAX_SIZES = 1_000_000
T = TypeVar("T")


class Follower(Protocol):
    """Is told of changes, and makes follow what says the same elsewhere."""

    def metadata_changed(self) -> None:
        """The array's document was rewritten."""
        ...

    def elements_changed(self, array: "Array") -> None:
        """Elements of an array without an HDF5 side were written."""
        ...


class Array(Selectable):
    """An N-dimensional array in a store.

    Indexing reads and assigns like numpy's, in all that `Selectable` has. Made by `create_array`, `open_array` and
    groups, not by hand.
    """

    def __init__(
        self,
        store: Store,
        path: str,
        metadata: ArrayMetadata,
        *,
        read_only: bool,
        follower: Follower | None = None,
        config: ArrayConfig = DEFAULT_CONFIG,
    ) -> None:
        self.store = store
        self.path = path
        self.metadata = metadata
        self.read_only = read_only or store.read_only
        self.config = config
        self._follower = follower
        self._composition = self._compose(metadata)

    @property
    def name(self) -> str:
        """Absolute path in the hierarchy, beginning with "/"."""
        return f"/{self.path}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements along each dimension."""
        return self.metadata.shape

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=object)) if self.shape else 1

    @property
    def nbytes(self) -> int:
        """Bytes of all elements in memory; of strings and bytes of variable length, only of the pointers to them."""
        return self.size * self.dtype.itemsize

    @property
    def chunks(self) -> tuple[int, ...]:
        """Shape of the smallest part that can be read alone: an inner chunk, or a chunk where there are no shards.

        Raises UnsupportedFeatureError where chunks are of many shapes: see `read_chunk_sizes`.
        """
        stored = self._composition.stored
        grid = stored.source.grid
        if isinstance(grid, RectilinearObjectGrid) and grid.single:
            raise UnsupportedFeatureError("the chunks are of many shapes; use read_chunk_sizes")
        return _unpermute(grid.chunk_shape, stored.order)

    @property
    def shards(self) -> tuple[int, ...] | None:
        """Shape of a shard; None for an array without shards.

        Raises UnsupportedFeatureError where shards are of many shapes: see `write_chunk_sizes`.
        """
        if self._composition.shards is None:
            return None
        if self.metadata.chunk_lengths is not None:
            raise UnsupportedFeatureError("the shards are of many shapes; use write_chunk_sizes")
        return self.metadata.chunk_shape

    @property
    def block_shape(self) -> tuple[int, ...]:
        """Shape of what is written at once, a shard or a chunk where there are none; the largest if they differ."""
        stored = self._composition.stored
        grid = stored.source.grid
        return _unpermute(grid.chunk_shape if self._composition.shards is None else grid.object_shape, stored.order)

    @property
    def read_chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """For each dimension the lengths of the parts that can be read alone, within the array.

        Raises UnsupportedFeatureError for more than a million along a dimension.
        """
        stored = self._composition.stored
        return _unpermute(_sizes(stored.source.grid.chunks), stored.order)

    @property
    def write_chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """The same of what is written at once, shards or chunks."""
        if self._composition.shards is None:
            return self.read_chunk_sizes
        return _sizes(self.metadata.chunk_grid)

    @property
    def nchunks(self) -> int:
        """Inner chunks (chunks where there are no shards) in the array's grid."""
        return self._composition.stored.source.grid.chunks.nchunks

    @property
    def nshards(self) -> int | None:
        """Shards in the array's grid; None for an array without shards."""
        return None if self._composition.shards is None else self.metadata.chunk_grid.nchunks

    @property
    def fill_value(self) -> Any:
        """Value of elements that were never written: a scalar of `dtype`, or the str or bytes that elements are."""
        return self.metadata.fill_value

    @property
    def dimension_names(self) -> tuple[str | None, ...] | None:
        """Names of the dimensions."""
        return self.metadata.dimension_names

    @property
    def codecs(self) -> tuple[dict[str, Any], ...]:
        """The codecs as in zarr.json."""
        return tuple(codec.to_json() for codec in self.metadata.codecs)

    @property
    def attrs(self) -> Attributes:
        """User attributes; changes are written to zarr.json at once (shards keep those they were written with)."""
        return Attributes(lambda: self.metadata.attributes, None if self.read_only else self._save_attributes)

    @property
    def hdf5(self) -> HDF5Side | OneFileSide | None:
        """The HDF5 side of the shards, or of the one file that this is in; None where there is none."""
        if isinstance(self.store, HDF5Store):
            return self.store.hdf5_side(self.path, self.metadata, self.stored)
        shards = self._composition.shards
        if shards is None or shards.view is None:
            return None
        encoding = self.metadata.chunk_key_encoding
        return HDF5Side(self.store, shards, shards.view, prefix_of(self.path), encoding)

    @property
    def info(self) -> ArrayInfo:
        """What there is to know about the array, for people to read."""
        return ArrayInfo.of(self)

    @property
    def stored(self) -> StoredArray:
        """The array as the engine sees it; for the rest of this library."""
        return self._composition.stored

    def to_model(self) -> ArrayModel:
        """What the array is, without its elements and where it is: an array of ZEP 6's Zarr Object Model."""
        return ArrayModel.of(self.metadata)

    def readers(self) -> ReaderTable:
        """Which well-known programs open this array, on which side, and what they need for it."""
        side = self.hdf5
        table = reader_table(self.metadata, None if side is None else side.form)
        if not isinstance(self.store, StorageFacts):
            return table
        # An HDF5 file itself: what is asked is who could read the chunks that it is shown to have.
        return ReaderTable(tuple(row for row in table if row.side == "Zarr"))

    def resize(self, shape: int | Sequence[int]) -> None:
        """Give the array new bounds. New elements are the fill value, also where there was something once.

        A dimension with listed chunks (a rectilinear grid) gets one more for what they do not cover.

        Documents first, then the shards: stored elements outside are deleted, those of shards that are cut reset, and
        shards that are HDF5 files say the new bounds. Not atomic: `verify` names shards that a crash left behind, and
        resizing to larger bounds and back brings them up to date.

        Raises
        ------
        SelectionError
            For another number of dimensions, or negative lengths.
        ReadOnlyError
        """
        self._set_shape(self._new_shape(shape))

    def append(self, data: npt.ArrayLike, axis: int = 0) -> tuple[int, ...]:
        """Grow along `axis` by `data`, which has the array's other lengths; the new shape.

        Chunks of the last shard that are full move as bytes; where the store changes shards in place, they stay where
        they are. Raises as `resize` does.
        """
        values = self.as_elements(data)
        if not -self.ndim <= axis < self.ndim:
            raise SelectionError(f"axis {axis} of an array of {self.ndim} dimensions")
        axis %= self.ndim
        rest = [n for i, n in enumerate(self.shape) if i != axis]
        if values.ndim != self.ndim or [n for i, n in enumerate(values.shape) if i != axis] != rest:
            raise SelectionError(f"data of shape {values.shape} for axis {axis} of an array of shape {self.shape}")
        start = self.shape[axis]
        shape = (*self.shape[:axis], start + values.shape[axis], *self.shape[axis + 1 :])
        self._set_shape(shape, growing=True)
        self.set_basic_selection((*(slice(None),) * axis, slice(start, None)), values)
        return shape

    def _new_shape(self, shape: int | Sequence[int]) -> tuple[int, ...]:
        try:
            lengths = tuple(map(index, shape if isinstance(shape, Sequence | np.ndarray) else (shape,)))
        except TypeError as error:
            raise SelectionError(f"a shape is of integers, not {shape!r}") from error
        if len(lengths) != self.ndim or any(n < 0 for n in lengths):
            raise SelectionError(f"{lengths} is no shape for an array of {self.ndim} dimensions")
        return lengths

    @property
    def lazy(self) -> LazyIndex:
        """`array.lazy[...]` is a view, which may be transposed and sliced again, and is not read before it is used."""
        return LazyIndex(view_of_array(self))

    def astype(self, dtype: npt.DTypeLike) -> ArrayView:
        """A view, to read, whose elements are cast when they are read."""
        return view_of_array(self).astype(dtype)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array of no dimensions has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        step = max(1, self.block_shape[0]) if self.shape else 0
        for start in range(0, len(self), step):
            yield from self[start : start + step]

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("stored data cannot be viewed without a copy")
        array = np.asarray(self[...])
        return array if dtype is None else array.astype(dtype, copy=False)

    def __enter__(self) -> "Array":
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
        return f"<zarr_hdf5.Array {self.store.url}{self.name} shape={self.shape} dtype={self.dtype}>"

    def _repr_html_(self) -> str:
        edges = self.metadata.chunk_edges
        if edges is None:
            return array_html(self.info.rows, self.shape, self.chunks, self.shards)
        sharded = self._composition.shards is not None
        return array_html(self.info.rows, self.shape, self.chunks if sharded else edges, edges if sharded else None)

    def as_elements(self, value: npt.ArrayLike) -> npt.NDArray[Any]:
        """See `Selectable`."""
        if self.dtype.names and self.metadata.data_type.is_number:
            return complex_elements(value, self.dtype)
        return super().as_elements(value)

    @property
    def _blocks(self) -> ChunkGrid:
        return self.metadata.chunk_grid

    def _writable(self) -> ChunkSink:
        if self.read_only:
            raise ReadOnlyError(f"{self.store.url}{self.name} was opened for reading only")
        sink = self._composition.stored.sink
        if sink is None:
            raise ReadOnlyError(f"{self.store.url}{self.name} cannot be written")
        return sink

    def _written(self) -> None:
        shards = self._composition.shards
        if self._follower is not None and (shards is None or shards.view is None):
            self._follower.elements_changed(self)

    def _save_attributes(self, attributes: dict[str, Any]) -> None:
        self._save(replace(self.metadata, attributes=attributes))

    def _save(self, metadata: ArrayMetadata) -> None:
        write_node(self.store, self.path, metadata)
        old = self._composition.shards
        self.metadata = metadata
        self._composition = self._compose(metadata)
        new = self._composition.shards
        if old is not None and new is not None and old.view is not None and new.view is not None:
            new.view.succeed(old.view)
        if self._follower is not None:
            self._follower.metadata_changed()

    def _compose(self, metadata: ArrayMetadata) -> Composition:
        return compose_array(metadata, self.store, prefix_of(self.path), self.config)

    def _set_shape(self, shape: tuple[int, ...], *, growing: bool = False) -> None:
        """New bounds; with `growing`, what the old ones cut is about to be written anyway."""
        old = self._composition.stored
        if self.read_only or old.sink is None:
            raise ReadOnlyError(f"{self.store.url}{self.name} cannot be written")
        unit = (1,) * self.ndim if self._composition.shards is None else self.chunks
        self._save(self.metadata.resized(shape, unit))
        stored, shards = self._composition.stored, self._composition.shards
        if stored.sink is not None and not growing:
            encoding, prefix = self.metadata.chunk_key_encoding, prefix_of(self.path)
            objects = stored_objects(self.store, prefix, encoding, stored.order)
            in_headers = shards is not None and shards.view is not None
            follow_bounds(stored, stored.sink, objects, old.source.grid.shape, in_headers=in_headers)


def _sizes(grid: ChunkGrid) -> tuple[tuple[int, ...], ...]:
    """For each dimension of a grid the lengths of its chunks, within the array."""
    if any(n > MAX_SIZES for n in grid.grid_shape):
        raise UnsupportedFeatureError(f"more than {MAX_SIZES} chunks along a dimension are not listed")
    sizes = []
    for axis, n in enumerate(grid.grid_shape):
        coords = np.zeros((n, len(grid.shape)), np.int64)
        coords[:, axis] = np.arange(n)
        sizes.append(tuple(grid.spans(coords)[1][:, axis].tolist()))
    return tuple(sizes)


def _unpermute(values: tuple[T, ...], order: tuple[int, ...]) -> tuple[T, ...]:
    place = sorted(range(len(order)), key=order.__getitem__)
    return tuple(values[i] for i in place)
