"""Random arrays: equal to numpy after any writes, and both indexes of every shard tell the same truth."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  (libhdf5 finds its filters by this import)
import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zarr_hdf5 as zh
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.shard.source import read_shard_table

DTYPES = ["bool", "i1", "u2", "<i4", ">u8", "f2", ">f4", "f8", "c8", "c16", "V3"]
COMPRESSORS: list[Any] = [
    "deflate",
    "zstd",
    "blosc",
    None,
    [{"name": "crc32c", "configuration": {}}],
    [{"name": "numcodecs.zlib", "configuration": {"level": 1}}, {"name": "crc32c", "configuration": {}}],
    [{"name": "numcodecs.fletcher32", "configuration": {}}],
    [{"name": "numcodecs.bz2", "configuration": {"level": 1}}, {"name": "numcodecs.crc32", "configuration": {}}],
]


def values(draw: Callable[..., Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Any bits at all, NaNs and negative zeros with them, with long runs of the same."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = int(np.prod(shape)) * dtype.itemsize
    raw = rng.integers(0, draw(st.sampled_from([1, 2, 256])), size, dtype="u1")
    array = raw.view(dtype).reshape(shape)
    return array.view("u1").astype(bool).reshape(shape) if dtype == np.bool_ else array


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    """Keywords of create_array."""
    rank = draw(st.integers(1, 4))
    lengths = st.integers(1, 9)
    chunks = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    shards = tuple(c * draw(st.integers(1, 3)) for c in chunks)
    order = draw(st.permutations(range(rank)))
    kind = draw(st.sampled_from(["plain", "transposed", "nested"]))
    transpose = [{"name": "transpose", "configuration": {"order": list(order)}}] if kind == "transposed" else []
    nested = nested_shards(draw, chunks) if kind == "nested" else {}
    return nested | {
        "shape": tuple(draw(lengths) for _ in range(rank)),
        "dtype": np.dtype(draw(st.sampled_from(DTYPES))),
        "chunks": chunks,
        "shards": shards,
        "filters": transpose,
        "compressors": None if nested else draw(st.sampled_from(COMPRESSORS)),
        "hdf5": zh.HDF5(
            libver=draw(st.sampled_from(["earliest", "v110"])),
            index_location=draw(st.sampled_from(["end", "start"])),
        ),
    }


def nested_shards(draw: st.DrawFn, chunks: tuple[int, ...]) -> dict[str, Any]:
    """A serializer that makes shards of the inner chunks themselves."""
    configuration = {
        "chunk_shape": [draw(st.sampled_from([d for d in range(1, c + 1) if c % d == 0])) for c in chunks],
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "numcodecs.zlib", "configuration": {"level": 1}},
        ],
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "index_location": draw(st.sampled_from(["start", "end"])),
    }
    return {"serializer": {"name": "sharding_indexed", "configuration": configuration}}


@st.composite
def basic_selections(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Integers and slices of any step, maybe an ellipsis."""
    items: list[Any] = []
    for length in shape:
        if draw(st.booleans()):
            items.append(draw(st.integers(-length, length - 1)))
        else:
            bound = st.none() | st.integers(-length - 2, length + 2)
            items.append(slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2, 3, -1, -2, -5]))))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(items)))
        return (*items[:at], ..., *items[at + draw(st.integers(0, len(items) - at)) :])
    return tuple(items[: draw(st.integers(0, len(items)))])


@st.composite
def coordinates(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], ...]:
    """Positions of some elements, maybe of none, counted from either end, an element more than once."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    result = draw(st.sampled_from([(0,), (1,), (7,), (3, 5)]))
    return tuple(rng.integers(-length, length, result) for length in shape)


def same(a: Any, b: Any) -> bool:
    """Bit for bit."""
    left, right = np.asarray(a), np.asarray(b)
    return left.shape == right.shape and left.tobytes() == right.astype(left.dtype).tobytes()


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    numbers = itertools.count()
    root = tmp_path_factory.mktemp("arrays")
    return lambda: root / f"{next(numbers)}.zarr"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_writes_like_numpy(data: st.DataObject, directory: Callable[[], Path]) -> None:
    options = data.draw(arrays())
    url = directory()
    array = zh.create_array(url, **options)
    model = np.zeros(options["shape"], array.dtype)
    for _ in range(data.draw(st.integers(1, 4))):
        selection = data.draw(basic_selections(array.shape))
        target = model[selection]
        value = values(data.draw, array.dtype, np.shape(target))
        if data.draw(st.booleans()) and value.ndim:
            value = value[:1]  # broadcast
        if value.size or not np.size(target):
            array[selection] = value
            model[selection] = value
        read = data.draw(basic_selections(array.shape))
        assert same(array[read], model[read])
        points = data.draw(coordinates(array.shape))
        assert same(array.vindex[points], model[points])
    reopened = zh.open_array(url)
    assert same(reopened[...], model)
    assert zh.verify(url)
    check_shards(reopened, model)
    if array.dtype.kind != "V":  # zarr-python has another name for raw bits
        assert same(np.asarray(zarr.open_array(url, mode="r")[...]), model)


def check_shards(array: zh.Array, model: npt.NDArray[Any]) -> None:
    """h5py's values and chunk table of every shard against the model and the Zarr index."""
    side, shards = array.hdf5, array.shards
    assert isinstance(side, HDF5Side)
    assert shards is not None
    twin, layout = side.view.twin, side.view.flat.layout
    for coords in np.ndindex(*array.metadata.chunk_grid.grid_shape):
        region = tuple(slice(c * n, (c + 1) * n) for c, n in zip(coords, shards, strict=True))
        if not Path(side.file(coords)).exists():
            assert not model[region].view("u1" if model.dtype.kind == "b" else model.dtype).tobytes().strip(b"\0")
            continue
        table = read_shard_table(array.store, side.key(coords), layout)
        assert table is not None
        with h5py.File(side.file(coords), "r") as file:
            dataset = file[side.dataset]
            assert same(dataset[()].transpose(np.argsort(side.order)), model[region])
            rows: list[Any] = []
            dataset.id.chunk_iter(rows.append)
            found = {row.chunk_offset: (row.byte_offset, row.size, row.filter_mask) for row in rows}
            chunk_shape = dataset.chunks
        wanted = {}
        for inner, number in zip(layout.all_coords(), layout.numbers(layout.all_coords()), strict=True):
            offset, nbytes = int(table.index.offsets[number]), int(table.index.nbytes[number])
            if offset >= 0:
                place = tuple(int(inner[axis]) * c for axis, c in zip(twin.order, chunk_shape, strict=True))
                wanted[place] = (offset + twin.skip_front, nbytes - twin.skip_front - twin.skip_back, 0)
        assert found == wanted
