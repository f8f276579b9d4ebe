"""Any JSON for a codec's configuration: a codec, or what is wrong with it, and never another error."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zarr_hdf5.codecs.pipeline import CodecChain
from zarr_hdf5.codecs.protocol import ChunkSpec, is_array_array, is_array_bytes
from zarr_hdf5.codecs.registry import codec_names, parse_chain, parse_codec
from zarr_hdf5.errors import Problem, ZarrHDF5Error

KEYS = [
    "keepbits", "shape", "offset", "scale", "data_type", "rounding", "out_of_range", "scalar_map", "encode", "decode",
    "codecs", "header_bits", "mode", "rate", "tolerance", "precision", "minbits", "maxbits", "maxprec", "minexp",
    "padding_encoding", "first_bit", "last_bit", "level", "mode_spec", "delta_spec", "delta_encoding_order",
    "equal_pages_up_to", "location", "initval", "prefix", "cname", "clevel", "shuffle", "blocksize", "typesize",
    "checksum", "name", "configuration", "must_understand", "endian", "order", "dtype", "astype", "elementsize",
    "chunk_shape", "index_codecs", "index_location", "compression_kwargs", "filters", "acceleration", "digits",
]  # fmt: skip
WORDS = [
    "nearest-even", "clamp", "wrap", "int8", "float64", "uint64", "NaN", "Infinity", "0x7fc00000", "expert",
    "reversible", "fixed_rate", "fixed_accuracy", "fixed_precision", "first_byte", "none", "auto", "classic", "start",
    "try_consecutive",
    "zstd", "bytes", "crc32c", "gzip", "conditional", "packbits", "<f4", "little", "bitshuffle", "lz4", "", "é" * 200,
]  # fmt: skip
numbers = (
    st.sampled_from([0, 1, -1, 2, 3, 8, 9, 64, 255, 2**31, 2**63, 2**64, 10**400, True])
    | st.integers()
    | st.floats()
    | st.sampled_from([0.1, 1e-300, 1e300])
)
scalars = st.none() | st.booleans() | numbers | st.sampled_from(WORDS)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)
DTYPES = ["|b1", "|i1", "<u2", "<i4", "<u8", "<f2", "<f4", "<f8", "<c8", "<M8[s]", "|V3", "|S4", "<U2"]
SHAPES: list[tuple[int, ...]] = [(), (1,), (7,), (2, 3), (4, 1, 6), (2, 3, 4, 5), (1, 2, 1, 2, 1), (2**40, 2**40)]


@pytest.mark.parametrize("name", codec_names())
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_configuration(name: str, data: st.DataObject) -> None:
    # Mostly members that the codec knows: what it takes away is no longer unknown.
    faults: list[Problem] = []
    parse_codec(name, dict.fromkeys(KEYS), (), faults)
    unknown = {problem.path[-1] for problem in faults if problem.kind == "unknown"}
    known = [key for key in KEYS if key not in unknown] or KEYS
    configuration = data.draw(st.dictionaries(st.sampled_from(known), documents, max_size=6))
    problems: list[Problem] = []
    codec = parse_codec(name, configuration, ("codecs", 0), problems)
    assert (codec is None) == bool(problems)
    assert all(len(str(problem)) < 2000 for problem in problems)
    if codec is None:
        return
    little = parse_chain([("bytes", {"endian": "little"})], (), [])
    assert little is not None
    if is_array_array(codec):
        chain = CodecChain((codec,), little.array_bytes, ())
    elif is_array_bytes(codec):
        chain = CodecChain((), codec, ())
    else:
        chain = CodecChain((), little.array_bytes, (codec,))  # type: ignore[arg-type]
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    try:
        prepared = chain.prepare(ChunkSpec(data.draw(st.sampled_from(SHAPES)), dtype, np.zeros(1, dtype)[0]))
    except ZarrHDF5Error:
        return
    assert prepared.max_encoded_nbytes >= (prepared.encoded_nbytes or 0)
    again: list[Problem] = []
    (document,) = [d for d in prepared.chain.to_json() if d["name"] == codec.name][:1]
    assert parse_codec(document["name"], document["configuration"], (), again) is not None, again


def test_chains_in_chains_in_chains() -> None:
    document: dict[str, Any] = {"name": "crc32c", "configuration": {}}
    for _ in range(200):
        document = {"name": "conditional", "configuration": {"codecs": [document]}}
    problems: list[Problem] = []
    assert parse_codec("conditional", document["configuration"], (), problems) is None
    assert {problem.kind for problem in problems} == {"unsupported"}
