"""Chunk and shard shapes when the user does not care.

Inner chunks are small enough for random access and large enough to compress; shards are a good size for one object of
an object store, and for a file.
"""

from math import prod

__all__ = ["auto_chunks", "auto_shards", "divide"]

CHUNK_NBYTES = 256 << 10
SHARD_NBYTES = 64 << 20


def auto_chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Inner chunks of at most 256 KiB: the array's shape, its longest side halved again and again."""
    chunks = [max(1, length) for length in shape]
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
    """Shards of at most 64 MiB (or one chunk, if that is larger), no larger than the array needs."""
    limit = [max(1, -(-length // chunk)) for length, chunk in zip(shape, chunks, strict=True)]
    counts = [1] * len(chunks)
    while True:
        # Grow along the axis that covers the least of the array, so shards come out shaped like it.
        growable = [axis for axis in range(len(counts)) if counts[axis] < limit[axis]]
        if not growable:
            break
        axis = min(growable, key=lambda a: counts[a] / limit[a])
        grown = [min(n * 2, limit[a]) if a == axis else n for a, n in enumerate(counts)]
        if prod(grown) * prod(chunks) * itemsize > SHARD_NBYTES:
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
