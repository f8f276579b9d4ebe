"""Shell patterns over paths of nodes, in which `**` stands for any number of names."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["Pattern"]

WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern.

    start
        The names that it begins with and that stand for themselves, as a path.
    parts
        A pattern for each name behind, or "**"; at least one.
    """

    start: str
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, pattern: str) -> "Pattern":
        """The pattern of this text."""
        names = pattern.strip("/").split("/")
        literal = 0
        while literal < len(names) - 1 and WILD.isdisjoint(names[literal]):
            literal += 1
        parts = names[literal:]
        kept = [part for i, part in enumerate(parts) if part != "**" or parts[i - 1 : i] != ["**"]]
        return cls("/".join(names[:literal]), tuple(kept))

    @property
    def max_depth(self) -> int | None:
        """Groups between `start` and what may match; None for any number."""
        return None if "**" in self.parts else len(self.parts) - 1

    def matches(self, path: str) -> bool:
        """Whether `start` and `path` behind it match."""
        return _match(path.split("/") if path else [], self.parts)


def _match(names: Sequence[str], parts: Sequence[str]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_match(names[i:], parts[1:]) for i in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _match(names[1:], parts[1:])
