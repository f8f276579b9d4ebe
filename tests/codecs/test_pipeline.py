import base64
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import h5py
import numcodecs
import numpy as np
import pytest
import tensorstore
import zarr
from codec_cases import CASE_IDS, CASES_BY_DTYPE, LITTLE, Array, Case, Document, data, encode, prepare

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.codecs.bytes import BytesCodec
from zarr_hdf5.codecs.numcodecs_shuffle import ShuffleCodec
from zarr_hdf5.codecs.pipeline import CodecChain, PreparedChain
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.errors import CodecError, CorruptDataError, Problem, UnsupportedFeatureError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")

every_case = pytest.mark.parametrize(("case", "dtype"), CASES_BY_DTYPE, ids=CASE_IDS)


def ready(case: Case, dtype: str) -> tuple[PreparedChain, Array]:
    return prepare(case.documents, dtype, case.shape), data(dtype, case.shape)


def write_metadata(folder: Path, chain: PreparedChain) -> None:
    """A zarr.json for an array of one chunk, at `folder`, and a folder for the chunk."""
    kind, itemsize = chain.spec.dtype.kind, chain.spec.dtype.itemsize
    raw = kind == "V"
    shape = list(chain.spec.shape)
    document = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": {"name": "raw_bytes", "configuration": {"length_bytes": itemsize}}
        if raw
        else chain.spec.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shape}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": base64.b64encode(bytes(itemsize)).decode()
        if raw
        else [0, 0]
        if kind == "c"
        else False
        if kind == "b"
        else 0,
        "codecs": chain.chain.to_json(),
    }
    folder.mkdir()
    (folder / "zarr.json").write_text(json.dumps(document))


def chunk_file(folder: Path, chain: PreparedChain) -> Path:
    return folder / ".".join(["c", *("0" for _ in chain.spec.shape)])


@every_case
def test_round_trip(case: Case, dtype: str) -> None:
    chain, array = ready(case, dtype)
    encoded = encode(chain, array)
    decoded = chain.decode(encoded)
    assert decoded.shape == array.shape
    assert decoded.dtype == array.dtype
    if case.atol:
        assert np.abs(decoded - array).max() <= case.atol
        if not case.padding:  # zfp loses a little each time
            np.testing.assert_array_equal(chain.decode(chain.encode(decoded)), decoded)
    else:
        assert decoded.tobytes() == array.tobytes()
    nbytes = len(encoded)
    assert nbytes <= chain.max_encoded_nbytes
    assert chain.encoded_nbytes in (None, nbytes)


@every_case
def test_strides_do_not_matter(case: Case, dtype: str) -> None:
    chain, array = ready(case, dtype)
    wanted = encode(chain, array)
    fortran = np.array(array, order="F")
    every_other: Any = (..., *(slice(None, None, -2) for _ in array.shape))
    sliced = np.zeros([2 * n for n in array.shape], dtype)[every_other]
    sliced[...] = array
    for other in (fortran, sliced):
        assert encode(chain, other) == wanted


@every_case
def test_every_kind_of_buffer(case: Case, dtype: str) -> None:
    chain, array = ready(case, dtype)
    encoded = encode(chain, array)
    wanted = chain.decode(encoded).tobytes()
    assert chain.decode(bytearray(encoded)).tobytes() == wanted
    assert chain.decode(memoryview(b"xx" + encoded)[2:]).tobytes() == wanted
    assert chain.decode(np.frombuffer(encoded, np.uint8)).tobytes() == wanted
    if len(encoded) % 2 == 0:
        assert chain.decode(np.frombuffer(encoded, ">M8[s]" if len(encoded) % 8 == 0 else "<i2")).tobytes() == wanted


@pytest.mark.parametrize(
    ("case", "dtype"),
    [pair for pair in CASES_BY_DTYPE if pair[0].zarr],
    ids=[id_ for (case, _), id_ in zip(CASES_BY_DTYPE, CASE_IDS, strict=True) if case.zarr],
)
def test_zarr_python_reads_and_writes_the_same(case: Case, dtype: str, tmp_path: Path) -> None:
    chain, array = ready(case, dtype)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write_metadata(ours, chain)
    encoded = encode(chain, array)
    chunk_file(ours, chain).write_bytes(encoded)
    expected = chain.decode(encoded)
    read: Any = zarr.open_array(ours, mode="r")[...]
    assert np.asarray(read).astype(dtype).tobytes() == expected.tobytes()

    write_metadata(theirs, chain)
    written: Any = zarr.open_array(theirs, mode="r+")
    written[...] = array
    assert chain.decode(chunk_file(theirs, chain).read_bytes()).tobytes() == expected.tobytes()


