"""What the JavaScript programs make of our arrays: zarrita.js of the Zarr side; h5wasm and jsfive of each shard.

The table of cases says what each program cannot read, and why; those reads must fail, and for that reason.
"""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.array.create import ArrayOptions
from zarr_hdf5.array.hdf5_side import HDF5Side

pytestmark = pytest.mark.filterwarnings("ignore::zarr_hdf5.errors.InteroperabilityWarning")

HERE = Path(__file__).parent
PROGRAMS = ("zarrita.js", "h5wasm", "h5wasm-plugins", "jsfive")

Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Refuses:
    """The program raises an error that contains `message`."""

    message: str
    why: str


@dataclass(frozen=True, slots=True)
class Misreads:
    """The program returns wrong values and says nothing."""

    why: str


But = Mapping[str, Refuses | Misreads]
"""What becomes of it in the programs that do not read an array."""

NEEDS_PLUGIN = Refuses("is not registered", "h5wasm alone has HDF5's own filters; h5wasm-plugins has the others")
NO_FILTER = Refuses("NotImplementedError", "jsfive has shuffle, deflate and fletcher32 only")
NO_CODEC = Refuses("Unknown codec", "zarrita.js has no such codec")
NO_FLOAT16_ARRAY = Refuses("float16", "zarrita.js needs JavaScript's Float16Array: Node 24")
NO_DATA_TYPE = Refuses("Unknown or unsupported dataType", "zarrita.js has numbers and booleans only")
NO_HALF = Refuses("Float16 not supported", "h5wasm has no array for float16")
NO_FLOAT8 = Refuses("Float8 not supported", "h5wasm has no array for floats of 8 bits")
NO_BYTE_FLOAT = Refuses("is not a function", "jsfive has no floats of 8 bits")
ONE_HALF = Misreads("jsfive takes all floats of 16 bits for float16")
SIGN_LOST = Misreads("it takes the bits that mean nothing for part of the number, which is then never negative")
NO_COMPOUND = Refuses("Compound type not yet implemented", "HDF5's complex numbers are compounds")
NO_OPAQUE = Refuses("Opaque datatype class not supported", "HDF5's raw bytes are opaque")
OLD_LAYOUT = Refuses(
    "thing is not a function",
    "jsfive asserts a layout message before version 4: it reads chunks by B-tree version 1 only: libver 'earliest'",
)
INDEX_AT_END = Refuses("Failed to decode", "zarrita.js takes the end of the shard for its index, and checks no crc32c")
INDEX_MISREAD = Misreads(INDEX_AT_END.why)
NO_USER_BLOCK = Refuses("superblock", "jsfive looks for the superblock at byte 0")
NO_RECTILINEAR = Refuses("reading 'map'", "zarrita.js looks for the chunk shape of a regular grid")
NO_KEYS = Refuses("Unknown chunk key encoding", "zarrita.js has the core encodings only")
NO_NESTING = Refuses("sharding_indexed", "zarrita.js has no shards within shards")
DOUBLES = Misreads("jsfive makes 64-bit integers into doubles, exact to 2**53")
FILL_DOUBLES = Misreads("JSON.parse makes a 64-bit fill value into a double, exact to 2**53")
FILL_HEX = Misreads("zarrita.js takes the hex string of a NaN payload for an integer")


@dataclass(frozen=True, slots=True)
class Case:
    """An array, and the programs that do not read it.

    written
        Regions to write; the rest is never written.
    """

    name: str
    values: Values
    written: tuple[Any, ...] = (...,)
    options: ArrayOptions = field(default_factory=ArrayOptions)
    but: But = field(default_factory=dict)


