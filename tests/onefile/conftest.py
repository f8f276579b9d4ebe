import sys
from collections.abc import Iterator
from pathlib import Path

import hdf5plugin
import pytest

# For the modules that these tests share: pytest's import mode "importlib" makes no folder of tests importable.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module", autouse=True)
def _hdf5_plugins() -> Iterator[None]:
    """HDF5's own tools, and netCDF's copy of libhdf5, look for filters here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HDF5_PLUGIN_PATH", hdf5plugin.PLUGIN_PATH)
        yield
