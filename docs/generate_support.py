"""Writes docs/support.md, what is read, written and refused: `python docs/generate_support.py`.

Every cell is found out by trying it.
"""

import io
import json
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

import h5py
import numcodecs
import numpy as np
import numpy.typing as npt
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.api.open import Mode
from zarr_hdf5.array.create import ArrayOptions
from zarr_hdf5.array.hdf5_side import HDF5Side
from zarr_hdf5.codecs.registry import codec_names
from zarr_hdf5.data_type import COMPLEX, FORMATS, DataType
from zarr_hdf5.hdf5.custom_datatype import create_datatype, custom_dtype
from zarr_hdf5.hdf5.filters import FilterId
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.metadata import dump_json
from zarr_hdf5.stores.cached import CachedStore
from zarr_hdf5.stores.logged import LoggedStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.resolve import store_from_url
from zarr_hdf5.twin.filters import BACK

sys.path.insert(0, str(Path(__file__).parent))  # for whoever runs this by its path

from support_of_life import COLUMNS as LIFE_COLUMNS
from support_of_life import life

__all__ = ["PAGE", "support"]

PAGE = Path(__file__).with_name("support.md")
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
CRC32C = {"name": "crc32c", "configuration": {}}
INDEX = {"index_codecs": [LITTLE, CRC32C], "index_location": "end"}
FIXED = {
    "name": "sharding_indexed",
    "configuration": {
        "chunk_shape": [4, 8],
        "codecs": [LITTLE],
        "index_codecs": [],
        "index_location": "configuration",
        "predefined_index": [[[0, 128]], [[128, 128]]],
    },
}
NESTED = {"chunk_shape": [2, 2], "codecs": [LITTLE], **INDEX}
CODECS: dict[str, dict[str, Any]] = {
    "bitround": {"keepbits": 10},
    "blosc": {"typesize": 4, "cname": "zstd", "clevel": 1, "shuffle": "shuffle", "blocksize": 0},
    "bytes": {"endian": "little"},
    "cast_value": {"data_type": "int8"},
    "conditional": {"codecs": [{"name": "zstd", "configuration": {"level": 1}}]},
    "crc32c": {},
    "endian": {"endian": "little"},
    "gzip": {"level": 1},
    "numcodecs.adler32": {},
    "numcodecs.astype": {"encode_dtype": "<f4", "decode_dtype": "<i4"},
    "numcodecs.bitround": {"keepbits": 10},
    "numcodecs.blosc": {},
    "numcodecs.bz2": {"level": 1},
    "numcodecs.crc32": {},
    "numcodecs.crc32c": {},
    "numcodecs.delta": {"dtype": "<i4"},
    "numcodecs.fixedscaleoffset": {"offset": 0, "scale": 1, "dtype": "<i4", "astype": "<i4"},
    "numcodecs.fletcher32": {},
    "numcodecs.gzip": {},
    "numcodecs.jenkins_lookup3": {},
    "numcodecs.lz4": {"acceleration": 1},
    "numcodecs.lzma": {"preset": 1},
    "numcodecs.packbits": {},
    "numcodecs.pcodec": {},
    "numcodecs.quantize": {"digits": 3, "dtype": "<f4"},
    "numcodecs.shuffle": {"elementsize": 4},
    "numcodecs.zfpy": {},
    "numcodecs.zlib": {"level": 1},
    "numcodecs.zstd": {"level": 1},
    "packbits": {"last_bit": 7},
    "reshape": {"shape": [[0, 1]]},
    "scale_offset": {"offset": 0, "scale": 2},
    "sharding_indexed": NESTED,
    "transpose": {"order": [1, 0]},
    "vlen-bytes": {},
    "vlen-utf8": {},
    "zfp": {"mode": "reversible"},
    "zstd": {"level": 1, "checksum": False},
}
"""An example of each codec's configuration."""
ARRAY_TO_ARRAY = {"transpose", *(f"numcodecs.{name}" for name in ("astype", "bitround", "delta", "fixedscaleoffset"))}
ARRAY_TO_ARRAY |= {"numcodecs.packbits", "numcodecs.quantize", "bitround", "cast_value", "reshape", "scale_offset"}
ARRAY_TO_BYTES = {"bytes", "endian", "sharding_indexed", "vlen-bytes", "vlen-utf8"}
ARRAY_TO_BYTES |= {"numcodecs.pcodec", "numcodecs.zfpy", "packbits", "zfp"}
DTYPES: dict[str, npt.DTypeLike] = {
    "numcodecs.bitround": "<f4",
    "numcodecs.quantize": "<f4",
    "numcodecs.packbits": "bool",
    "vlen-bytes": bytes,
    "vlen-utf8": str,
}
CORE_TYPES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "V3")
OTHER_TYPES: dict[str, npt.DTypeLike | DataType] = {
    "`S4`": "S4",
    "structures, such as `i4,f8`": "i4,f8",
    "the same, padded": np.dtype("i1,f8", align=True),
    "with subarrays, such as `i4,(2,3)f8`": "i4,(2,3)f8",
    "`DataType.raw_bytes(3)`": DataType.raw_bytes(3),
    "`U4`": "U4",
    "`M8[s]`": "M8[s]",
    "`m8[10us]`": "m8[10us]",
    "`str`, `StringDType`": str,
    "`bytes`": bytes,
    "`object`": object,
    "structures with objects": [("a", "i4"), ("b", object)],
}
LOW_PRECISION: dict[str, npt.DTypeLike | DataType] = {
    **{f"`{name}` of ml_dtypes": name for name in FORMATS},
    **{f"`{DataType.from_numpy(COMPLEX[name]).name}`, by another name": name for name in list(COMPLEX)[:2]},
    **{f"structures of `r`, `i`, each a `{COMPLEX[name]}`": name for name in list(COMPLEX)[2:]},
}


