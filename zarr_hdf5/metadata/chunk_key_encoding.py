"""Chunk key encodings: from the coordinates of a chunk to its key and back.

`default` and `v2` are the core specification's,
https://zarr-specs.readthedocs.io/en/latest/v3/chunk-key-encodings/default/index.html
https://zarr-specs.readthedocs.io/en/latest/v3/chunk-key-encodings/v2/index.html
`suffix` and `fanout` are proposed to zarr-extensions (pull requests 28 and 31), as their texts were in 2026,
https://github.com/zarr-developers/zarr-extensions/pull/28
https://github.com/zarr-developers/zarr-extensions/pull/31

Keys are relative to the array's own prefix. Knows nothing of stores, nor of how many chunks there are.
"""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from zarr_hdf5.errors import Problem
from zarr_hdf5.named_configuration import NamedConfiguration, parse_named_configuration

__all__ = [
    "CORE_ENCODINGS",
    "ChunkKeyEncoding",
    "FanoutEncoding",
    "KeyEncoding",
    "SuffixEncoding",
    "parse_chunk_key_encoding",
]

CORE_ENCODINGS = ("default", "v2")

_COORDINATE = re.compile("0|[1-9][0-9]{0,18}")


Path = tuple[str | int, ...]


@runtime_checkable
class KeyEncoding(Protocol):
    """From coordinates to keys and back."""

    @property
    def name(self) -> str:
        """As in the metadata."""
        ...

    def encode(self, chunk_coords: tuple[int, ...]) -> str:
        """The key of the chunk at `chunk_coords`."""
        ...

    def decode(self, key: str, ndim: int) -> tuple[int, ...] | None:
        """The coordinates that `encode` turns into `key` in an array of `ndim` dimensions; None if there are none."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The `chunk_key_encoding` member."""
        ...


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


@dataclass(frozen=True, slots=True)
class SuffixEncoding:
    """`suffix`: a file name's ending behind the key of another encoding, as in "c/1/23.h5"."""

    suffix: str
    base: "ChunkKeyEncoding | FanoutEncoding" = ChunkKeyEncoding()

    @property
    def name(self) -> str:
        """See `KeyEncoding`."""
        return "suffix"

    def encode(self, chunk_coords: tuple[int, ...]) -> str:
        """See `KeyEncoding`."""
        return self.base.encode(chunk_coords) + self.suffix

    def decode(self, key: str, ndim: int) -> tuple[int, ...] | None:
        """See `KeyEncoding`."""
        return self.base.decode(key.removesuffix(self.suffix), ndim) if key.endswith(self.suffix) else None

    def to_json(self) -> dict[str, Any]:
        """See `KeyEncoding`."""
        return {"name": "suffix", "configuration": {"suffix": self.suffix, "base_encoding": self.base.to_json()}}


@dataclass(frozen=True, slots=True)
class FanoutEncoding:
    """`fanout`: "d0/1/23/d1/4/c", coordinates in digits of base `max_children` - 1, so that no directory has more."""

    max_children: int = 1001

    @property
    def name(self) -> str:
        """See `KeyEncoding`."""
        return "fanout"

    def encode(self, chunk_coords: tuple[int, ...]) -> str:
        """See `KeyEncoding`."""
        return "".join(f"d{dim}/{self._digits(i)}/" for dim, i in enumerate(chunk_coords)) + "c"

    def _digits(self, coordinate: int) -> str:
        digits = []
        while True:
            coordinate, digit = divmod(coordinate, self.max_children - 1)
            digits.append(str(digit))
            if not coordinate:
                return "/".join(reversed(digits))

    def decode(self, key: str, ndim: int) -> tuple[int, ...] | None:
        """See `KeyEncoding`."""
        coords: list[int] = []
        for part in key.split("/")[:-1]:
            if part == f"d{len(coords)}":
                coords.append(0)
            elif coords and _COORDINATE.fullmatch(part) and coords[-1] < 2**63:
                coords[-1] = coords[-1] * (self.max_children - 1) + int(part)
            else:
                return None
        found = tuple(coords)
        return found if len(found) == ndim and self.encode(found) == key else None

    def to_json(self) -> dict[str, Any]:
        """See `KeyEncoding`."""
        return {"name": "fanout", "configuration": {"max_children": self.max_children}}


