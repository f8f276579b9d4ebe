from typing import Any

import pytest

from zarr_hdf5.codecs.protocol import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr_hdf5.codecs.registry import codec_names, codec_to_json, parse_chain, parse_codec
from zarr_hdf5.errors import Problem

Faults = list[tuple[tuple[str | int, ...], str]]

HUGE = 10**400
NAN = float("nan")

INVALID: list[tuple[str, dict[str, Any], Faults]] = [
    ("bytes", {"endian": "middle"}, [(("endian",), "value")]),
    ("bytes", {"endian": 1}, [(("endian",), "type")]),
    ("bytes", {"endian": "little", "x": 1}, [(("x",), "unknown")]),
    ("endian", {"endian": "native"}, [(("endian",), "value")]),
    ("transpose", {}, [(("order",), "missing")]),
    ("transpose", {"order": "F"}, [(("order",), "type")]),
    ("transpose", {"order": "C"}, [(("order",), "type")]),
    ("transpose", {"order": [0, True]}, [(("order",), "type")]),
    ("transpose", {"order": None}, [(("order",), "type")]),
    ("transpose", {"order": [0, 0]}, [(("order",), "value")]),
    ("transpose", {"order": [1, 2]}, [(("order",), "value")]),
    ("transpose", {"order": [-1, 0]}, [(("order",), "value")]),
    ("gzip", {"level": 10}, [(("level",), "value")]),
    ("gzip", {"level": -1}, [(("level",), "value")]),
    ("gzip", {"level": "5"}, [(("level",), "type")]),
    ("gzip", {"level": 5.0}, [(("level",), "type")]),
    ("gzip", {"level": True}, [(("level",), "type")]),
    ("gzip", {"level": None}, [(("level",), "type")]),
    ("zstd", {"level": 23}, [(("level",), "value")]),
    ("zstd", {"level": -131073}, [(("level",), "value")]),
    ("zstd", {"level": HUGE}, [(("level",), "value")]),
    ("zstd", {"level": 1, "checksum": 0}, [(("checksum",), "type")]),
    (
        "zstd",
        {"level": "x", "checksum": "y", "z": 1},
        [(("level",), "type"), (("checksum",), "type"), (("z",), "unknown")],
    ),
    ("blosc", {"cname": "lzma"}, [(("cname",), "value")]),
    ("blosc", {"cname": 5}, [(("cname",), "type")]),
    ("blosc", {"clevel": 10}, [(("clevel",), "value")]),
    ("blosc", {"shuffle": 1}, [(("shuffle",), "type")]),
    ("blosc", {"shuffle": "auto"}, [(("shuffle",), "value")]),
    ("blosc", {"typesize": 0}, [(("typesize",), "value")]),
    ("blosc", {"blocksize": -1}, [(("blocksize",), "value")]),
    ("blosc", {"blocksize": 2**31}, [(("blocksize",), "value")]),
    ("crc32c", {"location": "end"}, [(("location",), "unknown")]),
    ("numcodecs.zlib", {"level": 10}, [(("level",), "value")]),
    ("numcodecs.bz2", {"level": 0}, [(("level",), "value")]),
    ("numcodecs.lz4", {"acceleration": 2**31}, [(("acceleration",), "value")]),
    ("numcodecs.lz4", {"acceleration": "fast"}, [(("acceleration",), "type")]),
    ("numcodecs.lzma", {"format": 0}, [(("format",), "value")]),
    ("numcodecs.lzma", {"check": 2}, [(("check",), "value")]),
    ("numcodecs.lzma", {"format": 2, "check": 4}, [(("check",), "value")]),
    ("numcodecs.lzma", {"preset": 10}, [(("preset",), "value")]),
    ("numcodecs.lzma", {"format": 3}, [(("filters",), "missing")]),
    ("numcodecs.lzma", {"filters": {}}, [(("filters",), "type")]),
    ("numcodecs.lzma", {"filters": []}, [(("filters",), "value")]),
    ("numcodecs.lzma", {"filters": [{}]}, [(("filters",), "value")]),
    ("numcodecs.lzma", {"filters": [{"id": 33, "preset": 1}], "preset": 1}, [(("preset",), "value")]),
    ("numcodecs.lzma", {"filters": [{"id": 33, "dict_size": 2**29}]}, [(("filters",), "value")]),
    ("numcodecs.lzma", {"filters": [{"id": "33"}]}, [(("filters",), "type")]),
    ("numcodecs.lzma", {"filters": [{"id": 33, "x": 0}]}, [(("filters",), "unknown")]),
    ("numcodecs.shuffle", {"elementsize": -1}, [(("elementsize",), "value")]),
    ("numcodecs.shuffle", {"elementsize": 2.5}, [(("elementsize",), "type")]),
    ("numcodecs.fletcher32", {"location": "end"}, [(("location",), "unknown")]),
    ("numcodecs.crc32", {"location": "middle"}, [(("location",), "value")]),
    ("numcodecs.adler32", {"location": None}, [(("location",), "type")]),
    ("numcodecs.delta", {}, [(("dtype",), "missing")]),
    ("numcodecs.delta", {"dtype": 4}, [(("dtype",), "type")]),
    ("numcodecs.delta", {"dtype": "O"}, [(("dtype",), "value")]),
    ("numcodecs.delta", {"dtype": "nonsense"}, [(("dtype",), "value")]),
    ("numcodecs.delta", {"dtype": "i4,i4"}, [(("dtype",), "value")]),
    ("numcodecs.delta", {"dtype": "(((("}, [(("dtype",), "value")]),
    ("numcodecs.delta", {"dtype": "i4" + " " * 99}, [(("dtype",), "value")]),
    ("numcodecs.delta", {"dtype": "<f16"}, [(("dtype",), "value")]),
    ("numcodecs.delta", {"dtype": "<i4", "astype": "|b1"}, [(("astype",), "value")]),
    ("numcodecs.bitround", {}, [(("keepbits",), "missing")]),
    ("numcodecs.bitround", {"keepbits": -1}, [(("keepbits",), "value")]),
    ("numcodecs.bitround", {"keepbits": 53}, [(("keepbits",), "value")]),
    ("numcodecs.fixedscaleoffset", {}, [(("offset",), "missing"), (("scale",), "missing")]),
    ("numcodecs.fixedscaleoffset", {"offset": NAN, "scale": HUGE}, [(("offset",), "value"), (("scale",), "value")]),
    ("numcodecs.fixedscaleoffset", {"offset": "0", "scale": 0}, [(("offset",), "type"), (("scale",), "value")]),
    ("numcodecs.fixedscaleoffset", {"offset": 0, "scale": 1, "astype": "<c8"}, [(("astype",), "value")]),
    ("numcodecs.quantize", {"digits": 301}, [(("digits",), "value")]),
    ("numcodecs.quantize", {"digits": 1, "dtype": "<i4"}, [(("dtype",), "value")]),
    ("numcodecs.astype", {"decode_dtype": "<i4"}, [(("encode_dtype",), "missing")]),
    ("numcodecs.astype", {"encode_dtype": "M8[s]"}, [(("encode_dtype",), "value")]),
    ("numcodecs.packbits", {"x": 0}, [(("x",), "unknown")]),
    ("numcodecs.zstd", {"level": 23}, [(("level",), "value")]),
    ("numcodecs.gzip", {"level": -1}, [(("level",), "value")]),
    ("numcodecs.blosc", {"shuffle": "shuffle"}, [(("shuffle",), "type")]),
    ("numcodecs.blosc", {"shuffle": 3, "clevel": 12}, [(("clevel",), "value"), (("shuffle",), "value")]),
    ("numcodecs.crc32c", {"location": "middle"}, [(("location",), "value")]),
    ("numcodecs.jenkins_lookup3", {"prefix": [1]}, [(("prefix",), "type")]),
    ("numcodecs.jenkins_lookup3", {"initval": 2**32}, [(("initval",), "value")]),
    ("numcodecs.pcodec", {"level": 13}, [(("level",), "value")]),
    ("numcodecs.pcodec", {"mode_spec": "try_int_mult"}, [(("mode_spec",), "value")]),
    ("numcodecs.pcodec", {"delta_spec": "none", "delta_encoding_order": 1}, [(("delta_encoding_order",), "value")]),
    ("numcodecs.pcodec", {"delta_spec": "try_consecutive"}, [(("delta_encoding_order",), "missing")]),
    ("numcodecs.pcodec", {"equal_pages_up_to": 0}, [(("equal_pages_up_to",), "value")]),
    ("numcodecs.zfpy", {"mode": 1}, [(("mode",), "value")]),
    ("numcodecs.zfpy", {"mode": 2, "rate": 0}, [(("rate",), "value")]),
    ("numcodecs.zfpy", {"mode": 3, "precision": 12.5}, [(("precision",), "value")]),
    ("numcodecs.zfpy", {"tolerance": "0.1"}, [(("tolerance",), "type")]),
    ("zfp", {}, [(("mode",), "missing")]),
    ("zfp", {"mode": 4}, [(("mode",), "type")]),
    ("zfp", {"mode": "fixed_rate"}, [(("rate",), "missing")]),
    ("zfp", {"mode": "fixed_rate", "rate": 65}, [(("rate",), "value")]),
    ("zfp", {"mode": "fixed_rate", "rate": NAN}, [(("rate",), "value")]),
    ("zfp", {"mode": "fixed_accuracy", "tolerance": -0.5}, [(("tolerance",), "value")]),
    ("zfp", {"mode": "fixed_precision", "precision": HUGE}, [(("precision",), "value")]),
    ("zfp", {"mode": "reversible", "rate": 4}, [(("rate",), "unknown")]),
    ("zfp", {"mode": "expert", "minbits": 0}, [((key,), "missing") for key in ("maxbits", "maxprec", "minexp")]),
    ("bitround", {}, [(("keepbits",), "missing")]),
    ("bitround", {"keepbits": 0}, [(("keepbits",), "value")]),
    ("bitround", {"keepbits": 2**40}, [(("keepbits",), "value")]),
    ("packbits", {"padding_encoding": "first"}, [(("padding_encoding",), "value")]),
    ("packbits", {"first_bit": 5, "last_bit": 4}, [(("last_bit",), "value")]),
    ("packbits", {"first_bit": -1, "last_bit": 64}, [(("first_bit",), "value"), (("last_bit",), "value")]),
    ("reshape", {}, [(("shape",), "missing")]),
    ("reshape", {"shape": 6}, [(("shape",), "type")]),
    ("reshape", {"shape": [0]}, [(("shape",), "type")]),
    ("reshape", {"shape": [-2]}, [(("shape",), "type")]),
    ("reshape", {"shape": [True]}, [(("shape",), "type")]),
    ("reshape", {"shape": [HUGE]}, [(("shape",), "type")]),
    ("reshape", {"shape": [[-1]]}, [(("shape",), "type")]),
    ("reshape", {"shape": [[1], [0]]}, [(("shape",), "value")]),
    ("reshape", {"shape": [[0, 0]]}, [(("shape",), "value")]),
    ("reshape", {"shape": [[3, 4], 10, [0, 1]]}, [(("shape",), "value")]),
    ("reshape", {"shape": [-1, 2, -1]}, [(("shape",), "value")]),
    ("scale_offset", {"offset": None}, [(("offset",), "type")]),
    ("scale_offset", {"scale": [1], "offset": True}, [(("offset",), "type"), (("scale",), "type")]),
    ("scale_offset", {"astype": "|u1"}, [(("astype",), "unknown")]),
    ("cast_value", {}, [(("data_type",), "missing")]),
    ("cast_value", {"data_type": "bool"}, [(("data_type",), "value")]),
    ("cast_value", {"data_type": "complex64"}, [(("data_type",), "value")]),
    ("cast_value", {"data_type": "string"}, [(("data_type",), "value")]),
    ("cast_value", {"data_type": 8}, [(("data_type",), "type")]),
    ("cast_value", {"data_type": "int8", "rounding": "up"}, [(("rounding",), "value")]),
    ("cast_value", {"data_type": "int8", "out_of_range": "error"}, [(("out_of_range",), "value")]),
    ("cast_value", {"data_type": "float32", "out_of_range": "wrap"}, [(("out_of_range",), "value")]),
    ("cast_value", {"data_type": "int8", "scalar_map": []}, [(("scalar_map",), "type")]),
    ("cast_value", {"data_type": "int8", "scalar_map": {"x": []}}, [(("scalar_map",), "unknown")]),
    ("cast_value", {"data_type": "int8", "scalar_map": {"encode": [[1]]}}, [(("scalar_map",), "type")]),
    ("cast_value", {"data_type": "int8", "scalar_map": {"decode": [[1, None]]}}, [(("scalar_map",), "type")]),
    ("conditional", {}, [(("codecs",), "missing")]),
    ("conditional", {"codecs": {}}, [(("codecs",), "type")]),
    ("conditional", {"codecs": [], "header_bits": 12}, [(("header_bits",), "value")]),
    ("conditional", {"codecs": [], "header_bits": 2**20}, [(("header_bits",), "value")]),
    ("conditional", {"codecs": [{"name": "crc32c"}] * 9, "header_bits": 8}, [(("header_bits",), "value")]),
    ("conditional", {"codecs": [{"name": "bytes"}]}, [(("codecs", 0), "value")]),
    ("conditional", {"codecs": [{"name": "nobody"}]}, [(("codecs", 0, "name"), "unsupported")]),
    (
        "conditional",
        {"codecs": [{"name": "gzip", "configuration": {"level": 99}}]},
        [(("codecs", 0, "configuration", "level"), "value")],
    ),
]


