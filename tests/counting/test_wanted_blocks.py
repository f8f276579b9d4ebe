"""How much of its chunks is decoded where only a part of each is wanted."""

from typing import Any

import numcodecs.blosc
import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.codecs import zstd
from zarr_hdf5.stores.memory import MemoryStore

SHAPE, CHUNK, SHARD = (128, 64, 128), (64, 64, 64), (128, 64, 128)
CHUNK_NBYTES, BLOCK, PIECE = 64**3 * 2, 32 << 10, 32 << 10
VALUES = (np.arange(np.prod(SHAPE)) % 5003 // 7).astype(np.uint16).reshape(SHAPE)
BLOSC = {"name": "blosc", "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "shuffle", "blocksize": BLOCK}}
# Selection, decoded bytes of blosc blocks, and of zstd frames of which only the begin is decoded.
READS: dict[str, tuple[Any, int, int]] = {
    "everything": (np.s_[...], 4 * CHUNK_NBYTES, 0),
    "a plane along the first axis": (np.s_[70], 2 * BLOCK, 2 * 2 * PIECE),
    "a plane along the second axis": (np.s_[:, 3], 4 * CHUNK_NBYTES, 0),
    "the last plane": (np.s_[-1], 2 * BLOCK, 0),
    "a corner": (np.s_[:8, :8, :8], 2 * BLOCK, 2 * PIECE),
    "points of two chunks": (([0, 3, 33, 127], [1, 2, 3, 63], [0, 0, 0, 127]), 3 * BLOCK, 9 * PIECE),
}


def values_like(codec: Any) -> zh.Array:
    array = zh.create_array(MemoryStore(), shape=SHAPE, dtype="u2", chunks=CHUNK, shards=SHARD, compressors=codec)
    array[...] = VALUES
    return array


@pytest.mark.parametrize(("selection", "nbytes", "_"), READS.values(), ids=READS)
def test_blosc_decodes_blocks(selection: Any, nbytes: int, _: int, monkeypatch: pytest.MonkeyPatch) -> None:
    array = values_like([BLOSC])
    decompress, found = numcodecs.blosc.decompress, []

    def counting(source: Any, dest: Any = None) -> Any:
        result = decompress(source, dest)
        found.append(len(result) if dest is None else dest.nbytes)
        return result

    monkeypatch.setattr(numcodecs.blosc, "decompress", counting)
    np.testing.assert_array_equal(array[selection], VALUES[selection])
    assert sum(found) == nbytes


@pytest.mark.parametrize(("selection", "_", "nbytes"), READS.values(), ids=READS)
def test_zstd_decodes_begins(selection: Any, _: int, nbytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    array = values_like("zstd")
    begin, found = zstd._read_begin, []

    def counting_begin(frame: "memoryview[int]", part: "memoryview[int]") -> int:
        found.append(len(part))
        return begin(frame, part)

    monkeypatch.setattr(zstd, "_read_begin", counting_begin)
    np.testing.assert_array_equal(array[selection], VALUES[selection])
    assert sum(found) == nbytes
