"""The table of arrays that every other program is to read, and how zarr_hdf5 writes one of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import zarr_hdf5 as zh

Values = npt.NDArray[Any]
Slices = tuple[slice, ...]

DTYPES = ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16", "|V3")
LAYOUTS: tuple[tuple[Literal["earliest", "v110"], Literal["end", "start"]], ...] = (
    ("earliest", "end"),
    ("earliest", "start"),
    ("v110", "end"),
    ("v110", "start"),
)


@dataclass(frozen=True)
class Geometry:
    """Shapes, and the regions that are written; the rest stays fill value."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...]
    regions: tuple[Slices, ...] = ((slice(None),),)


GEOMETRIES = {
    "full": Geometry((8, 12), (2, 3), (4, 6)),
    "clipped": Geometry((7, 11), (2, 3), (4, 6)),
    "holes": Geometry((8, 12), (2, 3), (4, 6), ((slice(2, 4), slice(3, 6)), (slice(4, 8), slice(6, 9)))),
    "one chunk": Geometry((7, 12), (4, 6), (4, 6)),
    "missing": Geometry((9, 12), (2, 3), (4, 6), ((slice(4, 8), slice(0, 6)),)),
    "mixed": Geometry((7, 11), (2, 3), (4, 6), ((slice(0, 3), slice(0, 4)), (slice(4, 7), slice(6, 11)))),
    # Chunks that divide shards in whatever order their dimensions are taken.
    "square": Geometry((7, 11), (2, 2), (4, 4), ((slice(0, 3), slice(0, 5)), (slice(4, 7), slice(6, 11)))),
    "line": Geometry((29,), (3,), (12,), ((slice(0, 20),),)),
    "cube": Geometry((5, 6, 7), (2, 2, 3), (4, 4, 6), ((slice(0, 5), slice(0, 3), slice(2, 7)),)),
}


Document = dict[str, Any]
Options = dict[str, Any]


@dataclass(frozen=True)
class Chain:
    """Codecs as `create_array` takes them, for elements of a size.

    outer
        Codecs before the sharding, which only zarr.json can ask for.
    only
        numpy's kinds of data that it takes.
    stored
        From any values to such as the codecs do not change.
    big, order, inner_chunks
        What HDF5 sees: byte order, order of dimensions, and chunks if they are not the inner chunks of the geometry.
    plugins
        HDF5 reads it with filter plugins only.
    """

    options: Callable[[int], Options]
    outer: tuple[Document, ...] = ()
    only: str = "?biufcV"
    stored: Callable[[Values], Values] = lambda values: values
    big: bool = False
    order: tuple[int, ...] = (0, 1)
    inner_chunks: tuple[int, ...] = ()
    plugins: bool = False


def codec(name: str, **configuration: Any) -> Document:
    return {"name": name, "configuration": configuration}


def _compressors(*codecs: Document, **others: Any) -> Callable[[int], Options]:
    return lambda size: {"compressors": list(codecs), **others}


def _shuffled(*codecs: Document) -> Callable[[int], Options]:
    return lambda size: {"compressors": [codec("numcodecs.shuffle", elementsize=size), *codecs]}


def _nested(size: int) -> Options:
    inner = {
        "chunk_shape": [1, 3],
        "codecs": [codec("bytes", endian="little"), codec("zstd", level=1, checksum=False)],
        "index_codecs": [codec("bytes", endian="little"), codec("crc32c")],
        "index_location": "end",
    }
    return {"serializer": codec("sharding_indexed", **inner), "compressors": None}


def _rounded(values: Values) -> Values:
    """Floats whose mantissas keep 4 bits, made without any codec: data that rounding leaves alone."""
    bits = {2: 10, 4: 23, 8: 52}[values.dtype.itemsize]
    integers = values.view(f"<u{values.dtype.itemsize}")
    return ((integers >> (bits - 4)) << (bits - 4)).astype(integers.dtype).view(values.dtype)


