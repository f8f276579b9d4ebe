"""A Python that has a newer zarr-python than this one can: where it is, and how it is put to work."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zarr_python_worker import FUSED

VARIABLE = "ZARR_HDF5_NEWEST_ZARR_PYTHON"
WORKER = Path(__file__).parent / "zarr_python_worker.py"
PROBE = "import sys, zarr; assert sys.version_info >= (3, 12); print(zarr.__version__)"


@dataclass(frozen=True)
class NewestZarr:
    """An interpreter of Python 3.12 or newer, and the version of its zarr-python."""

    python: str
    version: tuple[int, ...]

    @property
    def pipelines(self) -> tuple[str, ...]:
        """Its default codec pipeline, and from 3.4 on the fused one."""
        return ("", FUSED) if self.version >= (3, 4) else ("",)

    def work(self, folder: Path, jobs: Sequence[dict[str, Any]]) -> list[Any]:
        """The answers of zarr_python_worker.py, one for each job, all from one process."""
        manifest, answers = folder / "jobs.json", folder / "answers.json"
        manifest.write_text(json.dumps(list(jobs)))
        # Its own packages, not those that this process was told of.
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        command = [self.python, "-W", "ignore", str(WORKER), str(manifest), str(answers)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return list(json.loads(answers.read_text()))


def find_newest_zarr() -> NewestZarr | str:
    """The interpreter that the environment names, or this very one, or any on the path; or why there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        found = _probe(named)
        assert found is not None, f"{VARIABLE}={named} is no Python >= 3.12 with zarr >= 3.1"
        return found
    for python in [sys.executable, *(f"python3.{minor}" for minor in range(20, 11, -1))]:
        found = _probe(python)
        if found is not None:
            return found
    return f"no Python >= 3.12 with zarr >= 3.1 on the path; name one in {VARIABLE}"


def _probe(python: str) -> NewestZarr | None:
    if shutil.which(python) is None:
        return None
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [python, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    if done.returncode != 0:
        return None
    version = tuple(int(part) for part in done.stdout.strip().split(".")[:3] if part.isdigit())
    return NewestZarr(python, version) if version >= (3, 1) else None