TENSORSTORE = {"blosc", "bytes", "crc32c", "gzip", "transpose", "zstd"}


def only_core(case: Case) -> bool:
    return {name for name, _ in case.documents} <= TENSORSTORE


@pytest.mark.parametrize(
    ("case", "dtype"),
    [(case, dtype) for case, dtype in CASES_BY_DTYPE if only_core(case) and not dtype.startswith("|V")],
    ids=[
        id_ for (case, dtype), id_ in zip(CASES_BY_DTYPE, CASE_IDS, strict=True) if only_core(case) and "V" not in id_
    ],
)
def test_tensorstore_reads_and_writes_the_same(case: Case, dtype: str, tmp_path: Path) -> None:
    chain, array = ready(case, dtype)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write_metadata(ours, chain)
    encoded = encode(chain, array)
    chunk_file(ours, chain).write_bytes(encoded)
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{ours}/"}}
    assert tensorstore.open(spec).result().read().result().tobytes() == array.tobytes()

    write_metadata(theirs, chain)
    spec["kvstore"] = {"driver": "file", "path": f"{theirs}/"}
    tensorstore.open(spec).result().write(array).result()
    assert chain.decode(chunk_file(theirs, chain).read_bytes()).tobytes() == array.tobytes()


def test_threads_do_not_disturb_each_other() -> None:
    jobs = [ready(case, dtype) for case, dtype in CASES_BY_DTYPE] * 4
    expected = [chain.decode(chain.encode(array)).tobytes() for chain, array in jobs]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda job: job[0].decode(job[0].encode(job[1])).tobytes(), jobs))
    assert found == expected


@pytest.mark.parametrize("mask", range(8))
def test_filter_mask_skips_codecs(mask: int) -> None:
    chain = prepare(
        (LITTLE, ("numcodecs.shuffle", {}), ("numcodecs.zlib", {}), ("numcodecs.fletcher32", {})), "<u4", (5, 6)
    )
    array = data("<u4", (5, 6))
    buffer: Any = array.tobytes()
    for bit, codec in enumerate((numcodecs.Shuffle(4), numcodecs.Zlib(9), numcodecs.Fletcher32())):
        if not mask >> bit & 1:
            buffer = codec.encode(buffer)
    np.testing.assert_array_equal(chain.decode(bytes(buffer), mask), array)
    if mask != 0b111:
        with pytest.raises(CorruptDataError):
            chain.decode(bytes(buffer), ~mask & 0b111)


@pytest.mark.parametrize("compress", [False, True])
def test_hdf5_writes_and_reads_the_same(compress: bool, tmp_path: Path) -> None:
    documents: tuple[Document, ...] = (
        LITTLE,
        ("numcodecs.shuffle", {}),
        ("numcodecs.zlib", {"level": 4}),
        ("numcodecs.fletcher32", {}),
    )
    chain = prepare(documents if compress else (LITTLE, documents[3]), "<i2", (9, 11))
    array = data("<i2", (9, 11))
    options: dict[str, Any] = {"compression": 4, "shuffle": True} if compress else {}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("a", data=array, chunks=(9, 11), fletcher32=True, **options)
        mask, encoded = dataset.id.read_direct_chunk((0, 0))
        np.testing.assert_array_equal(chain.decode(encoded, mask), array)
        dataset.id.write_direct_chunk((0, 0), encode(chain, array[::-1]))
        np.testing.assert_array_equal(dataset[...], array[::-1])


def test_fletcher32_of_early_hdf5_is_read() -> None:
    chain = prepare((LITTLE, ("numcodecs.fletcher32", {})), "<u2", (8,))
    array = data("<u2", (8,))
    encoded = bytearray(encode(chain, array))
    encoded[-4:] = bytes(encoded[i] for i in (-3, -4, -1, -2))
    np.testing.assert_array_equal(chain.decode(encoded), array)


def test_plain_bytes_decode_to_a_view() -> None:
    chain = prepare((LITTLE, ("crc32c", {})), "<u2", (8,))
    encoded = np.frombuffer(encode(chain, data("<u2", (8,))), np.uint8)
    assert np.shares_memory(chain.decode(encoded), encoded)


