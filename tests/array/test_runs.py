from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.array import runs
from zarr_hdf5.array.runs import copy_runs

DTYPES = ["u1", ">u2", "<f4", "c16", "S3", "U2", "M8[s]", "?", [("a", "u1"), ("b", "<f8")]]
# Of arrays of shape (4, 6, 8): slices of all kinds, other orders, single elements, nothing.
VIEWS: dict[str, Any] = {
    "all": lambda a: a,
    "part": lambda a: a[1:3, :5, 2:7],
    "steps": lambda a: a[::2, ::3, ::2],
    "backwards": lambda a: a[::-1, :, ::-1],
    "transposed": lambda a: a.T,
    "lines": lambda a: a[:, :, :1],
    "an element": lambda a: a[1, 1, 1, ...],
    "nothing": lambda a: a[:, :0],
    "split": lambda a: a.reshape(4, 2, 3, 2, 4).transpose(1, 3, 0, 2, 4),
}


@pytest.fixture(autouse=True, scope="module")
def however_small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "MIN_NBYTES", 0)
        yield


def values(dtype: Any, seed: int) -> Any:
    """Any bytes but those that are no characters."""
    dtype = np.dtype(dtype)
    highest = 2 if dtype.kind in "?U" else 256
    raw = np.random.default_rng(seed).integers(0, highest, (4, 6, 8, dtype.itemsize), np.uint8)
    raw[..., 1:] = 0 if dtype.kind == "U" else raw[..., 1:]
    return raw.view(dtype)[..., 0]


@given(st.sampled_from(DTYPES), st.sampled_from(sorted(VIEWS)), st.booleans())
def test_as_numpy_assigns(dtype: Any, view: str, dense: bool) -> None:
    source = VIEWS[view](values(dtype, 1))
    source = source.copy() if dense else source
    target, expected = values(dtype, 2), values(dtype, 2)
    VIEWS[view](expected)[...] = source
    copy_runs(VIEWS[view](target), source)
    assert target.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["u4", "<u2"])
def test_elements_are_cast_and_repeated(dtype: str) -> None:
    target = np.zeros((4, 6), dtype)
    copy_runs(target, np.arange(6, dtype=">u2"))
    np.testing.assert_array_equal(target, np.broadcast_to(np.arange(6), (4, 6)))


def test_objects_are_counted() -> None:
    target, source = np.zeros((2, 3), object), np.full((2, 3), "text" * 10, object)
    copy_runs(target, source)
    del source
    assert target.tolist() == [["text" * 10] * 3] * 2
