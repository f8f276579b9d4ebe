"""Chunk indexes: libhdf5 writes a file, we encode the index of the same chunks, and the bytes are the same."""

import struct
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.btree_v1 import encode_btree_v1
from zarr_hdf5.hdf5.chunk_index import UNDEFINED_ADDRESS, StoredChunks, encode_chunk_index
from zarr_hdf5.hdf5.data_layout import ChunkIndexType
from zarr_hdf5.hdf5.filters import Filter, FilterId
from zarr_hdf5.hdf5.fixed_array import encode_fixed_array, page_bits
from zarr_hdf5.hdf5.lookup3 import lookup3
from zarr_hdf5.hdf5.template import DatasetSpec, write_template

UNDEFINED = struct.pack("<Q", UNDEFINED_ADDRESS)
FILTERS = (Filter(FilterId.SHUFFLE, (4,)), Filter(FilterId.DEFLATE, (1,)))


def write(
    path: Path, shape: tuple[int, ...], chunk: tuple[int, ...], libver: str, present: Any, **options: Any
) -> None:
    """A dataset of int32 of which the chunks with these numbers are written, in this order."""
    high = {"earliest": "v108", "v110": "v110"}[libver]
    counts = tuple(-(-n // c) for n, c in zip(shape, chunk, strict=True))
    with h5py.File(path, "w", libver=(libver, high)) as file:
        dataset = file.create_dataset("d", shape, "<i4", chunks=chunk, maxshape=shape, **options)
        for number in present:
            start = [int(i) * c for i, c in zip(np.unravel_index(number, counts), chunk, strict=True)]
            dataset[tuple(slice(s, s + c) for s, c in zip(start, chunk, strict=True))] = number + 1


def columns(path: Path, counts: tuple[int, ...], chunk: tuple[int, ...]) -> StoredChunks:
    """The chunks as libhdf5 tells them."""
    addresses = np.full(prod(counts), UNDEFINED_ADDRESS, "<u8")
    nbytes = np.zeros(prod(counts), "<u8")
    with h5py.File(path) as file:
        rows: list[Any] = []
        file["d"].id.chunk_iter(rows.append)
        filtered = file["d"].compression is not None
    for row in rows:
        number = np.ravel_multi_index([o // c for o, c in zip(row.chunk_offset, chunk, strict=True)], counts)
        addresses[number], nbytes[number] = row.byte_offset, row.size
    return StoredChunks(counts, chunk, prod(chunk) * 4, addresses, nbytes, filtered)


class TestBTreeV1:
    @pytest.mark.parametrize(
        ("shape", "chunk", "present"),
        [
            ((8,), (8,), [0]),
            ((40,), (4,), range(10)),
            ((6, 9), (2, 3), [0, 4, 8]),
            ((64,), (1,), range(64)),
            ((4, 4, 4), (2, 1, 4), [3, 1, 0, 7]),
        ],
    )
    @pytest.mark.parametrize("options", [{}, {"compression": 1, "shuffle": True}], ids=["raw", "filtered"])
    def test_one_node_is_libhdf5s(self, tmp_path: Path, shape: Any, chunk: Any, present: Any, options: Any) -> None:
        write(tmp_path / "x.h5", shape, chunk, "earliest", present, **options)
        data = (tmp_path / "x.h5").read_bytes()
        rank, entries = len(shape), len(present)
        address = next(at for at in nodes(data) if data[at + 4] == 1)
        counts = tuple(-(-n // c) for n, c in zip(shape, chunk, strict=True))
        encoded = encode_chunk_index(ChunkIndexType.BTREE_V1, columns(tmp_path / "x.h5", counts, chunk), address)
        assert encoded.address == address
        key_nbytes = 8 + 8 * (rank + 1)
        assert len(encoded.data) == 24 + 64 * (key_nbytes + 8) + key_nbytes
        used = 24 + entries * (key_nbytes + 8)
        assert encoded.data[:used] == data[address : address + used]
        # Its closing key need only lie behind every chunk.
        closing = struct.unpack_from(f"<{rank + 1}Q", encoded.data, used + 8)
        last = struct.unpack_from(f"<{rank + 1}Q", encoded.data, used - 8 - key_nbytes + 8)
        assert closing > last

    @pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 5000])
    def test_trees_of_every_depth_are_read_by_libhdf5(self, tmp_path: Path, count: int) -> None:
        levels = check_tree(tmp_path / "x.h5", np.arange(count), count)
        assert levels == (1 if count <= 64 else 2 if count <= 4096 else 3)

    def test_trees_with_holes(self, tmp_path: Path) -> None:
        check_tree(tmp_path / "x.h5", np.flatnonzero(np.random.default_rng(1).random(9000) < 0.5), 9000)

    def test_no_chunk_at_all(self, tmp_path: Path) -> None:
        assert encode_btree_v1(*(np.zeros(0, "<u8"),) * 3, (4,), 4096) == (b"", UNDEFINED_ADDRESS)
        assert check_tree(tmp_path / "x.h5", np.zeros(0, np.intp), 10) == 0


def nodes(data: bytes) -> list[int]:
    found, at = [], data.find(b"TREE")
    while at >= 0:
        found.append(at)
        at = data.find(b"TREE", at + 1)
    return found


def check_tree(path: Path, present: Any, count: int) -> int:
    """Put a tree over these chunks of one element in a file of libhdf5's; the number of its levels."""
    spec = one_dataset((count,), (count,), (1,), "earliest", ())
    template = write_template(spec)
    start = len(template.image)
    addresses = np.full(count, UNDEFINED_ADDRESS, "<u8")
    addresses[present] = start + 4 * np.arange(len(present))
    chunks = StoredChunks((count,), (1,), 4, addresses, np.full(count, 4, "<u8"), False)
    index = encode_chunk_index(ChunkIndexType.BTREE_V1, chunks, start + 4 * len(present))
    header = template.fill_in(
        end_of_file=start + 4 * len(present) + len(index.data), index_address=index.address, variable=(0,)
    )
    path.write_bytes(bytes(header) + (present.astype("<i4") + 1).tobytes() + index.data)
    with h5py.File(path) as file:
        expected = np.zeros(count, "i4")
        expected[present] = present + 1
        np.testing.assert_array_equal(file["d"][...], expected)
        rows: list[Any] = []
        file["d"].id.chunk_iter(rows.append)
        assert [row.chunk_offset[0] for row in rows] == present.tolist()
        assert [row.byte_offset for row in rows] == addresses[present].tolist()
    return len({index.data[at + 5] for at in nodes(index.data)})


def one_dataset(shape: Any, maxshape: Any, chunk: Any, libver: str, filters: Any, user_block: int = 0) -> DatasetSpec:
    return DatasetSpec(
        path="/d",
        shape=shape,
        maxshape=maxshape,
        chunk_shape=chunk,
        dtype=np.dtype("<i4"),
        fill_value=np.int32(0),
        filters=filters,
        attributes=(),
        variable=("place", 1),
        dimension_labels=None,
        libver=libver,
        user_block_nbytes=user_block,
    )


class TestFixedArray:
    @pytest.mark.parametrize(
        ("shape", "chunk", "present"),
        [
            ((40,), (4,), range(10)),
            ((6, 9), (2, 3), [0, 4, 8]),
            ((1024,), (1,), range(0, 1024, 3)),
            ((512, 2), (256, 1), [1, 2]),
            ((131072,), (65536,), [1]),
        ],
    )
    @pytest.mark.parametrize("options", [{}, {"compression": 1, "shuffle": True}], ids=["raw", "filtered"])
    def test_bytes_are_libhdf5s(self, tmp_path: Path, shape: Any, chunk: Any, present: Any, options: Any) -> None:
        write(tmp_path / "x.h5", shape, chunk, "v110", present, **options)
        data = (tmp_path / "x.h5").read_bytes()
        header, block = data.index(b"FAHD"), data.index(b"FADB")
        counts = tuple(-(-n // c) for n, c in zip(shape, chunk, strict=True))
        chunks = columns(tmp_path / "x.h5", counts, chunk)
        encoded = encode_chunk_index(ChunkIndexType.FIXED_ARRAY, chunks, header)
        assert encoded.address == header
        assert page_bits(len(chunks.addresses)) == data[header + 7]
        # Ours lie one behind the other; libhdf5 may put the block elsewhere. The address is the one other field.
        theirs = bytearray(data[header : header + 24])
        assert struct.unpack_from("<Q", theirs, 16)[0] == block
        struct.pack_into("<Q", theirs, 16, header + 28)
        assert encoded.data[:24] == theirs
        assert encoded.data[24:28] == struct.pack("<I", lookup3(bytes(theirs)))
        assert encoded.data[28:] == data[block : block + len(encoded.data) - 28]

    @pytest.mark.parametrize(
        ("count", "bits"), [(1, 10), (1024, 10), (1025, 11), (2048, 11), (2049, 12), (1 << 20, 20)]
    )
    def test_page_bits(self, count: int, bits: int) -> None:
        assert page_bits(count) == bits
        assert count <= 1 << bits

    @pytest.mark.parametrize("count", [2, 1024, 1025, 3000, 70000])
    @pytest.mark.parametrize("filtered", [False, True])
    def test_large_ones_are_read_by_libhdf5(self, tmp_path: Path, count: int, filtered: bool) -> None:
        template = write_template(one_dataset((count,), (count,), (1,), "v110", FILTERS[:1] if filtered else ()))
        assert template.layout.index_type is ChunkIndexType.FIXED_ARRAY
        start, present = len(template.image), np.arange(0, count, 3)
        addresses = np.full(count, UNDEFINED_ADDRESS, "<u8")
        addresses[present] = start + 4 * np.arange(len(present))
        chunks = StoredChunks((count,), (1,), 4, addresses, np.full(count, 4, "<u8"), filtered)
        end = start + 4 * len(present)
        index = encode_chunk_index(ChunkIndexType.FIXED_ARRAY, chunks, end)
        header = template.fill_in(
            end_of_file=end + len(index.data), index_address=index.address, variable=(0,), page_bits=page_bits(count)
        )
        (tmp_path / "x.h5").write_bytes(bytes(header) + (present.astype("<i4") + 1).tobytes() + index.data)
        with h5py.File(tmp_path / "x.h5") as file:
            expected = np.zeros(count, "i4")
            expected[present] = present + 1
            np.testing.assert_array_equal(file["d"][...], expected)

    def test_checksums(self) -> None:
        data = encode_fixed_array(np.arange(3, dtype="<u8"), None, 4, 1000)
        assert data[24:28] == struct.pack("<I", lookup3(data[:24]))
        assert data[-4:] == struct.pack("<I", lookup3(data[28:-4]))


@pytest.mark.parametrize("filters", [(), FILTERS], ids=["raw", "filtered"])
def test_single_chunk(tmp_path: Path, filters: Any) -> None:
    template = write_template(one_dataset((4,), (4,), (4,), "v110", filters))
    assert template.layout.index_type is ChunkIndexType.SINGLE_CHUNK
    with h5py.File(tmp_path / "source.h5", "w") as file:
        source = file.create_dataset(
            "d", (4,), "<i4", chunks=(4,), shuffle=bool(filters), compression=1 if filters else None
        )
        source[...] = [4, 5, 6, 7]
        _, chunk = source.id.read_direct_chunk((0,))
    start = len(template.image)
    chunks = StoredChunks(
        (1,), (4,), 16, np.array([start], "<u8"), np.array([len(chunk)], "<u8"), filtered=bool(filters)
    )
    index = encode_chunk_index(ChunkIndexType.SINGLE_CHUNK, chunks, start + len(chunk))
    assert index.data == b""
    header = template.fill_in(
        end_of_file=start + len(chunk),
        index_address=index.address,
        variable=(0,),
        single_chunk=index.single_chunk,
    )
    (tmp_path / "x.h5").write_bytes(bytes(header) + chunk)
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["d"][...].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("kind", [ChunkIndexType.IMPLICIT, ChunkIndexType.EXTENSIBLE_ARRAY, ChunkIndexType.BTREE_V2])
def test_other_indexes_are_not_written(kind: ChunkIndexType) -> None:
    chunks = StoredChunks((1,), (1,), 4, np.zeros(1, "<u8"), np.zeros(1, "<u8"), False)
    with pytest.raises(UnsupportedFeatureError, match=kind.name):
        encode_chunk_index(kind, chunks, 0)
