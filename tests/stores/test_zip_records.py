"""The records of ZIP files: Python's zipfile, the judge, writes them, and they are decoded and encoded as they are."""

import io
import zipfile
from dataclasses import replace

import pytest

from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.stores.zip_end import CentralDirectory, encode_end, find_directory
from zarr_hdf5.stores.zip_members import (
    Member,
    check_local_header,
    decode_central_headers,
    encode_central_header,
    encode_local_header,
    local_header_nbytes,
)

GIB = 1 << 30


def member(name: str, header_offset: int, nbytes: int, crc32: int = 7) -> Member:
    return Member(name, header_offset, nbytes, nbytes, crc32, name.encode())


MEMBERS = {
    "small": member("zarr.json", 0, 5),
    "empty": member("a/b", 2**31, 0, 0),
    "not ASCII": member("größe/µm", 96, 1, 2**32 - 1),
    "largest without ZIP64": member("c/0", 2**32 - 2, 2**32 - 2),
    "far away": member("c/1", 2**32 - 1, 9),
    "large": member("c/2", 5, 2**32 - 1),
    "large and far away": member("c/3", 6 * GIB, 5 * GIB),
}


@pytest.mark.parametrize("case", MEMBERS.values(), ids=MEMBERS)
def test_members(case: Member) -> None:
    entry = encode_central_header(case)
    assert list(decode_central_headers(entry + b"rest", 1, 0)) == [case]
    header = encode_local_header(case.name, case.nbytes, case.crc32)
    assert check_local_header(header, case) == len(header) == local_header_nbytes(case)
    for cut in range(len(entry)):
        with pytest.raises(CorruptDataError):
            list(decode_central_headers(entry[:cut], 1, 0))
    for cut in range(30 + len(case.raw_name)):
        with pytest.raises(CorruptDataError):
            check_local_header(header[:cut], case)
    for other in (replace(case, raw_name=b"x" + case.raw_name[1:]), replace(case, method=8)):
        with pytest.raises(CorruptDataError, match="not that of the member"):
            check_local_header(header, other)


@pytest.mark.parametrize("case", MEMBERS.values(), ids=MEMBERS)
def test_zipfile_reads_members(case: Member) -> None:
    entry = encode_central_header(case)
    data = entry + encode_end(CentralDirectory(0, len(entry), 1))
    (found,) = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert (found.filename, found.header_offset) == (case.name, case.header_offset)
    assert (found.compress_size, found.file_size, found.CRC) == (case.nbytes, case.size, case.crc32)


ENDS = {
    "nothing": (CentralDirectory(0, 0, 0), 0),
    "one": (CentralDirectory(100, 50, 1), 0),
    "largest without ZIP64": (CentralDirectory(2**32 - 2, 2**20, 2**16 - 2), 0),
    "many": (CentralDirectory(1000, 46 * 70_000, 70_000), 1),
    "far away": (CentralDirectory(2**32 - 1, 60, 1), 1),
}


@pytest.mark.parametrize("comment", [b"", b"comment", b"PK\5\6" * 20, b"x" * 65_535], ids=len)
@pytest.mark.parametrize(("case", "zip64"), ENDS.values(), ids=ENDS)
def test_ends(case: CentralDirectory, zip64: int, comment: bytes) -> None:
    data = encode_end(case, comment)
    assert len(data) == 22 + 76 * zip64 + len(comment)
    end = case.offset + case.nbytes + len(data)
    assert find_directory(data, end) == case
    assert find_directory(b"x" * 100 + data, end) == case
    for cut in (1, 21, len(data) - 1):
        with pytest.raises((NotFoundError, CorruptDataError)):
            find_directory(data[:-cut], end - cut)
    if comment == b"":
        with pytest.raises((NotFoundError, CorruptDataError)):
            find_directory(data + b"more", end + 4)


def test_a_directory_that_runs_into_its_end() -> None:
    data = encode_end(CentralDirectory(10, 50, 1))
    with pytest.raises(CorruptDataError, match="runs into"):
        find_directory(data, 50 + len(data))


def test_several_parts() -> None:
    entry = bytearray(encode_central_header(MEMBERS["small"]))
    entry[34] = 1
    with pytest.raises(UnsupportedFeatureError, match="several parts"):
        list(decode_central_headers(entry, 1, 0))
    end = bytearray(encode_end(CentralDirectory(0, 60, 1)))
    end[4] = 1
    with pytest.raises(UnsupportedFeatureError, match="several parts"):
        find_directory(end, 60 + len(end))


@pytest.mark.parametrize("name", ["zarr.json", "größe/µm"])
@pytest.mark.parametrize("force_zip64", [False, True])
def test_what_zipfile_writes(name: str, force_zip64: bool) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open(name, "w", force_zip64=force_zip64) as target:
        target.write(b"hello")
    data = file.getvalue()
    place = find_directory(data, len(data))
    (found,) = decode_central_headers(data[place.offset : place.offset + place.nbytes], place.count, place.offset)
    assert (found.name, found.nbytes, found.size, found.method) == (name, 5, 5, 0)
    start = check_local_header(data[found.header_offset :], found)
    assert data[start : start + 5] == b"hello"
