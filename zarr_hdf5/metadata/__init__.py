"""Zarr v3 metadata documents: JSON to values and back."""

from zarr_hdf5.metadata.array import ArrayMetadata, parse_array_metadata
from zarr_hdf5.metadata.chunk_key_encoding import (
    ChunkKeyEncoding,
    FanoutEncoding,
    SuffixEncoding,
    parse_chunk_key_encoding,
)
from zarr_hdf5.metadata.group import GroupMetadata, parse_group_metadata
from zarr_hdf5.metadata.json_document import dump_json, load_json
from zarr_hdf5.metadata.node import parse_node
from zarr_hdf5.metadata.problems import raise_problems
from zarr_hdf5.named_configuration import NamedConfiguration, parse_named_configuration

__all__ = [
    "ArrayMetadata",
    "ChunkKeyEncoding",
    "FanoutEncoding",
    "GroupMetadata",
    "NamedConfiguration",
    "SuffixEncoding",
    "dump_json",
    "load_json",
    "parse_array_metadata",
    "parse_chunk_key_encoding",
    "parse_group_metadata",
    "parse_named_configuration",
    "parse_node",
    "raise_problems",
]
