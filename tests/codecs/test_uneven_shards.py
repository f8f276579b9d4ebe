"""Inner chunks that do not divide the shard (zarr-specs pull request 370): shards put together by hand, byte by byte.

No other program here reads such shards; what they are is said in the text, "bounded by the chunk shape".
"""

import itertools
import struct
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.errors import CorruptDataError, InvalidMetadataError, UnsupportedFeatureError
from zarr_hdf5.metadata import dump_json
from zarr_hdf5.stores.memory import MemoryStore

Values = npt.NDArray[Any]
Shape = tuple[int, ...]
LITTLE: dict[str, Any] = {"name": "bytes", "configuration": {"endian": "little"}}
CRC = {"name": "crc32c", "configuration": {}}
ABSENT = struct.pack("<QQ", 2**64 - 1, 2**64 - 1)


def sharding(chunk: Shape, *codecs: Any) -> dict[str, Any]:
    configuration = {"chunk_shape": list(chunk), "codecs": list(codecs) or [LITTLE], "index_codecs": [LITTLE, CRC]}
    return {"name": "sharding_indexed", "configuration": {**configuration, "index_location": "end"}}


def cuts(length: int, chunk: int) -> list[slice]:
    return [slice(i, min(i + chunk, length)) for i in range(0, length, chunk)]


def shard_by_hand(values: Values, chunk: Shape, *inner: Shape) -> bytes:
    """A shard of chunks that are cut off at its end, of which those that are all 0 are left out."""
    data, index = b"", b""
    for region in itertools.product(*map(cuts, values.shape, chunk)):
        part = np.ascontiguousarray(values[region])
        if not part.any():
            index += ABSENT
            continue
        encoded = shard_by_hand(part, *inner) if inner else part.tobytes()
        index += struct.pack("<QQ", len(data), len(encoded))
        data += encoded
    return data + index + struct.pack("<I", google_crc32c.value(index))


def store_of(shape: Shape, shard: Any, codec: dict[str, Any], before: list[Any] | None = None) -> MemoryStore:
    grid: dict[str, Any] = {"name": "regular", "configuration": {"chunk_shape": list(shard)}}
    if not all(isinstance(n, int) for n in shard):
        grid = {"name": "rectilinear", "configuration": {"kind": "inline", "chunk_shapes": list(shard)}}
    store = MemoryStore()
    document = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": "uint16",
        "chunk_grid": grid,
        "chunk_key_encoding": "default",
        "fill_value": 0,
        "codecs": [*(before or []), codec],
    }
    store.set("zarr.json", [dump_json(document)])
    return store


VALUES = np.random.default_rng(1).integers(1, 2**16, (23, 17), np.uint16).astype("<u2")
VALUES[10:18, :8] = 0  # a chunk that is absent

CASES: dict[str, tuple[Any, Shape]] = {
    "10 in chunks of 8": ((10, 17), (8, 17)),
    "both dimensions": ((10, 9), (8, 4)),
    "chunks larger than the shard": ((10, 9), (100, 4)),
    "primes": ((23, 17), (5, 7)),
    "rectilinear": (([10, 3, 10], [9, 8]), (4, 5)),
}


