"""Chunk keys that few programs read: `suffix` and `fanout`. The objects are what others read, under other names."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr_judges as judges

import zarr_hdf5 as zh
from zarr_hdf5.errors import InteroperabilityWarning
from zarr_hdf5.metadata import ChunkKeyEncoding, FanoutEncoding, SuffixEncoding

VALUES = np.random.default_rng(3).integers(0, 2**16, (20, 30), np.uint16)
DEFAULT: dict[str, Any] = {"name": "default", "configuration": {"separator": "/"}}
ENCODINGS: dict[str, tuple[Any, str]] = {  # what is asked for, and where the last shard is
    "suffix": ({"name": "suffix", "configuration": {"suffix": ".h5"}}, "c/1/4.h5"),
    "suffix of v2": (SuffixEncoding(".h5", ChunkKeyEncoding("v2", ".")), "1.4.h5"),
    "suffix of fanout": (SuffixEncoding(".h5", FanoutEncoding(4)), "d0/1/d1/1/1/c.h5"),
    "fanout": ({"name": "fanout", "configuration": {"max_children": 4}}, "d0/1/d1/1/1/c"),
}


def create(path: Path, encoding: Any) -> zh.Array:
    with pytest.warns(InteroperabilityWarning, match="is a proposal: zarr-python, .* do not read it") as caught:
        array = zh.create_array(
            path, data=VALUES, chunks=(5, 3), shards=(10, 6), compressors="zstd", chunk_key_encoding=encoding
        )
    assert [warning.filename for warning in caught] == [__file__]
    return array


@pytest.mark.parametrize(("encoding", "key"), ENCODINGS.values(), ids=ENCODINGS)
def test_shards_are_hdf5_files_and_zarrs_under_another_name(encoding: Any, key: str, tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    array = create(path, encoding)
    with h5py.File(path / key) as file:
        np.testing.assert_array_equal(file["data"][...], VALUES[10:, 24:])
    assert zh.verify(path)
    zh.link(path)
    with h5py.File(path / "x.h5") as file:
        np.testing.assert_array_equal(file["data"][...], VALUES)
    for name, read in {"zarrista": judges.read_zarrista, "tensorstore": judges.read_tensorstore}.items():
        with pytest.raises(Exception, match=r"[Kk]ey|encoding"):
            read(path)
        assert not next(row for row in array.readers() if row.program == name).opens
    with pytest.raises(Exception, match=r"[Kk]ey|encoding|suffix|fanout"):
        judges.read_zarr_python(path)
    plain = tmp_path / "plain.zarr"
    plain.mkdir()
    for i in range(2):
        for j in range(5):
            name = array.metadata.chunk_key_encoding.encode((i, j))
            (plain / f"c/{i}").mkdir(parents=True, exist_ok=True)
            shutil.copy(path / name, plain / f"c/{i}/{j}")
    (plain / "zarr.json").write_text(json.dumps(array.metadata.to_json() | {"chunk_key_encoding": DEFAULT}))
    for read in (judges.read_zarr_python, judges.read_zarrs, judges.read_zarrista, judges.read_tensorstore):
        np.testing.assert_array_equal(read(plain), VALUES)


def test_zarrista_reads_files_with_a_suffix_by_a_name_of_its_own(tmp_path: Path) -> None:
    """zarrs has had `zarrs.default_suffix` for what `suffix` says of `default`."""
    array = create(tmp_path, {"name": "suffix", "configuration": {"suffix": ".h5"}})
    theirs = {"name": "zarrs.default_suffix", "configuration": {"separator": "/", "suffix": ".h5"}}
    (tmp_path / "zarr.json").write_text(json.dumps(array.metadata.to_json() | {"chunk_key_encoding": theirs}))
    np.testing.assert_array_equal(judges.read_zarrista(tmp_path), VALUES)


@pytest.mark.parametrize("encoding", [one for one, _ in ENCODINGS.values()], ids=ENCODINGS)
@pytest.mark.filterwarnings("ignore::zarr_hdf5.errors.InteroperabilityWarning")
def test_opened_changed_and_in_one_file(encoding: Any, tmp_path: Path) -> None:
    create(tmp_path / "x.zarr", encoding)
    array = zh.open_array(tmp_path / "x.zarr", mode="r+")
    array[3:12, 5] = 7
    array.append(VALUES[:3])
    wanted = np.concatenate([VALUES, VALUES[:3]])
    wanted[3:12, 5] = 7
    np.testing.assert_array_equal(zh.open_array(tmp_path / "x.zarr")[...], wanted)
    assert zh.verify(tmp_path / "x.zarr")
    with zh.create_group(tmp_path / "one.h5") as group:
        group.create_array("a", data=VALUES, chunks=(5, 3), shards=(10, 6), chunk_key_encoding=encoding)
    with h5py.File(tmp_path / "one.h5") as file:
        np.testing.assert_array_equal(file["a"][...], VALUES)
    np.testing.assert_array_equal(zh.open_array(tmp_path / "one.h5", path="a")[...], VALUES)
    assert zh.verify(tmp_path / "one.h5")
