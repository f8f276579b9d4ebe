"""Chunks of which, along some dimensions, single positions are selected: indexes of numpy's for all combinations."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.indexing.projection import ChunkDim, InChunk

__all__ = ["Inside", "axes_first", "is_indexed", "many_index", "one_index", "same_inside"]

Values = npt.NDArray[Any]
Inside = tuple[InChunk, ...]
"""Of one chunk: what is selected along each dimension."""


def is_indexed(dim: Sequence[ChunkDim]) -> bool:
    """Whether positions are selected, not a slice."""
    return isinstance(dim[0].in_chunk, np.ndarray)


def same_inside(one: Inside, other: Inside) -> bool:
    """Whether the same is selected of two chunks, seen at a glance."""
    return all(a is b or (isinstance(a, slice) and a == b) for a, b in zip(one, other, strict=True))


def one_index(in_chunk: Inside, shape: tuple[int, ...]) -> Any:
    """The index of what is selected of one chunk of `shape`."""
    if sum([isinstance(inside, np.ndarray) for inside in in_chunk]) < 2:
        return (*in_chunk, ...)
    return np.ix_(*[np.arange(length)[inside] for inside, length in zip(in_chunk, shape, strict=True)])


def many_index(dims: Sequence[Sequence[ChunkDim]], many: Sequence[int], indexed: Sequence[int]) -> Any:
    """The index of what is selected of a grid of chunks along the dimensions `indexed`.

    The grid's first dimensions are along which of the chunks (of those of `many` that are `indexed`), the next where in
    a chunk; the result's first dimensions are `indexed`.
    """
    which: list[Values] = []
    inside: list[Values] = []
    for place, axis in enumerate(indexed):
        shape = [-1 if i == place else 1 for i in range(len(indexed))]
        parts = [np.asarray(d.in_chunk) for d in dims[axis]]
        inside.append(np.concatenate(parts).reshape(shape))
        if axis in many:
            which.append(np.repeat(np.arange(len(parts)), list(map(len, parts))).reshape(shape))
    return (*which, *inside, ...)


def axes_first(array: Values, axes: Sequence[int]) -> Values:
    """A view of the array with these axes before the others."""
    return array.transpose([*axes, *(axis for axis in range(array.ndim) if axis not in axes)])