ZLIB = codec("numcodecs.zlib", level=1)
ZSTD = codec("zstd", level=1, checksum=False)
BIG = codec("bytes", endian="big")
SWAP = codec("transpose", order=[1, 0])
CHAINS: dict[str, Chain] = {
    "deflate": Chain(lambda size: {"compressors": "deflate"}),
    "zstd": Chain(lambda size: {"compressors": "zstd"}, plugins=True),
    "blosc": Chain(lambda size: {"compressors": "blosc"}, plugins=True),
    "none": Chain(lambda size: {"compressors": None}),
    "bz2": Chain(_compressors(codec("numcodecs.bz2", level=1)), plugins=True),
    "shuffle+zstd": Chain(_shuffled(ZSTD), plugins=True),
    "zstd with checksum": Chain(_compressors(codec("zstd", level=3, checksum=True)), plugins=True),
    "fletcher32": Chain(_compressors(codec("numcodecs.fletcher32"))),
    "shuffle+zlib+fletcher32": Chain(_shuffled(ZLIB, codec("numcodecs.fletcher32"))),
    "crc32c": Chain(_compressors(codec("crc32c"))),
    "zstd+crc32c": Chain(_compressors(ZSTD, codec("crc32c")), plugins=True),
    "deflate+crc32c": Chain(_shuffled(ZLIB, codec("crc32c"))),
    "deflate+crc32": Chain(_shuffled(ZLIB, codec("numcodecs.crc32", location="start"))),
    "deflate+crc32 at end": Chain(_shuffled(ZLIB, codec("numcodecs.crc32", location="end"))),
    "deflate+adler32": Chain(_shuffled(ZLIB, codec("numcodecs.adler32", location="end"))),
    "adler32": Chain(_compressors(codec("numcodecs.adler32", location="start"))),
    "big-endian": Chain(_compressors(serializer=BIG), big=True),
    "big-endian zlib": Chain(_compressors(ZLIB, serializer=BIG), big=True),
    "transpose": Chain(_compressors(filters=[SWAP]), order=(1, 0)),
    "transpose zlib": Chain(_compressors(ZLIB, filters=[SWAP]), order=(1, 0)),
    "transpose outside": Chain(_compressors(), outer=(SWAP,), order=(1, 0)),
    "transpose both": Chain(_compressors(ZSTD, filters=[SWAP]), outer=(SWAP,), plugins=True),
    "bitround": Chain(_compressors(ZLIB, filters=[codec("numcodecs.bitround", keepbits=4)]), only="f", stored=_rounded),
    "quantize": Chain(
        lambda size: {
            "filters": [codec("numcodecs.quantize", digits=1, dtype=f"<f{size}", astype=f"<f{size}")],
            "compressors": [ZLIB],
        },
        only="f",
        stored=lambda values: np.round(np.clip(np.nan_to_num(values.astype("f8")), -99, 99)).astype(values.dtype),
    ),
    "nested": Chain(_nested, inner_chunks=(1, 3), plugins=True),
}
FILL_VALUES: tuple[tuple[str, Any], ...] = (
    ("|b1", True),
    ("|i1", -128),
    ("<i4", -1),
    ("<i8", -(2**63)),
    ("<u8", 2**64 - 1),
    ("<f2", np.float16("inf")),
    ("<f4", np.float32("nan")),
    ("<f4", np.uint32(0x7FC0BEEF).view("f4")),
    ("<f8", np.uint64(0x7FF8000000C0FFEE).view("f8")),
    ("<f8", np.uint64(0xFFF8000000000000).view("f8")),
    ("<f8", -np.inf),
    ("<f8", -0.0),
    ("<f8", 0.1),
    ("<c8", np.complex64(complex(1.5, -np.inf))),
    ("<c16", complex(np.nan, 0.1)),
    ("|V3", b"\x01\x02\xff"),
)


@dataclass(frozen=True)
class Case:
    """One array: `id` is unique."""

    id: str
    dtype: str
    chain: str
    geometry: str
    libver: Literal["earliest", "v110"] = "earliest"
    index_location: Literal["end", "start"] = "end"
    fill_value: Any = None


def _cases() -> tuple[Case, ...]:
    rows: list[tuple[str, str, str, int, Any]] = []
    for i, dtype in enumerate(DTYPES):
        for j, name in enumerate(("deflate", "zstd", "blosc", "none")):
            # Of the four layouts two, one of each libver, and all of them over the table.
            rows += [(dtype, name, "mixed", (i + j) % 2, None), (dtype, name, "mixed", 2 + (i + j) % 2, None)]
    for name, chain in CHAINS.items():
        for dtype in ("<u2", "<f8"):
            if np.dtype(dtype).kind in chain.only:
                rows += [(dtype, name, "mixed", layout, None) for layout in range(4)]
    rows += [(dtype, "big-endian", "mixed", 0, None) for dtype in DTYPES if np.dtype(dtype).kind != "V"]
    rows += [("<f2", "bitround", "clipped", 0, None), ("<f4", "bitround", "clipped", 2, None)]
    rows += [("<i4", name, "square", i % 4, None) for i, name in enumerate(CHAINS) if "transpose" in name]
    for geometry in GEOMETRIES:
        for name in ("deflate", "none"):
            rows += [("<i4", name, geometry, layout, None) for layout in range(4)]
    for i, (dtype, fill_value) in enumerate(FILL_VALUES):
        rows += [(dtype, "deflate", "mixed", i % 4, fill_value), (dtype, "none", "missing", (i + 2) % 4, fill_value)]
    cases = {}
    for dtype, name, geometry, layout, fill_value in rows:
        libver, location = LAYOUTS[layout]
        fill = "" if fill_value is None else f"-{np.asarray(fill_value, dtype).tobytes().hex()}"
        case_id = f"{np.dtype(dtype).name}{fill}-{name}-{geometry}-{libver}-{location}"
        cases[case_id] = Case(case_id, dtype, name, geometry, libver, location, fill_value)
    return tuple(cases.values())


