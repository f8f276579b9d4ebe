"""Positions cut at chunk boundaries, by brute force."""

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zarr_hdf5.indexing.basic import IndexSelection
from zarr_hdf5.indexing.index_projection import project_index


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.data())
def test_one_dimension(length: int, chunk_length: int, data: st.DataObject) -> None:
    positions = sorted(data.draw(st.sets(st.integers(0, length - 1), min_size=1)))
    parts = project_index(IndexSelection(np.array(positions, np.int64)), length, chunk_length)
    assert [p.chunk for p in parts] == sorted({i // chunk_length for i in positions})
    assert [p.in_out.start for p in parts] == [0, *(p.in_out.stop for p in parts[:-1])]
    assert parts[-1].in_out.stop == len(positions)
    for p in parts:
        chunk = np.arange(p.chunk * chunk_length, (p.chunk + 1) * chunk_length)
        assert chunk[p.in_chunk].tolist() == positions[p.in_out]
        assert p.whole == ({i for i in chunk.tolist() if i < length} == set(chunk[p.in_chunk].tolist()))


def test_chunks_of_any_length() -> None:
    (part,) = project_index(IndexSelection(np.array([0, 3, 4])), 5, 2**80)
    assert np.asarray(part.in_chunk).tolist() == [0, 3, 4]
    assert not part.whole


def test_skipped_chunks_cost_nothing() -> None:
    positions = np.array([0, 5, 2**62, 2**63 - 2])
    begin = time.perf_counter()
    assert len(project_index(IndexSelection(positions), 2**63 - 1, 10)) == 3
    assert time.perf_counter() - begin < 1
