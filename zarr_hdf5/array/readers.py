"""Which well-known programs open an array, on which side, and what they need.

What is said here of each program is what the interoperability tests find it to do.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zarr_hdf5.codecs.numbers import bits_of, component_of
from zarr_hdf5.data_type import COMPLEX, CORE, FORMATS, STRUCT_NAMES, DataType
from zarr_hdf5.hdf5.filters import Filter, FilterId, filter_name
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.chunk_key_encoding import CORE_ENCODINGS
from zarr_hdf5.named_configuration import NamedConfiguration, parse_named_configuration

__all__ = ["HDF5Form", "Reader", "ReaderTable", "reader_table"]


@dataclass(frozen=True, slots=True)
class Reader:
    """One program: the side it reads ("Zarr" or "HDF5"), whether it opens the array, and what it needs or why not."""

    side: str
    program: str
    opens: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReaderTable:
    """A row for each program."""

    rows: tuple[Reader, ...]

    def __iter__(self) -> Iterator[Reader]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        width = max(len(row.program) for row in self.rows)
        return "\n".join(
            f"{row.side}  {row.program:<{width}}  {'yes' if row.opens else 'no ':<3}  {row.note}".rstrip()
            for row in self.rows
        )


CORE_CODECS = {"bytes", "transpose", "gzip", "zstd", "blosc", "crc32c", "sharding_indexed"}
ZARR_PROGRAMS: dict[str, set[str]] = {
    "zarr-python": CORE_CODECS
    | {
        f"numcodecs.{name}"
        for name in [
            "zlib",
            "shuffle",
            "fletcher32",
            "bz2",
            "lz4",
            "lzma",
            "adler32",
            "crc32",
            "delta",
            "bitround",
            "fixedscaleoffset",
            "packbits",
            "quantize",
            "astype",
            "blosc",
            "gzip",
            "zstd",
            "crc32c",
            "jenkins_lookup3",
            "pcodec",
            "zfpy",
        ]
    }
    | {"vlen-utf8", "vlen-bytes", "cast_value", "scale_offset"},
    "zarrs": CORE_CODECS | {f"numcodecs.{name}" for name in ["zlib", "shuffle", "bz2", "fixedscaleoffset", "pcodec"]},
    "zarrista": CORE_CODECS
    | {f"numcodecs.{name}" for name in ["shuffle", "bitround", "fixedscaleoffset"]}
    | {"endian", "vlen-utf8", "vlen-bytes", "bitround", "packbits", "reshape"},
    "tensorstore": CORE_CODECS,
    "zarrita.js": CORE_CODECS
    | {f"numcodecs.{name}" for name in ["zlib", "shuffle", "blosc", "gzip", "zstd", "lz4", "delta", "bitround"]}
    | {"vlen-utf8", "bitround", "cast_value", "scale_offset"},
}
"""Codecs that each program decodes."""

WITH_RECTILINEAR = {"zarr-python", "zarrista"}

NEEDED_SETTINGS = {
    ("zarrs", "numcodecs.zlib"): {"level"},
    ("zarrs", "numcodecs.bz2"): {"level"},
    ("zarrista", "zstd"): {"level", "checksum"},
    ("zarrista", "numcodecs.shuffle"): {"elementsize"},
    ("tensorstore", "zstd"): {"level"},
}
"""Members of a codec's configuration that a program does not do without, though the codec has a default."""

PACKAGES = {
    "cast_value": "zarr-python 3.2 or newer, and the package cast-value-rs",
    "scale_offset": "zarr-python 3.2 or newer, for codec scale_offset",
    "numcodecs.pcodec": "the package pcodec",
    "numcodecs.zfpy": "the package zfpy",
}
"""What zarr-python needs for a codec."""

