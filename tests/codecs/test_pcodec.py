"""`numcodecs.pcodec`: the files of pcodec, and what damage does to them."""

import random
from contextlib import suppress
from typing import Any

import numcodecs.pcodec
import numpy as np
import pcodec
import pytest
from codec_cases import PCODEC, data, encode, prepare

from zarr_hdf5.errors import CorruptDataError

CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    {"level": 0},
    {"level": 12, "mode_spec": "classic"},
    {"delta_spec": "try_lookback"},
    {"delta_spec": "try_consecutive", "delta_encoding_order": 3},
    {"delta_encoding_order": 0},
    {"equal_pages_up_to": 100},
]


@pytest.mark.parametrize("dtype", PCODEC)
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_as_numcodecs(configuration: dict[str, Any], dtype: str) -> None:
    theirs = numcodecs.pcodec.PCodec(**configuration)
    chain = prepare((("numcodecs.pcodec", configuration),), dtype, (30, 40))
    array = data(dtype, (30, 40))
    assert encode(chain, array) == theirs.encode(array)
    assert chain.decode(theirs.encode(array)).tobytes() == array.tobytes()


def test_no_delta() -> None:
    """Which numcodecs asks pcodec's newest for by a name that it has no more."""
    array = np.arange(1000, dtype="<i4")
    spec = pcodec.ChunkConfig(delta_spec=pcodec.DeltaSpec.no_op())
    encoded = encode(prepare((("numcodecs.pcodec", {"delta_spec": "none"}),), "<i4", (1000,)), array)
    assert encoded == pcodec.standalone.simple_compress(array, spec)


@pytest.mark.parametrize("dtype", PCODEC)
@pytest.mark.parametrize("size", [1, 2, 100, 5000])
@pytest.mark.parametrize("pages", [1, 7, 262144])
def test_no_noise_is_longer_than_the_bound(size: int, pages: int, dtype: str) -> None:
    noise = np.frombuffer(np.random.default_rng(size).bytes(size * np.dtype(dtype).itemsize), dtype)
    chain = prepare((("numcodecs.pcodec", {"equal_pages_up_to": pages}),), dtype, (size,))
    encoded = encode(chain, noise)
    assert len(encoded) <= chain.max_encoded_nbytes
    assert chain.decode(encoded).tobytes() == noise.tobytes()


def test_another_number_of_elements_or_another_type() -> None:
    chain = prepare((("numcodecs.pcodec", {}),), "<f4", (10,))
    for other in (
        np.zeros(9, "<f4"),
        np.zeros(11, "<f4"),
        np.zeros(20, "<f4"),
        np.zeros(10, "<f8"),
        np.zeros(10, "<i4"),
    ):
        with pytest.raises(CorruptDataError):
            chain.decode(pcodec.standalone.simple_compress(other, pcodec.ChunkConfig()))


def test_several_chunks_in_a_file() -> None:
    array = data("<i4", (300,))
    config = pcodec.ChunkConfig(paging_spec=pcodec.PagingSpec.equal_pages_up_to(100))
    encoded = pcodec.standalone.simple_compress(array, config)
    np.testing.assert_array_equal(prepare((("numcodecs.pcodec", {}),), "<i4", (300,)).decode(encoded), array)


@pytest.mark.parametrize("seed", range(3))
def test_no_damage_ends_the_process(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    rng, dtype = random.Random(seed), PCODEC[3 * seed]
    chain = prepare((("numcodecs.pcodec", {}),), dtype, (500,))
    encoded = encode(chain, data(dtype, (500,), seed))
    for _ in range(2000):
        damaged = bytearray(encoded)
        for _ in range(rng.choice([1, 2, 8])):
            place = rng.randrange(8 * len(damaged))
            damaged[place // 8] ^= 1 << place % 8
        if rng.random() < 0.3:
            del damaged[rng.randrange(len(damaged)) :]
        with suppress(CorruptDataError):
            assert chain.decode(damaged).shape == (500,)
    capfd.readouterr()  # what Rust says of panics
