"""The codec `sharding_indexed` as a whole: what zarr-python writes with it we read, and the other way round."""

import json
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.core.buffer.cpu import Buffer as ZarrBuffer

from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.codecs.sharding_indexed import MAX_CHUNKS, ShardingCodec
from zarr_hdf5.errors import CorruptDataError, InvalidMetadataError, Problem, UnsupportedFeatureError

Document = dict[str, Any]
SHAPE = (8, 12)


def codec(name: str, **configuration: Any) -> Document:
    return {"name": name, "configuration": configuration}


LITTLE, BIG, CRC32C = codec("bytes", endian="little"), codec("bytes", endian="big"), codec("crc32c")
GZIP, ZSTD = codec("gzip", level=1), codec("zstd", level=1, checksum=False)
TURN = codec("transpose", order=[1, 0])


def sharding(
    chunk: tuple[int, ...], *codecs: Document, location: str = "end", index: Any = (LITTLE, CRC32C)
) -> Document:
    return codec(
        "sharding_indexed",
        chunk_shape=list(chunk),
        codecs=list(codecs),
        index_codecs=list(index),
        index_location=location,
    )


CHAINS: dict[str, list[Document]] = {
    "plain": [sharding((4, 6), LITTLE)],
    "at start": [sharding((4, 6), LITTLE, location="start")],
    "big-endian": [sharding((2, 3), BIG, index=(BIG, CRC32C))],
    "no checksum": [sharding((2, 3), LITTLE, index=(LITTLE,))],
    "compressed within": [sharding((4, 6), LITTLE, ZSTD, CRC32C)],
    "compressed around": [sharding((4, 6), LITTLE), GZIP],
    "checksum around": [sharding((4, 6), LITTLE, location="start"), CRC32C],
    "compressed within and around": [sharding((4, 6), LITTLE, ZSTD), GZIP],
    # zarr-python wants inner chunks that divide the shard before it is transposed, too.
    "transposed before": [TURN, sharding((4, 2), LITTLE)],
    "transposed within": [sharding((4, 6), TURN, LITTLE)],
    "transposed before, around and within": [TURN, sharding((4, 2), TURN, LITTLE, ZSTD), GZIP],
    "nested": [sharding((4, 6), sharding((2, 3), LITTLE))],
    "nested at start": [sharding((4, 6), sharding((2, 3), LITTLE, location="start"), location="start")],
    "nested at either end": [sharding((4, 6), sharding((2, 3), LITTLE, location="start"))],
    "nested and transposed": [sharding((4, 6), TURN, sharding((3, 2), LITTLE, ZSTD))],
    "nested and compressed": [sharding((4, 6), sharding((2, 3), LITTLE), GZIP)],
    "three levels": [sharding((4, 12), sharding((4, 6), sharding((2, 3), LITTLE)))],
    "one chunk": [sharding(SHAPE, LITTLE)],
    "single elements": [sharding((1, 1), LITTLE)],
}
VALUES: dict[str, Any] = {
    "full": np.arange(1, 97, dtype="<i4").reshape(SHAPE),
    "with holes": np.where(np.indices(SHAPE).sum(axis=0) % 19 < 5, np.arange(96, dtype="<i4").reshape(SHAPE), 7),
    "half": np.repeat([[7], [7], [7], [7], [1], [2], [3], [4]], 12, axis=1).astype("<i4"),
}


def prepared(documents: list[Document], shape: tuple[int, ...] = SHAPE) -> Any:
    problems: list[Problem] = []
    chain = parse_chain([(d["name"], d["configuration"]) for d in documents], ("codecs",), problems)
    assert chain is not None, problems
    return chain.prepare(ChunkSpec(shape, np.dtype("<i4"), np.int32(7)))


def zarr_store(documents: list[Document]) -> dict[str, Any]:
    document = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(SHAPE),
        "data_type": "int32",
        "chunk_grid": codec("regular", chunk_shape=list(SHAPE)),
        "chunk_key_encoding": codec("default", separator="/"),
        "fill_value": 7,
        "codecs": documents,
        "attributes": {},
    }
    return {"zarr.json": ZarrBuffer.from_bytes(json.dumps(document).encode())}


