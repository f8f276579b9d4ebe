"""Which well-known programs open an array, on which side, and what they need.

What is said here of each program is what the interoperability tests find it to do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from zarr_hdf5.codecs.pipeline import CodecChain
from zarr_hdf5.codecs.protocol import Codec
from zarr_hdf5.codecs.sharding_indexed import ShardingCodec
from zarr_hdf5.hdf5.filters import FilterId, filter_name
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.shard.hdf5_view import HDF5View

__all__ = ["Reader", "ReaderTable", "reader_table"]


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
        ]
    },
    "zarrs": CORE_CODECS | {f"numcodecs.{name}" for name in ["zlib", "shuffle", "bz2", "fixedscaleoffset"]},
    "zarrista": CORE_CODECS | {f"numcodecs.{name}" for name in ["shuffle", "bitround", "fixedscaleoffset"]},
    "tensorstore": CORE_CODECS,
    "zarrita.js": CORE_CODECS | {"numcodecs.zlib", "numcodecs.shuffle"},
}
"""Codecs that each program decodes."""

NEEDED_SETTINGS = {
    ("zarrs", "numcodecs.zlib"): {"level"},
    ("zarrs", "numcodecs.bz2"): {"level"},
    ("zarrista", "zstd"): {"level", "checksum"},
    ("zarrista", "numcodecs.shuffle"): {"elementsize"},
    ("tensorstore", "zstd"): {"level"},
}
"""Members of a codec's configuration that a program does not do without, though the codec has a default."""

RAW_BITS = {"zarrista"}
NO_COMPLEX = {"zarrita.js"}


@dataclass(frozen=True, slots=True)
class _Layers:
    """All codecs down to the innermost, and what there is of sharding among them."""

    codecs: tuple[Codec, ...]
    levels: int
    index_at_start: bool


def reader_table(codecs: CodecChain, metadata: ArrayMetadata, view: HDF5View | None) -> ReaderTable:
    """The table for an array of these codecs; `view` is its HDF5 side, None where it has none."""
    layers = _layers(codecs)
    faults = {program: _zarr_fault(program, layers, metadata) for program in ZARR_PROGRAMS}
    rows = [Reader("Zarr", program, not fault, fault) for program, fault in faults.items()]
    rows += [_hdf5_row(program, check, metadata, view) for program, check in HDF5_PROGRAMS.items()]
    return ReaderTable(tuple(rows))


def _layers(codecs: CodecChain) -> _Layers:
    found, levels, start = codecs.codecs, 0, False
    while isinstance(codecs.array_bytes, ShardingCodec):
        start = start or codecs.array_bytes.index_location == "start"
        levels += 1
        codecs = codecs.array_bytes.codecs
        found = (*found, *codecs.codecs)
    return _Layers(found, levels, start)


def _zarr_fault(program: str, layers: _Layers, metadata: ArrayMetadata) -> str:
    """Why the program does not open the array, "" if it does."""
    kind = metadata.data_type.name
    missing = sorted({codec.name for codec in layers.codecs} - ZARR_PROGRAMS[program])
    if missing:
        return f"has no codec {', '.join(missing)}"
    if (kind.startswith("r") and program not in RAW_BITS) or (kind.startswith("complex") and program in NO_COMPLEX):
        return f"has no data type {kind}"
    for codec in layers.codecs:
        fault = _configuration_fault(program, codec)
        if fault:
            return f"codec {codec.name}: {fault}"
    if program == "zarrita.js" and layers.levels > 1:
        return "has no nested shards"
    if program == "zarrita.js" and layers.index_at_start:
        return "looks for the shard index at the end"
    if program in ("zarr-python", "zarrs") and not _chunks_divide(metadata):
        return "wants inner chunks that divide the shard as it is before codec transpose"
    if program == "zarrs" and kind.startswith("complex") and _is_big_endian(layers):
        return "swaps real and imaginary parts of big-endian numbers when it reads a part of a chunk"
    return ""


def _configuration_fault(program: str, codec: Codec) -> str:
    configuration = codec.configuration()
    absent = sorted(NEEDED_SETTINGS.get((program, codec.name), set()) - set(configuration))
    if absent:
        return f"needs {', '.join(absent)} in the configuration"
    if (program, codec.name) == ("zarrs", "numcodecs.zlib") and configuration["level"] < 0:
        return "has no level -1"
    return ""


def _chunks_divide(metadata: ArrayMetadata) -> bool:
    for codec in metadata.codecs:
        if codec.name == "sharding_indexed":
            inner = codec.configuration["chunk_shape"]
            return all(n % chunk == 0 for n, chunk in zip(metadata.chunk_shape, inner, strict=True))
    return True


def _is_big_endian(layers: _Layers) -> bool:
    return any(codec.name == "bytes" and codec.configuration().get("endian") == "big" for codec in layers.codecs)


Check = Callable[[HDF5View, ArrayMetadata], str]


def _hdf5_row(program: str, check: Check, metadata: ArrayMetadata, view: HDF5View | None) -> Reader:
    if view is None:
        return Reader("HDF5", program, False, "the array has no HDF5 side")
    note = check(view, metadata)
    if note.startswith("needs "):
        return Reader("HDF5", program, True, note)
    return Reader("HDF5", program, not note, note)


BUILT_IN = {FilterId.DEFLATE, FilterId.SHUFFLE, FilterId.FLETCHER32}


def _plugins(view: HDF5View) -> str:
    return ", ".join(filter_name(f.id) for f in view.twin.filters if f.id not in BUILT_IN)


def _h5py(view: HDF5View, metadata: ArrayMetadata) -> str:
    return f"needs hdf5plugin for {_plugins(view)}" if _plugins(view) else ""


def _tools(view: HDF5View, metadata: ArrayMetadata) -> str:
    return f"needs HDF5_PLUGIN_PATH for {_plugins(view)}" if _plugins(view) else ""


def _netcdf(view: HDF5View, metadata: ArrayMetadata) -> str:
    kind = metadata.data_type.name
    if kind == "float16" or kind.startswith("r"):
        return f"netCDF has no data type {kind}"
    return _tools(view, metadata)


def _pure(view: HDF5View, metadata: ArrayMetadata) -> str:
    """jsfive: B-tree version 1 only, built-in filters only."""
    if view.options.libver != "earliest":
        return "reads libver 'earliest' only"
    if view.options.index_location == "start":
        return "does not look behind a user block"
    if _plugins(view):
        return f"has no filter {_plugins(view)}"
    kind = metadata.data_type.name
    if kind in ("float16", "bool") or kind.startswith(("r", "complex")):
        return f"has no data type {kind}"
    return ""


def _h5wasm(view: HDF5View, metadata: ArrayMetadata) -> str:
    return f"needs h5wasm-plugins for {_plugins(view)}" if _plugins(view) else ""


HDF5_PROGRAMS: dict[str, Check] = {
    "h5py": _h5py,
    "h5dump and HDF5's other tools": _tools,
    "netCDF4": _netcdf,
    "h5wasm": _h5wasm,
    "jsfive": _pure,
}
