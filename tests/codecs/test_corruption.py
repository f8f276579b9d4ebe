import bz2
import gzip
import lzma
import random
import struct
import subprocess
import sys
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any

import numcodecs
import numpy as np
import pytest
import zstandard
from codec_cases import BLOSC, CASE_IDS, CASES_BY_DTYPE, CONDITIONAL, LITTLE, Case, Document, data, encode, prepare

from zarr_hdf5.codecs.pipeline import PreparedChain
from zarr_hdf5.errors import ChecksumError, CorruptDataError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

every_case = pytest.mark.parametrize(("case", "dtype"), CASES_BY_DTYPE, ids=CASE_IDS)


def encoded_case(case: Case, dtype: str) -> tuple[PreparedChain, bytes]:
    chain = prepare(case.documents, dtype, case.shape)
    return chain, encode(chain, data(dtype, case.shape))


@every_case
def test_truncated(case: Case, dtype: str) -> None:
    chain, encoded = encoded_case(case, dtype)
    for length in {0, 1, 3, 4, 15, 16, 17, len(encoded) // 2, len(encoded) - 5, len(encoded) - 4, len(encoded) - 1}:
        if 0 <= length < len(encoded) - case.padding:
            with pytest.raises(CorruptDataError):
                chain.decode(encoded[:length])
        elif 0 <= length < len(encoded):
            with suppress(CorruptDataError):
                assert chain.decode(encoded[:length]).tobytes() == chain.decode(encoded).tobytes()


@every_case
@pytest.mark.parametrize("garbage", [b"x", b"\0garbage", bytes(range(40))])
def test_garbage_behind(case: Case, dtype: str, garbage: bytes) -> None:
    chain, encoded = encoded_case(case, dtype)
    if case.open_ended:
        with suppress(CorruptDataError):  # longer than any chunk
            assert chain.decode(encoded + garbage).tobytes() == chain.decode(encoded).tobytes()
        return
    with pytest.raises(CorruptDataError):
        chain.decode(encoded + garbage)


@every_case
def test_flipped_bits(case: Case, dtype: str) -> None:
    chain, encoded = encoded_case(case, dtype)
    original = chain.decode(encoded).tobytes()
    rng = random.Random(1)
    places = range(min(8 * len(encoded), 400))
    for place in [*places, *(rng.randrange(8 * len(encoded)) for _ in range(100))]:
        damaged = bytearray(encoded)
        damaged[place // 8] ^= 1 << place % 8
        try:
            decoded = chain.decode(damaged)
        except CorruptDataError:
            continue
        assert decoded.shape == chain.spec.shape
        assert decoded.dtype == chain.spec.dtype
        # Some bits mean nothing, such as the time in gzip's header.
        assert not case.checked or decoded.tobytes() == original


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (("crc32c", {}), 0),
        (("crc32c", {}), -1),
        (("numcodecs.crc32", {}), 0),
        (("numcodecs.adler32", {"location": "end"}), 3),
        (("numcodecs.fletcher32", {}), 5),
        (("numcodecs.fletcher32", {}), -2),
    ],
)
def test_checksum_errors(document: Document, place: int) -> None:
    chain = prepare((LITTLE, document), "<u2", (10,))
    damaged = bytearray(encode(chain, data("<u2", (10,))))
    damaged[place] ^= 1
    with pytest.raises(ChecksumError, match=document[0]):
        chain.decode(damaged)


ZEROS = bytes(64 << 20)


def zstd_without_size() -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(ZEROS)


def blosc_header(nbytes: int, blocksize: int, cbytes: int) -> bytes:
    return struct.pack("<BBBBIII", 2, 1, 0x91, 4, nbytes, blocksize, cbytes) + bytes(cbytes - 16)


def lzma_of_4_gib_dictionary() -> bytes:
    stream = bytearray(lzma.compress(bytes(1000), format=lzma.FORMAT_ALONE))
    stream[1:5] = b"\xff\xff\xff\xff"
    return bytes(stream)


BOMBS: list[tuple[str, Document, Any]] = [
    ("zlib", ("numcodecs.zlib", {}), lambda: zlib.compress(ZEROS, 1)),
    ("gzip", ("gzip", {}), lambda: gzip.compress(ZEROS, 1)),
    ("gzip members", ("gzip", {}), lambda: gzip.compress(bytes(500)) * 5000),
    ("gzip empty members", ("gzip", {}), lambda: gzip.compress(b"") * 20000 + gzip.compress(bytes(1001))),
    ("bz2", ("numcodecs.bz2", {}), lambda: bz2.compress(ZEROS, 9)),
    ("lzma", ("numcodecs.lzma", {}), lambda: lzma.compress(ZEROS, preset=0)),
    ("lzma dictionary", ("numcodecs.lzma", {"format": 2}), lzma_of_4_gib_dictionary),
    ("lz4", ("numcodecs.lz4", {}), lambda: numcodecs.LZ4().encode(ZEROS)),
    ("lz4 header", ("numcodecs.lz4", {}), lambda: b"\xff\xff\xff\x7f" + bytes(100)),
    ("lz4 negative", ("numcodecs.lz4", {}), lambda: b"\xff\xff\xff\xff" + bytes(100)),
    ("zstd", ("zstd", {}), lambda: zstandard.compress(ZEROS)),
    ("zstd without size", ("zstd", {}), zstd_without_size),
    ("zstd frames", ("zstd", {}), lambda: zstandard.compress(bytes(500)) * 5000),
    ("zstd header", ("zstd", {}), lambda: b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 7 + b"\x00" + b"\x01\0\0"),
    ("blosc", ("blosc", BLOSC), lambda: numcodecs.Blosc("zstd").encode(ZEROS)),
    ("conditional", ("conditional", CONDITIONAL), lambda: b"\2" + zstandard.compress(ZEROS)),
    ("blosc header", ("blosc", BLOSC), lambda: blosc_header(2**32 - 1, 1000, 100)),
    ("blosc block", ("blosc", BLOSC), lambda: blosc_header(1000, 2**32 - 1, 100)),
    ("blosc blocks", ("blosc", BLOSC), lambda: blosc_header(1000, 1, 100)),
]


