"""Every HDF5 program, on every shard of the table: what it reads is what the array holds there."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hdf5_judges import DATASET, read_h5dump, read_h5py, read_netcdf4, read_pyfive
from interop_cases import CASE_IDS, CASES, CHAINS, Case, Values, Written, same

ArrayOf = Callable[[Case], Written]


def opens(written: Written, program: str) -> bool:
    return {row.program: row.opens for row in written.array.readers() if row.side == "HDF5"}[program]


def is_read(read: Callable[[Path], Values], path: Path, expected: Values) -> bool:
    try:
        values = read(path)
    except Exception:
        return False
    return same(values, expected)


def as_numbers(values: Values) -> Values:
    """What programs read that know the enumeration behind h5py's booleans, but not that it means booleans."""
    return values.view("i1") if values.dtype == bool else values


@pytest.mark.parametrize("case", CASES, ids=CASE_IDS)
class TestEveryShard:
    def test_h5py(self, case: Case, written: ArrayOf) -> None:
        assert opens(written(case), "h5py")
        shards = written(case).shards()
        assert shards
        for _, path, values in shards:
            assert same(read_h5py(path), values)

    def test_h5dump(self, case: Case, written: ArrayOf, tmp_path: Path) -> None:
        assert opens(written(case), "h5dump and HDF5's other tools")
        for _, path, values in written(case).shards():
            assert read_h5dump(path, tmp_path / "values", values).tobytes() == values.tobytes()

    @pytest.mark.filterwarnings("ignore:WARNING. variable 'data' has unsupported datatype")
    def test_netcdf4(self, case: Case, written: ArrayOf) -> None:
        if case.dtype == "<f2":
            assert not opens(written(case), "netCDF4")  # and see test_netcdf_does_not_survive_half_precision
            return
        for _, path, values in written(case).shards():
            assert is_read(read_netcdf4, path, as_numbers(values)) == opens(written(case), "netCDF4")

    # It does not close a file that it cannot read.
    @pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_pyfive(self, case: Case, written: ArrayOf) -> None:
        plain = case.libver == "earliest" and case.index_location == "end" and not CHAINS[case.chain].plugins
        for _, path, values in written(case).shards():
            # It has no notion of a chunk that is not there.
            assert is_read(read_pyfive, path, as_numbers(values)) == (plain and not has_holes(path))

    def test_the_array_as_one_virtual_dataset(self, case: Case, written: ArrayOf) -> None:
        array, order = written(case), CHAINS[case.chain].order
        side = array.array.hdf5
        assert side is not None
        whole = side.open()
        expected = array.expected.transpose(order) if array.expected.ndim == 2 else array.expected
        assert same(whole[...], expected)
        whole.file.close()

    def test_what_every_shard_says_of_itself(self, case: Case, written: ArrayOf) -> None:
        array = written(case)
        order = CHAINS[case.chain].order
        for coords, path, values in array.shards():
            with h5py.File(path) as file:
                dataset = file[DATASET]
                zarr_json = (array.path / "zarr.json").read_text()
                assert h5py.check_string_dtype(dataset.attrs.get_id("_zarr_json").dtype)
                assert json.loads(dataset.attrs["_zarr_json"]) == json.loads(zarr_json)
                assert tuple(dataset.attrs["_zarr_shard_coords"]) == coords
                assert ("_zarr_dimension_order" in dataset.attrs) == (order == (1, 0))
                assert dataset.dtype == values.dtype
                assert same(dataset.fillvalue, np.asarray(array.array.fill_value))


def has_holes(path: Path) -> bool:
    with h5py.File(path) as file:
        dataset = file[DATASET]
        grid = [-(-n // chunk) for n, chunk in zip(dataset.shape, dataset.chunks, strict=True)]
        return bool(dataset.id.get_num_chunks() < np.prod(grid))


def test_netcdf_does_not_survive_half_precision(written: ArrayOf) -> None:
    """Why `readers` says no: netCDF-C 4.9 takes it for something else, and may crash, whoever has written the file."""
    case = next(case for case in CASES if case.dtype == "<f2" and case.chain == "none")
    _, path, values = written(case).shards()[0]
    code = (
        "import sys, netCDF4\n"
        "with netCDF4.Dataset(sys.argv[1]) as file:\n"
        "    values = file['data'][...]\n"
        "    assert values.dtype.kind == 'f' and values.tobytes().hex() == sys.argv[2]\n"
    )
    command = [sys.executable, "-c", code, str(path), values.tobytes().hex()]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode != 0
