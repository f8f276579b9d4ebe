import bz2
import gzip
import lzma
import struct
import tracemalloc
import zlib
from typing import Any

import numcodecs
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.codecs.blosc import BloscCodec
from zarr_hdf5.codecs.crc32c import Crc32cCodec
from zarr_hdf5.codecs.gzip import GzipCodec
from zarr_hdf5.codecs.numcodecs_checksums import Adler32Codec, Crc32Codec, Fletcher32Codec
from zarr_hdf5.codecs.numcodecs_compressors import Bz2Codec, Lz4Codec, LzmaCodec, ZlibCodec
from zarr_hdf5.codecs.numcodecs_shuffle import ShuffleCodec
from zarr_hdf5.codecs.protocol import BytesBytesCodec, ChunkSpec
from zarr_hdf5.codecs.zstd import ZstdCodec
from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError

# Each codec with an independent encoder and decoder of the same bytes.
CODECS: list[tuple[BytesBytesCodec, Any, Any]] = [
    (GzipCodec(0), gzip.compress, gzip.decompress),
    (GzipCodec(1), numcodecs.GZip().encode, numcodecs.GZip().decode),
    (GzipCodec(9), gzip.compress, gzip.decompress),
    (ZstdCodec(1, True), zstandard.compress, lambda b: numcodecs.Zstd().decode(b)),
    (ZstdCodec(19), lambda b: numcodecs.Zstd(3, True).encode(b), lambda b: numcodecs.Zstd().decode(b)),
    (BloscCodec("lz4", 5, "shuffle", 4), numcodecs.Blosc().encode, numcodecs.Blosc().decode),
    (BloscCodec("zstd", 0, "bitshuffle", 1), numcodecs.Blosc("zlib").encode, numcodecs.Blosc().decode),
    (BloscCodec("blosclz", 9, "noshuffle", 8, 1), numcodecs.Blosc("lz4hc").encode, numcodecs.Blosc().decode),
    (Crc32cCodec(), numcodecs.CRC32C().encode, numcodecs.CRC32C().decode),
    (ZlibCodec(0), zlib.compress, zlib.decompress),
    (ZlibCodec(1), numcodecs.Zlib().encode, numcodecs.Zlib().decode),
    (ZlibCodec(9), zlib.compress, zlib.decompress),
    (Bz2Codec(9), bz2.compress, bz2.decompress),
    (Lz4Codec(), numcodecs.LZ4().encode, numcodecs.LZ4().decode),
    (LzmaCodec(preset=0), lzma.compress, lzma.decompress),
    (LzmaCodec(2, preset=0), lambda b: lzma.compress(b, 2, preset=1), lzma.decompress),
    (ShuffleCodec(1), bytes, bytes),
    (ShuffleCodec(None), bytes, bytes),
    (Crc32Codec(), numcodecs.CRC32().encode, numcodecs.CRC32().decode),
    (Crc32Codec("end"), numcodecs.CRC32("end").encode, numcodecs.CRC32("end").decode),
    (Adler32Codec(), numcodecs.Adler32().encode, numcodecs.Adler32().decode),
    (Fletcher32Codec(), numcodecs.Fletcher32().encode, numcodecs.Fletcher32().decode),
]
IDS = [f"{number}-{codec.name}" for number, (codec, _, _) in enumerate(CODECS)]
# numcodecs cannot read what it writes for no bytes at all, or cannot write it.
NOT_EMPTY = ("blosc", "zstd", "numcodecs.lz4", "numcodecs.fletcher32")

every_codec = pytest.mark.parametrize(("codec", "encode", "decode"), CODECS, ids=IDS)


@every_codec
@given(data=st.binary(max_size=300).flatmap(lambda b: st.sampled_from([b, b * 7, b + bytes(2000)])))
def test_bytes_both_ways(codec: BytesBytesCodec, encode: Any, decode: Any, data: bytes) -> None:
    encoded = byte_view(codec.encode(data))
    assert len(encoded) <= codec.max_encoded_nbytes(len(data))
    assert codec.encoded_nbytes(len(data)) in (None, len(encoded))
    assert bytes(byte_view(codec.decode(encoded, len(data)))) == data
    if data or codec.name not in NOT_EMPTY:
        assert bytes(byte_view(decode(bytes(encoded)))) == data
        assert bytes(byte_view(codec.decode(bytes(byte_view(encode(data))), len(data)))) == data


