"""`zfp` and `numcodecs.zfpy`: the streams of zfpy itself, and what damage does to them."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zfpy
from codec_cases import encode, prepare

from zarr_hdf5.errors import CodecError, CorruptDataError, UnsupportedFeatureError

Array = npt.NDArray[Any]

MODES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"mode": "reversible"}, {}, {}),
    ({"mode": "fixed_accuracy", "tolerance": 0.25}, {"mode": 4, "tolerance": 0.25}, {"tolerance": 0.25}),
    ({"mode": "fixed_accuracy", "tolerance": 0}, {"mode": 4, "tolerance": 0}, {"tolerance": 0}),
    ({"mode": "fixed_rate", "rate": 3}, {"mode": 2, "rate": 3}, {"rate": 3}),
    ({"mode": "fixed_rate", "rate": 10.5}, {"mode": 2, "rate": 10.5}, {"rate": 10.5}),
    ({"mode": "fixed_rate", "rate": 64}, {"mode": 2, "rate": 64}, {"rate": 64}),
    ({"mode": "fixed_precision", "precision": 13}, {"mode": 3, "precision": 13}, {"precision": 13}),
]
SHAPES = [(1,), (17,), (5, 6), (1, 9), (3, 4, 5), (2, 3, 4, 5), (5, 1, 6, 1)]


def smooth(shape: tuple[int, ...], dtype: str) -> Array:
    return (np.cumsum(np.random.default_rng(0).normal(0, 9, prod(shape))).reshape(shape) * 10).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["<i4", "<i8", "<f4", "<f8"])
@pytest.mark.parametrize(("zfp", "numcodecs", "keywords"), MODES)
def test_streams_are_those_of_zfpy(
    zfp: dict[str, Any], numcodecs: dict[str, Any], keywords: dict[str, Any], dtype: str, shape: tuple[int, ...]
) -> None:
    array = smooth(shape, dtype)
    decoded = zfpy.decompress_numpy(zfpy.compress_numpy(array, **keywords))
    for name, configuration, header in (("zfp", zfp, False), ("numcodecs.zfpy", numcodecs, True)):
        chain = prepare(((name, configuration),), dtype, shape)
        encoded = encode(chain, array)
        assert encoded == zfpy.compress_numpy(array, write_header=header, **keywords)
        assert chain.encoded_nbytes in (None, len(encoded))
        assert (chain.encoded_nbytes is None) == ("rate" not in keywords)
        assert chain.decode(encoded).tobytes() == decoded.tobytes()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["<i4", "<i8", "<f4", "<f8"])
def test_no_noise_is_longer_than_the_bound(dtype: str, shape: tuple[int, ...]) -> None:
    nbytes = prod(shape) * np.dtype(dtype).itemsize
    noise = np.frombuffer(np.random.default_rng(1).bytes(nbytes), dtype).reshape(shape)
    for name, configuration in (("zfp", {"mode": "reversible"}), ("numcodecs.zfpy", {})):
        chain = prepare(((name, configuration),), dtype, shape)
        encoded = encode(chain, noise)
        assert len(encoded) <= chain.max_encoded_nbytes
        assert chain.decode(encoded).tobytes() == noise.tobytes()


@pytest.mark.parametrize("dtype", ["|i1", "|u1", "<i2", "<u2"])
def test_short_integers_are_promoted(dtype: str) -> None:
    """As the page has it: to 31 bits, unsigned ones around zero."""
    limits, bits = np.iinfo(dtype), 8 * np.dtype(dtype).itemsize
    array = np.array([limits.min, limits.max, 0, 1, 7], dtype)
    promoted = (array.astype("<i8") - (2 ** (bits - 1) if dtype[1] == "u" else 0)) << (31 - bits)
    chain = prepare((("zfp", {"mode": "reversible"}),), dtype, (5,))
    assert encode(chain, array) == zfpy.compress_numpy(promoted.astype("<i4"), write_header=False)
    assert chain.decode(encode(chain, array)).tolist() == array.tolist()


def test_lossy_short_integers_stay_in_their_type() -> None:
    array = np.array([0, 255] * 20, "|u1")
    decoded = (chain := prepare((("zfp", {"mode": "fixed_rate", "rate": 4}),), "|u1", (40,))).decode(
        chain.encode(array)
    )
    assert np.abs(decoded.astype(int) - array).max() < 100


@pytest.mark.parametrize("dtype", ["<u4", "<u8"])
def test_unsigned_integers_that_zfp_has_no_bits_for(dtype: str) -> None:
    chain = prepare((("zfp", {"mode": "reversible"}),), dtype, (2,))
    array = np.array([1, np.iinfo(dtype).max // 2], dtype)
    assert chain.decode(chain.encode(array)).tolist() == array.tolist()
    with pytest.raises(CodecError, match="greater"):
        chain.encode(array + array.dtype.type(1))


@pytest.mark.parametrize("name", ["zfp", "numcodecs.zfpy"])
def test_every_truncation_is_found(name: str) -> None:
    configuration: dict[str, Any] = (
        {"mode": "fixed_accuracy", "tolerance": 0.5} if name == "zfp" else {"tolerance": 0.5}
    )
    array = smooth((9, 10, 3), "<f8")
    chain = prepare(((name, configuration),), "<f8", array.shape)
    encoded = encode(chain, array)
    for length in range(len(encoded) - 7):
        with pytest.raises(CorruptDataError):
            chain.decode(encoded[:length])


def test_header_of_another_chunk() -> None:
    array = smooth((6, 4), "<f4")
    chain = prepare((("numcodecs.zfpy", {"tolerance": 0.5}),), "<f4", (6, 4))
    others = [
        zfpy.compress_numpy(array.T.copy(), tolerance=0.5),
        zfpy.compress_numpy(array.ravel(), tolerance=0.5),
        zfpy.compress_numpy(array.astype("f8"), tolerance=0.5),
        zfpy.compress_numpy(array.view("<i4"), tolerance=0.5),
        zfpy.compress_numpy(array, tolerance=0.0001),
        zfpy.compress_numpy(array),
        zfpy.compress_numpy(array, rate=64),
        b"zfp\x04" + zfpy.compress_numpy(array, tolerance=0.5)[4:],
    ]
    for other in others:
        with pytest.raises(CorruptDataError, match="header"):
            chain.decode(other)


def test_streams_of_another_length() -> None:
    array = smooth((30,), "<f4")
    chain = prepare((("zfp", {"mode": "fixed_rate", "rate": 9}),), "<f4", (30,))
    encoded = encode(chain, array)
    for other in (b"", encoded[:-8], encoded + bytes(8)):
        with pytest.raises(CorruptDataError, match="length"):
            chain.decode(other)
    chain = prepare((("zfp", {"mode": "reversible"}),), "<f4", (30,))
    with pytest.raises(CorruptDataError, match="length"):
        chain.decode(bytes(10000))


@pytest.mark.parametrize(
    ("dtype", "shape", "rate", "bits"),
    [
        ("<f4", (9,), 2, 9),
        ("<f8", (9,), 2.8, 12),
        ("<f4", (9, 9), 0.5, 9),
        ("<i4", (9,), 0.1, 1),
        ("<f8", (3, 3, 3), 0.1, 12),
    ],
)
def test_rates_that_leave_no_room_for_exponents(dtype: str, shape: tuple[int, ...], rate: float, bits: int) -> None:
    """At these zfp writes beyond its memory."""
    for document in (("zfp", {"mode": "fixed_rate", "rate": rate}), ("numcodecs.zfpy", {"mode": 2, "rate": rate})):
        with pytest.raises(UnsupportedFeatureError, match=f"need {bits} bits"):
            prepare((document,), dtype, shape)
    enough = bits / 4 ** len(shape)
    chain = prepare((("zfp", {"mode": "fixed_rate", "rate": enough}),), dtype, shape)
    assert chain.decode(chain.encode(smooth(shape, dtype))).shape == shape


def test_chunks_too_long_for_the_header() -> None:
    prepare((("numcodecs.zfpy", {}),), "<f4", (4096, 1, 1, 1))
    with pytest.raises(UnsupportedFeatureError, match="header"):
        prepare((("numcodecs.zfpy", {}),), "<f4", (4097, 1, 1, 1))


def test_special_floats_are_kept_without_loss() -> None:
    array = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-40, 3], "<f4")
    chain = prepare((("zfp", {"mode": "reversible"}),), "<f4", (6,))
    assert chain.decode(chain.encode(array)).tobytes() == array.tobytes()
