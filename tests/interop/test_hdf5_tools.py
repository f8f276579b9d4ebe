"""HDF5's own command line tools accept the shards, and find in them what h5py would have written."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hdf5_judges import DATASET, read_h5py, run
from interop_cases import CASE_IDS, CASES, Case, Values, Written, same

ArrayOf = Callable[[Case], Written]


def write_twin(shard: Path, twin: Path, values: Values, chunks: tuple[int, ...]) -> None:
    """The same dataset, attributes too, as h5py alone would write it."""
    with h5py.File(shard) as source, h5py.File(twin, "w") as file:
        dataset = file.create_dataset(DATASET, data=values, maxshape=source[DATASET].maxshape, chunks=chunks)
        dataset.attrs.update(source[DATASET].attrs)


@pytest.mark.parametrize("case", CASES, ids=CASE_IDS)
def test_tools(case: Case, written: ArrayOf, tmp_path: Path) -> None:
    _, path, values = written(case).shards()[-1]
    chunks = written(case).dataset_chunks()
    version = "SUPERBLOCK_VERSION 0" if case.libver == "earliest" else "SUPERBLOCK_VERSION 3"
    described = run("h5dump", "-pBH", path)
    assert version in described
    assert f"USERBLOCK_SIZE {512 if case.index_location == 'start' else 0}" in described
    assert f"CHUNKED ( {', '.join(map(str, chunks))} )" in described
    assert f"Chunks:    {{{', '.join(map(str, chunks))}}}" in run("h5ls", "-v", path)
    assert "# of unique datasets: 1\n" in run("h5stat", path)

    run("h5repack", path, tmp_path / "repacked.h5")
    assert same(read_h5py(tmp_path / "repacked.h5"), values)

    write_twin(path, tmp_path / "twin.h5", values, chunks)
    assert "0 differences found" in run("h5diff", "-r", path, tmp_path / "twin.h5", DATASET)


def test_h5diff_would_see_a_difference(written: ArrayOf, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.dtype == "<i4" and case.geometry == "full")
    _, path, values = written(case).shards()[0]
    values[-1, -1] += 1
    write_twin(path, tmp_path / "twin.h5", values, written(case).dataset_chunks())
    with pytest.raises(AssertionError, match="1 differences found"):
        run("h5diff", "-r", path, tmp_path / "twin.h5", DATASET)


def test_h5repack_takes_the_filters_off(written: ArrayOf, tmp_path: Path) -> None:
    for case in CASES:
        if case.dtype == "<u2" and case.libver == "earliest" and case.index_location == "end":
            _, path, values = written(case).shards()[0]
            out = tmp_path / "plain.h5"
            run("h5repack", "-f", "NONE", path, out)
            with h5py.File(out) as file:
                assert file[DATASET].id.get_create_plist().get_nfilters() == 0, case.id
                assert same(np.asarray(file[DATASET]), values), case.id
            out.unlink()
