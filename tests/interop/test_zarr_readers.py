"""Every Zarr program, on every array of the table: it reads the same values where `readers` says so, and only there."""

from collections.abc import Callable

import numpy as np
import pytest
from interop_cases import CASE_IDS, CASES, Case, Values, Written, same
from zarr_judges import ZARR_JUDGES

ArrayOf = Callable[[Case], Written]


def is_read(program: str, written: Written) -> bool:
    try:
        values = ZARR_JUDGES[program](written.path)
    except Exception:
        return False
    expected = written.expected
    if program == "zarrs":
        # It gets its metadata from zarr-python, which writes any NaN as "NaN".
        values, expected = with_plain_nan(values), with_plain_nan(expected)
    return same(values, expected)


def with_plain_nan(values: Values) -> Values:
    return np.where(np.isnan(values), np.array(np.nan, values.dtype), values) if values.dtype.kind == "f" else values


# zarr-python warns that it reads shards whole where a transpose comes first.
@pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")
@pytest.mark.parametrize("program", ZARR_JUDGES)
@pytest.mark.parametrize("case", CASES, ids=CASE_IDS)
def test_reads_exactly_what_readers_says(case: Case, program: str, written: ArrayOf) -> None:
    array = written(case)
    rows = {row.program: row for row in array.array.readers() if row.side == "Zarr"}
    assert is_read(program, array) == rows[program].opens, rows[program]


@pytest.mark.parametrize("case", CASES, ids=CASE_IDS)
def test_we_read_it_ourselves(case: Case, written: ArrayOf) -> None:
    assert same(written(case).array[...], written(case).expected)


def test_every_program_reads_many_of_them(written: ArrayOf) -> None:
    rows = [row for case in CASES for row in written(case).array.readers() if row.opens]
    for program in ZARR_JUDGES:
        assert sum(row.program == program for row in rows) > len(CASES) // 3
