"""A codec's JSON `configuration`, read key by key with every fault noted, not only the first.

Knows JSON types and ranges; knows no codec. Source: Zarr core specification v3, "Extension definition".
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from zarr_hdf5.errors import Problem

__all__ = ["Configuration", "Fields", "Path"]

Configuration: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str | int, ...]

T = TypeVar("T")

_INT32 = 2**31 - 1


class Fields:
    """Reads one `configuration`; `path` is that of the codec's document, and faults go to `problems`.

    Each reader returns its `default` where the key is absent or wrong; null counts as absent if the default is None.
    """

    def __init__(self, configuration: Configuration, path: Path, problems: list[Problem]) -> None:
        self.path = (*path, "configuration")
        self._unread = dict(configuration)
        self._problems = problems
        self._problems_before = len(problems)

    def problem(self, key: str, message: str, kind: Literal["missing", "type", "value", "unknown"] = "value") -> None:
        """Note a fault of the member `key`."""
        self._problems.append(Problem((*self.path, key), message, kind))

    def require(self, *keys: str) -> None:
        """Note every one of `keys` that is absent."""
        for key in keys:
            if key not in self._unread:
                self.problem(key, "is required", "missing")

    def take(self, key: str, default: T) -> Any | T:
        """The member as it is, for the caller to check."""
        value = self._unread.pop(key, default)
        return default if value is None and default is None else value

    def integer(self, key: str, default: T, low: int = -_INT32 - 1, high: int = _INT32) -> int | T:
        """An integer from `low` to `high`."""
        value = self.take(key, default)
        if value is default:
            return default
        if type(value) is not int:
            self.problem(key, f"must be an integer, not {value!r:.80}", "type")
            return default
        if not low <= value <= high:
            self.problem(key, f"must be from {low} to {high}, not {value!r:.80}")
            return default
        return value

    def number(self, key: str, default: float) -> float:
        """A finite number."""
        value = self.take(key, default)
        if type(value) not in (int, float):
            self.problem(key, f"must be a number, not {value!r:.80}", "type")
            return default
        if not abs(value) <= 1e300:  # nor NaN
            self.problem(key, f"must be finite and no larger than 1e300, not {value!r:.80}")
            return default
        return value

    def boolean(self, key: str, default: bool) -> bool:
        """A boolean."""
        value = self.take(key, default)
        if type(value) is not bool:
            self.problem(key, f"must be true or false, not {value!r:.80}", "type")
            return default
        return value

    def choice(self, key: str, default: T, options: tuple[str, ...]) -> str | T:
        """One of `options`."""
        value = self.take(key, default)
        if value is default:
            return default
        if type(value) is not str:
            self.problem(key, f"must be a string, not {value!r:.80}", "type")
            return default
        if value not in options:
            self.problem(key, f"must be one of {', '.join(options)}, not {value!r:.80}")
            return default
        return value

    def dtype(self, key: str, kinds: str) -> np.dtype[Any] | None:
        """A NumPy dtype string of one of the `kinds`, or None where absent."""
        value = self.take(key, None)
        if value is None:
            return None
        if type(value) is not str:
            self.problem(key, f"must be a NumPy dtype string, not {value!r:.80}", "type")
            return None
        try:
            dtype = np.dtype(value[:20])
        except (TypeError, ValueError, SyntaxError):
            dtype = np.dtype(object)
        if len(value) > 20 or dtype.kind not in kinds or dtype.itemsize > (16 if dtype.kind == "c" else 8):
            self.problem(key, f"must be a NumPy dtype string of kind {'/'.join(kinds)}, not {value!r:.80}")
            return None
        return dtype

    def finish(self, codec: T) -> T | None:
        """`codec`, or None if there was any fault; call it last: what was not read is unknown."""
        for key in self._unread:
            self.problem(key, "is not a known member", "unknown")
        return codec if len(self._problems) == self._problems_before else None
