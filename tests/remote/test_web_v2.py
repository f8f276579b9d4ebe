"""Zarr v2 behind a web server, which lists nothing: what consolidated metadata are for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from web_server import WebServer

import zarr_hdf5 as zh
from zarr_hdf5.errors import NotFoundError, UnsupportedFeatureError

VALUES = np.arange(60, dtype=">u2").reshape(6, 10)


def write(path: Path) -> None:
    root = zarr.create_group(path, zarr_format=2, attributes={"title": "t"})
    options: Any = {"data": VALUES, "chunks": (4, 5)}
    root.create_array("a", **options)
    root.create_group("g").create_array("b", order="F", **options)


def test_without_consolidated_metadata(nginx: WebServer) -> None:
    write(nginx.root / "plain-v2")
    url = f"{nginx.url}/plain-v2"
    group = zh.open_group(url)
    np.testing.assert_array_equal(group["g/b"][...], VALUES)  # type: ignore[index]
    np.testing.assert_array_equal(zh.open_array(url, path="a")[2:5], VALUES[2:5])
    np.testing.assert_array_equal(zh.open_array(f"{url}/g/b")[...], VALUES)
    with pytest.raises(UnsupportedFeatureError, match="list"):
        list(group)
    with pytest.raises(NotFoundError):
        zh.open(url, path="absent")


def test_with_consolidated_metadata(nginx: WebServer) -> None:
    write(nginx.root / "consolidated-v2")
    zarr.consolidate_metadata(nginx.root / "consolidated-v2", zarr_format=2)
    found: list[Any] = []
    opening = nginx.during(lambda: found.append(zh.open_group(f"{nginx.url}/consolidated-v2")))
    assert [request.path.rpartition("/")[2] for request in opening[-2:]] == ["zarr.json", ".zmetadata"]
    assert len(opening) <= 4  # is it a file? which the server answers by another address
    (group,) = found
    assert group.attrs == {"title": "t"}
    assert nginx.during(lambda: found.append([path for path, _ in group.members(max_depth=None)])) == []
    assert found[1] == ["a", "g", "g/b"]
    np.testing.assert_array_equal(group["a"][...], VALUES)
    assert len(nginx.during(lambda: group["g/b"][0, 0])) == 1
