"""An index in the configuration (zarr-specs pull request 368): shards and indexes put together by hand."""

import base64
import struct
from itertools import chain
from typing import Any

import google_crc32c
import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.errors import CorruptDataError, InvalidMetadataError, Problem, UnsupportedFeatureError
from zarr_hdf5.metadata import dump_json
from zarr_hdf5.stores.memory import MemoryStore

LITTLE: dict[str, Any] = {"name": "bytes", "configuration": {"endian": "little"}}
BIG: dict[str, Any] = {"name": "bytes", "configuration": {"endian": "big"}}
CRC: dict[str, Any] = {"name": "crc32c", "configuration": {}}
ZLIB: dict[str, Any] = {"name": "numcodecs.zlib", "configuration": {"level": 1}}
NONE = 2**64 - 1

VALUES = np.arange(1, 97, dtype="<u2").reshape(12, 8)
# Chunks of (3, 4) in shards of (6, 8): in Fortran order, behind a header of 5 bytes, a byte between two of them.
PLACES = [[[5, 24], [54, 24]], [[29, 24], [78, 24]]]
FLAT = [entry for row in PLACES for entry in row]
PACKED = b"".join(struct.pack("<QQ", *entry) for entry in FLAT)


def configuration(index: Any, index_codecs: Any, codecs: Any = (LITTLE,), chunk: tuple[int, ...] = (3, 4)) -> Any:
    members = {"chunk_shape": list(chunk), "codecs": list(codecs), "index_codecs": index_codecs}
    return members | {"index_location": "configuration", "predefined_index": index}


def shard_by_hand(values: Any) -> bytes:
    shard = bytearray(b"head." + bytes(97))
    for i in range(2):
        for j in range(2):
            start, nbytes = PLACES[i][j]
            shard[start : start + nbytes] = values[i * 3 : i * 3 + 3, j * 4 : j * 4 + 4].tobytes()
    return bytes(shard)


def store_of(
    sharding: Any, shape: tuple[int, ...] = (12, 8), shard: tuple[int, ...] = (6, 8), **more: Any
) -> MemoryStore:
    store = MemoryStore()
    document = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shard)}},
        "chunk_key_encoding": "default",
        "fill_value": 0,
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
    }
    store.set("zarr.json", [dump_json(document | more)])
    return store


FORMS: dict[str, tuple[Any, Any]] = {
    "arrays": (PLACES, []),
    "BASE64": (base64.b64encode(PACKED).decode(), [LITTLE]),
    "BASE64, big-endian": (base64.b64encode(struct.pack(">8Q", *chain(*FLAT))).decode(), [BIG]),
    "BASE64, with a checksum": (
        base64.b64encode(PACKED + struct.pack("<I", google_crc32c.value(PACKED))).decode(),
        [LITTLE, CRC],
    ),
}


@pytest.mark.parametrize(("index", "codecs"), FORMS.values(), ids=FORMS)
def test_read_and_written(index: Any, codecs: Any) -> None:
    store = store_of(configuration(index, codecs))
    store.set("c/0/0", [shard_by_hand(VALUES)])
    array = zh.open_array(store, mode="r+")
    assert (array.chunks, array.shards) == ((3, 4), (6, 8))
    wanted = VALUES.copy()
    wanted[6:] = 0
    np.testing.assert_array_equal(array[...], wanted)  # the second shard is not there
    np.testing.assert_array_equal(array[5:2:-2, 3:5], wanted[5:2:-2, 3:5])
    wanted[4:8, 2:5] = array[4:8, 2:5] = 500
    for i in range(2):  # unused bytes are zeros in a shard that is written
        found, by_hand = bytes(store.get(f"c/{i}/0").data), shard_by_hand(wanted[i * 6 :])
        assert found[5:] == by_hand[5:]
        assert found[:5] == bytes(5)
    np.testing.assert_array_equal(zh.open_array(store)[...], wanted)
    array[6:] = 0
    assert not store.exists("c/1/0")
    assert [row.program for row in array.readers() if row.opens] == []
    assert array.metadata.to_json()["codecs"][0]["configuration"] == configuration(index, codecs)


def test_created() -> None:
    store = MemoryStore()
    sharding = {"name": "sharding_indexed", "configuration": configuration(PLACES, [])}
    options: dict[str, Any] = {"chunks": (6, 8), "shards": None, "compressors": None, "serializer": sharding}
    array = zh.create_array(store, data=VALUES, hdf5=False, **options)
    assert bytes(store.get("c/1/0").data)[5:] == shard_by_hand(VALUES[6:])[5:]
    np.testing.assert_array_equal(array[...], VALUES)


def test_absent_chunks_are_the_fill_value() -> None:
    index = [[[0, 24], [NONE, NONE]], [[NONE, NONE], [24, 24]]]
    store = store_of(configuration(index, []), fill_value=9)
    store.set("c/0/0", [VALUES[:3, :4].tobytes() + VALUES[3:6, 4:].tobytes()])
    wanted = np.full((12, 8), 9)
    wanted[:3, :4], wanted[3:6, 4:] = VALUES[:3, :4], VALUES[3:6, 4:]
    array = zh.open_array(store, mode="r+")
    np.testing.assert_array_equal(array[...], wanted)
    with pytest.raises(UnsupportedFeatureError, match="no place for chunks of these lengths"):
        array[0, 7] = 1


