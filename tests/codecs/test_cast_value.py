"""`cast_value` against exact arithmetic with fractions, and against cast-value-rs, which zarr-python casts with."""

from fractions import Fraction
from typing import Any

import cast_value_rs
import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from codec_cases import LITTLE, encode, prepare
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.codecs.value_casting import ROUNDINGS, Casting, cast
from zarr_hdf5.errors import CodecError, CorruptDataError, InvalidMetadataError

Array = npt.NDArray[Any]

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = {"float16": (11, -24), "float32": (24, -149), "float64": (53, -1074)}  # precision, least exponent
OTHERS = {"bfloat16": (8, -133), "float8_e5m2": (3, -16), "float8_e4m3": (4, -9), "float8_e3m4": (5, -6)}
PRECISIONS = {**FLOATS, **OTHERS}


def dtype_of(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name) if name in OTHERS or "int2" in name or "int4" in name else name)


def to_integer(x: Fraction, rounding: str) -> int:
    """The whole number that `rounding` asks for."""
    down = x.numerator // x.denominator
    rest = x - down
    if rest == 0:
        return down
    up = {
        "nearest-even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and down % 2 == 1),
        "nearest-away": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and x > 0),
        "towards-zero": x < 0,
        "towards-positive": True,
        "towards-negative": False,
    }[rounding]
    return down + up


def to_float(x: Fraction, name: str, rounding: str) -> Fraction:
    """The number of that precision."""
    precision, least = PRECISIONS[name]
    if x == 0:
        return x
    exponent = abs(x.numerator).bit_length() - x.denominator.bit_length()
    exponent += abs(x) >= Fraction(2) ** (exponent + 1)
    exponent -= abs(x) < Fraction(2) ** exponent
    unit = Fraction(2) ** max(exponent - precision + 1, least)
    return to_integer(x / unit, rounding) * unit


def bounds(name: str) -> tuple[Fraction, Fraction]:
    if name in INTEGERS:
        return Fraction(int(np.iinfo(name).min)), Fraction(int(np.iinfo(name).max))
    greatest = Fraction(float(ml_dtypes.finfo(dtype_of(name)).max))
    return -greatest, greatest


def numbers_of(name: str) -> st.SearchStrategy[Any]:
    """Of all sizes, near integers and halves, and any bits."""
    if name in INTEGERS:
        low, high = (int(bound) for bound in bounds(name))
        return st.integers(low, high) | st.integers(max(low, -300), 127)
    width = int(name.removeprefix("float"))
    any_bits = st.floats(width=width, allow_nan=False, allow_infinity=False)  # type: ignore[arg-type]
    return (
        any_bits
        | st.integers(-600, 600).map(lambda n: n / 2)
        | st.integers(-(2**63), 2**64).map(
            lambda n: float(np.clip(n, -60000, 60000) if width == 16 else np.float32(n) if width == 32 else n)
        )
    )


castings = st.builds(Casting, st.sampled_from(ROUNDINGS), st.sampled_from([None, "clamp", "wrap"]))


@pytest.mark.parametrize("target", [*INTEGERS, *PRECISIONS])
@settings(deadline=None, max_examples=200)
@given(data=st.data(), casting=castings, source=st.sampled_from([*INTEGERS, *FLOATS]))
def test_every_number_exactly(target: str, data: st.DataObject, casting: Casting, source: str) -> None:
    array = np.array(data.draw(st.lists(numbers_of(source), min_size=1, max_size=5)), source)
    low, high = bounds(target)
    exact = [Fraction(n) for n in array.tolist()]
    integral = target in INTEGERS
    rounding = casting.rounding
    wanted = [Fraction(to_integer(x, rounding)) if integral else to_float(x, target, rounding) for x in exact]
    outside = any(not low <= x <= high for x in wanted)
    if outside and (casting.out_of_range is None or (casting.out_of_range == "wrap" and not integral)):
        with pytest.raises(ValueError, match="out of the range"):
            cast(array, dtype_of(target), casting)
        return
    found = cast(array, dtype_of(target), casting)
    assert found.dtype == dtype_of(target)
    if integral and casting.out_of_range == "wrap":
        wanted = [(x - low) % (high - low + 1) + low for x in wanted]
    if integral:
        assert found.tolist() == [int(min(max(x, low), high)) for x in wanted]
    else:
        infinite = [np.inf if x > high else -np.inf if x < low else float(x) for x in wanted]
        assert found.astype("f8").tolist() == infinite


