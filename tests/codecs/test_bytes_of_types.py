"""The `bytes` codec on strings of fixed length, dates and structures; numpy is the judge of where bytes lie."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.codecs.bytes import BytesCodec, Endian
from zarr_hdf5.codecs.fill import is_fill
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.data_type import as_integers
from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError

STRUCTS: list[Any] = [
    [("a", "<i2"), ("b", "<f8"), ("c", "S3")],
    [("a", "|i1"), ("b", [("x", "<u4"), ("y", "<U2")])],
    [("a", "<i2", (2, 3)), ("b", "<m8[s]")],
]
TYPES: list[Any] = ["S3", "<U2", "<M8[s]", "<m8[10us]", *STRUCTS]


def values(dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Other numbers, or their digits, in every field of every element."""
    array = np.zeros((4, 3), dtype)
    _fill_in(array)
    return array


def _fill_in(array: np.ndarray[Any, Any]) -> None:
    for name in array.dtype.names or ():
        _fill_in(array[name])
    if array.dtype.names is None:
        array[...] = np.arange(-3, array.size - 3).reshape(array.shape).astype(array.dtype)


def spec_of(array: np.ndarray[Any, Any]) -> ChunkSpec:
    fill: Any = np.zeros((), array.dtype)[()]
    return ChunkSpec(array.shape, array.dtype, fill)


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_both_byte_orders(dtype: Any, endian: Endian) -> None:
    wanted = np.dtype(dtype)
    array = values(wanted)
    spec = spec_of(array)
    codec = BytesCodec(endian).resolve(spec)
    encoded = bytes(byte_view(codec.serialize(array[::-1], spec)))
    assert encoded == array[::-1].astype(wanted.newbyteorder("<" if endian == "little" else ">")).tobytes()
    assert codec.encoded_nbytes(spec) == len(encoded)
    decoded = codec.deserialize(encoded, spec)
    assert decoded.dtype == wanted
    assert decoded.tobytes() == array[::-1].tobytes()


@pytest.mark.parametrize(
    "dtype",
    [
        *map(np.dtype, STRUCTS),
        np.dtype([("a", "<i1"), ("b", ">i8")], align=True),
        np.dtype({"names": ["a", "b"], "formats": [">i2", "<f4"], "offsets": [6, 0], "itemsize": 12}),
    ],
    ids=str,
)
def test_structures_without_byte_order_lie_as_in_memory(dtype: np.dtype[Any]) -> None:
    array = values(dtype)
    spec = spec_of(array)
    codec = BytesCodec(None).resolve(spec)
    encoded = codec.serialize(array, spec)
    decoded = codec.deserialize(encoded, spec)
    assert decoded.dtype == dtype
    assert np.shares_memory(decoded, array)  # nothing is copied, padding and all


@pytest.mark.parametrize("dtype", ["<U2", "<M8[s]"])
def test_others_have_a_byte_order(dtype: str) -> None:
    with pytest.raises(UnsupportedFeatureError, match="endian"):
        BytesCodec(None).resolve(spec_of(np.zeros(2, dtype)))


LOW_PRECISION: list[Any] = [
    np.dtype(ml_dtypes.bfloat16),
    np.dtype([("r", ml_dtypes.bfloat16), ("i", ml_dtypes.bfloat16)]),
    np.dtype([("a", "<i4"), ("b", [("x", ml_dtypes.bfloat16, (2,)), ("y", ml_dtypes.float8_e5m2)])]),
]


@pytest.mark.parametrize("dtype", LOW_PRECISION, ids=str)
def test_byte_order_of_numbers_of_few_bits(dtype: np.dtype[Any]) -> None:
    """The judge is numpy with integers in their place: of ml_dtypes' own it does not swap all."""
    array = np.frombuffer(bytes(range(12 * dtype.itemsize)), dtype).reshape(4, 3)
    spec = spec_of(array)
    integers = as_integers(dtype)
    for ordered in (integers.newbyteorder("<"), integers.newbyteorder(">")):
        codec = BytesCodec("little" if ordered == integers else "big").resolve(spec)
        encoded = bytes(byte_view(codec.serialize(array[::-1], spec)))
        assert encoded == array.view(integers)[::-1].astype(ordered).tobytes()
        decoded = codec.deserialize(encoded, spec)
        assert decoded.dtype == dtype
        assert decoded.tobytes() == array[::-1].tobytes()


@pytest.mark.parametrize("name", ["int4", "float4_e2m1fn", "float8_e5m2", "float8_e4m3fn"])
def test_bytes_need_no_order(name: str) -> None:
    dtype = np.dtype(name)
    spec = spec_of(np.zeros(256, dtype))
    codec = BytesCodec(None).resolve(spec)
    raw = bytes(range(256))
    mask = (1 << ml_dtypes.iinfo(dtype).bits if "int" in name else 1 << ml_dtypes.finfo(dtype).bits) - 1
    assert codec.deserialize(raw, spec).tobytes() == bytes(byte & mask for byte in raw)
    with pytest.raises(UnsupportedFeatureError, match="endian"):
        BytesCodec(None).resolve(spec_of(np.zeros(2, ml_dtypes.bfloat16)))


def test_unsound_elements() -> None:
    dtype = np.dtype([("ok", "?"), ("c", "<U1")])
    spec = spec_of(np.zeros(2, dtype))
    found = BytesCodec("little").deserialize(bytes((3, 97, 0, 0, 0, 0, 98, 0, 0, 0)), spec)
    assert found["ok"].tobytes() == b"\1\0"
    with pytest.raises(CorruptDataError, match="beyond Unicode"):
        BytesCodec("big").deserialize(bytes((3, 97, 0, 0, 0, 0, 98, 0, 0, 0)), spec)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_fill(dtype: Any) -> None:
    wanted = np.dtype(dtype)
    array = np.zeros((3, 2), wanted)
    fill = array[0, 0]
    assert is_fill(array, fill)
    assert is_fill(array[:, ::-1].T, fill)
    assert is_fill(array[:0], fill)
    array.view(np.uint8).reshape(6, -1)[5, -1] = 1
    assert not is_fill(array, fill)


@pytest.mark.parametrize(("fill", "other"), [("", "a"), ("ä", ""), (b"a\0", b"a"), (b"", "")])
def test_fill_of_objects(fill: str | bytes, other: str | bytes) -> None:
    array = np.full((2, 3), None, object)
    array[...] = fill
    assert is_fill(array, fill)
    array[1, 2] = other
    assert not is_fill(array, fill)
    assert not is_fill(np.array([np.arange(3), None], object), fill)
