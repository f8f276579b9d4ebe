"""HDF5 files that are broken or hostile, opened as such: an error of ours, never a hang, never another exception."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hostile_shards import IDS, KINDS, VALUES, Kind, index_span, innermost, written
from processes import ENVIRONMENT

import zarr_hdf5 as zh
from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError, ZarrHDF5Error

VIEWS = [kind for kind in KINDS if kind.hdf5 is not False]
VIEW_IDS = [kind.id for kind in VIEWS]
WORKER = Path(__file__).with_name("lone_shard_worker.py")


def outcomes(tmp_path: Path, shard: bytes, damages: list[tuple[int, int, int]]) -> Counter[str]:
    """What came of each damage; the process must have survived all of them."""
    (tmp_path / "shard").write_bytes(shard)
    done = subprocess.run(
        [sys.executable, str(WORKER), str(tmp_path / "shard"), str(tmp_path / "work")],
        input="\n".join(map(json.dumps, damages)),
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"ended by {done.returncode} at {damages[len(lines)]}: {done.stderr}"
    assert len(lines) == len(damages)
    return Counter(lines)


def metadata_bytes(kind: Kind, shard: bytes) -> list[int]:
    """Bytes that HDF5 alone reads."""
    chunks = innermost(kind, shard)
    skip = {*range(*index_span(kind, shard))}
    for offset, nbytes in chunks:
        skip |= {*range(offset, offset + nbytes)}
    # libhdf5 2.0.0 itself ends in a segmentation fault when this says that a string is another kind of sequence.
    string_type = shard.index(b"_zarr_json\0") + 16
    skip |= {*range(string_type, string_type + 4)}
    # And it never ends when objects of a global heap, which holds the strings, are of illegal sizes.
    heap = shard.index(b"GCOL")
    skip |= {*range(heap, heap + int.from_bytes(shard[heap + 8 : heap + 16], "little"))}
    return [byte for byte in range(len(shard)) if byte not in skip]


def check_flips(tmp_path: Path, kind: Kind, stride: int) -> None:
    _, shard = written(kind)
    damages = [(byte, 1 << (byte % 8), len(shard)) for byte in metadata_bytes(kind, shard)[::stride]]
    found = outcomes(tmp_path, shard, damages)
    assert set(found) <= {"ours", "values", "others"}
    assert found["ours"]
    assert found["values"]
    if "v110" in kind.id:
        assert not found["others"]  # all of its metadata have checksums
    else:
        assert found["others"] <= len(damages) // 100  # of a shape or a type that nothing contradicts


@pytest.mark.parametrize("kind", VIEWS, ids=VIEW_IDS)
class TestLoneShard:
    def test_some_bits_flipped(self, tmp_path: Path, kind: Kind) -> None:
        check_flips(tmp_path, kind, 101)

    @pytest.mark.slow
    def test_many_bits_flipped(self, tmp_path: Path, kind: Kind) -> None:
        check_flips(tmp_path, kind, 23)

    def test_truncated(self, tmp_path: Path, kind: Kind) -> None:
        _, shard = written(kind)
        lengths = [*range(0, len(shard), 331), 1, 7, 8, 9, 48, 95, 96, 97, 512, len(shard) - 1]
        found = outcomes(tmp_path, shard, [(len(shard), 0, length) for length in lengths])
        assert found == {"ours": len(lengths)}

    def test_longer(self, tmp_path: Path, kind: Kind) -> None:
        """What stands behind a file does not disturb HDF5."""
        _, shard = written(kind)
        (tmp_path / "shard").write_bytes(shard + b"more")
        array = zh.open_array(tmp_path / "shard")
        np.testing.assert_array_equal(array[...], VALUES)


def test_every_kind_is_an_hdf5_file_or_says_that_it_is_none(tmp_path: Path) -> None:
    for number, kind in enumerate(KINDS):
        path = tmp_path / str(number)
        path.write_bytes(written(kind)[1])
        if kind.hdf5 is False:
            with pytest.raises(NotFoundError, match="neither an HDF5 file nor"):
                zh.open(path)
        else:
            np.testing.assert_array_equal(zh.open_array(path)[...], VALUES)
    assert len(IDS) == len(KINDS)


def group_in_itself(file: h5py.File) -> None:
    group = file.create_group("a/b")
    group["up"] = file["a"]


def groups_in_each_other(file: h5py.File) -> None:
    group = file.create_group("a/b/c")
    group["up"] = file["a/b"]
    group["top"] = file["a"]


def dangling(file: h5py.File) -> None:
    file["soft"] = h5py.SoftLink("/nowhere")
    file["external"] = h5py.ExternalLink("nowhere.h5", "/x")
    file["self"] = h5py.SoftLink("/self")


def huge_grid(file: h5py.File) -> None:
    file.create_dataset("d", (2**60, 2**60), "i1", chunks=(1, 1), maxshape=(None, None))


def huge_elements(file: h5py.File) -> None:
    file.create_dataset("d", (2, 2), np.dtype("V2000000000"))


def huge_chunk(file: h5py.File) -> None:
    file.create_dataset("d", (2**32 - 1,), "i1", chunks=(2**32 - 1,), compression=1)


def huge_and_without_a_codec(file: h5py.File) -> None:
    file.create_dataset("d", (2**40, 2**20), "i4", chunks=(2**10, 2**10), scaleoffset=2)


# What makes the file, and the error of reading one element of /d; None: it has no /d, or can be read.
HOSTILE: dict[str, tuple[Callable[[h5py.File], None], type[ZarrHDF5Error] | None]] = {
    "dangling links": (dangling, None),
    "more chunks than 64 bits count": (huge_grid, UnsupportedFeatureError),
    "elements of 2 GB": (huge_elements, UnsupportedFeatureError),
    "a chunk of 4 GiB": (huge_chunk, None),
    "slabs of a huge dataset": (huge_and_without_a_codec, None),
}
LIMITED = """
import resource, sys
import zarr_hdf5 as zh
group = zh.open(sys.argv[1])
print(group.keys(), group.tree())
limit = resource.getrlimit(resource.RLIMIT_AS)[1]
before = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (before + (600 << 20), limit))
if "d" in group.keys():
    try:
        array = group["d"]
        print(array[(0,) * array.ndim])
    except zh.errors.ZarrHDF5Error as error:
        print(type(error).__name__)
