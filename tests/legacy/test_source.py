"""Where the chunks of datasets lie, as arrays ask for it; h5py is the judge."""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from zarr_hdf5.byte_range import ByteRange, SuffixRange
from zarr_hdf5.chunk_source import ChunkLocations, ObjectGrid
from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5.index_walk import run_walk
from zarr_hdf5.hdf5.superblock import walk_file_space
from zarr_hdf5.legacy.reads import read_start
from zarr_hdf5.legacy.source import HDF5ChunkSource, StoredDataset
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.protocol import Blob

INDEXES: dict[str, dict[str, Any]] = {
    "B-tree 1": {"libver": "earliest"},
    "fixed array": {"libver": "v110"},
    "extensible array": {"libver": "v110", "maxshape": (None, 40)},
    "swizzled": {"libver": "v110", "maxshape": (50, None)},
    "B-tree 2": {"libver": "v110", "maxshape": (None, None)},
    "single": {"libver": "v110", "chunks": (50, 40)},
}


class Counting(MemoryStore):
    """Remembers how many reads there were, and of how many bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.set("f.h5", [data])
        self.reads = self.nbytes = 0

    def get_range(self, key: str, wanted: ByteRange | SuffixRange) -> Blob:
        self.reads, self.nbytes = self.reads + 1, self.nbytes + wanted.nbytes
        return super().get_range(key, wanted)

    def get_ranges(self, key: str, wanted: Sequence[ByteRange], version: Hashable | None = None) -> Any:
        self.reads, self.nbytes = self.reads + 1, self.nbytes + sum(r.nbytes for r in wanted)
        return super().get_ranges(key, wanted, version)


def source_of(path: Path, chunk: tuple[int, ...] | None = None, inner: tuple[int, ...] = ()) -> HDF5ChunkSource:
    """The source of dataset "d" of a file that is copied to memory."""
    data = path.read_bytes()
    space = run_walk(walk_file_space(len(data)), lambda rs: [data[r.offset : r.end] for r in rs], len(data))
    with h5py.File(path) as file:
        dataset = file["d"]
        low, high = h5py.h5g.get_objinfo(file.id, b"d").objno
        shape, chunk_shape = dataset.shape, dataset.chunks if chunk is None else chunk
        stored = StoredDataset(
            path="/d",
            header_address=low | high << 32,
            shape=shape,
            maxshape=dataset.maxshape,
            chunk_shape=chunk_shape,
            itemsize=dataset.id.get_type().get_size(),
            nfilters=dataset.id.get_create_plist().get_nfilters(),
            space=space,
        )
    whole = tuple(max(1, -(-n // c)) * c for n, c in zip(shape, chunk_shape, strict=True))
    grid = ObjectGrid((*shape, *inner), (*whole, *inner), (*chunk_shape, *inner))
    return HDF5ChunkSource(Counting(data), "f.h5", stored, grid)


def store_of(source: HDF5ChunkSource) -> Counting:
    assert isinstance(source.store, Counting)
    return source.store


def locate(source: HDF5ChunkSource, chunks: Any, **options: Any) -> ChunkLocations:
    rank = len(source.grid.shape)
    found = source.locate((0,) * rank, np.array(chunks, np.intp).reshape(len(chunks), rank), **options)
    assert found is not None
    assert found.offsets is not None
    return found


def all_chunks(source: HDF5ChunkSource) -> list[tuple[int, ...]]:
    return list(np.ndindex(source.grid.chunks.grid_shape))


def read(source: HDF5ChunkSource, dtype: Any, fill: Any = 0) -> Any:
    """The dataset, of unfiltered chunks; short chunks are filled up behind."""
    grid = source.grid
    out = np.full([n * c for n, c in zip(grid.chunks.grid_shape, grid.chunk_shape, strict=True)], fill, dtype)
    chunks = all_chunks(source)
    found = locate(source, chunks)
    assert found.offsets is not None
    assert found.nbytes is not None
    for coords, offset, nbytes in zip(chunks, found.offsets.tolist(), found.nbytes.tolist(), strict=True):
        if offset >= 0:
            data = store_of(source).get_ranges("f.h5", [ByteRange(offset, nbytes)])[0]
            chunk = np.frombuffer(bytes(data).ljust(np.dtype(dtype).itemsize * int(np.prod(grid.chunk_shape))), dtype)
            place = tuple(slice(i * c, (i + 1) * c) for i, c in zip(coords, grid.chunk_shape, strict=True))
            out[place] = chunk.reshape(grid.chunk_shape)
    return out[tuple(map(slice, grid.shape))]


@pytest.mark.parametrize("options", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("user_block", [{}, {"userblock_size": 512}], ids=["", "user block"])
def test_chunks(options: dict[str, Any], user_block: dict[str, int], tmp_path: Path) -> None:
    options = {"chunks": (4, 3), **options}
    with h5py.File(tmp_path / "f.h5", "w", libver=options.pop("libver"), **user_block) as file:
        dataset = file.create_dataset("d", (50, 40), "<i4", fillvalue=9, **options)
        dataset[:17] = np.arange(17 * 40).reshape(17, 40)
        dataset[:, 30:] = 5
        values = dataset[...]
    source = source_of(tmp_path / "f.h5")
    np.testing.assert_array_equal(read(source, "<i4", 9), values)


@pytest.mark.parametrize("index", ["B-tree 1", "extensible array", "B-tree 2"])
def test_first_lookups_are_small_and_many_are_one(index: str, tmp_path: Path) -> None:
    options = {**INDEXES[index], "chunks": (1, 1)}
    with h5py.File(tmp_path / "f.h5", "w", libver=options.pop("libver")) as file:
        file.create_dataset("d", (100, 40), "<i4", **options)[...] = np.arange(4000).reshape(100, 40)
    source = source_of(tmp_path / "f.h5")
    store = store_of(source)
    assert store.reads == 0
    whole = source_of(tmp_path / "f.h5")
    expected = locate(whole, all_chunks(whole))
    assert expected.offsets is not None
    first = locate(source, [(70, 20)])
    assert first.fresh
    assert first.offsets is not None
    assert first.offsets[0] == expected.offsets[70 * 40 + 20]
    assert store.reads <= 6
    assert store.nbytes < store_of(whole).nbytes / 3
    reads = store.reads
    assert not locate(source, [(70, 20)]).fresh
    assert store.reads == reads  # nodes are remembered
    for i in range(100):
        again = locate(source, [(i, 39)])
        assert again.offsets is not None
        assert again.offsets[0] == expected.offsets[i * 40 + 39]
    assert store.reads < 30
    reads = store.reads
    locate(source, all_chunks(source))
    assert store.reads == reads


def test_filter_masks(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        dataset = file.create_dataset("d", (12,), "<i4", chunks=(4,), compression=1, shuffle=True)
        dataset[:4] = 1
        dataset.id.write_direct_chunk((8,), bytes(16), filter_mask=3)
    found = locate(source_of(tmp_path / "f.h5"), [(2,), (1,), (0,)])
    assert found.filter_masks is not None
    assert found.filter_masks[[0, 2]].tolist() == [3, 0]
    assert found.offsets is not None
    assert (found.offsets >= 0).tolist() == [True, False, True]


def test_empty_and_scalar(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("d", (0, 3), "f4", maxshape=(None, 3))
    assert read(source_of(tmp_path / "f.h5"), "f4").shape == (0, 3)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["d"] = 2.5
    assert read(source_of(tmp_path / "f.h5", ()), "<f8") == 2.5


CUTS = [((20,), (7,)), ((20,), (20,)), ((9, 5), (2, 5)), ((9, 5), (1, 2)), ((3, 4, 5), (1, 3, 5)), ((2, 3), (9, 3))]


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize(("shape", "chunk"), CUTS)
def test_virtual_chunks(shape: tuple[int, ...], chunk: tuple[int, ...], compact: bool, tmp_path: Path) -> None:
    """Those that overhang come with the bytes that are there."""
    values = np.arange(np.prod(shape), dtype="<i4").reshape(shape)
    with h5py.File(tmp_path / "f.h5", "w", userblock_size=512) as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT if compact else h5py.h5d.CONTIGUOUS)
        space = h5py.h5s.create_simple(shape)
        h5py.Dataset(h5py.h5d.create(file.id, b"d", h5py.h5t.STD_I32LE, space, dcpl=properties))[...] = values
    source = source_of(tmp_path / "f.h5", chunk)
    np.testing.assert_array_equal(read(source, "<i4"), values)
    found = locate(source, all_chunks(source))
    assert found.nbytes is not None
    assert found.nbytes.sum() == values.nbytes


def test_never_allocated(tmp_path: Path) -> None:
    for libver, options in ((lv, o) for lv in ("earliest", "v110") for o in ({}, {"chunks": (2, 2)})):
        with h5py.File(tmp_path / "f.h5", "w", libver=libver) as file:
            file.create_dataset("d", (4, 4), "i4", **options)
        found = locate(source_of(tmp_path / "f.h5", (2, 4) if not options else None), [(1, 0)])
        assert found.offsets is not None
        assert found.offsets.tolist() == [-1]


def test_dimensions_of_elements(tmp_path: Path) -> None:
    """An array data type's dimensions follow the dataset's; the index knows nothing of them."""
    for options, chunk in (({"chunks": (2,)}, None), ({}, (2,))):
        values = np.arange(5 * 6, dtype="<i4").reshape(5, 2, 3)
        with h5py.File(tmp_path / "f.h5", "w") as file:
            file.create_dataset("d", (5,), "(2,3)<i4", **options)[...] = values
        np.testing.assert_array_equal(read(source_of(tmp_path / "f.h5", chunk, (2, 3)), "<i4"), values)


REFUSED: dict[str, tuple[Callable[[h5py.File], Any], tuple[int, ...] | None, str]] = {
    "cut": (lambda file: file.create_dataset("d", data=np.ones((4, 4))), (2, 2), "not contiguous"),
    "external": (lambda file: file.create_dataset("d", (4,), "i4", external=[("x", 0, 16)]), (4,), "external"),
    "virtual": (lambda file: file.create_virtual_dataset("d", h5py.VirtualLayout((4,), "i4")), (4,), "virtual"),
}


@pytest.mark.parametrize(("make", "chunk", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(make: Callable[[h5py.File], Any], chunk: Any, reason: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        make(file)
    source = source_of(tmp_path / "f.h5", chunk)
    with pytest.raises(UnsupportedFeatureError, match=f"/d.*{reason}"):
        locate(source, [(0,) * len(source.grid.shape)])


def test_damage_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("d", data=np.arange(8), chunks=(2,))
    source = source_of(tmp_path / "f.h5")
    data = bytearray(store_of(source).get("f.h5").data)
    at = -1
    while (at := data.find(b"TREE", at + 1)) >= 0:
        data[at : at + 4] = b"HERE"
    store_of(source).set("f.h5", [data])
    with pytest.raises(CorruptDataError, match=r"f\.h5: /d: .*B-tree v1"):
        locate(source, [(0,)])


class TestChange:
    """What is remembered is of one version of the file."""

    def files(self, tmp_path: Path) -> tuple[HDF5ChunkSource, bytes]:
        with h5py.File(tmp_path / "f.h5", "w") as file:
            file.create_dataset("d", (2000,), "i4", chunks=(1,))[:1000] = 1
        source = source_of(tmp_path / "f.h5")
        with h5py.File(tmp_path / "f.h5", "r+") as file:
            file["d"][1500] = 2
            for i in range(20):
                file["d"].attrs[f"attribute {i}"] = np.arange(i)
        return source, (tmp_path / "f.h5").read_bytes()

    def test_a_lookup_after_it_begins_anew(self, tmp_path: Path) -> None:
        source, changed = self.files(tmp_path)
        before = locate(source, [(10,)])
        store_of(source).set("f.h5", [changed])
        after = locate(source, [(1500,)])
        assert after.version != before.version
        assert after.offsets is not None
        assert after.offsets[0] >= 0

    def test_what_is_remembered_says_its_version(self, tmp_path: Path) -> None:
        source, changed = self.files(tmp_path)
        before = locate(source, all_chunks(source))
        store_of(source).set("f.h5", [changed])
        again = locate(source, [(1500,)])
        assert again.offsets is not None
        assert (again.version, again.fresh, again.offsets[0]) == (before.version, False, -1)
        fresh = locate(source, [(1500,)], fresh=True)
        assert fresh.offsets is not None
        assert (fresh.version != before.version, fresh.fresh, fresh.offsets[0] >= 0) == (True, True, True)

    def test_a_start_that_was_seen_earlier(self, tmp_path: Path) -> None:
        """It saves a read, is believed as far as its version, and no further."""
        source, changed = self.files(tmp_path)
        whole = store_of(source).get("f.h5")
        source.start = read_start(source.store, source.key)
        assert (len(source.start.data), source.start.size) == (4096, whole.size)
        reads = store_of(source).reads
        first = locate(source, [(10,)])
        assert (first.version, first.fresh) == (whole.version, False)
        assert store_of(source).reads == reads + 1  # of two nodes, the root lies in the start
        stale = source.start
        for remembered in (None, stale):
            store_of(source).set("f.h5", [changed])
            source = replace(source, start=remembered, _known=None)
            after = locate(source, [(1500,)])
            assert after.offsets is not None
            assert (after.version != whole.version, after.fresh, after.offsets[0] >= 0) == (True, True, True)

    def test_damage_that_was_mended_meanwhile(self, tmp_path: Path) -> None:
        source, changed = self.files(tmp_path)
        start = read_start(source.store, source.key)
        store_of(source).set("f.h5", [changed])
        damaged = bytearray(start.data)
        damaged[source.dataset.header_address] = 77
        source.start = replace(start, data=memoryview(damaged))
        assert locate(source, [(1500,)]).fresh

    def test_a_file_that_is_gone(self, tmp_path: Path) -> None:
        source, _ = self.files(tmp_path)
        store_of(source).delete("f.h5")
        with pytest.raises(NotFoundError):
            locate(source, [(10,)])


def test_threads(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("d", (3000,), "i4", chunks=(1,))[...] = 1
    source, alone = source_of(tmp_path / "f.h5"), source_of(tmp_path / "f.h5")
    expected = locate(alone, all_chunks(alone)).offsets
    assert expected is not None
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: locate(source, [(i,)]).offsets, range(0, 3000, 17)))
    assert [int(f[0]) for f in found if f is not None] == expected[::17].tolist()
