"""An index that was edited is, byte for byte, the one that would be written anew (which h5py judges elsewhere)."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.chunk_index import (
    UNDEFINED_ADDRESS,
    StoredChunks,
    chunk_index_nbytes,
    encode_chunk_index,
)
from zarr_hdf5.hdf5.data_layout import ChunkIndexType
from zarr_hdf5.hdf5.index_edit import IndexEdit, walk_to_edit
from zarr_hdf5.hdf5.index_walk import FileSpace, run_walk

BASE, START = 512, 777  # a user block, and an index anywhere behind it
BTREE, ARRAY = ChunkIndexType.BTREE_V1, ChunkIndexType.FIXED_ARRAY
GRIDS = [(1,), (64,), (65,), (5, 13), (16, 16, 17)]


def stored(grid: tuple[int, ...], holes: int = 0, filtered: bool = True) -> StoredChunks:
    n = int(np.prod(grid))
    addresses = np.arange(n, dtype="<u8") * 100 + 10_000
    if holes:
        addresses[::holes] = UNDEFINED_ADDRESS
    nbytes = np.full(n, 100, "<u8")
    return StoredChunks(grid, (4, 3, 2)[: len(grid)], 24_000, addresses, nbytes, filtered)


def moved(chunks: StoredChunks, numbers: Any) -> StoredChunks:
    addresses = chunks.addresses.copy()
    addresses[numbers] = 10**6 + np.arange(len(addresses[numbers]))
    return replace(chunks, addresses=addresses)


def edit(
    kind: ChunkIndexType, before: StoredChunks, after: StoredChunks, file: bytearray, address: int
) -> tuple[IndexEdit, int]:
    """Edit the index whose own address is given; how many bytes were read for it."""
    read = 0

    def get(ranges: Any) -> list[memoryview]:
        nonlocal read
        assert all(r.offset >= 0 for r in ranges)
        read += sum(r.nbytes for r in ranges)
        return [memoryview(file)[r.offset : r.offset + r.nbytes] for r in ranges]

    space = FileSpace(BASE, len(file))
    done = run_walk(walk_to_edit(space, kind, address, before, after, len(file) - BASE), get, len(file))
    file += done.data
    file[BASE + done.address : BASE + done.address + len(done.changed)] = done.changed
    return done, read


def file_of(kind: ChunkIndexType, chunks: StoredChunks) -> tuple[bytearray, int]:
    index = encode_chunk_index(kind, chunks, START)
    assert len(index.data) == chunk_index_nbytes(kind, chunks)
    return bytearray(BASE + START) + index.data, index.address


@pytest.mark.parametrize("holes", [0, 3])
@pytest.mark.parametrize("grid", GRIDS)
def test_btree_gets_other_children(grid: tuple[int, ...], holes: int) -> None:
    before = stored(grid, holes)
    present = np.flatnonzero(before.addresses != np.uint64(UNDEFINED_ADDRESS))
    for numbers in (present[:1], present[-1:], present[::7], present):
        if not len(numbers):
            continue
        file, root = file_of(BTREE, before)
        after = moved(before, numbers)
        done, _ = edit(BTREE, before, after, file, root)
        assert done.index_address == root
        assert file[BASE + START :] == encode_chunk_index(BTREE, after, START).data


def test_btree_entries_get_other_sizes_and_only_their_leaves_are_read() -> None:
    before = stored((4096,))
    after = moved(before, [100, 130])
    after.nbytes[[100, 130]] = 7
    file, root = file_of(BTREE, before)
    _, read = edit(BTREE, before, after, file, root)
    wanted = encode_chunk_index(BTREE, after, START).data
    different = np.flatnonzero(np.frombuffer(file, "u1")[BASE + START :] != np.frombuffer(wanted, "u1"))
    assert not len(different)
    assert read == 2 * (24 + 64 * 32 + 24)  # leaves 1 and 2


@pytest.mark.parametrize("grid", GRIDS[1:])
def test_a_btree_with_more_chunks_is_another(grid: tuple[int, ...]) -> None:
    before = stored(grid, holes=3)
    file, root = file_of(BTREE, before)
    at, untouched = len(file) - BASE, bytes(file)
    after = moved(before, [0, 1])
    done, _ = edit(BTREE, before, after, file, root)
    new = encode_chunk_index(BTREE, after, at)
    assert file == untouched + new.data
    assert done.index_address == new.address


@pytest.mark.parametrize("filtered", [True, False])
@pytest.mark.parametrize("grid", GRIDS[1:])
def test_fixed_array_gets_another_block(grid: tuple[int, ...], filtered: bool) -> None:
    before = stored(grid, 3, filtered)
    file, address = file_of(ARRAY, before)
    for numbers in ([0], [1, 2, 5], slice(None)):  # an absent chunk, some, all
        after, end = moved(before, numbers), len(file)
        done, read = edit(ARRAY, before, after, file, address)
        assert (done.index_address, read) == (address, 28)
        new = encode_chunk_index(ARRAY, after, START).data
        assert file[end:] == new[28:]
        assert file[BASE + START :][:16] == new[:16]
        assert int.from_bytes(file[BASE + START :][16:24], "little") == end - BASE
        before = after


def _other_child(file: npt.NDArray[np.uint8]) -> None:
    file[24 + 32 * 5 + 24] ^= 1


def _other_size(file: npt.NDArray[np.uint8]) -> None:
    file[24 + 32 * 5] ^= 1


def _filter_mask(file: npt.NDArray[np.uint8]) -> None:
    file[24 + 32 * 5 + 4] ^= 1


def _not_a_leaf(file: npt.NDArray[np.uint8]) -> None:
    file[5] ^= 1


@pytest.mark.parametrize("damage", [_other_child, _other_size, _filter_mask, _not_a_leaf])
def test_an_unexpected_btree(damage: Any) -> None:
    before = stored((100,))
    file, root = file_of(BTREE, before)
    damage(np.frombuffer(file, "u1")[BASE + START :])
    with pytest.raises(CorruptDataError, match="expected"):
        edit(BTREE, before, moved(before, [5]), bytearray(file), root)


def test_an_unexpected_fixed_array() -> None:
    before = stored((100,))
    for at in (0, 7, 8, 27):
        file, address = file_of(ARRAY, before)
        file[BASE + START + at] ^= 1
        with pytest.raises(CorruptDataError, match="expected"):
            edit(ARRAY, before, moved(before, [5]), file, address)


@pytest.mark.parametrize("kind", [BTREE, ARRAY])
@pytest.mark.parametrize("address", [0, 2**20, UNDEFINED_ADDRESS])
def test_an_index_that_is_elsewhere(kind: ChunkIndexType, address: int) -> None:
    before = stored((100,))
    file, _ = file_of(kind, before)
    with pytest.raises(CorruptDataError):
        edit(kind, before, moved(before, [5]), file, address)


@pytest.mark.parametrize("kind", [ChunkIndexType.SINGLE_CHUNK, ChunkIndexType.BTREE_V2])
def test_indexes_of_other_types(kind: ChunkIndexType) -> None:
    before = stored((1,))
    with pytest.raises(UnsupportedFeatureError):
        edit(kind, before, moved(before, [0]), bytearray(1000), 0)
