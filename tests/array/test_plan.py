"""Plans of reads: what lies in one chunk is planned as such, and means the same."""

from typing import Any

import numpy as np
import pytest

from zarr_hdf5.array.plan import SomeChunks, plan_objects, plan_parts
from zarr_hdf5.chunk_source import ObjectGrid
from zarr_hdf5.indexing.basic import parse_basic

SHAPE, SHARD, CHUNK = (50, 37), (20, 30), (10, 6)
GRID = ObjectGrid(SHAPE, SHARD, CHUNK)
# Selection, and whether all of it lies in one chunk.
SELECTIONS: dict[str, tuple[Any, bool]] = {
    "a chunk": (np.s_[10:20, 6:12], True),
    "within a chunk": (np.s_[31:33, 7], True),
    "an element": (np.s_[49, 36], True),
    "every third": (np.s_[20:30:3, 30:36:2], True),
    "backwards": (np.s_[19:10:-1, 11:6:-2], True),
    "backwards to 0": (np.s_[9::-1, 5::-1], True),
    "a clipped chunk": (np.s_[40:, 36:], True),
    "two chunks": (np.s_[10:21, 6:12], False),
    "two shards": (np.s_[10:20, 29:31], False),
    "two chunks, a long step": (np.s_[0:40:11, 5], False),
    "two chunks, backwards": (np.s_[20:18:-1, 5], False),
    "nothing": (np.s_[5:5, 6:12], False),
}


@pytest.mark.parametrize(("selection", "one"), SELECTIONS.values(), ids=SELECTIONS)
def test_one_chunk_or_many(selection: Any, one: bool) -> None:
    values = np.arange(50 * 37).reshape(SHAPE)
    chosen = parse_basic(selection, SHAPE)
    parts = list(plan_parts(chosen.dims, GRID))
    assert [isinstance(planned.part, SomeChunks) for planned in parts] == ([True] if one else [False] * len(parts))
    for plan in (parts, list(plan_objects(chosen.dims, GRID))):
        out = np.full(chosen.full_shape, -1)
        for planned in plan:
            shard = np.zeros(SHARD, int)
            region = tuple(slice(i * n, (i + 1) * n) for i, n in zip(planned.coords, SHARD, strict=True))
            inside = values[region]
            shard[: inside.shape[0], : inside.shape[1]] = inside
            split = shard.reshape(2, 10, 5, 6).transpose(0, 2, 1, 3)
            planned.part.put(np.stack([split[tuple(chunk)] for chunk in planned.part.chunks()]), out)
        np.testing.assert_array_equal(out.reshape(chosen.shape), values[selection])