def sample(dtype: str, shape: tuple[int, ...] = (11, 13)) -> Values:
    """Values that show a wrong byte, sign or place; 64-bit integers that doubles can hold."""
    size, kind = int(np.prod(shape)), np.dtype(dtype)
    numbers: Values = np.arange(1, size + 1)
    if kind.kind == "b":
        return np.asarray(numbers % 3 != 0).reshape(shape)
    if kind.kind == "V":
        return (numbers.astype("<u8") * 0x010307).view("V8").astype(kind).reshape(shape)
    if kind.kind == "c":
        return (numbers * (0.5 - 0.25j)).astype(kind).reshape(shape)
    if kind.kind == "f":
        values = (numbers * -0.375).astype(kind)
        values[1:6] = np.array([np.nan, np.inf, -np.inf, -0.0, np.finfo(kind).smallest_subnormal], kind)
        return values.reshape(shape)
    bits = min(8 * kind.itemsize, 53)
    steps = numbers.astype("<i8") * (2**bits // (size + 2))
    lowest = -(2 ** (bits - 1)) if kind.kind == "i" else 0
    return np.asarray(steps + lowest, kind).reshape(shape)


def codec(name: str, **configuration: Any) -> dict[str, Any]:
    return {"name": name, "configuration": configuration}


def shuffle(size: int) -> dict[str, Any]:
    return codec("numcodecs.shuffle", elementsize=size)


ZLIB, ZSTD = codec("numcodecs.zlib", level=6), codec("zstd", level=3, checksum=False)
FLETCHER32, CRC32C = codec("numcodecs.fletcher32"), codec("crc32c")
NESTED = codec(
    "sharding_indexed",
    chunk_shape=[1, 3],
    codecs=[codec("bytes", endian="little")],
    index_codecs=[codec("bytes", endian="little"), CRC32C],
    index_location="end",
)
PLUGIN: But = {"h5wasm": NEEDS_PLUGIN, "jsfive": NO_FILTER}
TILES: ArrayOptions = {"chunks": (2, 3), "shards": (6, 6)}
ATTRIBUTES: dict[str, Any] = {
    "title": "größe µm",
    "count": 3,
    "scale": 0.25,
    "offsets": [1, -2, 3],
    "matrix": [[1.5, 2.5], [3.5, 4.5]],
    "names": ["x", "ywide"],
    "valid": True,
    "nested": {"a": [1, None]},
    "empty": "",
    **{f"extra{i:02}": i for i in range(50)},
}

DTYPES: dict[str, But] = {
    **{f"{kind}{bits}": {} for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    "bool": {},
    "float16": {"zarrita.js": NO_FLOAT16_ARRAY, "h5wasm": NO_HALF, "h5wasm-plugins": NO_HALF},
    "float32": {},
    "float64": {},
    "complex64": {"zarrita.js": NO_DATA_TYPE, "jsfive": NO_COMPOUND},
    "complex128": {"zarrita.js": NO_DATA_TYPE, "jsfive": NO_COMPOUND},
    "V3": {"zarrita.js": NO_DATA_TYPE, "jsfive": NO_OPAQUE},
}
UNUSED_BITS: But = {"h5wasm": SIGN_LOST, "h5wasm-plugins": SIGN_LOST, "jsfive": SIGN_LOST}
NO_FLOAT: But = {"h5wasm": NO_FLOAT8, "h5wasm-plugins": NO_FLOAT8, "jsfive": NO_BYTE_FLOAT}
NO_HALVES: But = {"h5wasm": NO_HALF, "h5wasm-plugins": NO_HALF}
# The type of the array, and that of its numbers as programs may give them.
LOW_PRECISION: dict[str, tuple[str, But]] = {
    "int2": ("int8", UNUSED_BITS),
    "int4": ("int8", UNUSED_BITS),
    "uint2": ("uint8", {}),
    "uint4": ("uint8", {}),
    "float8_e3m4": ("float32", NO_FLOAT),
    "float8_e4m3": ("float32", NO_FLOAT),
    "float8_e5m2": ("float32", NO_FLOAT),
    "bfloat16": ("float32", {**NO_HALVES, "jsfive": ONE_HALF}),
    "complex_bfloat16": ("complex64", {**NO_HALVES, "jsfive": NO_COMPOUND}),
    "complex_float16": ("complex64", {**NO_HALVES, "jsfive": NO_COMPOUND}),
    "complex_float32": ("complex64", {"jsfive": NO_COMPOUND}),
}
COMPRESSORS: dict[str, tuple[Any, But]] = {
    "none": (None, {}),
    "zlib": ([ZLIB], {}),
    "zstd": ("zstd", PLUGIN),
    "blosc": ("blosc", PLUGIN),
    "shuffle-zstd": ([shuffle(4), ZSTD], PLUGIN),
    "bz2": ([codec("numcodecs.bz2", level=1)], {**PLUGIN, "zarrita.js": NO_CODEC}),
    "fletcher32": ([shuffle(4), ZLIB, FLETCHER32], {"zarrita.js": NO_CODEC}),
    "crc32c": ([shuffle(4), ZLIB, CRC32C], {}),
    "zstd-crc32c": ([ZSTD, CRC32C], PLUGIN),
}
V110 = zh.HDF5(libver="v110")
NEW = {"jsfive": OLD_LAYOUT}
WIDE = np.array([2**63 - 1, -(2**63), 2**53 + 1, -1], "<i8").repeat(12).reshape(6, 8)
NAN_PAYLOAD = np.array(0x7FC00123, "<u4").view("<f4")[()]


def cases() -> Iterator[Case]:
    for dtype, but in DTYPES.items():
        yield Case(f"dtype-{dtype}", sample(dtype), options=TILES, but=but)
    for dtype in (">u2", ">i4", ">f8"):
        yield Case(f"big-endian-{dtype[1:]}", sample(dtype), options=TILES)
    for name, (compressors, but) in COMPRESSORS.items():
        for kind in ("<i4", "<f4"):
            yield Case(f"{name}-{kind[1:]}", sample(kind), options={**TILES, "compressors": compressors}, but=but)
    for name in ("none", "zlib", "zstd"):
        compressors, but = COMPRESSORS[name]
        options: ArrayOptions = {**TILES, "compressors": compressors, "hdf5": V110}
        yield Case(f"v110-{name}", sample("<i4"), options=options, but={**but, **NEW})
    yield from index_cases()
    yield from fill_value_cases()
    yield from layout_cases()


def index_cases() -> Iterator[Case]:
    """Chunk indexes of all shapes: single chunks, B-trees of one, two and three levels, Fixed Arrays."""
    for libver, but in (("earliest", {}), ("v110", NEW)):
        for compressors, name, sides in ((None, "none", (1, 8, 9, 40, 66)), ("deflate", "deflate", (1, 9, 40))):
            for side in sides:
                options: ArrayOptions = {"chunks": (1, 2), "shards": (side, 2 * side), "compressors": compressors}
                options["hdf5"] = zh.HDF5(libver=libver)  # type: ignore[arg-type]
                values = sample("<u4", (side, 2 * side))
                yield Case(f"{side * side}-chunks-{libver}-{name}", values, options=options, but=but)


def fill_value_cases() -> Iterator[Case]:
    """Arrays of which only a part is written: shards that do not exist, chunks that are absent from those that do."""
    corner, tail = np.s_[0:4, 3:9], np.s_[8:11, 12:13]
    for name, dtype, fill_value, but in (
        ("zero", "<i2", 0, {}),
        ("int", "<i2", -7, {}),
        ("bool", "bool", True, {}),
        ("float", "<f8", 0.1, {}),
        ("nan", "<f4", np.nan, {}),
        ("infinity", "<f4", -np.inf, {}),
        ("nan-payload", "<f4", NAN_PAYLOAD, {"zarrita.js": FILL_HEX}),
        ("uint64-max", "<u8", 2**64 - 1, {"zarrita.js": FILL_DOUBLES}),
        ("complex", "<c8", 1 - 2j, {"zarrita.js": NO_DATA_TYPE, "jsfive": NO_COMPOUND}),
        ("raw", "V3", np.void(b"\1\2\3"), {"zarrita.js": NO_DATA_TYPE, "jsfive": NO_OPAQUE}),
    ):
        for hdf5, also in ((zh.HDF5(), {}), (V110, NEW)):
            values = np.full((11, 13), np.array(fill_value, dtype), dtype)
            for region in (corner, tail):
                values[region] = sample(dtype)[region]
            options: ArrayOptions = {**TILES, "fill_value": fill_value, "hdf5": hdf5}
            written = (corner, tail)
            yield Case(f"fill-{name}-{hdf5.libver}", values, written, options, {**but, **also})


def layout_cases() -> Iterator[Case]:
    for compressors, name, zarrita in (("deflate", "deflate", INDEX_AT_END), (None, "none", INDEX_MISREAD)):
        start: ArrayOptions = {**TILES, "compressors": compressors, "hdf5": zh.HDF5(index_location="start")}
        both = {"zarrita.js": zarrita, "jsfive": NO_USER_BLOCK}
        yield Case(f"index-at-start-{name}", sample("<i4"), options=start, but=both)
    yield Case("wide-integers", WIDE, options={"chunks": (2, 2), "shards": (4, 4)}, but={"jsfive": DOUBLES})
    yield Case("rank-1", sample("<i2", (101,)), options={"chunks": (5,), "shards": (20,)})
    yield Case("rank-4", sample("<i2", (3, 4, 5, 6)), options={"chunks": (1, 2, 3, 2), "shards": (2, 4, 3, 6)})
    transpose: ArrayOptions = {"filters": [codec("transpose", order=[2, 0, 1])]}
    transpose |= {"chunks": (2, 3, 4), "shards": (4, 6, 8)}
    yield Case("transposed", sample("<i2", (5, 8, 9)), options=transpose)
    zfp: ArrayOptions = {**TILES, "serializer": codec("zfp", mode="reversible"), "compressors": None}
    yield Case("zfp", sample("<f4"), options=zfp, but={**PLUGIN, "zarrita.js": NO_CODEC})
    nested: ArrayOptions = {**TILES, "serializer": NESTED, "compressors": None}
    yield Case("nested-shards", sample("<i2"), options=nested, but={"zarrita.js": NO_NESTING})
    deep = zh.HDF5(dataset="/entry/détecteur/image")
    yield Case("group/inner/deep", sample("<i2"), options={**TILES, "hdf5": deep})
    keys = codec("v2", separator=".")
    yield Case("keys-v2", sample("<i2"), options={**TILES, "chunk_key_encoding": keys})
    for proposed in (codec("suffix", suffix=".h5"), codec("fanout", max_children=4)):
        new_keys: ArrayOptions = {**TILES, "chunk_key_encoding": proposed}
        yield Case(f"keys-{proposed['name']}", sample("<i2"), options=new_keys, but={"zarrita.js": NO_KEYS})
    listed: ArrayOptions = {"chunks": (2, 3), "shards": [[6, 2, 4], 15]}
    yield Case("rectilinear-shards", sample("<i2"), options=listed, but={"zarrita.js": NO_RECTILINEAR})
    names = {"attributes": ATTRIBUTES, "dimension_names": ["y µm", None]}
    for hdf5, but in ((zh.HDF5(), {}), (V110, NEW)):
        yield Case(f"attributes-{hdf5.libver}", sample("<i2"), options={**TILES, **names, "hdf5": hdf5}, but=but)  # type: ignore[typeddict-item]


def low_precision_cases() -> Iterator[Case]:
    for name, (dtype, but) in LOW_PRECISION.items():
        numbers = np.arange(143).reshape(11, 13) % 4
        numbers = numbers if name.startswith("u") else numbers - 2
        values = (numbers * (1 - 1j)).astype(dtype) if dtype == "complex64" else numbers.astype(dtype)
        options: ArrayOptions = {**TILES, "dtype": name}
        yield Case(f"dtype-{name}", values, options=options, but={"zarrita.js": NO_DATA_TYPE, **but})


CASES = {case.name: case for case in (*cases(), *low_precision_cases())}
GROUP_ATTRIBUTES = {"title": "all cases", "n": 1}


@dataclass(frozen=True, slots=True)
class Answers:
    """What the programs said, and the arrays they were asked about."""

    arrays: Mapping[str, zh.Array]
    facts: Mapping[str, Any]
    answers: Mapping[str, Mapping[str, list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def told(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("javascript")
    root = folder / "cases.zarr"
    zh.create_group(root, attributes=GROUP_ATTRIBUTES)
    arrays = {case.name: write(root, case) for case in CASES.values()}
    listed = [
        {
            "name": name,
            "dtype": "r24" if CASES[name].values.dtype.kind == "V" else CASES[name].values.dtype.name,
            "dataset": hdf5(array).dataset,
            "shards": [path for _, path in shards(array)],
        }
        for name, array in arrays.items()
    ]
    (folder / "manifest.json").write_text(json.dumps({"root": str(root), "cases": listed}))
    # Imports are looked up from the script's own folder.
    shutil.copy(HERE / "read.mjs", folder)
    (folder / "node_modules").symlink_to(node_modules)
    command = ["node", "read.mjs", "manifest.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    return Answers(arrays, answer["facts"], answer["answers"])


def write(root: Path, case: Case) -> zh.Array:
    options: ArrayOptions = {"shape": case.values.shape, "dtype": case.values.dtype, **case.options}
    array = zh.create_array(root, name=case.name, **options)
    for region in case.written:
        array[region] = case.values[region]
    return array


def hdf5(array: zh.Array) -> HDF5Side:
    assert isinstance(array.hdf5, HDF5Side)
    return array.hdf5


def shards(array: zh.Array) -> list[tuple[tuple[slice, ...], str]]:
    """The part of the array that each existing shard holds, and its file."""
    grid = array.metadata.chunk_grid
    found = []
    for coords in product(*map(range, grid.grid_shape)):
        spans = zip(grid.chunk_origin(coords), grid.shape_of(coords), strict=True)
        region = tuple(slice(begin, begin + length) for begin, length in spans)
        if Path(hdf5(array).file(coords)).exists():
            found.append((region, hdf5(array).file(coords)))
    return found


def absent(array: zh.Array, values: Values) -> npt.NDArray[np.bool_]:
    """The elements of chunks that hold nothing but the fill value."""
    mask = np.zeros(values.shape, bool)
    value: Any = array.fill_value
    fill = np.array(complex(*value.tolist()) if array.dtype.names else value, values.dtype).tobytes()
    for corner in product(*(range(0, n, c) for n, c in zip(values.shape, array.chunks, strict=True))):
        chunk = tuple(slice(i, i + c) for i, c in zip(corner, array.chunks, strict=True))
        mask[chunk] = values[chunk].tobytes() == fill * values[chunk].size
    return mask


def decode(answer: Mapping[str, Any], dtype: np.dtype[Any]) -> Values:
    kind = answer["kind"].removesuffix("Array").removeprefix("Big").lower().replace("boolean", "uint8")
    raw = np.frombuffer(base64.b64decode(answer["data"]), np.dtype(kind))
    if dtype.kind in "bcV":
        raw = raw.view(dtype)
    elif dtype != np.float16:
        assert raw.dtype == dtype
    else:
        raw = raw.astype(dtype)
    shape = tuple(answer["shape"])
    strides = answer.get("strides")
    if strides is None:
        return raw.reshape(shape)
    return np.ndarray(shape, raw.dtype, raw.tobytes(), strides=[n * raw.itemsize for n in strides])


def same(left: Values, right: Values) -> bool:
    """Whether both have the same shape and bits; NaNs may differ in theirs."""
    if left.shape != right.shape:
        return False
    if left.dtype.kind == "f":
        nan = np.isnan(right)
        if not np.array_equal(np.isnan(left), nan):
            return False
        left, right = np.where(nan, right, left), right
    return np.ascontiguousarray(left).tobytes() == np.ascontiguousarray(right).tobytes()


def expected(case: Case, array: zh.Array, program: str) -> list[tuple[Values, npt.NDArray[np.bool_]]]:
    """Values, and whether their chunk is absent, as the program should see them: of the array, or of each shard."""
    values = case.values.astype(case.values.dtype.newbyteorder("<"))
    mask = absent(array, values)
    if program == "zarrita.js":
        return [(values, mask)]
    order = hdf5(array).order
    return [(values[region].transpose(order), mask[region].transpose(order)) for region, _ in shards(array)]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", CASES)
def test_reads_what_we_wrote(told: Answers, name: str, program: str) -> None:
    case, array, answers = CASES[name], told.arrays[name], told.answers[name][program]
    but = case.but.get(program)
    if but is NO_FLOAT16_ARRAY and told.facts["float16"]:
        but = None
    wanted = expected(case, array, program)
    assert len(answers) == len(wanted) > 0
    if isinstance(but, Refuses):
        assert all(but.message in answer["error"] for answer in answers), answers
        return
    equal = []
    for answer, (values, mask) in zip(answers, wanted, strict=True):
        assert "error" not in answer, answer["error"]
        read = decode(answer, values.dtype)
        if program == "jsfive":  # It knows no fill value: elements of absent chunks are undefined.
            missing = np.frombuffer(base64.b64decode(answer.get("missing", "")), bool)
            assert np.array_equal(missing.reshape(mask.shape) if missing.size else np.zeros_like(mask), mask)
            read, values = read[~mask], values[~mask]
        equal.append(same(read, values))
    assert all(equal) != isinstance(but, Misreads), equal


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.but.get("h5wasm") is NEEDS_PLUGIN])
def test_h5wasm_does_not_say_that_a_plugin_is_missing(told: Answers, name: str) -> None:
    # Unless told to throw, it returns memory that it has not filled.
    assert all(answer["silent"] for answer in told.answers[name]["h5wasm"])


def test_group(told: Answers) -> None:
    assert told.facts["group"] == GROUP_ATTRIBUTES


@pytest.mark.parametrize("libver", ["earliest", "v110"])
def test_attributes(told: Answers, libver: str) -> None:
    answers = told.answers[f"attributes-{libver}"]
    assert answers["zarrita.js"][0]["attributes"] == ATTRIBUTES
    assert answers["zarrita.js"][0]["labels"] == ["y µm", None]
    for program in ("h5wasm", "h5wasm-plugins", "jsfive")[: 3 if libver == "earliest" else 2]:
        for answer in answers[program]:
            found = answer["attributes"]
            assert {name: found[name] for name in ATTRIBUTES} == in_hdf5(ATTRIBUTES)
            assert json.loads(found["_zarr_json"])["attributes"] == ATTRIBUTES
            # libhdf5 declares all labels ASCII, which jsfive takes at its word.
            labels = ["y µm".encode().decode("cp1252"), ""] if program == "jsfive" else ["y µm", None]
            assert answer["labels"] == labels


def in_hdf5(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes as HDF5 has them: lists of lists and objects as JSON text."""
    return attributes | {name: json.dumps(attributes[name]) for name in ("nested", "matrix")}


@pytest.mark.parametrize("program", ["h5wasm", "jsfive"])
def test_shard_coords(told: Answers, program: str) -> None:
    answers = told.answers["dtype-int16"][program]
    regions = [region for region, _ in shards(told.arrays["dtype-int16"])]
    assert [a["attributes"]["_zarr_shard_coords"] for a in answers] == [[r.start // 6 for r in rs] for rs in regions]


NEEDS = {NEEDS_PLUGIN: "needs h5wasm-plugins", NO_FLOAT16_ARRAY: "needs Float16Array"}


@pytest.mark.parametrize("name", CASES)
def test_readers_say_so(told: Answers, name: str) -> None:
    case, table = CASES[name], {row.program: row for row in told.arrays[name].readers()}
    for program in PROGRAMS:
        said, but = table[program.removesuffix("-plugins")], case.but.get(program)
        # What depends on single values is beyond a table.
        reads = but in (None, DOUBLES, FILL_DOUBLES, FILL_HEX)
        needs = NEEDS.get(but, "") if isinstance(but, Refuses) else ""
        assert said.opens == (reads or bool(needs)), said
        assert said.note.startswith(needs), said
