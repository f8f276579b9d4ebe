"""Chunks that are decoded by one call of a library: the same comes out as of each alone, also of damaged ones."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numcodecs
import numcodecs.blosc
import numcodecs.zstd
import numpy as np
import numpy.typing as npt
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.buffer import Segments, byte_view
from zarr_hdf5.codecs.blosc import BloscCodec
from zarr_hdf5.codecs.gzip import GzipCodec
from zarr_hdf5.codecs.numcodecs_compressors import ZlibCodec
from zarr_hdf5.codecs.protocol import BatchBytesBytesCodec, BlockwiseBytesBytesCodec
from zarr_hdf5.codecs.zstd import ZstdCodec
from zarr_hdf5.errors import CorruptDataError

Encode = Callable[[bytes], bytes]


def blosc(cname: str = "zstd", shuffle: int = 1, blocksize: int = 0, typesize: int = 4, clevel: int = 1) -> Encode:
    codec = numcodecs.Blosc(cname, clevel, shuffle, blocksize, typesize)
    return lambda data: bytes(codec.encode(data))


def rows(count: int, nbytes: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Bytes that compress somewhat, in blocks that differ."""
    rng = np.random.default_rng(seed)
    return np.minimum(rng.integers(0, 256, (count, nbytes)), rng.integers(1, 16, (count, 1))).astype(np.uint8)


def segments(encoded: list[bytes], gap: int, room: int = 0) -> Segments:
    lengths = np.array(list(map(len, encoded)), np.int64)
    starts = room + np.cumsum(lengths + gap) - lengths
    data = bytearray(bytes(room) + b"".join(bytes(gap) + chunk for chunk in encoded))
    return Segments(memoryview(data), starts, lengths, room)


def decoded(codec: BatchBytesBytesCodec, buffers: Any, nbytes: int) -> list[bytes]:
    return [bytes(byte_view(buffer)) for buffer in codec.decode_many(buffers, nbytes)]


@contextmanager
def calls(module: Any) -> Iterator[list[int]]:
    """Decoded bytes of each call of a library."""
    found: list[int] = []
    real = module.decompress

    def counting(source: Any, dest: Any = None) -> Any:
        result = real(source, dest)
        found.append(len(result) if dest is None else dest.nbytes)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "decompress", counting)
        yield found


@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize("nbytes", [1, 4096, 200_000])
@pytest.mark.parametrize("checksum", [False, True])
def test_many_zstd_frames_are_one_call(nbytes: int, gap: int, checksum: bool) -> None:
    values = rows(7, nbytes)
    encoded = [zstandard.ZstdCompressor(level=1, write_checksum=checksum).compress(row.tobytes()) for row in values]
    for buffers in (segments(encoded, gap), segments(encoded, gap, 10), segments(encoded, gap, 4096), encoded):
        with calls(numcodecs.zstd) as found:
            assert decoded(ZstdCodec(), buffers, nbytes) == [row.tobytes() for row in values]
        assert found == [7 * nbytes]


def test_other_sequences_of_zstd_frames_are_read_among_them() -> None:
    values = rows(6, 6000)
    encoded = [zstandard.compress(row.tobytes()) for row in values]
    encoded[1] = zstandard.ZstdCompressor(write_content_size=False).compress(values[1].tobytes())
    encoded[2] = b"".join(zstandard.compress(part.tobytes()) for part in np.split(values[2], [1000]))
    encoded[4] += bytes.fromhex("502a4d18 03000000 010203")  # a skippable frame
    assert decoded(ZstdCodec(), segments(encoded, 0), 6000) == [row.tobytes() for row in values]


def damages(good: bytes) -> dict[str, bytes]:
    return {
        "cut": good[:-1],
        "nothing": b"",
        "longer": good + b"\0",
        "twice": good + good,
        "flipped": good[:-9] + bytes([good[-9] ^ 0xFF]) + good[-8:],
    }


@pytest.mark.parametrize("damage", damages(bytes(9)))
def test_a_damaged_zstd_frame_is_found_among_others(damage: str) -> None:
    values = rows(4, 5000)
    compressor = zstandard.ZstdCompressor(write_checksum=True)
    encoded = [compressor.compress(row.tobytes()) for row in values]
    encoded[2] = damages(encoded[2])[damage]
    with pytest.raises((CorruptDataError, zstandard.ZstdError)):
        ZstdCodec().decode_many(segments(encoded, 0), 5000)


def test_bytes_cut_from_one_frame_are_not_taken_from_the_next() -> None:
    values = np.random.default_rng(0).integers(0, 256, (3, 1000), np.uint8)  # stored as they are
    encoded = [zstandard.compress(row.tobytes()) for row in values]
    encoded[0], encoded[1] = encoded[0][:-4], encoded[0][-4:] + encoded[1]
    with pytest.raises((CorruptDataError, zstandard.ZstdError)):
        ZstdCodec().decode_many(segments(encoded, 0), 1000)


BLOSC = [
    *(blosc(cname, shuffle) for cname in ("zstd", "lz4", "lz4hc", "blosclz", "zlib") for shuffle in (0, 1, 2)),
    blosc(blocksize=256),
    blosc("lz4", blocksize=4096, typesize=2),
    blosc(typesize=255),
]


