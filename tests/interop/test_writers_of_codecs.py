"""What other programs write with codecs that HDF5 has no filter for, in arrays without shards, is read here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interop_cases import Document, Values, codec
from newest_zarr import NewestZarr
from zarr_judges import PROGRAMS

import zarr_hdf5 as zh

LITTLE = codec("bytes", endian="little")
SCALE_OFFSET = codec("scale_offset", offset=-4, scale=0.5)
NAN_MAP = {"encode": [["NaN", 0], ["Infinity", 1]], "decode": [[0, "NaN"], [1, "Infinity"]]}

ZARRISTA: list[tuple[str, list[Document]]] = [
    *((dtype, [codec("bitround", keepbits=3), LITTLE]) for dtype in ("<f2", "<f4", "<f8", "|u1", "<i2", "<u4", "<i8")),
    *((dtype, [codec("packbits")]) for dtype in ("|b1", "|u1", "<i2", "<f4", "<f8")),
    ("|b1", [codec("packbits", padding_encoding="first_byte")]),
    ("|b1", [codec("packbits", padding_encoding="last_byte")]),
    ("<i4", [codec("packbits", padding_encoding="none", first_bit=0, last_bit=9)]),
    ("<u2", [codec("packbits", padding_encoding="last_byte", first_bit=1, last_bit=12)]),
    ("<f4", [codec("reshape", shape=[[0, 1]]), LITTLE]),
    ("<f4", [codec("reshape", shape=[[0], 3, 1]), LITTLE]),
]
PCODEC = [
    codec("numcodecs.pcodec", level=8, mode_spec="auto", delta_spec="auto", paging_spec="equal_pages_up_to"),
    codec("numcodecs.pcodec", level=2, mode_spec="classic", delta_spec="auto", paging_spec="equal_pages_up_to"),
]
NEWEST: list[tuple[str, list[Document]]] = [
    ("<f4", [SCALE_OFFSET, LITTLE]),
    ("<i4", [codec("scale_offset", offset=-4, scale=3), LITTLE]),
    *(
        ("<f8", [SCALE_OFFSET, codec("cast_value", data_type="int16", rounding=rounding, out_of_range=beyond), LITTLE])
        for rounding in ("nearest-even", "nearest-away", "towards-positive", "towards-negative", "towards-zero")
        for beyond in ("clamp", "wrap")
    ),
    *(
        ("<f8", [codec("cast_value", data_type="float32", rounding=rounding), LITTLE])
        for rounding in ("nearest-even", "nearest-away", "towards-positive", "towards-negative", "towards-zero")
    ),
    ("<f4", [codec("cast_value", data_type="uint16", out_of_range="clamp", scalar_map=NAN_MAP), LITTLE]),
    ("<f4", [codec("numcodecs.pcodec", level=4)]),
    ("<f4", [codec("numcodecs.zfpy", mode=4, tolerance=0.01)]),
    ("<f4", [LITTLE, codec("numcodecs.jenkins_lookup3")]),
    ("<f4", [LITTLE, codec("numcodecs.zstd", level=3), codec("numcodecs.crc32c", location="end")]),
]


def values(dtype: str, special: bool = False) -> Values:
    numbers = np.arange(-17, 18).reshape(5, 7)
    if dtype == "|b1":
        return np.asarray(numbers % 3 == 0)
    found = (numbers / (4 if "f" in dtype else 1)).astype(dtype)
    if special:
        found[0, :2] = np.nan, np.inf
    return found


def document_of(folder: Path, dtype: str, codecs: list[Document]) -> dict[str, Any]:
    """An array's zarr.json, as we write it, with these codecs."""
    array = zh.create_array(folder / "like", shape=(5, 7), dtype=dtype, chunks=(2, 3), shards=None, hdf5=False)
    return {**array.metadata.to_json(), "codecs": codecs}


def ours(folder: Path, document: dict[str, Any], data: Values) -> Values:
    """What is read of the same array written here: what the codecs leave of the values."""
    (folder / "ours").mkdir()
    (folder / "ours" / "zarr.json").write_text(json.dumps(document))
    array = zh.open_array(folder / "ours", "r+")
    array[...] = data
    return np.asarray(zh.open_array(folder / "ours")[...])


@pytest.mark.parametrize(("dtype", "codecs"), ZARRISTA, ids=[f"{i}-{d}" for i, (d, _) in enumerate(ZARRISTA)])
def test_zarrista(dtype: str, codecs: list[Document], tmp_path: Path) -> None:
    document, data = document_of(tmp_path, dtype, codecs), values(dtype)
    PROGRAMS["zarrista"].create(tmp_path / "theirs", document)
    PROGRAMS["zarrista"].overwrite(tmp_path / "theirs", (slice(0, 5), slice(0, 7)), data)
    theirs = zh.open_array(tmp_path / "theirs")[...]
    assert theirs.tobytes() == ours(tmp_path, document, data).tobytes()
    for path in (tmp_path / "theirs" / "c").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "ours" / path.relative_to(tmp_path / "theirs")).read_bytes()


@pytest.mark.parametrize("program", ["zarr-python", "zarrs"])
@pytest.mark.parametrize("dtype", ["<u2", "<i4", "<i8", "<f2", "<f4", "<f8"])
@pytest.mark.parametrize("pcodec", PCODEC, ids=["auto", "classic"])
def test_pcodec(pcodec: Document, dtype: str, program: str, tmp_path: Path) -> None:
    PROGRAMS[program].create(tmp_path / "theirs", document_of(tmp_path, dtype, [pcodec]))
    PROGRAMS[program].overwrite(tmp_path / "theirs", (slice(0, 5), slice(0, 7)), values(dtype))
    assert zh.open_array(tmp_path / "theirs")[...].tobytes() == values(dtype).tobytes()


@pytest.mark.slow
def test_newest_zarr_python(tmp_path: Path, newest_zarr: NewestZarr) -> None:
    jobs, documents, wanted = [], [], []
    for number, (dtype, codecs) in enumerate(NEWEST):
        folder = tmp_path / str(number)
        folder.mkdir()
        data = values(dtype, "scalar_map" in str(codecs))
        np.save(folder / "values.npy", data)
        document = document_of(folder, dtype, codecs)
        jobs.append(
            {
                "pipeline": "",
                "create": str(folder / "theirs"),
                "document": document,
                "values": str(folder / "values.npy"),
            }
        )
        documents.append(document)
        wanted.append(ours(folder, document, data))
    assert newest_zarr.work(tmp_path, jobs) == [None] * len(jobs)
    for number, expected in enumerate(wanted):
        theirs = zh.open_array(tmp_path / str(number) / "theirs")[...]
        assert theirs.tobytes() == expected.tobytes(), NEWEST[number]
