"""Every error that this library raises on purpose.

ZarrHDF5Error
├── NotFoundError            nothing there                           (FileNotFoundError)
│   └── ChunkNotFoundError   a chunk that was to be there is not stored
├── AlreadyExistsError       something there that may not be replaced (FileExistsError)
├── ReadOnlyError            opened, or granted, for reading only     (PermissionError)
├── StorageError             the storage failed: full disk, I/O error (OSError)
├── StaleVersionError        an object was replaced between two reads of it
├── InvalidMetadataError     zarr.json says something illegal          (ValueError)
├── CorruptDataError         bytes contradict their format             (ValueError)
│   └── ChecksumError        bytes contradict their checksum
├── CodecError               a codec failed on a chunk                 (ValueError)
├── UnsupportedFeatureError  legal, but not done here                  (NotImplementedError)
└── SelectionError           an index outside the array, or illegal    (IndexError)

and one warning, InteroperabilityWarning: what was made, few programs read  (UserWarning)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "AlreadyExistsError",
    "ChecksumError",
    "ChunkNotFoundError",
    "CodecError",
    "CorruptDataError",
    "InteroperabilityWarning",
    "InvalidMetadataError",
    "NotFoundError",
    "Problem",
    "ReadOnlyError",
    "SelectionError",
    "StaleVersionError",
    "StorageError",
    "UnsupportedFeatureError",
    "ZarrHDF5Error",
]


class ZarrHDF5Error(Exception):
    """Base of all errors of this library."""


class NotFoundError(ZarrHDF5Error, FileNotFoundError):
    """There is no array, group or object under this name."""


class ChunkNotFoundError(NotFoundError):
    """A chunk is not stored, in an array that was opened with `read_missing_chunks` false.

    `key` names the object it would be in, `chunk` its place in the object, counted in chunks.
    """

    def __init__(self, key: str, chunk: tuple[int, ...]) -> None:
        self.key, self.chunk = key, chunk
        super().__init__(f"{key}: chunk {chunk} is not stored")


class AlreadyExistsError(ZarrHDF5Error, FileExistsError):
    """Something is there already and overwriting was not asked for."""


class ReadOnlyError(ZarrHDF5Error, PermissionError):
    """A write to something that is open, or permitted, for reading only."""


class StorageError(ZarrHDF5Error, OSError):
    """The storage refused: disk full, I/O error, connection lost."""


class StaleVersionError(ZarrHDF5Error):
    """The object was replaced since the caller last looked at it; look again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a metadata document: where, what, and of which kind."""

    path: tuple[str | int, ...]
    message: str
    kind: Literal["missing", "type", "value", "unknown", "unsupported"] = "value"

    def __str__(self) -> str:
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.path)
        return f"{where.lstrip('.') or 'document'}: {self.message}"


class InvalidMetadataError(ZarrHDF5Error, ValueError):
    """A metadata document breaks the specification; `problems` lists every fault found."""

    def __init__(self, problems: Sequence[Problem] | str, where: str = "") -> None:
        if isinstance(problems, str):
            problems = [Problem((), problems)]
        self.problems = tuple(problems)
        self.where = where
        head = f"{where}: " if where else ""
        super().__init__(head + "; ".join(map(str, self.problems)))


class CorruptDataError(ZarrHDF5Error, ValueError):
    """Bytes contradict the format they claim.

    `structure` names the on-disk structure, `offset` where it lies (bytes from the start of the object),
    `expected` and `found` what the format demands and what was there.
    """

    def __init__(
        self,
        message: str,
        *,
        structure: str = "",
        offset: int | None = None,
        expected: object = None,
        found: object = None,
        key: str = "",
    ) -> None:
        self.structure, self.offset, self.key = structure, offset, key
        self.expected, self.found = expected, found
        self.message = message
        facts = [
            *([structure] if structure else []),
            *([f"at byte {offset}"] if offset is not None else []),
            *([f"expected {expected}"] if expected is not None else []),
            *([f"found {found}"] if found is not None else []),
        ]
        head = f"{key}: " if key else ""
        super().__init__(head + message + (f" ({', '.join(facts)})" if facts else ""))


class ChecksumError(CorruptDataError):
    """Bytes contradict their checksum."""


class CodecError(ZarrHDF5Error, ValueError):
    """A codec could not encode or decode a chunk."""

    def __init__(self, message: str, *, codec: str = "", direction: str = "", chunk: str = "") -> None:
        self.codec, self.direction, self.chunk = codec, direction, chunk
        head = " ".join(filter(None, [codec, direction, chunk and f"of {chunk}"]))
        super().__init__(f"{head}: {message}" if head else message)


class UnsupportedFeatureError(ZarrHDF5Error, NotImplementedError):
    """Legal, but not done by this library (or not possible in the view that was asked for)."""


class SelectionError(ZarrHDF5Error, IndexError):
    """A selection that is illegal or lies outside the array."""


class InteroperabilityWarning(UserWarning):
    """What was just made is legal, or proposed, but there are well-known programs that do not read it."""
