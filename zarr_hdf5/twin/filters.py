"""Codec chains and the HDF5 filter pipelines that decode the same bytes.

Sources: Zarr v3 codec specifications; HDF5 File Format Specification 3.0, IV.A.2.l; the registry of HDF5 filters;
H5Z-ZFP, "The HDF5 filter's cd_values", https://h5z-zfp.readthedocs.io
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zarr_hdf5.codecs.pipeline import CodecChain
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.zfp import ZfpCodec
from zarr_hdf5.data_type import component, format_of, in_byte_order, name_of
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.filters import Filter, FilterId

__all__ = ["ChainTwin", "check_dtype", "has_hdf5_twin", "hdf5_twin", "zarr_twin"]

BLOSC_COMPRESSORS = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
BLOSC_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")


@dataclass(frozen=True, slots=True)
class ChainTwin:
    """How HDF5 reads a chunk that a codec chain has written.

    dtype
        Type of the stored elements, byte order included.
    order
        Axis i of the HDF5 dataset is axis order[i] of the Zarr chunk.
    filters
        The filter pipeline, in the order of writing.
    skip_front, skip_back
        Bytes at either end of the stored chunk that are checksums HDF5 does not know: its chunk is what lies between.
    """

    dtype: np.dtype[Any]
    order: tuple[int, ...]
    filters: tuple[Filter, ...]
    skip_front: int = 0
    skip_back: int = 0


@dataclass(slots=True)
class _Draft:
    spec: ChunkSpec
    filters: list[Filter] = field(default_factory=list)
    front: int = 0
    back: int = 0


Step = Callable[[dict[str, Any], _Draft], None]


def hdf5_twin(chain: CodecChain, spec: ChunkSpec) -> ChainTwin:
    """The HDF5 reading of chunks of `spec` encoded by `chain` (already resolved for that spec).

    Raises
    ------
    UnsupportedFeatureError
        If HDF5 has no filter for a codec, naming it and what to use instead.
    """
    order = tuple(range(len(spec.shape)))
    for codec in chain.array_array:
        configuration = dict(codec.configuration())
        if codec.name == "transpose":
            order = tuple(order[axis] for axis in configuration["order"])
        elif not _decodes_to_itself(codec.name, configuration, spec.dtype):
            raise _no_twin(codec.name, HINTS.get(codec.name, CHANGED))
    draft = _Draft(spec)
    serializer = chain.array_bytes
    if isinstance(serializer, ZfpCodec):
        stored = ChunkSpec(tuple(spec.shape[axis] for axis in order), spec.dtype, spec.fill_value)
        draft.filters.append(_zfp(serializer, stored))
    elif serializer.name != "bytes":
        raise _no_twin(serializer.name, HINTS.get(serializer.name, "HDF5 stores plain elements"))
    check_dtype(spec.dtype)
    big = serializer.configuration().get("endian") == "big"
    for byte_codec in chain.bytes_bytes:
        if byte_codec.name not in STEPS:
            raise _no_twin(byte_codec.name, HINTS.get(byte_codec.name, "HDF5 has no filter for it"))
        if draft.front or draft.back:
            raise _no_twin(byte_codec.name, "it follows a checksum that HDF5 does not know")
        STEPS[byte_codec.name](dict(byte_codec.configuration()), draft)
    dtype = in_byte_order(spec.dtype, ">" if big else "<")
    return ChainTwin(dtype, order, tuple(draft.filters), draft.front, draft.back)


CHANGED = "it changes the stored values in a way that HDF5 cannot undo"
_GZIP = "HDF5's deflate has zlib's wrapper, not gzip's: use numcodecs.zlib, as compressors='deflate' does"
HINTS = {
    "gzip": _GZIP,
    "numcodecs.gzip": _GZIP,
    "numcodecs.zfpy": "HDF5's zfp filter keeps zfp's header in the dataset, not in each chunk: use zfp",
    "reshape": "HDF5 would show the elements in the other shape",
    "conditional": "HDF5 keeps in its chunk index which filters a chunk has, not before the chunk's bytes",
    "packbits": "HDF5 has whole bytes for elements; its n-bit filter packs them from the other end",
    "vlen-utf8": "HDF5 keeps strings of variable length apart from the chunks; use dtype 'S...'",
    "vlen-bytes": "HDF5 keeps elements of variable length apart from the chunks; use dtype 'S...' or 'V...'",
    "numcodecs.lz4": "HDF5's lz4 filter frames the data in another way: use zstd or blosc",
}


def _no_twin(codec: str, why: str) -> UnsupportedFeatureError:
    return UnsupportedFeatureError(f"codec {codec!r} has no HDF5 twin: {why}; or write with hdf5=False")


def has_hdf5_twin(dtype: np.dtype[Any]) -> bool:
    """Whether HDF5 can store elements of this type in chunks."""
    try:
        check_dtype(dtype)
    except UnsupportedFeatureError:
        return False
    return not dtype.hasobject


def check_dtype(dtype: np.dtype[Any], field: str = "") -> None:
    """Raise UnsupportedFeatureError for a type, or a structure with a field of a type, that HDF5 has no word for."""
    part = component(dtype)
    if part is None or name_of(part) != "bfloat16" or field:  # which h5py knows for complex64
        for name in dtype.names or ():
            check_dtype(dtype[name], f"{field}.{name}" if field else name)
    why = TYPE_HINTS.get(dtype.kind) or _number_hint(dtype, bool(field))
    if why:
        where = f"field {field!r}: " if field else ""
        raise UnsupportedFeatureError(f"{where}{why}; or write with hdf5=False")


def _number_hint(dtype: np.dtype[Any], in_structure: bool) -> str:
    """What is said of numbers of few bits, "" of those that HDF5 has."""
    found = format_of(dtype)
    if found is None or found.kind != "f":
        return ""
    if not found.ieee:
        why = "it takes the largest exponent for infinity and NaN, and would read other numbers"
        why = why if found.mantissa else "its floats have a sign"
        return f"HDF5 has no {dtype.name}: {why}; use float8_e5m2, bfloat16 or float16"
    # It gives their fields the size of the float that it makes of them, and the offsets of the file.
    return f"h5py misreads compounds with {dtype.name}: use float16 or float32" if in_structure else ""


TYPE_HINTS = {
    "U": "HDF5 has no strings of UTF-32: use dtype 'S...'",
    "M": "HDF5 has no data type for dates: use integers, with their unit in an attribute",
    "m": "HDF5 has no data type for times: use integers, with their unit in an attribute",
}


def _decodes_to_itself(name: str, configuration: dict[str, Any], dtype: np.dtype[Any]) -> bool:
    """Whether an array->array codec only changes values on the way in, so that a reader need not know it."""
    if name == "numcodecs.quantize":
        return np.dtype(configuration.get("astype") or dtype) == dtype
    return name in ("bitround", "numcodecs.bitround")


def _shuffle(configuration: dict[str, Any], draft: _Draft) -> None:
    # HDF5's shuffle always takes the size of the dataset's type.
    if configuration.get("elementsize") != draft.spec.dtype.itemsize:
        raise _no_twin("numcodecs.shuffle", f"HDF5 shuffles by the item size, {draft.spec.dtype.itemsize} bytes")
    draft.filters.append(Filter(FilterId.SHUFFLE, (draft.spec.dtype.itemsize,)))


def _deflate(configuration: dict[str, Any], draft: _Draft) -> None:
    level = configuration.get("level", 1)
    draft.filters.append(Filter(FilterId.DEFLATE, (level if 0 <= level <= 9 else 6,)))


def _fletcher32(configuration: dict[str, Any], draft: _Draft) -> None:
    draft.filters.append(Filter(FilterId.FLETCHER32))


def _bzip2(configuration: dict[str, Any], draft: _Draft) -> None:
    draft.filters.append(Filter(FilterId.BZIP2, (configuration.get("level", 1),)))


def _zstd(configuration: dict[str, Any], draft: _Draft) -> None:
    # The filter's client data is unsigned; zstd's fast negative levels do not matter to a reader.
    draft.filters.append(Filter(FilterId.ZSTD, (max(0, configuration.get("level", 0)),)))


def _blosc(configuration: dict[str, Any], draft: _Draft) -> None:
    shuffle = configuration["shuffle"]  # a name, but in numcodecs.blosc its number
    shuffle = shuffle if isinstance(shuffle, int) else BLOSC_SHUFFLES.index(shuffle)
    compressor = BLOSC_COMPRESSORS.index(configuration["cname"])
    typesize = configuration.get("typesize") or draft.spec.dtype.itemsize
    values = (2, 2, typesize, draft.spec.nbytes, configuration["clevel"], shuffle, compressor)
    draft.filters.append(Filter(FilterId.BLOSC, values))


def _last_four_bytes(configuration: dict[str, Any], draft: _Draft) -> None:
    draft.back = 4


def _checksum(configuration: dict[str, Any], draft: _Draft) -> None:
    if configuration["location"] == "start":
        draft.front = 4
    else:
        draft.back = 4


_H5Z_ZFP_VERSIONS = 0x10105111
"""The first client value: zfp 1.0.1, its codec 5, the filter 1.1.1. Readers look at none of them but the codec."""


def _zfp(codec: ZfpCodec, spec: ChunkSpec) -> Filter:
    """H5Z-ZFP's client data: versions, then zfp's header, in words of 32 bits; its chunks have none, as codec zfp's."""
    field = codec.zfp_field(spec)
    if field.dtype != spec.dtype or field.shape != spec.shape:
        raise _no_twin("zfp", f"HDF5's filter does not promote {spec.dtype}")
    header, nbits = field.header("zfp")
    words = [header >> shift & 0xFFFFFFFF for shift in range(0, nbits, 32)]
    return Filter(FilterId.ZFP, (_H5Z_ZFP_VERSIONS, *words))