@every_codec
@pytest.mark.parametrize("nbytes", [0, 1, 100, 65535, 131072, 1_000_000])
def test_no_noise_is_longer_than_the_bound(codec: BytesBytesCodec, encode: Any, decode: Any, nbytes: int) -> None:
    noise = np.random.default_rng(nbytes).bytes(nbytes)
    assert len(byte_view(codec.encode(noise))) <= codec.max_encoded_nbytes(nbytes)


@every_codec
@pytest.mark.parametrize("nbytes", [1, 100, 70000])
def test_one_byte_too_many(codec: BytesBytesCodec, encode: Any, decode: Any, nbytes: int) -> None:
    encoded = codec.encode(bytes(nbytes))
    assert len(byte_view(codec.decode(encoded, nbytes))) == nbytes
    with pytest.raises((CorruptDataError, zstandard.ZstdError)):
        codec.decode(encoded, nbytes - 1)


@every_codec
@pytest.mark.parametrize("array", [np.arange(12.0).reshape(3, 4), np.zeros((0, 3)), np.array(7), np.zeros(2, "M8[s]")])
def test_arrays_are_taken_as_their_bytes(codec: BytesBytesCodec, encode: Any, decode: Any, array: Any) -> None:
    encoded = codec.encode(array)
    assert bytes(byte_view(encoded)) == bytes(byte_view(codec.encode(array.tobytes())))
    assert bytes(byte_view(codec.decode(encoded, array.nbytes))) == array.tobytes()


@pytest.mark.parametrize("elementsize", [2, 3, 4, 8, 16, 300])
def test_shuffle(elementsize: int) -> None:
    data = np.random.default_rng(0).bytes(elementsize * 11)
    wanted = np.frombuffer(data, np.uint8).reshape(11, elementsize).T.tobytes()
    assert bytes(byte_view(ShuffleCodec(elementsize).encode(data))) == wanted
    assert bytes(byte_view(ShuffleCodec(elementsize).decode(wanted, len(data)))) == data


@pytest.mark.parametrize("elementsize", [2, 3, 4, 8, 17])
def test_shuffle_takes_whole_elements_only(elementsize: int) -> None:
    for nbytes in (1, elementsize + 1):
        with pytest.raises(ValueError, match="reshape"):
            ShuffleCodec(elementsize).decode(bytes(nbytes), 100)


A, B = b"first " * 50, b"second" * 30
ROOM = len(A) + len(B)
SKIPPABLE = b"\x5a\x2a\x4d\x18" + struct.pack("<I", 5) + b"12345"


def without_size(data: bytes, checksum: bool = False) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False, write_checksum=checksum).compress(data)


