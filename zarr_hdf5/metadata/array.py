"""Zarr core specification v3, "Array metadata".

https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#array-metadata

Knows the document's members; of a codec only its name and configuration.
"""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zarr_hdf5.chunk_grid import ChunkEdges, ChunkGrid, RectilinearChunkGrid, RegularChunkGrid
from zarr_hdf5.data_type import DataType, FillValue, fill_value_to_json, parse_data_type, parse_fill_value
from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata.chunk_grid import ChunkLengths, chunk_grid_to_json, parse_chunk_grid
from zarr_hdf5.metadata.chunk_key_encoding import KeyEncoding, parse_chunk_key_encoding
from zarr_hdf5.metadata.json_document import dump_json
from zarr_hdf5.metadata.lengths import check_rank, parse_shape
from zarr_hdf5.metadata.node_members import check_members, parse_attributes, parse_extra, parse_header
from zarr_hdf5.metadata.problems import error_of
from zarr_hdf5.named_configuration import NamedConfiguration, parse_named_configuration

__all__ = ["ArrayMetadata", "parse_array_metadata"]

_REQUIRED = ("shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs")
_KNOWN = {*_REQUIRED, "zarr_format", "node_type", "attributes", "dimension_names", "storage_transformers"}


@dataclass(frozen=True, slots=True)
class ArrayMetadata:
    """What the `zarr.json` of an array says.

    Attributes
    ----------
    shape, chunk_shape
        Elements along each dimension, of the array and of a chunk of its grid; of equal length.
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
    chunk_lengths
        Of a rectilinear grid: for each dimension the edge lengths of the chunks, or an integer where they are all of
        that length; `chunk_shape` has the longest of each then. None for a regular grid.
    """

    shape: tuple[int, ...]
    data_type: DataType
    chunk_shape: tuple[int, ...]
    chunk_key_encoding: KeyEncoding
    fill_value: FillValue
    codecs: tuple[NamedConfiguration, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    dimension_names: tuple[str | None, ...] | None = None
    storage_transformers: tuple[NamedConfiguration, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    chunk_lengths: ChunkLengths | None = None

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
    def chunk_grid(self) -> ChunkGrid:
        """The grid of chunks, that is of shards in a sharded array."""
        edges = self.chunk_edges
        return (
            RegularChunkGrid(self.shape, self.chunk_shape) if edges is None else RectilinearChunkGrid(self.shape, edges)
        )

    @property
    def chunk_edges(self) -> tuple[ChunkEdges, ...] | None:
        """Of a rectilinear grid, the edge lengths along each dimension; None for a regular grid."""
        if self.chunk_lengths is None:
            return None
        pairs = zip(self.chunk_lengths, self.shape, strict=True)
        return tuple(n if isinstance(n, ChunkEdges) else ChunkEdges.regular(n, extent) for n, extent in pairs)

    @property
    def distinct_lengths(self) -> list[set[int]]:
        """Along each dimension, the different lengths of chunks."""
        edges = self.chunk_edges
        return [{n} for n in self.chunk_shape] if edges is None else [along.lengths for along in edges]

    def resized(self, shape: tuple[int, ...], unit: tuple[int, ...]) -> "ArrayMetadata":
        """The same with another shape.

        A dimension whose listed chunks do not cover the new shape gets one more chunk, a multiple of `unit`; one that
        shrinks keeps the chunks outside, for when it grows again.
        """
        if self.chunk_lengths is None:
            return replace(self, shape=shape)
        each = zip(self.chunk_lengths, shape, unit, strict=True)
        lengths = tuple(n.grown(extent, one) if isinstance(n, ChunkEdges) else n for n, extent, one in each)
        return replace(self, shape=shape, chunk_shape=_longest(lengths), chunk_lengths=lengths)

    def to_json(self) -> dict[str, Any]:
        """The document, its members in the specification's order, the extra ones last."""
        document: dict[str, Any] = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": self.data_type.to_json(),
            "chunk_grid": chunk_grid_to_json(self.chunk_lengths or self.chunk_shape),
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
    shape = parse_shape(members["shape"], 0, ("shape",), problems) if "shape" in members else None
    data_type = parse_data_type(members["data_type"], ("data_type",), problems) if "data_type" in members else None
    lengths = parse_chunk_grid(members["chunk_grid"], shape, problems) if "chunk_grid" in members else None
    chunk_key_encoding = _parse_chunk_key_encoding(members, problems)
    fill_value = None
    if data_type is not None and "fill_value" in members:
        fill_value = parse_fill_value(data_type, members["fill_value"], ("fill_value",), problems)
    codecs = _parse_codecs(members, problems)
    attributes = parse_attributes(members, problems)
    dimension_names = _parse_dimension_names(members, shape, problems)
    storage_transformers = _parse_storage_transformers(members, problems)
    extra = parse_extra(members, _KNOWN, problems)
    if shape is None or data_type is None or lengths is None or chunk_key_encoding is None or fill_value is None:
        return None
    if len(problems) > before:
        return None
    return ArrayMetadata(
        shape,
        data_type,
        _longest(lengths),
        chunk_key_encoding,
        fill_value,
        codecs,
        attributes,
        dimension_names,
        storage_transformers,
        extra,
        lengths if any(isinstance(length, ChunkEdges) for length in lengths) else None,
    )


def _longest(lengths: ChunkLengths) -> tuple[int, ...]:
    return tuple(max(length.lengths) if isinstance(length, ChunkEdges) else length for length in lengths)


# Each of the following parses one member, and is silent about one that is required but absent.


def _parse_chunk_key_encoding(members: Mapping[str, Any], problems: list[Problem]) -> KeyEncoding | None:
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
    check_rank(len(names), shape, path, problems)
    return tuple(names)