def test_elements_outside_0_and_1_are_true() -> None:
    decoded = prepare((LITTLE,), "|b1", (4,)).decode(b"\x00\x01\x02\xff")
    assert decoded.view("u1").tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("documents", "dtype", "configurations"),
    [
        ((LITTLE, ("numcodecs.shuffle", {})), "<f8", {1: {"elementsize": 8}}),
        ((LITTLE, ("blosc", {})), "<f8", {1: {"typesize": 8, "shuffle": "shuffle", "cname": "zstd"}}),
        ((LITTLE, ("blosc", {"shuffle": "noshuffle"})), "|u1", {1: {"typesize": 1, "shuffle": "noshuffle"}}),
        ((LITTLE, ("blosc", {})), "|u1", {1: {"typesize": 1, "shuffle": "bitshuffle", "clevel": 5, "blocksize": 0}}),
        ((("numcodecs.astype", {"encode_dtype": "f4"}), LITTLE), "<f8", {0: {"decode_dtype": "<f8"}}),
        (
            (("numcodecs.astype", {"encode_dtype": "<f4"}), LITTLE, ("numcodecs.shuffle", {})),
            "<f8",
            {0: {"encode_dtype": "<f4"}, 2: {"elementsize": 4}},
        ),
        ((("numcodecs.quantize", {"digits": 1}), LITTLE), "<f4", {0: {"dtype": "<f4", "digits": 1}}),
        ((("numcodecs.fixedscaleoffset", {"offset": 0, "scale": 1}), LITTLE), "<f4", {0: {"dtype": "<f4"}}),
    ],
)
def test_what_depends_on_the_dtype_is_recorded(
    documents: Any, dtype: str, configurations: dict[int, dict[str, Any]]
) -> None:
    found = prepare(documents, dtype, (4,)).chain.to_json()
    for i, wanted in configurations.items():
        assert found[i]["configuration"].items() >= wanted.items()


@pytest.mark.parametrize(
    ("documents", "dtype", "message"),
    [
        ((("bytes", {}),), "<u2", "bytes"),
        ((("bytes", {}),), "<U2", "bytes"),
        ((("vlen-utf8", {}),), "|u1", "string"),
        ((("vlen-bytes", {}),), "<U2", "variable_length_bytes"),
        ((LITTLE,), object, "bytes"),
        ((("transpose", {"order": [0]}), LITTLE), "<u2", "transpose"),
        ((("transpose", {"order": [0, 2, 1]}), LITTLE), "<u2", "transpose"),
        ((("numcodecs.delta", {"dtype": "<u4"}), LITTLE), "<u2", "numcodecs.delta"),
        ((("numcodecs.delta", {"dtype": "|u1"}), LITTLE), "|b1", "numcodecs.delta"),
        ((("numcodecs.bitround", {"keepbits": 4}), LITTLE), "<u2", "numcodecs.bitround"),
        ((("numcodecs.bitround", {"keepbits": 11}), LITTLE), "<f2", "numcodecs.bitround"),
        (
            (("numcodecs.fixedscaleoffset", {"offset": 1, "scale": 1, "dtype": "<f4"}), LITTLE),
            "<f8",
            "fixedscaleoffset",
        ),
        ((("numcodecs.fixedscaleoffset", {"offset": 1, "scale": 1}), LITTLE), "<c8", "fixedscaleoffset"),
        ((("numcodecs.quantize", {"digits": 1}), LITTLE), "<i4", "numcodecs.quantize"),
        ((("numcodecs.astype", {"encode_dtype": "<i4"}), LITTLE), "|V2", "numcodecs.astype"),
        ((("numcodecs.packbits", {}), LITTLE), "|u1", "numcodecs.packbits"),
        ((("bitround", {"keepbits": 4}), LITTLE), "|b1", "bitround"),
        ((("bitround", {"keepbits": 4}), LITTLE), "|V4", "bitround"),
        ((("scale_offset", {}), LITTLE), "<c8", "scale_offset"),
        ((("cast_value", {"data_type": "int8"}), LITTLE), "<c8", "cast_value"),
        ((("cast_value", {"data_type": "int8"}), LITTLE), "|b1", "cast_value"),
        ((("packbits", {}),), "|V2", "packbits"),
        ((("packbits", {"last_bit": 16}),), "<i2", "bits 0 to 16"),
        ((("packbits", {"first_bit": 1}),), "|b1", "bits 1 to 0"),
        ((("numcodecs.pcodec", {}),), "|u1", "pcodec"),
        ((("numcodecs.pcodec", {}),), "<c8", "pcodec"),
        ((("numcodecs.zfpy", {}),), "<f2", "zfpy"),
        ((("zfp", {"mode": "reversible"}),), "|b1", "zfp"),
        (
            (("zfp", {"mode": "expert", "minbits": 1, "maxbits": 2, "maxprec": 3, "minexp": -4}),),
            "<f4",
            "expert",
        ),
        ((("reshape", {"shape": [2, 3, 1, 1, 1]}), ("zfp", {"mode": "reversible"})), "<f4", "5 dimensions"),
        ((LITTLE, ("blosc", {"cname": "snappy"})), "|u1", "snappy"),
    ],
)
def test_codecs_that_do_not_apply(documents: Any, dtype: Any, message: str) -> None:
    with pytest.raises(UnsupportedFeatureError, match=message):
        prepare(documents, dtype, (2, 3)).encode(np.zeros((2, 3), dtype))


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(
    "array",
    [np.array([(1, 258), (3, -4)], [("a", "|u1"), ("b", "<i2")]), np.array(["abc", "\u00e9"], "<U3")],
    ids=["structured", "text"],
)
def test_bytes_of_other_dtypes(array: Array, order: Literal[">", "<"]) -> None:
    spec = ChunkSpec((2,), array.dtype, np.zeros(1, array.dtype)[0])
    chain = CodecChain((), BytesCodec("big" if order == ">" else "little"), ()).prepare(spec)
    encoded = encode(chain, array)
    assert encoded == array.astype(array.dtype.newbyteorder(order)).tobytes()
    np.testing.assert_array_equal(chain.decode(encoded), array)


