"""Edge lengths as runs, against the list that they stand for."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.errors import InvalidMetadataError

RUNS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=6).map(tuple)


@given(RUNS)
def test_as_a_list(runs: tuple[tuple[int, int], ...]) -> None:
    edges = ChunkEdges(runs)
    lengths = [length for length, count in runs for _ in range(count)]
    begins = np.cumsum([0, *lengths]).tolist()
    assert edges == ChunkEdges.of(lengths)
    assert all(a != b for (a, _), (b, _) in pairwise(edges.runs))
    assert (edges.nchunks, edges.extent, edges.lengths) == (len(lengths), sum(lengths), set(lengths))
    assert [edges.bounds(i) for i in range(len(lengths))] == list(pairwise(begins))
    chunk_of = np.repeat(np.arange(len(lengths)), lengths)
    assert [edges.chunk_at(i) for i in range(edges.extent)] == chunk_of.tolist()
    assert edges.chunks_at(np.arange(edges.extent)).tolist() == chunk_of.tolist()
    origins, found = edges.spans(np.arange(len(lengths)))
    assert (origins.tolist(), found.tolist()) == (begins[:-1], lengths)
    assert [edges.count_within(n) for n in range(edges.extent + 1)] == [0, *(chunk_of + 1).tolist()]


@given(RUNS, st.integers(0, 90), st.integers(1, 5))
def test_grown(runs: tuple[tuple[int, int], ...], extent: int, unit: int) -> None:
    edges = ChunkEdges(runs)
    grown = edges.grown(extent, unit)
    if extent <= edges.extent:
        assert grown == edges
    else:
        assert grown.nchunks == edges.nchunks + 1
        assert 0 <= grown.extent - extent < unit
        assert (grown.extent - edges.extent) % unit == 0
        assert [grown.bounds(i) for i in range(edges.nchunks)] == [edges.bounds(i) for i in range(edges.nchunks)]


@pytest.mark.parametrize(
    ("length", "extent", "count"), [(4, 0, 1), (4, 1, 1), (4, 8, 2), (4, 9, 3), (2**62, 2**63 - 1, 2)]
)
def test_regular(length: int, extent: int, count: int) -> None:
    assert ChunkEdges.regular(length, extent).runs == ((length, count),)


@pytest.mark.parametrize("runs", [(), ((0, 1),), ((1, 0),), ((-1, 3),), ((3, 1), (2, -1))])
def test_no_edges(runs: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(InvalidMetadataError, match="at least 1"):
        ChunkEdges(runs)


def test_billions_of_chunks_cost_nothing() -> None:
    edges = ChunkEdges(((3, 10**9), (5, 10**9), (7, 10**17)))
    assert edges.nchunks == 2 * 10**9 + 10**17
    assert edges.chunk_at(3 * 10**9) == 10**9
    assert edges.bounds(10**9 + 1) == (3 * 10**9 + 5, 3 * 10**9 + 10)
    places = np.array([0, 3 * 10**9 - 1, 8 * 10**9, 8 * 10**9 + 7 * (10**17 - 1)])
    assert edges.chunks_at(places).tolist() == [0, 10**9 - 1, 2 * 10**9, 2 * 10**9 + 10**17 - 1]
