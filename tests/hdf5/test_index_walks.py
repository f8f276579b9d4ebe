"""Chunk indexes as we read them: h5py writes the files, and says where chunks are and what is in them."""

import io
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import ChecksumError, CorruptDataError, UnsupportedFeatureError, ZarrHDF5Error
from zarr_hdf5.hdf5.chunk_layout import walk_layout
from zarr_hdf5.hdf5.chunk_lookup import walk_chunks
from zarr_hdf5.hdf5.chunk_table import ChunkTable
from zarr_hdf5.hdf5.data_layout import ChunkIndex, ChunkIndexType, Layout
from zarr_hdf5.hdf5.index_walk import FileSpace, run_walk
from zarr_hdf5.hdf5.lookup3 import lookup3
from zarr_hdf5.hdf5.superblock import walk_file_space

CORPUS = Path(os.environ.get("ZARR_HDF5_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
FILL = 7


@dataclass(frozen=True)
class Case:
    """A dataset of u2, of which a part of the chunks is written, every third of them with the filter skipped."""

    index: ChunkIndexType
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    maxshape: tuple[int | None, ...] | None = None
    filtered: bool = False
    libver: str = "v110"
    density: float = 0.6
    user_block: int = 0

    @property
    def grid(self) -> tuple[int, ...]:
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk, strict=True))


@dataclass(frozen=True)
class Dataset:
    """An image of a file, what h5py says of its dataset, and what we asked of the image."""

    data: bytes
    header_address: int
    shape: tuple[int, ...]
    maxshape: tuple[int | None, ...]
    nfilters: int
    values: Any
    rows: Any

    def reader(self, asked: list[ByteRange] | None = None) -> Callable[[list[ByteRange]], list[memoryview]]:
        def read(ranges: list[ByteRange]) -> list[memoryview]:
            assert all(r.offset >= 0 and r.nbytes >= 0 and r.end <= len(self.data) for r in ranges)
            if asked is not None:
                asked.extend(ranges)
            return [memoryview(self.data)[r.offset : r.end] for r in ranges]

        return read

    def space(self) -> FileSpace:
        return run_walk(walk_file_space(len(self.data)), self.reader(), len(self.data))

    def layout(self, asked: list[ByteRange] | None = None) -> Layout:
        return run_walk(walk_layout(self.space(), self.header_address), self.reader(asked), len(self.data))

    def table(self, wanted: Any = None, asked: list[ByteRange] | None = None) -> ChunkTable:
        layout = self.layout()
        assert isinstance(layout, ChunkIndex)
        walk = walk_chunks(self.space(), layout, self.shape, self.maxshape, self.nfilters, wanted)
        return run_walk(walk, self.reader(asked), len(self.data))


def describe(data: bytes, dataset: h5py.Dataset) -> Dataset:
    low, high = h5py.h5g.get_objinfo(dataset.id, b".").objno
    rows: list[Any] = []
    nfilters = dataset.id.get_create_plist().get_nfilters()
    dataset.id.chunk_iter(rows.append)
    return Dataset(data, low | high << 32, dataset.shape, dataset.maxshape, nfilters, None, rows)


def make(case: Case, seed: int = 1) -> Dataset:
    buffer = io.BytesIO()
    random = np.random.default_rng(seed)
    user_block = {"userblock_size": case.user_block} if case.user_block else {}
    with h5py.File(buffer, "w", libver=(case.libver, "latest"), **user_block) as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk(case.chunk)
        properties.set_fill_value(np.array(FILL, "<u2"))
        if case.filtered:
            properties.set_deflate(1)
        if case.index is ChunkIndexType.IMPLICIT:
            properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        most = tuple(h5py.h5s.UNLIMITED if n is None else n for n in case.maxshape or case.shape)
        space = h5py.h5s.create_simple(case.shape, most)
        dataset = h5py.Dataset(h5py.h5d.create(file.id, b"d", h5py.h5t.STD_U16LE, space, dcpl=properties))
        present = np.flatnonzero(random.random(prod(case.grid)) < case.density)
        for number in random.permutation(present).tolist():
            coords = np.unravel_index(number, case.grid)
            origin = tuple(int(i) * n for i, n in zip(coords, case.chunk, strict=True))
            raw = random.integers(0, 9, case.chunk).astype("<u2").tobytes()
            skipped = case.filtered and number % 3 == 0
            stored = zlib.compress(raw, 1) if case.filtered and not skipped else raw
            dataset.id.write_direct_chunk(origin, stored, filter_mask=int(skipped))
        file.flush()
        nbytes = file.id.get_filesize()
    return reopen(buffer.getvalue().ljust(nbytes, b"\0"))  # h5py does not write what was only allocated


