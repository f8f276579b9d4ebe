"""What `convert` must never destroy."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5 import errors


def test_what_is_there_survives_a_conversion_that_cannot_begin(tmp_path: Path) -> None:
    """Options that no array can have are found out before anything is touched, and nothing is cleaned up then."""
    zh.create_array(tmp_path / "old.zarr", data=[1, 2, 3])
    zh.create_array(tmp_path / "src.zarr", data=np.arange(10))
    for overwrite in (False, True):
        done = zh.convert(tmp_path / "src.zarr", tmp_path / "old.zarr", chunks=(2, 2), overwrite=overwrite)
        assert done.converted == ()
        assert "chunks" in done.skipped[0][1]
        assert zh.open_array(tmp_path / "old.zarr")[...].tolist() == [1, 2, 3]
    with pytest.raises(errors.AlreadyExistsError):
        zh.convert(tmp_path / "src.zarr", tmp_path / "old.zarr")


@pytest.mark.parametrize(("src", "dst"), [("x", "x"), ("x/g", "x"), ("x", "x/g/new"), ("link", "x"), ("x/f.h5", "x")])
def test_neither_may_lie_within_the_other(src: str, dst: str, tmp_path: Path) -> None:
    zh.create_group(tmp_path / "x").create_array("g/a", data=[1, 2, 3])
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with h5py.File(tmp_path / "x/f.h5", "w") as file:
        file["a"] = [1]
    with pytest.raises(errors.AlreadyExistsError, match="within the other"):
        zh.convert(tmp_path / src, tmp_path / dst, overwrite=True)
    assert zh.open_array(tmp_path / "x", path="g/a")[...].tolist() == [1, 2, 3]
    assert (tmp_path / "x/f.h5").exists()


def test_neighbours_of_like_name_are_apart(tmp_path: Path) -> None:
    sources: list[Any] = [tmp_path / "a.zarr", "memory://test-convert-a"]
    for source in sources:
        zh.create_array(source, data=[1, 2])
        assert zh.convert(source, f"{source}2").converted == ("",)


def test_what_hdf5_cannot_store_in_chunks_becomes_plain_zarr(tmp_path: Path) -> None:
    """And says so; everything else keeps both sides."""
    padded = np.dtype({"names": ["a", "b"], "formats": ["u1", ">f8"], "offsets": [0, 8], "itemsize": 24})
    pairs = np.array([(1, 2.5), (3, 4.5)], padded)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["words"] = ["a", "bü", ""]
        file["one word"] = "text"
        file["codes"] = np.array([b"ab", b"c"])
        file["pairs"] = pairs
        file["reference"] = np.array([file["codes"].ref], dtype=h5py.ref_dtype)
        file["null"] = h5py.Empty("f4")
    done = zh.convert(tmp_path / "x.h5", tmp_path / "x.zarr")
    assert done.skipped == ()
    assert set(done.zarr_only) == {"words", "one word", "reference"}
    group = zh.open_group(tmp_path / "x.zarr")
    found = {name: array[...] for name, array in group.arrays()}
    assert found["words"].tolist() == ["a", "bü", ""]
    assert found["one word"] == "text"
    assert found["codes"].tolist() == [b"ab", b"c"]
    assert found["pairs"].tolist() == pairs.tolist()
    assert found["reference"].tolist() == ["/codes"]
    assert found["null"].shape == (0,)
    assert np.asarray(zarr.open_array(tmp_path / "x.zarr", path="words")[...]).tolist() == ["a", "bü", ""]
    for name, wanted in (("codes", [b"ab", b"c"]), ("pairs", pairs.tolist())):
        array = group[name]
        assert isinstance(array, zh.Array)
        assert array.hdf5 is not None
        dataset = array.hdf5.open()
        with dataset.file:
            assert dataset[()].tolist() == wanted


def test_what_consolidated_metadata_have_missed_is_converted_too(tmp_path: Path) -> None:
    root = zh.create_group(tmp_path / "x.zarr")
    root.create_array("a", data=[1, 2])
    root.consolidate_metadata()
    zarr.open_group(tmp_path / "x.zarr", mode="r+", use_consolidated=False).create_array("b", shape=(2,), dtype="i4")
    assert zh.open_group(tmp_path / "x.zarr").keys() == ["a"]
    assert zh.convert(tmp_path / "x.zarr", tmp_path / "y.zarr").converted == ("a", "b")
