"""Encoding of deflate (RFC 1951) as a zlib stream (RFC 1950) or a gzip member (RFC 1952), by the fastest libraries.

The levels are those of zlib, -1 (the same as 6) to 9; docs/decisions/0017-deflate-encoders.md has what was measured.
Which bytes come out may depend on the libraries' versions and the processor; every reader of deflate decodes them.
"""

from collections.abc import Callable

import deflate
from isal import igzip_lib

from zarr_hdf5.buffer import Buffer, byte_view

__all__ = ["deflate_gzip", "deflate_zlib", "max_deflated_nbytes"]

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
    return _encode(buffer, level, igzip_lib.COMP_ZLIB, deflate.zlib_compress)


def deflate_gzip(buffer: Buffer, level: int) -> Buffer:
    """`buffer` as one gzip member, without name or time."""
    return _encode(buffer, level, igzip_lib.COMP_GZIP, deflate.gzip_compress)


def _encode(
    buffer: Buffer, level: int, wrapper: int, libdeflate: Callable[["memoryview[int]", int], bytearray]
) -> Buffer:
    data = byte_view(buffer)
    if level == 1:
        encoded = igzip_lib.compress(data, _IGZIP_LEVEL, wrapper, _IGZIP_BLOCKS)
        if len(encoded) <= max_deflated_nbytes(len(data)):  # igzip promises no bound, though it was never seen to miss
            return encoded
    return libdeflate(data, _LIBDEFLATE_LEVELS[level])
