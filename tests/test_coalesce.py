import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.coalesce import coalesce
from zarr_hdf5.errors import CorruptDataError

R = ByteRange


def run(ranges: list[tuple[int, int]], **options: int) -> tuple[list[ByteRange], list[int]]:
    pairs: npt.NDArray[np.int64] = np.array(ranges, dtype=np.int64).reshape(-1, 2)
    runs, run_of = coalesce(pairs[:, 0], pairs[:, 1], **options)
    assert run_of.dtype == np.intp
    return runs, run_of.tolist()


CASES = {
    "nothing": ([], 10, 100, [], []),
    "one": ([(5, 3)], 10, 100, [R(5, 3)], [0]),
    "one empty": ([(5, 0)], 10, 100, [R(5, 0)], [0]),
    "adjacent": ([(0, 5), (5, 5)], 0, 100, [R(0, 10)], [0, 0]),
    "gap just small enough": ([(0, 5), (15, 5)], 10, 100, [R(0, 20)], [0, 0]),
    "gap just too wide": ([(0, 5), (16, 5)], 10, 100, [R(0, 5), R(16, 5)], [0, 1]),
    "any order": ([(50, 5), (0, 5), (7, 1)], 10, 100, [R(0, 8), R(50, 5)], [1, 0, 0]),
    "one within another": ([(0, 50), (10, 5), (52, 3)], 5, 100, [R(0, 55)], [0, 0, 0]),
    "overlapping": ([(0, 10), (5, 10)], 0, 100, [R(0, 15)], [0, 0]),
    "the same twice": ([(5, 5), (5, 5)], 0, 100, [R(5, 5)], [0, 0]),
    "just full": ([(0, 50), (50, 50)], 0, 100, [R(0, 100)], [0, 0]),
    "too full": ([(0, 50), (50, 50), (100, 1)], 0, 100, [R(0, 100), R(100, 1)], [0, 0, 1]),
    "one range longer than a run may be": ([(0, 500), (500, 5)], 0, 100, [R(0, 500), R(500, 5)], [0, 1]),
    "ranges within a too long one": ([(0, 500), (10, 5), (20, 5)], 0, 100, [R(0, 500)], [0, 0, 0]),
    "the last possible byte": ([(2**63 - 2, 1), (0, 1)], 10, 100, [R(0, 1), R(2**63 - 2, 1)], [1, 0]),
}


@pytest.mark.parametrize(("ranges", "gap", "most", "runs", "run_of"), CASES.values(), ids=CASES.keys())
def test_table(ranges: list[tuple[int, int]], gap: int, most: int, runs: list[ByteRange], run_of: list[int]) -> None:
    assert run(ranges, max_gap=gap, max_nbytes=most) == (runs, run_of)


@pytest.mark.parametrize("ranges", [[(-1, 5)], [(0, 1), (5, -1)], [(2**63 - 1, 1)], [(2**62, 2**62)]])
def test_impossible_ranges(ranges: list[tuple[int, int]]) -> None:
    with pytest.raises(CorruptDataError, match="byte range"):
        run(ranges)


def greedy(ranges: list[tuple[int, int]], gap: int, most: int) -> list[ByteRange]:
    """The plain loop that `coalesce` must agree with."""
    runs: list[list[int]] = []
    reach = 0  # of all ranges so far
    for begin, nbytes in sorted(ranges, key=lambda r: r[0]):
        end = begin + nbytes
        grows_too_long = bool(runs) and end > runs[-1][1] and end - runs[-1][0] > most
        if not runs or begin - reach > gap or grows_too_long:
            runs.append([begin, end])
        runs[-1][1] = max(runs[-1][1], end)
        reach = max(reach, end)
    return [R(b, e - b) for b, e in runs]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40))), st.integers(0, 20), st.integers(1, 80))
def test_properties(ranges: list[tuple[int, int]], gap: int, most: int) -> None:
    runs, run_of = run(ranges, max_gap=gap, max_nbytes=most)
    assert runs == greedy(ranges, gap, most)
    assert sorted(set(run_of)) == list(range(len(runs)))
    for (offset, nbytes), i in zip(ranges, run_of, strict=True):
        assert runs[i].offset <= offset
        assert offset + nbytes <= runs[i].end
    longest = max((n for _, n in ranges), default=0)
    assert all(r.nbytes <= max(most, longest) for r in runs)
    assert all(type(r.offset) is int and type(r.nbytes) is int for r in runs)


def test_many_ranges_keep_their_bytes() -> None:
    rng = np.random.default_rng(1)
    data = rng.bytes(1 << 20)
    nbytes = rng.integers(0, 200, 5000)
    offsets = rng.integers(0, len(data) - 200, 5000)
    runs, run_of = coalesce(offsets, nbytes, max_gap=512, max_nbytes=1 << 14)
    ranges = list(zip(offsets.tolist(), nbytes.tolist(), strict=True))
    assert runs == greedy(ranges, 512, 1 << 14)
    assert 64 <= len(runs) < 1000
    read = [data[r.offset : r.end] for r in runs]
    for (o, n), i in zip(ranges, run_of.tolist(), strict=True):
        begin = o - runs[i].offset
        assert read[i][begin : begin + n] == data[o : o + n]
