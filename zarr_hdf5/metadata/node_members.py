"""Zarr core specification v3, "Metadata": the members that array and group documents share.

https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#metadata

Each function parses one member; faults are appended to `problems` at their place in the document.
"""

from collections.abc import Mapping, Set
from typing import Any

from zarr_hdf5.errors import Problem
from zarr_hdf5.named_configuration import is_ignorable

__all__ = ["check_members", "parse_attributes", "parse_extra", "parse_format", "parse_header"]


def parse_header(document: object, problems: list[Problem], node_type: str = "") -> Mapping[str, Any] | None:
    """Check `zarr_format` and `node_type` ("" stands for either); the document, if it is one of Zarr format 3.

    In another format the other members mean nothing, so no more is said about them.
    """
    members = parse_format(document, 3, problems)
    if members is not None:
        _check_node_type(members, problems, node_type)
    return members


def parse_format(document: object, wanted: int, problems: list[Problem]) -> Mapping[str, Any] | None:
    """Check `zarr_format`; the document, if it is an object of the `wanted` format or of none that is known."""
    if not isinstance(document, Mapping):
        problems.append(Problem((), "expected an object", "type"))
        return None
    found = document.get("zarr_format")
    if "zarr_format" not in document:
        problems.append(Problem(("zarr_format",), "is required", "missing"))
    elif isinstance(found, bool) or not isinstance(found, int):
        problems.append(Problem(("zarr_format",), f"expected the integer {wanted}", "type"))
    elif found != wanted:
        text = f"expected Zarr format {wanted}"
        message = f"{text}, found {found}" if 0 <= found < 100 else text
        problems.append(Problem(("zarr_format",), message, "unsupported"))
        return None
    return document


def _check_node_type(document: Mapping[str, Any], problems: list[Problem], node_type: str) -> None:
    expected = (node_type,) if node_type else ("array", "group")
    if "node_type" not in document:
        problems.append(Problem(("node_type",), "is required", "missing"))
    elif not isinstance(document["node_type"], str):
        problems.append(Problem(("node_type",), "expected a string", "type"))
    elif document["node_type"] not in expected:
        problems.append(Problem(("node_type",), "expected " + " or ".join(f'"{name}"' for name in expected)))


def check_members(document: Mapping[str, Any], required: tuple[str, ...], problems: list[Problem]) -> None:
    """Report the `required` members that are absent."""
    problems.extend(Problem((name,), "is required", "missing") for name in required if name not in document)


def parse_attributes(document: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The user's attributes; none is the same as an empty object."""
    attributes = document.get("attributes", {})
    if isinstance(attributes, Mapping):
        return dict(attributes)
    problems.append(Problem(("attributes",), "expected an object", "type"))
    return {}


def parse_extra(document: Mapping[str, Any], known: Set[str], problems: list[Problem]) -> dict[str, Any]:
    """The members that are not `known`, every one of which must say that it may be ignored."""
    extra = {key: value for key, value in document.items() if key not in known}
    for key, value in extra.items():
        if not is_ignorable(value):
            message = 'is not known, nor an object with "must_understand": false'
            problems.append(Problem((key,), message, "unknown"))
    return extra
