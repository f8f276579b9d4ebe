"""Codec chains and HDF5 filter pipelines: one table, both directions."""

from typing import Any

import numpy as np
import pytest

from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.errors import Problem, UnsupportedFeatureError
from zarr_hdf5.hdf5.filters import Filter
from zarr_hdf5.twin.filters import ChainTwin, hdf5_twin, zarr_twin

SPEC = ChunkSpec((4, 6), np.dtype("<i4"), np.int32(0))
BYTES = ("bytes", {"endian": "little"})


def twin(*codecs: tuple[str, dict[str, Any]], spec: ChunkSpec = SPEC) -> ChainTwin:
    problems: list[Problem] = []
    chain = parse_chain(codecs, (), problems)
    assert chain is not None, problems
    return hdf5_twin(chain.prepare(spec).chain, spec)


BOTH_WAYS: list[tuple[tuple[str, dict[str, Any]], Filter]] = [
    (("numcodecs.shuffle", {"elementsize": 4}), Filter(2, (4,))),
    (("numcodecs.zlib", {"level": 7}), Filter(1, (7,))),
    (("numcodecs.fletcher32", {}), Filter(3)),
    (("numcodecs.bz2", {"level": 9}), Filter(307, (9,))),
    (("zstd", {"level": 3, "checksum": False}), Filter(32015, (3,))),
    (
        ("blosc", {"typesize": 4, "cname": "zstd", "clevel": 5, "shuffle": "bitshuffle", "blocksize": 0}),
        Filter(32001, (2, 2, 4, 96, 5, 2, 5)),
    ),
]


@pytest.mark.parametrize(("codec", "filter_"), BOTH_WAYS)
def test_both_ways(codec: tuple[str, dict[str, Any]], filter_: Filter) -> None:
    assert twin(BYTES, codec).filters == (filter_,)
    name, configuration = codec
    assert zarr_twin((filter_,), 4) == [{"name": name, "configuration": configuration}]


@pytest.mark.parametrize(
    ("codec", "filter_"),
    [
        (("numcodecs.zstd", {"level": 3}), Filter(32015, (3,))),
        (
            ("numcodecs.blosc", {"cname": "lz4", "clevel": 9, "shuffle": 1}),
            Filter(32001, (2, 2, 4, 96, 9, 1, 1)),
        ),
    ],
)
def test_other_names_of_the_same(codec: tuple[str, dict[str, Any]], filter_: Filter) -> None:
    assert twin(BYTES, codec).filters == (filter_,)


def test_order_of_filters_and_byte_order() -> None:
    found = twin(
        ("bytes", {"endian": "big"}), ("numcodecs.shuffle", {"elementsize": 4}), ("numcodecs.zlib", {"level": 1})
    )
    assert [f.id for f in found.filters] == [2, 1]
    assert found.dtype == np.dtype(">i4")


@pytest.mark.parametrize(
    ("codec", "ends"),
    [
        (("crc32c", {}), (0, 4)),
        (("numcodecs.crc32", {}), (4, 0)),
        (("numcodecs.crc32", {"location": "end"}), (0, 4)),
        (("numcodecs.adler32", {}), (4, 0)),
        (("numcodecs.crc32c", {}), (0, 4)),
        (("numcodecs.crc32c", {"location": "start"}), (4, 0)),
        (("numcodecs.jenkins_lookup3", {}), (0, 4)),
    ],
)
def test_checksums_are_cut_off(codec: tuple[str, dict[str, Any]], ends: tuple[int, int]) -> None:
    found = twin(BYTES, ("numcodecs.zlib", {"level": 1}), codec)
    assert (found.skip_front, found.skip_back) == ends
    assert [f.id for f in found.filters] == [1]


def test_transposes_compose() -> None:
    spec = ChunkSpec((2, 3, 4), np.dtype("<i4"), np.int32(0))
    orders = [[1, 2, 0], [0, 2, 1]]
    found = twin(*(("transpose", {"order": order}) for order in orders), BYTES, spec=spec)
    array = np.zeros(spec.shape)
    for order in orders:
        array = array.transpose(order)
    assert tuple(spec.shape[axis] for axis in found.order) == array.shape


REFUSED: list[tuple[list[tuple[str, dict[str, Any]]], str]] = [
    ([BYTES, ("gzip", {"level": 1})], "numcodecs.zlib"),
    ([BYTES, ("numcodecs.lz4", {})], "zstd or blosc"),
    ([BYTES, ("numcodecs.lzma", {})], "no filter"),
    ([BYTES, ("numcodecs.shuffle", {"elementsize": 2})], "4 bytes"),
    ([BYTES, ("crc32c", {}), ("numcodecs.zlib", {"level": 1})], "follows a checksum"),
    ([BYTES, ("crc32c", {}), ("crc32c", {})], "follows a checksum"),
    ([("numcodecs.delta", {"dtype": "<i4"}), BYTES], "cannot undo"),
    ([("scale_offset", {"scale": 2}), BYTES], "cannot undo"),
    ([("cast_value", {"data_type": "float32"}), BYTES], "cannot undo"),
    ([("reshape", {"shape": [24]}), BYTES], "other shape"),
    ([BYTES, ("numcodecs.gzip", {})], "numcodecs.zlib"),
    ([BYTES, ("conditional", {"codecs": [{"name": "crc32c"}]})], "chunk index"),
    ([("packbits", {})], "n-bit"),
    ([("numcodecs.pcodec", {})], "plain elements"),
]


@pytest.mark.parametrize(("codecs", "words"), REFUSED)
def test_no_twin(codecs: list[tuple[str, dict[str, Any]]], words: str) -> None:
    with pytest.raises(UnsupportedFeatureError, match=words):
        twin(*codecs)


def test_lossy_filters_that_decode_to_themselves() -> None:
    spec = ChunkSpec((8,), np.dtype("<f4"), np.float32(0))
    for codec in (
        ("bitround", {"keepbits": 5}),
        ("numcodecs.bitround", {"keepbits": 5}),
        ("numcodecs.quantize", {"digits": 2, "dtype": "<f4"}),
    ):
        assert twin(codec, BYTES, spec=spec).filters == ()
    narrowed = ("numcodecs.quantize", {"digits": 2, "dtype": "<f4", "astype": "<f2"})
    with pytest.raises(UnsupportedFeatureError):
        twin(narrowed, BYTES, spec=spec)


def test_a_filter_without_codec_has_no_zarr_twin() -> None:
    assert zarr_twin((Filter(1, (4,)), Filter(32000)), 4) is None


@pytest.mark.parametrize("values", [(), (2,), (2, 2, 8, 0), (2, 2, 8, 0, 99, 9, 9)])
def test_old_or_odd_blosc_client_data_still_makes_a_codec(values: tuple[int, ...]) -> None:
    documents = zarr_twin((Filter(32001, values),), 8)
    assert documents is not None
    problems: list[Problem] = []
    assert parse_chain([BYTES, ("blosc", documents[0]["configuration"])], (), problems), problems
