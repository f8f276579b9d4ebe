"""Zarr core specification v3, "Group metadata".

https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#group-metadata

Knows the document's members; knows nothing of what the group contains.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata.node_members import parse_attributes, parse_extra, parse_header
from zarr_hdf5.metadata.problems import error_of

__all__ = ["GroupMetadata", "parse_group_metadata"]

_KNOWN = {"zarr_format", "node_type", "attributes"}


@dataclass(frozen=True, slots=True)
class GroupMetadata:
    """What the `zarr.json` of a group says.

    Attributes
    ----------
    extra
        Members the specification does not know, each an object with `"must_understand": false`, such as
        `consolidated_metadata` (see `metadata.consolidated`); the others are kept on rewriting.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, document: object, where: str = "") -> "GroupMetadata":
        """Parse the document found at `where`.

        Raises
        ------
        InvalidMetadataError
            With every problem of the document.
        UnsupportedFeatureError
            If it is of another Zarr format.
        """
        problems: list[Problem] = []
        metadata = parse_group_metadata(document, problems)
        if metadata is None or problems:
            raise error_of(problems, where)
        return metadata

    def to_json(self) -> dict[str, Any]:
        """The document, its members in the specification's order, the extra ones last."""
        return {"zarr_format": 3, "node_type": "group", "attributes": dict(self.attributes), **self.extra}


def parse_group_metadata(document: object, problems: list[Problem]) -> GroupMetadata | None:
    """Parse a group's metadata document.

    Every fault is appended to `problems`, with its path in the document; then the result is None.
    """
    before = len(problems)
    members = parse_header(document, problems, "group")
    if members is None:
        return None
    attributes = parse_attributes(members, problems)
    if members.get("consolidated_metadata", 0) is None:  # zarr-python 3.0 wrote null into every group; not legal
        members = {key: value for key, value in members.items() if key != "consolidated_metadata"}
    extra = parse_extra(members, _KNOWN, problems)
    return GroupMetadata(attributes, extra) if len(problems) == before else None
