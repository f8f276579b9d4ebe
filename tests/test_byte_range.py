import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.byte_range import ByteRange, SuffixRange, resolve
from zarr_hdf5.errors import CorruptDataError

CASES = [  # wanted, size, expected
    (ByteRange(0, 0), 0, ByteRange(0, 0)),
    (ByteRange(0, 10), 10, ByteRange(0, 10)),
    (ByteRange(10, 0), 10, ByteRange(10, 0)),
    (ByteRange(3, 4), 10, ByteRange(3, 4)),
    (SuffixRange(4), 10, ByteRange(6, 4)),
    (SuffixRange(10), 10, ByteRange(0, 10)),
    (SuffixRange(0), 10, ByteRange(10, 0)),
    (ByteRange(0, 11), 10, None),
    (ByteRange(11, 0), 10, None),
    (ByteRange(-1, 1), 10, None),
    (ByteRange(5, -1), 10, None),
    (ByteRange(2**64 - 1, 2**64 - 1), 10, None),
    (SuffixRange(11), 10, None),
    (SuffixRange(-1), 10, None),
]


@pytest.mark.parametrize(("wanted", "size", "expected"), CASES)
def test_resolve(wanted: ByteRange | SuffixRange, size: int, expected: ByteRange | None) -> None:
    if expected is not None:
        assert resolve(wanted, size, "k") == expected
        return
    with pytest.raises(CorruptDataError, match=f"^a/key: .*{size} bytes"):
        resolve(wanted, size, "a/key")


@given(st.binary(max_size=20), st.integers(-3, 25), st.integers(-3, 25))
def test_resolve_cuts_like_a_slice_or_refuses(data: bytes, offset: int, nbytes: int) -> None:
    wanted = ByteRange(offset, nbytes)
    cut = data[offset : wanted.end] if offset >= 0 and nbytes >= 0 else None
    if cut is None or len(cut) != nbytes or offset > len(data):
        with pytest.raises(CorruptDataError):
            resolve(wanted, len(data), "k")
    else:
        found = resolve(wanted, len(data), "k")
        assert data[found.offset : found.end] == cut
