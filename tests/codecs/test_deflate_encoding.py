import gzip
import io
import mmap
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import h5py
import numcodecs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip_lib

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.deflate_encoding import deflate_gzip, deflate_zlib, max_deflated_nbytes

LEVELS = range(-1, 10)
RNG = np.random.default_rng(0)


def image(dtype: str) -> npt.NDArray[Any]:
    """A smooth picture with the noise of counted photons."""
    y, x = np.mgrid[:512, :512] / 512
    smooth = 1000 + 300 * np.sin(9 * x + 4 * y) * np.cos(7 * y)
    counts: npt.NDArray[Any] = np.random.default_rng(1).poisson(smooth).astype(dtype)
    return counts


def chunks(dtype: str, nbytes: int, shuffled: bool) -> list[bytes]:
    """An image in chunks of `nbytes`, the bytes of their elements shuffled or not."""
    array = image(dtype)
    if dtype == "<f4":
        array = array * np.float32(0.37)
    rows = array.reshape(-1, nbytes // array.itemsize)
    if not shuffled:
        return [row.tobytes() for row in rows]
    return [row.view(np.uint8).reshape(-1, array.itemsize).T.tobytes() for row in rows]


DATA = {
    "nothing": b"",
    "one byte": b"x",
    "text": b"the quick brown fox jumps over the lazy dog " * 3000,
    "constant": bytes(300_000),
    "image": image("<u2").tobytes(),
    "noise": RNG.bytes(200_001),
    "longest matches": RNG.bytes(32768) * 4,
    "noise and not": b"".join(RNG.bytes(n) + bytes(n) for n in range(0, 1000, 13)),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_others_decode_it(data: bytes, level: int) -> None:
    stream, member = byte_view(deflate_zlib(data, level)), byte_view(deflate_gzip(data, level))
    assert zlib.decompress(stream) == data
    assert bytes(numcodecs.Zlib().decode(stream)) == data
    assert gzip.decompress(member) == data
    assert bytes(numcodecs.GZip().decode(bytes(member))) == data
    for encoded, wbits in ((stream, 15), (member, 31)):
        reader = zlib.decompressobj(wbits)
        assert reader.decompress(encoded) == data
        assert (reader.eof, reader.unused_data) == (True, b"")


@pytest.mark.parametrize("level", LEVELS)
def test_hdf5_decodes_it(level: int) -> None:
    data = image("<u2")
    with h5py.File(io.BytesIO(), "w") as file:
        dataset = file.create_dataset("d", data.shape, data.dtype, chunks=data.shape, compression="gzip")
        dataset.id.write_direct_chunk((0, 0), bytes(byte_view(deflate_zlib(data, level))))
        np.testing.assert_array_equal(dataset[()], data)


def test_members_say_nothing_of_name_and_time() -> None:
    for level in LEVELS:
        header = byte_view(deflate_gzip(b"data", level))[:10]
        assert bytes(header[:8]) == b"\x1f\x8b\x08\0\0\0\0\0"


NOISE = RNG.bytes(5 << 20)
LENGTHS = [0, 1, 2, 100, 4999, 5000, 5001, 16383, 16384, 16385, 32769, 65534, 65535, 65536, 65537, 131072, 5 << 20]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("nbytes", LENGTHS)
def test_no_noise_is_longer_than_the_bound(nbytes: int, level: int) -> None:
    # Odd bytes shrink a little as symbols, and sometimes too little.
    for data in (NOISE[:nbytes], RNG.integers(0, 253, min(nbytes, 1 << 20), np.uint8)):
        bound = max_deflated_nbytes(len(data))
        assert len(byte_view(deflate_zlib(data, level))) <= bound
        assert len(byte_view(deflate_gzip(data, level))) <= bound


@given(data=st.binary(max_size=2000), repeat=st.integers(1, 60), level=st.sampled_from(LEVELS))
def test_any_data(data: bytes, repeat: int, level: int) -> None:
    data *= repeat
    encoded = byte_view(deflate_zlib(data, level))
    assert zlib.decompress(encoded) == data
    assert len(encoded) <= max_deflated_nbytes(len(data))


def test_the_bound_grows_with_the_length() -> None:
    bounds = [max_deflated_nbytes(n) for n in range(20_000)]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize("encode", [deflate_zlib, deflate_gzip])
def test_the_bound_holds_whatever_igzip_does(encode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(igzip_lib, "compress", lambda data, *_: bytes(2 * len(data)))
    encoded = byte_view(encode(NOISE[:100_000], 1))
    assert zlib.decompress(encoded, 47) == NOISE[:100_000]
    assert len(encoded) <= max_deflated_nbytes(100_000)


def total(encode: Any, parts: list[bytes], level: int) -> int:
    return sum(len(byte_view(encode(part, level))) for part in parts)


@pytest.mark.parametrize("nbytes", [524288, 131072, 65536, 16384, 8192])
@pytest.mark.parametrize(("dtype", "shuffled"), [("<u2", True), ("<f4", True), ("<u2", False), ("<f4", False)])
def test_level_1_is_no_more_than_3_percent_longer_than_zlib_s(dtype: str, shuffled: bool, nbytes: int) -> None:
    parts = chunks(dtype, nbytes, shuffled)
    assert total(deflate_zlib, parts, 1) <= 1.03 * total(zlib.compress, parts, 1)


@pytest.mark.parametrize("level", range(2, 10))
@pytest.mark.parametrize("dtype", ["<u2", "<f4"])
def test_other_levels_are_no_more_than_2_percent_longer(dtype: str, level: int) -> None:
    parts = chunks(dtype, 65536, True)
    assert total(deflate_zlib, parts, level) <= 1.02 * total(zlib.compress, parts, level)


@pytest.mark.parametrize("level", LEVELS)
def test_threads_do_not_disturb_each_other(level: int) -> None:
    parts = [*chunks("<u2", 65536, True), *DATA.values()]

    def encode(part: bytes) -> tuple[Buffer, Buffer]:
        return deflate_zlib(part, level), deflate_gzip(part, level)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(encode, parts * 3)) == [encode(part) for part in parts] * 3


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(mmap, "MAP_PRIVATE"), reason="4 GiB of zeros that take no memory")
def test_beyond_4_gib() -> None:
    nbytes = (1 << 32) + 100_000
    with mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as zeros:
        for place in (0, (1 << 32) - 30_000, nbytes - 60_000):
            zeros[place : place + 60_000] = NOISE[:60_000]
        with memoryview(zeros) as view:
            encoded: Any = byte_view(deflate_zlib(view, 1))
            reader, place = zlib.decompressobj(), 0
            while not reader.eof:
                piece = reader.decompress(encoded, 1 << 26)
                encoded = reader.unconsumed_tail
                assert piece == view[place : place + len(piece)]
                place += len(piece)
    assert place == nbytes
