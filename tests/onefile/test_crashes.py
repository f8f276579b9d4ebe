"""The writer of one file killed at any byte: both sides open to the old or the new state, or `sync` restores it.

What the writer asks of the operating system is recorded, and the file made as it would be had the writer been killed
after so many bytes of it.
"""

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.errors import CorruptDataError, StorageError

OLD = np.arange(24, dtype="<i4").reshape(4, 6)
NEW = OLD + 100
TILES: Any = {"chunks": (2, 3), "shards": (4, 6), "compressors": None}


@dataclass
class Recorder:
    """Writes, (offset, bytes), and new lengths, (length, None), in their order."""

    steps: list[tuple[int, bytes | None]] = field(default_factory=list)

    def states(self, before: bytes, counts: Iterator[int]) -> Iterator[bytes]:
        """The file after so many bytes of all writes, which only grow."""
        state, done, steps = bytearray(before), 0, list(self.steps)
        for count in counts:
            while steps:
                offset, data = steps[0]
                if data is None:
                    del state[offset:]
                    state.extend(bytes(offset - len(state)))
                    steps.pop(0)
                    continue
                part = data[: count - done]
                state.extend(bytes(max(0, offset - len(state))))
                state[offset : offset + len(part)] = part
                done += len(part)
                if len(part) < len(data):
                    steps[0] = offset + len(part), data[len(part) :]
                    break
                steps.pop(0)
            yield bytes(state)

    @property
    def nbytes(self) -> int:
        return sum(len(data) for _, data in self.steps if data is not None)

    def corners(self) -> set[int]:
        """Counts at which a write begins, and beside them."""
        ends = np.cumsum([0, *(len(data) for _, data in self.steps if data is not None)]).tolist()
        return {count for end in ends for count in (end - 1, end, end + 1) if 0 <= count <= self.nbytes}


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder()
    pwritev, ftruncate = os.pwritev, os.ftruncate

    def write(fd: int, buffers: list[memoryview], offset: int) -> int:
        written = pwritev(fd, buffers, offset)
        found.steps.append((offset, b"".join(buffers)[:written]))
        return written

    def cut(fd: int, length: int) -> None:
        ftruncate(fd, length)
        found.steps.append((length, None))

    monkeypatch.setattr(os, "pwritev", write)
    monkeypatch.setattr(os, "ftruncate", cut)
    return found


def write_old(path: Path, *, small: bool = False) -> None:
    names = ["a"] if small else ["a", "s", "unsharded"]
    with zh.create_group(path, attributes={"state": "old", "names": names}) as group:
        group.create_array("a", data=OLD, **TILES)
        if not small:
            group.create_array("s", data=np.array(["old"], object))
            group.create_array("unsharded", data=OLD, chunks=(2, 6), shards=None, compressors=None)


def write_new(path: Path, *, small: bool = False) -> None:
    with zh.open_group(path, "r+") as group:
        names = list(group.attrs["names"])
        for name in names:
            array = group[name]
            assert isinstance(array, zh.Array)
            array[...] = np.array(["newer"], object) if name == "s" else NEW
        if not small:
            group.create_array("more", data=NEW, **TILES)
            names.append("more")
        group.attrs.update(state="new", names=names)


def told_by_h5py(path: Path) -> str:
    with h5py.File(path) as file:
        values = {name: file[name][()] for name in file}
        if "s" in values:
            values["s"] = values["s"].astype(str)
        return checked(file.attrs, values)


def told_by_us(path: Path) -> str:
    group = zh.open_group(path)
    return checked(group.attrs, {name: np.asarray(array) for name, array in group.arrays()})


def told_by_zarr_python(path: Path) -> str:
    with zarr.storage.ZipStore(path, mode="r") as store:
        group = zarr.open_group(store, mode="r")
        arrays = {name: np.asarray(array[...]) for name, array in group.arrays()}
        return checked(group.attrs, arrays)


def checked(attributes: Mapping[str, Any], values: dict[str, Any]) -> str:
    """The state, once it is sure that all of it is of the one or of the other."""
    state = str(attributes["state"])
    wanted = OLD if state == "old" else NEW
    assert set(values) == set(attributes["names"])
    for name, found in values.items():
        if name == "s":
            assert found.tolist() == ["old" if state == "old" else "newer"]
        else:
            np.testing.assert_array_equal(found, wanted)
    return state


def check_states(recorder: Recorder, before: bytes, counts: list[int], path: Path, *, mend_every: int) -> None:
    seen = set()
    for count, state in zip(counts, recorder.states(before, iter(counts)), strict=True):
        path.write_bytes(state)
        ours, hdf5 = told_by_us(path), told_by_h5py(path)
        assert ours == hdf5
        if count % mend_every and count != recorder.nbytes:
            continue
        # Who reads from the end may see the new state before, or nothing while it is being written.
        if zipfile.is_zipfile(path):
            with suppress(zipfile.BadZipFile, KeyError, EOFError):
                assert told_by_zarr_python(path) in ("old", "new")
        assert zh.sync(path)
        assert path.read_bytes() == (state if len(state) == end_of(state) else state[: end_of(state)])
        assert told_by_us(path) == told_by_h5py(path) == told_by_zarr_python(path) == ours
        seen.add(ours)
        assert (ours == "new") == (count >= recorder.nbytes - 96), count  # the mark never changes
    assert seen == {"old", "new"}


def end_of(state: bytes) -> int:
    return int.from_bytes(state[40:48], "little")