REAL_TYPES = {name for name in CORE if not name.startswith("complex")}
ANY_LENGTH = {"string", "variable_length_bytes", "bytes"}
TIMES = {"numpy.datetime64", "numpy.timedelta64"}
FIXED_LENGTH = {"null_terminated_bytes", "fixed_length_utf32", "raw_bytes"}
NOT_IN_TENSORSTORE = {"uint2", "uint4", "float6_e2m3fn", "float6_e3m2fn", "float8_e4m3"}
ZARR_TYPES: dict[str, set[str]] = {
    "zarr-python": {*CORE, *ANY_LENGTH, *TIMES, *FIXED_LENGTH, *STRUCT_NAMES},
    "zarrs": {*CORE},
    "zarrista": {*CORE, *ANY_LENGTH, *TIMES, *FORMATS, *COMPLEX, "fixed_length_utf32", "r"} - {"float8_e4m3fn"},
    "tensorstore": {*CORE, *STRUCT_NAMES, *FORMATS} - NOT_IN_TENSORSTORE,
    "zarrita.js": {*REAL_TYPES, "string"},
}
"""Data types that each program has; "r" stands for all of the core specification's raw bits."""


@dataclass(frozen=True, slots=True)
class HDF5Form:
    """What of an array's HDF5 side decides who reads it.

    libver, index_location
        As in `HDF5`.
    """

    filters: tuple[Filter, ...]
    libver: str = "earliest"
    index_location: str = "end"


def reader_table(metadata: ArrayMetadata, form: HDF5Form | None) -> ReaderTable:
    """The table for an array; `form` is that of its HDF5 side, None where it has none."""
    faults = {program: _zarr_fault(program, metadata) for program in ZARR_PROGRAMS}
    rows = [Reader("Zarr", p, not fault, fault or _zarr_need(p, metadata)) for p, fault in faults.items()]
    rows += [_hdf5_row(program, check, metadata, form) for program, check in HDF5_PROGRAMS.items()]
    return ReaderTable(tuple(rows))


def _chains(codecs: Sequence[NamedConfiguration]) -> list[Sequence[NamedConfiguration]]:
    """The chain, as it is written and not as we understand it, and those within its sharding codecs."""
    chains = [codecs]
    for codec in codecs:
        if codec.name == "sharding_indexed":
            parsed = [parse_named_configuration(document, (), []) for document in codec.configuration["codecs"]]
            chains += _chains([inner for inner in parsed if inner is not None])
    return chains


def _zarr_fault(program: str, metadata: ArrayMetadata) -> str:
    """Why the program does not open the array, "" if it does."""
    fault = _layout_fault(program, metadata)
    if fault:
        return fault
    chains = _chains(metadata.codecs)
    codecs = [codec for chain in chains for codec in chain]
    kind = metadata.data_type.name
    types = _types(metadata.data_type)
    missing = sorted(types - ZARR_TYPES[program])
    if missing:
        return f"has no data type {kind if missing == ['r'] else ', '.join(missing)}"
    if program == "tensorstore" and _is_nested(metadata.data_type):
        return "has no structures within structures"
    endians = [codec.configuration.get("endian") for codec in codecs if codec.name == "bytes"]
    if program == "tensorstore" and metadata.data_type.fields and "big" in endians:
        return "takes the fields of structures for little-endian"
    missing = sorted({codec.name for codec in codecs} - ZARR_PROGRAMS[program])
    if missing:
        return f"has no codec {', '.join(missing)}"
    for codec in codecs:
        absent = sorted(NEEDED_SETTINGS.get((program, codec.name), set()) - set(codec.configuration))
        if absent:
            return f"needs {', '.join(absent)} in the configuration of codec {codec.name}"
    shardings = [codec.configuration for codec in codecs if codec.name == "sharding_indexed"]
    roundings = [codec.configuration for codec in codecs if codec.name == "cast_value"]
    if program == "zarrita.js" and any(
        "float" in str(c["data_type"]) and c.get("rounding", "nearest-even") != "nearest-even" for c in roundings
    ):
        return "rounds floats in codec cast_value to the nearest even one only"
    if program == "zarrita.js" and len(shardings) > 1:
        return "has no nested shards"
    if program == "zarrita.js" and any(sharding.get("index_location") == "start" for sharding in shardings):
        return "looks for the shard index at the end"
    if program == "tensorstore" and any(codec.name == "sharding_indexed" for chain in chains for codec in chain[:-1]):
        return "has no codecs after shards"
    if program == "tensorstore" and shardings and len(metadata.shape) > 31:
        return "has at most 31 dimensions where there are shards"
    if program in ("zarr-python", "zarrs") and shardings and not _divides(shardings[0], metadata):
        return "wants inner chunks that divide the shard as it is before codec transpose"
    if program == "zarrs" and kind.startswith("complex") and "big" in endians:
        return "swaps real and imaginary parts of big-endian numbers when it reads a part of a chunk"
    if program == "zarrista":
        return _zarrista_fault(codecs, metadata.data_type)
    if program == "zarrs" and any(
        codec.name == "numcodecs.zlib" and codec.configuration["level"] < 0 for codec in codecs
    ):
        return "has no zlib level -1"
    return ""


