import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import hdf5plugin  # noqa: F401  (before netCDF4, whose copy of libhdf5 would take its filters)
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Tests never look at a clock, nor do those that hypothesis makes up.
settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")


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


@pytest.fixture
def sparse_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of many GiB in no time: zeros by the MiB become holes."""
    write = os.pwritev

    def leave_out_zeros(fd: int, parts: Sequence[memoryview], offset: int) -> int:
        end = offset
        for part in parts:
            if len(part) < 1 << 20 or np.frombuffer(part, np.uint8).any():
                end += write(fd, [part], end)
            else:
                end += len(part)
                os.ftruncate(fd, max(end, os.fstat(fd).st_size))
        return end - offset

    monkeypatch.setattr(os, "pwritev", leave_out_zeros)
