"""Views of an array: sliced, transposed or cast without reading, and read or written when they are used."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.selections import Selectable
from zarr_hdf5.array.transfer import broadcast, new_result
from zarr_hdf5.errors import ReadOnlyError, SelectionError, UnsupportedFeatureError
from zarr_hdf5.indexing.basic import DimSelection, Selection, expand, parse_axis

__all__ = ["ArrayView", "LazyIndex", "view_of_array"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ArrayView:
    """Elements of an array, in another order of dimensions maybe, read when it is indexed or given to numpy.

    Made by `array.lazy[...]` and `array.astype(dtype)`. Basic selections only. `view[...]` reads, `view[...] = value`
    writes, `view.lazy[...]` is a view again.

    array
        What is viewed.
    dims
        What is selected along each of its dimensions; then along each new axis, which has a length of 1 by itself.
    axes
        Which of `dims` each axis of the view is.
    dtype
        Of what is read. Where it is not the array's own, the view is read-only.
    """

    array: Selectable
    dims: tuple[DimSelection, ...]
    axes: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements along each axis."""
        return tuple(self.dims[axis].count for axis in self.axes)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def lazy(self) -> "LazyIndex":
        """`view.lazy[...]` is a view of less."""
        return LazyIndex(self)

    @property
    def T(self) -> "ArrayView":
        """The view with its axes in the opposite order."""
        return self.transpose()

    def transpose(self, *axes: int | Sequence[int] | None) -> "ArrayView":
        """The view with its axes in this order, as numpy's; without one, in the opposite order."""
        if not axes or axes == (None,):
            return replace(self, axes=self.axes[::-1])
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], Sequence) else axes
        places = [place + self.ndim if place < 0 else place for place in map(operator.index, order)]  # type: ignore[arg-type]
        if sorted(places) != list(range(self.ndim)):
            raise SelectionError(f"{order} is no order of {self.ndim} axes")
        return replace(self, axes=tuple(self.axes[place] for place in places))

    def astype(self, dtype: npt.DTypeLike) -> "ArrayView":
        """The view with its elements cast, from the array's own data type, when they are read.

        Raises UnsupportedFeatureError for strings without a length, of elements that are objects.
        """
        wanted = np.dtype(dtype)
        if self.dtype.hasobject and wanted.kind in "SU" and not wanted.itemsize:
            raise UnsupportedFeatureError(
                f"objects as {wanted}: it depends on all of them how long that is; say a length"
            )
        return replace(self, dtype=np.empty(0, self.dtype).astype(wanted).dtype)

    def __getitem__(self, selection: object) -> Any:
        return self.lazy[selection]._read()

    def __setitem__(self, selection: object, value: npt.ArrayLike) -> None:
        self.lazy[selection]._write(value)

    def __len__(self) -> int:
        if not self.axes:
            raise TypeError("a view of no axes has no length")
        return self.shape[0]

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("stored data cannot be viewed without a copy")
        array = np.asarray(self._read())
        return array if dtype is None else array.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"<zarr_hdf5.ArrayView shape={self.shape} dtype={self.dtype} of {self.array!r}>"

    def _read(self) -> Any:
        result = new_result(self.shape, self.dtype)
        if result.size:
            self.array.get_selection(self._selection(), out=self._as_selected(result))
        return result if result.ndim else result[()]

    def _write(self, value: npt.ArrayLike) -> None:
        if self.dtype != self.array.dtype:
            raise ReadOnlyError(f"a view as {self.dtype} of an array of {self.array.dtype} cannot be written")
        values = broadcast(self.array.as_elements(value), self.shape)
        if values.size:
            self.array.set_selection(self._selection(), self._as_selected(values))

    def _selection(self) -> Selection[DimSelection]:
        """What is viewed of the array; SelectionError if it has become too small for that."""
        shape = self.array.shape
        dims = self.dims[: len(shape)]
        if any(max(dim.start, dim.start + (dim.count - 1) * dim.step) >= n for dim, n in zip(dims, shape, strict=True)):
            raise SelectionError(f"the array was resized to {shape} after this view of more was made")
        return Selection(dims)

    def _as_selected(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of values of this shape that has the shape of the selection."""
        kept = [axis for axis in self.axes if axis < len(self.array.shape)]
        without_new = values.reshape([self.dims[axis].count for axis in kept])  # a view: only ones go
        return without_new.transpose(sorted(range(len(kept)), key=kept.__getitem__))


@dataclass(frozen=True, slots=True)
class LazyIndex:
    """Square brackets that give views."""

    view: ArrayView

    def __getitem__(self, selection: object) -> ArrayView:
        """The view of a basic selection; raises SelectionError."""
        view = self.view
        items, new_axes = expand(selection if isinstance(selection, tuple) else (selection,), view.shape)
        chosen = [parse_axis(item, place, view.shape[place]) for place, item in enumerate(items)]
        dims = list(view.dims)
        for axis, dim in zip(view.axes, chosen, strict=True):
            dims[axis] = _compose(dims[axis], dim)
        axes = [axis for axis, dim in zip(view.axes, chosen, strict=True) if not dim.drop]
        for place in new_axes:
            axes.insert(place, len(dims))
            dims.append(DimSelection(0, 1, 1, False))
        return replace(view, dims=tuple(dims), axes=tuple(axes))


def _compose(outer: DimSelection, inner: DimSelection) -> DimSelection:
    """What `inner` selects of what `outer` selects."""
    if not inner.count:
        return DimSelection(0, 1, 0, False)
    step = outer.step * inner.step if inner.count > 1 else 1
    return DimSelection(outer.start + inner.start * outer.step, step, inner.count, inner.drop)


def view_of_array(array: Selectable) -> ArrayView:
    """All of an array, as it is."""
    dims = tuple(DimSelection(0, 1, length, False) for length in array.shape)
    return ArrayView(array, dims, tuple(range(len(dims))), array.dtype)