HDF5_COLUMNS = ("HDF5", "Zarr", "read", "offered to other readers")


def support() -> str:
    """The page."""
    sections = [
        ("Data types", ("numpy", "Zarr", "written and read", "HDF5 type", "read by others"), data_types()),
        ("Codecs", ("codec", "written and read", "HDF5 filter", "why none", "read by others"), codecs()),
        ("Shapes and shards", ("what", "Zarr side", "HDF5 side", "why not", "read by others"), shapes()),
        ("Chunk keys", ("encoding", "separator", "a key", "written and read", "read by others"), keys()),
        ("Lives of arrays and hierarchies", LIFE_COLUMNS, life()),
        ("HDF5 files that are opened: filters", ("filter", "number", "read by"), filters()),
        ("HDF5 files that are opened: data types", HDF5_COLUMNS, hdf5_types()),
        ("HDF5 files that are opened: layouts and links", HDF5_COLUMNS, hdf5_features()),
        ("HDF5 files that are opened: what things mean", ("HDF5", "Zarr"), hdf5_meaning()),
        ("Zarr v2 that is opened: data types", ("numpy", "Zarr v3", "read", "`migrate_v2`"), v2_types()),
        ("Zarr v2 that is opened: filters and compressors", ("id", "Zarr v3", "read", "`migrate_v2`"), v2_codecs()),
        ("Zarr v2 that is opened: what else", ("in v2", "in v3"), v2_meaning()),
        ("Where", ("URL or store", "read", "written"), places()),
        ("Selections", ("selection", "read", "written", "judges"), selections()),
        ("Modes of `open`", ("mode", "on what exists", "where nothing is"), modes()),
    ]
    head = [
        "# What is supported",
        "",
        "Found out by trying each, by `python docs/generate_support.py`; a test repeats it. Where a cell is an error's",
        "text, that is what a user is told. Read by others: what `array.readers()` says, and tests find by letting",
        "each try; of types, without compressors. Selections are numpy's own, compared with it for random arrays.",
        "",
        "Of 432 public HDF5 and netCDF-4 files, h5py reads 2,892 datasets; each is read here with equal values, none",
        "is refused. The rest of the files are broken; each gives a clear error. `python tests/real_input/tally.py",
        "FOLDER` counts it, for these files or others with such an inventory.",
    ]
    return "\n".join([*head, *(line for section in sections for line in _section(*section))]) + "\n"


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield from ("", f"## {title}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|")
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def create(**options: Any) -> zh.Array:
    """A new array in memory."""
    asked: ArrayOptions = {"shape": (8, 8), "dtype": "<i4", "chunks": (4, 4), "shards": (8, 8), "overwrite": True}
    return zh.create_array("memory://support", **{**asked, **options})


def round_trip(**options: Any) -> zh.Array:
    """An array that gave back what was written to it, by its HDF5 side too if it has one."""
    array = create(**options)
    values = np.asarray(np.arange(array.size) % 2, "?").view("u1").astype("u4").reshape(array.shape)
    wanted = in_type(values, array)
    array[...] = wanted
    again = zh.open_array("memory://support")
    assert again[...].tolist() == wanted.tolist()
    assert zh.verify("memory://support")
    return again


def in_type(values: npt.NDArray[Any], array: zh.Array) -> npt.NDArray[Any]:
    """The numbers as elements of the array."""
    if array.dtype.hasobject or array.dtype.kind == "V":
        element = {"string": "é\0", "variable_length_bytes": b"\xff\0"}.get(array.metadata.data_type.name, b"\1")
        nbytes = array.dtype.itemsize
        one = np.array(element, object) if array.dtype.hasobject else np.array(b"\1" * nbytes).view(array.dtype)
        return np.repeat(one.reshape(1), values.size).reshape(values.shape)
    return values.astype("i8").astype(array.dtype) if array.dtype.kind in "mM" else values.astype(array.dtype)


def told(attempt: Callable[..., object], *arguments: Any, **options: Any) -> str:
    """The text of the error, "" if there is none; only errors that are meant for users count."""
    try:
        attempt(*arguments, **options)
    except (zh.errors.ZarrHDF5Error, ValueError) as error:
        return str(error)
    return ""


def yes_or(why: str) -> str:
    """A cell."""
    return why or "yes"


