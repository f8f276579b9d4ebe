"""The selections of an array, under the names that zarr-python gives them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.transfer import broadcast, new_result, read_selection, write_selection
from zarr_hdf5.array.values import as_values
from zarr_hdf5.chunk_grid import ChunkGrid
from zarr_hdf5.chunk_source import ChunkSink
from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import AxisSelection, Selection, is_plain, parse_basic
from zarr_hdf5.indexing.blocks import parse_blocks
from zarr_hdf5.indexing.brackets import parse_brackets
from zarr_hdf5.indexing.coordinates import ElementSelection, parse_mask, parse_vectorized
from zarr_hdf5.indexing.fields import Fields, parse_fields, pop_fields
from zarr_hdf5.indexing.orthogonal import by_name, parse_orthogonal
from zarr_hdf5.stored_array import StoredArray

__all__ = ["Selectable"]

Out = npt.NDArray[Any] | None


class Selectable(ABC):
    """An array that is read and written by selections.

    All of `get_...` read into `out` if given, which is of the result's shape and of any data type that the elements
    cast to, and return it. Of structures, `fields` is a name, for that field's elements, or a list of names, for
    smaller structures; writing some fields keeps the others. Values are broadcast to the selection's shape. Where an
    element is selected twice, the last of its values stays.

    All raise SelectionError for a selection that is not of its kind or lies outside the array, CorruptDataError if
    what is stored contradicts its format, and to write ReadOnlyError.
    """

    @property
    @abstractmethod
    def stored(self) -> StoredArray:
        """The array as the engine sees it; for the rest of this library."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Elements along each dimension."""

    @property
    @abstractmethod
    def dimension_names(self) -> tuple[str | None, ...] | None:
        """Names of the dimensions."""

    @property
    @abstractmethod
    def _blocks(self) -> ChunkGrid:
        """The grid of stored objects."""

    @abstractmethod
    def _writable(self) -> ChunkSink:
        """Where to write; ReadOnlyError if it may not."""

    @abstractmethod
    def _written(self) -> None:
        """Elements were written."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """numpy data type of the elements in memory; object for strings and bytes of variable length."""
        return self.stored.chain.spec.dtype

    def get_basic_selection(self, selection: object = ..., *, out: Out = None, fields: Fields | None = None) -> Any:
        """Read integers, slices of any step, new axes and an ellipsis, as numpy's basic indexing."""
        return self.get_selection(parse_basic(selection, self.shape), fields, out)

    def set_basic_selection(self, selection: object, value: npt.ArrayLike, *, fields: Fields | None = None) -> None:
        """Write what `get_basic_selection` reads."""
        self.set_selection(parse_basic(selection, self.shape), value, fields)

    def get_orthogonal_selection(self, selection: object, *, out: Out = None, fields: Fields | None = None) -> Any:
        """Read all combinations of, for each dimension, an integer, a slice, an array of integers or a mask."""
        return self.get_selection(parse_orthogonal(selection, self.shape), fields, out)

    def set_orthogonal_selection(
        self, selection: object, value: npt.ArrayLike, *, fields: Fields | None = None
    ) -> None:
        """Write what `get_orthogonal_selection` reads."""
        self.set_selection(parse_orthogonal(selection, self.shape), value, fields)

    def get_coordinate_selection(self, selection: object, *, out: Out = None, fields: Fields | None = None) -> Any:
        """Read single elements: an integer or an array of integers for each dimension, broadcast, or a mask."""
        return self.get_selection(parse_vectorized(selection, self.shape), fields, out)

    def set_coordinate_selection(
        self, selection: object, value: npt.ArrayLike, *, fields: Fields | None = None
    ) -> None:
        """Write what `get_coordinate_selection` reads."""
        self.set_selection(parse_vectorized(selection, self.shape), value, fields)

    def get_mask_selection(self, mask: object, *, out: Out = None, fields: Fields | None = None) -> Any:
        """Read, in C order, the elements where an array of booleans, of the array's shape, is true."""
        return self.get_selection(parse_mask(mask, self.shape), fields, out)

    def set_mask_selection(self, mask: object, value: npt.ArrayLike, *, fields: Fields | None = None) -> None:
        """Write what `get_mask_selection` reads."""
        self.set_selection(parse_mask(mask, self.shape), value, fields)

    def get_block_selection(self, selection: object, *, out: Out = None, fields: Fields | None = None) -> Any:
        """Read whole blocks of the grid of shards (of chunks, without shards), by integers and slices of step 1."""
        return self.get_selection(parse_blocks(selection, self._blocks), fields, out)

    def set_block_selection(self, selection: object, value: npt.ArrayLike, *, fields: Fields | None = None) -> None:
        """Write what `get_block_selection` reads."""
        self.set_selection(parse_blocks(selection, self._blocks), value, fields)

    def isel(self, indexers: Mapping[str, Any] | None = None, /, **more: Any) -> Any:
        """Read by dimension names: `array.isel(time=3, x=slice(0, 10))`; items are those of an orthogonal selection."""
        return self.get_orthogonal_selection(by_name({**(indexers or {}), **more}, self.dimension_names))

    @property
    def oindex(self) -> "Brackets":
        """`array.oindex[...]` reads, and assigns to, orthogonal selections."""
        return Brackets(self, "orthogonal")

    @property
    def vindex(self) -> "Brackets":
        """`array.vindex[...]` reads, and assigns to, coordinate selections and masks."""
        return Brackets(self, "coordinate")

    @property
    def blocks(self) -> "Brackets":
        """`array.blocks[...]` reads, and assigns to, block selections."""
        return Brackets(self, "block")

    def __getitem__(self, selection: object) -> Any:
        if is_plain(selection if isinstance(selection, tuple) else (selection,)):
            return self.get_selection(parse_basic(selection, self.shape))
        fields, rest = pop_fields(selection)
        return self.get_selection(parse_brackets(rest, self.shape), fields)

    def __setitem__(self, selection: object, value: npt.ArrayLike) -> None:
        fields, rest = pop_fields(selection)
        self.set_selection(parse_brackets(rest, self.shape), value, fields)

    def as_elements(self, value: npt.ArrayLike) -> npt.NDArray[Any]:
        """What is to be written, of any type that numpy casts to that of the array; for the rest of this library."""
        return as_values(value, self.dtype, typed=isinstance(value, Selectable))

    def get_selection(
        self, chosen: Selection[AxisSelection] | ElementSelection, fields: Fields | None = None, out: Out = None
    ) -> Any:
        """Read a selection that was parsed; for the rest of this library."""
        if out is not None:
            _check_out(out, chosen.shape)
        if fields is None:
            result = read_selection(self.stored, chosen, out)
        else:
            names, dtype = parse_fields(fields, self.dtype)
            whole = read_selection(self.stored, chosen)
            result = new_result(chosen.shape, dtype) if out is None else out
            result[...] = whole[names]
        return result[()] if out is None and not result.ndim else result

    def set_selection(
        self, chosen: Selection[AxisSelection] | ElementSelection, value: npt.ArrayLike, fields: Fields | None = None
    ) -> None:
        """Write a selection that was parsed; for the rest of this library."""
        sink = self._writable()
        if fields is None:
            names, values = None, self.as_elements(value)
        else:
            names, dtype = parse_fields(fields, self.dtype)
            values = as_values(value, dtype, typed=isinstance(value, Selectable))
        write_selection(self.stored, sink, chosen, broadcast(values, chosen.shape), names)
        self._written()


@dataclass(frozen=True, slots=True)
class Brackets:
    """Square brackets for the selections of one kind."""

    array: Selectable
    kind: str

    def __getitem__(self, selection: object) -> Any:
        fields, rest = pop_fields(selection)
        return getattr(self.array, f"get_{self.kind}_selection")(rest, fields=fields)

    def __setitem__(self, selection: object, value: npt.ArrayLike) -> None:
        fields, rest = pop_fields(selection)
        getattr(self.array, f"set_{self.kind}_selection")(rest, value, fields=fields)


def _check_out(out: Any, shape: Sequence[int]) -> None:
    if not isinstance(out, np.ndarray):
        raise SelectionError(f"out is {type(out).__name__}, no numpy array")
    if out.shape != shape:
        raise SelectionError(f"out has shape {out.shape}, the selection {shape}")
    if not out.flags.writeable:
        raise SelectionError("out is read-only")
