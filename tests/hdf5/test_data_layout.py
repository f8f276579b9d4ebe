"""The data layout message of every version and class: h5py writes what it can, the oldest are spelled out here."""

import io
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.chunk_layout import walk_layout
from zarr_hdf5.hdf5.data_layout import (
    ChunkIndex,
    ChunkIndexType,
    CompactLayout,
    ContiguousLayout,
    Layout,
    VirtualLayout,
    parse_layout,
)
from zarr_hdf5.hdf5.index_walk import FileSpace, run_walk

UNDEFINED = struct.pack("<Q", 2**64 - 1)
AT_80 = struct.pack("<Q", 80)
CHUNKED = bytes([4, 2, 0, 2, 1, 10, 4])

# Name: message, and what it says when it lies at byte 1000.
MESSAGES: dict[str, tuple[bytes, Layout]] = {
    "1 contiguous": (b"\1\2\1" + bytes(5) + AT_80 + struct.pack("<II", 3, 4), ContiguousLayout(80, None)),
    "2 contiguous, not allocated": (
        b"\2\1\1" + bytes(5) + UNDEFINED + struct.pack("<I", 3),
        ContiguousLayout(None, None),
    ),
    "2 compact": (b"\2\1\0" + bytes(5) + struct.pack("<II", 3, 6) + b"abcdef", CompactLayout(1016, 6)),
    "1 chunked": (
        b"\1\3\2" + bytes(5) + AT_80 + struct.pack("<III", 3, 4, 8),
        ChunkIndex(ChunkIndexType.BTREE_V1, 80, (3, 4), 8),
    ),
    "3 compact": (b"\3\0\2\0ab", CompactLayout(1004, 2)),
    "3 contiguous": (b"\3\1" + AT_80 + AT_80, ContiguousLayout(80, 80)),
    "3 chunked": (
        b"\3\2\2" + UNDEFINED + struct.pack("<II", 3, 4),
        ChunkIndex(ChunkIndexType.BTREE_V1, None, (3,), 4),
    ),
    "4 virtual": (b"\4\3" + AT_80 + bytes(4), VirtualLayout()),
    "4 implicit": (CHUNKED + b"\2" + AT_80, ChunkIndex(ChunkIndexType.IMPLICIT, 80, (10,), 4)),
    "4 fixed array": (CHUNKED + b"\3\12" + AT_80, ChunkIndex(ChunkIndexType.FIXED_ARRAY, 80, (10,), 4)),
    "5 extensible array": (
        b"\5" + CHUNKED[1:] + b"\4\40\4\4\20\12" + AT_80,
        ChunkIndex(ChunkIndexType.EXTENSIBLE_ARRAY, 80, (10,), 4),
    ),
    "5 B-tree": (
        b"\5" + CHUNKED[1:] + b"\5\0\10\0\0\144\50" + AT_80,
        ChunkIndex(ChunkIndexType.BTREE_V2, 80, (10,), 4),
    ),
    "4 filtered single chunk": (
        b"\4\2\3" + CHUNKED[3:] + b"\1" + struct.pack("<QI", 7, 5) + AT_80,
        ChunkIndex(ChunkIndexType.SINGLE_CHUNK, 80, (10,), 4, True, (7, 5)),
    ),
}


@pytest.mark.parametrize(("message", "layout"), MESSAGES.values(), ids=MESSAGES)
class TestMessages:
    def test_parsed(self, message: bytes, layout: Layout) -> None:
        assert parse_layout(message, 1000) == layout
        assert parse_layout(message + b"padding", 1000) == layout

    def test_truncated(self, message: bytes, layout: Layout) -> None:
        for length in range(len(message)):
            if length >= 2 and isinstance(layout, VirtualLayout):
                continue
            with pytest.raises(CorruptDataError, match="truncated"):
                parse_layout(message[:length], 0)