STREAMS: list[tuple[BytesBytesCodec, bytes, bytes]] = [
    (GzipCodec(), gzip.compress(A, mtime=0) + gzip.compress(B, mtime=0), A + B),
    (GzipCodec(), gzip.compress(A, mtime=0) * 2, A + A),
    (
        GzipCodec(),
        gzip.compress(A, mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(B, mtime=0) + bytes(100),
        A + B,
    ),
    (GzipCodec(), gzip.compress(A, mtime=0) + gzip.compress(bytes(20000), mtime=0) * 3, A + bytes(60000)),
    (Bz2Codec(), bz2.compress(A) + bz2.compress(B), A + B),
    (LzmaCodec(), lzma.compress(A) + lzma.compress(B), A + B),
    (ZstdCodec(), zstandard.compress(A) + zstandard.compress(B), A + B),
    (ZstdCodec(), zstandard.compress(A) + without_size(B) + zstandard.compress(b""), A + B),
    (ZstdCodec(), without_size(A, True), A),
    (ZstdCodec(), without_size(bytes(1_000_000)), bytes(1_000_000)),
    (ZstdCodec(), without_size(b""), b""),
    (ZstdCodec(), zstandard.compress(b""), b""),
    (ZstdCodec(), SKIPPABLE + zstandard.compress(A) + SKIPPABLE, A),
    (ZstdCodec(), SKIPPABLE + without_size(A) + SKIPPABLE + zstandard.compress(B), A + B),
    (ZstdCodec(), SKIPPABLE, b""),
]


@pytest.mark.parametrize(("codec", "encoded", "decoded"), STREAMS)
def test_streams_in_a_row(codec: BytesBytesCodec, encoded: bytes, decoded: bytes) -> None:
    assert bytes(byte_view(codec.decode(encoded, len(decoded)))) == decoded
    assert bytes(byte_view(codec.decode(encoded, len(decoded) + 12345))) == decoded
    if decoded:
        with pytest.raises((CorruptDataError, zstandard.ZstdError)):
            codec.decode(encoded, len(decoded) - 1)


@pytest.mark.parametrize(
    ("codec", "encoded"),
    [
        (ZstdCodec(), b""),
        (ZstdCodec(), zstandard.compress(A) + b"garbage"),
        (ZstdCodec(), zstandard.compress(A) + SKIPPABLE[:-1]),
        (ZstdCodec(), SKIPPABLE[:6]),
        (ZstdCodec(), without_size(A)[:-1]),
        (ZstdCodec(), without_size(A, True)[:-1]),  # all data are there, the checksum is not
        (ZstdCodec(), without_size(A, True)[:-4]),
        (ZstdCodec(), zstandard.compress(A) + without_size(B)[:-3]),
        (GzipCodec(), b""),
        (GzipCodec(), gzip.compress(A, mtime=0)[:-1]),
        (GzipCodec(), gzip.compress(A, mtime=0) + gzip.compress(B, mtime=0)[:-1]),
        (ZlibCodec(), zlib.compress(A) + zlib.compress(B)),
        (ZlibCodec(), zlib.compress(A)[:-4]),  # all data are there, the checksum is not
        (LzmaCodec(), lzma.compress(A)[:-12]),
        (BloscCodec(), b"\x03" + bytes(15)),
    ],
)
def test_streams_that_end_wrong(codec: BytesBytesCodec, encoded: bytes) -> None:
    with pytest.raises(CorruptDataError):
        codec.decode(encoded, ROOM)


def stored_blocks(data: bytes, wbits: int = 15) -> bytes:
    stream = zlib.compressobj(0, zlib.DEFLATED, wbits)
    return stream.compress(data) + stream.flush()


def in_pieces(data: bytes) -> bytes:
    """Blocks of every kind, flushed at odd places."""
    stream = zlib.compressobj(9)
    parts = [stream.compress(data[i : i + 7]) + stream.flush(zlib.Z_FULL_FLUSH) for i in range(0, len(data), 7)]
    return b"".join(parts) + stream.flush()


# The most that one byte of deflate can become: 258 bytes from two bits.
DENSEST = zlib.compress(bytes(1 << 24), 9)


@pytest.mark.parametrize(
    ("encoded", "data"),
    [
        (stored_blocks(A), A),
        (stored_blocks(A, 9), A),
        (in_pieces(A), A),
        (zlib.compress(b""), b""),
        (zlib.compress(b"x"), b"x"),
        (DENSEST, bytes(1 << 24)),
        (zlib.compress(A * 500, 9), A * 500),
    ],
)
@pytest.mark.parametrize("room", [0, 1, 1000, (1 << 32) - 1 - (1 << 24), 1 << 32, 1 << 50])
def test_zlib_streams_by_whatever_reads_them(encoded: bytes, data: bytes, room: int) -> None:
    """The exact length may be known or not; where libdeflate cannot read into so much room, zlib does."""
    assert ZlibCodec().decode(encoded, len(data) + room) == data
    assert ZlibCodec().decode(memoryview(encoded), len(data) + room) == data


@pytest.mark.parametrize(
    ("codec", "encoded"), [(ZlibCodec(), zlib.compress(A)), (GzipCodec(), gzip.compress(A, mtime=0))]
)
def test_deflate_takes_no_more_memory_than_the_stream_can_fill(codec: BytesBytesCodec, encoded: bytes) -> None:
    tracemalloc.start()
    codec.decode(encoded, (1 << 32) - 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1032 * len(encoded) + 10_000


@pytest.mark.parametrize("nbytes", [1, 3, 4, 100])
def test_zlib_sees_bytes_after_the_end(nbytes: int) -> None:
    for more in (bytes(nbytes), b"\xff" * nbytes):
        with pytest.raises(CorruptDataError, match="go on"):
            ZlibCodec().decode(zlib.compress(A) + more, len(A))


# The last ends as the member does.
@pytest.mark.parametrize("behind", [b"garbage", bytes(8) + gzip.compress(A, mtime=0), gzip.compress(A, mtime=0)[-8:]])
def test_gzip_sees_bytes_after_the_end(behind: bytes) -> None:
    with pytest.raises((CorruptDataError, zlib.error)):
        GzipCodec().decode(gzip.compress(A, mtime=0) + behind, ROOM)


def gzip_member(flags: int, fields: bytes, *, checksum: int | None = None) -> bytes:
    """A gzip member with optional fields in its header, and maybe two bytes that should be the header's checksum."""
    plain = gzip.compress(A, mtime=0)
    header = plain[:3] + bytes([flags]) + plain[4:10] + fields
    if flags & 2:
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF if checksum is None else checksum)
    return header + plain[10:]


# RFC 1952: 1 says "text"; 2, 4, 8 and 16 announce the header's checksum, extra fields, a name and a comment.
@pytest.mark.parametrize(
    ("flags", "fields"),
    [
        (1, b""),
        (2, b""),
        (4, b"\x04\0abcd"),
        (8, b"name\0"),
        (16, b"comment\0"),
        (31, b"\x04\0abcdname\0comment\0"),
    ],
)
def test_gzip_headers(flags: int, fields: bytes) -> None:
    encoded = gzip_member(flags, fields)
    assert gzip.decompress(encoded) == A
    assert GzipCodec().decode(encoded, len(A)) == A


@pytest.mark.parametrize(
    "encoded",
    [gzip_member(2, b"", checksum=1), gzip_member(32, b""), gzip_member(4, b"\xff\xff"), gzip_member(8, b"x")],
)
def test_gzip_headers_that_are_wrong(encoded: bytes) -> None:
    with pytest.raises((CorruptDataError, zlib.error)):
        GzipCodec().decode(encoded, len(A))


@pytest.mark.parametrize(("codec", "wbits"), [(ZlibCodec(), 15), (GzipCodec(), 31)])
@given(place=st.integers(0, 70), change=st.integers(1, 255))
def test_deflate_damaged_anywhere(codec: BytesBytesCodec, wbits: int, place: int, change: int) -> None:
    """The checksum sees every damage that is not in the header's idle bits."""
    damaged = bytearray(zlib.compress(np.random.default_rng(1).integers(0, 9, 150, np.uint8).tobytes(), 9, wbits))
    damaged[place] ^= change
    try:
        independent: bytes | None = zlib.decompress(damaged, wbits)
    except zlib.error:
        independent = None
    try:
        found: Any = codec.decode(damaged, 150)
    except (CorruptDataError, zlib.error):
        found = None
    assert found == independent


@pytest.mark.parametrize(("place", "value"), [(-1, 0xFF), (10, 0xFF)])
def test_a_frame_without_size_keeps_its_checksum(place: int, value: int) -> None:
    damaged = bytearray(without_size(A, True))
    damaged[place] ^= value
    with pytest.raises((CorruptDataError, zstandard.ZstdError)):
        ZstdCodec().decode(damaged, ROOM)


def test_a_frame_without_size_takes_no_more_memory_than_it_can_need() -> None:
    assert ZstdCodec().decode(without_size(A), 1 << 50) == A


@pytest.mark.parametrize("nbytes", [0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_lengths_beyond_the_format(nbytes: int) -> None:
    blosc = struct.pack("<BBBBIII", 2, 1, 0x91, 4, nbytes, 64, 30) + bytes(14)
    for codec, encoded in ((Lz4Codec(), struct.pack("<I", nbytes) + bytes(30)), (BloscCodec(), blosc)):
        with pytest.raises(CorruptDataError):
            codec.decode(encoded, 1 << 50)


def test_blosc_gives_the_same_bytes_each_time() -> None:
    data = np.random.default_rng(0).integers(0, 20, 2_000_000, np.uint16)
    codec = BloscCodec("lz4", 5, "shuffle", 2)
    assert len({bytes(byte_view(codec.encode(data))) for _ in range(8)}) == 1


def test_wide_elements_are_single_bytes_to_blosc() -> None:
    spec = ChunkSpec((4,), np.dtype("V300"), np.zeros(1, "V300")[0])
    assert BloscCodec().resolve(spec).configuration()["typesize"] == 1


def test_snappy_is_unsupported_not_corrupt() -> None:
    header = struct.pack("<BBBBIII", 2, 1, 2 << 5 | 1, 4, 64, 64, 30) + bytes(14)
    with pytest.raises(UnsupportedFeatureError, match="snappy"):
        BloscCodec().decode(header, 64)
