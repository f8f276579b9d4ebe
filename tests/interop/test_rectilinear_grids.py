"""Rectilinear grids: what zarr-python's newest version and zarrista make of ours, and we of theirs; h5py of shards."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr_judges as judges
from newest_zarr import NewestZarr
from zarr_python_worker import digest

import zarr_hdf5 as zh

RNG = np.random.default_rng(8)
VALUES = RNG.integers(0, 2**16, (60, 12), np.uint16)
LITTLE: dict[str, Any] = {"name": "bytes", "configuration": {"endian": "little"}}
ZSTD: dict[str, Any] = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
PLAIN: dict[str, Any] = {"shards": None, "hdf5": False, "compressors": "zstd"}
ARRAYS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": [[10, 20, 30], [5, 7]], **PLAIN},
    "runs": {"chunks": [[5] * 4 + [20, 20], 5], **PLAIN},
    "chunks beyond the array": {"chunks": [[10, 20, 40], [5, 20]], **PLAIN},
    "shards": {"chunks": (5, 6), "shards": [[10, 20, 30], 12], "compressors": "zstd"},
    "shards, both dimensions": {"chunks": (5, 2), "shards": [[10, 20, 30], [4, 8]], "compressors": "zstd"},
    "shards, v110": {
        "chunks": (5, 6),
        "shards": [[20, 10, 30], 12],
        "hdf5": zh.HDF5(libver="v110"),
        "compressors": "blosc",
    },
    "deflate": {"chunks": (5, 6), "shards": [[20, 10, 30], 12]},
}
TO_OVERWRITE = (slice(8, 33), slice(3, 9))


@pytest.fixture(autouse=True)
def _rectilinear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZARR_ARRAY__RECTILINEAR_CHUNKS", "True")


def reads(program: str, read: Callable[[Path], Any], path: Path) -> bool:
    try:
        found = read(path)
    except Exception:  # whatever a program does not read with
        return False
    np.testing.assert_array_equal(found, VALUES, program)
    return True


OTHERS = {"zarrista": judges.read_zarrista, "tensorstore": judges.read_tensorstore, "zarrs": judges.read_zarrs}


@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_who_reads_ours(options: dict[str, Any], tmp_path: Path) -> None:
    array = zh.create_array(tmp_path / "x.zarr", data=VALUES, **options)
    said = {row.program: row.opens for row in array.readers() if row.side == "Zarr"}
    assert {name: reads(name, read, tmp_path / "x.zarr") for name, read in OTHERS.items()} == {
        name: said[name] for name in OTHERS
    }


def start_of(region: Sequence[slice]) -> list[int]:
    return [part.start for part in region]


def test_newest_zarr_python_reads_and_changes_ours(newest_zarr: NewestZarr, tmp_path: Path) -> None:
    if newest_zarr.version < (3, 2):
        pytest.skip(f"zarr-python {newest_zarr.version} has no rectilinear grids")
    wanted = VALUES.copy()
    wanted[TO_OVERWRITE] = RNG.integers(0, 2**16, (25, 6), np.uint16)
    np.save(tmp_path / "new.npy", wanted[TO_OVERWRITE])
    jobs: list[dict[str, Any]] = []
    for name, options in ARRAYS.items():
        path = tmp_path / name
        array = zh.create_array(path, data=VALUES, **options)
        row = next(row for row in array.readers() if row.program == "zarr-python")
        assert (row.opens, row.note) == (
            True,
            "needs zarr-python 3.2 or newer, and its setting array.rectilinear_chunks",
        )
        jobs += [{"pipeline": pipeline, "read": str(path)} for pipeline in newest_zarr.pipelines]
        jobs += [
            {
                "pipeline": "",
                "overwrite": str(path),
                "start": start_of(TO_OVERWRITE),
                "values": str(tmp_path / "new.npy"),
            }
        ]
    answers = newest_zarr.work(tmp_path, jobs)
    assert answers == ([digest(VALUES)] * len(newest_zarr.pipelines) + [None]) * len(ARRAYS)
    for name in ARRAYS:
        np.testing.assert_array_equal(zh.open_array(tmp_path / name)[...], wanted)


DOCUMENTS: dict[str, tuple[list[Any], list[Any]]] = {
    "chunks": ([[10, 20, 30], [5, 7]], [LITTLE, ZSTD]),
    "one length": ([[20, 20, 20], 5], [LITTLE, ZSTD]),
    "shards": (
        [[10, 20, 30], 12],
        [
            {
                "name": "sharding_indexed",
                "configuration": {
                    "chunk_shape": [5, 6],
                    "codecs": [LITTLE, ZSTD],
                    "index_codecs": [LITTLE, {"name": "crc32c"}],
                    "index_location": "end",
                },
            }
        ],
    ),
}


def document(shapes: list[Any], codecs: list[Any]) -> dict[str, Any]:
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [60, 12],
        "data_type": "uint16",
        "chunk_grid": {"name": "rectilinear", "configuration": {"kind": "inline", "chunk_shapes": shapes}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": codecs,
        "attributes": {},
    }


def test_we_read_and_change_what_newest_zarr_python_made(newest_zarr: NewestZarr, tmp_path: Path) -> None:
    if newest_zarr.version < (3, 2):
        pytest.skip(f"zarr-python {newest_zarr.version} has no rectilinear grids")
    np.save(tmp_path / "values.npy", VALUES)
    jobs = [
        {
            "pipeline": "",
            "create": str(tmp_path / name),
            "document": document(*made_of),
            "values": str(tmp_path / "values.npy"),
        }
        for name, made_of in DOCUMENTS.items()
    ]
    assert newest_zarr.work(tmp_path, jobs) == [None] * len(jobs)
    wanted = VALUES.copy()
    wanted[TO_OVERWRITE] = 5
    for name in DOCUMENTS:
        array = zh.open_array(tmp_path / name, mode="r+")
        assert array.metadata.chunk_lengths is not None
        np.testing.assert_array_equal(array[...], VALUES)
        array[TO_OVERWRITE] = 5
    again = [{"pipeline": "", "read": str(tmp_path / name)} for name in DOCUMENTS]
    assert newest_zarr.work(tmp_path, again) == [digest(wanted)] * len(again)


def test_newest_zarr_python_sees_what_was_resized(newest_zarr: NewestZarr, tmp_path: Path) -> None:
    if newest_zarr.version < (3, 2):
        pytest.skip(f"zarr-python {newest_zarr.version} has no rectilinear grids")
    arrays = [zh.create_array(tmp_path / name, data=VALUES, **options) for name, options in ARRAYS.items()]
    for array in arrays:
        array.append(VALUES[:13])
        array.resize((70, 11))
    jobs = [{"pipeline": "", "read": str(tmp_path / name)} for name in ARRAYS]
    wanted = np.concatenate([VALUES, VALUES[:10]])[:, :11]
    assert newest_zarr.work(tmp_path, jobs) == [digest(wanted)] * len(jobs)


@pytest.mark.parametrize("made_of", DOCUMENTS.values(), ids=DOCUMENTS)
def test_we_read_what_zarrista_made(made_of: tuple[list[Any], list[Any]], tmp_path: Path) -> None:
    judges.create_zarrista(tmp_path, document(*made_of))
    judges.overwrite_zarrista(tmp_path, (slice(0, 60), slice(0, 12)), VALUES)
    array = zh.open_array(tmp_path, mode="r+")
    np.testing.assert_array_equal(array[...], VALUES)
    array[TO_OVERWRITE] = 5
    wanted = VALUES.copy()
    wanted[TO_OVERWRITE] = 5
    np.testing.assert_array_equal(judges.read_zarrista(tmp_path), wanted)


@pytest.mark.parametrize("name", [name for name, options in ARRAYS.items() if options.get("shards")])
def test_h5py_reads_every_shard(name: str, tmp_path: Path) -> None:
    array = zh.create_array(tmp_path / "x.zarr", data=VALUES, **ARRAYS[name])
    array[TO_OVERWRITE] = 5
    wanted = VALUES.copy()
    wanted[TO_OVERWRITE] = 5
    start = [0, 0]
    for i, rows in enumerate(array.write_chunk_sizes[0]):
        start[1] = 0
        for j, columns in enumerate(array.write_chunk_sizes[1]):
            with h5py.File(tmp_path / f"x.zarr/c/{i}/{j}") as file:
                found = file["data"][...]
            np.testing.assert_array_equal(found, wanted[start[0] : start[0] + rows, start[1] : start[1] + columns])
            start[1] += columns
        start[0] += rows
    assert zh.verify(tmp_path / "x.zarr")
