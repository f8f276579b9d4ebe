"""Selections of every kind, read and written, of arrays of every storage: as numpy, and as zarr-python on the same."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import zarr

import zarr_hdf5 as zh
from zarr_hdf5.errors import CodecError, ReadOnlyError, SelectionError
from zarr_hdf5.stores.memory import MemoryStore

SHAPE = (40, 30, 20)
RNG = np.random.default_rng(12)
VALUES = RNG.integers(1, 2**16, SHAPE, np.uint16)
NUMBERS = np.arange(VALUES.size).reshape(SHAPE)
ROWS, COLUMNS, LAYERS = ([31, 4, 4, -40, 17], [29, 3, 2, 0], [0, 7, 19, 6])
MASK = RNG.random(SHAPE) < 0.02
FEW = np.arange(40) % 7 == 2

SHARDED: dict[str, Any] = {"chunks": (5, 10, 4), "shards": (20, 10, 20)}
ARRAYS: dict[str, dict[str, Any]] = {
    "deflate": SHARDED,
    "elements alone": {**SHARDED, "compressors": None},
    "big-endian": {**SHARDED, "compressors": None, "dtype": ">u2"},
    "no shards": {"chunks": (5, 10, 4), "hdf5": False, "shards": None},
    "no shards, elements alone": {"chunks": (5, 10, 4), "hdf5": False, "compressors": None, "shards": None},
    "edges": {"chunks": (7, 11, 6), "shards": (21, 22, 12)},
    "large chunks, elements alone": {"chunks": (40, 30, 20), "shards": (40, 30, 20), "compressors": None},
    "transposed": {**SHARDED, "filters": [{"name": "transpose", "configuration": {"order": [2, 0, 1]}}]},
}
# Kind, selection, and whether zarr-python has it too.
SELECTIONS: dict[str, tuple[str, Any, bool]] = {
    "brackets: integers and slices": ("", np.s_[3, 2:20:3], True),
    "brackets: backwards": ("", np.s_[::-3, 5, 17:2:-1], False),
    "brackets: new axes": ("", np.s_[None, 3, ..., None], False),
    "brackets: rows": ("", np.s_[ROWS], True),
    "brackets: a mask": ("", MASK, True),
    "brackets: points": ("", (ROWS[:4], COLUMNS, LAYERS), True),
    "brackets: points in a plane": ("", (ROWS[:4], 3, LAYERS), True),
    "brackets: layers": ("", np.s_[2:30, :, LAYERS], True),
    "oindex: rows": ("oindex", (ROWS,), True),
    "oindex: columns": ("oindex", np.s_[:, COLUMNS], True),
    "oindex: layers": ("oindex", np.s_[..., LAYERS], True),
    "oindex: all": ("oindex", (ROWS, COLUMNS, LAYERS), True),
    "oindex: in a plane": ("oindex", (ROWS, 7, LAYERS), True),
    "oindex: a mask": ("oindex", (FEW,), True),
    "oindex: masks and integers": ("oindex", (FEW, COLUMNS, 3), True),
    "oindex: slices": ("oindex", np.s_[1:9:2, COLUMNS, ::5], True),
    "oindex: backwards": ("oindex", np.s_[::-7, COLUMNS, ::-1], False),
    "oindex: a slice in other words": ("oindex", ([3, 2, 1, 0], slice(4), [0, 1]), True),
    "oindex: whole chunks": ("oindex", ([*range(5), 9, 33], slice(10), slice(None)), True),
    "oindex: nothing": ("oindex", (np.zeros(40, bool), 3), True),
    "vindex: points": ("vindex", (ROWS[:4], COLUMNS, LAYERS), True),
    "vindex: broadcast": ("vindex", (np.array(ROWS)[:, None], np.array(COLUMNS), 3), True),
    "vindex: ix_": ("vindex", np.ix_(ROWS, COLUMNS, LAYERS), True),
    "vindex: a mask": ("vindex", MASK, True),
    "vindex: the same twice": ("vindex", ([1, 2, 1, 1], [0, 0, 0, 1], [5, 5, 5, 5]), True),
    "vindex: nothing": ("vindex", ([], [], []), False),
    "blocks: one": ("blocks", (-1, 0), True),
    "blocks: some": ("blocks", np.s_[-1, 0:2], True),
    "blocks: all": ("blocks", ..., True),
}


def pick(array: Any, kind: str) -> Any:
    return getattr(array, kind) if kind else array


def create(url: Any, **options: Any) -> zh.Array:
    wanted: Any = {"dtype": "u2", "shape": SHAPE, "overwrite": True, **options}
    return zh.create_array(url, **wanted)


def selected(kind: str, selection: Any, blocks: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """The numbers of the selected elements: what numpy makes of the selection."""
    if kind == "oindex":
        items = [slice(None) if item is ... else item for item in (selection[0], *selection[1:])]
        if selection[0] is ...:
            items = [slice(None)] * (3 - len(selection)) + items
        items += [slice(None)] * (3 - len(items))
        found = NUMBERS
        for axis in (2, 1, 0):
            found = found[(*(slice(None),) * axis, items[axis])]
        return found
    if kind == "blocks":
        items = list(selection) if isinstance(selection, tuple) else []
        items += [slice(None)] * (3 - len(items))
        found = NUMBERS
        for axis, (item, length) in enumerate(zip(items, blocks, strict=True)):
            count = -(-SHAPE[axis] // length)
            within = range(count)[item] if isinstance(item, slice) else range(item % count, item % count + 1)
            found = found.take(np.arange(within.start * length, min(SHAPE[axis], within.stop * length)), axis)
        return found
    if kind == "vindex" and isinstance(selection, tuple):
        selection = tuple(np.asarray(item, np.intp) for item in selection)
    return np.asarray(NUMBERS[selection])


@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_reading(options: dict[str, Any], tmp_path: Path) -> None:
    array = create(tmp_path / "a.zarr", **options)
    array[:30] = VALUES[:30]  # the others stay absent
    values = np.where(np.arange(40)[:, None, None] < 30, VALUES, 0).astype(array.dtype)
    judge: Any = zarr.open_array(tmp_path / "a.zarr", mode="r")
    for what, (kind, selection, theirs) in SELECTIONS.items():
        found = pick(array, kind)[selection]
        wanted = values.reshape(-1)[selected(kind, selection, array.shards or array.chunks)]
        assert found.shape == wanted.shape, what
        assert found.dtype == array.dtype, what
        np.testing.assert_array_equal(found, wanted, what)
        if theirs:
            np.testing.assert_array_equal(found, np.asarray(pick(judge, kind)[selection]).reshape(found.shape), what)


@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_writing(options: dict[str, Any], tmp_path: Path) -> None:
    array = create(tmp_path / "a.zarr", **options)
    model = np.zeros(SHAPE, "u2")
    for round_, (what, (kind, selection, _)) in enumerate(SELECTIONS.items()):
        numbers = selected(kind, selection, array.shards or array.chunks)
        value: Any = RNG.integers(0, 2**16, numbers.shape, np.uint16)
        if round_ % 3 == 1:
            value = value[..., :1]  # broadcast
        elif round_ % 3 == 2:
            value = int(round_)
        pick(array, kind)[selection] = value
        model.reshape(-1)[numbers] = value
        np.testing.assert_array_equal(array[...], model, what)
    np.testing.assert_array_equal(np.asarray(zarr.open_array(tmp_path / "a.zarr", mode="r")[...]), model)
    if array.hdf5 is not None:
        assert zh.verify(tmp_path / "a.zarr")


@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_masks_that_are_looked_at_in_parts(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zarr_hdf5.array.transfer.MASK_SIZE", 1)
    array = create(MemoryStore(), **options)
    mask = RNG.random(SHAPE) < np.linspace(-0.5, 1.5, 40)[:, None, None]  # none here, all there
    array[mask] = VALUES[mask]
    np.testing.assert_array_equal(array[...], np.where(mask, VALUES, 0))
    np.testing.assert_array_equal(array[MASK], np.where(mask, VALUES, 0)[MASK])


@pytest.mark.parametrize("layout", [{}, {"chunks": (5, 10, 4), "compression": "gzip"}, {"chunks": (7, 11, 6)}], ids=str)
def test_of_hdf5_files(layout: dict[str, Any], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=VALUES, **layout)
    array = zh.open_array(tmp_path / "a.h5", path="a")
    for what, (kind, selection, _) in SELECTIONS.items():
        if kind != "blocks":
            wanted = VALUES.reshape(-1)[selected(kind, selection, SHAPE)]
            np.testing.assert_array_equal(pick(array, kind)[selection], wanted, what)
    with pytest.raises(ReadOnlyError):
        array.oindex[[1, 3]] = 0


def test_chunks_that_lie_in_another_order(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("a", shape=SHAPE, dtype="u2", chunks=(5, 10, 4), compression="gzip")
        for layer in (12, 0, 16, 4, 8):
            dataset[:, :, layer : layer + 4] = VALUES[:, :, layer : layer + 4]
    array = zh.open_array(tmp_path / "a.h5", path="a")
    np.testing.assert_array_equal(array.oindex[ROWS, :, LAYERS], VALUES[ROWS][:, :, LAYERS])


def test_in_one_file(tmp_path: Path) -> None:
    with create(tmp_path / "a.h5", **SHARDED) as array:
        array.oindex[ROWS, COLUMNS] = 7
        array[MASK] = 8
    model = np.zeros(SHAPE, "u2")
    model[np.ix_(np.array(ROWS), np.array(COLUMNS))] = 7
    model[MASK] = 8
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["data"][()], model)


def test_methods_are_the_brackets() -> None:
    array = create("memory://methods", **SHARDED, data=VALUES)
    names = {"orthogonal": "oindex", "coordinate": "vindex", "block": "blocks"}
    for name, (kind, selection) in [(n, (k, s)) for n, b in names.items() for k, s, _ in SELECTIONS.values() if k == b]:
        found = getattr(array, f"get_{name}_selection")(selection)
        np.testing.assert_array_equal(found, pick(array, kind)[selection])
    np.testing.assert_array_equal(array.get_basic_selection(np.s_[::-3, None]), VALUES[::-3, None])
    np.testing.assert_array_equal(array.get_mask_selection(MASK), VALUES[MASK])
    array.set_mask_selection(MASK, 3)
    array.set_orthogonal_selection((ROWS, 0), 4)
    array.set_coordinate_selection((1, 2, 3), 5)
    array.set_block_selection((1, 2), 6)
    model = VALUES.copy()
    model[MASK], model[ROWS, 0], model[1, 2, 3], model[20:, 20:] = 3, 4, 5, 6
    np.testing.assert_array_equal(array[...], model)


READERS: dict[str, Callable[..., Any]] = {
    "basic": lambda a, **o: a.get_basic_selection(np.s_[::-2, 3], **o),
    "orthogonal": lambda a, **o: a.get_orthogonal_selection((ROWS, 0, LAYERS), **o),
    "a slice of it": lambda a, **o: a.get_orthogonal_selection(([1, 5, 6], slice(4), 2), **o),
    "coordinate": lambda a, **o: a.get_coordinate_selection((np.array(ROWS)[:, None], COLUMNS, 3), **o),
    "mask": lambda a, **o: a.get_mask_selection(MASK, **o),
    "block": lambda a, **o: a.get_block_selection((1, 2), **o),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_out(read: Callable[..., Any]) -> None:
    array = create("memory://out", **SHARDED, data=VALUES)
    wanted = read(array)
    for dtype in ("u2", "f8", ">i4"):
        out = np.zeros(wanted.shape, dtype)
        assert read(array, out=out) is out
        np.testing.assert_array_equal(out, wanted)
        strided = np.full((*wanted.shape[::-1], 2), 9, dtype).T[0]
        read(array, out=strided)
        np.testing.assert_array_equal(strided, wanted)
        assert (strided.base == 9).sum() >= wanted.size
    with pytest.raises(SelectionError, match="out has shape"):
        read(array, out=np.zeros((*wanted.shape, 1)))
    with pytest.raises(SelectionError, match="read-only"):
        read(array, out=np.broadcast_to(np.uint16(0), wanted.shape))
    with pytest.raises(SelectionError, match="no numpy array"):
        read(array, out=[0])


def test_values_of_any_shape_that_numpy_takes() -> None:
    array = create("memory://values", **SHARDED)
    model = np.zeros(SHAPE, "u2")
    assigned: list[tuple[Any, Any]] = [
        (np.s_[0], np.ones((1, 1, 30, 1))),
        (np.s_[1:3, 0, [2, 3]], [[5, 6]]),
        (np.s_[[0, 1], [0, 0], [4, 5]], [7, 8]),
        (np.s_[2:2], np.zeros((0, 30, 20))),
        (np.s_[3], np.float32(2.7)),
        (np.s_[4], VALUES[4].T.copy().T),
    ]
    for selection, value in assigned:
        array[selection] = value
        model[selection] = value
        np.testing.assert_array_equal(array[...], model)
    refused: list[Any] = [np.s_[0], ([1, 2], [0, 0], [0, 0]), MASK, np.s_[:, [1, 2]]]
    for selection in refused:
        with pytest.raises(SelectionError, match="broadcast"):
            array[selection] = np.zeros((7, 3))
    np.testing.assert_array_equal(array[...], model)


def test_the_last_value_stays() -> None:
    array = create("memory://last", **SHARDED)
    array.oindex[[3, 3, 1, 3], 0, [5, 2, 5]] = np.arange(12).reshape(4, 3)
    assert array[3, 0, [5, 2]].tolist() == [11, 10]
    assert array[1, 0, [5, 2]].tolist() == [8, 7]
    array.vindex[[0, 0, 0], [1, 1, 1], [2, 2, 2]] = [4, 9, 6]
    assert array[0, 1, 2] == 6


def test_scalars_and_axes_of_no_length() -> None:
    scalar = zh.create_array("memory://scalar", data=np.int16(7), overwrite=True)
    assert scalar[()] == scalar.oindex[()] == scalar.vindex[()] == scalar.blocks[()] == 7
    assert scalar[True].tolist() == scalar[np.array(True)].tolist() == [7]
    assert scalar[False].shape == (0,)
    assert scalar[None].shape == (1,)
    scalar[True] = 8
    scalar[False] = 9
    assert scalar[...] == 8
    empty = zh.create_array("memory://empty", shape=(0, 5), dtype="i4", overwrite=True)
    assert empty.oindex[:, [1, 3]].shape == empty.oindex[[], [1, 3]].shape == (0, 2)
    assert empty[np.zeros((0, 5), bool)].shape == (0,)
    assert empty.blocks[...].shape == (0, 5)
    empty.oindex[[], [1]] = 3
    with pytest.raises(SelectionError, match="out of bounds"):
        empty.oindex[[0], [1]]


@pytest.mark.parametrize(
    ("kind", "selection"),
    [
        ("", np.s_[:, [0], [1]]),
        ("", MASK[1:]),
        ("", True),
        ("", 1.5),
        ("", "x"),
        ("", ["x"]),
        ("", np.s_[40]),
        ("oindex", [[1, 2]]),
        ("oindex", np.ones(39, bool)),
        ("oindex", np.s_[:, :, [20]]),
        ("oindex", "x"),
        ("vindex", [1, 2]),
        ("vindex", np.s_[[1], [2], :]),
        ("vindex", ([1], [2], [-21])),
        ("vindex", MASK[0]),
        ("blocks", 2),
        ("blocks", slice(None, None, 2)),
        ("blocks", [0]),
    ],
    ids=str,
)
def test_refused_here_and_by_zarr_python(kind: str, selection: Any, tmp_path: Path) -> None:
    array = create(tmp_path / "a.zarr", **SHARDED)
    judge: Any = zarr.open_array(tmp_path / "a.zarr", mode="r")
    with pytest.raises(SelectionError):
        pick(array, kind)[selection]
    with pytest.raises(SelectionError):
        pick(array, kind)[selection] = 1
    with pytest.raises((IndexError, TypeError, ValueError)):
        pick(judge, kind)[selection]


def test_by_dimension_name() -> None:
    array = create("memory://isel", **SHARDED, data=VALUES, dimension_names=["time", "y", "x"])
    np.testing.assert_array_equal(array.isel(time=3, x=slice(None, 8, 2)), VALUES[3, :, :8:2])
    np.testing.assert_array_equal(array.isel(x=LAYERS, y=COLUMNS), VALUES[:, COLUMNS][:, :, LAYERS])
    np.testing.assert_array_equal(array.isel({"time": FEW}, y=-1), VALUES[FEW, -1])
    np.testing.assert_array_equal(array.isel(), VALUES)
    assert array.isel(time=0, y=0, x=0) == VALUES[0, 0, 0]
    with pytest.raises(SelectionError, match="no dimensions are called 'z'"):
        array.isel(z=0)
    with pytest.raises(SelectionError, match="no dimensions"):
        create("memory://isel", **SHARDED).isel(x=0)


@pytest.mark.parametrize("shape", [(2**63 - 1,), (2**62, 2**62), (2**40, 2**40, 2**40)], ids=str)
@pytest.mark.parametrize("length", [1, 2**38, 2**63 - 1])
def test_arrays_that_claim_to_be_huge(shape: tuple[int, ...], length: int) -> None:
    """Only what is selected costs anything; what cannot be had is refused."""
    options: Any = {"shape": shape, "dtype": "u1", "chunks": (length,) * len(shape), "shards": None, "hdf5": False}
    array = zh.create_array(MemoryStore(), **options, fill_value=7)
    some = tuple([[0, -1, 3]] * len(shape))
    assert array.vindex[some].tolist() == [7, 7, 7]
    assert (array.oindex[some] == 7).all()
    assert array.oindex[some].shape == (3,) * len(shape)
    assert array.lazy[::-1].T.lazy[..., :2].shape == (*shape[:0:-1], 2)
    for whole in (array, array.lazy[...], array.astype("f8")):
        with pytest.raises(SelectionError, match="does not fit in memory"):
            whole[::2]
    if length > 1:
        with pytest.raises((SelectionError, CodecError), match="not fit in memory"):
            array.blocks[(0,) * len(shape)]
        with pytest.raises(CodecError, match="not fit in memory"):
            array.oindex[some] = 1
    else:
        array.oindex[some] = 1
        assert (array.vindex[some] == 1).all()


def test_arrays_of_this_library_as_indexes() -> None:
    array = create("memory://indexed", **SHARDED, data=VALUES)
    mask = zh.create_array("memory://mask", data=MASK, overwrite=True)
    rows = zh.create_array("memory://rows", data=ROWS, overwrite=True)
    np.testing.assert_array_equal(array[mask], VALUES[MASK])
    np.testing.assert_array_equal(array.oindex[rows], VALUES[ROWS])


def test_results_are_given_to_others() -> None:
    array = create("memory://dlpack", **SHARDED, data=VALUES)
    for result in (array[3], array.oindex[ROWS], array[MASK], array.lazy[::-2].T[...]):
        np.testing.assert_array_equal(np.from_dlpack(result), result)
        assert result.flags.writeable


def test_writers_of_single_elements_do_not_lose_each_others() -> None:
    array = create(MemoryStore(), shape=(64,), chunks=(16,), shards=(32,))
    errors: list[BaseException] = []

    def work(mine: int) -> None:
        try:
            for i in range(mine, 64, 4):
                array.vindex[[i]] = i + 1
                array.oindex[[i]] = i + 2
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert array[...].tolist() == list(range(2, 66))
