"""What `create_array` makes of its options."""

from pathlib import Path
from typing import Any

import numcodecs
import numcodecs.pcodec
import numcodecs.zfpy
import numpy as np
import pytest
import zarr.codecs
import zarr.codecs.numcodecs

import zarr_hdf5 as zh
from zarr_hdf5 import errors
from zarr_hdf5.array.chunking import auto_chunks, auto_shards, divide
from zarr_hdf5.array.create import new_array_metadata


def inner_codecs(**options: Any) -> list[dict[str, Any]]:
    metadata = new_array_metadata("a", {"shape": (8,), "dtype": "i4", **options})  # type: ignore[typeddict-item]
    (sharding,) = metadata.codecs
    return list(sharding.configuration["codecs"])


LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
SHUFFLE = {"name": "numcodecs.shuffle", "configuration": {"elementsize": 4}}
ZLIB = {"name": "numcodecs.zlib", "configuration": {"level": 1}}
ZSTD = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}

CODECS: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({}, [LITTLE, SHUFFLE, ZLIB]),
    ({"dtype": "u1"}, [LITTLE, ZLIB]),
    ({"dtype": ">i4"}, [{"name": "bytes", "configuration": {"endian": "big"}}, SHUFFLE, ZLIB]),
    ({"compressors": "zstd"}, [LITTLE, ZSTD]),
    ({"compressors": None}, [LITTLE]),
    ({"compressors": ZLIB}, [LITTLE, ZLIB]),
    ({"compressors": [SHUFFLE, ZLIB]}, [LITTLE, SHUFFLE, ZLIB]),
    ({"compressors": zarr.codecs.ZstdCodec(level=1)}, [LITTLE, ZSTD]),
    ({"compressors": [numcodecs.Zlib(level=1)]}, [LITTLE, ZLIB]),
    ({"compressors": [numcodecs.Zstd(level=1)]}, [LITTLE, ZSTD]),
    ({"compressors": [numcodecs.CRC32C()]}, [LITTLE, {"name": "crc32c", "configuration": {}}]),
    (
        {"compressors": [numcodecs.CRC32C("start")]},
        [LITTLE, {"name": "numcodecs.crc32c", "configuration": {"location": "start"}}],
    ),
    (
        {"compressors": [numcodecs.JenkinsLookup3()]},
        [LITTLE, {"name": "numcodecs.jenkins_lookup3", "configuration": {}}],
    ),
    (
        {"dtype": "f8", "serializer": numcodecs.zfpy.ZFPY(tolerance=0.5), "compressors": None, "hdf5": False},
        [
            {
                "name": "numcodecs.zfpy",
                "configuration": {"mode": 4, "tolerance": 0.5, "rate": -1, "precision": -1},
            }
        ],
    ),
    *(
        (
            {"serializer": pcodec, "compressors": None, "hdf5": False},
            [
                {
                    "name": "numcodecs.pcodec",
                    "configuration": {
                        "level": 3,
                        "mode_spec": "auto",
                        "delta_spec": "auto",
                        "paging_spec": "equal_pages_up_to",
                        "equal_pages_up_to": 262144,
                    },
                }
            ],
        )
        for pcodec in (numcodecs.pcodec.PCodec(level=3), zarr.codecs.numcodecs.PCodec(level=3))
    ),
    ({"compressors": ["crc32c"]}, [LITTLE, {"name": "crc32c", "configuration": {}}]),
    (
        {"compressors": numcodecs.Blosc("lz4", 5, numcodecs.Blosc.BITSHUFFLE)},
        [
            LITTLE,
            {
                "name": "blosc",
                "configuration": {
                    "typesize": 4,
                    "cname": "lz4",
                    "clevel": 5,
                    "shuffle": "bitshuffle",
                    "blocksize": 0,
                },
            },
        ],
    ),
    (
        {"filters": [{"name": "transpose", "configuration": {"order": [0]}}], "compressors": None},
        [{"name": "transpose", "configuration": {"order": [0]}}, LITTLE],
    ),
]


@pytest.mark.parametrize(("options", "wanted"), CODECS)
def test_codecs(options: dict[str, Any], wanted: list[dict[str, Any]]) -> None:
    assert inner_codecs(**options) == wanted


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"shape": None}, "shape"),
    ({"dtype": None}, "dtype"),
    ({"data": np.zeros(3)}, "the data have"),
    ({"chunks": (0,)}, "chunks"),
    ({"chunks": (2, 2)}, "chunks"),
    ({"chunks": 3, "shards": 4}, "multiple"),
    ({"chunks": "big"}, "integers"),
    ({"compressors": "gzip"}, "none of"),
    ({"compressors": [3]}, "not a codec"),
    ({"dimension_names": ["x", "y"]}, "dimension_names"),
    ({"fill_value": 2**40}, "fill"),
    ({"chunk_key_encoding": {"name": "default", "separator": "-"}}, "separator"),
    ({"shape": (-1,)}, "shape"),
]


