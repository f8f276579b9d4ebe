"""Zarr core specification v3, "Array metadata".

https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#array-metadata

Knows the document's members; of a codec only its name and configuration.
"""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zarr_hdf5.chunk_grid import RegularChunkGrid
from zarr_hdf5.data_type import DataType, FillValue, fill_value_to_json, parse_data_type, parse_fill_value
from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata.chunk_key_encoding import ChunkKeyEncoding, parse_chunk_key_encoding
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.metadata.node_members import check_members, parse_attributes, parse_extra, parse_header
from zarr_hdf5.metadata.problems import error_of
from zarr_hdf5.named_configuration import NamedConfiguration, parse_named_configuration

__all__ = ["ArrayMetadata", "parse_array_metadata"]

_REQUIRED = ("shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs")
_KNOWN = {*_REQUIRED, "zarr_format", "node_type", "attributes", "dimension_names", "storage_transformers"}

# HDF5 and numpy 1 stop here; numpy 2 at 64.
_MAX_RANK = 32


@dataclass(frozen=True, slots=True)
class ArrayMetadata:
    """What the `zarr.json` of an array says.

    Attributes
    ----------
    shape, chunk_shape
        Elements along each dimension, of the array and of a chunk of its (regular) grid; of equal length.
    fill_value
        A scalar of `data_type.dtype`; str or bytes where elements are of variable length.
    codecs
        In the order of encoding; at least one.
    dimension_names
        As many as dimensions, None for one without a name; None if the document has no names at all.
    storage_transformers
        Only such as may be ignored.
    extra
        Members this library does not know, each an object with `"must_understand": false`; kept on rewriting.
    """

    shape: tuple[int, ...]
    data_type: DataType
    chunk_shape: tuple[int, ...]
    chunk_key_encoding: ChunkKeyEncoding
    fill_value: FillValue
    codecs: tuple[NamedConfiguration, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    dimension_names: tuple[str | None, ...] | None = None
    storage_transformers: tuple[NamedConfiguration, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, document: object, where: str = "") -> "ArrayMetadata":
        """Parse the document found at `where`.

        Raises
        ------
        InvalidMetadataError
            With every problem of the document.
        UnsupportedFeatureError
            If all of them are features that this library does not support.
        """
        problems: list[Problem] = []
        metadata = parse_array_metadata(document, problems)
        if metadata is None or problems:
            raise error_of(problems, where)
        return metadata

    def __eq__(self, other: object) -> bool:
        """Equal if written alike: NaN is equal to NaN, but not to one of other bits, and 0 is not -0."""
        if not isinstance(other, ArrayMetadata):
            return NotImplemented
        return dump_json(self.to_json()) == dump_json(other.to_json())

    @property
    def chunk_grid(self) -> RegularChunkGrid:
        """The grid of chunks, that is of shards in a sharded array."""
        return RegularChunkGrid(self.shape, self.chunk_shape)

    def to_json(self) -> dict[str, Any]:
        """The document, its members in the specification's order, the extra ones last."""
        document: dict[str, Any] = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": self.data_type.to_json(),
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.chunk_shape)}},
            "chunk_key_encoding": self.chunk_key_encoding.to_json(),
            "fill_value": fill_value_to_json(self.data_type, self.fill_value),
            "codecs": [codec.to_json() for codec in self.codecs],
            "attributes": dict(self.attributes),
        }
        if self.dimension_names is not None:
            document["dimension_names"] = list(self.dimension_names)
        if self.storage_transformers:
            document["storage_transformers"] = [transformer.to_json() for transformer in self.storage_transformers]
        return document | dict(self.extra)


def parse_array_metadata(document: object, problems: list[Problem]) -> ArrayMetadata | None:
    """Parse an array's metadata document.

    Every fault is appended to `problems`, with its path in the document; then the result is None.
    """
    before = len(problems)
    members = parse_header(document, problems, "array")
    if members is None:
        return None
    check_members(members, _REQUIRED, problems)
    shape = _parse_shape(members, problems)
    data_type = parse_data_type(members["data_type"], ("data_type",), problems) if "data_type" in members else None
    chunk_shape = _parse_chunk_grid(members, shape, problems)
    chunk_key_encoding = _parse_chunk_key_encoding(members, problems)
    fill_value = None
    if data_type is not None and "fill_value" in members:
        fill_value = parse_fill_value(data_type, members["fill_value"], ("fill_value",), problems)
    codecs = _parse_codecs(members, problems)
    attributes = parse_attributes(members, problems)
    dimension_names = _parse_dimension_names(members, shape, problems)
    storage_transformers = _parse_storage_transformers(members, problems)
    extra = parse_extra(members, _KNOWN, problems)
    if shape is None or data_type is None or chunk_shape is None or chunk_key_encoding is None or fill_value is None:
        return None
    if len(problems) > before:
        return None
    return ArrayMetadata(
        shape,
        data_type,
        chunk_shape,
        chunk_key_encoding,
        fill_value,
        codecs,
        attributes,
        dimension_names,
        storage_transformers,
        extra,
    )


