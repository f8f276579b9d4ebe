"""Lives of arrays, in hierarchies, against numpy: written, resized, appended to, copied, moved, deleted, synchronised.

In a directory, one that is changed in place, in memory, and in one file. Judges: zarr-python and h5py, at the end.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import zarr
import zarr.storage
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import zarr_hdf5 as zh
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore

pytestmark = pytest.mark.filterwarnings("ignore:Object at .* is not recognized as a component of a Zarr hierarchy")

NAMES = st.sampled_from(["a", "b", "g/a", "g/b", "g/h/a"])
LENGTHS = st.tuples(st.integers(0, 14), st.integers(0, 9))
FILL = 5
KINDS: list[dict[str, Any]] = [
    {},
    {"compressors": None},
    {"compressors": "zstd"},
    {"filters": [{"name": "transpose", "configuration": {"order": [1, 0]}}]},
    {"shards": None, "hdf5": False},
    {"hdf5": False},
]
Values = npt.NDArray[np.int32]


class Life(RuleBasedStateMachine):
    """What is in the store, and what should be."""

    where = "directory"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        places: dict[str, Any] = {
            "directory": self.folder / "x.zarr",
            "in place": LocalStore(self.folder / "x.zarr", in_place=True),
            "memory": MemoryStore(),
            "one file": self.folder / "x.h5",
        }
        self.url = places[self.where]
        self.root = zh.create_group(self.url)
        self.values: dict[str, Values] = {}
        self.attributes: dict[str, dict[str, int]] = {}

    def array(self, path: str) -> zh.Array:
        found = self.root[path]
        assert isinstance(found, zh.Array)
        return found

    def some(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.values)))

    def new_values(self, data: st.DataObject, shape: tuple[int, ...]) -> Values:
        seed = data.draw(st.integers(0, 9))
        values = np.random.default_rng(seed).integers(0, 99, shape, np.int32)
        return values if seed else np.full(shape, FILL, np.int32)

    @rule(path=NAMES, shape=LENGTHS, kind=st.sampled_from(KINDS), data=st.data())
    def create(self, path: str, shape: tuple[int, int], kind: dict[str, Any], data: st.DataObject) -> None:
        values = self.new_values(data, shape)
        wanted: dict[str, Any] = {"chunks": (3, 2), "shards": (6, 4), "fill_value": FILL, "overwrite": True, **kind}
        self.root.create_array(path, data=values, **wanted)
        self.values[path], self.attributes[path] = values, {}

    @precondition(lambda self: self.values)
    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        path = self.some(data)
        values = self.values[path].copy()
        region = tuple(slice(*sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2)))) for n in values.shape)
        values[region] = self.new_values(data, values[region].shape)
        self.array(path)[region] = values[region]
        self.values[path] = values

    @precondition(lambda self: self.values)
    @rule(data=st.data(), shape=LENGTHS)
    def resize(self, data: st.DataObject, shape: tuple[int, int]) -> None:
        path = self.some(data)
        self.array(path).resize(shape)
        values = np.full(shape, FILL, np.int32)
        kept = tuple(slice(0, min(pair)) for pair in zip(shape, self.values[path].shape, strict=True))
        values[kept] = self.values[path][kept]
        self.values[path] = values

    @precondition(lambda self: self.values)
    @rule(data=st.data(), axis=st.integers(0, 1), length=st.integers(0, 7))
    def append(self, data: st.DataObject, axis: int, length: int) -> None:
        path = self.some(data)
        old = self.values[path]
        more = self.new_values(data, tuple(length if i == axis else n for i, n in enumerate(old.shape)))
        self.array(path).append(more, axis)
        self.values[path] = np.concatenate([old, more], axis)

    @precondition(lambda self: self.values)
    @rule(data=st.data(), name=st.sampled_from("xyz"), value=st.integers(0, 9))
    def set_attribute(self, data: st.DataObject, name: str, value: int) -> None:
        path = self.some(data)
        self.array(path).attrs[name] = value
        self.attributes[path] = {**self.attributes[path], name: value}

    @precondition(lambda self: self.values)
    @rule(data=st.data(), dest=NAMES)
    def copy(self, data: st.DataObject, dest: str) -> None:
        path = self.some(data)
        if path != dest:
            self.root.copy(path, dest, overwrite=True)
            self.values[dest], self.attributes[dest] = self.values[path], self.attributes[path]

    @precondition(lambda self: self.values)
    @rule(data=st.data(), dest=NAMES)
    def move(self, data: st.DataObject, dest: str) -> None:
        path = self.some(data)
        if dest not in self.values:
            self.root.move(path, dest)
            self.values[dest], self.attributes[dest] = self.values.pop(path), self.attributes.pop(path)

    @precondition(lambda self: "g" in self.root)
    @rule()
    def move_a_group_there_and_back(self) -> None:
        self.root.move("g", "k/l")
        assert "g" not in self.root
        self.root.move("k/l", "g")

    @precondition(lambda self: self.values)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        path = self.some(data)
        del self.root[path]
        del self.values[path], self.attributes[path]

    @rule()
    def consolidate(self) -> None:
        self.root.consolidate_metadata()

    @rule()
    def synchronise(self) -> None:
        """What others see is what there is."""
        self.root.flush()
        if self.where == "one file":
            assert zh.sync(self.url)
        report = zh.verify(self.url)
        assert report, str(report)
        self.check(zh.open_group(self.url))
        self.root = zh.open_group(self.url, "r+")

    @invariant()
    def as_it_should_be(self) -> None:
        self.check(self.root)

    def check(self, group: zh.Group) -> None:
        found = {path: node for path, node in group.members(None) if isinstance(node, zh.Array)}
        assert found.keys() == self.values.keys()
        for path, array in found.items():
            np.testing.assert_array_equal(array[...], self.values[path])
            assert array.attrs == self.attributes[path]

    def teardown(self) -> None:
        self.synchronise()
        if self.where in ("directory", "in place"):
            self.compare_zarr_python(zarr.open_group(self.folder / "x.zarr", mode="r"))
        elif self.where == "one file":
            with zarr.storage.ZipStore(self.folder / "x.h5", mode="r") as store:
                self.compare_zarr_python(zarr.open_group(store, mode="r"))
            with h5py.File(self.folder / "x.h5") as file:
                for path, values in self.values.items():
                    array = self.array(path)
                    if array.hdf5 is not None and values.size:
                        back = np.argsort(array.hdf5.order)
                        np.testing.assert_array_equal(file[path][...].transpose(back), values)
        del self.root
        shutil.rmtree(self.folder)

    def compare_zarr_python(self, group: zarr.Group) -> None:
        for path, values in self.values.items():
            array = group[path]
            assert isinstance(array, zarr.Array)
            np.testing.assert_array_equal(np.asarray(array[...]), values)
            assert dict(array.attrs) == self.attributes[path]


@pytest.mark.parametrize("where", ["directory", "in place", "memory", "one file"])
def test_lives(where: str) -> None:
    machine = type("Life", (Life,), {"where": where})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