def data_types() -> Iterable[Sequence[str]]:
    """Written and read back; what libhdf5 makes of it."""
    for code in CORE_TYPES:
        array = round_trip(dtype=code, compressors=None)
        yield f"`{np.dtype(code)}`", f"`{array.metadata.data_type.name}`", "yes", stored_as(array), read_by()
    big = round_trip(dtype=">u2", compressors=None).metadata.codecs[0].configuration["codecs"][0]
    yield (
        "big-endian",
        f"the same, codec `{big['name']}` with endian `{big['configuration']['endian']}`",
        "yes",
        "the same",
        read_by(),
    )
    for what, other in (OTHER_TYPES | LOW_PRECISION).items():
        why = told(create, dtype=other, hdf5=False)
        if why:
            yield what, "", why, "", ""
            continue
        options: dict[str, Any] = {"dtype": other, "compressors": None}
        name = round_trip(**options, hdf5=False).metadata.data_type.name
        hdf5 = told(create, **options) or stored_as(round_trip(**options))
        yield what, f"`{name}`", "yes", hdf5, read_by()
    optional = {"name": "zarrs.optional", "configuration": {"name": "int32", "configuration": {}}}
    yield "elements that may be missing", "`zarrs.optional`", refused_metadata(data_type=optional), "", ""


def read_by() -> str:
    """The programs that open the array that is in memory now; tests let each of them try."""
    rows = [row for row in zh.open_array("memory://support").readers() if row.opens]
    sides = (", ".join(row.program for row in rows if row.side == side) for side in ("Zarr", "HDF5"))
    return "; ".join(programs.replace(" and HDF5's other tools", "") for programs in sides if programs)


def stored_as(array: zh.Array) -> str:
    """The HDF5 type of the first shard."""
    assert isinstance(array.hdf5, HDF5Side)
    with h5py.File(io.BytesIO(array.store.get(array.hdf5.key((0, 0))).data)) as file:
        return hdf5_type(file["data"].id.get_type())


def hdf5_type(kind: h5py.h5t.TypeID) -> str:
    """In HDF5's words."""
    names = {
        h5py.h5t.INTEGER: "integer",
        h5py.h5t.FLOAT: "float",
        h5py.h5t.ENUM: "enumeration FALSE, TRUE",
        h5py.h5t.STRING: "string",
        h5py.h5t.OPAQUE: "opaque",
    }
    if isinstance(kind, h5py.h5t.TypeCompoundID):
        members = ", ".join(kind.get_member_name(i).decode() for i in range(kind.get_nmembers()))
        return f"compound of {members}, {8 * kind.get_size()} bits"
    if isinstance(kind, h5py.h5t.TypeIntegerID) and kind.get_precision() < 8 * kind.get_size():
        return f"integer, {kind.get_precision()} of {8 * kind.get_size()} bits"
    if isinstance(kind, h5py.h5t.TypeFloatID) and custom_dtype(kind) is not None:
        _, _, exponent, _, mantissa = kind.get_fields()
        return f"float, {8 * kind.get_size()} bits, of which exponent {exponent} and mantissa {mantissa}"
    return f"{names[kind.get_class()]}, {8 * kind.get_size()} bits"


def codecs() -> Iterable[Sequence[str]]:
    """Each codec the registry knows, alone in its chain or with what it needs."""
    assert set(CODECS) == set(codec_names())
    for name in codec_names():
        codec = {"name": name, "configuration": CODECS[name]}
        options: dict[str, Any] = {"compressors": None, "dtype": DTYPES.get(name, "<i4")}
        if name in ARRAY_TO_ARRAY:
            options["filters"] = [codec]
        elif name in ARRAY_TO_BYTES:
            options["serializer"] = codec
        else:
            options["compressors"] = [codec]
        round_trip(**options, hdf5=False)
        why = told(round_trip, **options)
        yield f"`{name}`", "yes", "" if why else twin(name), why, read_by()


def twin(name: str) -> str:
    """What stands for the codec on the HDF5 side of the array that is in memory now."""
    view = zh.open_array("memory://support").hdf5
    assert isinstance(view, HDF5Side)
    filters = [f"{FilterId(f.id).name.lower()} ({f.id})" for f in view.view.twin.filters]
    if filters:
        return ", ".join(filters)
    checksum = view.view.twin.skip_front or view.view.twin.skip_back
    order = f"none needed: the dataset has the dimensions in order {view.order}"
    return "none needed: HDF5's chunk leaves it out" if checksum else order if view.order != (0, 1) else "none needed"