def padded(values: Values, grid: Any) -> list[tuple[Shape, Values]]:
    """Shards by coordinates, whole also where they overhang."""
    each = []
    for length, n in zip(values.shape, grid, strict=True):
        edges = [n] * -(-length // n) if isinstance(n, int) else n
        each.append([(i, sum(edges[:i]), edges[i]) for i in range(len(edges))])
    found = []
    for combination in itertools.product(*each):
        shard = np.zeros([length for _, _, length in combination], values.dtype)
        inside = values[tuple(slice(start, start + length) for _, start, length in combination)]
        shard[tuple(map(slice, inside.shape))] = inside
        found.append((tuple(i for i, _, _ in combination), shard))
    return found


@pytest.mark.parametrize(("grid", "chunk"), CASES.values(), ids=CASES)
def test_read_and_written_in_place(grid: Any, chunk: Shape) -> None:
    store = store_of(VALUES.shape, grid, sharding(chunk))
    for coords, shard in padded(VALUES, grid):
        store.set("c/" + "/".join(map(str, coords)), [shard_by_hand(shard, chunk)])
    array = zh.open_array(store, mode="r+")
    assert array.hdf5 is None
    assert not any(row.opens for row in array.readers())
    np.testing.assert_array_equal(array[...], VALUES)
    np.testing.assert_array_equal(array[::-3, 2:13], VALUES[::-3, 2:13])
    np.testing.assert_array_equal(array.vindex[[22, 9, 0], [16, 8, 7]], VALUES[[22, 9, 0], [16, 8, 7]])
    wanted = VALUES.copy()
    wanted[4:12, 6:10] = array[4:12, 6:10] = 77
    for coords, shard in padded(wanted, grid):
        assert bytes(store.get("c/" + "/".join(map(str, coords))).data) == shard_by_hand(shard, chunk)


def test_shards_within_shards() -> None:
    codec = sharding((8, 17), sharding((3, 4)))
    store = store_of(VALUES.shape, (10, 17), codec)
    for coords, shard in padded(VALUES, (10, 17)):
        store.set(f"c/{coords[0]}/0", [shard_by_hand(shard, (8, 17), (3, 4))])
    np.testing.assert_array_equal(zh.open_array(store)[...], VALUES)
    even_outside = store_of(VALUES.shape, (16, 17), codec)
    for coords, shard in padded(VALUES, (16, 17)):
        even_outside.set(f"c/{coords[0]}/0", [shard_by_hand(shard, (8, 17), (3, 4))])
    np.testing.assert_array_equal(zh.open_array(even_outside)[...], VALUES)


def test_behind_a_transpose() -> None:
    transpose = {"name": "transpose", "configuration": {"order": [1, 0]}}
    store = store_of(VALUES.shape, (10, 17), sharding((17, 8)), [transpose])
    for coords, shard in padded(VALUES, (10, 17)):
        store.set(f"c/{coords[0]}/0", [shard_by_hand(shard.T, (17, 8))])
    np.testing.assert_array_equal(zh.open_array(store)[...], VALUES)


def test_is_not_created_nor_an_hdf5_file() -> None:
    with pytest.raises(UnsupportedFeatureError, match="do not divide the shards"):
        zh.create_array(
            MemoryStore(),
            shape=(20,),
            dtype="u1",
            chunks=(10,),
            shards=None,
            hdf5=False,
            compressors=None,
            serializer=sharding((8,)),
        )
    store = store_of((20,), (10,), sharding((8,)))
    extra = {"zarr_hdf5": {"must_understand": False, "libver": "earliest", "dataset": "/data"}}
    store.set("zarr.json", [dump_json(zh.open_array(store).metadata.to_json() | extra)])
    with pytest.raises(UnsupportedFeatureError, match="inner chunks that divide the shards"):
        zh.open_array(store)


def test_damaged_shards() -> None:
    store = store_of((10,), (10,), sharding((8,)))
    whole = shard_by_hand(np.arange(1, 11, dtype="<u2"), (8,))
    for data in (whole[:-1], whole[:20], b"", whole[:16] + whole[20:]):
        store.set("c/0", [data])
        with pytest.raises(CorruptDataError):
            zh.open_array(store)[...]
    index = struct.pack("<QQQQ", 0, 16, 16, 6)  # a last chunk that is longer than it may be
    store.set("c/0", [bytes(22) + index + struct.pack("<I", google_crc32c.value(index))])
    with pytest.raises(CorruptDataError):
        zh.open_array(store)[...]


@pytest.mark.parametrize("chunk", [(8, 8), (), (8, 8, 8)])
def test_wrong_rank(chunk: Shape) -> None:
    with pytest.raises(InvalidMetadataError, match="rank"):
        zh.open_array(store_of((10,), (10,), sharding(chunk)))


def test_32_dimensions() -> None:
    store = store_of((3,) * 32, (3,) * 32, sharding((3,) * 31 + (2,)))
    array = zh.open_array(store)
    assert array.ndim == 32
