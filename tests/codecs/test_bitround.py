"""`bitround` against numcodecs, against exact arithmetic, and against examples of zarrs' documentation."""

from typing import Any

import numcodecs
import numpy as np
import numpy.typing as npt
import pytest
from codec_cases import LITTLE, prepare
from hypothesis import given, settings
from hypothesis import strategies as st

Array = npt.NDArray[Any]
WIDTHS = {"<f2": 10, "<f4": 23, "<f8": 52}


def rounded(array: Array, keepbits: int) -> Array:
    chain = prepare((("bitround", {"keepbits": keepbits}), LITTLE), array.dtype.str, array.shape)
    encoded = chain.encode(array)
    decoded = chain.decode(encoded)
    np.testing.assert_array_equal(chain.decode(chain.encode(decoded)), decoded)
    return decoded


@pytest.mark.parametrize("dtype", WIDTHS)
@settings(deadline=None)
@given(data=st.data())
def test_floats_as_numcodecs_rounds_them(dtype: str, data: st.DataObject) -> None:
    bits = 8 * np.dtype(dtype).itemsize
    words = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=20))
    array = np.array(words, f"u{bits // 8}").view(dtype)
    array = np.where(np.isnan(array), 0, array).astype(dtype)  # numcodecs makes anything of NaN
    keepbits = data.draw(st.integers(1, WIDTHS[dtype]))
    assert rounded(array, keepbits).tobytes() == numcodecs.BitRound(keepbits).encode(array).tobytes()


@pytest.mark.parametrize("dtype", WIDTHS)
def test_nan_and_infinity_stay(dtype: str) -> None:
    word = f"<u{np.dtype(dtype).itemsize}"
    payloads = np.array([np.nan, -np.nan, np.inf, -np.inf], dtype).view(word)
    payloads = np.concatenate([payloads, payloads[:2] + 1, ~np.array([0], word)])
    assert rounded(payloads.view(dtype), 1).view(word).tolist() == payloads.tolist()


def test_more_bits_than_there_are_change_nothing() -> None:
    array = np.random.default_rng(0).normal(size=9).astype("<f4")
    assert rounded(array, 24).tobytes() == array.tobytes()


def test_complex_numbers_are_two_floats() -> None:
    array = np.random.default_rng(0).normal(size=(3, 4, 2))
    found = rounded(array.view("<c16")[..., 0], 7)
    assert found.tobytes() == rounded(array, 7).tobytes()


def test_examples_of_integers() -> None:
    array = np.array([0, 1024, 1280, 1664, 1685, 123145182, 4294967295], "<u4")
    assert rounded(array, 3).tolist() == [0, 1024, 1280, 1536, 1792, 117440512, 3758096384]
    array = np.array([0, 3, 7, 15, 17, 54, 89, 128, 255], "|u1")
    assert rounded(array, 3).tolist() == [0, 3, 7, 16, 16, 56, 96, 128, 224]


@pytest.mark.parametrize("dtype", ["|u1", "<u2", "<u4", "<u8", "|i1", "<i2", "<i4", "<i8", "<M8[s]", "<m8[ns]"])
@settings(deadline=None)
@given(data=st.data())
def test_integers_exactly(dtype: str, data: st.DataObject) -> None:
    size = np.dtype(dtype).itemsize
    words = data.draw(st.lists(st.integers(0, 2 ** (8 * size) - 1), min_size=1, max_size=20))
    keepbits = data.draw(st.integers(1, 8 * size + 2))
    found = rounded(np.array(words, f"<u{size}").view(dtype), keepbits).view(f"<u{size}").tolist()
    for word, result in zip(words, found, strict=True):
        unit = 2 ** max(word.bit_length() - keepbits, 0)
        nearest = round(word / unit) if word < 2**53 else (word + unit // 2 - (0 if word // unit % 2 else 1)) // unit
        nearest = word if unit == 1 else nearest
        wanted = unit * nearest
        assert result == (wanted if wanted < 2 ** (8 * size) else wanted - unit)