def shapes() -> Iterable[Sequence[str]]:
    """Arrays with and without shards."""
    inner = [{"name": "zstd", "configuration": CODECS["zstd"]}]
    whole = {"name": "sharding_indexed", "configuration": {"chunk_shape": [4, 4], "codecs": [LITTLE], **INDEX}}
    nested = {"name": "sharding_indexed", "configuration": NESTED}
    kinds: dict[str, dict[str, Any]] = {
        "shards": {},
        "shards, `HDF5(libver='v110')`": {"hdf5": zh.HDF5(libver="v110")},
        "shards, `HDF5(index_location='start')`": {"hdf5": zh.HDF5(index_location="start")},
        "shards within shards": {"serializer": nested, "compressors": None},
        "an array that shards do not divide": {"shape": (9, 7)},
        "no elements": {"shape": (0, 8)},
        "no shards": {"shards": None},
        "shards compressed as a whole": {"shards": None, "chunks": (8, 8), "serializer": whole, "compressors": inner},
        "no dimensions": {"shape": (), "chunks": (), "shards": None},
        "rectilinear chunks": {"shape": (9, 8), "chunks": [[2, 3, 4], 5], "shards": None},
        "rectilinear shards": {"shape": (9, 8), "chunks": (1, 4), "shards": [[2, 3, 4], 8]},
        "the index in the configuration": {"shards": None, "chunks": (8, 8), "serializer": FIXED, "compressors": None},
        "33 dimensions": {"chunks": (1,) * 33, "shards": (1,) * 33, "shape": (1,) * 33},
        "an inner chunk of 4 GiB": {"shape": (2**30, 8), "chunks": (2**30, 1), "shards": (2**30, 8)},
    }
    for what, options in kinds.items():
        attempt = create if "GiB" in what else round_trip
        why = told(attempt, **options)
        zarr_side, by = told(attempt, **{**options, "hdf5": False}), read_by()
        if not why:
            attempt(**options)
            by = read_by()
        yield what, yes_or(zarr_side), "no" if why else "yes", why, "" if zarr_side else by
    uneven = {"name": "sharding_indexed", "configuration": {**NESTED, "chunk_shape": [3, 8]}}
    why = told(create, shards=None, chunks=(8, 8), serializer=uneven, compressors=None, hdf5=False)
    read = yes_or(told(opened_with, codecs=[uneven], hdf5=False))
    by = read_by()
    yield "inner chunks that do not divide the shards", f"read and written: {read}; created: {why}", "no", "", by
    other = {"name": "hexagonal", "configuration": {}}
    yield "other chunk grids", refused_metadata(chunk_grid=other), "no", "", ""
    transformers = [{"name": "x", "configuration": {}}]
    yield "storage transformers", refused_metadata(storage_transformers=transformers), "no", "", ""


def refused_metadata(**members: Any) -> str:
    """What is said of a zarr.json with these members."""
    metadata = create().metadata
    document = {**metadata.to_json(), **members}
    why = told(type(metadata).parse, document, "zarr.json")
    assert why
    return why


def opened_with(*, hdf5: bool, **members: Any) -> None:
    """Write to an array whose zarr.json was changed, and read that back."""
    array = create(shards=None, chunks=(8, 8), hdf5=hdf5)
    array.store.set("zarr.json", [dump_json({**array.metadata.to_json(), **members})])
    wanted = np.arange(64).reshape(8, 8)
    zh.open_array("memory://support", mode="r+")[...] = wanted
    assert np.array_equal(zh.open_array("memory://support")[...], wanted)


def keys() -> Iterable[Sequence[str]]:
    """Both core encodings, and those that are proposed."""
    for name in ("default", "v2"):
        for separator in ("/", "."):
            encoding = {"name": name, "configuration": {"separator": separator}}
            array = round_trip(chunk_key_encoding=encoding)
            key = array.metadata.chunk_key_encoding.encode((1, 23))
            yield f"`{name}`", f"`{separator}`", f"`{key}`", "yes", read_by()
    for name, configuration in {"suffix": {"suffix": ".h5"}, "fanout": {"max_children": 11}}.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            array = round_trip(chunk_key_encoding={"name": name, "configuration": configuration})
        key = array.metadata.chunk_key_encoding.encode((1, 23))
        yield f"`{name}`", "", f"`{key}`", f"yes; {caught[0].message}", read_by()


def filters() -> Iterable[Sequence[str]]:
    """The filters that codecs decode, and the rest."""
    for number in FilterId:
        codec = BACK.get(number)
        by = f"codec `{codec[0]}`, chunks read where they lie" if codec else "libhdf5, if it has the filter or a plugin"
        yield number.name.lower(), str(int(number)), by
    yield "any other", "", "libhdf5, if it has a plugin"


