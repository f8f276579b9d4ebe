import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hdf5plugin
import pytest

# For the modules that these tests share: pytest's import mode "importlib" makes no folder of tests importable.
sys.path.insert(0, str(Path(__file__).parent))

from interop_cases import Case, Written, write
from newest_zarr import NewestZarr, find_newest_zarr


@pytest.fixture(scope="module", autouse=True)
def _hdf5_plugins() -> Iterator[None]:
    """HDF5's own tools, and netCDF's copy of libhdf5, look for filters here; nobody else's tests may."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HDF5_PLUGIN_PATH", hdf5plugin.PLUGIN_PATH)
        yield


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Written]:
    """The array of a case, written by zarr_hdf5 once for all tests."""
    folder = tmp_path_factory.mktemp("interop")
    done: dict[str, Written] = {}

    def get(case: Case) -> Written:
        if case.id not in done:
            done[case.id] = write(case, folder / f"{len(done)}.zarr")
        return done[case.id]

    return get


@pytest.fixture(scope="session")
def newest_zarr() -> NewestZarr:
    """A zarr-python of the newest kind, in an interpreter of its own."""
    found = find_newest_zarr()
    if isinstance(found, str):
        pytest.skip(found)
    return found
