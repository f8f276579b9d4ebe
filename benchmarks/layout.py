"""How the values of a benchmark are stored: the same for all contenders."""

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CODECS", "Layout"]

Documents = list[dict[str, Any]]
CODECS = ("none", "deflate", "zstd", "blosc")
"""All at level 1; deflate with a byte shuffle before it, blosc with its own and zstd within."""


@dataclass(frozen=True)
class Layout:
    """An array of `shape`, in `shards` of `chunks`."""

    codec: str
    dtype: str
    shape: tuple[int, ...]
    shards: tuple[int, ...]
    chunks: tuple[int, ...]

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return np.dtype(self.dtype).itemsize

    @property
    def common(self) -> dict[str, Any]:
        """What `create_array` of zarr_hdf5 and of zarr-python both take."""
        return {"shape": self.shape, "dtype": self.dtype, "chunks": self.chunks, "shards": self.shards}

    @property
    def compressors(self) -> Documents:
        """The codecs after `bytes`, as in zarr.json."""
        shuffle, blosc = {"elementsize": self.itemsize}, {"cname": "zstd", "clevel": 1, "shuffle": "shuffle"}
        found: dict[str, Documents] = {
            "none": [],
            "deflate": [
                {"name": "numcodecs.shuffle", "configuration": shuffle},
                {"name": "numcodecs.zlib", "configuration": {"level": 1}},
            ],
            "zstd": [{"name": "zstd", "configuration": {"level": 1, "checksum": False}}],
            "blosc": [{"name": "blosc", "configuration": {**blosc, "typesize": self.itemsize, "blocksize": 0}}],
        }
        return found[self.codec]

    @property
    def plain_codecs(self) -> Documents:
        """The whole chain, as tensorstore wants it, which knows no `checksum`."""
        chain = [{"name": "bytes", "configuration": {"endian": "little"}}, *self.compressors]
        return [{**codec, "configuration": _without_checksum(codec["configuration"])} for codec in chain]


def _without_checksum(configuration: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in configuration.items() if key != "checksum"}