CASES = _cases()
CASE_IDS = [case.id for case in CASES]


@dataclass(frozen=True)
class Written:
    """An array as zarr_hdf5 has written it, and what must be read from it."""

    case: Case
    path: Path
    expected: Values
    array: zh.Array

    def shards(self) -> list[tuple[tuple[int, ...], Path, Values]]:
        """Of each shard file: its coordinates, its path, and the values of its dataset, in the dataset's order."""
        found = []
        geometry, order = GEOMETRIES[self.case.geometry], CHAINS[self.case.chain].order
        for coords in np.ndindex(*(-(-n // s) for n, s in zip(geometry.shape, geometry.shards, strict=True))):
            path = self.path.joinpath("c", *map(str, coords))
            if path.exists():
                region = tuple(slice(i * s, (i + 1) * s) for i, s in zip(coords, geometry.shards, strict=True))
                values = self.expected[region]
                stored = values.transpose(order) if values.ndim == 2 else values
                big = CHAINS[self.case.chain].big
                found.append(
                    (coords, path, np.ascontiguousarray(stored, stored.dtype.newbyteorder(">" if big else "<")))
                )
        return found

    def dataset_chunks(self) -> tuple[int, ...]:
        """Chunks of the HDF5 dataset."""
        chain = CHAINS[self.case.chain]
        chunks = chain.inner_chunks or GEOMETRIES[self.case.geometry].chunks
        return tuple(chunks[axis] for axis in chain.order) if len(chunks) == 2 else chunks


def random_values(dtype: npt.DTypeLike, shape: tuple[int, ...]) -> Values:
    """Any bits at all, so NaNs with payloads, infinities, extremes; the same ones every time."""
    wanted = np.dtype(dtype)
    nbytes = int(np.prod(shape)) * wanted.itemsize
    high = 2 if wanted.kind == "b" else 256
    raw = np.random.default_rng(20240229).integers(0, high, nbytes, np.uint8)
    return raw.view(wanted).reshape(shape)


def write(case: Case, path: Path) -> Written:
    geometry, chain = GEOMETRIES[case.geometry], CHAINS[case.chain]
    dtype = np.dtype(case.dtype)
    options: Any = {
        "shape": geometry.shape,
        "dtype": dtype,
        "chunks": geometry.chunks,
        "shards": geometry.shards,
        "fill_value": case.fill_value,
        "hdf5": zh.HDF5(libver=case.libver, index_location=case.index_location),
        **chain.options(dtype.itemsize),
    }
    zh.create_array(path, **options)
    if chain.outer:
        _add_outer_codecs(path / "zarr.json", chain.outer)
    array = zh.open_array(path, "r+")
    fill = np.zeros((), dtype) if case.fill_value is None else np.array(case.fill_value, dtype)
    expected = np.full(geometry.shape, fill, dtype)
    values = chain.stored(random_values(dtype, geometry.shape))
    for region in geometry.regions:
        expected[region] = values[region]
        array[region] = values[region]
    return Written(case, path, expected, array)


def _add_outer_codecs(zarr_json: Path, outer: tuple[Document, ...]) -> None:
    """Codecs before the sharding, whose shapes are then those of the array that comes out of them."""
    document = json.loads(zarr_json.read_text())
    sharding = document["codecs"][0]["configuration"]
    for transpose in outer:
        order = transpose["configuration"]["order"]
        sharding["chunk_shape"] = [sharding["chunk_shape"][axis] for axis in order]
    document["codecs"] = [*outer, *document["codecs"]]
    zarr_json.write_text(json.dumps(document))


def same(read: object, expected: Values) -> bool:
    """Whether the values are the same bit for bit, whatever their byte order."""
    values = np.asarray(read)
    if values.dtype.newbyteorder("<") != expected.dtype.newbyteorder("<") or values.shape != expected.shape:
        return False
    little = values.astype(values.dtype.newbyteorder("<"))
    return little.tobytes() == expected.astype(expected.dtype.newbyteorder("<")).tobytes()
