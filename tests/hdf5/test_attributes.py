"""Attributes of every kind of value; h5py wrote them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5t

from zarr_hdf5.hdf5 import attributes
from zarr_hdf5.hdf5.attributes import read_attributes

ROWS = np.array([(1, 2.5, b"ab"), (3, 4.5, b"c")], [("i", "<i4"), ("f", "<f8"), ("s", "S3")])

VALUES: dict[str, tuple[Any, Any]] = {
    "integer": (np.int16(3), 3),
    "numbers": (np.array([1.5, 2.5], ">f4"), [1.5, 2.5]),
    "bool": (True, True),
    "text": ("ü", "ü"),
    "fixed text": (np.bytes_(b"abc"), "abc"),
    "texts": (np.array(["a", "b"], object), ["a", "b"]),
    "fixed texts": (np.array([b"a", b"bc"]), [b"a", b"bc"]),
    "null": (h5py.Empty("f4"), None),
    "compound": (ROWS[0], {"i": 1, "f": 2.5, "s": "ab"}),
    "compounds": (ROWS, [{"i": 1, "f": 2.5, "s": "ab"}, {"i": 3, "f": 4.5, "s": "c"}]),
    "opaque": (np.void(b"\0\1\2"), b"\0\1\2"),
    "complex": (1 + 2j, 1 + 2j),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str, tmp_path: Path) -> None:
    written, wanted = VALUES[name]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["a"] = written
        ((_, found),) = read_attributes(file).values
    plain = found.tolist() if isinstance(found, np.ndarray | np.generic) else found
    assert plain == wanted


def test_references_sequences_and_enumerations(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("g/d", data=np.arange(20).reshape(4, 5))
        region = dataset.regionref[1:3, 2:4]
        file.attrs.create("reference", dataset.ref, dtype=h5py.ref_dtype)
        file.attrs.create("nothing", h5py.Reference(), dtype=h5py.ref_dtype)
        file.attrs.create("region", region, dtype=h5py.regionref_dtype)
        ragged = np.empty(2, object)
        ragged[:] = [np.array([1, 2], "i4"), np.array([3], "i4")]
        file.attrs.create("ragged", ragged, dtype=h5py.vlen_dtype("i4"))
        file.attrs.create("enumeration", 1, dtype=h5py.enum_dtype({"a": 1}, "i1"))
        found = dict(read_attributes(file).values)
    assert found["reference"] == "/g/d"
    assert found["nothing"] == ""
    assert found["region"] == {"path": "/g/d", "blocks": [[[1, 2], [2, 3]]]}
    assert found["ragged"] == [[1, 2], [3]]
    assert found["enumeration"] == 1


def test_types_that_h5py_does_not_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        space = h5py.h5s.create_simple((2,))
        time = h5py.h5a.create(file.id, b"time", h5t.UNIX_D32LE, space)
        time.write(np.array([7, 8], "<i4"), mtype=h5t.UNIX_D32LE)
        file.attrs["good"] = 1
        found = read_attributes(file)
    assert {name: np.asarray(value).tolist() for name, value in found.values} == {"time": [7, 8], "good": 1}


def test_more_than_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributes, "MAX_ATTRIBUTES", 3)
    monkeypatch.setattr(attributes, "MAX_NBYTES", 80)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["0"] = np.zeros(11)
        for i in range(1, 5):
            file.attrs[str(i)] = i
        found = read_attributes(file)
    assert [name for name, _ in found.values] == ["1", "2"]
    assert [reason for _, reason in found.unreadable] == [
        "an attribute of 88 bytes",
        "5 attributes, of which the first 3 are read",
    ]
