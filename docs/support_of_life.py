"""Rows of docs/support.md on what is done to arrays and hierarchies, for generate_support.py: found out by doing it."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import zarr_hdf5 as zh
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore

__all__ = ["COLUMNS", "life"]

COLUMNS = ("what", "directory", "in place", "memory", "one file", "judges, beside numpy")
PLACES: dict[str, Callable[[str], Any]] = {
    "directory": lambda folder: f"{folder}/x.zarr",
    "in place": lambda folder: LocalStore(f"{folder}/x.zarr", in_place=True),
    "memory": lambda folder: MemoryStore(),
    "one file": lambda folder: f"{folder}/x.h5",
}
FILES = "zarr-python, h5py"
STRICT: Any = {"read_missing_chunks": False}
ALL: Any = {"write_empty_chunks": True}
# What, how, and by whom tests have it confirmed.
ACTS: dict[str, tuple[Callable[[zh.Group], object], str]] = {
    "`array.resize`": (lambda root: array(root).resize((9, 3)), FILES),
    "`array.append`": (lambda root: array(root).append(np.ones((2, 4), "i4")), FILES),
    "`array.attrs`, a mutable mapping": (lambda root: array(root).attrs.setdefault("x", [1]), FILES),
    'chunks and shards of its own choice (`"auto"`)': (
        lambda root: root.create_array("e", data=np.ones((300, 200), "f4")),
        FILES,
    ),
    "`group.copy`": (lambda root: root.copy("g", "copy"), FILES),
    "`group.move`": (lambda root: root.move("g/a", "moved"), FILES),
    "`del group[...]`": (lambda root: root.__delitem__("g"), "h5py"),
    "`group.create_hierarchy`": (
        lambda root: root.create_hierarchy({"m/n": {"shape": (2,), "dtype": "i4"}, "k": zh.GroupModel()}),
        FILES,
    ),
    "`group.require_array`, `require_group`": (
        lambda root: root.require_group("g/new").require_array("a", data=[1]),
        "",
    ),
    "`group.members`, `glob`, `tree`": (lambda root: [*root.members(None), *root.glob("**/a"), root.tree()], ""),
    "`group.consolidate_metadata`": (lambda root: root.consolidate_metadata(), "zarr-python"),
    "`group.to_model`, `from_model`": (lambda root: zh.from_model(root.to_model(), MemoryStore()), "pydantic-zarr"),
    "`write_empty_chunks`": (
        lambda root: root.create_array("e", data=np.zeros(4), chunks=(2,), shards=(4,), config=ALL),
        FILES,
    ),
    "`read_missing_chunks` false": (lambda root: root.create_array("e", shape=(4,), dtype="i4", config=STRICT), ""),
}


def array(root: zh.Group) -> zh.Array:
    """The array that things are done to."""
    found = root["g/a"]
    assert isinstance(found, zh.Array)
    return found


def life() -> Iterable[Sequence[str]]:
    """A row for each act: "yes" where it can be done, and both sides agree afterwards."""
    for what, (act, judges) in ACTS.items():
        yield what, *(done(act, place) for place in PLACES.values()), judges


def done(act: Callable[[zh.Group], object], place: Callable[[str], Any]) -> str:
    """A cell."""
    with tempfile.TemporaryDirectory() as folder:
        with zh.create_group(place(str(Path(folder)))) as root:
            root.create_array("g/a", data=np.arange(20, dtype="i4").reshape(5, 4), chunks=(1, 4), shards=(4, 4))
            try:
                act(root)
            except zh.errors.ZarrHDF5Error as error:
                return str(error)
        report = zh.verify(root.store)
        assert report, str(report)
        return "yes"
