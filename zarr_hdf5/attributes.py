"""Attributes of a node as a mapping that writes through to its metadata document."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from zarr_hdf5.errors import ReadOnlyError

__all__ = ["Attributes"]


class Attributes(MutableMapping[str, Any]):
    """User attributes; each change rewrites the node's document (`update`, `put` and `clear` once for all).

    What is in a value, an element of a list say, is changed by assigning the value anew.
    """

    def __init__(self, values: Callable[[], Mapping[str, Any]], save: Callable[[dict[str, Any]], None] | None) -> None:
        self._values = values
        self._save = save

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values()))

    def __len__(self) -> int:
        return len(self._values())

    def __setitem__(self, name: str, value: Any) -> None:
        self.put({**self._values(), name: value})

    def __delitem__(self, name: str) -> None:
        values = self.asdict()
        del values[name]
        self.put(values)

    def update(self, *args: Any, **values: Any) -> None:
        """Set several at once."""
        self.put({**self._values(), **dict(*args, **values)})

    def clear(self) -> None:
        """Delete all of them."""
        self.put({})

    def put(self, values: Mapping[str, Any]) -> None:
        """Replace all of them. Raises ReadOnlyError, and InvalidMetadataError for what JSON cannot say."""
        if self._save is None:
            raise ReadOnlyError("opened for reading only: its attributes cannot be changed")
        self._save(dict(values))

    def asdict(self) -> dict[str, Any]:
        """A copy as a dict."""
        return dict(self._values())

    def __repr__(self) -> str:
        return f"<Attributes {self.asdict()!r}>"
