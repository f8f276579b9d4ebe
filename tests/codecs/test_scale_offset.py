"""`scale_offset` against Python's own integers, and numpy's floats."""

from typing import Any

import numpy as np
import pytest
from codec_cases import LITTLE, encode, prepare
from hypothesis import given, settings
from hypothesis import strategies as st

from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.errors import CodecError, CorruptDataError, InvalidMetadataError

INTEGERS = ["|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8"]


def documents(**configuration: Any) -> Any:
    return (("scale_offset", configuration), LITTLE)


@pytest.mark.parametrize("dtype", INTEGERS)
@settings(deadline=None)
@given(data=st.data())
def test_integers_are_exact_or_an_error(dtype: str, data: st.DataObject) -> None:
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)
    numbers = st.integers(low, high) | st.integers(max(low, -9), 9)
    values = data.draw(st.lists(numbers, min_size=1, max_size=6))
    offset = data.draw(numbers)
    scale = data.draw(st.sampled_from([1, 2, 3, 7, *([-1, -2] if low else [])]) | numbers.filter(bool))
    fill = np.array([offset], dtype)[0]  # which becomes 0, and is no trouble
    chain = parse_chain(documents(offset=offset, scale=scale), (), [])
    assert chain is not None
    prepared = chain.prepare(ChunkSpec((len(values),), np.dtype(dtype), fill))
    assert prepared.encoded_spec.fill_value == 0
    steps = [step for value in values for step in (value - offset, (value - offset) * scale)]
    array = np.array(values, dtype)
    if all(low <= step <= high for step in steps):
        encoded = np.frombuffer(bytes(prepared.encode(array)), dtype)
        assert encoded.tolist() == steps[1::2]
        assert prepared.decode(encoded.tobytes()).tolist() == values
    else:
        with pytest.raises(CodecError, match="scale_offset"):
            prepared.encode(array)


@pytest.mark.parametrize("dtype", INTEGERS)
@settings(deadline=None)
@given(data=st.data())
def test_integers_decoded(dtype: str, data: st.DataObject) -> None:
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)
    numbers = st.integers(low, high) | st.integers(max(low, -9), 9)
    stored = data.draw(st.lists(numbers, min_size=1, max_size=4))
    offset = data.draw(numbers)
    scale = data.draw(st.sampled_from([1, 2, 3, *([-1] if low else [])]))
    chain = parse_chain(documents(offset=offset, scale=scale), (), [])
    assert chain is not None
    prepared = chain.prepare(ChunkSpec((len(stored),), np.dtype(dtype), np.array([offset], dtype)[0]))
    encoded = np.array(stored, dtype).tobytes()
    quotients = [number // scale for number in stored]
    fits = all(low <= step <= high for q in quotients for step in (q, q + offset))
    if fits and all(number % scale == 0 for number in stored):
        assert prepared.decode(encoded).tolist() == [q + offset for q in quotients]
    else:
        with pytest.raises(CorruptDataError, match="scale_offset"):
            prepared.decode(encoded)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
def test_floats_are_computed_in_their_own_type(dtype: str) -> None:
    array = np.random.default_rng(0).normal(0, 100, 50).astype(dtype)
    chain = prepare(documents(offset=5, scale=0.1), dtype, (50,))
    kind = np.dtype(dtype).type
    assert encode(chain, array) == ((array - kind(5)) * kind(0.1)).astype(dtype).tobytes()
    assert chain.decode(array.tobytes()).tobytes() == (array / kind(0.1) + kind(5)).astype(dtype).tobytes()


def test_floats_may_be_special() -> None:
    array = np.array([np.nan, np.inf, -np.inf, 3e38, -0.0], "<f4")
    chain = prepare(documents(scale=10), "<f4", (5,))
    assert np.frombuffer(encode(chain, array), "<f4").astype(str).tolist() == ["nan", "inf", "-inf", "inf", "-0.0"]


@pytest.mark.parametrize(
    ("configuration", "wanted"),
    [
        ({}, {"offset": 0, "scale": 1}),
        ({"offset": "0x40a00000", "scale": 2}, {"offset": "0x40a00000", "scale": 2}),
        ({"scale": 0.1}, {"offset": 0, "scale": 0.1}),
    ],
)
def test_numbers_stay_as_they_were_written(configuration: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert prepare(documents(**configuration), "<f4", (2,)).chain.to_json()[0]["configuration"] == wanted


def test_numbers_as_fill_values_are_written() -> None:
    chain = prepare(documents(offset="0x40a00000"), "<f4", (1,))
    assert np.frombuffer(encode(chain, np.array([7], "<f4")), "<f4").tolist() == [2]


@pytest.mark.parametrize(
    ("configuration", "dtype", "why"),
    [
        ({"scale": 0}, "<f4", "must not be 0"),
        ({"scale": "0x00000000"}, "<f4", "must not be 0"),
        ({"scale": 0.5}, "<i4", "scale"),
        ({"offset": 300}, "|u1", "offset"),
        ({"offset": -1}, "|u1", "offset"),
        ({"offset": "five"}, "<f4", "offset"),
        ({"offset": 1}, "|u1", "fill value"),
    ],
)
def test_numbers_that_are_none_of_the_type(configuration: dict[str, Any], dtype: str, why: str) -> None:
    with pytest.raises(InvalidMetadataError, match=why):
        prepare(documents(**configuration), dtype, (2,))
