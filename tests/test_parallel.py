"""All cores at once: every item once, in order; errors, nested calls, several callers."""

import threading
import time
from collections.abc import Iterator

import pytest

from zarr_hdf5 import parallel
from zarr_hdf5.parallel import run


@pytest.fixture(autouse=True, params=[1, 2, 3])
def _cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "worker_count", lambda: request.param)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_every_item_is_worked_on_once(count: int) -> None:
    done: list[int] = []
    run(done.append, range(count))
    assert sorted(done) == list(range(count))


def test_items_are_taken_when_there_is_somebody_to_work_on_them() -> None:
    taken: list[int] = []
    lead: list[int] = []
    done: list[int] = []

    def items() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    def work(item: int) -> None:
        lead.append(len(taken) - len(done))
        time.sleep(0.0001)
        done.append(item)

    run(work, items())
    assert taken == list(range(100))
    assert max(lead) <= parallel.worker_count() + 2


def test_the_first_error_stops_what_has_not_begun() -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match=r"item [0-2]"):
        run(work, range(1000))
    assert len(begun) <= 3


def test_an_error_of_the_items_is_raised() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise LookupError("no more")

    done: list[int] = []
    with pytest.raises(LookupError, match="no more"):
        run(done.append, items())
    assert sorted(done) == list(range(5))


def test_work_may_ask_for_more_work() -> None:
    done: list[tuple[int, int]] = []
    run(lambda i: run(lambda k: done.append((i, k)), range(10)), range(10))
    assert sorted(done) == [(i, k) for i in range(10) for k in range(10)]


def test_callers_do_not_wait_for_each_other() -> None:
    """All threads of the pool are busy with one caller's work; another's is done all the same."""
    stop = threading.Event()
    busy = threading.Thread(target=run, args=(lambda _: stop.wait(30), range(10)))
    busy.start()
    done: list[int] = []
    run(done.append, range(10))
    assert len(done) == 10
    stop.set()
    busy.join()
