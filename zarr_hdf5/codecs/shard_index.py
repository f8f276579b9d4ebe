"""The index of a shard: where each inner chunk lies in it.

Bytes to values and back, and every check that an index from outside must pass. Never reads.
Source: Zarr v3 specification, codec `sharding_indexed`, "Binary shard format".
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer
from zarr_hdf5.codecs.pipeline import CodecChain, PreparedChain
from zarr_hdf5.codecs.predefined_index import PredefinedIndex, decode_index
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import ChecksumError, CorruptDataError, UnsupportedFeatureError

__all__ = ["ShardIndex", "ShardIndexFormat"]

ABSENT = np.uint64(2**64 - 1)


@dataclass(frozen=True, slots=True, eq=False)
class ShardIndex:
    """Columns over the inner chunks of a shard in C order.

    offsets
        (n,) int64, bytes from the start of the shard; -1 where the chunk is absent.
    nbytes
        (n,) int64, stored bytes; -1 where the chunk is absent.
    """

    offsets: npt.NDArray[np.int64]
    nbytes: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShardIndexFormat:
    """How the index of one array's shards is encoded: `nbytes` long, at their `location` ("start" or "end").

    `predefined`: (n, 2), the index of every shard as it would be decoded, where the location is "configuration"; no
    bytes of a shard are its index then.
    """

    chunks_per_shard: tuple[int, ...]
    chain: PreparedChain
    nbytes: int
    location: str
    predefined: npt.NDArray[np.uint64] | None = None

    @classmethod
    def prepare(
        cls,
        chunks_per_shard: tuple[int, ...],
        codecs: CodecChain,
        location: str,
        predefined: PredefinedIndex | None = None,
    ) -> "ShardIndexFormat":
        """Prepare the index codecs; they must be of fixed size.

        Raises UnsupportedFeatureError, and InvalidMetadataError for a predefined index that is none.
        """
        spec = ChunkSpec((*chunks_per_shard, 2), np.dtype("<u8"), ABSENT)
        chain = codecs.prepare(spec)
        if chain.encoded_nbytes is None:
            raise UnsupportedFeatureError("sharding_indexed: index_codecs must not change size with the data")
        if predefined is None:
            return cls(chunks_per_shard, chain, chain.encoded_nbytes, location)
        return cls(chunks_per_shard, chain, 0, location, decode_index(predefined, chain).reshape(-1, 2))

    def encode(self, index: ShardIndex) -> Buffer:
        """The index as bytes."""
        table = np.stack([index.offsets, index.nbytes], axis=1).astype("<i8").view("<u8")
        return self.chain.encode(table.reshape(*self.chunks_per_shard, 2))

    def decode(self, data: Buffer, shard_nbytes: int, key: str = "") -> ShardIndex:
        """The index of a shard of `shard_nbytes` bytes.

        Raises
        ------
        ChecksumError, CorruptDataError
            If the shard is shorter than its index, or the index does not decode, or an entry lies outside the shard or
            in the index itself.
        """
        if shard_nbytes < self.nbytes:
            wanted = f"at least {self.nbytes} bytes"
            raise CorruptDataError(
                "shorter than its index", structure="shard", expected=wanted, found=shard_nbytes, key=key
            )
        try:
            table = self.chain.decode(data).reshape(-1, 2) if self.predefined is None else self.predefined
        except ChecksumError as error:
            raise ChecksumError(f"shard index: {error.message}", structure="shard index", key=key) from error
        except CorruptDataError as error:
            raise CorruptDataError(f"shard index: {error.message}", structure="shard index", key=key) from error
        offsets, nbytes = table[:, 0], table[:, 1]
        absent = (offsets == ABSENT) & (nbytes == ABSENT)
        self._check(offsets, nbytes, absent, shard_nbytes, key)
        return ShardIndex(
            np.where(absent, np.int64(-1), offsets.astype("<i8")), np.where(absent, np.int64(-1), nbytes.astype("<i8"))
        )

    def locate(self, shard: memoryview | None) -> ShardIndex:
        """The index within a whole shard in memory; all absent where there is none."""
        if shard is None:
            absent = np.full(prod(self.chunks_per_shard), -1, np.int64)
            return ShardIndex(absent, absent)
        data = shard[: self.nbytes] if self.location == "start" else shard[max(0, len(shard) - self.nbytes) :]
        return self.decode(data, len(shard))

    def _check(
        self,
        offsets: npt.NDArray[np.uint64],
        nbytes: npt.NDArray[np.uint64],
        absent: npt.NDArray[np.bool_],
        shard_nbytes: int,
        key: str,
    ) -> None:
        first = self.nbytes if self.location == "start" else 0
        last = shard_nbytes if self.location == "start" else shard_nbytes - self.nbytes
        # Compared without a sum, which could overflow.
        bad = ~absent & ((offsets > np.uint64(last)) | (offsets < np.uint64(first)))
        bad |= ~absent & ~bad & (nbytes > np.uint64(last) - np.minimum(offsets, np.uint64(last)))
        if bad.any():
            entry = int(np.argmax(bad))
            raise CorruptDataError(
                f"entry {entry} says bytes {int(offsets[entry])} to +{int(nbytes[entry])}, but chunks of this shard "
                f"of {shard_nbytes} bytes lie between {first} and {last}",
                structure="shard index",
                key=key,
            )