def test_within_other_shards() -> None:
    """Shards of (6, 8), each of two of (3, 8) with an index of its own, whose chunks lie as the configuration says."""
    inner = {"name": "sharding_indexed", "configuration": configuration([[[24, 24], [0, 24]]], [])}
    outer = {"chunk_shape": [3, 8], "codecs": [inner], "index_codecs": [LITTLE], "index_location": "end"}
    store = store_of(outer)
    parts = [VALUES[i : i + 3, 4:].tobytes() + VALUES[i : i + 3, :4].tobytes() for i in (0, 3)]
    store.set("c/0/0", [parts[1], b"gap", parts[0], struct.pack("<4Q", 51, 48, 0, 48)])
    array = zh.open_array(store, mode="r+")
    assert array.chunks == (3, 4)
    np.testing.assert_array_equal(array[:6], VALUES[:6])
    with pytest.raises(UnsupportedFeatureError, match="are not written"):
        array[...] = 1
    np.testing.assert_array_equal(array[:6], VALUES[:6])


def test_a_shard_that_ends_early() -> None:
    store = store_of(configuration(PLACES, []))
    store.set("c/0/0", [shard_by_hand(VALUES)[:-1]])
    with pytest.raises(CorruptDataError, match=r"entry 3 says bytes 78 to \+24"):
        zh.open_array(store)[0, 0]


# Places of chunks that a shard cannot be written with.
UNWRITABLE: dict[str, Any] = {
    "overlap": [[[0, 24], [12, 24]], [[24, 24], [48, 24]]],
    "far apart": [[[0, 24], [24, 24]], [[48, 24], [2**60, 24]]],
    "too short": [[[0, 24], [24, 24]], [[48, 24], [72, 23]]],
}


@pytest.mark.parametrize("index", UNWRITABLE.values(), ids=UNWRITABLE)
def test_not_written(index: Any) -> None:
    array = zh.open_array(store_of(configuration(index, [])), mode="r+")
    with pytest.raises(UnsupportedFeatureError, match="the predefined index has"):
        array[...] = 1


def test_chunks_of_other_lengths_are_not_written() -> None:
    array = zh.open_array(store_of(configuration(PLACES, [], (LITTLE, ZLIB))), mode="r+")
    with pytest.raises(UnsupportedFeatureError, match="no place for chunks of these lengths"):
        array[...] = 1


def test_not_an_hdf5_file() -> None:
    extra: dict[str, Any] = {"zarr_hdf5": {"must_understand": False, "libver": "earliest", "dataset": "/data"}}
    with pytest.raises(UnsupportedFeatureError, match="index in the shard, not in zarr"):
        zh.open_array(store_of(configuration(PLACES, []), **extra))


NO_INDEX: dict[str, tuple[Any, Any]] = {
    "too few": (FLAT, []),
    "too many": ([*PLACES, PLACES[0]], []),
    "ragged": ([PLACES[0], [[1, 2], [3]]], []),
    "a number for a list": ([PLACES[0], [5, [3, 4]]], []),
    "a list for a number": ([PLACES[0], [[1, 2], [3, [4]]]], []),
    "negative": ([PLACES[0], [[1, 2], [3, -4]]], []),
    "too large": ([PLACES[0], [[1, 2], [3, 2**64]]], []),
    "fractions": ([PLACES[0], [[1, 2], [3, 4.0]]], []),
    "booleans": ([PLACES[0], [[1, 2], [3, True]]], []),
    "not BASE64": ("!", [LITTLE]),
    "bytes that are too few": (base64.b64encode(PACKED[:-1]).decode(), [LITTLE]),
    "a wrong checksum": (base64.b64encode(PACKED + b"1234").decode(), [LITTLE, CRC]),
}


@pytest.mark.parametrize(("index", "codecs"), NO_INDEX.values(), ids=NO_INDEX)
def test_no_index(index: Any, codecs: Any) -> None:
    with pytest.raises(InvalidMetadataError, match="predefined_index"):
        zh.open_array(store_of(configuration(index, codecs)))


PROBLEMS: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"predefined_index": None}, ("predefined_index",)),
    ({"predefined_index": 5}, ("predefined_index",)),
    ({"index_location": "end"}, ("predefined_index",)),
    ({"index_codecs": [LITTLE]}, ("index_codecs",)),
    ({"predefined_index": "AAAA"}, ("index_codecs",)),
]


@pytest.mark.parametrize(("wrong", "place"), PROBLEMS, ids=str)
def test_problems(wrong: dict[str, Any], place: tuple[Any, ...]) -> None:
    problems: list[Problem] = []
    assert parse_chain([("sharding_indexed", configuration(PLACES, []) | wrong)], ("codecs",), problems) is None
    assert ("codecs", 0, "configuration", *place) in [problem.path for problem in problems]