def in_hdf5(make: Callable[[h5py.File], object]) -> tuple[str, str, str]:
    """How the object "x" of an HDF5 file is shown, read, and offered to other readers; or why it is not."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.h5"
        with h5py.File(path, "w") as file:
            make(file)
        group = zh.open_group(path)
        if "x" not in list(group):
            assert isinstance(group.store, HDF5Hierarchy)
            why = dict(group.store.refused(""))["x"]
            return f"refused: {why}".replace(group.store.url, "the file"), "", ""
        try:
            found = group["x"]
        except zh.errors.ZarrHDF5Error as error:
            return f"refused: {error}", "", ""
        if isinstance(found, zh.Group):
            return "a group", "", ""
        facts = found.store.facts("x") if isinstance(found.store, HDF5Hierarchy) else {}
        how = facts["read"].partition(":")[0], facts["served"].partition(":")[0]
        try:
            values = np.asarray(found[...])
        except zh.errors.ZarrHDF5Error as error:
            return f"`{found.metadata.data_type.name}`", f"refused: {error}", how[1]
        with h5py.File(path) as file:
            assert is_same(values, file["x"])
        return f"`{found.metadata.data_type.name}`", *how


def is_same(found: npt.NDArray[Any], dataset: h5py.Dataset) -> bool:
    """Whether the elements are what h5py reads; references, which are paths here, only have to be as many."""
    shape: tuple[int, ...] | None = dataset.shape
    if shape is None:
        return found.size == 0
    if isinstance(dataset.id.get_type(), h5py.h5t.TypeIntegerID) and dataset.id.get_type().get_size() == 3:
        wanted = np.zeros(shape, found.dtype)  # numpy has no such type, but libhdf5 converts
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, wanted)
        return bool((found == wanted).all())
    if h5py.check_string_dtype(dataset.dtype) is not None and found.dtype.hasobject:
        return bool(found.tolist() == dataset.asstr()[...].tolist())
    if dataset.dtype.hasobject:
        return found.shape == shape
    if dataset.dtype.names is not None:
        return bool(np.asarray(dataset).tolist() == found.tolist())
    return bool(np.asarray(dataset).astype(found.dtype).tobytes() == found.tobytes())


def dataset(**options: Any) -> Callable[[h5py.File], object]:
    """Makes the dataset "x"."""
    asked = {"data": np.arange(12, dtype="i4").reshape(3, 4)} if "data" not in options else {}
    return lambda file: file.create_dataset("x", **asked, **options)


def hdf5_types() -> Iterable[Sequence[str]]:
    """What becomes of h5py's data types."""
    color = h5py.enum_dtype({"RED": 0, "GREEN": 1}, "i1")
    kinds: dict[str, npt.ArrayLike] = {
        **{f"`{np.dtype(code).name}`": np.zeros(3, code) for code in CORE_TYPES},
        "big-endian": np.arange(3, dtype=">f4"),
        "enumerations": np.array([0, 1], color),
        "compounds": np.zeros(2, "i4,f8"),
        "strings of fixed length": np.array([b"ab"], "S2"),
        "strings of variable length": np.array(["ab"], h5py.string_dtype()),
    }
    for what, data in kinds.items():
        yield what, *in_hdf5(dataset(data=data))
    yield "sequences", *in_hdf5(lambda file: file.create_dataset("x", (2,), h5py.vlen_dtype("i4")))
    yield "references", *in_hdf5(lambda file: file.create_dataset("x", (2,), h5py.ref_dtype))
    yield "null dataspace", *in_hdf5(lambda file: file.create_dataset("x", data=h5py.Empty("i4")))
    yield "long double", *in_hdf5(lambda file: file.create_dataset("x", (2,), np.longdouble))
    yield "integers of 2 or 4 bits in a byte", *in_hdf5(of_type("int4"))
    yield "`bfloat16` and the like: floats with fields as that has", *in_hdf5(of_type("bfloat16"))
    yield "compounds `r`, `i` of such", *in_hdf5(of_type("complex_bfloat16"))
    yield "integers of 24 bits", *in_hdf5(integers(3))
    yield "integers of 128 bits", *in_hdf5(integers(16))
    yield "elements of more than 1 MiB", *in_hdf5(dataset(data=np.zeros(1, "S1048577")))


def of_type(name: str) -> Callable[[h5py.File], object]:
    """Makes the dataset "x" of the HDF5 type that a Zarr type has."""
    found = DataType.low_precision(name)
    assert found is not None
    kind = create_datatype(found.dtype)
    return lambda file: h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple((3,)))


def integers(nbytes: int) -> Callable[[h5py.File], object]:
    """Makes the dataset "x" of integers of that length."""

    def make(file: h5py.File) -> None:
        kind = h5py.h5t.STD_I64LE.copy()
        kind.set_precision(8 * nbytes)
        kind.set_size(nbytes)
        h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple((3,)))

    return make


def hdf5_features() -> Iterable[Sequence[str]]:
    """Layouts and links."""
    tiles = (2, 2)
    yield "groups", *in_hdf5(lambda file: file.create_group("x"))
    yield "chunked", *in_hdf5(dataset(chunks=tiles, compression="gzip"))
    yield "chunked, first dimension unlimited", *in_hdf5(dataset(chunks=tiles, maxshape=(None, 4)))
    yield "chunked, only another dimension unlimited", *in_hdf5(dataset(chunks=tiles, maxshape=(3, None)))
    yield "chunked, with a filter that has no codec (scale-offset)", *in_hdf5(dataset(chunks=tiles, scaleoffset=0))
    yield "chunked, with a filter that nobody has", *in_hdf5(unknown_filter)
    yield "contiguous", *in_hdf5(dataset())
    yield "compact", *in_hdf5(compact)
    yield "virtual", *in_hdf5(virtual)
    yield "scalar", *in_hdf5(dataset(data=np.float64(3)))
    yield "compounds with padding", *in_hdf5(dataset(data=np.zeros(3, np.dtype("i1,f8", align=True))))
    yield "soft links", *in_hdf5(soft_link)
    yield "soft links to a group above", *in_hdf5(lambda file: file.__setitem__("x", h5py.SoftLink("/")))
    yield "soft links to nothing", *in_hdf5(lambda file: file.__setitem__("x", h5py.SoftLink("/y")))
    outside = h5py.ExternalLink("../y.h5", "/")
    yield "external links out of the directory", *in_hdf5(lambda file: file.__setitem__("x", outside))
    yield "named data types", *in_hdf5(lambda file: file.__setitem__("x", np.dtype("i4")))


