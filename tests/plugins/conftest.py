import asyncio
import inspect
import sys
from pathlib import Path

import hdf5plugin  # noqa: F401  (before netCDF4, or its filters find the libhdf5 of that)
import pytest

# For the modules that these tests share: pytest's import mode "importlib" makes no folder of tests importable.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run asynchronous tests, each in an event loop of its own; zarr-python's tests of stores are such."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True
