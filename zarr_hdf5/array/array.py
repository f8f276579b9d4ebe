"""The array a user holds: numpy's face over a stored array."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import index
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.bounds import follow_bounds, stored_objects
from zarr_hdf5.array.compose import Composition, compose_array
from zarr_hdf5.array.hdf5_side import HDF5Side, HDF5Store, OneFileSide
from zarr_hdf5.array.info import ArrayInfo, StorageFacts
from zarr_hdf5.array.plan import plan_objects, plan_parts
from zarr_hdf5.array.points import plan_points
from zarr_hdf5.array.read import read
from zarr_hdf5.array.readers import ReaderTable, reader_table
from zarr_hdf5.array.svg import array_html
from zarr_hdf5.array.write import write
from zarr_hdf5.array_config import DEFAULT_CONFIG, ArrayConfig
from zarr_hdf5.attributes import Attributes
from zarr_hdf5.data_type import DataType, packed
from zarr_hdf5.errors import ReadOnlyError, SelectionError
from zarr_hdf5.hierarchy import prefix_of, write_node
from zarr_hdf5.indexing.basic import BasicSelection, parse_basic
from zarr_hdf5.indexing.coordinates import parse_coordinates
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.model.array import ArrayModel
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.stores.protocol import Store, flush_store

__all__ = ["Array", "Follower"]


class Follower(Protocol):
    """Is told of changes, and makes follow what says the same elsewhere."""

    def metadata_changed(self) -> None:
        """The array's document was rewritten."""
        ...

    def elements_changed(self, array: "Array") -> None:
        """Elements of an array without an HDF5 side were written."""
        ...