STEPS: dict[str, Step] = {
    "numcodecs.shuffle": _shuffle,
    "numcodecs.zlib": _deflate,
    "numcodecs.fletcher32": _fletcher32,
    "numcodecs.bz2": _bzip2,
    "zstd": _zstd,
    "blosc": _blosc,
    "crc32c": _last_four_bytes,
    "numcodecs.crc32": _checksum,
    "numcodecs.adler32": _checksum,
    "numcodecs.crc32c": _checksum,
    "numcodecs.jenkins_lookup3": _last_four_bytes,
    "numcodecs.zstd": _zstd,
    "numcodecs.blosc": _blosc,
}


Back = Callable[[tuple[int, ...], int], dict[str, Any]]


def zarr_twin(filters: tuple[Filter, ...], itemsize: int) -> list[dict[str, Any]] | None:
    """The codecs, one for each filter, that decode what these filters have written; None if one has no codec.

    `itemsize` is that of the stored elements.
    """
    if any(f.id not in BACK for f in filters):
        return None
    return [{"name": BACK[f.id][0], "configuration": BACK[f.id][1](f.values, itemsize)} for f in filters]


def _blosc_configuration(values: tuple[int, ...], itemsize: int) -> dict[str, Any]:
    """Client data: two version numbers, type size, chunk size, level, shuffle, compressor; old files have fewer."""
    full = (*values, *(2, 2, itemsize, 0, 5, 1, 0)[len(values) :])
    return {
        "typesize": full[2] or itemsize,
        "cname": BLOSC_COMPRESSORS[full[6]] if full[6] < len(BLOSC_COMPRESSORS) else "blosclz",
        "clevel": min(full[4], 9),
        "shuffle": BLOSC_SHUFFLES[full[5]] if full[5] < len(BLOSC_SHUFFLES) else "noshuffle",
        "blocksize": 0,
    }


BACK: dict[int, tuple[str, Back]] = {
    FilterId.DEFLATE: ("numcodecs.zlib", lambda values, _: {"level": min(values[0], 9) if values else 1}),
    FilterId.SHUFFLE: ("numcodecs.shuffle", lambda values, size: {"elementsize": values[0] if values else size}),
    FilterId.FLETCHER32: ("numcodecs.fletcher32", lambda values, _: {}),
    FilterId.BZIP2: ("numcodecs.bz2", lambda values, _: {"level": min(max(values[0], 1), 9) if values else 9}),
    FilterId.ZSTD: ("zstd", lambda values, _: {"level": min(values[0], 22) if values else 3, "checksum": False}),
    FilterId.BLOSC: ("blosc", _blosc_configuration),
}
