"""Zarr storage specification v2, "Hierarchies" and "Attributes": the documents `.zgroup` and `.zattrs`.

https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#groups
"""

from collections.abc import Mapping
from typing import Any

from zarr_hdf5.errors import InvalidMetadataError, Problem
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.problems import raise_problems

__all__ = ["parse_attributes", "parse_group", "parse_header"]


def parse_group(document: object, where: str = "") -> GroupMetadata:
    """Parse the `.zgroup` found at `where`. Raises InvalidMetadataError, UnsupportedFeatureError."""
    problems: list[Problem] = []
    parse_header(document, problems)
    raise_problems(problems, where)
    return GroupMetadata()


def parse_attributes(document: object, where: str = "") -> dict[str, Any]:
    """Parse the `.zattrs` found at `where`: any JSON object. Raises InvalidMetadataError."""
    if isinstance(document, Mapping):
        return dict(document)
    raise InvalidMetadataError([Problem((), "expected an object", "type")], where)


def parse_header(document: object, problems: list[Problem]) -> Mapping[str, Any] | None:
    """Check `zarr_format`; the document, if it is one of Zarr format 2: in another the members mean nothing."""
    if not isinstance(document, Mapping):
        problems.append(Problem((), "expected an object", "type"))
        return None
    found = document.get("zarr_format")
    if "zarr_format" not in document:
        problems.append(Problem(("zarr_format",), "is required", "missing"))
    elif type(found) is not int:
        problems.append(Problem(("zarr_format",), "expected the integer 2", "type"))
    elif found != 2:
        problems.append(Problem(("zarr_format",), "expected Zarr format 2", "unsupported"))
        return None
    return document
