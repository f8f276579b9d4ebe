"""Codecs that other packages bring along, as docs/codecs.md tells them to; and those that nobody has."""

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.codecs import registry
from zarr_hdf5.codecs.registry import codec_names, parse_codec
from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError

PAGE = Path(__file__).parents[2] / "docs" / "codecs.md"
XOR = {"name": "example.xor", "configuration": {"key": 85}}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def site_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where packages are found, for one test."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    monkeypatch.setattr(registry, "_loaded", {})
    yield folder
    for name in ("zarr_xor", "zarr_broken"):
        sys.modules.pop(name, None)


def install(folder: Path, module: str, code: str, entry_points: str) -> None:
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    information = folder / f"{module}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text(entry_points, encoding="utf-8")


def install_xor(folder: Path) -> None:
    group, line = blocks("toml")[0].strip().splitlines()
    name, value = re.findall(r'"([^"]+)"', line)
    assert group == '[project.entry-points."zarr_hdf5.codecs"]'
    install(folder, "zarr_xor", blocks("python")[0], f"[zarr_hdf5.codecs]\n{name} = {value}\n")


def test_the_page_is_right(site_packages: Path) -> None:
    url = site_packages.parent / "x.zarr"
    with pytest.raises(UnsupportedFeatureError, match=r"example\.xor"):
        zh.create_array(url, data=np.arange(10), compressors=[XOR], shards=None, hdf5=False)
    install_xor(site_packages)
    data = np.arange(100, dtype="<u2").reshape(10, 10)
    zh.create_array(url, data=data, chunks=(5, 5), shards=(10, 10), compressors=[XOR], hdf5=False)
    np.testing.assert_array_equal(zh.open_array(url)[...], data)
    assert bytes(data[:5, :5].tobytes()[i] ^ 85 for i in range(50)) in (url / "c" / "0" / "0").read_bytes()
    inner = json.loads((url / "zarr.json").read_text())["codecs"][0]["configuration"]["codecs"]
    assert inner[1] == XOR
    assert not any(row.opens for row in zh.open_array(url).readers())
    with pytest.raises(UnsupportedFeatureError, match=r"example\.xor"):
        zh.create_array(url, data=data, compressors=[XOR], overwrite=True)


def test_wrong_configurations(site_packages: Path) -> None:
    install_xor(site_packages)
    document = {"name": "example.xor", "configuration": {"key": 256, "x": 1}}
    with pytest.raises(InvalidMetadataError, match=r"key: must be from 0 to 255.*x: is not a known member"):
        zh.create_array("memory://wrong", data=[1], compressors=[document], shards=None, hdf5=False)


def test_own_codecs_are_not_replaced(site_packages: Path) -> None:
    install(site_packages, "zarr_broken", "", "[zarr_hdf5.codecs]\ngzip = zarr_broken:parse\n")
    assert parse_codec("gzip", {"level": 1}, (), []) is not None
    assert "example.xor" not in codec_names()


@pytest.mark.parametrize(
    ("code", "why"),
    [("import nothing_like_this", "ModuleNotFoundError"), ("", "AttributeError"), ("1 / 0", "ZeroDivisionError")],
)
def test_packages_that_cannot_be_loaded(code: str, why: str, site_packages: Path) -> None:
    install(site_packages, "zarr_broken", code, "[zarr_hdf5.codecs]\nexample.broken = zarr_broken:parse\n")
    problems: list[Problem] = []
    assert parse_codec("example.broken", {}, ("codecs", 0), problems) is None
    (problem,) = problems
    assert problem.kind == "unsupported"
    assert why in str(problem)


@pytest.mark.parametrize("sharded", [False, True])
def test_codecs_that_need_not_be_understood_are_left_out(sharded: bool, tmp_path: Path) -> None:
    data = np.arange(12, dtype="<i4")
    options: Any = {"chunks": (4,), "shards": (12,) if sharded else None, "hdf5": False}
    zh.create_array(tmp_path / "x.zarr", data=data, compressors=None, **options)
    path = tmp_path / "x.zarr" / "zarr.json"
    document = json.loads(path.read_text())
    codecs = document["codecs"][0]["configuration"]["codecs"] if sharded else document["codecs"]
    codecs.append({"name": "example.nobody", "configuration": {}})
    path.write_text(json.dumps(document))
    with pytest.raises(UnsupportedFeatureError, match=r"example\.nobody"):
        zh.open_array(tmp_path / "x.zarr")
    codecs[-1]["must_understand"] = False
    path.write_text(json.dumps(document))
    array = zh.open_array(tmp_path / "x.zarr", mode="r+")
    np.testing.assert_array_equal(array[...], data)
    array[:4] = 7
    array.attrs["a"] = 1
    assert zh.open_array(tmp_path / "x.zarr")[:5].tolist() == [7, 7, 7, 7, 4]
    assert json.loads(path.read_text())["codecs"] == document["codecs"]


def test_known_codecs_are_never_left_out(tmp_path: Path) -> None:
    document = {"name": "numcodecs.zlib", "configuration": {"level": 1}, "must_understand": False}
    data = np.zeros(1000, "<i4") + 3
    zh.create_array(tmp_path / "x.zarr", data=data, compressors=[document], shards=None, hdf5=False)
    (chunk,) = (path for path in (tmp_path / "x.zarr").rglob("*") if path.is_file() and path.name != "zarr.json")
    assert chunk.stat().st_size < 200
