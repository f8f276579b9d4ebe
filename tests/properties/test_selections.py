"""Random selections of every kind on random arrays: read and written as numpy would."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

import zarr_hdf5 as zh
from zarr_hdf5.stores.memory import MemoryStore

DTYPES: list[Any] = [
    "bool",
    "u2",
    ">f8",
    "c8",
    "V3",
    "S4",
    "M8[s]",
    "string",
    "bfloat16",
    "int4",
    [("x", "<i2"), ("y", ">f4"), ("z", "S2")],
]
Numbers = npt.NDArray[np.intp]


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    """Keywords of create_array."""
    rank = draw(st.integers(0, 4))
    dtype = draw(st.sampled_from(DTYPES))
    chunks: tuple[Any, ...] = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    shape = tuple(draw(st.integers(0, 9)) for _ in range(rank))
    sharded = draw(st.booleans()) and rank > 0
    shards: tuple[Any, ...] | None = tuple(c * draw(st.integers(1, 3)) for c in chunks) if sharded else None
    if draw(st.booleans()):  # a rectilinear grid
        listed = tuple(draw(edges(n, c if sharded else 1)) for n, c in zip(shape, chunks, strict=True))
        chunks, shards = (chunks, listed) if sharded else (listed, None)
    order = list(draw(st.permutations(range(rank))))
    transposed = draw(st.booleans()) and rank > 0
    return {
        "shape": shape,
        "dtype": dtype,
        "chunks": chunks,
        "shards": shards,
        "hdf5": sharded and dtype not in ("string", "M8[s]"),
        "filters": [{"name": "transpose", "configuration": {"order": order}}] if transposed else (),
        "compressors": draw(st.sampled_from(["deflate", "zstd", "blosc", None])),
    }


@st.composite
def edges(draw: st.DrawFn, length: int, unit: int) -> list[int]:
    """Lengths of chunks, multiples of `unit`, of which none lies outside a dimension of `length` elements."""
    found = [unit * draw(st.integers(1, 3))]
    while sum(found) < length:
        found.append(unit * draw(st.integers(1, 3)))
    return found


def integers(length: int) -> st.SearchStrategy[Any]:
    return st.integers(-length, length - 1)


@st.composite
def orthogonal(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[Any, ...]:
    items: list[Any] = []
    for length in shape:
        bound = st.none() | st.integers(-length - 2, length + 2)
        kinds: list[st.SearchStrategy[Any]] = [
            st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, -1, -3])),
            st.lists(st.booleans(), min_size=length, max_size=length).map(lambda mask: np.array(mask, bool)),
            st.just(np.empty(0, np.intp)),
        ]
        if length:
            kinds += [integers(length), st.lists(integers(length), min_size=1, max_size=8).map(np.array)]
        items.append(draw(st.one_of(kinds)))
    return tuple(items)


def outer(numbers: Numbers, items: tuple[Any, ...]) -> Numbers:
    for axis in reversed(range(len(items))):
        numbers = numbers[(*(slice(None),) * axis, items[axis])]
    return numbers


@st.composite
def coordinates(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[Any, ...]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    full = draw(st.sampled_from([(0,), (1,), (9,), (3, 5)])) if all(shape) else (0,)
    columns: list[Any] = []
    for length in shape:
        along = tuple(1 if draw(st.booleans()) else n for n in full) if all(full) else full
        column = rng.integers(-length, length, along) if length and all(full) else np.empty(along, np.intp)
        columns.append(int(column.flat[0]) if column.size == 1 and draw(st.booleans()) else column.astype(np.intp))
    return tuple(columns)


@st.composite
def blocks(draw: st.DrawFn, grid: tuple[int, ...]) -> tuple[Any, ...]:
    items: list[Any] = []
    for count in grid:
        bound = st.none() | st.integers(-count, count)
        items.append(draw(integers(count) if count and draw(st.booleans()) else st.builds(slice, bound, bound)))
    return tuple(items)


def of_blocks(numbers: Numbers, items: tuple[Any, ...], sizes: tuple[tuple[int, ...], ...]) -> Numbers:
    for axis, (item, lengths) in enumerate(zip(items, sizes, strict=True)):
        parts = np.split(numbers, np.cumsum(lengths)[:-1], axis)
        empty = numbers.take([], axis)
        taken = (parts[item] if isinstance(item, slice) else [parts[item]]) if numbers.shape[axis] else []
        numbers = np.concatenate([empty, *taken], axis)
    return numbers


@st.composite
def selections(draw: st.DrawFn, shape: tuple[int, ...], sizes: tuple[tuple[int, ...], ...]) -> tuple[str, Any, Numbers]:
    """The kind, the selection, and the numbers of its elements in C order of an array of blocks of these sizes."""
    numbers = np.arange(np.prod(shape, dtype=int), dtype=np.intp).reshape(shape)
    match kind := draw(st.sampled_from(["basic", "orthogonal", "coordinate", "mask", "block"])):
        case "basic":
            basic = draw(basic_indices(shape, allow_newaxis=True, allow_ellipsis=True, max_dims=8))
            return kind, basic, np.asarray(numbers[basic])
        case "orthogonal":
            items = draw(orthogonal(shape))
            return kind, items, np.asarray(outer(numbers, items))
        case "coordinate":
            points = draw(coordinates(shape))
            return kind, points, np.asarray(numbers[points])
        case "mask":
            mask = np.random.default_rng(draw(st.integers(0, 99))).random(shape) < draw(st.sampled_from([0, 0.2, 1]))
            return kind, np.asarray(mask), numbers[mask]
    chosen = draw(blocks(tuple(map(len, sizes))))
    return kind, chosen, of_blocks(numbers, chosen, sizes)


def values(draw: Callable[..., Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if dtype.hasobject:
        texts = np.empty(shape, object)
        texts[...] = rng.integers(0, 99, shape).astype(str)
        return texts
    raw = rng.integers(0, 2, (*shape, dtype.itemsize), np.uint8)
    return np.ascontiguousarray(raw).view(bool if dtype == np.bool_ else dtype).reshape(shape)


def same(found: Any, right: npt.NDArray[Any]) -> bool:
    """Bit for bit; scalars of bytes have lost what fills them up."""
    left = found if isinstance(found, np.ndarray) else np.asarray(found, right.dtype)
    if left.dtype.hasobject:
        return left.shape == right.shape and bool((left == right).all())
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_selection_is_numpys(data: st.DataObject) -> None:
    options = data.draw(arrays())
    array = zh.create_array(MemoryStore(), **options)
    model = np.empty(array.shape, array.dtype)
    model[...] = array.fill_value
    for _ in range(data.draw(st.integers(1, 4))):
        kind, selection, numbers = data.draw(selections(array.shape, array.write_chunk_sizes))
        get, put = getattr(array, f"get_{kind}_selection"), getattr(array, f"set_{kind}_selection")
        fields = data.draw(st.sampled_from([None, "x", ["z", "x"]])) if array.dtype.names else None
        check_read(get, selection, fields, model.reshape(-1)[numbers.reshape(-1)].reshape(numbers.shape))
        value = values(data.draw, array.dtype, numbers.shape)
        if value.ndim and len(value) and data.draw(st.booleans()):
            value = value[:1]
        names: Any = [fields] if isinstance(fields, str) else fields or [...]
        for name in names:
            model.reshape(-1)[name][numbers] = value[name]
        put(selection, value if fields is None else value[fields], fields=fields)
        assert same(array[...], model)
    assert same(zh.open_array(array.store)[...], model)


def check_read(get: Callable[..., Any], selection: Any, fields: Any, wanted: npt.NDArray[Any]) -> None:
    """Into new memory, and into some that lies in another order."""
    found = get(selection, fields=fields)
    if fields is not None:
        assert np.shape(found) == wanted.shape
        assert found.tolist() == wanted[fields].tolist()
        return
    assert same(found, wanted)
    out = np.empty((*wanted.shape[::-1], 2), wanted.dtype).T[1, ...]
    assert get(selection, out=out) is out
    assert same(out, wanted)