class Array:
    """An N-dimensional array in a store.

    Indexing reads and assigns like numpy's basic indexing: integers, slices with any step, and an ellipsis. Made by
    `create_array`, `open_array` and groups, not by hand.
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
    def dtype(self) -> np.dtype[Any]:
        """numpy data type of the elements in memory; object for strings and bytes of variable length."""
        return self._composition.stored.chain.spec.dtype

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
        """Shape of the smallest part that can be read alone: an inner chunk, or a chunk where there are no shards."""
        stored = self._composition.stored
        return _unpermute(stored.source.grid.chunk_shape, stored.order)

    @property
    def shards(self) -> tuple[int, ...] | None:
        """Shape of a shard; None for an array without shards."""
        return None if self._composition.shards is None else self.metadata.chunk_shape

    @property
    def nchunks(self) -> int:
        """Inner chunks (chunks where there are no shards) in the array's grid."""
        return self._composition.stored.source.grid.chunks.nchunks

    @property
    def nshards(self) -> int | None:
        """Shards in the array's grid; None for an array without shards."""
        return None if self.shards is None else self.metadata.chunk_grid.nchunks

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
        return HDF5Side(self.store, shards.view, shards.sink, prefix_of(self.path), encoding)

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

    def get_basic_selection(self, selection: object = ..., *, out: npt.NDArray[Any] | None = None) -> Any:
        """Read a basic selection, into `out` if given (of the result's shape; any dtype it casts to).

        Raises
        ------
        SelectionError
            If the selection is not basic or lies outside the array.
        CorruptDataError
            If what is stored contradicts its format.
        """
        chosen = parse_basic(selection, self.shape)
        if out is not None and out.shape != chosen.shape:
            raise SelectionError(f"out has shape {out.shape}, the selection {chosen.shape}")
        result = _new_result(chosen.shape, self.dtype) if out is None else out
        self._read(chosen, result)
        return result[()] if out is None and not result.ndim else result

    def set_basic_selection(self, selection: object, value: npt.ArrayLike) -> None:
        """Write `value`, broadcast to the shape of a basic selection."""
        if self.read_only:
            raise ReadOnlyError(f"{self.store.url}{self.name} was opened for reading only")
        chosen = parse_basic(selection, self.shape)
        known = isinstance(value, np.ndarray | np.void | Array)
        values = self._as_fields(np.asarray(value)) if known else np.asarray(value, self.dtype)
        try:
            full = np.broadcast_to(values, chosen.shape)
        except ValueError as error:
            raise SelectionError(f"cannot broadcast a value of shape {values.shape} to {chosen.shape}") from error
        stored = self._composition.stored
        if stored.sink is None:
            raise ReadOnlyError(f"{self.store.url}{self.name} cannot be written")
        dims = tuple(chosen.dims[axis] for axis in stored.order)
        source = full.reshape(chosen.full_shape).transpose(stored.order)
        write(stored, stored.sink, plan_objects(dims, stored.source.grid), source)
        shards = self._composition.shards
        if self._follower is not None and (shards is None or shards.view is None):
            self._follower.elements_changed(self)

    def resize(self, shape: int | Sequence[int]) -> None:
        """Give the array new bounds. New elements are the fill value, also where there was something once.

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
        values = np.asarray(data) if hasattr(data, "dtype") else np.asarray(data, self.dtype)
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

    def get_coordinate_selection(self, selection: object, *, out: npt.NDArray[Any] | None = None) -> Any:
        """Read single elements: an integer or an array of integers for each dimension, broadcast against each other.

        Into `out` if given (of the result's shape; any dtype it casts to). Raises as `get_basic_selection` does.
        """
        chosen = parse_coordinates(selection, self.shape)
        if out is not None and out.shape != chosen.shape:
            raise SelectionError(f"out has shape {out.shape}, the selection {chosen.shape}")
        stored = self._composition.stored
        found = _new_result((chosen.points.shape[1],), self.dtype)
        read(stored, plan_points(chosen.points[list(stored.order)], stored.source.grid), found)
        if out is None:
            return found.reshape(chosen.shape)[()]
        out[...] = found.reshape(chosen.shape)
        return out

    @property
    def vindex(self) -> "VectorizedIndex":
        """`array.vindex[selection]` is `array.get_coordinate_selection(selection)`."""
        return VectorizedIndex(self)

    def __getitem__(self, selection: object) -> Any:
        return self.get_basic_selection(selection)

    def __setitem__(self, selection: object, value: npt.ArrayLike) -> None:
        self.set_basic_selection(selection, value)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array of no dimensions has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        step = max(1, (self.shards or self.chunks)[0]) if self.shape else 0
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
        return array_html(self.info.rows, self.shape, self.chunks, self.shards)

    def _as_fields(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Structures with subarrays, which numpy does not cast to the structures that stand for them here."""
        if not values.dtype.names or values.dtype == self.dtype or not self.dtype.names:
            return values
        own, theirs = self.metadata.data_type.canonical.dtype, packed(values.dtype)
        if DataType.from_numpy(values.dtype).dtype != own:
            return values
        return np.ascontiguousarray(values, theirs).view(own).reshape(values.shape)

    def _read(self, chosen: BasicSelection, result: npt.NDArray[Any]) -> None:
        stored = self._composition.stored
        dims = tuple(chosen.dims[axis] for axis in stored.order)
        target = result.reshape(chosen.full_shape).transpose(stored.order)
        read(stored, plan_parts(dims, stored.source.grid), target)

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
        made = compose_array(metadata, self.store, prefix_of(self.path))
        return made if self.config == DEFAULT_CONFIG else replace(made, stored=replace(made.stored, config=self.config))

    def _set_shape(self, shape: tuple[int, ...], *, growing: bool = False) -> None:
        """New bounds; with `growing`, what the old ones cut is about to be written anyway."""
        old = self._composition.stored
        if self.read_only or old.sink is None:
            raise ReadOnlyError(f"{self.store.url}{self.name} cannot be written")
        self._save(replace(self.metadata, shape=shape))
        stored, shards = self._composition.stored, self._composition.shards
        if stored.sink is not None and not growing:
            encoding, prefix = self.metadata.chunk_key_encoding, prefix_of(self.path)
            objects = stored_objects(self.store, prefix, encoding, stored.order)
            in_headers = shards is not None and shards.view is not None
            follow_bounds(stored, stored.sink, objects, old.source.grid.shape, in_headers=in_headers)


@dataclass(frozen=True, slots=True)
class VectorizedIndex:
    """Square brackets for coordinate selections."""

    array: Array

    def __getitem__(self, selection: object) -> Any:
        return self.array.get_coordinate_selection(selection)


def _new_result(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    # Zeros where there may be padding, which nobody writes to.
    new = np.zeros if dtype.names else np.empty
    try:
        return new(shape, dtype)
    except (MemoryError, ValueError) as error:  # ValueError: more than any address can say
        raise SelectionError(f"a result of shape {shape} and type {dtype} does not fit in memory") from error


def _unpermute(values: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    place = sorted(range(len(order)), key=order.__getitem__)
    return tuple(values[i] for i in place)
