"""`vlen-utf8` and `vlen-bytes`; numcodecs alone, which zarr-python uses, is the judge of what a chunk says."""

import struct
from typing import Any

import numcodecs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.buffer import byte_view
from zarr_hdf5.codecs.pipeline import PreparedChain
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.errors import CodecError, CorruptDataError, Problem

UTF8, BYTES = "vlen-utf8", "vlen-bytes"
JUDGES = {UTF8: numcodecs.VLenUTF8(), BYTES: numcodecs.VLenBytes()}
FILL: dict[str, str | bytes] = {UTF8: "", BYTES: b""}
ELEMENTS: dict[str, list[Any]] = {
    UTF8: ["", "a", "äöü", "\U0001f600\0", "x" * 1000, "\0"],
    BYTES: [b"", b"a", b"\xff\0", b"\0\0", b"x" * 1000, b"end"],
}


def prepare(name: str, shape: tuple[int, ...], *after: tuple[str, dict[str, Any]]) -> PreparedChain:
    problems: list[Problem] = []
    chain = parse_chain([(name, {}), *after], (), problems)
    assert chain is not None, problems
    return chain.prepare(ChunkSpec(shape, np.dtype(object), FILL[name]))


def objects(elements: list[Any], *shape: int) -> npt.NDArray[Any]:
    array = np.empty(len(elements), object)
    array[:] = elements
    return array.reshape(shape)


def encode(chain: PreparedChain, array: npt.NDArray[Any]) -> bytes:
    return bytes(byte_view(chain.encode(array)))


@pytest.mark.parametrize("name", [UTF8, BYTES])
@pytest.mark.parametrize("order", ["C", "F", "reversed"])
def test_both_ways_with_numcodecs(name: str, order: str) -> None:
    array = objects(ELEMENTS[name], 2, 3)
    array = array[:, ::-1] if order == "reversed" else np.asarray(array, order="F" if order == "F" else "C")
    chain = prepare(name, (2, 3))
    encoded = encode(chain, array)
    theirs = JUDGES[name].decode(encoded)
    assert theirs.tolist() == array.ravel().tolist()
    for source in (encoded, JUDGES[name].encode(np.ascontiguousarray(array))):
        decoded = chain.decode(memoryview(bytes(source)))
        assert decoded.dtype == np.dtype(object)
        assert decoded.tolist() == array.tolist()
        assert {type(element) for element in decoded.flat} == {type(FILL[name])}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.lists(st.binary()))
def test_anything(text: list[str], raw: list[bytes]) -> None:
    for name, elements in ((UTF8, text), (BYTES, raw)):
        chain = prepare(name, (len(elements),), ("zstd", {"level": 1}), ("crc32c", {}))
        assert chain.decode(encode(chain, objects(elements, -1))).tolist() == elements


@pytest.mark.parametrize("name", [UTF8, BYTES])
def test_scalars(name: str) -> None:
    chain = prepare(name, ())
    assert chain.decode(encode(chain, objects(ELEMENTS[name][2:3]))).tolist() == ELEMENTS[name][2]


WRONG: list[tuple[str, Any, str]] = [
    (UTF8, 5, "5 is not str"),
    (UTF8, None, "None is not str"),
    (UTF8, b"a", "b'a' is not str"),
    (UTF8, 0, "0 is not str"),  # which numcodecs takes for ""
    (UTF8, "a\ud800", "surrogates not allowed"),
    (BYTES, "a", "'a' is not bytes"),
    (BYTES, None, "None is not bytes"),
    (BYTES, np.arange(2), "is not bytes"),
]


@pytest.mark.parametrize(("name", "element", "message"), WRONG)
def test_what_is_no_element_is_named(name: str, element: Any, message: str) -> None:
    array = objects(ELEMENTS[name], 2, 3)
    array[1, 2] = element
    with pytest.raises(CodecError, match=message) as raised:
        prepare(name, (2, 3)).encode(array)
    assert "(1, 2)" in str(raised.value)


def chunk(*parts: int | bytes) -> bytes:
    return b"".join(part if isinstance(part, bytes) else struct.pack("<I", part) for part in parts)


CORRUPT = {
    "empty": b"",
    "half a number": b"\2\0",
    "fewer elements": chunk(1, 1, b"a"),
    "more elements": chunk(3, 1, b"a", 1, b"b", 0),
    "four billion elements": chunk(2**32 - 1, 1, b"a", 1, b"b"),
    "no second element": chunk(2, 1, b"a"),
    "half a length": chunk(2, 1, b"a", b"\1\0"),
    "longer than the chunk": chunk(2, 1, b"a", 2, b"b"),
    "four billion bytes": chunk(2, 1, b"a", 2**32 - 1, b"b"),
    "a negative length": chunk(2, 2**31, b"a", 1, b"b"),
    "bytes behind the last": chunk(2, 1, b"a", 1, b"b", b"\0"),
}


@pytest.mark.parametrize("name", [UTF8, BYTES])
@pytest.mark.parametrize("data", CORRUPT.values(), ids=CORRUPT)
def test_corrupt_chunks(name: str, data: bytes) -> None:
    with pytest.raises(CorruptDataError, match=name):
        prepare(name, (2,)).decode(data)


def test_what_is_not_utf8() -> None:
    with pytest.raises(CorruptDataError, match="UnicodeDecodeError"):
        prepare(UTF8, (1,)).decode(chunk(1, 2, b"\xff\xfe"))


@given(st.binary(max_size=40))
def test_any_bytes_are_elements_or_an_error(data: bytes) -> None:
    for name in (UTF8, BYTES):
        try:
            found = prepare(name, (2,)).decode(data)
        except CorruptDataError:
            continue
        assert encode(prepare(name, (2,)), found) == data


def test_a_chunk_of_more_than_a_gibibyte_is_not_written() -> None:
    array = objects([b"x" * 2**20] * 1025, -1)  # the same object again and again
    with pytest.raises(CodecError, match="not written"):
        prepare(BYTES, (1025,)).encode(array)
