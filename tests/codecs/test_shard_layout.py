"""How chunks are numbered and placed in shards, judged by counting, and by zarr-python's own shards."""

import struct
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest

from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.codecs.shard_index import ShardIndexFormat
from zarr_hdf5.codecs.shard_layout import ShardLayout
from zarr_hdf5.errors import CorruptDataError

Shape = tuple[int, ...]


def layout(*levels: Shape, locations: str = "eee") -> ShardLayout:
    chain = parse_chain([("bytes", {"endian": "little"})], (), [])
    assert chain is not None
    formats = [
        ShardIndexFormat.prepare(level, chain, {"s": "start", "e": "end"}[location])
        for level, location in zip(levels, locations, strict=False)
    ]
    return ShardLayout(tuple(formats), (2,) * len(levels[0]))


LEVELS: list[tuple[Shape, ...]] = [
    ((4,),),
    ((2, 3),),
    ((2,), (3,)),
    ((2, 3), (2, 2)),
    ((1, 2), (3, 1), (2, 2)),
    ((2, 1, 2), (1, 3, 1)),
]


def numbered_by_hand(levels: tuple[Shape, ...], within: Shape | None = None) -> list[Shape]:
    """Coordinates of the innermost chunks in the order of their numbers."""
    if not levels:
        return [(0,) * len(within or ())]
    rank = len(levels[0])
    step = [prod(level[axis] for level in levels[1:]) for axis in range(rank)]
    inner = numbered_by_hand(levels[1:], levels[0])
    return [
        tuple(o * s + i for o, s, i in zip(outer, step, coords, strict=True))
        for outer in product(*map(range, levels[0]))
        for coords in inner
    ]


@pytest.mark.parametrize("levels", LEVELS)
def test_numbers(levels: tuple[Shape, ...]) -> None:
    this = layout(*levels)
    by_hand = numbered_by_hand(levels)
    coords = np.array(by_hand, np.intp)
    assert this.numbers(coords).tolist() == list(range(len(by_hand)))
    assert this.nchunks == len(by_hand)
    assert this.chunks_per_shard == tuple(max(c[axis] for c in by_hand) + 1 for axis in range(len(levels[0])))
    assert this.shard_shape == tuple(2 * n for n in this.chunks_per_shard)
    assert this.all_coords().tolist() == sorted(map(list, by_hand))


CHUNKS: list[bytes | None] = [bytes([65 + i]) * (i % 4 + 1) if i % 3 else None for i in range(12)]


@pytest.mark.parametrize("levels", [((12,),), ((3,), (4,)), ((2, 1), (1, 2), (3, 1))])
@pytest.mark.parametrize("locations", ["eee", "sss", "ses", "ese"])
def test_assembled_shards_are_located(levels: Any, locations: str) -> None:
    this = layout(*levels, locations=locations)
    shard = b"".join(bytes(part) for part in this.assemble(CHUNKS))
    index = this.locate(memoryview(shard))
    found = [
        None if at < 0 else shard[at : at + n]
        for at, n in zip(index.offsets.tolist(), index.nbytes.tolist(), strict=True)
    ]
    assert found == CHUNKS


def test_bytes_of_a_plain_shard() -> None:
    shard = b"".join(bytes(p) for p in layout((4,)).assemble([b"abc", None, b"d", b""]))
    absent = 2**64 - 1
    assert shard == b"abcd" + struct.pack("<8Q", 0, 3, absent, absent, 3, 1, 4, 0)
    shard = b"".join(bytes(p) for p in layout((2,), locations="s").assemble([b"abc", b"d"]))
    assert shard == struct.pack("<4Q", 32, 3, 35, 1) + b"abcd"


def test_bytes_of_a_nested_shard() -> None:
    """Inner indexes count from their own shard; an inner shard without chunks is left out."""
    absent = 2**64 - 1
    shard = b"".join(bytes(p) for p in layout((3,), (2,)).assemble([b"ab", None, None, None, b"c", b"de"]))
    first = b"ab" + struct.pack("<4Q", 0, 2, absent, absent)
    second = b"cde" + struct.pack("<4Q", 0, 1, 1, 2)
    top = struct.pack("<6Q", 0, len(first), absent, absent, len(first), len(second))
    assert shard == first + second + top


@pytest.mark.parametrize("start", [0, 512, 2**33])
@pytest.mark.parametrize("levels", [((12,),), ((3,), (4,))])
def test_placed_from_anywhere(levels: Any, start: int) -> None:
    placed = layout(*levels).place(CHUNKS, start)
    data = b"".join(bytes(part) for part in placed.parts)
    assert placed.end == start + len(data)
    for chunk, at, nbytes in zip(CHUNKS, placed.offsets.tolist(), placed.nbytes.tolist(), strict=True):
        if chunk is None:
            assert (at, nbytes) == (-1, -1)
        else:
            assert data[at - start : at - start + nbytes] == chunk


def test_inner_shard_shorter_than_its_index() -> None:
    shard = b"ab" + struct.pack("<2Q", 0, 2)
    with pytest.raises(CorruptDataError, match="shorter than its index"):
        layout((1,), (1,)).locate(memoryview(shard))