def test_killed_at_the_corners(tmp_path: Path, recorder: Recorder) -> None:
    path = tmp_path / "x.h5"
    write_old(path)
    before = path.read_bytes()
    recorder.steps.clear()
    write_new(path)
    assert recorder.steps[-1][0] == 0, "the superblock comes last"
    counts = sorted({*recorder.corners(), *range(0, recorder.nbytes, 500)})
    check_states(recorder, before, counts, tmp_path / "killed.h5", mend_every=1)


@pytest.mark.slow
def test_killed_at_every_byte(tmp_path: Path, recorder: Recorder) -> None:
    path = tmp_path / "x.h5"
    write_old(path, small=True)
    before = path.read_bytes()
    recorder.steps.clear()
    write_new(path, small=True)
    # The last 192 are written at once, as a test below says.
    counts = [*range(recorder.nbytes - 191), recorder.nbytes]
    check_states(recorder, before, counts, tmp_path / "killed.h5", mend_every=50)


@pytest.mark.slow
def test_killed_anywhere(tmp_path: Path, recorder: Recorder) -> None:
    path = tmp_path / "x.h5"
    write_old(path)
    before = path.read_bytes()
    recorder.steps.clear()
    write_new(path)
    anywhere = np.random.default_rng(0).integers(0, recorder.nbytes - 191, 1000)
    counts = [*np.unique(anywhere).tolist(), recorder.nbytes]
    check_states(recorder, before, counts, tmp_path / "killed.h5", mend_every=50)


def test_superblock_at_once(tmp_path: Path, recorder: Recorder) -> None:
    """The first bytes are written by one call, within one block of any disk."""
    write_old(tmp_path / "x.h5")
    fronts = [data for offset, data in recorder.steps if offset == 0]
    assert [None if data is None else len(data) for data in fronts] == [192, 192]


def test_killed_while_being_made(tmp_path: Path, recorder: Recorder) -> None:
    """Before the first finish there is nothing, or an empty hierarchy to go back to."""
    write_old(tmp_path / "x.h5")
    path = tmp_path / "killed.h5"
    first = next(i for i, (offset, _) in enumerate(recorder.steps) if offset == 0)
    begun = sum(len(data) for _, data in recorder.steps[: first + 1] if data is not None)
    counts = sorted(count for count in {*recorder.corners(), *range(0, recorder.nbytes, 300)} if count >= begun)
    for count, state in zip(counts, recorder.states(b"", iter(counts)), strict=True):
        path.write_bytes(state)
        with h5py.File(path) as file:
            assert set(file) in (set(), {"a", "s", "unsharded"})
        assert zh.sync(path)
        if count < recorder.nbytes - 96:
            with zipfile.ZipFile(path) as archive:
                assert archive.namelist() == ["zarr.json"]
        else:
            assert told_by_us(path) == "old"


def test_the_unfinished_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_old(path)
    with open(path, "ab") as file:
        file.write(b"half a shard")
    group = zh.open_group(path, "r+")
    with pytest.raises(CorruptDataError, match=r"zarr_hdf5\.sync"):
        group.attrs["state"] = "new"
    report = zh.verify(path)
    assert ["the last 12 bytes" in d.reason for d in report.disagreements] == [True]
    assert zh.sync(path)
    group.attrs["state"] = "mended"
    group.close()
    assert zh.open_group(path).attrs["state"] == "mended"


def test_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_old(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        for call in (zh.open, zh.verify, zh.sync):
            with pytest.raises(zh.errors.ZarrHDF5Error):
                call(path)


KILLED = """
import os, signal, sys
import numpy as np
import zarr_hdf5 as zh
left = int(sys.argv[2])
real = os.pwritev
def pwritev(fd, buffers, offset):
    global left
    data = b"".join(buffers)[:left]
    os.pwrite(fd, data, offset)
    left -= len(data)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return len(data)
os.pwritev = pwritev
with zh.open_group(sys.argv[1], "r+") as group:
    group["a"][...] = 7
"""


@pytest.mark.parametrize("nbytes", [10, 400, 3000])
def test_really_killed(tmp_path: Path, nbytes: int) -> None:
    path = tmp_path / "x.h5"
    write_old(path)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", KILLED, str(path), str(nbytes)]
    assert subprocess.run(command, env=env, check=False).returncode == -signal.SIGKILL
    assert told_by_us(path) == told_by_h5py(path) == "old"
    assert zh.sync(path)
    assert told_by_us(path) == told_by_h5py(path) == told_by_zarr_python(path) == "old"


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the storage at any write: what was finished stays, and it can be tried again."""
    path = tmp_path / "x.h5"
    write_old(path)
    real: Callable[..., int] = os.pwritev
    left = [10**9]

    def pwritev(fd: int, buffers: list[memoryview], offset: int) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "pwritev", pwritev)
    failed = 0
    for allowed in range(0, 400, 7):
        group = zh.open_group(path, "r+")
        array = group["a"]
        assert isinstance(array, zh.Array)
        left[0] = allowed
        try:
            array[...] = OLD
            group.create_array("more", data=NEW, overwrite=True, **TILES)
            group.flush()
        except StorageError:
            failed += 1
            assert told_by_us_of_finished(path) == "old"
            left[0] = 10**9
            group.flush()
        left[0] = 10**9
        assert zh.verify(path)
        if "more" in group:
            del group["more"]
            group.flush()
        assert told_by_us(path) == told_by_h5py(path) == "old"
    assert failed > 3


def told_by_us_of_finished(path: Path) -> str:
    return str(zh.open_group(path).attrs["state"])
