import threading

import numpy as np

from zarr_hdf5.scratch import ALIGNMENT, PAGE_NBYTES, SCRATCH_NBYTES, Scratch, scratch


def test_memory_is_used_again_when_a_block_ends() -> None:
    memory = Scratch()
    with memory:
        kept = memory.allocate(10)
        with memory:
            first = memory.allocate(1000)
        with memory:
            second = memory.allocate(500)
        assert np.shares_memory(first, second)
        assert not np.shares_memory(kept, first)
    with memory:
        assert np.shares_memory(memory.allocate(1), kept)


def test_pieces_of_a_block_are_apart_and_aligned() -> None:
    memory = Scratch()
    with memory:
        pieces = [memory.allocate(n) for n in (1, 63, 64, 65, 3)]
    assert [piece.nbytes for piece in pieces] == [1, 63, 64, 65, 3]
    assert pieces[0].ctypes.data % PAGE_NBYTES == 0
    starts = [piece.ctypes.data - pieces[0].ctypes.data for piece in pieces]
    assert starts == [0, 64, 128, 192, 320]
    assert all(start % ALIGNMENT == 0 for start in starts)


def test_an_error_ends_a_block() -> None:
    memory = Scratch()
    try:
        with memory:
            lost = memory.allocate(10)
            raise KeyError
    except KeyError:
        pass
    with memory:
        assert np.shares_memory(memory.allocate(10), lost)


def test_what_does_not_fit_is_allocated() -> None:
    memory = Scratch()
    with memory:
        most, more, none = memory.allocate(SCRATCH_NBYTES - 5), memory.allocate(6), memory.allocate(SCRATCH_NBYTES + 1)
        assert not any(np.shares_memory(most, other) for other in (more, none))
        assert (more.nbytes, none.nbytes) == (6, SCRATCH_NBYTES + 1)


def test_every_thread_has_its_own() -> None:
    found: list[Scratch] = []
    thread = threading.Thread(target=lambda: found.append(scratch()))
    thread.start()
    thread.join()
    assert scratch() is scratch()
    assert found[0] is not scratch()
