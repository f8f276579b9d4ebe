"""The configurations of numcodecs' codecs (https://numcodecs.readthedocs.io) as those of Zarr v3's codecs.

Most have the same name, with "numcodecs." before it, and the same parameters. Here are those that have others, and
numcodecs' defaults where they are not the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Document", "in_v3"]

Path: TypeAlias = tuple[str | int, ...]
Configuration: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """The configuration of one of numcodecs' codecs, and where in `.zarray` it is."""

    path: Path
    id: str
    configuration: Configuration


def in_v3(document: Document) -> tuple[str, Configuration]:
    """Name and configuration in v3, where there may be no such codec."""
    return _TRANSLATIONS.get(document.id, _with_prefix)(document)


def _with_prefix(document: Document) -> tuple[str, Configuration]:
    return f"numcodecs.{document.id}", document.configuration


def _gzip(document: Document) -> tuple[str, Configuration]:
    level = document.configuration.get("level", 1)
    return "gzip", {**document.configuration, "level": 6 if level == -1 else level}  # -1 is zlib's word for 6


def _zstd(document: Document) -> tuple[str, Configuration]:
    return "zstd", {"level": 0, "checksum": False, **document.configuration}


def _blosc(document: Document) -> tuple[str, Configuration]:
    given = {"cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0, **document.configuration}
    shuffle = given["shuffle"]
    known = isinstance(shuffle, int) and -1 <= shuffle <= 2
    given["shuffle"] = (None, "noshuffle", "shuffle", "bitshuffle")[shuffle + 1] if known else shuffle
    return "blosc", {key: value for key, value in given.items() if value is not None}


def _crc32c(document: Document) -> tuple[str, Configuration]:
    if document.configuration.get("location", "end") != "end":
        return _with_prefix(document)
    return "crc32c", {key: value for key, value in document.configuration.items() if key != "location"}


def _shuffle(document: Document) -> tuple[str, Configuration]:
    return "numcodecs.shuffle", {"elementsize": 4, **document.configuration}


_TRANSLATIONS: Mapping[str, Callable[[Document], tuple[str, Configuration]]] = {
    "blosc": _blosc,
    "crc32c": _crc32c,
    "gzip": _gzip,
    "shuffle": _shuffle,
    "zstd": _zstd,
}
