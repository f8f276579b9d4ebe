"""Real HDF5 and netCDF-4 files, converted, and read back by four programs: equal to what h5py reads of the originals.

The files are no part of this project; the tests are skipped where they are absent. `ZARR_HDF5_CORPUS` names another
place for them than `../shared/corpus`.
"""

import base64
import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  (libhdf5 finds its filters by this import)
import numpy as np
import pytest
import zarr
from tally import DEFAULT as CORPUS
from tally import inventory, opens_or_refuses, outcomes

import zarr_hdf5 as zh
from zarr_hdf5.errors import ZarrHDF5Error

ROWS = inventory(CORPUS)

pytestmark = [
    pytest.mark.skipif(not ROWS, reason=f"no corpus of HDF5 files at {CORPUS}"),
    # netCDF files bring attributes that zarr-python finds odd
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

LIMITS = (
    "no plugin for",
    "invalid layout version with virtual layout",
    "bad flag value for message",
)
"""Why a numeric dataset may be left out."""


def is_numeric(dataset: dict[str, Any]) -> bool:
    # Of long doubles, six of sixteen bytes mean nothing, and differ each time.
    is_number = dataset.get("kind") in tuple("iufbc") and "f16" not in dataset["np_dtype"]
    return bool(dataset.get("readable")) and is_number and "sha256" in dataset


def is_bare_dimension(row: dict[str, Any], path: str) -> bool:
    """Whether netCDF keeps there only the length of a dimension."""
    with h5py.File(CORPUS / row["file"], "r") as file:
        name = file[path].attrs.get("NAME", b"")
    return str(name).strip("b'").startswith("This is a netCDF dimension but not a netCDF variable")


def digest(values: Any, dtype: str) -> str:
    return hashlib.sha256(np.ascontiguousarray(np.asarray(values).astype(dtype)).tobytes()).hexdigest()


@pytest.mark.parametrize("row", [r for r in ROWS if r["opens"]], ids=lambda r: r["file"])
def test_converts_value_equal(row: dict[str, Any], tmp_path: Path) -> None:
    target = tmp_path / "out.zarr"
    done = zh.convert(CORPUS / row["file"], target)
    why = dict(done.skipped)
    for dataset in filter(is_numeric, row["datasets"]):
        path = dataset["path"].strip("/").replace("\\", "%5C")
        if is_bare_dimension(row, dataset["path"]):
            continue
        if path not in done.converted:
            reason = why.get(path) or next((w for p, w in why.items() if path.startswith(f"{p}/")), "")
            assert any(limit in reason for limit in LIMITS), (path, reason)
            continue
        for reader, values in read_by_all(target, path):
            assert digest(values, dataset["np_dtype"]) == dataset["sha256"], (reader, path)
    assert zh.verify(target, deep=False)


def read_by_all(target: Path, path: str) -> Iterator[tuple[str, Any]]:
    array = zh.open_array(target, path=path)
    yield "zarr_hdf5", array[...]
    yield "zarr-python", zarr.open_array(target, path=path, mode="r")[...]
    if any(reader.program == "zarrs" and reader.opens for reader in array.readers()):
        with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "codec_pipeline.strict": True}):
            yield "zarrs", zarr.open_array(target, path=path, mode="r")[...]
    if array.hdf5 is not None:
        dataset = array.hdf5.open()
        with dataset.file:
            yield "h5py", dataset[()]


def attributes_and_names(dataset: h5py.Dataset) -> tuple[dict[str, Any], list[str]]:
    numbers = {n: v for n, v in dataset.attrs.items() if isinstance(v, np.number)}
    names = [next((s.name.rsplit("/", 1)[-1] for s in d.values()), "") for d in dataset.dims]
    return numbers, names


@pytest.mark.parametrize("row", [r for r in ROWS if r["opens"] and ".nc" in r["file"]], ids=lambda r: r["file"])
def test_keeps_attributes_and_dimension_names(row: dict[str, Any], tmp_path: Path) -> None:
    target = tmp_path / "out.zarr"
    done = zh.convert(CORPUS / row["file"], target)
    with h5py.File(CORPUS / row["file"], "r") as file:
        for path in done.converted:
            array = zh.open_array(target, path=path)
            numbers, names = attributes_and_names(file[path])
            for name, value in numbers.items():
                if name == "_FillValue" and value.dtype.kind == "f":  # as xarray has it in Zarr v3
                    assert base64.b64decode(array.attrs[name]) == struct.pack("<d", value)
                elif not name.startswith("_Netcdf4"):
                    assert array.attrs[name] in (value.item(), "NaN")
            if names and all(names):
                assert array.dimension_names == tuple(names), path


REFUSALS: tuple[str, ...] = ()
"""Why a dataset that h5py reads may be refused; docs/support.md says so, too."""


@pytest.mark.parametrize("row", [r for r in ROWS if r["opens"]], ids=lambda r: r["file"])
def test_reads_equal(row: dict[str, Any]) -> None:
    """Every dataset that h5py reads: numbers by their bytes, text and what numpy has no type for one by one."""
    for path, outcome, why in outcomes(row, CORPUS):
        assert outcome == "equal" or (outcome == "refused" and why.startswith(REFUSALS or "\0")), (path, outcome, why)


@pytest.mark.parametrize("row", [r for r in ROWS if not r["opens"]], ids=lambda r: r["file"])
def test_broken_files_are_refused(row: dict[str, Any], tmp_path: Path) -> None:
    """h5py does not open them; neither a crash nor an empty success will do."""
    assert opens_or_refuses(row, CORPUS) != ""
    try:
        done = zh.convert(CORPUS / row["file"], tmp_path / "out.zarr")
    except ZarrHDF5Error:
        return
    assert done.skipped or done.converted
