"""Real HDF5 files read by zarr-python through the store: equal to what h5py reads of them, dataset by dataset.

The files are no part of this project; the tests are skipped where they are absent, as those of test_corpus.py.
"""

from typing import Any

import hdf5plugin  # noqa: F401  (libhdf5 finds its filters by this import)
import pytest
import zarr
from tally import DEFAULT, inventory, outcomes, zarr_python_reader

from zarr_hdf5.errors import ZarrHDF5Error
from zarr_hdf5.plugins.zarr_python import HDF5Store

ROWS = inventory(DEFAULT)

pytestmark = [
    pytest.mark.skipif(not ROWS, reason=f"no corpus of HDF5 files at {DEFAULT}"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning"),
]


@pytest.mark.parametrize("row", [r for r in ROWS if r["opens"]], ids=lambda r: r["file"])
def test_zarr_python_reads_what_h5py_reads(row: dict[str, Any]) -> None:
    read = zarr_python_reader(DEFAULT / row["file"])
    for path, outcome, why in outcomes(row, DEFAULT, read):
        assert outcome == "equal", (path, why)


@pytest.mark.parametrize("row", [r for r in ROWS if not r["opens"]], ids=lambda r: r["file"])
def test_broken_files_are_refused(row: dict[str, Any]) -> None:
    """By errors of this library, if not at once then when their members are listed; no crash, no empty success."""
    try:
        members = dict(zarr.open_group(HDF5Store(DEFAULT / row["file"]), mode="r").members(max_depth=None))
    except ZarrHDF5Error:
        return
    assert members
