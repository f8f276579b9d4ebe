"""What the first value of an HDF5 file costs: how often libhdf5 opens the file, and what is read of it besides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.hdf5.library import open_file
from zarr_hdf5.stores.local import LocalStore

NCHUNKS = 250 * 250


@pytest.fixture(scope="module")
def many_chunks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A B-tree of three levels."""
    path = tmp_path_factory.mktemp("many") / "many.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("group")
        group["other"] = 1
        dataset = group.create_dataset("data", (250, 250), "<u2", chunks=(1, 1))
        dataset[...] = np.arange(NCHUNKS).reshape(250, 250)
    return path


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Openings by libhdf5, and reads of ours."""
    counts = {"openings": 0, "reads": 0}

    def counting(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            counts[what] += 1
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr("zarr_hdf5.legacy.hdf5_object.open_file", counting("openings", open_file))
    for name in ("get", "get_range", "get_ranges", "read_into"):
        monkeypatch.setattr(LocalStore, name, counting("reads", getattr(LocalStore, name)))
    return counts


def first_value(path: Path) -> Any:
    root: Any = zh.open(path)
    return root["group/data"][200, 100]


def first_value_by_path(path: Path) -> Any:
    return zh.open_array(path, path="/group/data/")[200, 100]


def opened(path: Path) -> Any:
    return zh.open(path)


# The superblock; the object header, a node of each level, the chunk.
@pytest.mark.parametrize(
    ("ask", "openings", "reads"), [(opened, 1, 1), (first_value, 2, 6), (first_value_by_path, 1, 6)]
)
def test_a_file_is_opened_once_for_each_node_that_is_asked_for(
    ask: Callable[[Path], Any], openings: int, reads: int, many_chunks: Path, counted: dict[str, int]
) -> None:
    found = ask(many_chunks)
    assert isinstance(found, zh.Group) or found == 200 * 250 + 100
    assert counted == {"openings": openings, "reads": reads}


@pytest.mark.parametrize("name", ["data", "group/of one/data"])
def test_the_only_dataset_of_a_file_is_described_when_the_file_is_opened(
    name: str, tmp_path: Path, counted: dict[str, int]
) -> None:
    path = tmp_path / "one.h5"
    with h5py.File(path, "w") as file:
        file[name] = [1, 2, 3]
    root: Any = zh.open(path)
    assert root[name][1] == 2
    assert counted["openings"] == 1
    with h5py.File(path, "r+") as file:
        file[name][1] = 5
        file[name].attrs["new"] = 1
    assert root[name][1] == 5
    assert dict(root[name].attrs) == {"new": 1}


def test_a_path_that_leads_nowhere(many_chunks: Path) -> None:
    for path in ("nothing", "group/nothing", "group/data/nothing", "group\\data", "group//data/.."):
        with pytest.raises(zh.errors.NotFoundError):
            zh.open(many_chunks, path=path)
    with pytest.raises(zh.errors.ReadOnlyError):
        zh.open(many_chunks, "a", path="nothing")
