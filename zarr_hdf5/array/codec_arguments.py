"""Codecs as users give them: by a short name, as JSON, or as an instance of another library's codec class."""

from collections.abc import Mapping, Sequence
from typing import Any

from zarr_hdf5.errors import InvalidMetadataError, Problem

__all__ = ["codec_documents", "compressor_documents"]

BLOSC_SHUFFLES = {0: "noshuffle", 1: "shuffle", 2: "bitshuffle"}


def compressor_documents(compressors: Any, itemsize: int) -> list[dict[str, Any]]:
    """The bytes->bytes codecs that `compressors` means for elements of `itemsize` bytes."""
    if compressors is None:
        return []
    if isinstance(compressors, str) and compressors in ("deflate", "zstd", "blosc"):
        return _preset(compressors, itemsize)
    if isinstance(compressors, Mapping) or not isinstance(compressors, Sequence):
        compressors = [compressors]
    if isinstance(compressors, str):
        message = f"{compressors!r} is none of 'deflate', 'zstd', 'blosc', None or a list of codecs"
        raise InvalidMetadataError([Problem(("compressors",), message)], "new array")
    return codec_documents(compressors)


def _preset(name: str, itemsize: int) -> list[dict[str, Any]]:
    if name == "zstd":
        return [{"name": "zstd", "configuration": {"level": 1, "checksum": False}}]
    if name == "blosc":
        typesize = itemsize if itemsize <= 255 else 1  # c-blosc's longest
        configuration = {"typesize": typesize, "cname": "zstd", "clevel": 1, "shuffle": "shuffle", "blocksize": 0}
        return [{"name": "blosc", "configuration": configuration}]
    shuffle = {"name": "numcodecs.shuffle", "configuration": {"elementsize": itemsize}}
    zlib = {"name": "numcodecs.zlib", "configuration": {"level": 1}}
    # Shuffling single bytes changes nothing.
    return [zlib] if itemsize == 1 else [shuffle, zlib]


def codec_documents(codecs: Sequence[Any]) -> list[dict[str, Any]]:
    """Each codec as a JSON object with `name` and `configuration`."""
    return [_document(codec) for codec in codecs]


def _document(codec: Any) -> dict[str, Any]:
    if isinstance(codec, str):
        return {"name": codec, "configuration": {}}
    if isinstance(codec, Mapping):
        return dict(codec)
    if hasattr(codec, "to_dict"):  # zarr-python
        return dict(codec.to_dict())
    if hasattr(codec, "get_config"):  # numcodecs
        return _from_numcodecs(dict(codec.get_config()))
    raise InvalidMetadataError([Problem(("codecs",), f"not a codec: {codec!r}", "type")], "new array")


def _from_numcodecs(configuration: dict[str, Any]) -> dict[str, Any]:
    """numcodecs names its codecs by `id`; some of them are core codecs of Zarr v3."""
    name = configuration.pop("id")
    if name == "blosc":
        configuration["shuffle"] = BLOSC_SHUFFLES.get(configuration["shuffle"], "shuffle")
        return {"name": "blosc", "configuration": configuration}
    if name in ("zstd", "gzip") or (name == "crc32c" and configuration.get("location", "end") == "end"):
        configuration.pop("location", None)
        return {"name": name, "configuration": configuration}
    return {"name": f"numcodecs.{name}", "configuration": configuration}
