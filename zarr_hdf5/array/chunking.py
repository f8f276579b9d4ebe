"""Chunk and shard shapes when the user does not care.

* Inner chunks have at most 256 KiB: small enough for random access and for HDF5's chunk cache (1 MiB a dataset, and at
  least four chunks of it), large enough to compress, and for a request to an object store to be worth its while.
* Shards have at most 64 MiB, a good size for one object of an object store, and for a file; and at most 16,384 chunks,
  for the index (16 bytes a chunk, and about 40 on the HDF5 side) is read as a whole. Both are no larger than the array.
* Both are shaped like the array: the longest side of a chunk is halved first, a shard grows along the side of which it
  covers the least.
* A dimension of length 0 is taken for one that is going to grow (`append`): chunks and shards are as long there as they
  may be.
"""

from math import prod

__all__ = ["auto_chunks", "auto_shards", "divide"]

CHUNK_NBYTES = 256 << 10
SHARD_NBYTES = 64 << 20
SHARD_NCHUNKS = 16384
GROWING = 1 << 40
"""Length that a dimension of length 0 is expected to get."""


def auto_chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Inner chunks of at most 256 KiB: the array's shape, its longest side halved again and again."""
    chunks = [length or GROWING for length in shape]
    while prod(chunks) * itemsize > CHUNK_NBYTES and max(chunks) > 1:
        axis = chunks.index(max(chunks))
        chunks[axis] = -(-chunks[axis] // 2)
    return tuple(chunks)


def divide(shards: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Inner chunks of about 256 KiB that divide the given shards."""
    chunks = list(shards)
    while prod(chunks) * itemsize > CHUNK_NBYTES and max(chunks) > 1:
        axis = chunks.index(max(chunks))
        chunks[axis] //= _smallest_factor(chunks[axis])
    return tuple(chunks)


def auto_shards(shape: tuple[int, ...], chunks: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Shards of at most 64 MiB and 16,384 chunks (or one chunk, if that is larger), no larger than the array needs."""
    limit = [-(-(length or GROWING) // chunk) for length, chunk in zip(shape, chunks, strict=True)]
    longest = max((n for n, length in zip(limit, shape, strict=True) if length), default=1)
    sides = [n if length else longest for n, length in zip(limit, shape, strict=True)]
    counts = [1] * len(chunks)
    while True:
        # Grow along the axis that covers the least of the array, so shards come out shaped like it.
        growable = [axis for axis in range(len(counts)) if counts[axis] < limit[axis]]
        if not growable:
            break
        axis = min(growable, key=lambda a: counts[a] / sides[a])
        grown = [min(n * 2, limit[a]) if a == axis else n for a, n in enumerate(counts)]
        if prod(grown) > SHARD_NCHUNKS or prod(grown) * prod(chunks) * itemsize > SHARD_NBYTES:
            break
        counts = grown
    return tuple(n * c for n, c in zip(counts, chunks, strict=True))


def _smallest_factor(number: int) -> int:
    factor = 2
    while factor * factor <= number:
        if number % factor == 0:
            return factor
        factor += 1
    return number
