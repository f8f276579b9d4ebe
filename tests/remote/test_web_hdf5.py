"""HDF5 files and Zarr hierarchies behind a web server: their values, and how few requests these take."""

from collections.abc import Callable
from typing import Any, TypeVar

import h5py
import numpy as np
import pytest
from web_server import WebRequest, WebServer

import zarr_hdf5 as zh
from zarr_hdf5 import errors

VALUES = np.random.default_rng(0).integers(0, 100, (1000, 1000)).astype("u2")
LONG = np.arange(10_000_000, dtype="i4")

T = TypeVar("T")


@pytest.fixture(scope="module", params=["earliest", "latest"])
def url(request: pytest.FixtureRequest, nginx: WebServer) -> str:
    """A file of 41 MB: a chunked dataset, a contiguous one, text, and 50 small ones."""
    with h5py.File(nginx.root / f"{request.param}.h5", "w", libver=request.param) as file:
        file.create_dataset("chunked", data=VALUES, chunks=(50, 50), compression="gzip", shuffle=True)
        file["contiguous"] = LONG
        file["words"] = ["a", "b"]
        for i in range(50):
            file[f"g/d{i}"] = np.arange(10)
            file[f"g/d{i}"].attrs["units"] = "K"
    return f"{nginx.url}/{request.param}.h5"


def asked(nginx: WebServer, action: Callable[[], T]) -> tuple[T, list[WebRequest]]:
    results: list[T] = []
    requests = nginx.during(lambda: results.append(action()))
    return results[0], requests


def test_requests(url: str, nginx: WebServer) -> None:
    group, opening = asked(nginx, lambda: zh.open_group(url))
    assert len(opening) == 1
    array, describing = asked(nginx, lambda: group["chunked"])
    assert isinstance(array, zh.Array)
    assert describing == []
    value, first = asked(nginx, lambda: array[3, 4])
    assert value == VALUES[3, 4]
    assert len(first) <= 2  # the chunk index, and the chunk
    value, second = asked(nginx, lambda: array[903, 904])
    assert value == VALUES[903, 904]
    assert len(second) == 1
    values, rest = asked(nginx, lambda: array[...])
    np.testing.assert_array_equal(values, VALUES)
    assert len(rest) <= 2  # one for each core
    assert {request.status for request in opening + first + second + rest} == {206}


def test_contiguous_data_by_range(url: str, nginx: WebServer) -> None:
    array = zh.open_array(url, path="contiguous")
    values, requests = asked(nginx, lambda: array[5_000_000:5_000_010])
    assert values.tolist() == list(range(5_000_000, 5_000_010))
    assert len(requests) <= 2
    assert min(request.nbytes for request in requests) == 40


def test_all_members_in_few_requests(url: str, nginx: WebServer) -> None:
    group: Any = zh.open_group(url)

    def read() -> dict[str, Any]:
        arrays = {name: node for name, node in group.members(max_depth=None) if isinstance(node, zh.Array)}
        return {name: array.attrs.asdict() for name, array in arrays.items()}

    found, requests = asked(nginx, read)
    assert found["g/d7"] == {"units": "K"}
    assert len(found) == 53
    assert len(requests) <= 4
    assert group["words"][...].tolist() == ["a", "b"]


def test_a_file_that_was_replaced(nginx: WebServer) -> None:
    for i in range(2):
        with h5py.File(nginx.root / "new.h5", "w") as file:
            file.create_dataset("a", data=np.full(1000 * (i + 1), i), chunks=(100,), compression="gzip")
        if not i:
            array = zh.open_array(f"{nginx.url}/new.h5", path="a")
    with pytest.raises(errors.ZarrHDF5Error):
        array[0]
    assert zh.open_array(f"{nginx.url}/new.h5", path="a")[0] == 1


def test_external_links_are_followed_on_the_server(nginx: WebServer) -> None:
    (nginx.root / "below").mkdir(exist_ok=True)
    with h5py.File(nginx.root / "below" / "inner.h5", "w") as file:
        file["x"] = [3, 4]
    with h5py.File(nginx.root / "outer.h5", "w") as file:
        file["inner"] = h5py.ExternalLink("below/inner.h5", "/x")
        file["other"] = h5py.ExternalLink("http://example.org/x.h5", "/x")
        file["up"] = h5py.ExternalLink("../x.h5", "/x")
    group: Any = zh.open_group(f"{nginx.url}/outer.h5")
    assert group["inner"][...].tolist() == [3, 4]
    assert set(group.unreadable()) == {"other", "up"}


def test_a_zarr_hierarchy(nginx: WebServer) -> None:
    zh.create_array(nginx.root / "x.zarr", name="g/a", data=VALUES, chunks=(50, 50), shards=(500, 500))
    array = zh.open_array(f"{nginx.url}/x.zarr", path="g/a")
    np.testing.assert_array_equal(array[440:560, 3], VALUES[440:560, 3])
    with pytest.raises(errors.NotFoundError):
        zh.open(f"{nginx.url}/nothing")
    with pytest.raises(errors.ReadOnlyError):
        zh.open(f"{nginx.url}/x.zarr", "r+")
