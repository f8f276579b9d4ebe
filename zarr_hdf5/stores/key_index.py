"""The keys of a store that knows all of them, for listing: sorted once, then searched."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from zarr_hdf5.stores.protocol import check_prefix

__all__ = ["KeyIndex"]

BEHIND_SLASH = "0"
"""The character behind "/"."""


class KeyIndex:
    """The keys at one moment."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = sorted(keys)

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """See `ListPrefix`."""
        check_prefix(prefix)
        keys = self._keys
        if not prefix:
            return iter(keys)
        return iter(keys[bisect_left(keys, prefix + "/") : bisect_left(keys, prefix + BEHIND_SLASH)])

    def list_dir(self, prefix: str) -> tuple[list[str], list[str]]:
        """See `ListDir`. Takes as long as there are names, not keys."""
        start = f"{check_prefix(prefix)}/" if prefix else ""
        keys, objects, prefixes = self._keys, [], []
        at = bisect_left(keys, start)
        while at < len(keys) and keys[at].startswith(start):
            name, deeper, _ = keys[at][len(start) :].partition("/")
            if deeper:
                prefixes.append(name)
                at = bisect_left(keys, f"{start}{name}{BEHIND_SLASH}", at)
            else:
                objects.append(name)
                at += 1
        return objects, sorted(prefixes)
