"""`.ozx`: one file that is an HDF5 file and zipped OME-Zarr (NGFF RFC-9)."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import zarr

import zarr_hdf5 as zh

IMAGE = np.arange(2 * 40 * 30, dtype="u2").reshape(2, 40, 30)
AXES = [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
SCALES = [
    {"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": [1, 2**i, 2**i]}]} for i in range(2)
]
OME = {"version": "0.5", "multiscales": [{"name": "image", "axes": AXES, "datasets": SCALES}]}


def check(path: Path, names: int) -> None:
    """What the RFC asks of the ZIP file."""
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.comment) == {"ome": {"zipFile": {"version": "1.0"}}}
        assert archive.testzip() is None
        listed = archive.infolist()
    assert {member.compress_type for member in listed} == {zipfile.ZIP_STORED}
    documents = [member.filename for member in listed if member.filename.endswith("zarr.json")]
    assert documents == sorted(documents, key=lambda name: (name.count("/"), name))
    assert [member.filename for member in listed][: len(documents)] == documents
    assert documents[0] == "zarr.json"
    assert len(documents) == names


def test_an_image(tmp_path: Path) -> None:
    path = tmp_path / "image.ozx"
    with zh.create_group(path, attributes={"ome": OME}) as image:
        for i in range(2):
            image.create_array(str(i), data=IMAGE[:, :: 2**i, :: 2**i], chunks=(1, 8, 8), shards=(1, 32, 32))
    check(path, 3)
    with zh.open_group(path, "r+") as image:
        image.create_group("labels", attributes={"ome": {"labels": []}})
    check(path, 4)
    with zarr.storage.ZipStore(path, mode="r") as store:
        theirs = zarr.open_group(store, mode="r")
        assert theirs.attrs["ome"] == OME
        half = theirs["1"]
        assert isinstance(half, zarr.Array)
        np.testing.assert_array_equal(half[...], IMAGE[:, ::2, ::2])
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["0"][...], IMAGE)
    assert zh.verify(path)
    zh.compact(path)
    check(path, 4)
    assert zh.verify(path)


def test_converted(tmp_path: Path) -> None:
    zh.create_array(tmp_path / "a.zarr", data=IMAGE, chunks=(1, 8, 8), shards=(1, 32, 32))
    zh.convert(tmp_path / "a.zarr", tmp_path / "a.ozx")
    check(tmp_path / "a.ozx", 1)
    np.testing.assert_array_equal(zh.open_array(tmp_path / "a.ozx")[...], IMAGE)
