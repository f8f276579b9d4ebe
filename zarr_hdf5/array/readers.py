"""Which well-known programs open an array, on which side, and what they need.

What is said here of each program is what the interoperability tests find it to do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from zarr_hdf5.codecs.pipeline import CodecChain
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
    "zarrs": CORE_CODECS
    | {f"numcodecs.{name}" for name in ["zlib", "shuffle", "fletcher32", "bz2", "adler32", "fixedscaleoffset"]},
    "tensorstore": CORE_CODECS,
    "zarrita.js": CORE_CODECS | {"numcodecs.zlib", "numcodecs.shuffle"},
}
"""Codecs that each program decodes."""

NO_RAW_BITS = {"zarrs", "tensorstore", "zarrita.js"}
NO_COMPLEX = {"zarrita.js"}


def reader_table(codecs: CodecChain, metadata: ArrayMetadata, view: HDF5View | None) -> ReaderTable:
    """The table for an array of these codecs; `view` is its HDF5 side, None where it has none."""
    names, levels, start = _codec_names(codecs)
    rows = [_zarr_row(program, names, levels, start, metadata) for program in ZARR_PROGRAMS]
    rows += [_hdf5_row(program, check, metadata, view) for program, check in HDF5_PROGRAMS.items()]
    return ReaderTable(tuple(rows))


def _codec_names(codecs: CodecChain) -> tuple[set[str], int, bool]:
    """All codecs down to the innermost, how often shards are nested, and whether an index lies at the start."""
    names, levels, start = {codec.name for codec in codecs.codecs}, 0, False
    while isinstance(codecs.array_bytes, ShardingCodec):
        start = start or codecs.array_bytes.index_location == "start"
        levels += 1
        codecs = codecs.array_bytes.codecs
        names |= {codec.name for codec in codecs.codecs}
    return names, levels, start


def _zarr_row(program: str, names: set[str], levels: int, start: bool, metadata: ArrayMetadata) -> Reader:
    missing = sorted(names - ZARR_PROGRAMS[program])
    kind = metadata.data_type.name
    why = ""
    if missing:
        why = f"has no codec {', '.join(missing)}"
    elif (kind.startswith("r") and program in NO_RAW_BITS) or (kind.startswith("complex") and program in NO_COMPLEX):
        why = f"has no data type {kind}"
    elif program == "zarrita.js" and levels > 1:
        why = "has no nested shards"
    elif program == "zarrita.js" and start:
        why = "looks for the shard index at the end"
    return Reader("Zarr", program, not why, why)


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
    if kind in ("bool", "float16") or kind.startswith("r"):
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
