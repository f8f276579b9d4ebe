"""`verify` names the chunks on which the two sides of a shard disagree: these, and no others."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr
from hostile_shards import encode_index, parse_index

import zarr_hdf5 as zh

VALUES = np.arange(1, 16 * 24 + 1, dtype="<i4").reshape(16, 24)
SHARD, CHUNK = (8, 12), (4, 4)
INDEX_NBYTES = 16 * 6 + 4
KEY = "c/1/0"
"""The shard that is tampered with: it holds the chunks from (2, 0) to (3, 2) of the array."""
ALL = {(2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)}


@dataclass(frozen=True)
class Tampered:
    folder: Path

    @property
    def shard(self) -> Path:
        return self.folder / KEY

    def edit(self, change: Callable[[bytearray], None]) -> None:
        data = bytearray(self.shard.read_bytes())
        change(data)
        self.shard.write_bytes(data)

    def flip(self, at: int) -> None:
        self.edit(lambda data: data.__setitem__(at, data[at] ^ 1))

    def zarr_index(self) -> list[tuple[int, int]]:
        return parse_index(self.shard.read_bytes()[-INDEX_NBYTES:])

    def put_zarr_index(self, table: list[tuple[int, int]]) -> None:
        self.edit(lambda data: data.__setitem__(slice(-INDEX_NBYTES, None), encode_index(table)))


def make(tmp_path: Path, hdf5: zh.HDF5 = zh.HDF5(), **options: Any) -> Tampered:  # noqa: B008
    folder = tmp_path / "a.zarr"
    options = {"chunks": CHUNK, "shards": SHARD, "compressors": "deflate"} | options
    zh.create_array(folder, data=VALUES, hdf5=hdf5, **options)
    assert zh.verify(folder)
    return Tampered(folder)


def named(folder: Path, *, deep: bool = True) -> set[tuple[int, ...] | None]:
    """The chunks that `verify` names; all of them in the shard that was tampered with."""
    report = zh.verify(folder, deep=deep)
    assert bool(report) == (not report.disagreements)
    assert {d.key for d in report.disagreements} <= {KEY}
    assert all(d.reason and d.key in str(report) for d in report.disagreements)
    assert report.shards == 4
    return {d.chunk for d in report.disagreements}


def find_btree_slot(data: bytes, address: int) -> int:
    """Where in a B-tree node the address of a chunk is."""
    node = data.rindex(b"TREE")
    return data.index(struct.pack("<Q", address), node)


@pytest.mark.parametrize("deep", [True, False])
class TestIndexes:
    def test_hdf5_index_points_elsewhere(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        table = made.zarr_index()
        at = find_btree_slot(made.shard.read_bytes(), table[4][0])
        made.edit(lambda data: struct.pack_into("<Q", data, at, table[0][0]))
        assert named(made.folder, deep=deep) == {(3, 1)}

    def test_hdf5_index_has_another_size(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        at = find_btree_slot(made.shard.read_bytes(), made.zarr_index()[2][0])
        key_nbytes = 4 + 4 + 3 * 8
        made.edit(lambda data: struct.pack_into("<I", data, at - key_nbytes, 7))
        assert named(made.folder, deep=deep) == {(2, 2)}

    def test_hdf5_index_names_another_chunk(self, tmp_path: Path, deep: bool) -> None:
        """The last entry of the node is moved out of the shard."""
        made = make(tmp_path)
        at = find_btree_slot(made.shard.read_bytes(), made.zarr_index()[5][0])
        made.edit(lambda data: struct.pack_into("<Q", data, at - 2 * 8, 4000))
        assert not zh.verify(made.folder, deep=deep)

    def test_zarr_index_exchanges_two_chunks(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        table = made.zarr_index()
        table[1], table[3] = table[3], table[1]
        made.put_zarr_index(table)
        assert named(made.folder, deep=deep) == {(2, 1), (3, 0)}

    def test_zarr_index_lacks_a_chunk(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        table = made.zarr_index()
        table[5] = (2**64 - 1, 2**64 - 1)
        made.put_zarr_index(table)
        assert named(made.folder, deep=deep) == {(3, 2)}

    def test_zarr_index_has_one_more(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        zh.open_array(made.folder, "r+")[12:, 8:12] = 0
        table = made.zarr_index()
        assert table[5][0] == 2**64 - 1
        assert zh.verify(made.folder)
        table[5] = table[0]
        made.put_zarr_index(table)
        assert named(made.folder, deep=deep) == {(3, 2)}

    def test_zarr_index_does_not_match_its_checksum(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        made.edit(lambda data: data.__setitem__(-1, data[-1] ^ 1))
        assert named(made.folder, deep=deep) == {None}

    def test_all_chunks_at_once(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        made.put_zarr_index([(offset + 1, nbytes - 1) for offset, nbytes in made.zarr_index()])
        assert named(made.folder, deep=deep) == ALL

    def test_fixed_array(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path, zh.HDF5(libver="v110"))
        table = made.zarr_index()
        table[1], table[3] = table[3], table[1]
        made.put_zarr_index(table)
        assert named(made.folder, deep=deep) == {(2, 1), (3, 0)}

    def test_broken_fixed_array(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path, zh.HDF5(libver="v110"))
        at = made.shard.read_bytes().rindex(b"FADB") + 20
        made.flip(at)
        assert named(made.folder, deep=deep) == {None}

    def test_nested(self, tmp_path: Path, deep: bool) -> None:
        inner = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c", "configuration": {}}]
        serializer = {
            "name": "sharding_indexed",
            "configuration": {"chunk_shape": [2, 4], "codecs": inner, "index_codecs": inner, "index_location": "end"},
        }
        made = make(tmp_path, serializer=serializer, compressors=None)
        offset, nbytes = made.zarr_index()[4]  # chunks (6, 1) and (7, 1) of the array
        span = slice(offset + nbytes - 36, offset + nbytes)
        table = parse_index(made.shard.read_bytes()[span])
        made.edit(lambda data: data.__setitem__(span, encode_index([table[1], table[0]])))
        assert named(made.folder, deep=deep) == {(6, 1), (7, 1)}

    def test_transposed(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path, filters=[{"name": "transpose", "configuration": {"order": [1, 0]}}])
        table = made.zarr_index()
        table[1], table[3] = table[3], table[1]
        made.put_zarr_index(table)
        assert named(made.folder, deep=deep) == {(2, 1), (3, 0)}

    def test_coords_attribute(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        data = made.shard.read_bytes()
        at = data.index(struct.pack("<qq", 1, 0), data.index(b"_zarr_shard_coords"))
        made.edit(lambda data: struct.pack_into("<qq", data, at, 0, 1))
        assert named(made.folder, deep=deep) == {None}
        assert "[0 1]" in str(zh.verify(made.folder))

    def test_shards_exchanged(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        made.shard.write_bytes((made.folder / "c/1/1").read_bytes())
        assert named(made.folder, deep=deep) == {None}

    def test_not_hdf5_any_more(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        array = zarr.open_array(made.folder, mode="r+")
        array[8:16, 0:12] = 5
        assert named(made.folder, deep=deep) == {None}
        assert (zh.open_array(made.folder)[8:16, 0:12] == 5).all()

    def test_h5py_adds_an_attribute(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        with h5py.File(made.shard, "r+") as file:
            file["data"].attrs["note"] = "x" * 5000
        assert named(made.folder, deep=deep) == {None}

    def test_h5py_opens_and_closes(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path)
        with h5py.File(made.shard, "r+"):
            pass
        assert named(made.folder, deep=deep) == set()

    def test_h5py_rewrites_a_chunk_in_place(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path, compressors=None)
        with h5py.File(made.shard, "r+") as file:
            file["data"][4:8, 4:8] = 77
        assert named(made.folder, deep=deep) == set()
        assert (zh.open_array(made.folder)[12:16, 4:8] == 77).all()

    def test_h5py_rewrites_a_chunk_elsewhere(self, tmp_path: Path, deep: bool) -> None:
        """With the Zarr index in a user block the file may grow, and only that chunk is stale."""
        made = make(tmp_path, zh.HDF5(index_location="start"))
        with h5py.File(made.shard, "r+") as file:
            file["data"][4:8, 4:8] = np.random.default_rng(1).integers(0, 2**30, (4, 4))
        assert named(made.folder, deep=deep) == {(3, 1)}

    def test_filter_mask(self, tmp_path: Path, deep: bool) -> None:
        made = make(tmp_path, zh.HDF5(index_location="start"))
        with h5py.File(made.shard, "r+") as file:
            file["data"].id.write_direct_chunk((0, 8), bytes(64), filter_mask=3)
        assert named(made.folder, deep=deep) == {(2, 2)}
        assert not zh.verify(made.folder, deep=deep)

    def test_filter_mask_in_its_place(self, tmp_path: Path, deep: bool) -> None:
        """Nothing moved but the mask, in the key of the B-tree."""
        made = make(tmp_path)
        at = find_btree_slot(made.shard.read_bytes(), made.zarr_index()[2][0])
        made.edit(lambda data: struct.pack_into("<I", data, at - 28, 1))
        assert named(made.folder, deep=deep) == {(2, 2)}
        assert "mask 0x1" in str(zh.verify(made.folder))


class TestValues:
    def test_a_chunk_that_does_not_decode(self, tmp_path: Path) -> None:
        made = make(tmp_path)
        offset, nbytes = made.zarr_index()[4]
        made.flip(offset + nbytes - 1)
        assert named(made.folder, deep=False) == set()  # both sides point at the same bytes
        assert named(made.folder) == {(3, 1)}

    def test_two_chunks_that_do_not_decode(self, tmp_path: Path) -> None:
        made = make(tmp_path)
        for offset, nbytes in (made.zarr_index()[i] for i in (0, 5)):
            made.flip(offset + nbytes - 1)
        assert named(made.folder) == {(2, 0), (3, 2)}

    def test_a_checksum_that_only_zarr_knows(self, tmp_path: Path) -> None:
        made = make(tmp_path, compressors=[{"name": "crc32c", "configuration": {}}])
        offset, _ = made.zarr_index()[3]
        made.flip(offset)
        assert named(made.folder) == {(3, 0)}

    def test_another_fill_value(self, tmp_path: Path) -> None:
        """What is absent reads as another number on either side."""
        made = make(tmp_path, fill_value=11)
        zh.open_array(made.folder, "r+")[8:12, 4:8] = 11
        document = json.loads((made.folder / "zarr.json").read_text())
        document["fill_value"] = 12
        (made.folder / "zarr.json").write_text(json.dumps(document))
        report = zh.verify(made.folder)
        assert {(d.key, d.chunk) for d in report.disagreements} == {(KEY, (2, 1))}
        assert any("older than zarr.json" in note for note in report.notes)


def test_hostile_attributes(tmp_path: Path) -> None:
    """What the attributes of a shard claim is never believed, and never harmful."""
    for claim in ("[" * 100_000, "{}", "\N{SNOWMAN}", "NaN"):
        made = make(tmp_path / str(len(claim)))
        made.shard.unlink()
        with h5py.File(made.shard, "w") as file:
            dataset = file.create_dataset(
                "data", SHARD, "<i4", chunks=CHUNK, shuffle=True, compression=1, maxshape=SHARD
            )
            dataset.attrs["_zarr_json"] = claim
            dataset.attrs["_zarr_shard_coords"] = claim if len(claim) > 100 else [1, 0]
        assert not zh.verify(made.folder)
        assert zh.open_array(made.shard)[...].shape == SHARD
