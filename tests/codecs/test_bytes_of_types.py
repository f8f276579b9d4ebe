"""The `bytes` codec on strings of fixed length, dates and structures; numpy is the judge of where bytes lie."""

from typing import Any

import numpy as np
import pytest

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.codecs.bytes import BytesCodec, Endian
from zarr_hdf5.codecs.fill import is_fill
from zarr_hdf5.codecs.protocol import ChunkSpec
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
