"""Programs that keep their data in HDF5, each in its own way: what a user sees of their files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarr_hdf5 as zh

LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy"
CORPUS = Path(os.environ.get("ZARR_HDF5_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))


def opened(name: str) -> Any:
    return zh.open_group(LEGACY / f"{name}.h5")


def text_of(codes: Any) -> str:
    """MATLAB's characters are UTF-16 code units, in a column."""
    return bytes(codes[...].astype("<u2").tobytes()).decode("utf-16-le")


def test_netcdf4() -> None:
    group = opened("netcdf4")
    a = group["a"]
    assert a.dimension_names == ("time", "y", "x")
    assert (a.shape, a.chunks, a.dtype, a.fill_value) == ((3, 7, 10), (1, 4, 5), np.dtype("i2"), -999)
    assert (a[2, 6, 9] * a.attrs["scale_factor"] + a.attrs["add_offset"]) == 71 * 0.5 + 100
    assert group["time"].attrs["units"] == "hours since 2000-01-01"
    assert group["time"][...].tolist() == [0, 6, 12]
    assert "y" not in group.keys()  # noqa: SIM118  (a dimension without a variable is none)
    assert group["group/b"].dimension_names == ("z", "y")
    assert group["text"][...].tolist() == list("abcdefg")
    assert json.loads(group["sequences"][3]) == [0, 1, 2]
    assert group["flags"].attrs["_hdf5_enumeration"] == {"good": 0, "bad": 1}
    assert group["records"][3].tolist() == (3, 1.5)


def test_matlab() -> None:
    group = opened("matlab")
    assert (LEGACY / "matlab.h5").read_bytes().startswith(b"MATLAB 7.3 MAT-file")
    np.testing.assert_array_equal(group["matrix"][...].T, np.arange(6.0).reshape(2, 3))
    assert group["matrix"].attrs["MATLAB_class"] == "double"
    assert text_of(group["text"]) == "hello"
    assert group["text"].attrs["MATLAB_class"] == "char"
    cells = group["cell"][...].reshape(-1).tolist()
    assert cells == ["/#refs#/a", "/#refs#/b"]
    assert group[cells[0]][...].tolist() == [[0], [1], [2]]
    assert text_of(group[cells[1]]) == "in a cell"
    assert group["s"].attrs["MATLAB_class"] == "struct"
    assert ["".join(letters) for letters in group["s"].attrs["MATLAB_fields"]] == ["x", "name"]
    assert group["s/x"][0, 0] == 7
    assert group["z"][0, 0].tolist() == (1, 2)
    assert group["empty"].attrs["MATLAB_empty"] == 1
    assert group["sparse"].attrs["MATLAB_sparse"] == 3


def test_anndata() -> None:
    group = opened("anndata")
    x = group["X"]
    assert (x.attrs["encoding-type"], x.attrs["shape"]) == ("csr_matrix", [3, 4])
    dense = np.zeros(x.attrs["shape"], x["data"].dtype)
    rows = np.repeat(np.arange(3), np.diff(x["indptr"][...]))
    dense[rows, x["indices"][...]] = x["data"][...]
    assert dense.tolist() == [[1, 0, 2, 0], [0, 3, 0, 0], [0, 0, 0, 4]]
    assert group["obs"].attrs["_index"] == "_index"
    assert group["obs/_index"][...].tolist() == ["cell 1", "cell 2", "cell 3"]
    kind = group["obs/kind"]
    assert (kind.attrs["encoding-type"], kind.attrs["ordered"]) == ("categorical", False)
    names = kind["categories"][...]
    assert [names[code] if code >= 0 else None for code in kind["codes"][...]] == ["B", "T", None]
    assert group["uns/title"][()] == "a title"
    assert group["var"].attrs["column-order"] == []


def test_nexus() -> None:
    group = opened("nexus")
    entry = group[group.attrs["default"]]
    data = entry[entry.attrs["default"]]
    assert (entry.attrs["NX_class"], data.attrs["NX_class"]) == ("NXentry", "NXdata")
    signal, axes = data[data.attrs["signal"]], data.attrs["axes"]
    assert axes == ["angle", ".", "."]
    assert data[axes[0]].shape == signal.shape[:1]
    np.testing.assert_array_equal(signal[1], np.arange(48, 96).reshape(6, 8))
    np.testing.assert_array_equal(group[signal.attrs["target"]][...], signal[...])
    assert set(data.unreadable()) == {"mask", "raw"}
    assert entry["title"][()] == "a scan"