def soft_link(file: h5py.File) -> None:
    """The dataset "y", also called "x"."""
    file["x"] = h5py.SoftLink("y")
    compact(file, b"y")


def unknown_filter(file: h5py.File) -> None:
    """The dataset "x" with a filter of number 300."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((3,))
    properties.set_filter(300, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((3,))
    chunked = h5py.h5d.create(file.id, b"x", h5py.h5t.STD_I32LE, space, dcpl=properties)
    chunked.write_direct_chunk((0,), bytes(12))


def hdf5_meaning() -> Iterable[Sequence[str]]:
    """What is more than numbers."""
    yield "dimension scales, else labels", dimension_names()
    yield "attributes", "JSON; those in which HDF5 and netCDF keep their own books are left out"
    yield "names that are not Zarr's", "escaped as in URLs: `%5C` for a backslash; the plain name is understood too"
    yield "enumerations", "integers; names and values in the attribute `_hdf5_enumeration`"
    yield "references", "paths; of regions, JSON with the path and the blocks or points"
    yield "sequences, and compounds that hold them", "JSON"
    yield "floats of more than 64 bits", "rounded to `float64`; the attribute `_hdf5_datatype` says so"
    yield "dimensions of netCDF without a variable", "names of dimensions; no arrays of their own, unless asked for"


def dimension_names() -> str:
    """What becomes of a scale and of a label."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.h5"
        with h5py.File(path, "w") as file:
            file["time"], file["x"] = np.arange(3), np.zeros((3, 4))
            file["time"].make_scale()
            file["x"].dims[0].attach_scale(file["time"])
            file["x"].dims[1].label = "place"
        names = zh.open_array(path, path="x").dimension_names
        assert names == ("time", "place")
        return "`dimension_names`"


def compact(file: h5py.File, name: bytes = b"x") -> None:
    """A dataset in its own header."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((3,))
    h5py.h5d.create(file.id, name, h5py.h5t.STD_I32LE, space, dcpl=properties)


def virtual(file: h5py.File) -> None:
    """The dataset "x" as a view of another."""
    file["y"] = np.arange(4, dtype="i4")
    layout = h5py.VirtualLayout((4,), "i4")
    layout[:] = h5py.VirtualSource(file["y"])
    file.create_virtual_dataset("x", layout)


V2_TYPES: dict[str, npt.DTypeLike] = {
    **{f"`{np.dtype(code)}`": code for code in CORE_TYPES},
    "big-endian": ">u2",
    "`S4`": "S4",
    "`U4`": "U4",
    "`M8[s]`": "M8[s]",
    "`m8[10us]`": "m8[10us]",
    "structures, such as `i4,f8`": "i4,f8",
    "big-endian structures": ">i4,>f8",
    "structures of both byte orders": "<i4,>f8",
    "structures with subarrays": "i4,(2,3)f8",
}
V2_OBJECTS: dict[str, Any] = {
    "objects by `vlen-utf8`": (numcodecs.VLenUTF8(), "é"),
    "objects by `vlen-bytes`": (numcodecs.VLenBytes(), b"\xff"),
    "objects by `vlen-array`": (numcodecs.VLenArray("<i4"), np.arange(3, dtype="<i4")),
    "objects by `json2`": (numcodecs.JSON(), {"a": 1}),
    "objects by `categorize`": (numcodecs.Categorize(["a"], object), "a"),
    "objects by `pickle`": (numcodecs.Pickle(), {1, 2}),
}
V2_CODECS: tuple[Any, ...] = (
    numcodecs.Zlib(),
    numcodecs.GZip(),
    numcodecs.BZ2(),
    numcodecs.LZMA(),
    numcodecs.LZ4(),
    numcodecs.Zstd(),
    numcodecs.Blosc(),
    numcodecs.Shuffle(),
    numcodecs.Fletcher32(),
    numcodecs.CRC32(),
    numcodecs.CRC32C(),
    numcodecs.Adler32(),
    numcodecs.JenkinsLookup3(),
    numcodecs.Delta("<i4"),
    numcodecs.FixedScaleOffset(0, 1, "<i4"),
    numcodecs.Quantize(3, "<f4"),
    numcodecs.BitRound(10),
    numcodecs.AsType("<f4", "<i4"),
    numcodecs.PackBits(),
    numcodecs.Base64(),
)


def in_v2(values: npt.NDArray[Any], filters: Sequence[Any], wanted: Any = None) -> tuple[str, str, str]:
    """What an array of one chunk becomes in v3; whether it is read with the `wanted` values, and migrated."""
    store = MemoryStore()
    descr = values.dtype.descr if values.dtype.names else values.dtype.str
    members = {"zarr_format": 2, "shape": [3], "chunks": [3], "compressor": None, "order": "C", "fill_value": None}
    document = {**members, "dtype": descr, "filters": [one.get_config() for one in filters] or None}
    chunk: Any = values
    for codec in filters:
        chunk = codec.encode(chunk)
    store.set(".zarray", [json.dumps(document).encode()])
    store.set("0", [chunk.tobytes() if isinstance(chunk, np.ndarray) else bytes(chunk)])
    try:
        array = zh.open_array(store)
        found, expected = array[...], values if wanted is None else wanted
        same = found.tolist() if found.dtype.hasobject else found.tobytes()
        assert same == (expected.tolist() if found.dtype.hasobject else expected.astype(found.dtype).tobytes())
    except zh.errors.ZarrHDF5Error as error:
        return "", f"refused: {error}".replace("memory:///", ""), "no"
    codecs = [codec["name"] for codec in array.codecs if codec["name"] != "bytes"] or ["bytes"]
    what = ", ".join(codecs) if filters and wanted is None else array.metadata.data_type.name
    why = told(zh.migrate_v2, store).replace("memory://: ", "")
    return f"`{what}`", "yes", yes_or(why)


def v2_types() -> Iterable[Sequence[str]]:
    """Those that zarr-python writes in v2, and that numcodecs has codecs for."""
    for what, dtype in V2_TYPES.items():
        kind = np.dtype(dtype)
        values = np.zeros(3, kind) if kind.names else np.arange(3).astype("V3" if kind.kind == "V" else kind)
        yield what, *in_v2(values, ())
    for what, (codec, element) in V2_OBJECTS.items():
        values = np.empty(3, object)
        values[:] = [element] * 3
        wanted = np.array([element.tobytes()] * 3, object) if isinstance(element, np.ndarray) else values
        yield what, *in_v2(values, [codec], wanted)


def v2_codecs() -> Iterable[Sequence[str]]:
    """numcodecs' codecs, each alone."""
    dtypes = {"quantize": "<f4", "bitround": "<f4", "packbits": "?"}
    for codec in V2_CODECS:
        yield f"`{codec.codec_id}`", *in_v2(np.array([0, 1, 1]).astype(dtypes.get(codec.codec_id, "<i4")), [codec])
    yield "any other", "`numcodecs.` and its id", "yes, if this library has a codec of this name", "as read"


