"""The command: outcomes, exit statuses, and one line instead of a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.cli.main import main


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file.create_dataset("g/a", data=np.arange(100.0).reshape(10, 10), chunks=(5, 5), compression="gzip")
        file["words"] = ["one", "two"]
        file["dangling"] = h5py.SoftLink("/nowhere")
        file.attrs["title"] = "t"
    return tmp_path / "in.h5"


def test_convert_info_tree_verify(sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "out.zarr")
    assert main(["convert", str(sample), target]) == 1
    out = capsys.readouterr().out
    assert "without an HDF5 side: words" in out
    assert "not converted: dangling: a link that leads nowhere" in out
    assert main(["info", str(sample)]) == 0
    out = capsys.readouterr().out
    assert "read      by libhdf5: its datatype, string, variable length" in out
    assert "unreadable: dangling: a link that leads nowhere" in out
    assert main(["convert", str(sample), target, "--overwrite", "--include", "g/*"]) == 0
    assert "1 arrays, 800 bytes" in capsys.readouterr().out
    assert main(["tree", target]) == 0
    assert "float64 (10, 10)" in capsys.readouterr().out
    assert main(["info", target]) == 0
    assert "title: t" in capsys.readouterr().out
    assert main(["info", target, "--path", "g/a"]) == 0
    out = capsys.readouterr().out
    assert "(10, 10)" in out
    assert "h5py" in out
    assert main(["verify", target]) == 0
    assert "all agree" in capsys.readouterr().out


def test_json(sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "out.zarr")
    main(["convert", str(sample), target, "--json", "--compressors", "none", "--shards", "10,10", "--chunks", "5,10"])
    done = json.loads(capsys.readouterr().out)
    assert done["converted"] == ["g/a"]
    assert [s["path"] for s in done["skipped"]] == ["dangling", "words"]
    main(["info", target, "--path", "g/a", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert (facts["shape"], facts["chunks"], facts["shards"]) == ([10, 10], [5, 10], [10, 10])
    assert facts["hdf5"] == {"dataset": "/a", "libver": "earliest"}
    main(["tree", target, "--json"])
    assert json.loads(capsys.readouterr().out)["members"]["g"]["members"]["a"]["data_type"] == "float64"
    main(["tree", target, "--path", "g/a", "--json"])
    assert json.loads(capsys.readouterr().out)["kind"] == "array"
    main(["verify", target, "--json", "--quick"])
    assert json.loads(capsys.readouterr().out)["agree"] is True


def test_disagreement_is_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    array = zh.create_array(tmp_path / "a.zarr", data=np.arange(64), chunks=(8,), shards=(64,), compressors=None)
    assert array.hdf5 is not None
    with h5py.File(array.hdf5.file((0,)), "r+") as file:
        file["data"].attrs["edit"] = "x" * 100_000  # grows the file past the Zarr index
    assert main(["verify", str(tmp_path / "a.zarr")]) == 1
    assert "c/0" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "nowhere"],
        ["tree", "s3://bucket/x"],
        ["convert", "nowhere", "out.zarr"],
        ["verify", "nowhere"],
        ["convert", "README", "out.h5"],
    ],
)
def test_errors_are_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("zarr-hdf5: ")
    assert captured.err.count("\n") == 1


def test_usage_error_is_status_2() -> None:
    with pytest.raises(SystemExit) as stop:
        main(["convert", "only-one"])
    assert stop.value.code == 2


def test_demo_as_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zarr_hdf5", "demo", "d"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("opened by h5py as HDF5: equal") == 6
    assert "DIFFERENT" not in done.stdout
    assert (tmp_path / "d/sample.zarr/temperature/zarr.json").is_file()


def test_progress_bar_on_a_terminal(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar asks whether stderr is a terminal; it must not break anything when it is."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["convert", str(sample), str(tmp_path / "o.zarr"), "--include", "g/a"]) == 0
    assert main(["verify", str(tmp_path / "o.zarr")]) == 0


def test_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = zh.create_group(tmp_path / "x.zarr")
    root.create_array("a", data=np.arange(8), chunks=2, shards=4)
    assert main(["link", str(tmp_path / "x.zarr"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts.pop("seconds") >= 0
    assert facts == {
        "file": str(tmp_path / "x.zarr/x.h5"),
        "arrays": ["/a"],
        "copied": [],
        "left_out": [],
        "renamed": [],
        "shards": 2,
    }
    root.create_array("times", data=np.array(["2020-01-01"], "M8[s]"), hdf5=False)
    assert main(["link", str(tmp_path / "x.zarr"), "--file", str(tmp_path / "other.h5")]) == 1
    out = capsys.readouterr().out
    assert "other.h5: 1 arrays over 2 shards, 0 copied" in out
    assert "left out: /times: it has no HDF5 side" in out
    assert main(["link", str(tmp_path / "nothing")]) == 2


def test_convert_with_a_master_file(sample: Path, tmp_path: Path) -> None:
    main(["convert", str(sample), str(tmp_path / "out.zarr"), "--include", "g/*", "--virtual-dataset"])
    with h5py.File(tmp_path / "out.zarr/out.h5") as file:
        assert file["g/a"].is_virtual
