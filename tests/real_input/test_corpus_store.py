"""Real HDF5 files read by zarr-python through the store: equal to what h5py reads of them, dataset by dataset.

The files are no part of this project; the tests are skipped where they are absent, as those of test_corpus.py.
"""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import hdf5plugin  # noqa: F401  (libhdf5 finds its filters by this import)
import pytest

from zarr_hdf5.errors import ZarrHDF5Error
from zarr_hdf5.plugins.zarr_python import HDF5Store


def _tally() -> ModuleType:
    """The program that counts, as a module; pytest's import mode "importlib" makes no folder of tests importable."""
    spec = importlib.util.spec_from_file_location("tally", Path(__file__).with_name("tally.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TALLY = _tally()
CORPUS: Path = TALLY.DEFAULT
ROWS: list[dict[str, Any]] = TALLY.inventory(CORPUS)

pytestmark = [
    pytest.mark.skipif(not ROWS, reason=f"no corpus of HDF5 files at {CORPUS}"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning"),
]

REFUSALS = {
    # Early versions of libhdf5 wrote the checksum's bytes in the other order. libhdf5, and this library, take both.
    ("test__test_filters_le.hdf5", "/dset"): "fletcher32 checksum of the data",
}
"""What zarr-python refuses of what it is given: the end of a file's name, a dataset, a part of the reason."""


@pytest.mark.parametrize("row", [r for r in ROWS if r["opens"]], ids=lambda r: r["file"])
def test_zarr_python_reads_what_h5py_reads(row: dict[str, Any]) -> None:
    read = TALLY.zarr_python_reader(CORPUS / row["file"])
    for path, outcome, why in TALLY.outcomes(row, CORPUS, read):
        name = row["file"].rsplit("/", 1)[-1].split("@")[0]
        expected = REFUSALS.get((name, path))
        assert (outcome, path) == ("refused" if expected else "equal", path), why
        assert (expected or "") in why


@pytest.mark.parametrize("row", [r for r in ROWS if not r["opens"]], ids=lambda r: r["file"])
def test_broken_files_are_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ZarrHDF5Error):
        HDF5Store(CORPUS / row["file"]).get_sync("zarr.json")
