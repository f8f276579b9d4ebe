"""zarr.json that nobody should have written: an error of ours at once, or an array that works."""

import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hostile_shards import CRC32C, LITTLE, ZLIB, document, encode_index, sharding, store_of

import zarr_hdf5 as zh
from zarr_hdf5.errors import (
    CodecError,
    CorruptDataError,
    InvalidMetadataError,
    UnsupportedFeatureError,
    ZarrHDF5Error,
)

HUGE = 2**62
VIEW = {"must_understand": False, "libver": "earliest", "dataset": "/data"}


def nested(depth: int) -> list[Any]:
    codecs: list[Any] = [LITTLE]
    for _ in range(depth):
        codecs = [sharding((8, 8), codecs)]
    return codecs


def view(**members: Any) -> dict[str, Any]:
    return {"zarr_hdf5": VIEW | members}


def one(*codecs: Any, **configuration: Any) -> list[Any]:
    return [sharding((4, 4), [LITTLE, *codecs], **configuration)]


Refusal = type[ZarrHDF5Error]
REFUSED: dict[str, tuple[dict[str, Any], Refusal, str]] = {
    "inner chunks of another rank": (document([sharding((4,), [LITTLE])]), InvalidMetadataError, "not of the rank"),
    "inner chunks of no rank": (document([sharding((), [LITTLE])]), InvalidMetadataError, "not of the rank"),
    "inner chunks of another rank, nested": (
        document([sharding((4, 4), [sharding((4,), [LITTLE])])]),
        InvalidMetadataError,
        "not of the rank",
    ),
    "inner chunks that do not divide, in an HDF5 view": (
        document([sharding((3, 4), [LITTLE])], **view()),
        UnsupportedFeatureError,
        "inner chunks that divide the shards",
    ),
    "10**18 inner chunks that do not divide": (
        document([sharding((7, 1), [LITTLE])], shape=(7 * 10**18 + 1, 1), shard=(7 * 10**18 + 1, 1)),
        UnsupportedFeatureError,
        f"{10**18 + 1} inner chunks",
    ),
    "a predefined index that is none": (
        document(one(index_location="configuration", predefined_index=[[1, 2]] * 10**4, index_codecs=[])),
        InvalidMetadataError,
        "predefined_index: must be nested arrays",
    ),
    "a predefined index of no shards that HDF5 has": (
        document(one(index_location="configuration", predefined_index="", index_codecs=[LITTLE]), **view()),
        InvalidMetadataError,
        "predefined_index: does not decode",
    ),
    "chunk_shape of 0": (document([sharding((0, 4), [LITTLE])]), InvalidMetadataError, "positive integers"),
    "chunk_shape of text": (
        document(one(chunk_shape="4, 4")),
        InvalidMetadataError,
        "positive integers",
    ),
    "10**18 inner chunks": (
        document([sharding((1, 1), [LITTLE])], shape=(10**18, 1), shard=(10**18, 1)),
        UnsupportedFeatureError,
        f"{10**18} inner chunks",
    ),
    "10**8 inner chunks in all, nested": (
        document([sharding((10**4, 1), [sharding((1, 1), [LITTLE])])], shape=(10**8, 1), shard=(10**8, 1)),
        UnsupportedFeatureError,
        f"{10**8} inner chunks",
    ),
    "10**18 inner chunks, behind a codec": (
        document([sharding((1, 1), [LITTLE]), ZLIB], shape=(10**18, 1), shard=(10**18, 1)),
        UnsupportedFeatureError,
        f"{10**18} inner chunks",
    ),
    "index_codecs that compress": (
        document(one(index_codecs=[LITTLE, ZLIB])),
        UnsupportedFeatureError,
        "must not change size",
    ),
    "index_codecs that shard": (
        document(one(index_codecs=[sharding((2, 2, 2), [LITTLE])])),
        UnsupportedFeatureError,
        "must not change size",
    ),
    "no index_codecs": (document(one(index_codecs=[])), InvalidMetadataError, "index_codecs: there is no array->bytes"),
    "index_codecs of text": (document(one(index_codecs="bytes")), InvalidMetadataError, "must be a list of codecs"),
    "index_location elsewhere": (document(one(index_location="middle")), InvalidMetadataError, "index_location"),
    "unknown member": (document(one(colour="red")), InvalidMetadataError, "colour"),
    "17 levels": (document(nested(18)), UnsupportedFeatureError, "more than 16 chains"),
    "300 levels": (document(nested(300)), ZarrHDF5Error, "more than 16 chains|nested too deeply"),
    "gzip in an HDF5 view": (
        document(one({"name": "gzip", "configuration": {"level": 1}}), **view()),
        UnsupportedFeatureError,
        "codec 'gzip' has no HDF5 twin",
    ),
    "an HDF5 view of no shards": (document([LITTLE], **view()), UnsupportedFeatureError, "the HDF5 view needs"),
    "an HDF5 view behind a compressor": (
        document([*one(), ZLIB], **view()),
        UnsupportedFeatureError,
        "the HDF5 view needs",
    ),
    "another libver": (document(one(), **view(libver="latest")), InvalidMetadataError, "zarr_hdf5.libver"),
    "libver of another type": (document(one(), **view(libver={})), InvalidMetadataError, "zarr_hdf5.libver"),
    "no libver": (
        document(one(), zarr_hdf5={"must_understand": False, "dataset": "/a"}),
        InvalidMetadataError,
        "zarr_hdf5.libver",
    ),
    "no object": (document(one(), zarr_hdf5=7), InvalidMetadataError, "zarr_hdf5"),
    **{
        f"dataset {name!r:.20}": (document(one(), **view(dataset=name)), InvalidMetadataError, "zarr_hdf5.dataset")
        for name in ["", "/", "data", "/a//b", "/a/../b", "/a\0b", "/\ud800", 7, None, ["/a"]]
    },
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_refused_when_opened(case: tuple[dict[str, Any], Refusal, str]) -> None:
    metadata, error, message = case
    store = store_of(metadata)
    tracemalloc.start()
    try:
        with pytest.raises(error, match=message):
            zh.open(store)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def rectilinear(*shapes: Any, **members: Any) -> dict[str, Any]:
    grid = {"name": "rectilinear", "configuration": {"kind": "inline", "chunk_shapes": list(shapes)}}
    return document([LITTLE], **members) | {"chunk_grid": grid}


def test_a_rectilinear_grid_of_10_to_the_18_chunks() -> None:
    store = store_of(rectilinear([[1, 10**18]], [[3, 10**17], [1, 10**18]], shape=(10**18, 10**18)))
    tracemalloc.start()
    try:
        array = zh.open_array(store, mode="r+")
        assert array.nchunks == 10**18 * (10**17 + 7 * 10**17)
        assert array[10**18 - 1, :: 10**17].shape == (10,)
        array[10**17, 10**18 - 1] = 1
        assert array[10**17, 10**18 - 2 :].tolist() == [0, 1]
        assert tracemalloc.get_traced_memory()[1] < 32 << 20  # with the memory that a thread uses again
    finally:
        tracemalloc.stop()


def test_chunks_that_no_memory_holds() -> None:
    array = zh.open_array(store_of(rectilinear([2**62, 1], [8], shape=(2**62 + 1, 8))), mode="r+")
    assert not array[:5].any()
    array[2**62] = 3
    assert array[2**62, 7] == 3
    with pytest.raises(CodecError, match="do not fit in memory"):
        array[0] = 1


def test_transpose_of_another_rank() -> None:
    codecs = [{"name": "transpose", "configuration": {"order": [2, 1, 0]}}, *one()]
    with pytest.raises(ZarrHDF5Error, match="transpose"):
        zh.open(store_of(document(codecs)))


def test_every_problem_is_named_with_its_place() -> None:
    codecs = [
        sharding((4, 0), [{"name": "bits"}], index_location="nowhere", index_codecs=[{"name": "bytes"}, {"name": "x"}])
    ]
    with pytest.raises(InvalidMetadataError) as caught:
        zh.open(store_of(document(codecs, **view(libver="v9", dataset="d"))))
    places = {".".join(map(str, problem.path)) for problem in caught.value.problems}
    inside = "codecs.0.configuration"
    assert places >= {
        f"{inside}.chunk_shape",
        f"{inside}.codecs.0.name",
        f"{inside}.index_codecs.1.name",
        f"{inside}.index_location",
        "zarr_hdf5.libver",
        "zarr_hdf5.dataset",
    }


@pytest.mark.parametrize("hdf5", [{}, view(), view(libver="v110")], ids=["plain", "earliest", "v110"])
def test_huge_array_of_small_shards_works(hdf5: dict[str, Any]) -> None:
    metadata = document([sharding((4, 4), [LITTLE, CRC32C])], shape=(HUGE, HUGE), **hdf5)
    array = zh.open_array(store_of(metadata), "r+")
    last = HUGE - 3
    array[last : last + 2, -5:] = 9
    assert array[last - 1 : last + 3, -6:].tolist() == [
        [0] * 6,
        [0, *[9] * 5],
        [0, *[9] * 5],
        [0] * 6,
    ]
    assert array[:: HUGE // 2, 0].tolist() == [0, 0]
    assert array.nbytes == 4 * HUGE**2


def test_array_without_elements_but_with_endless_dimensions() -> None:
    array = zh.open_array(store_of(document(one(), shape=(10**15, 0))), "r+")
    assert array[...].shape == (10**15, 0)
    array[...] = 1
    assert array[5:7, :].shape == (2, 0)
    assert list(array.store.list_prefix("")) == ["zarr.json"]


def test_huge_inner_chunk() -> None:
    shape = (HUGE, HUGE)
    store = store_of(document([sharding(shape, [LITTLE, ZLIB])], shape=shape, shard=shape))
    array = zh.open_array(store, "r+")
    assert array[5:7, 1].tolist() == [0, 0]  # there is no shard
    with pytest.raises(CodecError, match="do not fit in memory"):
        array[0, 0] = 1
    assert not store.exists("c/0/0")
    chunk = zlib.compress(b"four")
    store.set("c/0/0", [chunk + encode_index([(0, len(chunk))])])
    with pytest.raises(CorruptDataError, match=r"^c/0/0: inner chunk \(0, 0\)"):
        array[0, 0]


def test_huge_shard_is_not_written_in_an_hdf5_view() -> None:
    """HDF5 has no chunks of 4 GiB; the array may be read, but not written."""
    shape = (2**33, 1)
    array = zh.open_array(store_of(document([sharding(shape, [LITTLE])], shape=shape, shard=shape, **view())), "r+")
    assert array[0, 0] == 0
    with pytest.raises(ZarrHDF5Error):
        array[0, 0] = 1


MAKERS: dict[str, tuple[Callable[[], object], Refusal, str]] = {
    "gzip": (
        lambda: zh.create_array("memory://m", shape=8, dtype="i4", compressors={"name": "gzip", "configuration": {}}),
        ZarrHDF5Error,
        "gzip",
    ),
    "10**18 inner chunks": (
        lambda: zh.create_array("memory://m", shape=10**18, dtype="i4", chunks=1, shards=10**18),
        UnsupportedFeatureError,
        "inner chunks",
    ),
    "4 GiB inner chunk": (
        lambda: zh.create_array("memory://m", shape=2**30, dtype="i4", chunks=2**30, shards=2**30),
        UnsupportedFeatureError,
        "less than 4 GiB",
    ),
    "33 dimensions": (
        lambda: zh.create_array("memory://m", shape=(1,) * 33, dtype="i4", chunks=(1,) * 33, shards=(1,) * 33),
        UnsupportedFeatureError,
        "more than 32",
    ),
}


@pytest.mark.parametrize("case", MAKERS.values(), ids=MAKERS)
def test_refused_when_created(case: tuple[Callable[[], object], Refusal, str]) -> None:
    make, error, message = case
    with pytest.raises(error, match=message):
        make()
    assert not zh.create_group("memory://empty", overwrite=True).keys()


def test_deeply_nested_json_does_not_end_the_process() -> None:
    code = (
        "import zarr_hdf5 as zh; from zarr_hdf5.stores.memory import MemoryStore; s = MemoryStore()\n"
        "s.set('zarr.json', [b'[' * 1_000_000])\n"
        "try: zh.open(s)\n"
        "except zh.errors.InvalidMetadataError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "nested too deeply" in done.stdout
