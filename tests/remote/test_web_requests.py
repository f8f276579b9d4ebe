import uuid
from collections.abc import Callable
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
from web_server import WebRequest, WebServer

from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.coalesce import coalesce
from zarr_hdf5.stores.block_file import BlockCache, BlockFile
from zarr_hdf5.stores.resolve import object_at

NDATASETS = 100


def write_netcdf(path: Path, shape: tuple[int, int]) -> None:
    with netCDF4.Dataset(path, "w") as file:
        for name, size in zip("yx", shape, strict=True):
            file.createDimension(name, size)
        for i in range(NDATASETS):
            variable = file.createVariable(f"v{i}", "f4", ("y", "x"), zlib=True)
            variable.units, variable.long_name, variable.scale_factor = "m s-1", f"variable {i}", 0.5
            variable[:] = np.random.default_rng(i).random(shape, dtype="f4")


def write_hdf5(path: Path, libver: str) -> None:
    with h5py.File(path, "w", libver=libver) as file:
        for i in range(NDATASETS):
            dataset = file.create_dataset(f"g{i % 5}/d{i}", data=np.full((100, 100), i), chunks=(10, 100), shuffle=True)
            dataset.attrs["units"] = "m"


def describe_all(file: h5py.File) -> dict[str, object]:
    found: dict[str, object] = {}

    def visit(name: str, node: h5py.HLObject) -> None:
        if isinstance(node, h5py.Dataset):
            found[name] = node.shape, node.dtype, node.chunks, sorted(node.attrs)

    file.visititems(visit)
    return found


FILES: dict[str, tuple[Callable[[Path], None], int]] = {
    # 1.2 MB: metadata next to each other
    "small netCDF-4": (lambda path: write_netcdf(path, (50, 50)), 3),
    # 38 MB: what describes a variable lies among the chunks of the others
    "netCDF-4": (lambda path: write_netcdf(path, (300, 400)), 36),
    "HDF5, earliest": (lambda path: write_hdf5(path, "earliest"), 12),
    "HDF5, latest": (lambda path: write_hdf5(path, "latest"), 10),
}


@pytest.fixture(scope="module", params=list(FILES))
def served(request: pytest.FixtureRequest, nginx: WebServer) -> tuple[str, int]:
    """Name of a file that is served, and how many requests describing all of it may take."""
    write, most = FILES[request.param]
    name = f"{uuid.uuid4()}.h5"
    write(nginx.root / name)
    return name, most


def test_describing_all_datasets(nginx: WebServer, served: tuple[str, int]) -> None:
    name, most = served
    store, key = object_at(f"{nginx.url}/{name}")
    cache = BlockCache()
    found: list[dict[str, object]] = []

    def describe() -> None:
        with h5py.File(BlockFile(store, key, cache=cache), "r") as file:
            found.append(describe_all(file))

    requests = nginx.during(describe)
    assert len(requests) <= most
    assert {(r.method, r.status) for r in requests} == {("GET", 206)}
    with h5py.File(nginx.root / name, "r") as file:
        assert found == [describe_all(file)]
    assert len(found[0]) >= NDATASETS
    if most <= 12:  # all of it is still there
        assert nginx.during(describe) == []
        assert found[1] == found[0]


def test_opening_takes_one_request(nginx: WebServer, served: tuple[str, int]) -> None:
    def first_name() -> None:
        store, key = object_at(f"{nginx.url}/{served[0]}")
        with h5py.File(BlockFile(store, key), "r") as file:
            assert file.id.valid

    assert [(r.range, r.status) for r in nginx.during(first_name)] == [("0-524287", 206)]


@pytest.mark.parametrize(
    ("gap", "expected"),
    [(0, 1), (4000, 1), (5000, 1000)],
)
def test_a_thousand_chunks(nginx: WebServer, gap: int, expected: int) -> None:
    data = np.random.default_rng(gap).bytes(1000 * (1000 + gap))
    (nginx.root / "chunks").write_bytes(data)
    store, key = object_at(f"{nginx.url}/chunks")
    offsets = np.arange(1000) * (1000 + gap)
    runs, run_of = coalesce(offsets, np.full(1000, 1000))
    got: list[bytes | memoryview | bytearray] = []
    requests = nginx.during(lambda: got.extend(store.get_ranges(key, runs)))
    assert len(requests) == len(runs) == expected
    assert {r.status for r in requests} == {206}
    assert sum(r.nbytes for r in requests) == sum(run.nbytes for run in runs)
    for offset, run in zip(offsets.tolist(), run_of.tolist(), strict=True):
        start = offset - runs[run].offset
        assert bytes(got[run][start : start + 1000]) == data[offset : offset + 1000]


def test_each_verb_is_one_request(nginx: WebServer) -> None:
    (nginx.root / "k").write_bytes(b"0123456789")
    store, key = object_at(f"{nginx.url}/k?token=1")
    version = store.get(key).version
    path = "/k?token=1"
    calls: list[tuple[Callable[[], object], list[WebRequest]]] = [
        (lambda: store.get(key), [WebRequest("GET", path, "", 200, 10)]),
        (lambda: store.get_range(key, ByteRange(2, 3)), [WebRequest("GET", path, "2-4", 206, 3)]),
        (lambda: store.get_ranges(key, [ByteRange(2, 3)], version), [WebRequest("GET", path, "2-4", 206, 3)]),
        (lambda: store.exists(key), [WebRequest("HEAD", path, "", 200, 0)]),
        (lambda: store.get_ranges(key, [], version), [WebRequest("HEAD", path, "", 200, 0)]),
        (lambda: store.exists("../k"), []),
    ]
    for call, expected in calls:
        assert nginx.during(call) == expected