def test_keras() -> None:
    group = opened("keras")
    assert group.attrs["layer_names"] == ["dense", "dropout"]
    weights = {name: group["dense"][name][...] for name in group["dense"].attrs["weight_names"]}
    assert list(weights) == ["dense/kernel:0", "dense/bias:0"]
    np.testing.assert_array_equal(weights["dense/kernel:0"], np.arange(6).reshape(3, 2))
    assert group["dropout"].attrs["weight_names"] == []
    assert json.loads(group.attrs["model_config"])["class_name"] == "Sequential"
    assert group["optimizer_weights/Adam/iterations:0"][()] == 10


def test_pytables() -> None:
    group = opened("pytables")
    assert group.attrs["PYTABLES_FORMAT_VERSION"] == "2.1"
    table = group["group/table"]
    assert (table.attrs["TITLE"], table.attrs["VERSION"], table.attrs["NROWS"]) == ("a table", "2.7", 10)
    assert table.dtype.names == ("id", "v", "name")
    assert table[3].tolist() == (3, 1.5, b"n3")
    assert table[2:8:5]["name"].tolist() == [b"n2", b"n7"]
    np.testing.assert_array_equal(group["carray"][...], np.arange(60.0).reshape(6, 10))
    assert group["carray"].chunks == (3, 10)
    assert group["earray"][-1].tolist() == [18, 19]
    assert [json.loads(item) for item in group["vlarray"][...]] == [[0], [0, 1], [0, 1, 2]]
    assert group["array"].attrs["FLAVOR"] == "python"


def test_nwb() -> None:
    group = opened("nwb")
    assert group.attrs["neurodata_type"] == "NWBFile"
    specifications = group[group.attrs[".specloc"]]
    assert json.loads(specifications["core/2.5.0/namespace"][()]) == {"namespaces": [{"name": "core"}]}
    series = group["acquisition/series"]
    assert series.attrs["neurodata_type"] == "ElectricalSeries"
    np.testing.assert_allclose(series["data"][4] * series["data"].attrs["conversion"], [8e-6, 9e-6])
    assert series["timestamps"].attrs["unit"] == "seconds"
    table = group[series["electrodes"].attrs["table"]]
    assert table.attrs["colnames"] == ["group", "location"]
    shanks = table["group"][...].tolist()
    assert shanks == ["/general/extracellular_ephys/shank"] * 2
    assert group[shanks[0]].attrs["neurodata_type"] == "ElectrodeGroup"
    epochs = [json.loads(row) for row in group["intervals/epochs/timeseries"][...]]
    assert epochs[1] == {"start": 5, "count": 5, "series": "/acquisition/series"}
    np.testing.assert_array_equal(group["processing/link/data"][...], series["data"][...])
    assert group["session_start_time"][()] == "2020-01-01T00:00:00+00:00"


def classes(group: Any, attribute: str) -> set[str]:
    found = [group, *(node for _, node in group.members(max_depth=None))]
    return {node.attrs[attribute] for node in found if isinstance(node.attrs.get(attribute), str)}


# Real files of each dialect: which, and what each of them must show.
REAL: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "MATLAB": ("**/*.mat", lambda g: bool(classes(g, "MATLAB_class") & {"double", "char", "cell", "struct"})),
    "AnnData": ("scverse+anndata/*v0.[7-9]*.h5ad", lambda g: "dataframe" in classes(g, "encoding-type")),
    "NWB": ("**/*.nwb", lambda g: "NWBFile" in classes(g, "neurodata_type")),
    "Keras": ("keras-team+keras/*.h5", lambda g: any(name.endswith("vars/0") for name, _ in g.members(max_depth=None))),
    "PyTables": ("PyTables+PyTables/*tests__[Tptz]*.h5*", lambda g: "PYTABLES_FORMAT_VERSION" in g.attrs),
}


@pytest.mark.parametrize("dialect", REAL)
def test_real_files(dialect: str) -> None:
    pattern, shows = REAL[dialect]
    files = sorted(CORPUS.glob(pattern))
    if not files:
        pytest.skip(f"no {dialect} files at {CORPUS}")
    for file in files:
        group = zh.open_group(file)
        assert shows(group), file.name
        for name, node in group.members(max_depth=None):
            if isinstance(node, zh.Array) and node.dtype.kind == "O":
                check_paths(group, name, node[...])


def check_paths(group: Any, name: str, values: Any) -> None:
    """References lead to what can be opened."""
    if group[name].attrs.get("_hdf5_datatype") == "reference":
        for path in {str(item) for item in values.reshape(-1).tolist()} - {"", "null"}:
            if path.startswith("/"):
                assert path.strip("/") in group, (name, path)
