"""Views: nothing is read before they are used, and then what numpy's views hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices

import zarr_hdf5 as zh
from zarr_hdf5.errors import ReadOnlyError, SelectionError, UnsupportedFeatureError

VALUES = np.arange(6 * 5 * 4, dtype="i4").reshape(6, 5, 4)


@pytest.fixture
def array(tmp_path: Path) -> zh.Array:
    return zh.create_array(tmp_path / "a.zarr", data=VALUES, chunks=(2, 2, 4), shards=(4, 4, 4))


def test_nothing_is_read(array: zh.Array, monkeypatch: pytest.MonkeyPatch) -> None:
    view = array.lazy[::-2, None, 1:].T.lazy[..., 0].astype("f4").transpose(2, 0, 1)
    wanted = VALUES[::-2, None, 1:].T[..., 0].astype("f4").transpose(2, 0, 1)
    assert (view.shape, view.ndim, view.size, view.dtype) == (wanted.shape, 3, wanted.size, wanted.dtype)
    assert len(view) == 1
    assert repr(view) == f"<zarr_hdf5.ArrayView shape=(1, 4, 4) dtype=float32 of {array!r}>"
    reads: list[object] = []
    monkeypatch.setattr("zarr_hdf5.array.transfer.read", lambda *args: reads.append(args))
    array.lazy[2:4].T.lazy[::-1].lazy[None]
    assert not reads
    array.lazy[2:4][...]
    assert len(reads) == 1


def test_reading(array: zh.Array) -> None:
    view, model = array.lazy[4:0:-1, ::2].transpose([2, 0, 1]), VALUES[4:0:-1, ::2].transpose(2, 0, 1)
    np.testing.assert_array_equal(view[...], model)
    np.testing.assert_array_equal(view[1, ::-1, None], model[1, ::-1, None])
    np.testing.assert_array_equal(np.asarray(view), model)
    np.testing.assert_array_equal(np.asarray(view, "f8"), model.astype("f8"))
    assert view[0, 0, 0] == model[0, 0, 0]
    assert isinstance(view[0, 0, 0], np.int32)
    assert float(np.sum(view.T)) == model.sum()
    assert array.lazy[3:3].T[...].shape == (4, 5, 0)
    assert array.lazy[None].lazy[0:0][...].shape == (0, 6, 5, 4)
    with pytest.raises(ValueError, match="copy"):
        np.asarray(view, copy=False)


def test_writing(array: zh.Array) -> None:
    model = VALUES.copy()
    view, wanted = array.lazy[::-2, None, 1:].T, model[::-2, None, 1:].T
    view[...] = np.arange(3)
    wanted[...] = np.arange(3)
    view[1, ::-2] = wanted[1, ::-2] + 100
    wanted[1, ::-2] += 100
    view.lazy[2].T.lazy[0][...] = [[7]]
    wanted[2].T[0][...] = [[7]]
    view[0:0] = 5
    np.testing.assert_array_equal(array[...], model)
    array[0] = array.lazy[1]
    model[0] = model[1]
    array.lazy[2][...] = array.lazy[3].lazy[::-1]
    model[2] = model[3][::-1]
    np.testing.assert_array_equal(array[...], model)
    with pytest.raises(SelectionError, match="broadcast"):
        view[...] = np.zeros(9)


def test_casts(array: zh.Array) -> None:
    view = array.astype("f4")
    assert view[2:3].dtype == np.float32
    np.testing.assert_array_equal(view[2:3], VALUES[2:3].astype("f4"))
    np.testing.assert_array_equal(view.T[1], VALUES.T[1])
    assert np.asarray(view).dtype == np.float32
    with pytest.raises(ReadOnlyError, match="float32"):
        view[0] = 1
    array.astype("i4")[0] = 1
    assert (array[0] == 1).all()
    assert array.astype(str)[5, 4].tolist() == VALUES.astype(str)[5, 4].tolist()


def test_casts_of_objects() -> None:
    array = zh.create_array("memory://texts", data=np.array(["12", "3"], object), dtype=str, hdf5=False, overwrite=True)
    assert array.astype("f8")[...].tolist() == [12, 3]
    assert array.astype("U2")[...].tolist() == np.asarray(array.lazy[:], str).tolist() == ["12", "3"]
    with pytest.raises(UnsupportedFeatureError, match="say a length"):
        array.astype(str)


def test_of_a_scalar() -> None:
    scalar = zh.create_array("memory://lazy-scalar", data=np.float32(2.5), overwrite=True)
    assert scalar.lazy[...][...] == scalar.astype("f8")[()] == 2.5
    assert scalar.lazy[None, ...].T[...].shape == (1,)
    scalar.lazy[()][...] = 3
    assert scalar[()] == 3
    with pytest.raises(TypeError, match="no length"):
        len(scalar.lazy[...])


REFUSED: list[Any] = [6, (0, 0, 0, 0), [1, 2], np.ones(6, bool), True, 1.5, "x", (..., ...), slice(None, None, 0)]


@pytest.mark.parametrize("selection", REFUSED, ids=str)
def test_refused(array: zh.Array, selection: Any) -> None:
    view = array.lazy[...]
    with pytest.raises(SelectionError):
        view.lazy[selection]
    with pytest.raises(SelectionError):
        view[selection]
    with pytest.raises(SelectionError):
        view[selection] = 0


@pytest.mark.parametrize("axes", [(0, 1), (0, 0, 1), (0, 1, 3), (0, 1, -4), ((2, 1),)], ids=str)
def test_no_order_of_axes(array: zh.Array, axes: Any) -> None:
    with pytest.raises(SelectionError, match="no order"):
        array.lazy[...].transpose(*axes)


def test_of_an_array_that_has_shrunk(array: zh.Array) -> None:
    view, corner = array.lazy[::-1, 4], array.lazy[:2, :2]
    array.resize((4, 3, 4))
    for use in (lambda: view[0], lambda: view[...], lambda: np.asarray(view)):
        with pytest.raises(SelectionError, match="resized"):
            use()
    with pytest.raises(SelectionError, match="resized"):
        view[...] = 0
    np.testing.assert_array_equal(corner[...], VALUES[:2, :2])


@settings(deadline=None)
@given(st.data())
def test_any_chain_is_as_in_numpy(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=5))
    values = np.arange(np.prod(shape), dtype="i4").reshape(shape)
    array = zh.create_array("memory://chain", data=values, hdf5=False, overwrite=True)
    view, model = array.lazy[...], values
    for _ in range(data.draw(st.integers(1, 4))):
        if data.draw(st.booleans()):
            order = data.draw(st.permutations(range(model.ndim)))
            order = [axis - model.ndim if data.draw(st.booleans()) else axis for axis in order]
            view, model = view.transpose(*order) if order else view.T, model.transpose(order)
        else:
            drawn = data.draw(basic_indices(model.shape, allow_newaxis=True, max_dims=6))
            items = drawn if isinstance(drawn, tuple) else (drawn,)
            selection = items if ... in items else (*items, ...)  # else numpy would give scalars, not views
            view, model = view.lazy[selection], model[selection]
        assert view.shape == model.shape
    np.testing.assert_array_equal(np.asarray(view), model)
    last = data.draw(basic_indices(model.shape, allow_newaxis=True))
    assert np.shape(view[last]) == np.shape(model[last])
    np.testing.assert_array_equal(view[last], model[last])
    value = np.arange(np.size(model[last]), dtype="i4").reshape(np.shape(model[last])) + 1000
    view[last] = value
    model[last] = value
    np.testing.assert_array_equal(array[...], values)