@pytest.mark.parametrize("documents", CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
# It thinks that partial reads would profit from another order.
@pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec disables partial reads")
class TestBothWays:
    def test_we_read_zarr_python(self, documents: list[Document], values: Any) -> None:
        store = zarr_store(documents)
        zarr.open_array(store, mode="r+")[...] = values
        np.testing.assert_array_equal(prepared(documents).decode(store["c/0/0"].to_bytes()), values)

    def test_zarr_python_reads_us(self, documents: list[Document], values: Any) -> None:
        store = zarr_store(documents)
        store["c/0/0"] = ZarrBuffer.from_bytes(bytes(memoryview(prepared(documents).encode(values)).cast("B")))
        np.testing.assert_array_equal(zarr.open_array(store, mode="r")[...], values)


@pytest.mark.parametrize("documents", CHAINS.values(), ids=CHAINS)
def test_chain_is_written_as_it_was_read(documents: list[Document]) -> None:
    chain = prepared(documents)
    assert chain.chain.to_json() == [d | {"configuration": d["configuration"]} for d in documents]
    assert chain.encoded_nbytes is None
    assert len(memoryview(chain.encode(VALUES["full"])).cast("B")) <= chain.max_encoded_nbytes


@pytest.mark.parametrize("documents", CHAINS.values(), ids=CHAINS)
def test_damaged_shards_are_noticed_or_right(documents: list[Document]) -> None:
    chain, random = prepared(documents), np.random.default_rng(1)
    data = bytes(memoryview(chain.encode(VALUES["full"])).cast("B"))
    for length in range(0, len(data), max(1, len(data) // 40)):
        with pytest.raises(CorruptDataError):
            chain.decode(data[:length])
    for _ in range(60):
        damaged = bytearray(data)
        damaged[random.integers(len(data))] ^= 1 << random.integers(8)
        try:
            assert chain.decode(bytes(damaged)).shape == SHAPE  # raw chunks have no checksum
        except CorruptDataError:
            continue


def test_flat_layout_of_nested_shards() -> None:
    (three,) = CHAINS["three levels"]
    (nested,) = CHAINS["nested and transposed"]
    flat = prepared([three]).chain.array_bytes.flat
    assert [level.chunks_per_shard for level in flat.layout.levels] == [(2, 1), (1, 2), (2, 2)]
    assert flat.layout.chunk_shape == (2, 3)
    flat = prepared([nested]).chain.array_bytes.flat
    assert [level.chunks_per_shard for level in flat.layout.levels] == [(2, 2)]  # the transpose stands between
    assert flat.layout.chunk_shape == (4, 6)


@pytest.mark.parametrize("chunk", [(4,), (4, 6, 1), ()])
def test_inner_chunks_of_another_rank(chunk: tuple[int, ...]) -> None:
    with pytest.raises(InvalidMetadataError, match="not of the rank"):
        prepared([sharding(chunk, LITTLE)])
    with pytest.raises(InvalidMetadataError, match="not of the rank"):
        prepared([sharding(SHAPE, sharding(chunk, LITTLE))])


def test_too_many_inner_chunks() -> None:
    with pytest.raises(UnsupportedFeatureError, match=f"a shard of {MAX_CHUNKS * 2} inner chunks"):
        prepared([sharding((1,), LITTLE)], (MAX_CHUNKS * 2,))
    assert isinstance(prepared([sharding((1,), LITTLE)], (MAX_CHUNKS,)).chain.array_bytes, ShardingCodec)


# What is put into the configuration, and where the problem is.
PROBLEMS: list[tuple[Document, tuple[str | int, ...]]] = [
    ({"chunk_shape": None}, ("chunk_shape",)),
    ({"chunk_shape": 4}, ("chunk_shape",)),
    ({"chunk_shape": [4, 0]}, ("chunk_shape",)),
    ({"chunk_shape": [4, -6]}, ("chunk_shape",)),
    ({"chunk_shape": [4, 6.0]}, ("chunk_shape",)),
    ({"chunk_shape": [4, True]}, ("chunk_shape",)),
    ({"chunk_shape": [4, 2**63]}, ("chunk_shape",)),
    ({"codecs": None}, ("codecs",)),
    ({"codecs": {}}, ("codecs",)),
    ({"codecs": []}, ("codecs",)),
    ({"codecs": [5]}, ("codecs", 0)),
    ({"codecs": [GZIP]}, ("codecs",)),
    ({"codecs": [LITTLE, LITTLE]}, ("codecs", 1)),
    ({"codecs": [{"name": "nothing"}]}, ("codecs", 0, "name")),
    ({"index_codecs": []}, ("index_codecs",)),
    ({"index_codecs": "crc32c"}, ("index_codecs",)),
    ({"index_codecs": [LITTLE, codec("crc32c", strength=1)]}, ("index_codecs", 1, "configuration", "strength")),
    ({"index_location": "behind"}, ("index_location",)),
    ({"index_location": None}, ("index_location",)),
    ({"depth": 3}, ("depth",)),
]


@pytest.mark.parametrize(("wrong", "place"), PROBLEMS)
def test_problems(wrong: Document, place: tuple[str | int, ...]) -> None:
    configuration = sharding((4, 6), LITTLE)["configuration"] | wrong
    problems: list[Problem] = []
    assert parse_chain([("sharding_indexed", configuration)], ("codecs",), problems) is None
    assert ("codecs", 0, "configuration", *place) in [problem.path for problem in problems]


@pytest.mark.parametrize("missing", ["chunk_shape", "codecs", "index_codecs"])
def test_required_members(missing: str) -> None:
    configuration = sharding((4, 6), LITTLE)["configuration"]
    del configuration[missing]
    problems: list[Problem] = []
    assert parse_chain([("sharding_indexed", configuration)], (), problems) is None
    assert any(problem.path[-1] == missing and problem.kind == "missing" for problem in problems)
