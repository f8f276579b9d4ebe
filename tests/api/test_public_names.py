"""The names of the package: all are there, and rare ones cost nothing until they are asked for."""

import subprocess
import sys

import pytest

import zarr_hdf5 as zh


def test_all_names_are_there() -> None:
    assert all(getattr(zh, name) is not None for name in zh.__all__)
    assert set(zh.__all__) <= set(dir(zh))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = zh.nothing


def test_what_only_conversion_needs_is_imported_with_it() -> None:
    code = (
        "import sys, zarr_hdf5; before = 'tqdm' in sys.modules; zarr_hdf5.convert; print(before, 'tqdm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"]
