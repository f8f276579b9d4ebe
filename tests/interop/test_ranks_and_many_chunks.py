"""The ends of what one shard can be: 1 to 32 dimensions, and more chunks than fit in 16 bits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hdf5_judges import read_h5dump, read_h5py, read_netcdf4, read_pyfive
from interop_cases import Values, same
from zarr_judges import ZARR_JUDGES

import zarr_hdf5 as zh

LIBVERS = ["earliest", "v110"]
NCHUNKS = 70_001


@pytest.mark.parametrize("libver", LIBVERS)
@pytest.mark.parametrize("rank", [*range(1, 9), 16, 24, 31, 32])
def test_ranks(rank: int, libver: Any, tmp_path: Path) -> None:
    shape = (3, *(2 if axis < 4 else 1 for axis in range(1, rank)))
    data = np.arange(np.prod(shape), dtype="<i4").reshape(shape)
    path, hdf5 = tmp_path / "x.zarr", zh.HDF5(libver=libver)
    shards = (2, *(1,) * (rank - 1))
    array = zh.create_array(path, data=data, chunks=(1,) * rank, shards=shards, compressors=None, hdf5=hdf5)
    assert array.hdf5 is not None
    last = tuple(n - 1 for n in array.metadata.chunk_grid.grid_shape)
    shard = Path(array.hdf5.file(last))
    expected = data[tuple(slice(i * n, None) for i, n in zip(last, shards, strict=True))]
    assert same(read_h5py(shard), expected)
    assert same(read_h5dump(shard, tmp_path / "values", expected), expected)
    rows = {row.program: row.opens for row in array.readers()}
    for program, read in ZARR_JUDGES.items():
        assert can_read(read, path, data) == rows[program], program


@pytest.mark.parametrize("rank", [31, 32])
def test_ranks_without_shards(rank: int, tmp_path: Path) -> None:
    data = np.arange(3, dtype="<i4").reshape(3, *(1,) * (rank - 1))
    path = tmp_path / "x.zarr"
    array = zh.create_array(path, data=data, chunks=(1,) * rank, shards=None, compressors=None, hdf5=False)
    rows = {row.program: row.opens for row in array.readers()}
    for program, read in ZARR_JUDGES.items():
        assert can_read(read, path, data) == rows[program], program


def can_read(read: Any, path: Path, expected: Values) -> bool:
    try:
        return same(read(path), expected)
    except Exception:
        return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("libver", "index_location", "compressors"),
    [("earliest", "end", "deflate"), ("earliest", "start", None), ("v110", "end", None), ("v110", "start", "deflate")],
)
def test_more_than_65536_chunks_in_a_shard(libver: Any, index_location: Any, compressors: Any, tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(1, 2**31, NCHUNKS).astype("<i4")
    hdf5 = zh.HDF5(libver=libver, index_location=index_location)
    path = tmp_path / "x.zarr"
    array = zh.create_array(path, data=data, chunks=1, shards=NCHUNKS, compressors=compressors, hdf5=hdf5)
    assert array.hdf5 is not None
    shard = Path(array.hdf5.file((0,)))
    assert same(read_h5py(shard), data)
    assert same(read_h5dump(shard, tmp_path / "values", data), data)
    assert same(read_netcdf4(shard), data)
    if (libver, index_location) == ("earliest", "end"):
        assert same(read_pyfive(shard), data)
    theirs = zarr.open_array(path, mode="r")
    for part in (slice(0, 3), slice(65_530, 65_540), slice(NCHUNKS - 3, NCHUNKS)):
        assert same(theirs[part], data[part])  # the whole takes it half a minute
    for row in array.readers():
        if row.program in ZARR_JUDGES and row.program != "zarr-python" and row.opens:
            assert same(ZARR_JUDGES[row.program](path), data), row.program
