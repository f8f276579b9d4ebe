"""Attributes of a node as a mapping that writes through to its metadata document."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from zarr_hdf5.errors import ReadOnlyError

__all__ = ["Attributes"]


class Attributes(MutableMapping[str, Any]):
    """User attributes; each change rewrites the node's document (`update` once for all)."""

    def __init__(self, values: Mapping[str, Any], save: Callable[[dict[str, Any]], None] | None) -> None:
        self._values = dict(values)
        self._save = save

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __setitem__(self, name: str, value: Any) -> None:
        self._replace({**self._values, name: value})

    def __delitem__(self, name: str) -> None:
        values = dict(self._values)
        del values[name]
        self._replace(values)

    def update(self, *args: Any, **values: Any) -> None:
        """Set several at once."""
        self._replace({**self._values, **dict(*args, **values)})

    def put(self, values: Mapping[str, Any]) -> None:
        """Replace all of them."""
        self._replace(dict(values))

    def asdict(self) -> dict[str, Any]:
        """A copy as a dict."""
        return dict(self._values)

    def __repr__(self) -> str:
        return f"<Attributes {self._values!r}>"

    def _replace(self, values: dict[str, Any]) -> None:
        if self._save is None:
            raise ReadOnlyError("opened for reading only: its attributes cannot be changed")
        self._save(values)
        self._values = values
