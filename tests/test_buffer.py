"""Many buffers as one: cut out, as rows, put beside each other."""

from typing import Any

import numpy as np
import pytest

from zarr_hdf5.buffer import Buffer, Segments, as_list, as_rows, put_rows

DATA = memoryview(bytes(range(100)))


def segments(*places: tuple[int, int]) -> Segments:
    starts, nbytes = (np.array(column, np.int64) for column in zip(*places, strict=True))
    return Segments(DATA, starts, nbytes)


# Starts and lengths; distance in memory from row to row, None: the rows have to be copied.
PLACES: dict[str, tuple[list[tuple[int, int]], int | None]] = {
    "one": ([(5, 10)], 10),
    "side by side": ([(0, 10), (10, 10), (20, 10)], 10),
    "at regular distances": ([(0, 10), (30, 10), (60, 10)], 30),
    "at other distances": ([(0, 10), (30, 10), (50, 10)], None),
    "backwards": ([(50, 10), (30, 10)], None),
    "overlapping": ([(0, 10), (5, 10)], None),
    "empty": ([(3, 0), (3, 0)], 0),
}


@pytest.mark.parametrize(("places", "step"), PLACES.values(), ids=PLACES)
def test_segments(places: list[tuple[int, int]], step: int | None) -> None:
    found, wanted = segments(*places), [bytes(DATA[start : start + n]) for start, n in places]
    assert [bytes(view) for view in found] == [bytes(found[i]) for i in range(len(places))] == wanted
    assert [bytes(view) for view in found[1:]] == wanted[1:]
    rows = as_rows(found)
    assert [row.tobytes() for row in rows] == wanted
    regular = found.rows()
    assert (regular is None) == (step is None)
    if regular is not None:
        assert regular.strides[0] == step
        assert not rows.size or np.shares_memory(rows, np.frombuffer(DATA, np.uint8))


def test_lengths_that_differ() -> None:
    with pytest.raises(ValueError, match="from 3 to 4 bytes"):
        as_rows([b"abc", b"abcd"])
    with pytest.raises(ValueError, match="from 10 to 11 bytes"):
        as_rows(segments((0, 10), (10, 11)))


@pytest.mark.parametrize("buffers", [[b"ab", b"cd"], [bytearray(b"ab"), memoryview(b"cd")], [np.array([1, 2], "u1")]])
def test_put_rows(buffers: list[Buffer]) -> None:
    memory = np.zeros(100, np.uint8)
    rows = put_rows(buffers, len(buffers), 2, lambda nbytes: memory[:nbytes])
    assert np.shares_memory(rows, memory)
    assert [bytes(row) for row in as_list(rows)] == [bytes(buffer) for buffer in buffers]


@pytest.mark.parametrize("buffers", [[b"ab", b"c"], [b"ab", b"cde"], [b"ab"], [b"ab"] * 3])
def test_put_rows_of_another_number_or_length(buffers: Any) -> None:
    with pytest.raises(ValueError, match=r"zip|memoryview"):
        put_rows(buffers, 2, 2)