@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize("nbytes", [4096, 8192 * 16])
@pytest.mark.parametrize("encode", BLOSC, ids=map(str, range(len(BLOSC))))
def test_many_blosc_chunks_are_one_call(encode: Encode, nbytes: int, gap: int) -> None:
    values = rows(5, nbytes)
    encoded = [encode(row.tobytes()) for row in values]
    blocksize = int.from_bytes(encoded[0][8:12], "little")
    for buffers in (segments(encoded, gap), segments(encoded, gap, 10), segments(encoded, gap, 4096), encoded):
        with calls(numcodecs.blosc) as found:
            assert decoded(BloscCodec(), buffers, nbytes) == [row.tobytes() for row in values]
        assert found == ([5 * nbytes] if nbytes % blocksize == 0 else [nbytes] * 5)


@given(
    st.lists(st.sampled_from(BLOSC), min_size=1, max_size=2),
    st.integers(1, 3000),
    st.integers(2, 6),
    st.integers(0, 9),
)
def test_blosc_chunks_of_any_kind(encoders: list[Encode], nbytes: int, count: int, seed: int) -> None:
    values = rows(count, nbytes, seed)
    encoded = [encoders[i % len(encoders)](row.tobytes()) for i, row in enumerate(values)]
    assert decoded(BloscCodec(), segments(encoded, seed), nbytes) == [row.tobytes() for row in values]


def test_stored_blosc_chunks_are_read_among_others() -> None:
    values = rows(3, 4096)
    values[1] = np.random.default_rng(0).integers(0, 256, 4096, np.uint8)
    encoded = [blosc()(row.tobytes()) for row in values]
    assert [chunk[2] & 2 for chunk in encoded] == [0, 2, 0]
    assert decoded(BloscCodec(), segments(encoded, 0), 4096) == [row.tobytes() for row in values]


@pytest.mark.parametrize("damage", ["cut", "nothing", "longer", "twice", "start", "block"])
def test_a_damaged_blosc_chunk_is_found_among_others(damage: str) -> None:
    values = rows(4, 8192)
    encoded = [blosc(blocksize=4096)(row.tobytes()) for row in values]
    good = encoded[2]
    beyond, broken = (len(good) + 10).to_bytes(4, "little"), b"\xff\xff\xff\x7f"
    start = int.from_bytes(good[16:20], "little")
    encoded[2] = {
        **damages(good),
        "start": good[:16] + beyond + good[20:],
        "block": good[:start] + broken + good[start + 4 :],
    }[damage]
    with pytest.raises((CorruptDataError, RuntimeError)):
        BloscCodec().decode_many(segments(encoded, 0), 8192)


@dataclass(frozen=True)
class Bytes:
    """A `Wanted` of single bytes."""

    wanted: npt.NDArray[np.bool_]

    def blocks(self, nbytes: int) -> npt.NDArray[np.bool_]:
        padded = np.pad(self.wanted, ((0, 0), (0, -self.wanted.shape[1] % nbytes)))
        return np.asarray(padded.reshape(len(padded), -1, nbytes).any(axis=2))


BLOCKWISE: dict[str, tuple[BlockwiseBytesBytesCodec, Encode]] = {
    "zstd": (ZstdCodec(), lambda data: zstandard.compress(data, 1)),
    "zstd, checked": (ZstdCodec(), zstandard.ZstdCompressor(9, write_checksum=True).compress),
    "gzip": (GzipCodec(), gzip.compress),
    "zlib": (ZlibCodec(), zlib.compress),
    **{f"blosc {i}": (BloscCodec(), encode) for i, encode in enumerate(BLOSC)},
}


@pytest.mark.parametrize("nbytes", [140_000, 8192 * 32])
@pytest.mark.parametrize("name", BLOCKWISE)
@pytest.mark.parametrize("count", [1, 3])
def test_what_is_wanted_is_decoded(name: str, nbytes: int, count: int) -> None:
    codec, encode = BLOCKWISE[name]
    values, rng = rows(count, nbytes), np.random.default_rng(nbytes)
    encoded = segments([encode(row.tobytes()) for row in values], 0)
    for wanted in (
        np.zeros((count, nbytes), np.bool_),
        np.arange(nbytes) < rng.integers(0, nbytes // 3, (count, 1)),
        np.repeat(rng.random((count, nbytes // 4000)) < 0.1, 4000, axis=1)[:, :nbytes],
        np.repeat(np.arange(nbytes)[np.newaxis] == nbytes - 1, count, axis=0),
    ):
        wanted = np.pad(wanted, ((0, 0), (0, nbytes - wanted.shape[1])))
        decoded = codec.decode_wanted(encoded, nbytes, Bytes(wanted))
        if decoded is not None:
            found = np.array([np.frombuffer(byte_view(row), np.uint8) for row in decoded])
            np.testing.assert_array_equal(found[wanted], values[wanted])
        else:
            assert wanted[:, nbytes // 2 :].any() or nbytes <= int.from_bytes(encoded[0][8:12], "little")


@pytest.mark.parametrize("name", BLOCKWISE)
def test_everything_is_decoded_at_once(name: str) -> None:
    codec, encode = BLOCKWISE[name]
    encoded = segments([encode(row.tobytes()) for row in rows(2, 200_000)], 0)
    assert codec.decode_wanted(encoded, 200_000, Bytes(np.ones((2, 200_000), np.bool_))) is None