def v2_meaning() -> Iterable[Sequence[str]]:
    """What is more than chunks."""
    yield "`order` F", "codec `transpose`"
    yield "`dimension_separator`", "chunk key encoding `v2`"
    yield "`fill_value` null", "zero, nothing, or NaT"
    yield "attribute `_ARRAY_DIMENSIONS`", "`dimension_names`; and what is the fill value is `_FillValue`, for xarray"
    yield (
        "`.zmetadata`",
        "believed, where there is one, as zarr-python does; `migrate_v2` looks at the nodes themselves",
    )
    yield "`array.readers()`", "who reads it once it is migrated"
    yield "arrays of any length (`vlen-array`)", "their bytes; the attribute `_numcodecs_vlen_array_dtype` has the type"


def places() -> Iterable[Sequence[str]]:
    """URLs."""
    with tempfile.TemporaryDirectory() as folder:
        for what, url in {"a path": folder + "/x", "`file://`": "file://" + folder + "/x"}.items():
            zh.create_array(url, data=[1], overwrite=True)
            yield what, yes_or(told(zh.open, url)), "yes"
        yield "`memory://`", "yes", yes_or(told(create))
        shard = zh.create_array(folder + "/s", data=[1, 2]).hdf5
        assert shard is not None
        yield "a lone shard, by its HDF5 side", yes_or(told(zh.open, shard.file((0,)))), "no"
        with h5py.File(folder + "/x.h5", "w"):
            pass
        yield "an HDF5 or netCDF-4 file of others", "yes", refused(zh.open, folder + "/x.h5", mode="r+")
        one = zh.create_array(folder + "/one.h5", data=[1])
        read, write = yes_or(told(zh.open, one.store.url)), yes_or(told(zh.open, one.store.url, mode="r+"))
        yield "one file that is HDF5 and a zipped hierarchy (`.h5` and the like)", read, f"{write}, on a local disk"
        (Path(folder) / "v2").mkdir()
        (Path(folder) / "v2" / ".zgroup").write_text('{"zarr_format": 2}')
        yield "a Zarr v2 hierarchy", yes_or(told(zh.open, folder + "/v2")), refused(zh.open, folder + "/v2", mode="r+")
        with zipfile.ZipFile(folder + "/x.zip", "w") as archive:
            archive.writestr("zarr.json", '{"zarr_format": 3, "node_type": "group"}')
        yield "another zipped hierarchy", yes_or(told(zh.open, folder + "/x.zip")), "no"
    # Without a server to ask, what the tests against nginx and obstore's own stores have found.
    yield "`http://`, `https://`", "yes, with `zarr-hdf5[cloud]`; listing is not possible", "no"
    yield "`s3://`, `gs://`, `az://`", "yes, with `zarr-hdf5[cloud]`", "yes"
    for kind in (LoggedStore, CachedStore):
        around = kind(store_from_url("memory://around"))
        written = told(zh.create_array, around, name="", data=[1], overwrite=True)
        yield f"`{kind.__name__}`, around another store", yes_or(told(zh.open, around)), yes_or(written)
    yield "an object with the methods of `zarr_hdf5.stores.protocol.Store`", "yes", "yes"