@pytest.mark.parametrize(("name", "configuration", "faults"), INVALID)
def test_invalid_configurations(name: str, configuration: dict[str, Any], faults: Faults) -> None:
    problems: list[Problem] = []
    assert parse_codec(name, configuration, ("codecs", 3), problems) is None
    found = [(problem.path, problem.kind) for problem in problems]
    assert found == [(("codecs", 3, "configuration", *path), kind) for path, kind in faults]
    assert all(len(str(problem)) < 300 for problem in problems)


def test_unknown_codecs() -> None:
    problems: list[Problem] = []
    assert parse_codec("numcodecs.nothing", {}, ("codecs", 0), problems) is None
    assert [(p.path, p.kind) for p in problems] == [(("codecs", 0, "name"), "unsupported")]


B, T, Z = ("bytes", {"endian": "little"}), ("transpose", {"order": [0]}), ("zstd", {"level": 0, "checksum": False})


@pytest.mark.parametrize(
    ("documents", "faults"),
    [
        ([], [((), "missing")]),
        ([Z], [((), "missing")]),
        ([T], [((), "missing")]),
        ([B, B], [((1,), "value")]),
        ([B, T], [((1,), "value")]),
        ([Z, B], [((1,), "value")]),
        ([T, Z], [((), "missing")]),
        ([B, Z, T, B], [((2,), "value"), ((3,), "value")]),
        ([("nonsense", {})], [((0, "name"), "unsupported")]),
        (
            [B, ("nonsense", {}), ("zstd", {"level": 99})],
            [((1, "name"), "unsupported"), ((2, "configuration", "level"), "value")],
        ),
    ],
)
def test_invalid_chains(documents: Any, faults: Faults) -> None:
    problems: list[Problem] = []
    assert parse_chain(documents, ("codecs",), problems) is None
    assert [(p.path, p.kind) for p in problems] == [(("codecs", *path), kind) for path, kind in faults]


