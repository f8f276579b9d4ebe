"""Zarr storage specification v2, "Arrays": the document `.zarray` as the metadata of a v3 array of the same chunks.

https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#arrays

Members that the specification does not know are ignored, as it says. xarray and netCDF keep the names of dimensions in
the attribute `_ARRAY_DIMENSIONS`, and take elements that are the fill value for missing; in v3 there is a member for
the names, and they look for `_FillValue` among the attributes.
"""

import base64
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.chunk_key_encoding import ChunkKeyEncoding
from zarr_hdf5.metadata.lengths import check_rank, parse_shape
from zarr_hdf5.metadata.node_members import check_members, parse_format
from zarr_hdf5.metadata.problems import error_of
from zarr_hdf5.named_configuration import NamedConfiguration
from zarr_hdf5.v2.codecs import parse_chain
from zarr_hdf5.v2.data_type import parse_dtype
from zarr_hdf5.v2.fill_value import parse_fill_value

__all__ = ["parse_array"]

DIMENSIONS, MISSING = "_ARRAY_DIMENSIONS", "_FillValue"
_REQUIRED = ("shape", "chunks", "dtype", "compressor", "fill_value", "order")

T = TypeVar("T", bound=str)


def parse_array(document: object, attributes: Mapping[str, Any], where: str = "") -> ArrayMetadata:
    """Parse the `.zarray` found at `where`, of an array with these attributes.

    Raises
    ------
    InvalidMetadataError
        With every problem of the document.
    UnsupportedFeatureError
        If all of them are features that this library does not support.
    """
    problems: list[Problem] = []
    members = parse_format(document, 2, problems)
    metadata = None if members is None else _parse(members, problems)
    if metadata is None or members is None or problems:
        raise error_of(problems, where)
    return _with_attributes(metadata, attributes, missing=members["fill_value"] is not None)


def _with_attributes(metadata: ArrayMetadata, attributes: Mapping[str, Any], *, missing: bool) -> ArrayMetadata:
    """The array with these attributes; `missing`: elements that are the fill value are, for xarray, missing."""
    names = attributes.get(DIMENSIONS)
    merged = {**attributes, **metadata.attributes}
    if not isinstance(names, list) or len(names) != len(metadata.shape) or not all(isinstance(n, str) for n in names):
        return replace(metadata, attributes=merged)
    del merged[DIMENSIONS]
    if missing and metadata.data_type.dtype.kind in "biuf":
        merged.setdefault(MISSING, _for_xarray(metadata))
    return replace(metadata, attributes=merged, dimension_names=tuple(names))


def _for_xarray(metadata: ArrayMetadata) -> Any:
    """A number as xarray writes it in v3: floats are base64 of a float64."""
    value: Any = metadata.fill_value
    if metadata.data_type.dtype.kind == "f":
        return base64.b64encode(struct.pack("<d", float(value))).decode()
    return value.item()


def _parse(members: Mapping[str, Any], problems: list[Problem]) -> ArrayMetadata | None:
    check_members(members, _REQUIRED, problems)
    shape = _parse_lengths(members, "shape", 0, problems)
    chunk_shape = _parse_chunks(members, shape, problems)
    separator: Literal["/", "."] = _parse_choice(members, "dimension_separator", ".", "/", problems)
    order = _parse_choice(members, "order", "C", "F", problems)
    dtype = parse_dtype(members["dtype"], ("dtype",), problems) if "dtype" in members else None
    if dtype is None or shape is None:
        return None
    chain = parse_chain(dtype, _transposes(order, len(shape)), members, problems)
    if chain is None or "fill_value" not in members:
        return None
    fill_value = parse_fill_value(dtype, chain.data_type, members["fill_value"], ("fill_value",), problems)
    if fill_value is None or chunk_shape is None or problems:
        return None
    encoding = ChunkKeyEncoding("v2", separator)
    return ArrayMetadata(shape, chain.data_type, chunk_shape, encoding, fill_value, chain.codecs, chain.attributes)


def _transposes(order: str, rank: int) -> tuple[NamedConfiguration, ...]:
    """What makes of a chunk one whose elements lie in C order as those of the chunk lie in `order`."""
    if order == "C" or rank < 2:
        return ()
    return (NamedConfiguration("transpose", {"order": list(reversed(range(rank)))}),)


def _parse_lengths(
    members: Mapping[str, Any], name: str, minimum: int, problems: list[Problem]
) -> tuple[int, ...] | None:
    return parse_shape(members[name], minimum, (name,), problems) if name in members else None


def _parse_chunks(
    members: Mapping[str, Any], shape: tuple[int, ...] | None, problems: list[Problem]
) -> tuple[int, ...] | None:
    chunks = _parse_lengths(members, "chunks", 0, problems)
    if chunks is None or shape is None:
        return None
    check_rank(len(chunks), shape, ("chunks",), problems)
    if len(chunks) != len(shape):
        return None
    for i, (chunk, length) in enumerate(zip(chunks, shape, strict=True)):
        if not chunk and length:
            problems.append(Problem(("chunks", i), "expected a positive integer"))
    return tuple(max(chunk, 1) for chunk in chunks)  # 0 is found where there are no elements, and thus no chunks


def _parse_choice(members: Mapping[str, Any], name: str, first: T, second: T, problems: list[Problem]) -> T:
    """One of two strings, the first where there is no such member."""
    value = members.get(name, first)
    if value not in (first, second):
        message = f'expected "{first}" or "{second}"'
        problems.append(Problem((name,), message, "value" if isinstance(value, str) else "type"))
    return second if value == second else first