@pytest.mark.parametrize("array", [np.zeros((2, 2), "<u2"), np.zeros((2, 3), "<u4"), np.zeros((2, 3), ">u2")])
def test_other_shapes_and_dtypes_are_not_encoded(array: Array) -> None:
    with pytest.raises(CodecError):
        prepare((LITTLE,), "<u2", (2, 3)).encode(array)


def test_library_errors_name_the_codec() -> None:
    chain = prepare((LITTLE, ("numcodecs.shuffle", {"elementsize": 4})), "|u1", (6,))
    with pytest.raises(CodecError, match=r"numcodecs\.shuffle encoding"):
        chain.encode(np.zeros(6, "u1"))
    with pytest.raises(CorruptDataError, match=r"numcodecs\.shuffle"):
        chain.decode(bytes(6))


def test_resolving_twice_changes_nothing() -> None:
    spec = ChunkSpec((4,), np.dtype("<f8"), np.float64(0))
    once = prepare((LITTLE, ("numcodecs.shuffle", {}), ("blosc", {})), "<f8", (4,)).chain
    assert once.prepare(spec).chain == once
    assert ShuffleCodec(8) in once.codecs


@pytest.mark.parametrize("after", [[], [("numcodecs.zlib", {"level": 1})]])
def test_chunks_that_only_hdf5_decodes_are_renewed(after: list[tuple[str, dict[str, Any]]]) -> None:
    """HDF5 up to 1.6.2 swapped the bytes of its checksum."""
    problems: list[Problem] = []
    documents = [("bytes", {"endian": "little"}), ("numcodecs.fletcher32", {}), *after]
    chain = parse_chain(documents, ("codecs",), problems)
    assert chain is not None
    prepared = chain.prepare(ChunkSpec((100,), np.dtype("<i4"), np.int32(0)))
    new = bytes(byte_view(prepared.encode(np.arange(100, dtype="<i4"))))
    old = new[:-4] + bytes(new[-4 + i] for i in (1, 0, 3, 2))
    if after:
        raw = zlib.decompress(new)
        old = zlib.compress(raw[:-4] + bytes(raw[-4 + i] for i in (1, 0, 3, 2)), 1)
    assert prepared.decode(old).tolist() == list(range(100))
    assert prepared.renewed(new) is new
    assert bytes(byte_view(prepared.renewed(old))) == new
    assert prepared.renewed(b"nonsense") == b"nonsense"
