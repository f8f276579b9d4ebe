"""The extra object of zarr.json: one table, written and read."""

from typing import Any

import pytest

from zarr_hdf5.errors import Problem
from zarr_hdf5.shard.options import HDF5, is_dataset_path, options_from_json, options_to_json

TABLE: list[tuple[HDF5, dict[str, Any]]] = [
    (HDF5(dataset="/data"), {"must_understand": False, "libver": "earliest", "dataset": "/data"}),
    (HDF5(libver="v110", dataset="/a/b c/ü"), {"must_understand": False, "libver": "v110", "dataset": "/a/b c/ü"}),
    (
        HDF5(libver="v110", index_location="start", dataset="/x"),
        {"must_understand": False, "libver": "v110", "dataset": "/x"},
    ),
]


@pytest.mark.parametrize(("options", "document"), TABLE)
def test_table(options: HDF5, document: dict[str, Any]) -> None:
    problems: list[Problem] = []
    assert options_to_json(options) == document
    assert options_from_json(document, options.index_location, problems) == options
    assert options_from_json(document | {"later": [1]}, options.index_location, problems) == options
    assert not problems


@pytest.mark.parametrize(
    ("document", "places"),
    [
        (None, [()]),
        ([], [()]),
        ({}, [("libver",), ("dataset",)]),
        ({"libver": "v110"}, [("dataset",)]),
        ({"libver": ["v110"], "dataset": "/d"}, [("libver",)]),
        ({"libver": "earliest", "dataset": "d"}, [("dataset",)]),
        ({"libver": "earliest", "dataset": "/d/"}, [("dataset",)]),
        ({"libver": "earliest", "dataset": "/d/./e"}, [("dataset",)]),
    ],
)
def test_problems(document: Any, places: list[tuple[str, ...]]) -> None:
    problems: list[Problem] = []
    assert options_from_json(document, "end", problems) is None
    assert [problem.path for problem in problems] == [("zarr_hdf5", *place) for place in places]


LEGAL = ["/a", "/a/b", "/..."]
ILLEGAL = ["", "/", "a", "//a", "/a/", "/a/..", "/.", "/a\0", "/\udc80"]


@pytest.mark.parametrize(("path", "legal"), [(p, True) for p in LEGAL] + [(p, False) for p in ILLEGAL])
def test_dataset_paths(path: str, legal: bool) -> None:
    assert is_dataset_path(path) == legal
    if legal:
        assert HDF5(dataset=path).path == path
    else:
        with pytest.raises(ValueError, match="not the absolute path"):
            HDF5(dataset=path)


def test_wrong_options() -> None:
    with pytest.raises(ValueError, match="libver must be"):
        HDF5(libver="latest")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="index_location must be"):
        HDF5(index_location="middle")  # type: ignore[arg-type]
