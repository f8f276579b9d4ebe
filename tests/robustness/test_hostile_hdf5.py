"""HDF5 files of all kinds, damaged or made to harm: errors of ours, in bounded time and memory."""

import json
import re
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest
import zstandard
from processes import ENVIRONMENT

import zarr_hdf5 as zh
from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5 import attributes
from zarr_hdf5.legacy import hierarchy

LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy"
WORKER = Path(__file__).with_name("hdf5_file_worker.py")
Damage = tuple[int, int, int]

DAMAGED = [
    *("superblock_0", "superblock_1", "superblock_3", "btree_v1", "fixed_array", "extensible_array", "btree_v2"),
    *("dense_attributes", "filter_masks", "strings", "references", "dimension_scales", "fill_values", "soft_links"),
    *("shared_messages", "compounds", "virtual", "netcdf4", "unfiltered_edge_chunks"),
]
MANY_MEMBERS = ["old_groups", "new_groups", "filters", "integers", "attributes", "sequences", "pytables", "nwb"]
CHECKED = {"superblock_3", "fixed_array", "extensible_array", "btree_v2", "unfiltered_edge_chunks"}
"""Files whose metadata, all of them, have checksums: other values are in elements alone."""


def known_deaths(name: str, data: bytes) -> set[int]:
    """Bytes that bring libhdf5 itself down, or to no end, when they change (docs/decisions/0014).

    In global heaps, which have no checksums: the sizes of objects; and what virtual datasets are made of.
    """
    found: set[int] = set()
    for start in (m.start() for m in re.finditer(b"GCOL", data)):
        end = start + int.from_bytes(data[start + 8 : start + 16], "little")
        place = start + 16
        while place + 16 <= end:
            found |= {*range(place + 8, place + 16)}
            nbytes = int.from_bytes(data[place + 8 : place + 16], "little")
            is_free = data[place : place + 2] == bytes(2)
            place = end if is_free else place + 16 + -(-nbytes // 8) * 8
        if name == "virtual":
            found |= {*range(start, end)}
    return found


def outcomes(name: str, damages: list[Damage], work: Path) -> dict[Damage, str]:
    """What came of each damage; a process that ends begins anew after the one that ended it."""
    found: dict[Damage, str] = {}
    while len(found) < len(damages):
        left = damages[len(found) :]
        done = subprocess.run(
            [sys.executable, str(WORKER), str(LEGACY / f"{name}.h5"), str(work)],
            input="\n".join(map(json.dumps, left)),
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=300,
            check=False,
        )
        assert done.returncode <= 0, done.stderr
        found |= zip(left, done.stdout.splitlines(), strict=False)
        if done.returncode:
            found[damages[len(found)]] = f"ended by {-done.returncode}: {done.stderr[-300:]}"
    return found


def check_flips(name: str, count: int, work: Path, first: float = 0) -> None:
    """Bits of so many bytes; the first of them at this part of the distance between two."""
    data = (LEGACY / f"{name}.h5").read_bytes()
    skip = known_deaths(name, data)
    stride = max(1, len(data) // count)
    places = range(int(first * stride), len(data), stride)
    damages = [(b, 1 << (b // stride % 8), len(data)) for b in places if b not in skip]
    found = outcomes(name, damages, work)
    wrong = {damage: how for damage, how in found.items() if how not in ("ours", "values", "others")}
    assert not wrong
    kinds = Counter(found.values())
    assert kinds["ours"]
    assert kinds["values"]
    if name in CHECKED:
        assert kinds["others"] <= len(found) // 8


@pytest.mark.parametrize("name", DAMAGED)
def test_some_bits_flipped(name: str, tmp_path: Path) -> None:
    check_flips(name, 75, tmp_path / "work.h5")


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGED)
def test_some_more_bits_flipped(name: str, tmp_path: Path) -> None:
    check_flips(name, 75, tmp_path / "work.h5", first=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY_MEMBERS)
def test_many_bits_flipped(name: str, tmp_path: Path) -> None:
    check_flips(name, 150, tmp_path / "work.h5")


@pytest.mark.parametrize("name", ["superblock_0", "superblock_1", "superblock_3", "btree_v2", "strings", "user_block"])
def test_truncated(name: str, tmp_path: Path) -> None:
    """libhdf5 opens no file that is shorter than its superblock says."""
    nbytes = (LEGACY / f"{name}.h5").stat().st_size
    lengths = [0, 1, 7, 8, 9, 47, 48, 95, 96, nbytes - 1, *range(100, nbytes, nbytes // 20)]
    found = outcomes(name, [(nbytes, 0, length) for length in lengths], tmp_path / "work.h5")
    assert set(found.values()) == {"ours"}


# Chunks that are not what the file says they are.

ENTRY = 24
KEY = 8 + 3 * 8


def entry(data: bytearray, number: int) -> int:
    """Where an entry of the leaf of a version 1 B-tree of two-dimensional chunks begins."""
    return data.index(b"TREE\x01\x00") + ENTRY + number * (KEY + 8)


def damaged(tmp_path: Path, offset: Callable[[bytearray], int], new: bytes, **options: Any) -> Any:
    """An array of twelve chunks, with other bytes at an offset."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file.create_dataset("a", data=np.arange(70).reshape(7, 10), chunks=(2, 3), **options)
    data = bytearray(path.read_bytes())
    data[offset(data) : offset(data) + len(new)] = new
    path.write_bytes(data)
    return zh.open_array(path, path="a")


ADDRESSES = [2**20, 2**40, 2**62, 2**63, 2**64 - 2]
LENGTHS = [0, 1, 47, 49, 2**20, 2**31, 2**32 - 1]


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}], ids=["raw", "deflate"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_chunks_outside_the_file(address: int, options: dict[str, Any], tmp_path: Path) -> None:
    array = damaged(tmp_path, lambda d: entry(d, 5) + KEY, address.to_bytes(8, "little"), **options)
    with pytest.raises(CorruptDataError):
        array[...]


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}], ids=["raw", "deflate"])
@pytest.mark.parametrize("nbytes", LENGTHS)
def test_lengths_of_chunks_that_lie(nbytes: int, options: dict[str, Any], tmp_path: Path) -> None:
    array = damaged(tmp_path, lambda d: entry(d, 5), nbytes.to_bytes(4, "little"), **options)
    try:
        values = array[...]
    except CorruptDataError:
        return
    # What deflate does not need of a longer chunk is not looked at.
    np.testing.assert_array_equal(values, np.arange(70).reshape(7, 10))
    assert nbytes >= 48 or options


@pytest.mark.parametrize("coordinate", [1, 2**32, 2**63, 2**64 - 1])
def test_coordinates_of_chunks_that_lie(coordinate: int, tmp_path: Path) -> None:
    array = damaged(tmp_path, lambda d: entry(d, 5) + 8, coordinate.to_bytes(8, "little"))
    with pytest.raises(CorruptDataError):
        array[...]


# Run in a process of its own, whose memory is limited: prints what comes of reading one chunk.
LIMITED = """
import resource, sys
import hdf5plugin
import zarr_hdf5 as zh
group = zh.open_group(sys.argv[1])
group["small"][...]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[2]) << 20), resource.getrlimit(resource.RLIMIT_AS)[1]))
for name in sorted(set(group) - {"small"}):
    for index in ((0,) * group[name].ndim, ...):
        try:
            print("@", name, index, group[name][index])
        except zh.errors.ZarrHDF5Error as error:
            print("@", name, index, type(error).__name__)
"""


def limited(path: Path, mebibytes: int) -> dict[str, str]:
    """By name and index, the value or the error's name."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(mebibytes)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line[2:] for line in done.stdout.splitlines() if line.startswith("@ ")]  # plugins of libhdf5 print, too
    return {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in lines}


def zlib_bomb(mebibytes: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join([packer.compress(bytes(1 << 20)) for _ in range(mebibytes)]) + packer.flush()


def zstd_bomb(mebibytes: int) -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join([packer.compress(bytes(1 << 20)) for _ in range(mebibytes)]) + packer.flush()


def test_decompression_bombs(tmp_path: Path) -> None:
    """Chunks of 64 bytes that unpack to half a gigabyte, or say that they would."""
    blosc_header = bytes([2, 1, 0x21, 1]) + (2**31 - 17).to_bytes(4, "little") + (2**20).to_bytes(4, "little")
    lz4_header = (2**40).to_bytes(8, "big") + (2**30).to_bytes(4, "big")
    deflated = zlib_bomb(512)
    bombs: dict[str, tuple[dict[str, Any], bytes]] = {
        "deflate": ({"compression": "gzip"}, deflated),
        "shuffle": ({"compression": "gzip", "shuffle": True}, deflated),
        "zstd": (dict(hdf5plugin.Zstd()), zstd_bomb(512)),
        "blosc": (dict(hdf5plugin.Blosc("lz4")), blosc_header + (80).to_bytes(4, "little") + bytes(64)),
        "lz4": (dict(hdf5plugin.LZ4()), lz4_header + bytes(64)),
        "bitshuffle": (dict(hdf5plugin.Bitshuffle()), lz4_header + bytes(64)),
    }
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("small", data=np.arange(16), chunks=(8,), compression="gzip")
        for name, (options, bomb) in bombs.items():
            file.create_dataset(name, (8,), "<i8", chunks=(8,), **options).id.write_direct_chunk((0,), bomb)
    found = limited(tmp_path / "x.h5", 200)
    assert {place.split()[0] for place in found} == set(bombs)
    assert set(found.values()) <= {"CorruptDataError", "CodecError"}


def test_hostile_shapes(tmp_path: Path) -> None:
    """One element can be read; all of them cannot, and that is said."""
    huge = 2**60
    with h5py.File(tmp_path / "x.h5", "w", libver="v110") as file:
        file["small"] = np.arange(4)
        file.create_dataset("chunked", (huge,), "<i4", chunks=(1000,), fillvalue=7)
        file.create_dataset("square", (2**30, 2**30), "u1", chunks=(10, 10), fillvalue=7)
        file.create_dataset("contiguous", (huge,), "u1", fillvalue=7)
        file.create_dataset("filtered", (huge,), "<i4", chunks=(1000,), scaleoffset=1, fillvalue=7)
        file.create_dataset("text", (2**40,), h5py.string_dtype(), chunks=(1000,))
    found = limited(tmp_path / "x.h5", 1000)
    for name in ("chunked", "contiguous", "filtered"):
        assert found[f"{name} (0,)"] == "7", found
    assert found["square (0, 0)"] == "7"
    assert {place: how for place, how in found.items() if "Ellipsis" in place and not how.endswith("Error")} == {}


# Links.


def test_links_out_of_the_directory(tmp_path: Path) -> None:
    """By dots, absolute, by a URL, through a link of the file system."""
    here, secret = tmp_path / "here", tmp_path / "secret.h5"
    (here / "below").mkdir(parents=True)
    with h5py.File(secret, "w") as file:
        file["a"] = [42]
    (tmp_path / "secret.bin").write_bytes(bytes(8))
    (here / "to file.h5").symlink_to(secret)
    (here / "to file.bin").symlink_to(tmp_path / "secret.bin")
    (here / "to directory").symlink_to(tmp_path)
    ways = [
        "../secret.h5",
        str(secret),
        f"file://{secret}",
        "to file.h5",
        "to directory/secret.h5",
        "below/../../secret.h5",
    ]
    with h5py.File(here / "x.h5", "w") as file:
        for number, way in enumerate(ways):
            file[f"link {number}"] = h5py.ExternalLink(way, "/a")
            layout = h5py.VirtualLayout((1,), "i8")
            layout[0] = h5py.VirtualSource(way, "a", (1,))
            file.create_virtual_dataset(f"virtual {number}", layout, fillvalue=-1)
            raw = way.replace(".h5", ".bin")
            file.create_dataset(f"raw {number}", (1,), "i8", external=[(raw, 0, 8)])
    group: Any = zh.open_group(here / "x.h5")
    why = group.unreadable()
    assert [name for name in why if name.startswith("link")] == [f"link {n}" for n in range(len(ways))]
    url = next(number for number, way in enumerate(ways) if "://" in way)
    for name in {*group, *why} - {f"{kind} {url}" for kind in ("link", "virtual", "raw")}:
        with pytest.raises(UnsupportedFeatureError, match="leads out"):
            group[name][...]
    # To libhdf5 that is the name of a file that does not exist.
    assert group[f"virtual {url}"][...].tolist() == [-1]
    for kind in ("link", "raw"):
        with pytest.raises((NotFoundError, CorruptDataError)):
            group[f"{kind} {url}"][...]


def test_links_of_linked_files_do_not_lead_out(tmp_path: Path) -> None:
    """What a file below links to is looked at again."""
    here = tmp_path / "here"
    (here / "below").mkdir(parents=True)
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["a"] = [42]
    with h5py.File(here / "below" / "y.h5", "w") as file:
        file["on"] = h5py.ExternalLink("../../secret.h5", "/a")
    with h5py.File(here / "x.h5", "w") as file:
        file["a"] = h5py.ExternalLink("below/y.h5", "/on")
    with pytest.raises(UnsupportedFeatureError, match="leads out"):
        zh.open_array(here / "x.h5", path="a")


def test_links_in_circles(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file, h5py.File(tmp_path / "y.h5", "w") as other:
        file["soft"], file["soft too"] = h5py.SoftLink("/soft too"), h5py.SoftLink("soft")
        file["growing"] = h5py.SoftLink("growing/more")
        file["own"] = h5py.ExternalLink("x.h5", "/own")
        file["there and back"] = h5py.ExternalLink("y.h5", "/back")
        other["back"] = h5py.ExternalLink("x.h5", "/there and back")
        file["up"] = h5py.ExternalLink("x.h5", "/")
        file["g/other"] = h5py.ExternalLink("y.h5", "/g")
        other["g/first"] = h5py.ExternalLink("x.h5", "/g")
        file["g/a"] = [1]
    group: Any = zh.open_group(tmp_path / "x.h5")
    assert [path for path, _ in group.members(max_depth=None)] == ["g", "g/a", "g/other"]
    why = group.unreadable()
    assert set(why) == {"soft", "soft too", "growing", "own", "there and back", "up"}
    assert "a group above it" in why["up"]
    assert all("links to follow" in why[name] for name in why if name != "up")
    assert set(group["g/other"].unreadable()) == {"first"}


# Too much of something.


@pytest.mark.slow
def test_many_attributes(tmp_path: Path) -> None:
    """No more are read than fit in a document."""
    many = attributes.MAX_ATTRIBUTES * 2
    with h5py.File(tmp_path / "x.h5", "w", libver="latest") as file:
        dataset = file.create_dataset("a", data=[1, 2])
        space = h5py.h5s.create(h5py.h5s.SCALAR)
        for i in range(many):
            h5py.h5a.create(dataset.id, b"%d" % i, h5py.h5t.STD_I32LE, space)
    array = zh.open_array(tmp_path / "x.h5", path="a")
    assert array[...].tolist() == [1, 2]
    assert len(array.attrs) == attributes.MAX_ATTRIBUTES + 1
    assert array.attrs["_hdf5_unreadable"] == {
        "": f"{many} attributes, of which the first {attributes.MAX_ATTRIBUTES} are read"
    }


def test_large_attributes(tmp_path: Path) -> None:
    """One of some megabytes is read; a larger one is named."""
    with h5py.File(tmp_path / "x.h5", "w", libver="latest") as file:
        file["a"] = [1]
        for holder in (file, file["a"]):
            holder.attrs["large"] = np.ones(1 << 20, "u1")
            holder.attrs["too large"] = np.ones(attributes.MAX_NBYTES + 1, "u1")
    group: Any = zh.open_group(tmp_path / "x.h5")
    for found in (group.attrs, group["a"].attrs):
        assert found["large"] == [1] * (1 << 20)
        assert found["_hdf5_unreadable"] == {"too large": f"an attribute of {attributes.MAX_NBYTES + 1} bytes"}


def test_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them opens by its name; nobody lists the others."""
    with h5py.File(tmp_path / "x.h5", "w", libver="latest") as file:
        file["a"] = np.arange(3)
        group = file.create_group("many")
        for i in range(100_000):
            group.id.links.create_hard(b"%d" % i, file.id, b"a")

    def refuse(*arguments: Any) -> Any:
        raise AssertionError("all members were listed")

    monkeypatch.setattr(hierarchy, "list_members", refuse)
    root: Any = zh.open_group(tmp_path / "x.h5")
    assert root["many"]["99999"][...].tolist() == [0, 1, 2]
    assert zh.open_array(tmp_path / "x.h5", path="many/50000")[2] == 2
    assert "100000" not in root["many"]


def test_long_names(tmp_path: Path) -> None:
    long = "n" * 60_000
    with h5py.File(tmp_path / "x.h5", "w", libver="latest") as file:
        file[f"{long}/{long}"] = [1, 2]
        file[long].attrs["a" * 10_000] = 3
    group: Any = zh.open_group(tmp_path / "x.h5")
    assert [path for path, _ in group.members(max_depth=None)] == [long, f"{long}/{long}"]
    assert group[long][long][...].tolist() == [1, 2]
    assert {**group[long].attrs} == {"a" * 10_000: 3}


def test_deep_groups(tmp_path: Path) -> None:
    """A thousand within each other open by name; a hundred are listed, each with one look at those above."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        group = file
        for _ in range(1000):
            group = group.create_group("g")
        group["a"] = [1, 2]
    root: Any = zh.open_group(tmp_path / "x.h5")
    assert root["g/" * 1000 + "a"][...].tolist() == [1, 2]
    assert sum(1 for _ in root.members(max_depth=99)) == 100