@pytest.mark.parametrize(("document", "make"), [bomb[1:] for bomb in BOMBS], ids=[bomb[0] for bomb in BOMBS])
@pytest.mark.parametrize("behind", [False, True])
def test_bombs_are_found_before_the_memory_is_taken(document: Document, make: Any, behind: bool) -> None:
    # With zstd inside, the bomb's right length is not known, only a limit.
    documents = (LITTLE, ("zstd", {}), document) if behind else (LITTLE, document)
    chain, bomb = prepare(documents, "|u1", (1000,)), make()
    tracemalloc.start()
    try:
        with pytest.raises(CorruptDataError):
            chain.decode(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


BYTE_CASES = [case for case, dtype in CASES_BY_DTYPE if dtype == "|u1" and case.documents[0][0] == "bytes"]


@pytest.mark.parametrize("nbytes", [999, 1001])
@pytest.mark.parametrize("case", BYTE_CASES, ids=lambda case: case.id)
def test_chunks_of_another_length(case: Case, nbytes: int) -> None:
    documents = tuple(
        (name, {**conf, "elementsize": 1} if name == "numcodecs.shuffle" else conf) for name, conf in case.documents
    )
    other = prepare(documents, "|u1", (nbytes,)).encode(data("|u1", (nbytes,)))
    with pytest.raises(CorruptDataError):
        prepare(documents, "|u1", (1000,)).decode(other)


def test_packbits_with_other_padding() -> None:
    chain = prepare((("numcodecs.packbits", {}), LITTLE), "|b1", (13,))
    for padding in (0, 2, 4, 8, 255):
        with pytest.raises(CorruptDataError, match="padding"):
            chain.decode(bytes([padding, 1, 2]))
    assert np.flatnonzero(chain.decode(bytes([3, 0x80, 0x08]))).tolist() == [0, 12]


FUZZ_BLOSC = """
import random, struct, sys
import numpy as np
from codec_cases import LITTLE, prepare
from zarr_hdf5.errors import CorruptDataError

rng, tried = random.Random(int(sys.argv[1])), 0

class Some:
    "A `Wanted` of some blocks."
    def __init__(self, count, nbytes):
        self.count, self.nbytes = count, nbytes
    def blocks(self, nbytes):
        blocks = -(-self.nbytes // nbytes)
        return np.array([[rng.random() < 0.3 for _ in range(blocks)] for _ in range(self.count)])

for cname in ("blosclz", "lz4", "lz4hc", "zlib", "zstd"):
    for shuffle in ("noshuffle", "shuffle", "bitshuffle"):
        for size in (30, 1000, 70000):
            configuration = {"cname": cname, "shuffle": shuffle, "clevel": rng.choice([0, 1, 5, 9]),
                             "typesize": rng.choice([1, 2, 3, 8]), "blocksize": rng.choice([0, 64, 4096])}
            chain = prepare((LITTLE, ("blosc", configuration)), "|u1", (size,))
            data = np.random.default_rng(size).integers(0, rng.choice([2, 10, 256]), size, "u1")
            encoded = chain.encode(data)
            for _ in range(60):
                damaged = bytearray(encoded)
                for _ in range(rng.choice([1, 2, 8])):
                    bits = 8 * rng.choice([len(damaged), min(len(damaged), 64)])
                    place = rng.randrange(bits)
                    damaged[place // 8] ^= 1 << place % 8
                if rng.random() < 0.3:
                    del damaged[rng.randrange(16, len(damaged)):]
                if rng.random() < 0.8:
                    struct.pack_into("<I", damaged, 12, len(damaged))
                try:
                    assert chain.decode(damaged).shape == (size,)
                except CorruptDataError:
                    tried += 1
                for chunks in ([damaged, encoded, damaged], [encoded, damaged], [damaged]):
                    for wanted in (None, Some(len(chunks), size)):
                        try:
                            assert chain.decode_many(chunks, wanted=wanted).shape == (len(chunks), size)
                        except CorruptDataError:
                            pass
print(tried)
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_no_damage_to_blosc_ends_the_process(seed: int) -> None:
    command = [sys.executable, "-X", "faulthandler", "-c", FUZZ_BLOSC, str(seed)]
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "170"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 500
