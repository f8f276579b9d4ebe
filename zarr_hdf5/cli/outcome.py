"""What a command has to say, for people and for programs."""

import argparse
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Commands", "Outcome"]

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Text to print, the same as facts for JSON, the exit status, and whether the time taken is of interest."""

    text: str
    facts: dict[str, Any]
    status: int = 0
    timed: bool = True
