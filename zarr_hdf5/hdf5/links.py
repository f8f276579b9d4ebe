"""Links: from a path to the object it means, soft links followed, external ones found.

libhdf5 would follow external links into any file that the path happens to name; here each step is looked at first.
Source: HDF5 File Format Specification 3.0, IV.A.2.g "The Link Message"; reference manual, H5L.
"""

from dataclasses import dataclass

import h5py

from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5.library import LIBRARY_ERRORS

__all__ = [
    "DATASET",
    "GROUP",
    "MAX_LINKS",
    "ExternalTarget",
    "Target",
    "only_dataset",
    "resolve_path",
    "to_bytes",
    "to_text",
]

GROUP: int = h5py.h5g.GROUP
DATASET: int = h5py.h5g.DATASET
MAX_DEPTH = 256
MAX_LINKS = 40
"""Links followed on the way to one object: more are taken for a cycle."""


@dataclass(frozen=True, slots=True)
class Target:
    """An object of the file that was asked.

    path
        Absolute, of hard links only.
    address
        Of its object header, counted from the file's base address.
    type
        `GROUP`, `DATASET`, or another number.
    """

    path: str
    address: int
    type: int


@dataclass(frozen=True, slots=True)
class ExternalTarget:
    """An object of another file: its name as the link has it, and the path there."""

    file: str
    path: str


def to_bytes(name: str) -> bytes:
    """A name as libhdf5 has it; bytes that are not UTF-8 travel as lone surrogates."""
    return name.encode("utf-8", "surrogateescape")


def to_text(name: bytes | str) -> str:
    """The inverse of `to_bytes`; h5py gives names that are not UTF-8 as bytes, others as text."""
    return name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")


def resolve_path(file: h5py.File, path: str) -> Target | ExternalTarget:
    """What `path` means.

    Raises
    ------
    NotFoundError
        If there is no such object, or a soft link leads nowhere.
    UnsupportedFeatureError
        If a link on the way is of a kind that only its maker knows.
    CorruptDataError
        If links lead in a circle.
    """
    steps = _steps(to_bytes(path))
    done: list[bytes] = []
    here = file.id
    followed = 0
    while steps:
        name = steps.pop(0)
        leads_to = _link(here, name, path)
        if leads_to is None:
            done.append(name)
            here = _below(here, name, path) if steps else here
            continue
        followed += 1
        if followed > MAX_LINKS:
            raise CorruptDataError(f"more than {MAX_LINKS} links to follow", structure="link", key=path)
        if isinstance(leads_to, tuple):
            name_of_file, target = leads_to
            rest = b"/".join([*_steps(target), *steps])
            return ExternalTarget(to_text(name_of_file), to_text(b"/" + rest))
        steps = [*_steps(leads_to), *steps]
        if leads_to.startswith(b"/"):
            done, here = [], file.id
    place = b"/" + b"/".join(done)
    return _target(file.id, place, place)


def only_dataset(file: h5py.File) -> Target | None:
    """The dataset at the end of a path of groups that have one member each, all by hard links; None if there is none.

    None also where such a group is damaged.
    """
    group, path = file.id, b""
    try:
        for _ in range(MAX_DEPTH):  # groups may contain themselves
            group = h5py.h5g.open(group, path.rpartition(b"/")[2] or b"/")
            if group.get_num_objs() != 1:
                return None
            name = group.get_objname_by_idx(0)
            if group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                return None
            path += b"/" + name
            found = _target(group, name, path)
            if found.type != GROUP:
                return found if found.type == DATASET else None
    except LIBRARY_ERRORS:
        pass
    return None


def _steps(path: bytes) -> list[bytes]:
    return [step for step in path.split(b"/") if step not in (b"", b".")]


def _link(group: h5py.h5g.GroupID, name: bytes, path: str) -> bytes | tuple[bytes, bytes] | None:
    """Where a soft or external link leads; None for a hard one."""
    try:
        kind = group.links.get_info(name).type
        if kind in (h5py.h5l.TYPE_SOFT, h5py.h5l.TYPE_EXTERNAL):
            leads_to: bytes | tuple[bytes, bytes] = group.links.get_val(name)
            return leads_to
    except LIBRARY_ERRORS as error:
        if group.links.exists(name):
            raise
        raise NotFoundError(f"no object {path}: there is no {to_text(name)}") from error
    if kind != h5py.h5l.TYPE_HARD:
        raise UnsupportedFeatureError(f"{path}: a user-defined link")
    return None


def _below(group: h5py.h5g.GroupID, name: bytes, path: str) -> h5py.h5g.GroupID:
    """The group of this name in another. Raises NotFoundError if it is a dataset."""
    if h5py.h5g.get_objinfo(group, name).type != h5py.h5g.GROUP:
        raise NotFoundError(f"no object {path}: {to_text(name)} is no group")
    return h5py.h5g.open(group, name)


def _target(group: h5py.h5g.GroupID | h5py.h5f.FileID, name: bytes, path: bytes) -> Target:
    """The object of this name in `group`, whose path is `path`."""
    # Not h5o.get_info, which walks all of a dataset's chunk index to say how large it is.
    info = h5py.h5g.get_objinfo(group, name)
    low, high = info.objno
    return Target(to_text(path), low if not high else low | high << 32, info.type)