@pytest.mark.parametrize("source", [*INTEGERS, *FLOATS])
@settings(deadline=None, max_examples=200)
@given(data=st.data(), casting=castings, target=st.sampled_from([*INTEGERS, *FLOATS]))
def test_as_zarr_python_casts(source: str, data: st.DataObject, casting: Casting, target: str) -> None:
    assume(casting.out_of_range != "wrap" or target in INTEGERS)
    array = np.array(data.draw(st.lists(numbers_of(source), min_size=1, max_size=5)), source)
    options: Any = {"rounding_mode": casting.rounding, "out_of_range_mode": casting.out_of_range}
    try:
        wanted = cast_value_rs.cast_array(array, target_dtype=np.dtype(target), **options)
    except ValueError:
        with pytest.raises(ValueError, match="out of the range"):
            cast(array, np.dtype(target), casting)
        return
    np.testing.assert_array_equal(cast(array, np.dtype(target), casting), wanted)


SPECIAL = [np.nan, np.inf, -np.inf, -0.0]


@pytest.mark.parametrize("target", ["float16", "float32", "float64", "bfloat16", "float8_e5m2"])
def test_floats_keep_nan_infinity_and_signs(target: str) -> None:
    for rounding in ROUNDINGS:
        found = cast(np.array(SPECIAL), dtype_of(target), Casting(rounding)).astype("f8")
        assert found.astype(str).tolist() == ["nan", "inf", "-inf", "-0.0"]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("out_of_range", [None, "clamp", "wrap"])
def test_what_integers_have_not(out_of_range: str | None, number: float) -> None:
    with pytest.raises(ValueError, match="no int16"):
        cast(np.array([1, number]), np.dtype("i2"), Casting("nearest-even", out_of_range))
    options: Any = {"rounding_mode": "nearest-even", "out_of_range_mode": out_of_range}
    with pytest.raises(ValueError, match=r"[Ii]nf|NaN|nan"):
        cast_value_rs.cast_array(np.array([1, number]), target_dtype="int16", **options)


SMALL = ["int2", "uint2", "int4", "uint4"]


