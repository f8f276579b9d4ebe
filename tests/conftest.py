import subprocess
from collections.abc import Iterator
from pathlib import Path

import hdf5plugin  # noqa: F401  (before netCDF4, whose copy of libhdf5 would take its filters)
import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"cannot mount a small disk: {getattr(error, 'stderr', b'').decode().strip() or error}")
    yield disk
    subprocess.run(["umount", disk], check=True)
