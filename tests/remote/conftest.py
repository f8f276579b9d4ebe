import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# For `web_server`: pytest's import mode "importlib" makes no folder of tests importable.
sys.path.insert(0, str(Path(__file__).parent))

from web_server import WebServer, start


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("there is no nginx")
    server = start(program, tmp_path_factory.mktemp("nginx"))
    yield server
    server.process.terminate()
    server.process.wait(10)