def parse_chunk_key_encoding(document: object, path: Path, problems: list[Problem]) -> KeyEncoding | None:
    """Parse the `chunk_key_encoding` member; faults are appended to `problems`, then the result is None."""
    named = parse_named_configuration(document, path, problems, ignorable=False)
    if named is None:
        return None
    if named.name == "suffix":
        return _Parser((*path, "configuration"), named.configuration, problems).suffix()
    return _parse_base(named, path, problems)


def _parse_base(
    named: NamedConfiguration, path: Path, problems: list[Problem]
) -> ChunkKeyEncoding | FanoutEncoding | None:
    """An encoding that is not made of another one."""
    parser = _Parser((*path, "configuration"), named.configuration, problems)
    if named.name == "fanout":
        return parser.fanout()
    if named.name in CORE_ENCODINGS:
        return parser.core("default" if named.name == "default" else "v2")
    message = f"the chunk key encoding {reprlib.repr(named.name)} is not supported"
    problems.append(Problem((*path, "name"), message, "unsupported"))
    return None


@dataclass(frozen=True, slots=True)
class _Parser:
    """Parses the `configuration` at `path` of one encoding."""

    path: Path
    configuration: Mapping[str, Any]
    problems: list[Problem]

    def core(self, name: Literal["default", "v2"]) -> ChunkKeyEncoding | None:
        known = self._knows("separator")
        separator = self.configuration.get("separator", "/" if name == "default" else ".")
        if separator not in ("/", "."):
            kind: Literal["value", "type"] = "value" if isinstance(separator, str) else "type"
            self.problems.append(Problem((*self.path, "separator"), 'expected "/" or "."', kind))
            return None
        return ChunkKeyEncoding(name, separator) if known else None

    def fanout(self) -> FanoutEncoding | None:
        known = self._knows("max_children")
        most = self.configuration.get("max_children", 1001)
        if type(most) is not int or not 3 < most < 2**63:
            kind: Literal["value", "type"] = "value" if type(most) is int else "type"
            self.problems.append(Problem((*self.path, "max_children"), "expected an integer greater than 3", kind))
            return None
        return FanoutEncoding(most) if known else None

    def suffix(self) -> SuffixEncoding | None:
        # The proposal's examples have both spellings of base_encoding, and its first version did without.
        known = self._knows("suffix", "base_encoding", "base-encoding")
        spelling = "base-encoding" if "base-encoding" in self.configuration else "base_encoding"
        path = (*self.path, spelling)
        named = parse_named_configuration(
            self.configuration.get(spelling, "default"), path, self.problems, ignorable=False
        )
        base = None if named is None else _parse_base(named, path, self.problems)
        suffix = self.configuration.get("suffix")
        if suffix is None:
            self.problems.append(Problem((*self.path, "suffix"), "is required", "missing"))
        elif not isinstance(suffix, str):
            self.problems.append(Problem((*self.path, "suffix"), "expected a string", "type"))
        elif not _is_ending(suffix):
            self.problems.append(Problem((*self.path, "suffix"), "is not the ending of a file's name"))
        elif base is not None and known:
            return SuffixEncoding(suffix, base)
        return None

    def _knows(self, *known: str) -> bool:
        unknown = [key for key in self.configuration if key not in known]
        self.problems.extend(Problem((*self.path, key), "is not a parameter", "unknown") for key in unknown)
        return not unknown


def _is_ending(suffix: str) -> bool:
    """Whether a key that ends so is still the name of one file, in the same directory."""
    return suffix.isprintable() and 0 < len(suffix) <= 100 and not set(suffix) & set('/\\:*?"<>|')