@pytest.mark.parametrize("name", SMALL)
def test_integers_of_few_bits(name: str) -> None:
    dtype, bits = dtype_of(name), int(name[-1])
    low, high = (0, 2**bits - 1) if name[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    array = np.arange(-40, 41)
    for source in (array, array.astype("f4")):
        clamped = cast(source, dtype, Casting(out_of_range="clamp")).astype(int).tolist()
        assert clamped == [min(max(n, low), high) for n in array.tolist()]
        wrapped = cast(source, dtype, Casting(out_of_range="wrap")).astype(int).tolist()
        assert wrapped == [(n - low) % 2**bits + low for n in array.tolist()]
    back = cast(np.arange(low, high + 1).astype(dtype), np.dtype("f4"), Casting())
    assert back.tolist() == list(range(low, high + 1))


def test_floats_without_infinity_or_nan() -> None:
    fn, tiny = np.dtype(ml_dtypes.float8_e4m3fn), np.dtype(ml_dtypes.float4_e2m1fn)
    assert cast(np.array([np.inf, 1e9, -1e9]), fn, Casting(out_of_range="clamp")).astype("f8").tolist() == [
        448,
        448,
        -448,
    ]
    with pytest.raises(ValueError, match="range"):
        cast(np.array([np.inf]), fn, Casting())
    assert np.isnan(cast(np.array([np.nan]), fn, Casting()).astype("f8")).all()
    with pytest.raises(ValueError, match="NaN"):
        cast(np.array([np.nan]), tiny, Casting(out_of_range="clamp"))
    assert cast(np.array([0.2, 0.3, 2.6, 99]), tiny, Casting(out_of_range="clamp")).astype("f8").tolist() == [
        0,
        0.5,
        3,
        6,
    ]


def documents(**configuration: Any) -> Any:
    return (("cast_value", configuration), LITTLE)


def test_scalar_map() -> None:
    maps: dict[str, Any] = {
        "encode": [["NaN", 0], ["Infinity", 254], [1.5, 42], [1.5, 43], ["-Infinity", 255]],
        "decode": [[0, "NaN"], [254, "Infinity"], [255, "-Infinity"], [42, 1.5]],
    }
    chain = prepare(documents(data_type="uint8", out_of_range="clamp", scalar_map=maps), "<f4", (7,))
    array = np.array([np.nan, 1.5, np.inf, -np.inf, 17, 300, -0.0], "<f4")
    assert list(encode(chain, array)) == [0, 42, 254, 255, 17, 255, 0]
    decoded = chain.decode(bytes([0, 42, 254, 255, 17, 41, 1]))
    assert decoded.astype(str).tolist() == ["nan", "1.5", "inf", "-inf", "17.0", "41.0", "1.0"]
    assert chain.chain.to_json()[0]["configuration"] == {
        "data_type": "uint8",
        "rounding": "nearest-even",
        "out_of_range": "clamp",
        "scalar_map": {key: [list(entry) for entry in entries] for key, entries in maps.items()},
    }


def test_scalar_map_of_large_integers() -> None:
    maps = {"encode": [[2**63 + 1, 1], [2**63, 2]], "decode": [[1, 2**63 + 1], [2, 2**63]]}
    chain = prepare(documents(data_type="uint8", scalar_map=maps), "<u8", (3,))
    array = np.array([2**63, 2**63 + 1, 7], "<u8")
    assert list(encode(chain, array)) == [2, 1, 7]
    assert chain.decode(bytes([2, 1, 7])).tolist() == array.tolist()


@pytest.mark.parametrize("fill", [np.float32(np.nan), np.float32(3), np.float32(0.25)])
def test_fill_values_are_cast(fill: np.float32) -> None:
    chain = parse_chain(documents(data_type="int8", scalar_map={"encode": [["NaN", -1]]}), (), [])
    assert chain is not None
    found = chain.prepare(ChunkSpec((2,), np.dtype("<f4"), fill)).encoded_spec
    assert found.dtype == np.int8
    assert found.fill_value == (-1 if np.isnan(fill) else round(float(fill)))


def test_errors_name_the_codec() -> None:
    chain = prepare(documents(data_type="uint8"), "<i4", (2,))
    with pytest.raises(CodecError, match=r"cast_value encoding: .*256 is out of the range of uint8"):
        chain.encode(np.array([1, 256], "<i4"))
    chain = prepare(documents(data_type="int16"), "|u1", (1,))
    with pytest.raises(CorruptDataError, match="cast_value"):
        chain.decode(np.array([-1], "<i2").tobytes())


@pytest.mark.parametrize(
    ("configuration", "why"),
    [
        ({"data_type": "int8", "scalar_map": {"encode": [[1, 300]]}}, "scalar_map.encode"),
        ({"data_type": "int8", "scalar_map": {"decode": [["NaN", 0]]}}, "scalar_map.decode"),
        ({"data_type": "int8", "scalar_map": {"encode": [["nonsense", 0]]}}, "scalar_map.encode"),
    ],
)
def test_scalars_that_are_none_of_the_type(configuration: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidMetadataError, match=why):
        prepare(documents(**configuration), "<f4", (2,))


def test_fill_values_that_cannot_be_cast() -> None:
    chain = parse_chain(documents(data_type="int8"), (), [])
    assert chain is not None
    with pytest.raises(InvalidMetadataError, match="fill value"):
        chain.prepare(ChunkSpec((2,), np.dtype("<f4"), np.float32(np.nan)))
