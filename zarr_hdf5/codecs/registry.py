"""All codecs by name, and chains of them from JSON.

Source: Zarr core specification v3, "Codecs", https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#codecs
Knows which codecs there are and in what order a chain may have them; each codec reads its own configuration.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from zarr_hdf5.codecs.blosc import parse_blosc
from zarr_hdf5.codecs.bytes import parse_bytes
from zarr_hdf5.codecs.configuration import Configuration, Path
from zarr_hdf5.codecs.crc32c import parse_crc32c
from zarr_hdf5.codecs.gzip import parse_gzip
from zarr_hdf5.codecs.numcodecs_checksums import parse_adler32, parse_crc32, parse_fletcher32
from zarr_hdf5.codecs.numcodecs_compressors import parse_bz2, parse_lz4, parse_lzma, parse_zlib
from zarr_hdf5.codecs.numcodecs_filters import (
    parse_astype,
    parse_bitround,
    parse_delta,
    parse_fixedscaleoffset,
    parse_packbits,
    parse_quantize,
)
from zarr_hdf5.codecs.numcodecs_shuffle import parse_shuffle
from zarr_hdf5.codecs.pipeline import CodecChain, codec_to_json
from zarr_hdf5.codecs.protocol import (
    ArrayArrayCodec,
    ArrayBytesCodec,
    BytesBytesCodec,
    Codec,
    is_array_array,
    is_array_bytes,
    is_bytes_bytes,
)
from zarr_hdf5.codecs.sharding_indexed import parse_sharding
from zarr_hdf5.codecs.transpose import parse_transpose
from zarr_hdf5.codecs.vlen import parse_vlen_bytes, parse_vlen_utf8
from zarr_hdf5.codecs.zstd import parse_zstd
from zarr_hdf5.errors import Problem

__all__ = ["codec_names", "codec_to_json", "parse_chain", "parse_codec"]

Parser: TypeAlias = Callable[[Configuration, Path, list[Problem]], Codec | None]

_MAX_DEPTH = 16  # of chains within chains


def codec_names() -> tuple[str, ...]:
    """The names that `parse_codec` knows, aliases too."""
    return tuple(_PARSERS)


def parse_codec(name: str, configuration: Configuration, path: Path, problems: list[Problem]) -> Codec | None:
    """The codec of a document at `path`, or None with `problems` noted."""
    parser = _PARSERS.get(name)
    if parser is None:
        problems.append(Problem((*path, "name"), f"the codec {name!r:.80} is not supported", "unsupported"))
        return None
    return parser(configuration, path, problems)


def parse_chain(
    documents: Sequence[tuple[str, Configuration]], path: Path, problems: list[Problem]
) -> CodecChain | None:
    """The chain of (name, configuration) `documents`, the array at `path`, or None with `problems` noted."""
    before = len(problems)
    if path.count("configuration") > _MAX_DEPTH:
        problems.append(Problem(path, f"more than {_MAX_DEPTH} chains of codecs within each other", "unsupported"))
        return None
    codecs = [parse_codec(name, conf, (*path, i), problems) for i, (name, conf) in enumerate(documents)]
    array_array: list[ArrayArrayCodec] = []
    array_bytes: ArrayBytesCodec | None = None
    bytes_bytes: list[BytesBytesCodec] = []
    for i, codec in enumerate(codecs):
        fault = ""
        if is_array_array(codec):
            fault = "an array->array codec after the array->bytes codec" if array_bytes or bytes_bytes else ""
            array_array.append(codec)
        elif is_array_bytes(codec):
            fault = "a second array->bytes codec" if array_bytes else ""
            fault = fault or ("an array->bytes codec after a bytes->bytes codec" if bytes_bytes else "")
            array_bytes = codec
        elif is_bytes_bytes(codec):
            bytes_bytes.append(codec)
        if fault:
            problems.append(Problem((*path, i), fault))
    if array_bytes is None and None not in codecs:
        problems.append(Problem(path, "there is no array->bytes codec", "missing"))
    if array_bytes is None or len(problems) > before:
        return None
    return CodecChain(tuple(array_array), array_bytes, tuple(bytes_bytes))


_PARSERS: Mapping[str, Parser] = {
    "blosc": parse_blosc,
    "bytes": parse_bytes,
    "crc32c": parse_crc32c,
    "endian": parse_bytes,  # its name in early drafts
    "gzip": parse_gzip,
    "numcodecs.adler32": parse_adler32,
    "numcodecs.astype": parse_astype,
    "numcodecs.bitround": parse_bitround,
    "numcodecs.bz2": parse_bz2,
    "numcodecs.crc32": parse_crc32,
    "numcodecs.delta": parse_delta,
    "numcodecs.fixedscaleoffset": parse_fixedscaleoffset,
    "numcodecs.fletcher32": parse_fletcher32,
    "numcodecs.lz4": parse_lz4,
    "numcodecs.lzma": parse_lzma,
    "numcodecs.packbits": parse_packbits,
    "numcodecs.quantize": parse_quantize,
    "numcodecs.shuffle": parse_shuffle,
    "numcodecs.zlib": parse_zlib,
    "sharding_indexed": partial(parse_sharding, parse_chain=parse_chain),
    "transpose": parse_transpose,
    "vlen-bytes": parse_vlen_bytes,
    "vlen-utf8": parse_vlen_utf8,
    "zstd": parse_zstd,
}
