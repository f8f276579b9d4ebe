"""Arrays that other programs create and write: we read them, we overwrite a part, and they read that."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from interop_cases import DTYPES, Document, Slices, Values, codec, random_values, same
from newest_zarr import NewestZarr
from zarr_judges import PROGRAMS, read_zarr_python
from zarr_python_worker import digest

import zarr_hdf5 as zh

SHAPE, SHARD, CHUNK = (7, 11), (4, 6), (2, 3)
REGION: Slices = (slice(1, 5), slice(2, 9))
LITTLE, BIG = codec("bytes", endian="little"), codec("bytes", endian="big")
CRC32C = codec("crc32c")
ZSTD = codec("zstd", level=1, checksum=False)
ZLIB = codec("numcodecs.zlib", level=1)


def sharding(*codecs: Document, chunk: tuple[int, ...] = CHUNK, index: Document = LITTLE, **other: Any) -> Document:
    return codec(
        "sharding_indexed",
        chunk_shape=list(chunk),
        codecs=list(codecs),
        **{"index_codecs": [index, CRC32C], "index_location": "end", **other},
    )


CORE: dict[str, list[Document]] = {
    "none": [LITTLE],
    "zstd": [LITTLE, ZSTD],
    "gzip": [LITTLE, codec("gzip", level=1)],
    "blosc": [
        LITTLE,
        codec("blosc", cname="lz4", clevel=5, shuffle="bitshuffle", typesize=4, blocksize=0),
    ],
    "crc32c": [LITTLE, CRC32C],
    "big-endian": [BIG, ZSTD],
    "transpose": [codec("transpose", order=[1, 0]), LITTLE],
    "sharded": [sharding(LITTLE, ZSTD)],
    "sharded plain": [sharding(LITTLE)],
    "sharded at start": [sharding(LITTLE, ZSTD, index_location="start")],
    "sharded big-endian": [sharding(BIG, CRC32C, index=BIG)],
    "sharded transpose": [sharding(codec("transpose", order=[1, 0]), LITTLE, ZSTD)],
    "sharded without checksum": [sharding(LITTLE, ZSTD, index_codecs=[LITTLE])],
    "nested": [sharding(sharding(LITTLE, ZSTD, chunk=(1, 3)))],
    "nested at start": [sharding(sharding(LITTLE, chunk=(1, 3), index_location="start"), index_location="start")],
}
COMPRESSED = {"sharded and compressed": [sharding(LITTLE), codec("gzip", level=1)]}
SHUFFLE = codec("numcodecs.shuffle", elementsize=4)
OWN: dict[str, dict[str, list[Document]]] = {
    "zarr-python": COMPRESSED
    | {
        name: [sharding(LITTLE, *codecs)]
        for name, codecs in {
            "deflate": [SHUFFLE, ZLIB],
            "bz2": [codec("numcodecs.bz2", level=1)],
            "lz4": [codec("numcodecs.lz4", acceleration=1)],
            "lzma": [codec("numcodecs.lzma", preset=1)],
            "fletcher32": [codec("numcodecs.fletcher32")],
            "crc32": [codec("numcodecs.crc32")],
            "adler32": [codec("numcodecs.adler32")],
        }.items()
    },
    "zarrs": COMPRESSED
    | {"deflate": [sharding(LITTLE, SHUFFLE, ZLIB)], "bz2": [LITTLE, codec("numcodecs.bz2", level=9)]},
    "zarrista": COMPRESSED | {"shuffle": [sharding(LITTLE, SHUFFLE, ZSTD)]},
    "tensorstore": {},
}
ALL_DTYPES = ("none", "sharded", "sharded big-endian")


@dataclass(frozen=True)
class Foreign:
    program: str
    chain: str
    dtype: str

    @property
    def id(self) -> str:
        return f"{self.program}-{self.chain}-{np.dtype(self.dtype).name}"

    @property
    def document(self) -> Document:
        codecs = {**CORE, **OWN[self.program]}[self.chain]
        dtype = np.dtype(self.dtype)
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(SHAPE),
            "data_type": dtype.name,
            "chunk_grid": codec("regular", chunk_shape=list(SHARD)),
            "chunk_key_encoding": codec("default", separator="/"),
            "fill_value": {"b": False, "c": [0.0, 0.0]}.get(dtype.kind, 0),
            "codecs": codecs,
            "attributes": {},
        }


def foreign(program: str) -> list[Foreign]:
    numbers = [dtype for dtype in DTYPES if np.dtype(dtype).kind != "V"]
    wide = [Foreign(program, chain, dtype) for chain, dtype in product(ALL_DTYPES, numbers)]
    deep = [Foreign(program, chain, dtype) for chain, dtype in product({**CORE, **OWN[program]}, ("<i4", "<f4"))]
    return list(dict.fromkeys([*wide, *deep]))


TABLE = [case for program in PROGRAMS for case in foreign(program)]
IDS = [case.id for case in TABLE]


def first_and_second(dtype: str) -> tuple[Values, Values]:
    """What is written at first, and what the array holds after REGION is overwritten."""
    values = random_values(dtype, SHAPE)
    changed = values.copy()
    changed[REGION] = values[::-1, ::-1][REGION]
    return values, changed


@pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")
@pytest.mark.parametrize("case", TABLE, ids=IDS)
def test_theirs(case: Foreign, tmp_path: Path) -> None:
    program, path = PROGRAMS[case.program], tmp_path / "theirs.zarr"
    values, changed = first_and_second(case.dtype)
    program.create(path, case.document)
    program.overwrite(path, (slice(0, SHAPE[0]), slice(0, SHAPE[1])), values)
    array = zh.open_array(path, "r+")
    assert array.hdf5 is None
    assert same(array[...], values)
    assert same(array[3:0:-2, 5:], values[3:0:-2, 5:])

    array[REGION] = changed[REGION]
    read = program.read
    if case.program == "zarrs" and case.chain == "sharded big-endian" and case.dtype in ("<c8", "<c16"):
        read = read_zarr_python  # `readers` says what zarrs does to these
    assert same(read(path), changed)
    assert same(zh.open_array(path)[...], changed)


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("index_location", ["end", "start"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_ours_overwritten_by_them(program: str, index_location: Any, libver: Any, tmp_path: Path) -> None:
    """They make plain shards of ours; our next write makes HDF5 of them again."""
    values, changed = first_and_second("<i4")
    hdf5 = zh.HDF5(libver=libver, index_location=index_location)
    array = zh.create_array(tmp_path / "x.zarr", data=values, chunks=CHUNK, shards=SHARD, compressors="zstd", hdf5=hdf5)
    assert array.hdf5 is not None
    PROGRAMS[program].overwrite(tmp_path / "x.zarr", REGION, changed[REGION])
    assert same(array[...], changed)
    assert same(zh.open_array(tmp_path / "x.zarr")[...], changed)

    array = zh.open_array(tmp_path / "x.zarr", "r+")
    array[0, 0] = array[0, 6] = array[4, 0] = array[4, 6] = changed[0, 0] = changed[0, 6] = changed[4, 0] = 7
    changed[4, 6] = 7
    assert array.hdf5 is not None
    for coords in np.ndindex(2, 2):
        with h5py.File(array.hdf5.file(coords)) as file:
            region = tuple(slice(i * n, (i + 1) * n) for i, n in zip(coords, SHARD, strict=True))
            assert same(file["data"][...], changed[region])


def test_ours_overwritten_by_the_newest_zarr_python(newest_zarr: NewestZarr, tmp_path: Path) -> None:
    values, changed = first_and_second("<i4")
    np.save(tmp_path / "values.npy", changed[REGION])
    arrays: list[zh.Array] = []
    jobs: list[dict[str, Any]] = []
    for pipeline, location in product(newest_zarr.pipelines, ("end", "start")):
        path = tmp_path / f"{len(arrays)}.zarr"
        hdf5 = zh.HDF5(index_location=location)  # type: ignore[arg-type]
        arrays.append(zh.create_array(path, data=values, chunks=CHUNK, shards=SHARD, hdf5=hdf5))
        job = {"overwrite": str(path), "start": [part.start for part in REGION]}
        jobs.append({"pipeline": pipeline, **job, "values": str(tmp_path / "values.npy")})
    assert newest_zarr.work(tmp_path, jobs) == [None] * len(jobs)
    for array in arrays:
        assert same(array[...], changed)


@pytest.mark.slow
def test_newest_zarr_python(newest_zarr: NewestZarr, tmp_path: Path) -> None:
    """Two processes for the whole table: one creates, and after we have overwritten a part, one reads."""
    table = [
        (pipeline, case, str(tmp_path / str(len(pipeline)) / case.id))
        for pipeline in newest_zarr.pipelines
        for case in foreign("zarr-python")
    ]
    jobs = []
    for pipeline, case, path in table:
        npy = tmp_path / f"{np.dtype(case.dtype).name}.npy"
        np.save(npy, first_and_second(case.dtype)[0])
        jobs.append({"pipeline": pipeline, "create": path, "document": case.document, "values": str(npy)})
    assert [answer for answer in newest_zarr.work(tmp_path, jobs) if answer] == []
    for _, case, path in table:
        values, changed = first_and_second(case.dtype)
        array = zh.open_array(path, "r+")
        assert same(array[...], values), case.id
        array[REGION] = changed[REGION]
    answers = newest_zarr.work(tmp_path, [{"pipeline": pipeline, "read": path} for pipeline, _, path in table])
    for answer, (pipeline, case, _) in zip(answers, table, strict=True):
        assert answer == digest(first_and_second(case.dtype)[1]), (pipeline, case.id)
