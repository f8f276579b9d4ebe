"""HDF5's names as names of Zarr nodes, and back.

HDF5 takes any bytes but "/" and NUL. Those that cannot stand in a Zarr path are written as in URLs, `%5C` for a
backslash, and so is a `%` that would be taken for such.
"""

import re
from urllib.parse import unquote

__all__ = ["escape_name", "unescape_name"]

ESCAPE = re.compile(r"[\\\udc80-\udcff]|%(?=[0-9A-Fa-f]{2})")


def escape_name(name: str) -> str:
    """The Zarr name of an HDF5 name (bytes that are not UTF-8 as lone surrogates)."""
    if name == "zarr.json" or not name.strip("."):
        return name.replace(".", "%2E")
    return ESCAPE.sub(_escape, name)


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8", "surrogateescape"))


def unescape_name(name: str) -> str:
    """The inverse of `escape_name`."""
    return unquote(name, errors="surrogateescape")
