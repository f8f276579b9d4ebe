"""The shared dimensions of netCDF-4: which group has which, and under what name.

Source: netCDF User's Guide, "Data Model" and "NetCDF-4 Format Specification".

A dimension has a name and a length, belongs to a group, and is seen in the groups below. Names and lengths only; how
dimensions are written is in `netcdf_file`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

__all__ = ["Dimension", "Extent", "place_dimensions", "record_dimensions"]


@dataclass(frozen=True, slots=True)
class Extent:
    """The dimensions of a variable.

    path
        Absolute, of the variable.
    shape, names
        Of equal length; None for a dimension without a name.
    """

    path: str
    shape: tuple[int, ...]
    names: tuple[str | None, ...]

    @property
    def group(self) -> str:
        """The path of the group that holds the variable."""
        return self.path.rpartition("/")[0] or "/"

    @property
    def is_coordinate(self) -> bool:
        """Whether the variable gives the values of its own dimension."""
        return self.names == (self.path.rpartition("/")[2],)


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension of a group."""

    group: str
    name: str
    length: int

    @property
    def path(self) -> str:
        """Absolute path of the dataset that stands for it."""
        return below(self.group, self.name)


@dataclass(slots=True)
class _Places:
    groups: Collection[str]
    names: frozenset[str]
    meant: dict[tuple[str, str, int], Dimension] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def find(self, group: str, name: str, length: int, *, own: bool) -> Dimension:
        for place in [group] if own else upwards(group):
            if found := self.meant.get((place, name, length)):
                return found
        made = Dimension(group, self._free(group, name, length), length)
        self.taken.add(made.path)
        self.meant[group, name, length] = made
        return made

    def _free(self, group: str, name: str, length: int) -> str:
        """The name itself, or one made of it and the length where a dimension of another length, or a group, has it."""
        candidate = name
        while (
            (path := below(group, candidate)) in self.taken
            or path in self.groups
            or (candidate != name and path in self.names)
        ):
            candidate = f"{name}_{length}" if candidate == name else f"{candidate}_"
        return candidate


def place_dimensions(extents: Sequence[Extent], groups: Collection[str]) -> dict[str, tuple[Dimension, ...]]:
    """The dimensions of each variable, by its path; none at all if no dimension has a name that HDF5 can store.

    A dimension is that of the nearest group, its own or one above, which has one of this name and length; if there is
    none, its group gets it. Where two lengths go by one name in a group, that of the coordinate variable keeps it, or
    that of the first variable; the other is called after name and length, `x_7`. Dimensions without names are called
    after their length, `phony_dim_7`: netCDF's programs do not read variables of which only some dimensions have names.
    """
    if not any(_is_link_name(name) for extent in extents for name in extent.names):
        return {extent.path: () for extent in extents}
    places = _Places(groups, frozenset(extent.path for extent in extents))
    return {
        extent.path: tuple(
            places.find(extent.group, name, length, own=extent.is_coordinate)
            for name, length in zip(_all_names(extent), extent.shape, strict=True)
        )
        for extent in sorted(extents, key=lambda e: (len(list(upwards(e.group))), not e.is_coordinate, e.path))
    }


def record_dimensions(variables: Iterable[Sequence[Dimension]]) -> frozenset[Dimension]:
    """Those that come first in every variable that has them.

    As in netCDF's classic model, where a variable can only grow along its first dimension, and others would have to
    grow with it. A file in which all dimensions are unlimited cannot be copied to the classic format.
    """
    all_dimensions = [tuple(dimensions) for dimensions in variables]
    later = {dimension for dimensions in all_dimensions for dimension in dimensions[1:]}
    return frozenset(dimensions[0] for dimensions in all_dimensions if dimensions) - later


def _all_names(extent: Extent) -> Iterator[str]:
    for axis, (name, length) in enumerate(zip(extent.names, extent.shape, strict=True)):
        before = extent.shape[:axis].count(length)
        phony = f"phony_dim_{length}" + (f"_{before + 1}" if before else "")
        yield name if _is_link_name(name) else phony


def _is_link_name(name: str | None) -> TypeGuard[str]:
    return name is not None and name not in ("", ".") and "/" not in name and "\0" not in name


def below(group: str, name: str) -> str:
    """The path of a member of a group."""
    return f"{group.rstrip('/')}/{name}"


def upwards(group: str) -> Iterator[str]:
    """A group and all above it."""
    while group != "/":
        yield group
        group = group.rpartition("/")[0] or "/"
    yield "/"