def test_earlier_problems_do_not_matter() -> None:
    problems = [Problem((), "from before")]
    chain = parse_chain([T, T, B, Z, Z], ("codecs",), problems)
    assert chain is not None
    assert len(problems) == 1
    assert [len(chain.array_array), len(chain.bytes_bytes), len(chain.codecs)] == [2, 2, 5]


def test_chains_too_deep() -> None:
    problems: list[Problem] = []
    assert parse_chain([B], ("configuration", "codecs", 0) * 50, problems) is None
    assert [p.kind for p in problems] == ["unsupported"]


COMPLETE: list[tuple[str, dict[str, Any]]] = [
    ("vlen-bytes", {}),
    ("vlen-utf8", {}),
    ("bytes", {}),
    ("bytes", {"endian": "little"}),
    ("bytes", {"endian": "big"}),
    ("transpose", {"order": [1, 0]}),
    ("transpose", {"order": []}),
    ("gzip", {"level": 1}),
    ("zstd", {"level": -131072, "checksum": True}),
    ("blosc", {"cname": "snappy", "clevel": 0, "shuffle": "bitshuffle", "typesize": 1000, "blocksize": 1}),
    ("crc32c", {}),
    ("numcodecs.zlib", {"level": -1}),
    ("numcodecs.bz2", {"level": 9}),
    ("numcodecs.lz4", {"acceleration": -3}),
    ("numcodecs.lzma", {"format": 1, "check": 4, "preset": 9 | 1 << 31, "filters": None}),
    ("numcodecs.lzma", {"format": 3, "check": -1, "preset": None, "filters": [{"id": 3, "dist": 2}, {"id": 33}]}),
    ("numcodecs.shuffle", {"elementsize": 4}),
    ("numcodecs.fletcher32", {}),
    ("numcodecs.adler32", {"location": "end"}),
    ("numcodecs.crc32", {"location": "start"}),
    ("numcodecs.delta", {"dtype": "<i4", "astype": "<i2"}),
    ("numcodecs.bitround", {"keepbits": 0}),
    ("numcodecs.fixedscaleoffset", {"offset": 1.5, "scale": 10, "dtype": "<f4", "astype": "|u1"}),
    ("numcodecs.quantize", {"digits": 3, "dtype": "<f8", "astype": "<f4"}),
    ("numcodecs.astype", {"encode_dtype": "<f4", "decode_dtype": "<f8"}),
    ("numcodecs.packbits", {}),
    ("numcodecs.blosc", {"cname": "lz4", "clevel": 5, "shuffle": -1, "blocksize": 0}),
    ("numcodecs.gzip", {"level": 0}),
    ("numcodecs.zstd", {"level": 3, "checksum": False}),
    ("numcodecs.crc32c", {"location": "end"}),
    ("numcodecs.jenkins_lookup3", {}),
    ("numcodecs.jenkins_lookup3", {"initval": 5}),
    (
        "numcodecs.pcodec",
        {
            "level": 8,
            "mode_spec": "auto",
            "delta_spec": "try_consecutive",
            "paging_spec": "equal_pages_up_to",
            "delta_encoding_order": 1,
            "equal_pages_up_to": 1000,
        },
    ),
    ("numcodecs.zfpy", {"mode": 4}),
    ("numcodecs.zfpy", {"mode": 2, "tolerance": -1, "rate": 8.5, "precision": -1}),
    ("zfp", {"mode": "reversible"}),
    ("zfp", {"mode": "fixed_rate", "rate": 8.5}),
    ("zfp", {"mode": "expert", "minbits": 1, "maxbits": 100, "maxprec": 20, "minexp": -30}),
    ("bitround", {"keepbits": 1}),
    ("packbits", {"padding_encoding": "none"}),
    ("packbits", {"padding_encoding": "last_byte", "first_bit": 0, "last_bit": 63}),
    ("reshape", {"shape": [[0, 1], -1, 3, []]}),
    ("scale_offset", {"offset": "0x7fc00000", "scale": 0.1}),
    ("cast_value", {"data_type": "uint8", "rounding": "towards-zero"}),
    (
        "cast_value",
        {
            "data_type": "uint8",
            "rounding": "nearest-even",
            "out_of_range": "wrap",
            "scalar_map": {"encode": [["NaN", 0]], "decode": [[0, "NaN"]]},
        },
    ),
    ("conditional", {"codecs": [{"name": "gzip", "configuration": {"level": 1}}], "header_bits": 16}),
]


@pytest.mark.parametrize(("name", "configuration"), COMPLETE)
def test_json_round_trip(name: str, configuration: dict[str, Any]) -> None:
    problems: list[Problem] = []
    codec = parse_codec(name, configuration, (), problems)
    assert codec is not None, problems
    assert codec_to_json(codec) == {"name": name, "configuration": configuration}
    assert hash(codec) == hash(parse_codec(name, configuration, (), problems))
    kinds = [isinstance(codec, kind) for kind in (ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec)]
    assert sum(kinds) == 1


def test_every_codec_is_in_the_table() -> None:
    aliases = {"endian"}
    assert {name for name, _ in COMPLETE} == set(codec_names()) - aliases - {"sharding_indexed"}


def test_the_old_name_of_bytes() -> None:
    codec = parse_codec("endian", {"endian": "big"}, (), [])
    assert codec is not None
    assert codec_to_json(codec) == {"name": "bytes", "configuration": {"endian": "big"}}