def _layout_fault(program: str, metadata: ArrayMetadata) -> str:
    """Why the program does not find the array's chunks, "" if it does."""
    if metadata.chunk_key_encoding.name not in CORE_ENCODINGS:
        return f"has no chunk key encoding {metadata.chunk_key_encoding.name}"
    if metadata.chunk_lengths is not None and program not in WITH_RECTILINEAR:
        return "has no chunk grid rectilinear"
    shardings = [c.configuration for chain in _chains(metadata.codecs) for c in chain if c.name == "sharding_indexed"]
    if any(sharding.get("index_location") == "configuration" for sharding in shardings):
        return "looks for the shard index in the shard"
    if not _is_even(metadata.codecs, metadata.distinct_lengths):
        return "wants inner chunks that divide the shard"
    return ""


def _is_even(codecs: Sequence[NamedConfiguration], lengths: list[set[int]]) -> bool:
    """Whether inner chunks divide their shards, to any depth."""
    for codec in codecs:
        if codec.name == "transpose":
            lengths = [lengths[axis] for axis in codec.configuration["order"]]
        elif codec.name == "sharding_indexed":
            shape = codec.configuration["chunk_shape"]
            if any(n % chunk for along, chunk in zip(lengths, shape, strict=True) for n in along):
                return False
            return _is_even(_chains([codec])[1], [{chunk} for chunk in shape])
    return True


def _zarrista_fault(codecs: Sequence[NamedConfiguration], data_type: DataType) -> str:
    bits = bits_of(component_of(data_type.dtype)[0])
    for codec in codecs:
        configuration = codec.configuration
        if codec.name == "reshape" and -1 in configuration["shape"]:
            return "has no -1 in codec reshape"
        whole = codec.name == "packbits" and bits % 8 == 0 and not {"first_bit", "last_bit"} & set(configuration)
        if whole and configuration.get("padding_encoding", "none") != "none":
            return "has no padding in codec packbits where all bits of an element are kept"
    return ""


def _types(data_type: DataType) -> set[str]:
    """The names of the type and of all its fields' types, "r" for raw bits."""
    name = "r" if re.fullmatch(r"r\d+", data_type.name) else data_type.name
    return {name}.union(*(_types(kind) for _, kind in data_type.fields))


def _is_nested(data_type: DataType) -> bool:
    return any(kind.fields for _, kind in data_type.fields)


def _zarr_need(program: str, metadata: ArrayMetadata) -> str:
    """What a program that opens the array needs for it."""
    if program == "zarr-python" and metadata.chunk_lengths is not None:
        return "needs zarr-python 3.2 or newer, and its setting array.rectilinear_chunks"
    types = _types(metadata.data_type)
    codecs = [codec for chain in _chains(metadata.codecs) for codec in chain]
    sharded = any(codec.name == "sharding_indexed" for codec in codecs)
    big = any(codec.configuration.get("endian") == "big" for codec in codecs)
    needed = [PACKAGES[codec.name] for codec in codecs if codec.name in PACKAGES]
    if program == "zarr-python" and needed:
        return f"needs {needed[0]}"
    if program == "zarr-python" and sharded and metadata.data_type.name in ("raw_bytes", *STRUCT_NAMES):
        return "needs zarr-python 3.3 or newer, for shards of this data type"
    if program == "zarr-python" and big and metadata.data_type.fields:
        return "needs zarr-python 3.3 or newer, for big-endian structures"
    if program == "zarr-python" and "struct" in types:
        return "needs zarr-python 3.2 or newer, for data type struct"
    if program == "tensorstore" and types & {*STRUCT_NAMES}:
        return "needs the name of a field, and reads that field"
    if program == "zarrita.js" and metadata.data_type.name == "float16":
        return "needs Float16Array, which Node.js has since version 24"
    return ""


