"""Names of fields in selections, and what they mean of a structure."""

from typing import Any

import numpy as np
import pytest

from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.fields import parse_fields, pop_fields

KIND = np.dtype({"names": ["x", "y", "z"], "formats": ["<f4", "<i2", "S3"], "offsets": [0, 8, 12]})
SPLIT: list[tuple[Any, Any, Any]] = [
    ("x", "x", ()),
    (("x", 2, slice(3)), "x", (2, slice(3))),
    ((2, "x"), "x", (2,)),
    (("x", "y"), ["x", "y"], ()),
    (("x", ..., "y"), ["x", "y"], (...,)),
    (["x", "y"], ["x", "y"], ()),
    ((["x"], 1), ["x"], (1,)),
    ([1, 2], None, [1, 2]),
    ([], None, []),
    ((1, None), None, (1, None)),
]


@pytest.mark.parametrize(("selection", "fields", "rest"), SPLIT, ids=str)
def test_names_are_taken_out(selection: Any, fields: Any, rest: Any) -> None:
    assert pop_fields(selection) == (fields, rest)


def test_a_name_beside_a_list_of_names() -> None:
    with pytest.raises(SelectionError, match="names of fields"):
        pop_fields(("x", ["y"]))


@pytest.mark.parametrize("fields", ["x", ["x"], ["z", "x"], ("y", "z")], ids=str)
def test_types_are_numpys(fields: Any) -> None:
    names, dtype = parse_fields(fields, KIND)
    values = np.zeros(2, KIND)[names]
    assert dtype.names == values.dtype.names
    assert values.astype(dtype).tolist() == values.tolist()
    assert dtype.itemsize == sum(KIND[name].itemsize for name in ([fields] if fields == "x" else fields))


REFUSED: dict[str, tuple[Any, np.dtype[Any], str]] = {
    "no structure": ("x", np.dtype("f4"), "no fields"),
    "unknown": ("q", KIND, "the structure has"),
    "one unknown": (["x", "q"], KIND, "the structure has"),
    "twice": (["x", "x"], KIND, "named once"),
    "none": ([], KIND, "the structure has"),
    "a number": (3, KIND, "the structure has"),
    "numbers": ([0, 1], KIND, "the structure has"),
    "lists": ([["x"]], KIND, "the structure has"),
}


@pytest.mark.parametrize(("fields", "dtype", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(fields: Any, dtype: np.dtype[Any], message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        parse_fields(fields, dtype)
