"""All codecs by name, and chains of them from JSON.

Source: Zarr core specification v3, "Codecs", https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#codecs
Knows which codecs there are and in what order a chain may have them; each codec reads its own configuration. Codecs of
other packages are found by entry points, whose names are those of the codecs, in the group "zarr_hdf5.codecs".
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TypeAlias

from zarr_hdf5.codecs.bitround import parse_bitround
from zarr_hdf5.codecs.blosc import parse_blosc
from zarr_hdf5.codecs.bytes import parse_bytes
from zarr_hdf5.codecs.cast_value import parse_cast_value
from zarr_hdf5.codecs.conditional import parse_conditional
from zarr_hdf5.codecs.configuration import Configuration, Path
from zarr_hdf5.codecs.crc32c import parse_crc32c
from zarr_hdf5.codecs.gzip import parse_gzip
from zarr_hdf5.codecs.numcodecs_checksums import (
    parse_adler32,
    parse_crc32,
    parse_fletcher32,
    parse_jenkins_lookup3,
    parse_numcodecs_crc32c,
)
from zarr_hdf5.codecs.numcodecs_compressors import parse_bz2, parse_lz4, parse_lzma, parse_zlib
from zarr_hdf5.codecs.numcodecs_core import parse_numcodecs_blosc, parse_numcodecs_gzip, parse_numcodecs_zstd
from zarr_hdf5.codecs.numcodecs_filters import (
    parse_astype,
    parse_delta,
    parse_fixedscaleoffset,
    parse_numcodecs_bitround,
    parse_numcodecs_packbits,
    parse_quantize,
)
from zarr_hdf5.codecs.numcodecs_shuffle import parse_shuffle
from zarr_hdf5.codecs.packbits import parse_packbits
from zarr_hdf5.codecs.pcodec import parse_pcodec
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
from zarr_hdf5.codecs.reshape import parse_reshape
from zarr_hdf5.codecs.scale_offset import parse_scale_offset
from zarr_hdf5.codecs.sharding_indexed import parse_sharding
from zarr_hdf5.codecs.transpose import parse_transpose
from zarr_hdf5.codecs.vlen import parse_vlen_bytes, parse_vlen_utf8
from zarr_hdf5.codecs.zfp import parse_zfp, parse_zfpy
from zarr_hdf5.codecs.zstd import parse_zstd
from zarr_hdf5.errors import Problem
from zarr_hdf5.named_configuration import NamedConfiguration, parse_named_configuration

__all__ = ["codec_names", "codec_to_json", "parse_chain", "parse_codec", "understood"]

Parser: TypeAlias = Callable[[Configuration, Path, list[Problem]], Codec | None]
"""Makes a codec of its `configuration`, at that place in a document; or None, with what is wrong noted."""

ENTRY_POINTS = "zarr_hdf5.codecs"
_loaded: dict[str, Parser] = {}  # those of entry points, which are costly to look for

_MAX_DEPTH = 16  # of chains within chains


def codec_names() -> tuple[str, ...]:
    """The names of this library's codecs, aliases too."""
    return tuple(_PARSERS)


def parse_codec(name: str, configuration: Configuration, path: Path, problems: list[Problem]) -> Codec | None:
    """The codec of a document at `path`, or None with `problems` noted."""
    parser = _PARSERS.get(name) or _loaded.get(name) or _load(name, path, problems)
    return None if parser is None else parser(configuration, path, problems)


def understood(codecs: Sequence[NamedConfiguration]) -> list[tuple[str, Configuration]]:
    """All of them, without those that need not be understood and are not known."""
    return [
        (codec.name, codec.configuration)
        for codec in codecs
        if codec.must_understand or codec.name in _PARSERS or codec.name in _loaded or _entry_point(codec.name)
    ]


def _entry_point(name: str) -> EntryPoint | None:
    return next(iter(entry_points(group=ENTRY_POINTS, name=name)), None)


