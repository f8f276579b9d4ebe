"""Zarr storage specification v2, "Hierarchies" and "Attributes": the documents `.zgroup` and `.zattrs`.

https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#groups
"""

from collections.abc import Mapping
from typing import Any

from zarr_hdf5.errors import InvalidMetadataError, Problem
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.node_members import parse_format
from zarr_hdf5.metadata.problems import raise_problems

__all__ = ["parse_attributes", "parse_group"]


def parse_group(document: object, where: str = "") -> GroupMetadata:
    """Parse the `.zgroup` found at `where`. Raises InvalidMetadataError, UnsupportedFeatureError."""
    problems: list[Problem] = []
    parse_format(document, 2, problems)
    raise_problems(problems, where)
    return GroupMetadata()


def parse_attributes(document: object, where: str = "") -> dict[str, Any]:
    """Parse the `.zattrs` found at `where`: any JSON object. Raises InvalidMetadataError."""
    if isinstance(document, Mapping):
        return dict(document)
    raise InvalidMetadataError([Problem((), "expected an object", "type")], where)
