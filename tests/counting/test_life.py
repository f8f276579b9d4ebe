"""What it costs to look around in a hierarchy, to make many nodes, to move some, and to append to an array: exactly."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counting_store import CodecCalls, CountingStore, Request

import zarr_hdf5 as zh
from zarr_hdf5.stores.local import LocalStore

ARRAY: dict[str, Any] = {"shape": (6, 4), "dtype": "u2", "chunks": (1, 4), "shards": (2, 4)}
NAMES = [f"a{i:03}" for i in range(100)]
LAYOUTS = [zh.HDF5(libver=v, index_location=i) for v in ("earliest", "v110") for i in ("end", "start")]
SHUFFLE = [{"name": "numcodecs.shuffle", "configuration": {"elementsize": 2}}]  # no chunk changes its length


def verbs(log: list[Request]) -> Counter[str]:
    return Counter(request.verb for request in log)


@pytest.fixture
def store() -> CountingStore:
    store = CountingStore()
    zh.create_group(store).create_hierarchy({f"g/{name}": ARRAY for name in NAMES})
    return store


def look_around(store: CountingStore) -> None:
    root = zh.open_group(store)
    group = root["g"]
    assert isinstance(group, zh.Group)
    assert group.keys() == NAMES
    assert len(dict(group.arrays())) == len(NAMES)
    assert [array.shape for _, array in group.arrays()] == [(6, 4)] * len(NAMES)
    assert "a007" in group
    assert len(list(root.glob("**/a00?"))) == 10
    assert "a099" in repr(root.tree())
    assert root.to_model().members is not None


def test_a_consolidated_group_of_100_arrays_is_one_request(store: CountingStore) -> None:
    zh.open_group(store, "r+").consolidate_metadata()
    assert [(r.verb, r.key) for r in store.during(lambda: look_around(store))] == [("get", "zarr.json")]


def test_members_are_a_listing_and_a_request_for_each(store: CountingStore) -> None:
    group = zh.open_group(store, path="g")
    log = store.during(lambda: list(group.members()))
    assert verbs(log) == {"list_dir": 1, "get": 100}
    log = store.during(lambda: list(zh.open_group(store).members(None)))
    assert verbs(log) == {"list_dir": 2, "get": 102}


def test_consolidating(store: CountingStore) -> None:
    group = zh.open_group(store, "r+")
    log = store.during(group.consolidate_metadata)
    assert verbs(log) == {"list_dir": 2, "get": 102, "set": 1}


@pytest.mark.parametrize("parent", ["", "g", "new/er"])
def test_many_new_nodes_are_a_request_each(store: CountingStore, parent: str) -> None:
    root = zh.open_group(store, "r+")
    nodes: Any = {f"{parent}/b{i}".strip("/"): ARRAY for i in range(50)}
    log = store.during(lambda: root.create_hierarchy(nodes))
    counts = verbs(log)
    assert counts["set"] == 50 + (2 if parent == "new/er" else 0)
    assert len(log) - counts["set"] <= 6
    assert "exists" not in counts
    assert "list_prefix" not in counts


def test_a_hierarchy_where_nothing_is() -> None:
    store = CountingStore()
    model = zh.GroupModel({}, {name: zh.GroupModel() for name in NAMES})
    log = store.during(lambda: zh.from_model(model, store))
    # Whether there is something, of Zarr v2 too; and the root when it is opened.
    assert verbs(log) == {"get": 2, "exists": 2, "set": 101}


def test_copying_and_moving_touch_each_object_once(store: CountingStore) -> None:
    array = zh.open_array(store, "r+", "g/a000")
    array[...] = 1
    root = zh.open_group(store, "r+")
    for act in (root.copy, root.move):
        dest = f"{act.__name__}d"
        log = store.during(lambda act=act, dest=dest: act("g/a000", dest))  # type: ignore[misc]
        objects = [f"{dest}/{key}" for key in ("c/0/0", "c/1/0", "c/2/0", "zarr.json")]
        assert [request.key for request in log if request.verb == "set"] == objects
        shards = [request for request in log if "/c/" in request.key]
        assert verbs(shards) == {"get": 3, "set": 3}
        assert verbs(log)["delete_prefix"] == (act == root.move)


CHUNK, SHARD = (64, 64), (1024, 128)  # 32 chunks
VALUES = np.random.default_rng(5).integers(1, 2**16, (200, 128), np.uint16)
CHUNK_NBYTES, INDEX = 64 * 64 * 2, 32 * 16 + 4


def create(store: CountingStore, **options: Any) -> zh.Array:
    zh.create_array(store, data=VALUES, chunks=CHUNK, shards=SHARD, compressors=SHUFFLE, **options)
    return zh.open_array(store, "r+")


@pytest.mark.parametrize("hdf5", [True, False], ids=["hdf5", "plain"])
def test_appending_moves_other_chunks_as_bytes(hdf5: bool, codecs: CodecCalls) -> None:
    """Two chunks of eight are cut by the old edge; they are decoded, and with what is new in them encoded."""
    store = CountingStore()
    array = create(store, hdf5=hdf5)
    codecs.decoded = codecs.encoded = 0
    log = store.during(lambda: array.append(np.ones((10, 128), "u2")))
    assert (codecs.decoded, codecs.encoded) == (2, 2)
    shard = [request for request in log if request.key == "c/0/0"]
    assert shard[:2] == [
        Request("get_range", "c/0/0", nbytes=INDEX),
        Request("get_ranges", "c/0/0", 1, 8 * CHUNK_NBYTES),
    ]
    assert verbs(shard) == {"get_range": 1, "get_ranges": 1, "set": 1}
    log = store.during(lambda: array.append(np.ones((46, 128), "u2")))  # up to the edge of the chunks
    codecs.decoded = codecs.encoded = 0
    log = store.during(lambda: array.append(np.ones((64, 128), "u2")))
    assert (codecs.decoded, codecs.encoded) == (0, 2)
    assert sum(request.nbytes for request in log if request.verb == "get_ranges") == 8 * CHUNK_NBYTES


@pytest.mark.parametrize("hdf5", LAYOUTS, ids=lambda h: f"{h.libver} {h.index_location}")
def test_appending_in_place_leaves_other_chunks_alone(tmp_path: Path, hdf5: zh.HDF5, codecs: CodecCalls) -> None:
    store = CountingStore(LocalStore(tmp_path, in_place=True))
    array = create(store, hdf5=hdf5)
    array.append(np.ones((56, 128), "u2"))  # up to the edge of the chunks
    codecs.decoded = codecs.encoded = 0
    log = store.during(lambda: array.append(np.ones((64, 128), "u2")))
    assert (codecs.decoded, codecs.encoded) == (0, 2)
    shard = [request for request in log if request.key == "c/0/0"]
    assert verbs(shard)["patch"] == 1
    assert "set" not in verbs(shard)
    read = sum(request.nbytes for request in shard if request.verb != "patch")
    written = sum(request.nbytes for request in shard if request.verb == "patch")
    around = 30_000  # headers and indexes
    assert read < around
    assert 2 * CHUNK_NBYTES < written < 2 * CHUNK_NBYTES + around


def test_growing_in_place_writes_a_header(tmp_path: Path) -> None:
    store = CountingStore(LocalStore(tmp_path, in_place=True))
    array = create(store)
    log = [request for request in store.during(lambda: array.resize((300, 128))) if request.key == "c/0/0"]
    assert verbs(log) == {"get_range": 1, "get_ranges": 2, "patch": 1}
    (patch,) = (request for request in log if request.verb == "patch")
    assert patch.nranges == 1
    assert patch.nbytes < CHUNK_NBYTES
