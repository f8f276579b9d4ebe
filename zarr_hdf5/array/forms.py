"""Objects of many shapes: sorted by shape, for what is done with many objects takes them to be of one."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Protocol, TypeVar

from zarr_hdf5.parallel import run, worker_count
from zarr_hdf5.stored_array import StoredArray

__all__ = ["for_each_form"]

OBJECTS_AT_ONCE = 1024


class HasCoords(Protocol):
    """An object, or what is planned of one."""

    @property
    def coords(self) -> tuple[int, ...]:
        """Of the object."""
        ...


T = TypeVar("T", bound=HasCoords)


def for_each_form(
    form: Callable[[tuple[int, ...]], StoredArray], objects: Iterable[T], work: Callable[[StoredArray, list[T]], object]
) -> None:
    """Call `work` with all objects of one shape, and the array as they see it; for some objects at a time."""
    pending = iter(objects)
    while window := list(islice(pending, OBJECTS_AT_ONCE)):
        groups = list(_by_form(form, window))
        if len(groups) < worker_count():
            for group in groups:  # each is shared out
                work(*group)
        else:
            run(lambda group: work(*group), groups)


def _by_form(form: Callable[[tuple[int, ...]], StoredArray], objects: list[T]) -> Iterator[tuple[StoredArray, list[T]]]:
    found: dict[int, tuple[StoredArray, list[T]]] = {}
    for planned in objects:
        stored = form(planned.coords)
        found.setdefault(id(stored), (stored, []))[1].append(planned)
    return iter(found.values())
