"""A shard whose chunks come in any order is, byte for byte, the shard whose chunks came in theirs."""

import threading
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.buffer import Buffer
from zarr_hdf5.chunk_source import ObjectWriter
from zarr_hdf5.errors import CodecError, StorageError
from zarr_hdf5.shard.sink import ShardSink
from zarr_hdf5.stores.local import LocalStore, NewFile

CHUNKS: list[Buffer | None] = [b"a", None, b"bcd", b"ef", None, None, b"g", b"hi"]
VIEWS: dict[str, Any] = {
    "plain": False,
    "earliest": True,
    "v110": zh.HDF5(libver="v110"),
    "index at the start": zh.HDF5(index_location="start"),
}
VALUES = np.random.default_rng(1).integers(0, 900, (200, 90), np.uint16)


def sink_of(folder: Path, hdf5: Any) -> ShardSink:
    array = zh.create_array(folder, shape=(8,), dtype="u1", chunks=1, shards=8, compressors="zstd", hdf5=hdf5)
    sink = array.stored.sink
    assert isinstance(sink, ShardSink)
    return sink


def writer_of(sink: ShardSink) -> ObjectWriter:
    writer = sink.begin((0,))
    assert writer is not None
    return writer


def put(writer: ObjectWriter, position: int, chunks: list[Buffer | None]) -> None:
    """Chunks in memory that is used for something else afterwards."""
    there = {position + i: bytearray(chunk) for i, chunk in enumerate(chunks) if chunk is not None}
    writer.put(position, len(chunks), list(there), [memoryview(chunk) for chunk in there.values()])
    for chunk in there.values():
        chunk[:] = bytes(len(chunk))


@pytest.mark.parametrize("hdf5", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order(tmp_path: Path, hdf5: Any, order: tuple[int, ...]) -> None:
    sink = sink_of(tmp_path, hdf5)
    sink.write((0,), CHUNKS)
    wanted = (tmp_path / "c/0").read_bytes()
    (tmp_path / "c/0").unlink()
    writer = writer_of(sink)
    for part in order:
        assert not (tmp_path / "c/0").exists()
        put(writer, 2 * part, CHUNKS[2 * part : 2 * part + 2])
    writer.finish()
    assert (tmp_path / "c/0").read_bytes() == wanted
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["0"]


def test_many_threads(tmp_path: Path) -> None:
    sink = sink_of(tmp_path, hdf5=True)
    sink.write((0,), CHUNKS)
    wanted = (tmp_path / "c/0").read_bytes()
    for _ in range(20):
        writer = writer_of(sink)
        threads = [threading.Thread(target=put, args=(writer, i, CHUNKS[i : i + 1])) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.finish()
        assert (tmp_path / "c/0").read_bytes() == wanted


def test_a_shard_without_chunks_is_deleted(tmp_path: Path) -> None:
    sink = sink_of(tmp_path, hdf5=True)
    sink.write((0,), CHUNKS)
    writer = writer_of(sink)
    put(writer, 0, [None] * 8)
    writer.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["zarr.json"]


def test_what_is_abandoned_leaves_nothing(tmp_path: Path) -> None:
    sink = sink_of(tmp_path, hdf5=True)
    sink.write((0,), CHUNKS)
    wanted = (tmp_path / "c/0").read_bytes()
    for begin in (0, 2):  # before, and after anything was written
        writer = writer_of(sink)
        put(writer, begin, [b"new", b"newer"])
        writer.abandon()
        writer.abandon()
        assert [path.name for path in (tmp_path / "c").iterdir()] == ["0"]
    assert (tmp_path / "c/0").read_bytes() == wanted


@pytest.mark.parametrize("failing", [StorageError(28, "full"), CodecError("no"), KeyboardInterrupt()])
def test_an_error_in_the_middle_leaves_the_old_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: BaseException
) -> None:
    monkeypatch.setattr("zarr_hdf5.array.read.TASK_NBYTES", 2000)  # many tasks a shard
    array = zh.create_array(tmp_path, data=VALUES, chunks=(10, 10), shards=(100, 90))
    calls, write = [], NewFile.write

    def fail(self: NewFile, offset: int, parts: Any) -> None:
        # However the threads take turns, there are three writes: chunks, what is before them, and what is behind.
        calls.extend([offset] if self._key == "c/0/0" else [])
        if len(calls) == 3:
            raise failing
        write(self, offset, parts)

    monkeypatch.setattr(NewFile, "write", fail)
    with pytest.raises(type(failing)):
        array[...] = 7
    monkeypatch.undo()
    assert sorted(path.name for path in (tmp_path / "c/0").iterdir()) == ["0"]
    blocks = [array[:100], array[100:]]
    assert all(
        (block == 7).all() or (block == old).all() for block, old in zip(blocks, np.split(VALUES, 2), strict=True)
    )
    assert (array[:100] == VALUES[:100]).all()
    assert zh.verify(tmp_path)


@pytest.mark.parametrize("compressors", [None, "deflate", "zstd", "blosc"])
def test_the_same_bytes_however_many_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressors: Any) -> None:
    values = VALUES.copy()
    values[40:70] = 0  # absent chunks, in the middle of the shards
    options: Any = {"data": values, "chunks": (10, 10), "shards": (100, 100), "compressors": compressors}
    found = []
    for i, nbytes in enumerate((1, 1000, 1 << 20)):
        monkeypatch.setattr("zarr_hdf5.array.read.TASK_NBYTES", nbytes)
        store = LocalStore(tmp_path / str(i))
        zh.create_array(store, **options)
        found.append({key: store.get(key).data for key in store.list_prefix("c")})
    assert found[0] == found[1] == found[2]
