"""Shards of every kind, taken apart by the letter of the specification, with nothing of zarr_hdf5's own code."""

import json
import struct
from dataclasses import dataclass
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt

import zarr_hdf5 as zh
from zarr_hdf5.stores.memory import MemoryStore

Values = npt.NDArray[Any]
Entry = tuple[int, int]
ABSENT: Entry = (2**64 - 1, 2**64 - 1)
KEY = "c/0/0"
VALUES: Values = np.arange(1, 65, dtype="<i4").reshape(8, 8)

LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
CRC32C: dict[str, Any] = {"name": "crc32c", "configuration": {}}
ZLIB = {"name": "numcodecs.zlib", "configuration": {"level": 1}}


@dataclass(frozen=True)
class Kind:
    """How a shard of 8 x 8 elements is made; its outermost index counts `shape` chunks."""

    id: str
    hdf5: Any = False
    at_start: bool = False
    nested: bool = False
    shape: tuple[int, int] = (2, 2)

    @property
    def index_nbytes(self) -> int:
        return 16 * self.shape[0] * self.shape[1] + 4


KINDS = [
    Kind("plain"),
    Kind("earliest", zh.HDF5()),
    Kind("v110", zh.HDF5(libver="v110")),
    Kind("earliest at start", zh.HDF5(index_location="start"), at_start=True),
    Kind("v110 at start", zh.HDF5(libver="v110", index_location="start"), at_start=True),
    Kind("nested", zh.HDF5(), nested=True),
    Kind("nested plain", nested=True),
]
IDS = [kind.id for kind in KINDS]
INNER_INDEX_NBYTES = 16 * 4 + 4


def sharding(shape: tuple[int, ...], codecs: list[Any], **other: Any) -> dict[str, Any]:
    configuration = {
        "chunk_shape": list(shape),
        "codecs": codecs,
        "index_codecs": [LITTLE, CRC32C],
        "index_location": "end",
    }
    return {"name": "sharding_indexed", "configuration": configuration | other}


def document(
    codecs: list[Any], shape: tuple[int, ...] = (8, 8), shard: tuple[int, ...] = (8, 8), **other: Any
) -> dict[str, Any]:
    """The zarr.json of an array of int32."""
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": "int32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shard)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": codecs,
        "attributes": {},
    } | other


def store_of(document: dict[str, Any], **objects: bytes) -> MemoryStore:
    store = MemoryStore()
    store.set("zarr.json", [json.dumps(document).encode()])
    for key, data in objects.items():
        store.set(key, [data])
    return store


def written(kind: Kind, codecs: list[Any] | None = None) -> tuple[MemoryStore, bytes]:
    """An array of VALUES in one shard, and that shard's bytes."""
    store = MemoryStore()
    chain = [ZLIB, CRC32C] if codecs is None else codecs
    options: dict[str, Any] = {"compressors": chain}
    if kind.nested:
        options = {"serializer": sharding((2, 2), [LITTLE, *chain]), "compressors": None}
    zh.create_array(store, data=VALUES, chunks=(4, 4), shards=(8, 8), hdf5=kind.hdf5, **options)
    return store, bytes(store.get(KEY).data)


def index_span(kind: Kind, shard: bytes) -> tuple[int, int]:
    start = 0 if kind.at_start else len(shard) - kind.index_nbytes
    return start, start + kind.index_nbytes


def entries(kind: Kind, shard: bytes) -> list[Entry]:
    """The outermost index."""
    start, stop = index_span(kind, shard)
    return parse_index(shard[start:stop])


def parse_index(index: bytes) -> list[Entry]:
    assert google_crc32c.value(index[:-4]) == struct.unpack("<I", index[-4:])[0]
    return list(struct.iter_unpack("<QQ", index[:-4]))


def encode_index(table: list[Entry]) -> bytes:
    data = b"".join(struct.pack("<QQ", *entry) for entry in table)
    return data + struct.pack("<I", google_crc32c.value(data))


def innermost(kind: Kind, shard: bytes) -> list[Entry]:
    """All chunks of values, from the start of the shard."""
    table = entries(kind, shard)
    if not kind.nested:
        return table
    inner = [(at, parse_index(shard[at + n - INNER_INDEX_NBYTES : at + n])) for at, n in table]
    return [(at + offset, nbytes) for at, chunks in inner for offset, nbytes in chunks]


def with_entry(kind: Kind, shard: bytes, entry: Entry, number: int = 1) -> bytes:
    """The shard with one entry of its outermost index replaced, its checksum right."""
    table = entries(kind, shard)
    table[number] = entry
    start, stop = index_span(kind, shard)
    return shard[:start] + encode_index(table) + shard[stop:]