# Each of the following parses one member, and is silent about one that is required but absent.


def _parse_shape(members: Mapping[str, Any], problems: list[Problem]) -> tuple[int, ...] | None:
    if "shape" not in members:
        return None
    shape = _parse_lengths(members["shape"], 0, ("shape",), problems)
    if shape is not None and len(shape) > _MAX_RANK:
        problems.append(Problem(("shape",), f"{len(shape)} dimensions are more than {_MAX_RANK}", "unsupported"))
    return shape


def _parse_chunk_grid(
    members: Mapping[str, Any], shape: tuple[int, ...] | None, problems: list[Problem]
) -> tuple[int, ...] | None:
    if "chunk_grid" not in members:
        return None
    grid = parse_named_configuration(members["chunk_grid"], ("chunk_grid",), problems, ignorable=False)
    if grid is None:
        return None
    if grid.name != "regular":
        message = f"the chunk grid {reprlib.repr(grid.name)} is not supported"
        problems.append(Problem(("chunk_grid", "name"), message, "unsupported"))
        return None
    place = ("chunk_grid", "configuration")
    unknown = [key for key in grid.configuration if key != "chunk_shape"]
    problems.extend(Problem((*place, key), "is not a parameter of a regular grid", "unknown") for key in unknown)
    if "chunk_shape" not in grid.configuration:
        problems.append(Problem((*place, "chunk_shape"), "is required", "missing"))
        return None
    chunk_shape = _parse_lengths(grid.configuration["chunk_shape"], 1, (*place, "chunk_shape"), problems)
    if chunk_shape is not None:
        _check_rank(len(chunk_shape), shape, (*place, "chunk_shape"), problems)
    return chunk_shape


def _parse_chunk_key_encoding(members: Mapping[str, Any], problems: list[Problem]) -> ChunkKeyEncoding | None:
    if "chunk_key_encoding" not in members:
        return None
    return parse_chunk_key_encoding(members["chunk_key_encoding"], ("chunk_key_encoding",), problems)


def _parse_codecs(members: Mapping[str, Any], problems: list[Problem]) -> tuple[NamedConfiguration, ...]:
    if "codecs" not in members:
        return ()
    if members["codecs"] == []:
        problems.append(Problem(("codecs",), "is empty, but at least one codec must make bytes of an array"))
    codecs = _parse_extensions("codecs", members["codecs"], problems)
    return tuple(codec for codec in codecs if codec is not None)


def _parse_storage_transformers(members: Mapping[str, Any], problems: list[Problem]) -> tuple[NamedConfiguration, ...]:
    name = "storage_transformers"
    transformers = _parse_extensions(name, members.get(name, []), problems)
    for i, transformer in enumerate(transformers):
        if transformer is not None and transformer.must_understand:
            message = f"the storage transformer {reprlib.repr(transformer.name)} is not supported"
            problems.append(Problem((name, i), message, "unsupported"))
    return tuple(transformer for transformer in transformers if transformer is not None)


def _parse_extensions(name: str, document: object, problems: list[Problem]) -> list[NamedConfiguration | None]:
    if not isinstance(document, list):
        problems.append(Problem((name,), "expected a list", "type"))
        return []
    return [parse_named_configuration(item, (name, i), problems) for i, item in enumerate(document)]


def _parse_dimension_names(
    members: Mapping[str, Any], shape: tuple[int, ...] | None, problems: list[Problem]
) -> tuple[str | None, ...] | None:
    names, path = members.get("dimension_names"), ("dimension_names",)
    if names is None:  # null is not legal, but icechunk and the first zarr-python 3 wrote it
        return None
    if not isinstance(names, list):
        problems.append(Problem(path, "expected a list", "type"))
        return None
    for i, name in enumerate(names):
        if not isinstance(name, str | None):
            problems.append(Problem((*path, i), "expected a string or null", "type"))
    _check_rank(len(names), shape, path, problems)
    return tuple(names)


def _parse_lengths(
    document: object, minimum: int, path: tuple[str, ...], problems: list[Problem]
) -> tuple[int, ...] | None:
    if not isinstance(document, list):
        problems.append(Problem(path, "expected a list of integers", "type"))
        return None
    before = len(problems)
    for i, length in enumerate(document):
        if isinstance(length, bool) or not isinstance(length, int):
            problems.append(Problem((*path, i), "expected an integer", "type"))
        elif not minimum <= length < 2**63:
            problems.append(Problem((*path, i), f"expected an integer from {minimum} to 2**63 - 1"))
    return tuple(document) if len(problems) == before else None


def _check_rank(rank: int, shape: tuple[int, ...] | None, path: tuple[str, ...], problems: list[Problem]) -> None:
    if shape is not None and rank != len(shape):
        problems.append(Problem(path, f"has {rank} entries, but the shape has {len(shape)}"))