ILLEGAL = {
    "version": (b"\6\1" + AT_80 * 2, "version 6"),
    "class": (b"\3\4" + AT_80 * 2, "class 4"),
    "old class": (b"\1\1\3" + bytes(5) + AT_80 * 2, "class 3"),
    "virtual before it was": (b"\3\3" + AT_80 * 2, "class 3"),
    "index type": (CHUNKED + b"\6" + AT_80, "chunk index type 6"),
    "width": (b"\4\2\0\2\11" + bytes(40), "dimensions of 9 bytes"),
    "no dimension": (b"\3\2\1" + AT_80 + struct.pack("<I", 4), "chunk dimensions"),
    "empty chunk": (b"\3\2\2" + AT_80 + struct.pack("<II", 0, 4), "chunk dimensions"),
    "too many dimensions": (b"\3\2\42" + AT_80 + struct.pack("<I", 1) * 34, "chunk dimensions"),
    "too large": (b"\3\2\3" + AT_80 + struct.pack("<III", *[2**32 - 1] * 3), "chunk dimensions"),
}


@pytest.mark.parametrize(("message", "reason"), ILLEGAL.values(), ids=ILLEGAL)
def test_illegal(message: bytes, reason: str) -> None:
    with pytest.raises((CorruptDataError, UnsupportedFeatureError), match=reason):
        parse_layout(message, 0)


def layout_of(data: bytes, dataset: h5py.Dataset) -> Layout:
    low, high = h5py.h5g.get_objinfo(dataset.id, b".").objno
    space = FileSpace(0, len(data))
    return run_walk(walk_layout(space, low | high << 32), lambda rs: [data[r.offset : r.end] for r in rs], len(data))


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
class TestFiles:
    def test_where_elements_lie(self, libver: Any, tmp_path: Path) -> None:
        values = np.arange(40, dtype="<i4").reshape(5, 8)
        path = tmp_path / "f.h5"
        with h5py.File(path, "w", libver=libver) as file:
            file["contiguous"] = values
            file.create_dataset("never", (5, 8), "<i4")
            properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            properties.set_layout(h5py.h5d.COMPACT)
            space = h5py.h5s.create_simple((5, 8))
            h5py.Dataset(h5py.h5d.create(file.id, b"compact", h5py.h5t.STD_I32LE, space, dcpl=properties))[...] = values
            for i in range(40):  # more than one block
                file["contiguous"].attrs[f"attribute {i}"] = np.arange(i)
        data = path.read_bytes()
        with h5py.File(path) as file:
            contiguous, compact = (layout_of(data, file[name]) for name in ("contiguous", "compact"))
            assert contiguous == ContiguousLayout(file["contiguous"].id.get_offset(), values.nbytes)
            assert isinstance(compact, CompactLayout)
            assert data[compact.offset : compact.offset + compact.nbytes] == values.tobytes()
            assert layout_of(data, file["never"]) == ContiguousLayout(None, values.nbytes)

    def test_elements_elsewhere(self, libver: Any, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "f.h5", "w", libver=libver) as file:
            external = file.create_dataset("external", (4,), "<i4", external=[(str(tmp_path / "raw"), 0, 16)])
            for i in range(6):
                external.attrs[f"attribute {i}"] = np.arange(i)
        data = (tmp_path / "f.h5").read_bytes()
        with h5py.File(tmp_path / "f.h5") as file, pytest.raises(UnsupportedFeatureError, match="external files"):
            layout_of(data, file["external"])

    def test_not_a_dataset(self, libver: Any) -> None:
        buffer = io.BytesIO()
        with h5py.File(buffer, "w", libver=libver) as file:
            file.create_group("g")
        with h5py.File(buffer) as file, pytest.raises(CorruptDataError, match="not a dataset"):
            layout_of(buffer.getvalue(), file["g"])


def test_virtual(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["source"] = np.arange(4)
        layout = h5py.VirtualLayout((4,), "i8")
        layout[...] = h5py.VirtualSource(file["source"])
        file.create_virtual_dataset("d", layout)
    with h5py.File(tmp_path / "f.h5") as file:
        assert layout_of((tmp_path / "f.h5").read_bytes(), file["d"]) == VirtualLayout()
