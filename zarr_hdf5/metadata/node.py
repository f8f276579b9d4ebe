"""Zarr core specification v3, "Metadata": the document `zarr.json`, be it of an array or of a group.

https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#metadata

Knows how to tell the two apart; knows nothing of where documents are kept.
"""

from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata
from zarr_hdf5.metadata.json_document import load_json
from zarr_hdf5.metadata.node_members import parse_header
from zarr_hdf5.metadata.problems import error_of

__all__ = ["is_node_name", "parse_document", "parse_node"]


def is_node_name(name: str) -> bool:
    """Whether a node may be called so ("Node names"). It is not asked whether "__", which is reserved, comes first.

    xarray gives nameless variables such names, and everybody reads them. zarr-python takes a backslash for a slash.
    """
    return bool(name.strip(".")) and name != "zarr.json" and not {"/", "\0", "\\"} & {*name}


def parse_node(data: bytes, where: str = "") -> ArrayMetadata | GroupMetadata:
    """Parse the bytes of the `zarr.json` at `where`.

    Raises
    ------
    InvalidMetadataError
        With every problem of the document.
    UnsupportedFeatureError
        If all of them are features that this library does not support, or it is of another Zarr format.
    """
    return parse_document(load_json(data, where), where)


def parse_document(document: object, where: str = "") -> ArrayMetadata | GroupMetadata:
    """Parse the JSON value found at `where`. Raises as `parse_node` does."""
    problems: list[Problem] = []
    members = parse_header(document, problems)
    node_type = None if members is None else members.get("node_type")
    if node_type == "array":
        return ArrayMetadata.parse(document, where)
    if node_type == "group":
        return GroupMetadata.parse(document, where)
    raise error_of(problems, where)
