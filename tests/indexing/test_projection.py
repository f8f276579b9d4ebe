import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices

from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.indexing.basic import DimSelection, parse_basic
from zarr_hdf5.indexing.projection import ChunkDim, project, project_edges

D, C = DimSelection, ChunkDim
CASES = {  # selection, length, chunk length, projections
    "nothing": (D(0, 1, 0, False), 10, 4, []),
    "an integer": (D(9, 1, 1, True), 10, 4, [C(2, slice(1, 2, 1), slice(0, 1, 1), False)]),
    "an integer that is all there is": (D(8, 1, 1, True), 9, 4, [C(2, slice(0, 1, 1), slice(0, 1, 1), True)]),
    "everything": (
        D(0, 1, 10, False),
        10,
        4,
        [
            C(0, slice(0, 4, 1), slice(0, 4, 1), True),
            C(1, slice(0, 4, 1), slice(4, 8, 1), True),
            C(2, slice(0, 2, 1), slice(8, 10, 1), True),
        ],
    ),
    "everything, backwards": (
        D(9, -1, 10, False),
        10,
        4,
        [
            C(0, slice(3, None, -1), slice(6, 10, 1), True),
            C(1, slice(3, None, -1), slice(2, 6, 1), True),
            C(2, slice(1, None, -1), slice(0, 2, 1), True),
        ],
    ),
    "steps over chunks": (
        D(1, 9, 3, False),
        20,
        4,
        [
            C(0, slice(1, 2, 9), slice(0, 1, 1), False),
            C(2, slice(2, 3, 9), slice(1, 2, 1), False),
            C(4, slice(3, 4, 9), slice(2, 3, 1), False),
        ],
    ),
    "a chunk longer than the array": (D(0, 1, 3, False), 3, 100, [C(0, slice(0, 3, 1), slice(0, 3, 1), True)]),
}


@pytest.mark.parametrize(("dim", "length", "chunk_length", "expected"), CASES.values(), ids=CASES.keys())
def test_table(dim: DimSelection, length: int, chunk_length: int, expected: list[ChunkDim]) -> None:
    assert project(dim, length, chunk_length) == expected


limits = st.none() | st.integers(-45, 45)
steps = st.none() | st.integers(-15, 15).filter(bool)


@given(st.integers(0, 40), st.integers(1, 50), st.builds(slice, limits, limits, steps))
def test_one_dimension_by_brute_force(length: int, chunk_length: int, selection: slice) -> None:
    (dim,) = parse_basic(selection, (length,)).dims
    positions = list(range(length))[selection]
    parts = project(dim, length, chunk_length)
    assert [p.chunk for p in parts] == sorted({i // chunk_length for i in positions})
    written = np.zeros(len(positions), dtype=int)
    for p in parts:
        chunk = np.arange(p.chunk * chunk_length, (p.chunk + 1) * chunk_length)
        taken = chunk[p.in_chunk]
        assert p.in_out.step == 1
        assert taken.tolist() == positions[p.in_out]
        written[p.in_out] += 1
        valid = {i for i in chunk.tolist() if i < length}
        assert p.whole == (valid == set(taken.tolist()))
    assert np.all(written == 1)


@given(st.data())
def test_arrays_assembled_from_chunks(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7))
    chunk_shape = tuple(data.draw(st.integers(1, 9)) for _ in shape)
    index = data.draw(basic_indices(shape, allow_newaxis=False, allow_ellipsis=True))
    array = np.arange(np.prod(shape)).reshape(shape)
    grid = [-(-n // c) * c for n, c in zip(shape, chunk_shape, strict=True)]
    padded = np.full(grid, -1)  # chunks at the edge reach beyond the array
    padded[tuple(map(slice, shape))] = array

    selection = parse_basic(index, shape)
    out = np.full(selection.full_shape, -2)
    dims = [project(d, n, c) for d, n, c in zip(selection.dims, shape, chunk_shape, strict=True)]
    for parts in itertools.product(*dims):
        begins = [p.chunk * c for p, c in zip(parts, chunk_shape, strict=True)]
        chunk = padded[tuple(slice(b, b + c) for b, c in zip(begins, chunk_shape, strict=True))]
        out[tuple(p.in_out for p in parts)] = chunk[tuple(p.in_chunk for p in parts)]
    expected = array[index]
    assert np.array_equal(out.reshape(selection.shape), expected)
    assert selection.shape == np.shape(expected)


@pytest.mark.parametrize("step", [2**60, -(2**60)])
def test_skipped_chunks_cost_nothing(step: int) -> None:
    length = 2**63 - 1
    (dim,) = parse_basic(slice(None, None, step), (length,)).dims
    begin = time.perf_counter()
    parts = project(dim, length, 10)
    assert len(parts) == 8
    assert time.perf_counter() - begin < 1
    assert sorted(p.in_out.start for p in parts) == list(range(8))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.data())
def test_listed_edges_by_brute_force(lengths: list[int], data: st.DataObject) -> None:
    length = data.draw(st.integers(0, sum(lengths)))
    selection = data.draw(st.builds(slice, limits, limits, steps))
    (dim,) = parse_basic(selection, (length,)).dims
    positions = list(range(length))[selection]
    parts = project_edges(dim, length, ChunkEdges.of(lengths))
    chunk_of = np.repeat(np.arange(len(lengths)), lengths)
    assert [p.chunk for p in parts] == sorted({int(chunk_of[i]) for i in positions})
    written = np.zeros(len(positions), dtype=int)
    for p in parts:
        chunk = np.flatnonzero(chunk_of == p.chunk)
        taken = chunk[p.in_chunk]
        assert p.in_out.step == 1
        assert taken.tolist() == positions[p.in_out]
        written[p.in_out] += 1
        assert p.whole == ({i for i in chunk.tolist() if i < length} == set(taken.tolist()))
    assert np.all(written == 1)


@given(st.integers(0, 40), st.integers(1, 50), st.builds(slice, limits, limits, steps))
def test_edges_of_one_length_are_a_regular_grid(length: int, chunk_length: int, selection: slice) -> None:
    (dim,) = parse_basic(selection, (length,)).dims
    edges = ChunkEdges.regular(chunk_length, length)
    assert project_edges(dim, length, edges) == project(dim, length, chunk_length)


def test_listed_edges_cost_as_much_as_is_touched() -> None:
    edges = ChunkEdges(((3, 10**9), (1000, 10**9), (5, 10**15)))
    (dim,) = parse_basic(slice(10, None, edges.extent // 6), (edges.extent,)).dims
    begin = time.perf_counter()
    assert len(project_edges(dim, edges.extent, edges)) == 6
    assert time.perf_counter() - begin < 1
