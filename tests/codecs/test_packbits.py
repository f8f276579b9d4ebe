"""`packbits` against the bits of Python's integers."""

from typing import Any

import ml_dtypes
import numcodecs
import numpy as np
import numpy.typing as npt
import pytest
from codec_cases import encode, prepare
from hypothesis import given, settings
from hypothesis import strategies as st

from zarr_hdf5.codecs.packbits import PackBitsCodec
from zarr_hdf5.codecs.pipeline import CodecChain
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import CorruptDataError

Array = npt.NDArray[Any]


def packed(numbers: list[int], width: int, padding: str) -> bytes:
    """Numbers of `width` bits, one behind the other."""
    bits = sum(number << (i * width) for i, number in enumerate(numbers))
    nbytes = -(-len(numbers) * width // 8)
    count = bytes([8 * nbytes - len(numbers) * width])
    data = bits.to_bytes(nbytes, "little")
    return {"none": data, "first_byte": count + data, "last_byte": data + count}[padding]


@pytest.mark.parametrize("dtype", ["|i1", "|u1", "<i2", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"])
@settings(deadline=None)
@given(data=st.data())
def test_bits(dtype: str, data: st.DataObject) -> None:
    nbits = 8 * np.dtype(dtype).itemsize
    words = data.draw(st.lists(st.integers(0, 2**nbits - 1), min_size=1, max_size=20))
    first = data.draw(st.integers(0, nbits - 1))
    last = data.draw(st.integers(first, nbits - 1))
    padding = data.draw(st.sampled_from(["none", "first_byte", "last_byte"]))
    array = np.array(words, f"<u{nbits // 8}").view(dtype)
    configuration = {"padding_encoding": padding, "first_bit": first, "last_bit": last}
    chain = prepare((("packbits", configuration),), dtype, array.shape)
    kept = [(word >> first) & ((1 << (last - first + 1)) - 1) for word in words]
    encoded = encode(chain, array)
    assert encoded == packed(kept, last - first + 1, padding)
    negative = 2**nbits - 2 ** (last + 1) if "i" in dtype else 0
    wanted = [(number << first) | (negative if number >> (last - first) else 0) for number in kept]
    assert chain.decode(encoded).view(f"<u{nbits // 8}").tolist() == wanted


@pytest.mark.parametrize("size", [1, 7, 8, 9, 64, 65536 + 5, 3 * 65536])
def test_bools_of_any_number(size: int) -> None:
    array = np.random.default_rng(size).integers(0, 2, size).astype("?")
    chain = prepare((("packbits", {}),), "|b1", (size,))
    assert encode(chain, array) == np.packbits(array, bitorder="little").tobytes()
    np.testing.assert_array_equal(chain.decode(encode(chain, array)), array)


def test_many_chunks_at_once() -> None:
    chain = prepare((("packbits", {"last_bit": 10}),), "<u2", (5, 7))
    arrays = np.random.default_rng(0).integers(0, 2048, (9, 5, 7)).astype("<u2")
    encoded = [bytes(buffer) for buffer in chain.encode_many(arrays)]
    assert encoded == [encode(chain, array) for array in arrays]
    np.testing.assert_array_equal(chain.decode_many(encoded), arrays)


def test_complex_numbers_are_two_components() -> None:
    array = np.array([1 + 2j, -3 - 4j], "<c8")
    documents = (("packbits", {"first_bit": 16}),)
    both = prepare(documents, "<c8", (2,))
    assert encode(both, array) == encode(prepare(documents, "<f4", (4,)), array.view("<f4"))
    np.testing.assert_array_equal(both.decode(encode(both, array)), array)


SMALL = ["int2", "uint2", "int4", "uint4", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "float8_e4m3", "bfloat16"]


@pytest.mark.parametrize("name", SMALL)
def test_numbers_of_few_bits(name: str) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name))
    bits = 8 * dtype.itemsize if dtype.itemsize > 1 else int(name[name.index("t") + 1])
    codes = np.arange(2 ** min(bits, 8)).astype(f"u{dtype.itemsize}")
    if name.startswith("int"):
        codes = np.where(codes >> (bits - 1), codes | (256 - 2**bits), codes).astype("u1")
    array = codes.view(dtype)
    spec = ChunkSpec(array.shape, dtype, array[0])
    chain = CodecChain((), PackBitsCodec(), ()).prepare(spec)
    assert encode(chain, array) == packed((codes & (2**bits - 1)).tolist(), bits, "none")
    assert chain.decode(encode(chain, array)).tobytes() == array.tobytes()


def test_numcodecs_packs_the_same_from_the_other_end() -> None:
    """So `first_byte` is its layout, but bits in a byte go the other way: the page's claim is not quite true."""
    array = np.random.default_rng(0).integers(0, 2, 21).astype("?")
    theirs = numcodecs.PackBits().encode(array)
    ours = encode(prepare((("packbits", {"padding_encoding": "first_byte"}),), "|b1", (21,)), array)
    assert ours[0] == theirs[0]
    mirrored = np.packbits(np.unpackbits(theirs[1:]).reshape(-1, 8)[:, ::-1])
    assert ours[1:] == mirrored.tobytes()


@pytest.mark.parametrize(("padding", "place"), [("first_byte", 0), ("last_byte", -1)])
def test_wrong_padding(padding: str, place: int) -> None:
    chain = prepare((("packbits", {"padding_encoding": padding}),), "|b1", (13,))
    encoded = bytearray(encode(chain, np.ones(13, "?")))
    assert encoded[place] == 3
    encoded[place] = 4
    with pytest.raises(CorruptDataError, match="padding"):
        chain.decode(encoded)
