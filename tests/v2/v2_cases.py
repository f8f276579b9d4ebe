"""Arrays of Zarr v2: what they hold and how, and one that writes them with nothing but numpy and numcodecs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numcodecs
import numpy as np
import numpy.typing as npt

from zarr_hdf5.stores.protocol import Store

SHAPE, CHUNKS = (7, 10), (4, 3)


def some_values(dtype: npt.DTypeLike, shape: tuple[int, ...] = SHAPE) -> npt.NDArray[Any]:
    """Values that are different from each other, as far as the type has so many."""
    dtype = np.dtype(dtype)
    numbers: npt.NDArray[Any]
    if dtype.names is not None:
        values = np.zeros(shape, dtype)
        for i, name in enumerate(dtype.names):
            base, inner = dtype[name].base, dtype[name].shape
            values[name] = some_values(base, (*shape, *inner)) if i % 2 else some_values(base, (*shape, *inner))[::-1]
        return values
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    if dtype.kind == "V":
        return np.frombuffer(np.random.default_rng(1).bytes(numbers.size * dtype.itemsize), dtype).reshape(shape)
    if dtype.kind in "SU":
        return (numbers * 7).astype("U3").astype(dtype)
    if dtype.kind == "b":
        return np.equal(numbers % 3, 0)
    if dtype.kind in "mM":
        return numbers.astype("<i8").astype(dtype)
    return (numbers * (1 - 2j) if dtype.kind == "c" else numbers * (3 if dtype.itemsize > 1 else 1)).astype(dtype)


PLAIN = [
    "|b1",
    "|i1",
    "|u1",
    *(f"{o}{code}" for o in "<>" for code in ("i2", "u4", "i8", "f2", "f4", "f8", "c8", "c16")),
]
OTHER = ["|S3", "<U3", ">U3", "|V3", "<M8[ns]", ">M8[D]", "<m8[10us]", "<M8[s]"]


@dataclass(frozen=True)
class Codecs:
    """A data type, and filters and a compressor that it goes through."""

    dtype: str
    filters: tuple[Any, ...] = ()
    compressor: Any = None


CODECS: dict[str, Codecs] = {
    "zlib": Codecs("<i4", (), numcodecs.Zlib(3)),
    "gzip": Codecs("<i4", (), numcodecs.GZip(3)),
    "bz2": Codecs("<i4", (), numcodecs.BZ2(3)),
    "lzma": Codecs("<i4", (), numcodecs.LZMA(preset=1)),
    "lzma, raw": Codecs("<i4", (), numcodecs.LZMA(format=3, filters=[{"id": 0x21, "preset": 1}])),
    "lz4": Codecs("<i4", (), numcodecs.LZ4(2)),
    "zstd": Codecs("<i4", (), numcodecs.Zstd(3)),
    "zstd with checksum": Codecs("<i4", (), numcodecs.Zstd(3, checksum=True)),
    **{
        f"blosc {cname} {shuffle}": Codecs("<i4", (), numcodecs.Blosc(cname, 5, shuffle))
        for cname, shuffle in [("lz4", -1), ("lz4", 0), ("zstd", 1), ("zlib", 2), ("blosclz", 1), ("lz4hc", 2)]
    },
    "blosc of bytes": Codecs("|u1", (), numcodecs.Blosc("zstd", 5, -1)),
    "delta": Codecs("<i4", (numcodecs.Delta("<i4"),), numcodecs.Zlib()),
    "delta, big-endian": Codecs(">i4", (numcodecs.Delta(">i4"),), numcodecs.Zstd()),
    "delta as another type": Codecs("<i4", (numcodecs.Delta("<i4", "<i2"),)),
    "delta as big-endian": Codecs("<i4", (numcodecs.Delta("<i4", ">i2"),)),
    "fixedscaleoffset": Codecs("<f8", (numcodecs.FixedScaleOffset(10, 2, "<f8", "<i2"),), numcodecs.LZ4()),
    "fixedscaleoffset, both byte orders": Codecs(">f4", (numcodecs.FixedScaleOffset(1, 2, ">f4", "<i2"),)),
    "quantize": Codecs("<f4", (numcodecs.Quantize(1, "<f4"),), numcodecs.Zlib()),
    "bitround": Codecs("<f4", (numcodecs.BitRound(4),), numcodecs.Zlib()),
    "astype": Codecs("<f4", (numcodecs.AsType("<i2", "<f4"),)),
    "packbits": Codecs("|b1", (numcodecs.PackBits(),), numcodecs.Zlib()),
    "delta, shuffle, zlib": Codecs("<i4", (numcodecs.Delta("<i4"), numcodecs.Shuffle(4)), numcodecs.Zlib()),
    "shuffle of elements of another size": Codecs("<i8", (numcodecs.Shuffle(4),), numcodecs.Zlib()),
    "fletcher32": Codecs("<i4", (numcodecs.Fletcher32(),)),
    "crc32": Codecs("<i4", (numcodecs.CRC32(),), numcodecs.Zlib()),
    "crc32 at the end": Codecs("<i4", (numcodecs.CRC32(location="end"),), numcodecs.Zlib()),
    "adler32": Codecs("<i4", (numcodecs.Adler32(),)),
    "compressors as filters": Codecs("<i4", (numcodecs.Zlib(), numcodecs.BZ2()), numcodecs.Zstd()),
    "a filter as compressor": Codecs("<i4", (), numcodecs.Delta("<i4")),
}


def write_array(store: Store, prefix: str, values: npt.NDArray[Any], **options: Any) -> None:
    """An array of v2 at "" or at a prefix that ends in "/"; the last chunk stays absent.

    Options: `chunks`, `order`, `filters`, `compressor`, `separator`, `attributes`; `dtype` and `fill_value` as in JSON.
    """
    chunks, order = options.get("chunks", CHUNKS[: values.ndim]), options.get("order", "C")
    filters, compressor = list(options.get("filters", ())), options.get("compressor")
    separator = options.get("separator", ".")
    document = {
        "zarr_format": 2,
        "shape": list(values.shape),
        "chunks": list(chunks),
        "dtype": options.get("dtype", dtype_json(values.dtype)),
        "compressor": None if compressor is None else compressor.get_config(),
        "fill_value": options.get("fill_value"),
        "order": order,
        "filters": [one.get_config() for one in filters] or None,
        "dimension_separator": separator,
    }
    store.set(f"{prefix}.zarray", [json.dumps(document).encode()])
    if "attributes" in options:
        store.set(f"{prefix}.zattrs", [json.dumps(options["attributes"]).encode()])
    grid = [range(-(-n // c) if n else 0) for n, c in zip(values.shape, chunks, strict=True)]
    for coords in list(product(*grid))[: -1 if values.ndim else None]:
        key = separator.join(map(str, coords)) or "0"
        store.set(prefix + key, [_encoded(values, coords, chunks, order, [*filters, *filter(None, [compressor])])])


def _encoded(
    values: npt.NDArray[Any], coords: Sequence[int], chunks: Sequence[int], order: Any, codecs: Sequence[Any]
) -> bytes:
    chunk = np.zeros(chunks, values.dtype)
    if values.dtype.hasobject:
        chunk.reshape(-1)[:] = [values.flat[0][:0]] * chunk.size
    region = values[tuple(slice(i * c, (i + 1) * c) for i, c in zip(coords, chunks, strict=True))]
    chunk[tuple(map(slice, region.shape))] = region
    data: Any = np.asarray(chunk, order=order)
    for codec in codecs:
        data = codec.encode(data)
    return bytes(data) if isinstance(data, bytes | bytearray) else np.asarray(data).tobytes(order="A")


def dtype_json(dtype: np.dtype[Any]) -> Any:
    """As zarr-python 2 wrote it."""
    if dtype.hasobject:
        return "|O"
    if dtype.names is None:
        return dtype.str
    fields = [(name, dtype[name]) for name in dtype.names]
    return [[name, dtype_json(kind.base), *([list(kind.shape)] if kind.shape else [])] for name, kind in fields]


def without_last_chunk(values: npt.NDArray[Any], fill: Any, chunks: tuple[int, ...] = CHUNKS) -> npt.NDArray[Any]:
    """What is to be read of what `write_array` wrote."""
    expected = values.copy()
    last = [(n - 1) // c * c for n, c in zip(values.shape, chunks, strict=True)]
    expected[tuple(slice(start, None) for start in last)] = fill
    return expected
