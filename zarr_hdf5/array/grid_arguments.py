"""From the arguments `chunks` and `shards` to the lengths of chunks along each dimension."""

import operator
import reprlib
from collections.abc import Sequence
from math import gcd
from typing import Any

import numpy as np

from zarr_hdf5.array.chunking import auto_chunks, auto_shards, divide
from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.errors import InvalidMetadataError, Problem
from zarr_hdf5.metadata.chunk_grid import ChunkLengths

__all__ = ["chunks_and_shards", "fault", "integers"]


def chunks_and_shards(
    chunks: Any, shards: Any, shape: tuple[int, ...], itemsize: int, *, explicit: bool
) -> tuple[ChunkLengths, ChunkLengths | None]:
    """The inner chunks, and the shards if there are any, of an array of `shape`.

    `explicit`: `shards` were asked for, and are no default. Raises InvalidMetadataError.
    """
    listed = not isinstance(chunks, str) and any(map(_is_list, _items(chunks)))
    # A scalar has nothing to shard; zarr-python does not read shards of no dimension.
    wanted = None if _is_auto(shards) and (not shape or (listed and not explicit)) else shards
    if wanted is not None and listed:
        raise fault("chunks", "within shards are all of one shape; give edge lengths of shards, or shards=None")
    if wanted is None:
        return auto_chunks(shape, itemsize) if _is_auto(chunks) else _grid("chunks", chunks, shape), None
    if _is_auto(wanted):
        inner = auto_chunks(shape, itemsize) if _is_auto(chunks) else integers("chunks", chunks)
        if len(inner) != len(shape) or any(c < 1 for c in inner):
            raise fault("chunks", f"{inner} do not fit an array of shape {shape}")
        return inner, auto_shards(shape, inner, itemsize)
    whole = _grid("shards", wanted, shape)
    along = [length.lengths if isinstance(length, ChunkEdges) else {length} for length in whole]
    inner = (
        divide(tuple(gcd(*lengths) for lengths in along), itemsize) if _is_auto(chunks) else integers("chunks", chunks)
    )
    if len(inner) != len(whole) or any(c < 1 or n % c for ns, c in zip(along, inner, strict=True) for n in ns):
        raise fault("shards", f"{_text(wanted)} are not a multiple of the chunks {inner}")
    return inner, whole


def _is_auto(value: object) -> bool:
    return isinstance(value, str) and value == "auto"


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence | np.ndarray | ChunkEdges) and getattr(value, "ndim", 1) > 0


def _items(value: Any) -> Sequence[Any]:
    return value if _is_list(value) else (value,)


def _text(value: object) -> str:
    return reprlib.repr(value)


def _grid(option: str, value: Any, shape: tuple[int, ...]) -> ChunkLengths:
    """The chunks or shards that `value` says: for each dimension one length, or a list of edge lengths.

    The last of a list may reach beyond the array; `ChunkEdges` may have more beyond it, as arrays that shrank do.
    """
    lengths = tuple(_edges(option, item) if _is_list(item) else integers(option, item)[0] for item in _items(value))
    if len(lengths) != len(shape) or any(isinstance(n, int) and n < 1 for n in lengths):
        raise fault(option, f"{_text(value)} do not fit an array of shape {shape}")
    for item, n, extent in zip(_items(value), lengths, shape, strict=True):
        if not isinstance(n, ChunkEdges) or not extent:
            continue
        if n.extent < extent or (item is not n and n.extent - n.runs[-1][0] >= extent):
            raise fault(option, f"edge lengths of {n.extent} elements in all are not those of a dimension of {extent}")
    return lengths


def _edges(option: str, value: Any) -> ChunkEdges:
    if isinstance(value, ChunkEdges):
        return value
    lengths = integers(option, value)
    if not lengths or min(lengths) < 1:
        raise fault(option, f"edge lengths are positive integers, not {_text(value)}")
    return ChunkEdges.of(lengths)


def integers(option: str, value: Any) -> tuple[int, ...]:
    """One integer, or several, of an argument."""
    try:
        values = value if isinstance(value, Sequence | np.ndarray) else (value,)
        return tuple(operator.index(length) for length in values)
    except TypeError as error:
        raise fault(option, f"must be integers, not {value!r}") from error


def fault(option: str, message: str) -> InvalidMetadataError:
    """The error to raise for an argument."""
    return InvalidMetadataError([Problem((option,), message)], "new array")
