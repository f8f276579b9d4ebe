"""How often libhdf5 is asked to write the header of shards."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.hdf5.template import write_template
from zarr_hdf5.shard import hdf5_view
from zarr_hdf5.stores.memory import MemoryStore

ARRAY: dict[str, Any] = {"data": np.arange(35.0).reshape(5, 7), "chunks": (2, 2), "shards": (4, 4)}


@pytest.fixture
def written() -> Iterator[list[tuple[int, ...]]]:
    shapes: list[tuple[int, ...]] = []

    def counted(spec: Any) -> Any:
        shapes.append(spec.shape)
        return write_template(spec)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hdf5_view, "write_template", counted)
        yield shapes


def test_once_for_each_clipped_shape_however_often_it_is_opened(written: list[tuple[int, ...]]) -> None:
    store = MemoryStore()
    zh.create_array(store, attributes={"test": "headers"}, **ARRAY)
    assert sorted(written) == [(1, 3), (1, 4), (4, 3), (4, 4)]
    for _ in range(3):
        array = zh.open_array(store, "r+")
        array[4, 6] = 1
    zh.create_array(MemoryStore(), attributes={"test": "headers"}, **ARRAY)
    assert len(written) == 4


@pytest.mark.parametrize(
    "other",
    [
        {"attributes": {"test": "others"}},
        {"attributes": {"test": "NaN"}},
        {"attributes": {"test": math.nan}},  # the same in zarr.json, but not in HDF5
        {"dimension_names": ("y", "x")},
        {"fill_value": 1},
        {"hdf5": zh.HDF5(dataset="/other")},
        {"hdf5": zh.HDF5(libver="v110")},
        {"hdf5": zh.HDF5(index_location="start")},
    ],
    ids=str,
)
def test_anew_where_anything_is_different(written: list[tuple[int, ...]], other: dict[str, Any]) -> None:
    hdf5_view._templates_of.cache_clear()
    for known in ({"attributes": {"test": "plain"}}, {"attributes": {"test": "NaN"}}, {"attributes": {"test": 0.0}}):
        if known != other:
            zh.create_array(MemoryStore(), **ARRAY, **known)
    written.clear()
    zh.create_array(MemoryStore(), **ARRAY, **({"attributes": {"test": "plain"}} | other))
    assert len(written) == 4


@pytest.mark.parametrize("libver", ["earliest", "v110"])
def test_shards_of_other_lengths_that_are_cut_to_the_same(libver: Any, tmp_path: Path) -> None:
    """One document, two kinds of shards: the second lacks its last half, and h5py must be told how long it may get."""
    options: dict[str, Any] = {"chunks": (5,), "shards": [[10, 20]], "hdf5": zh.HDF5(libver=libver, dataset="/d")}
    zh.create_array(tmp_path, data=np.arange(20), **options)
    for key, maxshape in (("c/0", (10,)), ("c/1", (20,))):
        with h5py.File(tmp_path / key) as file:
            assert (file["d"].shape, file["d"].maxshape) == ((10,), maxshape)
    zh.open_array(tmp_path, "r+").resize((30,))
    zh.open_array(tmp_path, "r+")[20:] = 7
    with h5py.File(tmp_path / "c/1") as file:
        assert file["d"][()].tolist() == [*range(10, 20), *[7] * 10]


def test_long_documents_go_with_their_array(written: list[tuple[int, ...]]) -> None:
    for _ in range(2):
        zh.create_array(MemoryStore(), attributes={"test": "long" * 5000}, **ARRAY)
    assert len(written) == 8
