"""Zarr core specification v3, "Extension definition": a name and its configuration.

https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#extension-definition

The form of every extension point: codecs, chunk grids, chunk key encodings, storage transformers. Knows nothing of
what any name means.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zarr_hdf5.errors import Problem

__all__ = ["NamedConfiguration", "is_ignorable", "parse_named_configuration"]


@dataclass(frozen=True, slots=True)
class NamedConfiguration:
    """An extension: which, and with what parameters.

    Attributes
    ----------
    name, configuration
        As in JSON; an absent configuration is an empty one.
    must_understand
        False where a reader that does not know `name` may go on without.
    """

    name: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    must_understand: bool = True

    def to_json(self) -> dict[str, Any]:
        """The object form, always with `configuration`: some readers demand it, and none may refuse it."""
        document = {"name": self.name, "configuration": dict(self.configuration)}
        return document if self.must_understand else {**document, "must_understand": False}


def is_ignorable(document: object) -> bool:
    """Whether a reader who does not know this member's meaning may go on."""
    return isinstance(document, Mapping) and document.get("must_understand") is False


def parse_named_configuration(
    document: object, path: tuple[str | int, ...], problems: list[Problem], *, ignorable: bool = True
) -> NamedConfiguration | None:
    """Parse an extension definition, an object or a bare name.

    Faults are appended to `problems`, each at its place below `path`; then the result is None. With `ignorable` false,
    as for data types, chunk grids and chunk key encodings, `must_understand` may not be false. Members that
    may be ignored are, and do not survive a rewrite.
    """
    if isinstance(document, str):
        document = {"name": document}
    if not isinstance(document, Mapping):
        problems.append(Problem(path, "expected a name or an object", "type"))
        return None
    before = len(problems)
    name, configuration = document.get("name"), document.get("configuration", {})
    must_understand = document.get("must_understand", True)
    if "name" not in document:
        problems.append(Problem((*path, "name"), "is required", "missing"))
    elif not isinstance(name, str):
        problems.append(Problem((*path, "name"), "expected a string", "type"))
    elif not name:
        problems.append(Problem((*path, "name"), "is empty"))
    if not isinstance(configuration, Mapping):
        problems.append(Problem((*path, "configuration"), "expected an object", "type"))
    if not isinstance(must_understand, bool):
        problems.append(Problem((*path, "must_understand"), "expected true or false", "type"))
    elif not must_understand and not ignorable:
        problems.append(Problem((*path, "must_understand"), "may not be false here"))
    for key, value in document.items():
        if key not in ("name", "configuration", "must_understand") and not is_ignorable(value):
            problems.append(Problem((*path, key), "is not a member of an extension", "unknown"))
    if len(problems) > before or not isinstance(name, str):
        return None
    return NamedConfiguration(name, dict(configuration), must_understand)
