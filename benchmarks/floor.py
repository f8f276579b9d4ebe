"""The floor: the codec's library on the same frames on all cores, one call a chunk, and one copy of all values.

Nobody who uses these libraries from Python and returns an array can be much faster. Nothing is found, planned, put in
its place, read or written. Without a codec, the copy alone.
"""

import os
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from math import prod
from pathlib import Path
from typing import Any

import deflate
import numpy as np
import zstandard
from isal import igzip_lib
from layout import Layout
from numcodecs import blosc
from open_array import OpenArray, Region, Values

__all__ = ["Floor"]

CORES = os.cpu_count() or 1
Step = Callable[[Any], object]


class Floor(OpenArray):
    """Of `values` stored by `layout`; reads the frames of the shards in `folder`."""

    def __init__(self, layout: Layout, values: Values, folder: Path) -> None:
        self.layout, self.values, self.folder = layout, values, folder
        self.pool = ThreadPoolExecutor(CORES)

    def read(self, region: Region) -> Values:
        """Decode all, to nowhere, and copy the values."""
        if self.layout.codec != "none":
            self._run(DECODERS[self.layout.codec], self.frames)
        return self._copy()

    def write(self, region: Region, values: Values) -> None:
        """Encode all, to nowhere, and copy the values."""
        if self.layout.codec != "none":
            self._run(ENCODERS[self.layout.codec], self.chunks)
        self._copy()

    @cached_property
    def chunks(self) -> list[Values]:
        """The values of each chunk, contiguous, in C order of chunks in shards in the array."""
        split: list[int] = []
        for length, shard, chunk in zip(*(self.layout.shape, self.layout.shards, self.layout.chunks), strict=True):
            split += [length // shard, shard // chunk, chunk]
        order = [axis for start in range(3) for axis in range(start, 9, 3)]
        return list(np.ascontiguousarray(self.values.reshape(split).transpose(order)).reshape(-1, *self.layout.chunks))

    @cached_property
    def frames(self) -> list[bytes]:
        """The encoded chunks of all shards, by the index at the end of each (Zarr's codec `sharding_indexed`)."""
        count = prod(self.layout.shards) // prod(self.layout.chunks)
        found: list[bytes] = []
        for path in sorted(path for path in self.folder.glob("c/**/*") if path.is_file()):
            shard = path.read_bytes()
            index = np.frombuffer(shard, "<u8", 2 * count, len(shard) - 16 * count - 4)
            found += [shard[offset : offset + nbytes] for offset, nbytes in index.reshape(-1, 2).tolist()]
        return found

    def _run(self, maker: Callable[[int, int], Step], items: Sequence[Any]) -> None:
        chunk_nbytes = prod(self.layout.chunks) * self.layout.itemsize
        size = max(1, (4 << 20) // chunk_nbytes)
        batches = [items[i : i + size] for i in range(0, len(items), size)]
        local = threading.local()

        def batch(of: Sequence[Any]) -> None:
            if not hasattr(local, "step"):
                local.step = maker(self.layout.itemsize, chunk_nbytes)
            for item in of:
                local.step(item)

        list(self.pool.map(batch, batches))

    def _copy(self) -> Values:
        out = np.empty_like(self.values)
        parts = zip(np.array_split(out, 4 * CORES), np.array_split(self.values, 4 * CORES), strict=True)
        list(self.pool.map(lambda part: np.copyto(*part), parts))
        return out


def _decode_zstd(itemsize: int, nbytes: int) -> Step:
    return zstandard.ZstdDecompressor().decompress


def _encode_zstd(itemsize: int, nbytes: int) -> Step:
    return zstandard.ZstdCompressor(level=1).compress


def _decode_blosc(itemsize: int, nbytes: int) -> Step:
    return partial(blosc.decompress, dest=np.empty(nbytes, np.uint8))


def _encode_blosc(itemsize: int, nbytes: int) -> Step:
    return partial(blosc.compress, cname=b"zstd", clevel=1, shuffle=blosc.SHUFFLE)


def _decode_deflate(itemsize: int, nbytes: int) -> Step:
    if itemsize == 2:
        return lambda frame: _join(np.frombuffer(deflate.zlib_decompress(frame, nbytes), np.uint8).reshape(2, -1))
    out = np.empty(nbytes, np.uint8)
    # The fastest unshuffle of longer elements: Blosc's, of a frame that says its one block is not compressed.
    flags = 0x01 | 0x10 | 1 << 5  # shuffle, one stream, LZ4
    header = struct.pack("<4B5I", 2, 1, flags, itemsize, nbytes, nbytes, 24 + nbytes, 20, nbytes)
    return lambda frame: blosc.decompress(header + deflate.zlib_decompress(frame, nbytes), out)


def _join(planes: Values) -> Values:
    words: Values = planes[1].astype("<u2")
    words <<= 8
    words |= planes[0]
    return words


def _encode_deflate(itemsize: int, nbytes: int) -> Step:
    def step(chunk: Values) -> object:
        planes = chunk.reshape(-1).view(np.uint8).reshape(-1, itemsize).T
        # Its 2 is what compresses as zlib's 1.
        return igzip_lib.compress(np.ascontiguousarray(planes), 2, igzip_lib.COMP_ZLIB, igzip_lib.MEM_LEVEL_SMALL)

    return step


DECODERS = {"zstd": _decode_zstd, "blosc": _decode_blosc, "deflate": _decode_deflate}
ENCODERS = {"zstd": _encode_zstd, "blosc": _encode_blosc, "deflate": _encode_deflate}
