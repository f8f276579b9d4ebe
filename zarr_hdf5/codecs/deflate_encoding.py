"""Encoding of deflate (RFC 1951) as a zlib stream (RFC 1950) or a gzip member (RFC 1952), by the fastest libraries.

The levels are those of zlib, -1 (the same as 6) to 9; docs/decisions/0017-deflate-encoders.md has what was measured.
Which bytes come out may depend on the libraries' versions and the processor; every reader of deflate decodes them.
"""

from collections.abc import Callable
from itertools import repeat

import deflate
from isal import igzip_lib

from zarr_hdf5.buffer import Buffer, Buffers, as_list, byte_view

__all__ = ["deflate_gzip", "deflate_zlib", "deflate_zlib_many", "max_deflated_nbytes"]

# Level 1 is igzip's 2. Blocks of at most 16 Ki symbols, as zlib makes them: shuffled data change from plane to plane,
# and igzip's default, one Huffman code for 64 Ki symbols, loses up to 15 % on them.
_IGZIP_LEVEL, _IGZIP_BLOCKS = 2, igzip_lib.MEM_LEVEL_SMALL

# libdeflate's level for each of zlib's: the fastest that compresses as well. 1 is for what igzip may not do.
_LIBDEFLATE_LEVELS = {-1: 7, 0: 0, 1: 1, 2: 3, 3: 5, 4: 5, 5: 6, 6: 7, 7: 7, 8: 9, 9: 9}


def max_deflated_nbytes(nbytes: int) -> int:
    """No encoding of `nbytes` bytes or fewer is longer: libdeflate's own bound, with the longer wrapper, gzip's."""
    return nbytes + 5 * (nbytes // 5000 + 1) + 18


def deflate_zlib(buffer: Buffer, level: int) -> Buffer:
    """`buffer` as one zlib stream."""
    return deflate_zlib_many([buffer], level)[0]


def deflate_zlib_many(buffers: Buffers, level: int) -> list[Buffer]:
    """Each of `buffers` as one zlib stream."""
    return _encode(buffers, level, igzip_lib.COMP_ZLIB, deflate.zlib_compress)


def deflate_gzip(buffer: Buffer, level: int) -> Buffer:
    """`buffer` as one gzip member, without name or time."""
    return _encode([buffer], level, igzip_lib.COMP_GZIP, deflate.gzip_compress)[0]


def _encode(
    buffers: Buffers, level: int, wrapper: int, libdeflate: Callable[["memoryview[int]", int], bytearray]
) -> list[Buffer]:
    views = list(map(byte_view, as_list(buffers)))
    if level != 1:
        return list(map(libdeflate, views, repeat(_LIBDEFLATE_LEVELS[level])))
    igzip = map(igzip_lib.compress, views, repeat(_IGZIP_LEVEL), repeat(wrapper), repeat(_IGZIP_BLOCKS))
    # igzip promises no bound, though it was never seen to miss libdeflate's.
    pairs = zip(views, list(igzip), strict=True)
    too_long = _LIBDEFLATE_LEVELS[level]
    return [new if len(new) <= max_deflated_nbytes(len(old)) else libdeflate(old, too_long) for old, new in pairs]