"""


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files(tmp_path: Path, case: tuple[Callable[[h5py.File], None], type[ZarrHDF5Error] | None]) -> None:
    make, error = case
    with h5py.File(tmp_path / "x.h5", "w") as file:
        make(file)
    answer = in_process(LIMITED, tmp_path / "x.h5")
    if error is not None:
        assert error.__name__ in answer
    elif make is not dangling:
        assert answer.endswith("\n0\n")


def in_process(code: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("make", [group_in_itself, groups_in_each_other])
def test_groups_that_contain_themselves(tmp_path: Path, make: Callable[[h5py.File], None]) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["data"] = np.arange(3)
        make(file)
    group = zh.open_group(tmp_path / "x.h5")
    assert [path for path, node in group.members(max_depth=None) if isinstance(node, zh.Array)] == ["data"]
    assert zh.convert(tmp_path / "x.h5", tmp_path / "x.zarr").converted == ("data",)


def test_nothing_but_groups_that_contain_themselves(tmp_path: Path) -> None:
    """On the way to a lone dataset there may be no end."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        group_in_itself(file)
    assert "Group" in in_process("import sys, zarr_hdf5 as zh; print(zh.open(sys.argv[1]))", tmp_path / "x.h5")


def test_filter_mask_of_all_ones(tmp_path: Path) -> None:
    """A mask that skips every filter, on a chunk that is not compressed."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("d", (4, 4), "<i4", chunks=(4, 4), shuffle=True, compression=1)
        dataset.id.write_direct_chunk((0, 0), np.arange(16, dtype="<i4").tobytes(), filter_mask=2**32 - 1)
    np.testing.assert_array_equal(zh.open(tmp_path / "x.h5")["d"][...], np.arange(16).reshape(4, 4))  # type: ignore[index]


def test_a_chunk_of_another_length(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("d", (4, 8), "<i4", chunks=(4, 4))
        dataset.id.write_direct_chunk((0, 0), np.arange(16, dtype="<i4").tobytes())
        dataset = file.create_dataset("e", (4, 8), "<i4", chunks=(4, 4), compression=1)
        dataset.id.write_direct_chunk((0, 4), b"no zlib")
    group: Any = zh.open(tmp_path / "x.h5")
    np.testing.assert_array_equal(group["d"][:, :4], np.arange(16).reshape(4, 4))
    with pytest.raises(CorruptDataError, match=r"x\.h5: inner chunk \(0, 1\)"):
        group["e"][...]
    assert not group["e"][:, :4].any()