def reopen(data: bytes) -> Dataset:
    with h5py.File(io.BytesIO(data)) as file:
        return replace(describe(data, file["d"]), values=file["d"][...])


def as_rows(table: ChunkTable, chunk: tuple[int, ...]) -> set[Any]:
    columns = (
        (table.coords * chunk).tolist(),
        table.offsets.tolist(),
        table.nbytes.tolist(),
        table.filter_masks.tolist(),
    )
    return {(tuple(origin), *rest) for origin, *rest in zip(*columns, strict=True)}


def libhdf5_rows(dataset: Dataset) -> set[Any]:
    return {(tuple(r.chunk_offset), r.byte_offset, r.size, r.filter_mask) for r in dataset.rows}


def read_values(
    dataset: Dataset, table: ChunkTable, chunk: tuple[int, ...], dtype: Any = "<u2", fill: Any = FILL
) -> npt.NDArray[Any]:
    """The dataset, put together from the bytes that the table points at."""
    grid = [-(-n // c) for n, c in zip(dataset.shape, chunk, strict=True)]
    whole = np.full([g * c for g, c in zip(grid, chunk, strict=True)], fill, dtype)
    for coords, offset, nbytes, mask in zip(
        table.coords.tolist(), table.offsets.tolist(), table.nbytes.tolist(), table.filter_masks.tolist(), strict=True
    ):
        data = dataset.data[offset : offset + nbytes]
        if dataset.nfilters and not mask & 1:
            data = zlib.decompress(data)
        place = tuple(slice(i * c, (i + 1) * c) for i, c in zip(coords, chunk, strict=True))
        whole[place] = np.frombuffer(data, dtype).reshape(chunk)
    return whole[tuple(map(slice, dataset.shape))]


I = ChunkIndexType  # noqa: E741
BASES = [
    Case(I.BTREE_V1, (40,), (3,), libver="earliest"),
    Case(I.BTREE_V1, (2500, 2), (1, 1), libver="earliest"),
    Case(I.BTREE_V1, (4, 5, 3, 5), (2, 1, 2, 5), (None, 9, 9, None), libver="earliest"),
    Case(I.BTREE_V1, (30, 4), (4, 3), libver="v108"),
    Case(I.SINGLE_CHUNK, (5, 3), (5, 3), density=1),
    Case(I.SINGLE_CHUNK, (5,), (5,), density=0),
    Case(I.FIXED_ARRAY, (40,), (3,)),
    Case(I.FIXED_ARRAY, (5, 3), (6, 8), (6, 8), density=1),
    Case(I.FIXED_ARRAY, (9, 9), (2, 3), (20, 30)),
    Case(I.FIXED_ARRAY, (3, 4, 5, 4), (2, 1, 2, 1), (4, 4, 9, 9)),
    Case(I.FIXED_ARRAY, (1500, 3), (1, 2), (1500, 4)),
    Case(I.FIXED_ARRAY, (9000,), (1,), (9001,), density=0.02),
    Case(I.FIXED_ARRAY, (40, 3), (3, 1), density=0),
    Case(I.EXTENSIBLE_ARRAY, (40,), (3,), (None,)),
    Case(I.EXTENSIBLE_ARRAY, (9, 9), (2, 3), (None, 30)),
    Case(I.EXTENSIBLE_ARRAY, (9, 9), (2, 3), (20, None)),
    Case(I.EXTENSIBLE_ARRAY, (3, 4, 5, 4), (2, 1, 2, 1), (4, 5, None, 9)),
    Case(I.EXTENSIBLE_ARRAY, (3000,), (1,), (None,), density=0.9),
    Case(I.EXTENSIBLE_ARRAY, (3, 1000), (1, 1), (4, None)),
    Case(I.EXTENSIBLE_ARRAY, (40,), (3,), (None,), density=0),
    Case(I.BTREE_V2, (40, 3), (3, 2), (None, None)),
    Case(I.BTREE_V2, (3, 4, 5, 4), (2, 1, 2, 1), (4, None, None, None)),
    Case(I.BTREE_V2, (60, 80), (1, 1), (None, None)),
    Case(I.BTREE_V2, (40, 3), (3, 1), (None, None), density=0),
]
PAGED = [
    Case(I.EXTENSIBLE_ARRAY, (200_000,), (1,), (None,), density=0.02),
    Case(I.EXTENSIBLE_ARRAY, (2, 100_000), (1, 1), (3, None), density=0.02, filtered=True),
]
CASES = [
    *(replace(c, filtered=f, user_block=u) for c, (f, u) in product(BASES, [(False, 0), (True, 512)])),
    *(replace(c, filtered=True, libver="latest") for c in BASES if c.index is not I.BTREE_V1),
    Case(I.IMPLICIT, (40,), (3,)),
    Case(I.IMPLICIT, (5, 7, 3), (2, 2, 2), (9, 9, 9)),
    Case(I.IMPLICIT, (5, 7), (2, 2), density=1, user_block=512),
    *PAGED,
]


def name_of(case: Case) -> str:
    kind = f"{case.index.name} {case.shape} of {case.maxshape}"
    return f"{kind}{' filtered' if case.filtered else ''} {case.libver}{' user block' if case.user_block else ''}"


def swizzled(case: Case) -> bool:
    """Whether libhdf5's chunk queries are wrong: the unlimited dimension of an extensible array is not the first."""
    return case.index is I.EXTENSIBLE_ARRAY and (case.maxshape or (None,))[0] is not None


@pytest.mark.parametrize("case", CASES, ids=name_of)
class TestTables:
    def test_whole(self, case: Case) -> None:
        dataset = make(case)
        layout = dataset.layout()
        assert isinstance(layout, ChunkIndex)
        assert (layout.index_type, layout.chunk_shape, layout.itemsize) == (case.index, case.chunk, 2)
        table = dataset.table()
        np.testing.assert_array_equal(read_values(dataset, table, case.chunk), dataset.values)
        assert len(table.coords) == len(dataset.rows) or swizzled(case)
        if not swizzled(case):
            assert as_rows(table, case.chunk) == libhdf5_rows(dataset)

    def test_parts_are_those_of_the_whole(self, case: Case) -> None:
        dataset = make(case)
        whole = as_rows(dataset.table(), case.chunk)
        random = np.random.default_rng(2)
        for count in (1, 1, 1, 2, 7):
            wanted = [tuple(int(random.integers(n)) for n in case.grid) for _ in range(count)]
            origins = {tuple(i * n for i, n in zip(coords, case.chunk, strict=True)) for coords in wanted}
            found = {row for row in as_rows(dataset.table(wanted), case.chunk) if row[0] in origins}
            assert found == {row for row in whole if row[0] in origins}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_parts_of_any_dataset(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 4))
    shape = data.draw(st.tuples(*[st.integers(1, 7)] * rank))
    chunk = data.draw(st.tuples(*[st.integers(1, 4)] * rank))
    spare = data.draw(st.tuples(*[st.one_of(st.none(), st.integers(0, 5))] * rank))
    maxshape = tuple(None if s is None else n + s for n, s in zip(shape, spare, strict=True))
    chunk = tuple(c if m is None else min(c, m) for c, m in zip(chunk, maxshape, strict=True))
    libver = data.draw(st.sampled_from(["earliest", "v110", "latest"]))
    filtered = data.draw(st.booleans())
    case = Case(I.BTREE_V1, shape, chunk, maxshape, filtered, libver)
    dataset = make(case, data.draw(st.integers(0, 99)))
    table = dataset.table()
    np.testing.assert_array_equal(read_values(dataset, table, chunk), dataset.values)
    whole = as_rows(table, chunk)
    cells = st.tuples(*[st.integers(0, n - 1) for n in case.grid])
    wanted = data.draw(st.lists(cells, min_size=1, max_size=5))
    origins = {tuple(i * n for i, n in zip(coords, chunk, strict=True)) for coords in wanted}
    found = {row for row in as_rows(dataset.table(wanted), chunk) if row[0] in origins}
    assert found == {row for row in whole if row[0] in origins}


def test_a_lookup_reads_only_what_leads_to_the_chunk() -> None:
    """A few nodes or pages, of many."""
    for case, rounds in (
        (Case(I.BTREE_V1, (5000,), (1,), libver="earliest", density=1), 3),
        (Case(I.BTREE_V2, (70, 70), (1, 1), (None, None), density=1), 4),
        (Case(I.FIXED_ARRAY, (20_000,), (1,), density=0.1), 3),
        (Case(I.EXTENSIBLE_ARRAY, (20_000,), (1,), (None,), density=0.1), 4),
    ):
        dataset = make(case)
        asked: list[ByteRange] = []
        whole: list[ByteRange] = []
        dataset.table([tuple(n * 2 // 3 for n in case.grid)], asked)
        dataset.table(None, whole)
        assert len(asked) <= rounds
        assert sum(r.nbytes for r in asked) < sum(r.nbytes for r in whole) / 3


def test_chunks_that_overhang_may_be_unfiltered() -> None:
    """The layout's "don't filter partial bound chunks"; set by hand, for h5py cannot, and then read by h5py."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("v110", "v110")) as file:
        dataset = file.create_dataset("d", (5, 4), "<u2", chunks=(2, 2), compression=1, shuffle=True)
        dataset[:4] = np.arange(16).reshape(4, 4)
        for column in (0, 2):
            dataset.id.write_direct_chunk((4, column), np.full((2, 2), column + 50, "<u2").tobytes())
    data = bytearray(buffer.getvalue())
    message = data.index(b"\x04\x02\x00\x03\x01")
    data[message + 2] = 1
    start = data.rindex(b"OHDR", 0, message)
    at = start + 6 + (16 if data[start + 5] & 0x20 else 0) + (4 if data[start + 5] & 0x10 else 0)
    width = 1 << (data[start + 5] & 3)
    end = at + width + int.from_bytes(data[at : at + width], "little")
    data[end : end + 4] = lookup3(data[start:end]).to_bytes(4, "little")
    found = reopen(bytes(data))
    assert found.values[4].tolist() == [50, 50, 52, 52]
    table = found.table()
    masks = dict(zip(map(tuple, table.coords.tolist()), table.filter_masks.tolist(), strict=True))
    assert masks == {(i, j): 0b11 if i == 2 else 0 for i in range(3) for j in range(2)}
    assert set(table.nbytes[table.coords[:, 0] == 2].tolist()) == {8}


def test_nodes_of_another_size() -> None:
    """A superblock extension may say how large B-tree nodes are; so may a version 1 superblock."""
    dataset = make(Case(I.BTREE_V1, (12,), (1,), libver="earliest", density=1))
    layout = dataset.layout()
    assert isinstance(layout, ChunkIndex)
    assert layout.address is not None
    space = dataset.space()
    # Room enough lies before the end of the file for a node of 16 children, but not for one of 64.
    nbytes = 24 + 16 * 32 + 24
    end = layout.address + nbytes
    smaller = replace(dataset, data=dataset.data[:end])
    walk = walk_chunks(FileSpace(0, end, 8), layout, (12,), (12,), 0)
    table = run_walk(walk, smaller.reader(), end)
    assert as_rows(table, (1,)) == libhdf5_rows(dataset)
    with pytest.raises(CorruptDataError, match="outside the file"):
        run_walk(walk_chunks(FileSpace(0, end), layout, (12,), (12,), 0), smaller.reader(), end)
    superblock = bytearray(dataset.data[:24] + (8).to_bytes(2, "little") + b"\0\0" + dataset.data[24:100])
    superblock[8] = 1
    found = run_walk(walk_file_space(100), lambda ranges: [bytes(superblock[r.offset : r.end]) for r in ranges], 100)
    assert (found.indexed_storage_k, space.indexed_storage_k) == (8, 32)


SMALL = [
    Case(I.BTREE_V1, (7,), (2,), libver="earliest", density=1, filtered=True),
    Case(I.SINGLE_CHUNK, (7,), (7,), density=1, filtered=True),
    Case(I.IMPLICIT, (7,), (2,), density=1),
    Case(I.FIXED_ARRAY, (7,), (2,), density=1, filtered=True),
    Case(I.EXTENSIBLE_ARRAY, (70,), (2,), (None,), density=1),
    Case(I.BTREE_V2, (7, 2), (2, 1), (None, None), density=1, filtered=True),
]


def outcome(dataset: Dataset, wanted: Any = None) -> set[Any] | None:
    """The chunks; None where an error of ours says that there is damage."""
    try:
        layout = dataset.layout()
        if not isinstance(layout, ChunkIndex):
            return None
        return as_rows(dataset.table(wanted), layout.chunk_shape)
    except (CorruptDataError, UnsupportedFeatureError):
        return None


@pytest.mark.parametrize("case", SMALL, ids=name_of)
class TestDamage:
    def test_truncated(self, case: Case) -> None:
        dataset = make(case)
        whole = as_rows(dataset.table(), case.chunk)
        for length in range(64, len(dataset.data)):
            cut = replace(dataset, data=dataset.data[:length])
            assert outcome(cut) in (None, whole)
            assert outcome(cut, [(0,) * len(case.shape)]) is None or length > dataset.header_address

    def test_flipped_bits(self, case: Case) -> None:
        dataset = make(case)
        whole = as_rows(dataset.table(), case.chunk)
        checked = case.index is not I.BTREE_V1
        changed = 0
        for at, bit in flips(dataset):
            data = bytearray(dataset.data)
            data[at] ^= 1 << bit
            damaged = replace(dataset, data=bytes(data))
            found = outcome(damaged)
            assert found is None or len(found) <= max(len(whole), prod(case.grid))
            changed += found not in (None, whole)
            assert not checked or found in (None, whole)
        assert checked or changed  # no checksum there: some damage passes for other chunks, or for their absence


def flips(dataset: Dataset) -> Iterator[tuple[int, int]]:
    """A bit of every byte that is read on the way to the table, and all bits of those that matter most."""
    asked: list[ByteRange] = []
    dataset.layout(asked)
    dataset.table(None, asked)
    for r in asked:
        for at in range(r.offset, r.end):
            for bit in range(8) if at < r.offset + 80 else [at % 8]:
                yield at, bit


HEADERS = {b"FAHD": 28, b"EAHD": 72, b"BTHD": 38}


@pytest.mark.parametrize("case", [c for c in SMALL if c.index >= I.FIXED_ARRAY], ids=name_of)
def test_headers_that_lie(case: Case) -> None:
    """The checksum is right, the numbers are not."""
    dataset = make(case)
    start, nbytes = next((dataset.data.find(s), n) for s, n in HEADERS.items() if s in dataset.data)
    for at, value in product(range(start, start + nbytes - 4), [0, 1, 2, 8, 63, 64, 127, 128, 255]):
        data = bytearray(dataset.data)
        data[at] = value
        data[start + nbytes - 4 : start + nbytes] = lookup3(data[start : start + nbytes - 4]).to_bytes(4, "little")
        found = outcome(replace(dataset, data=bytes(data)))
        assert found is None or len(found) <= prod(case.grid)
        outcome(replace(dataset, data=bytes(data)), [(1,) * len(case.grid)])


class TestCycles:
    """Nodes of version 1 B-trees have no checksum: every pointer may lie."""

    def test_child_is_its_parent(self) -> None:
        for target in (0, 1):
            dataset, children = self.tree()
            data = bytearray(dataset.data)
            root = self.root(dataset)
            pointer = [root, int.from_bytes(data[children[1] : children[1] + 8], "little")][target]
            data[children[0] : children[0] + 8] = pointer.to_bytes(8, "little")
            damaged = replace(dataset, data=bytes(data))
            with pytest.raises(CorruptDataError, match=["at least in part", "share a child"][target]):
                damaged.table()
            if not target:
                with pytest.raises(CorruptDataError, match="at least in part"):
                    damaged.table([(0,)])

    def test_continuation_of_itself(self) -> None:
        with io.BytesIO() as buffer:
            with h5py.File(buffer, "w", libver=("earliest", "v108")) as file:
                dataset = file.create_dataset("d", (4,), "<u2", chunks=(2,))
                for i in range(12):
                    dataset.attrs[f"attribute {i}"] = np.arange(i + 1)
            data = bytearray(buffer.getvalue())
        whole = reopen(bytes(data))
        header = whole.header_address
        at = data.index(b"\x10\x00\x10\x00", header) + 8
        data[at : at + 8] = (header + 16).to_bytes(8, "little")
        with pytest.raises(CorruptDataError, match=r"cyclic|no data layout"):
            replace(whole, data=bytes(data)).layout()

    def tree(self) -> tuple[Dataset, list[int]]:
        """A tree of two levels, and where the pointers of its root lie."""
        dataset = make(Case(I.BTREE_V1, (100,), (1,), libver="earliest", density=1))
        root = self.root(dataset)
        assert dataset.data[root + 5] == 1
        return dataset, [root + 24 + 24, root + 24 + 32 + 24]

    def root(self, dataset: Dataset) -> int:
        layout = dataset.layout()
        assert isinstance(layout, ChunkIndex)
        assert layout.address is not None
        return layout.address


def test_walks_that_overlap_end() -> None:
    def endless() -> Iterator[list[ByteRange]]:
        while True:
            yield [ByteRange(0, 1000)]

    with pytest.raises(CorruptDataError, match="overlap"):
        run_walk(endless(), lambda ranges: [bytes(r.nbytes) for r in ranges], 1000)  # type: ignore[arg-type]


def test_a_wrong_checksum_says_so() -> None:
    dataset = make(Case(I.FIXED_ARRAY, (7,), (2,)))
    data = bytearray(dataset.data)
    data[data.index(b"FADB") + 20] ^= 1
    with pytest.raises(ChecksumError, match="fixed array data block"):
        replace(dataset, data=bytes(data)).table()


def datasets_of(path: Path) -> list[str]:
    """Names of the chunked datasets of a file; none where h5py cannot read it."""
    names: list[str] = []
    try:
        with h5py.File(path) as file:
            file.visititems(
                lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) and node.chunks else None
            )
    except Exception:
        return []
    return names


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of real files here")
def test_real_files() -> None:
    """Every chunked dataset: our table is libhdf5's, but where libhdf5's is wrong."""
    seen = dict.fromkeys(ChunkIndexType, 0)
    for path in sorted(p for p in CORPUS.rglob("*") if p.is_file()):
        for name in datasets_of(path):
            with h5py.File(path) as file:
                dataset = describe(path.read_bytes(), file[name])
                layout, table = dataset.layout(), dataset.table()
                assert isinstance(layout, ChunkIndex)
                if layout.index_type is I.EXTENSIBLE_ARRAY:
                    ours = read_values(dataset, table, layout.chunk_shape, file[name].dtype, file[name].fillvalue)
                    np.testing.assert_array_equal(ours, file[name][()], f"{path} {name}")
            if layout.index_type is not I.EXTENSIBLE_ARRAY or dataset.maxshape[0] is None:
                assert as_rows(table, layout.chunk_shape) == libhdf5_rows(dataset), (path, name)
            seen[layout.index_type] += 1
    assert seen[I.BTREE_V1] > 500
    assert all(seen[index] for index in (I.IMPLICIT, I.FIXED_ARRAY, I.EXTENSIBLE_ARRAY, I.BTREE_V2))


def test_errors_are_ours() -> None:
    dataset = make(Case(I.BTREE_V1, (7,), (2,)))
    with pytest.raises(ZarrHDF5Error):
        run_walk(walk_layout(dataset.space(), 1 << 63), dataset.reader(), len(dataset.data))
