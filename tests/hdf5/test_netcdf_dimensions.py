"""Which group gets which dimension, under what name."""

import pytest

from zarr_hdf5.hdf5.netcdf_dimensions import Extent, place_dimensions, record_dimensions

Variables = dict[str, tuple[tuple[int, ...], tuple[str | None, ...]]]

CASES: dict[str, tuple[Variables, dict[str, tuple[str, ...]]]] = {
    "coordinates": (
        {"/t": ((3, 4), ("time", "x")), "/time": ((3,), ("time",))},
        {"/t": ("/time", "/x"), "/time": ("/time",)},
    ),
    "no names": ({"/a": ((2, 3), (None, None)), "/g/b": ((2,), ("",))}, {"/a": (), "/g/b": ()}),
    "some names": (
        {"/a": ((2, 3, 3, 3), (None, "x", None, "a/b")), "/b": ((3,), (None,)), "/s": ((), ())},
        {"/a": ("/phony_dim_2", "/x", "/phony_dim_3_2", "/phony_dim_3_3"), "/b": ("/phony_dim_3",), "/s": ()},
    ),
    "one name, two lengths": (
        {"/a": ((5,), ("x",)), "/b": ((7,), ("x",)), "/c": ((5,), ("x",))},
        {"/a": ("/x",), "/b": ("/x_7",), "/c": ("/x",)},
    ),
    "the coordinate variable keeps the name": (
        {"/a": ((5,), ("x",)), "/x": ((7,), ("x",))},
        {"/a": ("/x_5",), "/x": ("/x",)},
    ),
    "the other name is a variable's": (
        {"/a": ((5,), ("x",)), "/b": ((7,), ("x",)), "/x_7": ((), ())},
        {"/a": ("/x",), "/b": ("/x_7_",), "/x_7": ()},
    ),
    "a group's name": ({"/a": ((5,), ("g",)), "/g/b": ((2,), ("y",))}, {"/a": ("/g_5",), "/g/b": ("/g/y",)}),
    "that of the group above": (
        {"/x": ((5,), ("x",)), "/g/h/a": ((5, 2), ("x", "y")), "/g/b": ((2,), ("y",))},
        {"/x": ("/x",), "/g/h/a": ("/x", "/g/y"), "/g/b": ("/g/y",)},
    ),
    "of another length than above": (
        {"/x": ((5,), ("x",)), "/g/a": ((6,), ("x",))},
        {"/x": ("/x",), "/g/a": ("/g/x",)},
    ),
    "a coordinate variable of its own": (
        {"/x": ((5,), ("x",)), "/g/a": ((5,), ("x",)), "/g/x": ((5,), ("x",))},
        {"/x": ("/x",), "/g/a": ("/g/x",), "/g/x": ("/g/x",)},
    ),
    "twice in one variable": ({"/c": ((3, 3), ("y", "y"))}, {"/c": ("/y", "/y")}),
    "siblings": (
        {"/g/a": ((3,), ("x",)), "/h/a": ((3,), ("x",))},
        {"/g/a": ("/g/x",), "/h/a": ("/h/x",)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_places(case: str) -> None:
    variables, wanted = CASES[case]
    extents = [Extent(path, shape, names) for path, (shape, names) in variables.items()]
    groups = {"/"} | {extent.group for extent in extents} | {"/g" for path in variables if path.startswith("/g/")}
    found = place_dimensions(extents, groups)
    assert {path: tuple(d.path for d in dimensions) for path, dimensions in found.items()} == wanted
    for extent in extents:
        assert all(d.length == n for d, n in zip(found[extent.path], extent.shape, strict=False))


RECORDS: dict[str, tuple[Variables, set[str]]] = {
    "first everywhere": ({"/t": ((3, 4), ("time", "x")), "/time": ((3,), ("time",)), "/x": ((4,), ("x",))}, {"/time"}),
    "second somewhere": ({"/a": ((3, 4), ("y", "x")), "/b": ((4, 3), ("x", "y"))}, set()),
    "second in a group below": ({"/a": ((3,), ("x",)), "/g/b": ((4, 3), ("y", "x"))}, {"/g/y"}),
    "twice in one variable": ({"/c": ((3, 3), ("y", "y"))}, set()),
    "several": ({"/a": ((3,), ("x",)), "/b": ((4,), ("y",))}, {"/x", "/y"}),
    "none": ({"/a": ((3,), (None,)), "/s": ((), ())}, set()),
}


@pytest.mark.parametrize("case", RECORDS)
def test_record_dimensions(case: str) -> None:
    variables, wanted = RECORDS[case]
    extents = [Extent(path, shape, names) for path, (shape, names) in variables.items()]
    places = place_dimensions(extents, {"/", "/g"})
    assert {dimension.path for dimension in record_dimensions(places.values())} == wanted