def _divides(sharding: Mapping[str, Any], metadata: ArrayMetadata) -> bool:
    pairs = zip(metadata.distinct_lengths, sharding["chunk_shape"], strict=True)
    return all(n % chunk == 0 for along, chunk in pairs for n in along)


Check = Callable[[HDF5Form, ArrayMetadata], str]


def _hdf5_row(program: str, check: Check, metadata: ArrayMetadata, form: HDF5Form | None) -> Reader:
    if form is None:
        return Reader("HDF5", program, False, "the array has no HDF5 side")
    note = check(form, metadata)
    if note.startswith("needs "):
        return Reader("HDF5", program, True, note)
    return Reader("HDF5", program, not note, note)


BUILT_IN = {FilterId.DEFLATE, FilterId.SHUFFLE, FilterId.FLETCHER32}


def _plugins(form: HDF5Form) -> str:
    return ", ".join(filter_name(f.id) for f in form.filters if f.id not in BUILT_IN)


def _h5py(form: HDF5Form, metadata: ArrayMetadata) -> str:
    return f"needs hdf5plugin for {_plugins(form)}" if _plugins(form) else ""


def _tools(form: HDF5Form, metadata: ArrayMetadata) -> str:
    return f"needs HDF5_PLUGIN_PATH for {_plugins(form)}" if _plugins(form) else ""


NOT_IN_NETCDF = {"float16", "complex_float16", "float8_e4m3", "float8_e5m2"}
IN_NETCDF_COMPOUNDS = REAL_TYPES - {"bool", "float16"} | {name for name, found in FORMATS.items() if found.kind != "f"}


def _netcdf(form: HDF5Form, metadata: ArrayMetadata) -> str:
    kind, types = metadata.data_type.name, _types(metadata.data_type)
    if kind in NOT_IN_NETCDF or kind.startswith("r"):
        return f"netCDF has no data type {kind}"
    if kind == "null_terminated_bytes" and metadata.data_type.dtype.itemsize > 1:
        return "netCDF takes strings of fixed length for pointers to strings"
    if _is_nested(metadata.data_type) or (types & {*STRUCT_NAMES} and types - {kind, *IN_NETCDF_COMPOUNDS}):
        return "netCDF has only integers and floats in structures"
    return _tools(form, metadata)


def _pure(form: HDF5Form, metadata: ArrayMetadata) -> str:
    """jsfive: B-tree version 1 only, built-in filters only; absent chunks come as undefined, not as the fill value."""
    if form.libver != "earliest":
        return "reads libver 'earliest' only"
    if form.index_location == "start":
        return "does not look behind a user block"
    if _plugins(form):
        return f"has no filter {_plugins(form)}"
    kind = metadata.data_type.name
    if _few_bits(metadata):
        return _few_bits(metadata)
    if kind == "null_terminated_bytes":
        return "needs the zeros cut off that fill up a string"
    if kind in ("variable_length_bytes", "bytes"):
        return f"has no data type {kind}"
    return f"has no data type {kind}" if kind.startswith(("r", "complex", "struct")) else ""


def _h5wasm(form: HDF5Form, metadata: ArrayMetadata) -> str:
    halves = sorted(_types(metadata.data_type) & {"float16", "complex_float16", "complex_bfloat16"})
    if halves:
        return f"has no data type {', '.join(halves)}"
    return _few_bits(metadata) or _h5wasm_plugins(form)


def _few_bits(metadata: ArrayMetadata) -> str:
    """Why a program that looks at the bytes of numbers, not at their bits, misreads them; "" if it does not."""
    types = _types(metadata.data_type)
    floats = sorted(name for name in types & FORMATS.keys() if FORMATS[name].kind == "f")
    if floats:
        return f"has no data type {', '.join(floats)}"
    signed = sorted(types & {"int2", "int4"})
    return f"takes unused bits of {', '.join(signed)} for part of the number" if signed else ""


def _h5wasm_plugins(form: HDF5Form) -> str:
    return f"needs h5wasm-plugins for {_plugins(form)}" if _plugins(form) else ""


HDF5_PROGRAMS: dict[str, Check] = {
    "h5py": _h5py,
    "h5dump and HDF5's other tools": _tools,
    "netCDF4": _netcdf,
    "h5wasm": _h5wasm,
    "jsfive": _pure,
}
