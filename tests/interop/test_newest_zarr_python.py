"""zarr-python's newest version, its default pipeline and its fused one, on every array of the table."""

from collections.abc import Callable
from pathlib import Path

import pytest
from interop_cases import CASE_IDS, CASES, Case, Written
from newest_zarr import NewestZarr
from zarr_python_worker import FUSED, digest

ArrayOf = Callable[[Case], Written]
pytestmark = pytest.mark.slow  # the first of them waits for all
Answers = dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def answers(newest_zarr: NewestZarr, written: ArrayOf, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """By pipeline and case: the digest of what was read, or what went wrong."""
    keys = [(pipeline, case) for pipeline in newest_zarr.pipelines for case in CASES]
    jobs = [{"pipeline": pipeline, "read": str(written(case).path)} for pipeline, case in keys]
    done = newest_zarr.work(tmp_path_factory.mktemp("newest"), jobs)
    return {(pipeline, case.id): answer for (pipeline, case), answer in zip(keys, done, strict=True)}


@pytest.mark.parametrize("pipeline", ["", FUSED], ids=["default", "fused"])
@pytest.mark.parametrize("case", CASES, ids=CASE_IDS)
def test_reads_exactly_what_readers_says(
    case: Case, pipeline: str, written: ArrayOf, answers: Answers, newest_zarr: NewestZarr
) -> None:
    if pipeline not in newest_zarr.pipelines:
        pytest.skip(f"zarr-python {newest_zarr.version} has no fused pipeline")
    array = written(case)
    row = next(row for row in array.array.readers() if row.program == "zarr-python")
    answer = answers[pipeline, case.id]
    assert (answer == digest(array.expected)) == row.opens, answer


def test_the_worker_fails_where_it_should(newest_zarr: NewestZarr, tmp_path: Path) -> None:
    """Else every answer of "no" would be as good as any."""
    (missing, wrong) = newest_zarr.work(
        tmp_path, [{"pipeline": "", "read": str(tmp_path / "nothing")}, {"pipeline": "no.Pipeline", "read": "."}]
    )
    assert "NotFound" in missing
    assert "Error" in wrong