def refused(attempt: Callable[..., object], url: str, **options: Any) -> str:
    """The error's text without the temporary folder."""
    why = told(attempt, url, **options)
    assert why
    return why.replace(str(Path(url).parent), "")


def selections() -> Iterable[Sequence[str]]:
    """What may stand in which brackets."""
    kinds: dict[str, tuple[Callable[[zh.Array], Any], Any]] = {
        "integers, negative too": (own, (1, -1)),
        "slices, steps of either sign": (own, (slice(1, 7, 2), slice(None, None, -1))),
        "an ellipsis": (own, ...),
        "a new axis": (own, (None, 3)),
        "integers and arrays of integers for all dimensions: single elements, as in numpy": (own, ([1, -1, 1], 3)),
        "one array of integers, or mask, among slices": (own, (slice(3), [5, 5, 0])),
        "several arrays beside slices or new axes": (own, ([1, 2], [3, 4], None)),
        "a mask of the array's shape": (own, np.eye(8, dtype=bool)),
        "names of fields, alone or with any other selection": (own, ("x", [1, 2])),
        "`array.oindex[...]`: integers, slices, arrays in any order and masks of each dimension": (
            lambda array: array.oindex,
            ([5, 1, 1], np.arange(8) > 4),
        ),
        "`array.vindex[...]`: integers and arrays for all dimensions, broadcast; a mask": (
            lambda array: array.vindex,
            ([[1], [-1]], [2, 3]),
        ),
        "`array.blocks[...]`: shards (chunks, without shards) by their places in the grid": (
            lambda array: array.blocks,
            (0, slice(None)),
        ),
        "`array.lazy[...]`: views, sliced and transposed without reading": (
            lambda array: array.lazy[::-2].T,
            (slice(2), None),
        ),
        "`array.astype(dtype)`: a view whose elements are cast": (lambda array: array.astype("f8"), 0),
    }
    for what, (brackets, selection) in kinds.items():
        fields = "fields" in what
        array = create(**({"dtype": [("x", "<i4"), ("y", "<f4")]} if fields else {}))
        view = brackets(array)
        read, write = told(view.__getitem__, selection), told(view.__setitem__, selection, 1)
        yield what, yes_or(read), yes_or(write), "" if read else judges(brackets, selection, array)
    array = create(dimension_names=["y", "x"])
    yield "dimension names: `array.isel(x=[1, 2], y=0)`", yes_or(told(array.isel, x=[1, 2], y=0)), "no", "numpy"
    into = told(array.get_basic_selection, 0, out=np.empty(8, "f8"))
    yield "`out=`, of any data type that elements cast to, of every kind of selection", yes_or(into), "", "numpy"
    spread = told(array.__setitem__, slice(2), np.ones((1, 8)))
    yield "values that are broadcast, to every kind of selection", "", yes_or(spread), "numpy"
    exported = told(np.from_dlpack, array[...]) or told(np.asarray, array)
    yield "`np.asarray(array)`, `np.from_dlpack(array[...])`", yes_or(exported), "", "numpy"


def judges(brackets: Callable[[Any], Any], selection: Any, array: zh.Array) -> str:
    """numpy, to which tests compare all selections, and zarr-python, if it has this one and finds the same."""
    array[...] = in_type(np.arange(array.size).reshape(array.shape), array)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has structures is not specified
        try:
            theirs = zarr.create_array({}, data=array[...], chunks=array.chunks, shards=array.shards)
            same = np.array_equal(brackets(theirs)[selection], brackets(array)[selection])
        except Exception:  # it has no such brackets, or no such selection
            return "numpy"
    return "numpy, zarr-python" if same else "numpy"


def own(array: zh.Array) -> zh.Array:
    """The array's own brackets."""
    return array


def modes() -> Iterable[Sequence[str]]:
    """Each mode, on an array and on nothing."""
    for mode in get_args(Mode):
        create(shape=(8, 8))
        nothing = f"memory://nothing-{mode}"
        yield f"`{mode}`", kind("memory://support", mode), kind(nothing, mode)


def kind(url: str, mode: Mode) -> str:
    """What opening gives."""
    try:
        node = zh.open(url, mode)
    except zh.errors.ZarrHDF5Error as error:
        return f"`{type(error).__name__}`"
    access = "read-only" if node.read_only else "to read and write"
    return f"the {'group' if isinstance(node, zh.Group) else 'array'}, {access}"


if __name__ == "__main__":
    PAGE.write_text(support(), encoding="utf-8")