def _load(name: str, path: Path, problems: list[Problem]) -> Parser | None:
    """The parser of another package's codec, or None with `problems` noted."""
    entry_point, fault = _entry_point(name), "is not supported"
    if entry_point is not None:
        try:
            _loaded[name] = entry_point.load()
            return _loaded[name]
        except Exception as error:  # whatever another package does when it is imported
            fault = f"cannot be loaded from {entry_point.value}: {type(error).__name__}: {error}"
    problems.append(Problem((*path, "name"), f"the codec {name!r:.80} {fault}", "unsupported"))
    return None


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


def _parse_documents(documents: object, path: Path, problems: list[Problem]) -> list[tuple[str, Configuration]] | None:
    """Name and configuration of each codec in a list of documents at `path`, or None with `problems` noted."""
    if not isinstance(documents, list):
        problems.append(Problem(path, f"must be a list of codecs, not {documents!r:.80}", "type"))
        return None
    parsed = [parse_named_configuration(document, (*path, i), problems) for i, document in enumerate(documents)]
    return None if None in parsed else understood([codec for codec in parsed if codec is not None])


def _parse_chain_within(documents: object, path: Path, problems: list[Problem]) -> CodecChain | None:
    """The chain of a list of documents, which is part of another codec's configuration."""
    parsed = _parse_documents(documents, path, problems)
    return None if parsed is None else parse_chain(parsed, path, problems)


def _parse_codecs_within(documents: object, path: Path, problems: list[Problem]) -> list[Codec | None]:
    """The codecs of such a list, be they a chain or not."""
    if path.count("configuration") > _MAX_DEPTH:
        problems.append(Problem(path, f"more than {_MAX_DEPTH} chains of codecs within each other", "unsupported"))
        return []
    parsed = _parse_documents(documents, path, problems) or []
    return [parse_codec(name, conf, (*path, i), problems) for i, (name, conf) in enumerate(parsed)]


_PARSERS: Mapping[str, Parser] = {
    "bitround": parse_bitround,
    "blosc": parse_blosc,
    "bytes": parse_bytes,
    "cast_value": parse_cast_value,
    "conditional": partial(parse_conditional, parse_codecs=_parse_codecs_within),
    "crc32c": parse_crc32c,
    "endian": parse_bytes,  # its name in early drafts
    "gzip": parse_gzip,
    "numcodecs.adler32": parse_adler32,
    "numcodecs.astype": parse_astype,
    "numcodecs.bitround": parse_numcodecs_bitround,
    "numcodecs.blosc": parse_numcodecs_blosc,
    "numcodecs.bz2": parse_bz2,
    "numcodecs.crc32": parse_crc32,
    "numcodecs.crc32c": parse_numcodecs_crc32c,
    "numcodecs.delta": parse_delta,
    "numcodecs.fixedscaleoffset": parse_fixedscaleoffset,
    "numcodecs.fletcher32": parse_fletcher32,
    "numcodecs.gzip": parse_numcodecs_gzip,
    "numcodecs.jenkins_lookup3": parse_jenkins_lookup3,
    "numcodecs.lz4": parse_lz4,
    "numcodecs.lzma": parse_lzma,
    "numcodecs.packbits": parse_numcodecs_packbits,
    "numcodecs.pcodec": parse_pcodec,
    "numcodecs.quantize": parse_quantize,
    "numcodecs.shuffle": parse_shuffle,
    "numcodecs.zfpy": parse_zfpy,
    "numcodecs.zlib": parse_zlib,
    "numcodecs.zstd": parse_numcodecs_zstd,
    "packbits": parse_packbits,
    "reshape": parse_reshape,
    "scale_offset": parse_scale_offset,
    "sharding_indexed": partial(parse_sharding, parse_chain=_parse_chain_within),
    "transpose": parse_transpose,
    "vlen-bytes": parse_vlen_bytes,
    "vlen-utf8": parse_vlen_utf8,
    "zfp": parse_zfp,
    "zstd": parse_zstd,
}
