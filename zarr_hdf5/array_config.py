"""How an array is read and written, which its metadata do not say: `config`, spelt as zarr-python spells it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from zarr_hdf5.errors import InvalidMetadataError, Problem

__all__ = ["DEFAULT_CONFIG", "ArrayConfig", "ArrayConfigOptions"]


class ArrayConfigOptions(TypedDict, total=False):
    """Members of the option `config`; see `ArrayConfig`."""

    write_empty_chunks: bool
    read_missing_chunks: bool


@dataclass(frozen=True, slots=True)
class ArrayConfig:
    """How an array is read and written.

    write_empty_chunks
        Store also chunks of which every element is the fill value, bit for bit.
    read_missing_chunks
        Read chunks that are not stored as the fill value; otherwise that is a ChunkNotFoundError.
    """

    write_empty_chunks: bool = False
    read_missing_chunks: bool = True

    @classmethod
    def parse(cls, options: "Mapping[str, Any] | ArrayConfig | None" = None) -> "ArrayConfig":
        """From what a user gave. Raises InvalidMetadataError."""
        if options is None or isinstance(options, ArrayConfig):
            return options or cls()
        known = {field.name for field in fields(cls)}
        problems = [Problem(("config", name), "is not known", "unknown") for name in options if name not in known]
        problems += [
            Problem(("config", name), f"must be True or False, not {value!r}", "type")
            for name, value in options.items()
            if name in known and not isinstance(value, bool)
        ]
        if problems:
            raise InvalidMetadataError(problems, "options")
        return cls(**options)


DEFAULT_CONFIG = ArrayConfig()
