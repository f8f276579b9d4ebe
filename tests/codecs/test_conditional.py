"""`conditional`: made and read by hand, for no other program has it."""

import zlib
from typing import Any

import numpy as np
import pytest
import zstandard
from codec_cases import LITTLE, encode, prepare

from zarr_hdf5.errors import CorruptDataError

SHUFFLE = {"name": "numcodecs.shuffle", "configuration": {"elementsize": 4}}
ZLIB = {"name": "numcodecs.zlib", "configuration": {"level": 1}}
ZSTD = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
ARRAY = np.arange(1000, dtype="<u4")
SHUFFLED = ARRAY.view("u1").reshape(1000, 4).T.tobytes()


def documents(*codecs: dict[str, Any], **options: Any) -> Any:
    return (LITTLE, ("conditional", {"codecs": list(codecs), **options}))


@pytest.mark.parametrize(
    ("mask", "body"),
    [
        (0, ARRAY.tobytes()),
        (1, SHUFFLED),
        (2, zlib.compress(ARRAY.tobytes())),
        (4, zstandard.compress(ARRAY.tobytes())),
        (3, zlib.compress(SHUFFLED)),
        (7, zstandard.compress(zlib.compress(SHUFFLED))),
    ],
)
@pytest.mark.parametrize("header_bits", [None, 8, 16, 40])
def test_every_choice_is_read(mask: int, body: bytes, header_bits: int | None) -> None:
    options = {} if header_bits is None else {"header_bits": header_bits}
    chain = prepare(documents(SHUFFLE, ZLIB, ZSTD, **options), "<u4", (1000,))
    header = mask.to_bytes((header_bits or 8) // 8, "little")
    np.testing.assert_array_equal(chain.decode(header + body), ARRAY)


def test_codecs_are_applied_where_they_make_chunks_shorter() -> None:
    chain = prepare(documents(SHUFFLE, ZLIB), "<u4", (1000,))
    encoded = encode(chain, ARRAY)
    assert encoded[0] == 3
    assert zlib.decompress(encoded[1:]) == SHUFFLED
    noise = np.frombuffer(np.random.default_rng(0).bytes(4000), "<u4")
    assert encode(chain, noise) == b"\0" + noise.tobytes()
    assert chain.max_encoded_nbytes == 4001


def test_more_than_eight_codecs() -> None:
    chain = prepare(documents(*[ZLIB] * 9), "<u4", (1000,))
    assert chain.chain.to_json()[1]["configuration"]["header_bits"] == 16
    np.testing.assert_array_equal(chain.decode(b"\x00\x01" + zlib.compress(ARRAY.tobytes())), ARRAY)


def test_no_codecs_at_all() -> None:
    chain = prepare(documents(), "<u4", (1000,))
    assert encode(chain, ARRAY) == ARRAY.tobytes()


@pytest.mark.parametrize("encoded", [b"", b"\4" + ARRAY.tobytes(), b"\1" + ARRAY.tobytes(), b"\0", b"\2" + b"x" * 9])
def test_damage(encoded: bytes) -> None:
    with pytest.raises(CorruptDataError):
        prepare(documents(ZSTD, ZLIB), "<u4", (1000,)).decode(encoded)


def test_within_each_other() -> None:
    inner = {"name": "conditional", "configuration": {"codecs": [ZLIB], "header_bits": 8}}
    chain = prepare(documents(inner, ZSTD), "<u4", (1000,))
    encoded = encode(chain, ARRAY)
    np.testing.assert_array_equal(chain.decode(encoded), ARRAY)
    assert chain.chain.to_json()[1]["configuration"]["codecs"] == [inner, ZSTD]
