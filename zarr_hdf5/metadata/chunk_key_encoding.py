"""Zarr core specification v3, "Chunk key encodings": from the coordinates of a chunk to its key and back.

https://zarr-specs.readthedocs.io/en/latest/v3/chunk-key-encodings/default/index.html
https://zarr-specs.readthedocs.io/en/latest/v3/chunk-key-encodings/v2/index.html

Keys are relative to the array's own prefix. Knows nothing of stores, nor of how many chunks there are.
"""

import re
import reprlib
from dataclasses import dataclass
from typing import Any, Literal

from zarr_hdf5.errors import Problem
from zarr_hdf5.named_configuration import parse_named_configuration

__all__ = ["ChunkKeyEncoding", "parse_chunk_key_encoding"]

_COORDINATE = re.compile("0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class ChunkKeyEncoding:
    """One of the two core encodings: "default" gives "c/1/23", "v2" gives "1.23"."""

    name: Literal["default", "v2"] = "default"
    separator: Literal["/", "."] = "/"

    def encode(self, chunk_coords: tuple[int, ...]) -> str:
        """The key of the chunk at `chunk_coords`."""
        parts = map(str, chunk_coords)
        if self.name == "default":
            return self.separator.join(("c", *parts))
        return self.separator.join(parts) or "0"

    def decode(self, key: str, ndim: int) -> tuple[int, ...] | None:
        """The coordinates that `encode` turns into `key` in an array of `ndim` dimensions; None if there are none."""
        parts = key.split(self.separator)
        if self.name == "default":
            if parts.pop(0) != "c":
                return None
        elif ndim == 0:
            return () if key == "0" else None
        if len(parts) != ndim or not all(_COORDINATE.fullmatch(part) for part in parts):
            return None
        return tuple(map(int, parts))

    def to_json(self) -> dict[str, Any]:
        """The `chunk_key_encoding` member, the separator spelt out."""
        return {"name": self.name, "configuration": {"separator": self.separator}}


def parse_chunk_key_encoding(
    document: object, path: tuple[str | int, ...], problems: list[Problem]
) -> ChunkKeyEncoding | None:
    """Parse the `chunk_key_encoding` member; faults are appended to `problems`, then the result is None."""
    named = parse_named_configuration(document, path, problems, ignorable=False)
    if named is None:
        return None
    if named.name not in ("default", "v2"):
        message = f"the chunk key encoding {reprlib.repr(named.name)} is not supported"
        problems.append(Problem((*path, "name"), message, "unsupported"))
        return None
    unknown = [key for key in named.configuration if key != "separator"]
    problems.extend(Problem((*path, "configuration", key), "is not a parameter", "unknown") for key in unknown)
    separator = named.configuration.get("separator", "/" if named.name == "default" else ".")
    if separator not in ("/", "."):
        kind: Literal["value", "type"] = "value" if isinstance(separator, str) else "type"
        problems.append(Problem((*path, "configuration", "separator"), 'expected "/" or "."', kind))
        return None
    return None if unknown else ChunkKeyEncoding("default" if named.name == "default" else "v2", separator)