@pytest.mark.parametrize(("options", "words"), FAULTS)
def test_faults(options: dict[str, Any], words: str) -> None:
    with pytest.raises(errors.InvalidMetadataError, match=words):
        new_array_metadata("a", {"shape": (8,), "dtype": "i4", **options})  # type: ignore[typeddict-item]


def test_attributes_must_be_json(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidMetadataError):
        zh.create_array(tmp_path / "a", data=[1], attributes={"x": {1, 2}})
    assert not (tmp_path / "a" / "zarr.json").exists()


@pytest.mark.parametrize(
    ("encoding", "key"),
    [
        (None, "c/0/0"),
        ({"name": "v2", "separator": "/"}, "0/0"),
        ({"name": "v2"}, "0.0"),
        ({"name": "default", "configuration": {"separator": "."}}, "c.0.0"),
    ],
)
def test_chunk_keys(tmp_path: Path, encoding: Any, key: str) -> None:
    zh.create_array(tmp_path / "a", data=np.ones((2, 2)), chunk_key_encoding=encoding)
    assert (tmp_path / "a" / key).is_file()
    assert zarr.open_array(tmp_path / "a", mode="r")[1, 1] == 1


def test_dataset_is_named_after_the_array(tmp_path: Path) -> None:
    sides = [
        zh.create_array(tmp_path / "a", name="g/pressure", data=[1]).hdf5,
        zh.create_array(tmp_path / "b", data=[1]).hdf5,
        zh.create_array(tmp_path / "c", data=[1], hdf5=zh.HDF5(dataset="/deep/er")).hdf5,
    ]
    assert [side and side.dataset for side in sides] == ["/pressure", "/data", "/deep/er"]


@pytest.mark.parametrize(
    "options", [{"libver": "latest"}, {"index_location": "middle"}, {"dataset": "relative"}, {"dataset": "/"}]
)
def test_hdf5_options_are_checked(options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options.values()))):
        zh.HDF5(**options)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (10**9,), (365, 721, 1440), (3, 10**6), (0, 4), (2**33,)])
@pytest.mark.parametrize("itemsize", [1, 4, 16])
def test_auto_chunks_and_shards(shape: tuple[int, ...], itemsize: int) -> None:
    chunks = auto_chunks(shape, itemsize)
    shards = auto_shards(shape, chunks, itemsize)
    assert all(c >= 1 and s % c == 0 for c, s in zip(chunks, shards, strict=True))
    assert np.prod(chunks, dtype=object) * itemsize <= 256 << 10
    assert np.prod(shards, dtype=object) * itemsize <= 64 << 20
    enough = all(s >= n for s, n in zip(shards, shape, strict=True) if n)
    assert enough or np.prod(shards, dtype=object) * itemsize > 16 << 20


# Shape; bytes of an element; chunks and shards.
AUTO: dict[str, tuple[tuple[int, ...], int, tuple[int, ...], tuple[int, ...]]] = {
    "small": ((100, 50), 8, (100, 50), (100, 50)),
    "an image": ((4096, 4096), 2, (256, 512), (4096, 4096)),
    "a volume": ((1024, 1024, 1024), 1, (64, 64, 64), (512, 512, 256)),
    "long and thin": ((10**7, 3), 8, (9766, 3), (2500096, 3)),
    "to be appended to": ((0,), 8, (32768,), (8388608,)),
    "rows to be appended": ((0, 100), 8, (256, 100), (65536, 100)),
    "images to be appended": ((0, 1024, 1024), 2, (32, 64, 64), (256, 512, 256)),
    "one element": ((1,), 4, (1,), (1,)),
}


@pytest.mark.parametrize(("shape", "itemsize", "chunks", "shards"), AUTO.values(), ids=AUTO)
def test_what_auto_means(shape: tuple[int, ...], itemsize: int, chunks: Any, shards: Any) -> None:
    assert auto_chunks(shape, itemsize) == chunks
    assert auto_shards(shape, chunks, itemsize) == shards


def test_tiny_chunks_make_no_endless_index() -> None:
    assert auto_shards((10**9,), (1,), 1) == (16384,)
    assert auto_shards((10**5, 10**5), (1, 1), 8) == (128, 128)


@pytest.mark.parametrize("shape", [(0,), (0, 7), (5, 0), (0, 0)])
def test_arrays_that_begin_empty(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = zh.create_array(tmp_path, shape=shape, dtype="i4")
    axis = shape.index(0)
    array.resize(tuple(n or 3 for n in shape))
    more = tuple(2 if i == axis else n for i, n in enumerate(array.shape))
    array.append(np.ones(more, "i4"), axis)
    assert np.asarray(zarr.open_array(tmp_path, mode="r")[...]).sum() == np.prod(more)
    assert len(list(tmp_path.glob("c/**/*"))) <= 1 + len(shape)
    assert zh.verify(tmp_path)


@pytest.mark.parametrize("shards", [(4096, 4096), (1000003,), (6, 35, 1001), (1, 1)])
def test_given_shards_are_divided(shards: tuple[int, ...]) -> None:
    chunks = divide(shards, 8)
    assert all(s % c == 0 for s, c in zip(shards, chunks, strict=True))
    assert np.prod(chunks) * 8 <= 256 << 10
