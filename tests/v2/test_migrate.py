"""`migrate_v2`: afterwards programs that know v3 read the same elements as those that know v2 did before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import tensorstore
import xarray as xr
import zarr
import zarrista
from v2_cases import CODECS, OTHER, PLAIN, Codecs, some_values, without_last_chunk, write_array

import zarr_hdf5 as zh
from zarr_hdf5.cli.main import main
from zarr_hdf5.errors import NotFoundError, ReadOnlyError, StorageError, UnsupportedFeatureError
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.memory import MemoryStore
from zarr_hdf5.stores.wrapper import StoreWrapper

pytestmark = [
    pytest.mark.filterwarnings("ignore:The data type:zarr.errors.UnstableSpecificationWarning"),
    pytest.mark.filterwarnings("ignore:The codec:zarr.errors.ZarrUserWarning"),
    pytest.mark.filterwarnings("ignore:Both zarr.json:zarr.errors.ZarrUserWarning"),
    pytest.mark.filterwarnings("ignore:Object at:zarr.errors.ZarrUserWarning"),
]
STRICT_ZARRS = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "codec_pipeline.strict": True}


def read_zarr_python(path: Path) -> Any:
    return np.asarray(zarr.open_array(path, mode="r", zarr_format=3)[...])


def read_zarrs(path: Path) -> Any:
    with zarr.config.set(STRICT_ZARRS):
        return read_zarr_python(path)


def read_zarrista(path: Path) -> Any:
    array = zarrista.Array.open(zarrista.store.FilesystemStore(str(path)))
    tensor = array.retrieve_array_subset(...)
    if "fixed_length_utf32" in str(array.metadata["data_type"]):  # which it hands out as bytes only
        return np.frombuffer(tensor.buffer(), "<U3").reshape(tensor.shape)
    return np.array(tensor.to_numpy())


def read_tensorstore(path: Path) -> Any:
    kvstore = {"driver": "file", "path": f"{path}/"}
    return np.asarray(tensorstore.open({"driver": "zarr3", "kvstore": kvstore}).result().read().result())


READERS: dict[str, Callable[[Path], Any]] = {
    "zarr-python": read_zarr_python,
    "zarrs": read_zarrs,
    "zarrista": read_zarrista,
    "tensorstore": read_tensorstore,
}


def judge(path: Path, expected: Any) -> None:
    """Every program that is said to open the array reads these elements, ours too."""
    array = zh.open_array(path, "r+")
    assert array[...].astype(expected.dtype).tobytes() == expected.tobytes()
    opens = {reader.program for reader in array.readers() if reader.side == "Zarr" and reader.opens}
    assert "zarr-python" in opens
    for program, read in READERS.items():
        if program in opens:
            found = read(path)
            assert found.astype(expected.dtype).tobytes() == expected.tobytes(), program


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [*PLAIN, *OTHER])
def test_data_types(tmp_path: Path, dtype: str, order: str) -> None:
    values = some_values(dtype)
    write_array(LocalStore(tmp_path), "", values, order=order, compressor=numcodecs.Zstd(), separator="/")
    before = zh.open_array(tmp_path)[...]
    assert zh.migrate_v2(tmp_path).migrated == ("",)
    judge(tmp_path, before)


@pytest.mark.parametrize("case", CODECS.values(), ids=CODECS)
def test_codecs(tmp_path: Path, case: Codecs) -> None:
    values = some_values(case.dtype)
    options: Any = {"filters": case.filters, "compressor": case.compressor, "order": "F"}
    write_array(LocalStore(tmp_path), "", values, **options)
    before = zh.open_array(tmp_path)[...]
    zh.migrate_v2(tmp_path, remove_v2=True)
    judge(tmp_path, before)


def test_strings_and_bytes(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.set(".zgroup", [b'{"zarr_format": 2}'])
    words = np.array([["a", "é" * 300], ["", "x"], ["y", "z"]], object)
    blobs = np.array([word.encode() for word in words.flat], object).reshape(words.shape)
    options: Any = {"chunks": (2, 2), "compressor": numcodecs.Blosc(), "order": "F"}
    write_array(store, "words/", words, filters=[numcodecs.VLenUTF8()], **options)
    write_array(store, "blobs/", blobs, filters=[numcodecs.VLenBytes()], **options)
    zh.migrate_v2(tmp_path)
    for name, expected in {
        "words": without_last_chunk(words, "", (2, 2)),
        "blobs": without_last_chunk(blobs, b"", (2, 2)),
    }.items():
        assert zh.open_array(tmp_path, path=name)[...].tolist() == expected.tolist()
        assert read_zarr_python(tmp_path / name).tolist() == expected.tolist()
    assert read_zarrista(tmp_path / "words").tolist() == without_last_chunk(words, "", (2, 2)).tolist()


def test_structures(tmp_path: Path) -> None:
    values = some_values([("a", "<i4"), ("b", "<f8", (2,)), ("c", [("x", "|S2")])])
    write_array(LocalStore(tmp_path), "", values)
    expected = without_last_chunk(values, np.zeros((), values.dtype))
    zh.migrate_v2(tmp_path)
    assert read_zarr_python(tmp_path).tobytes() == expected.tobytes()
    assert zh.open_array(tmp_path)[...].tobytes() == expected.tobytes()


def write_hierarchy(path: Path) -> list[str]:
    """Groups "", "g" and "g/h", arrays "a" and "g/h/b"; the v2 documents."""
    store = LocalStore(path)
    for prefix in ("", "g/", "g/h/"):
        store.set(f"{prefix}.zgroup", [b'{"zarr_format": 2}'])
    store.set(".zattrs", [b'{"title": "t"}'])
    store.set("g/stray", [b"x"])
    write_array(store, "a/", some_values("<i2"), attributes={"_ARRAY_DIMENSIONS": ["y", "x"]}, fill_value=-1)
    write_array(store, "g/h/b/", some_values("<f4"), compressor=numcodecs.Zlib())
    zarr.consolidate_metadata(path, zarr_format=2)
    return [key for key in store.list_prefix("") if key.rpartition("/")[2].startswith(".z")]


NODES = ("g/h/b", "g/h", "g", "a", "")


def test_a_hierarchy(tmp_path: Path) -> None:
    documents = write_hierarchy(tmp_path)
    before = {key: bytes(LocalStore(tmp_path).get(key).data) for key in LocalStore(tmp_path).list_prefix("")}
    planned = zh.migrate_v2(tmp_path, dry_run=True)
    assert (set(planned.migrated), planned.kept, planned.refused) == (set(NODES), (), ())
    assert {key: bytes(LocalStore(tmp_path).get(key).data) for key in before} == before
    done = zh.migrate_v2(tmp_path)
    assert done == planned
    assert done.migrated[-1] == ""
    assert all(done.migrated.index(path) < done.migrated.index(path.rpartition("/")[0]) for path in NODES if path)
    root = zarr.open_group(tmp_path, mode="r", zarr_format=3)
    assert root.attrs["title"] == "t"
    assert sorted(path for path, _ in root.members(max_depth=None)) == sorted(NODES)[1:]
    array: Any = root["a"]
    assert array.metadata.dimension_names == ("y", "x")
    assert dict(array.attrs) == {"_FillValue": -1}
    assert array.fill_value == -1
    # All that was there is still there, and is the same.
    assert {key: bytes(LocalStore(tmp_path).get(key).data) for key in before} == before
    again = zh.migrate_v2(tmp_path)
    assert (set(again.kept), again.migrated) == (set(NODES), ())
    zh.open_array(tmp_path, "r+", path="a").attrs["new"] = 1
    assert zh.migrate_v2(tmp_path, remove_v2=True).migrated == ()
    assert zh.open_array(tmp_path, path="a").attrs["new"] == 1
    left = set(LocalStore(tmp_path).list_prefix(""))
    assert left == (set(before) - set(documents)) | {f"{path}/zarr.json".lstrip("/") for path in NODES}
    with pytest.raises(NotFoundError, match="no Zarr v2"):
        zh.migrate_v2(tmp_path)


class Failing(StoreWrapper):
    """Writes so many objects, then no more."""

    def __init__(self, root: Path, left: int) -> None:
        super().__init__(LocalStore(root))
        self.left = left

    def set(self, key: str, parts: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise StorageError("no more")
        super().set(key, parts)


@pytest.mark.parametrize("written", range(len(NODES)))
def test_an_interrupted_migration_is_still_v2(tmp_path: Path, written: int) -> None:
    write_hierarchy(tmp_path)
    with pytest.raises(StorageError):
        zh.migrate_v2(Failing(tmp_path, written))
    group = zh.open_group(tmp_path)
    assert sorted(path for path, _ in group.members(max_depth=None)) == sorted(NODES)[1:]
    assert len(zarr.open_group(tmp_path, mode="r", zarr_format=2)) == 2
    done = zh.migrate_v2(tmp_path)
    assert (len(done.kept), len(done.migrated)) == (written, len(NODES) - written)
    root = zarr.open_group(tmp_path, mode="r", zarr_format=3, use_consolidated=False)
    assert len(list(root.members(max_depth=None))) == len(NODES) - 1


def test_what_v3_cannot_say_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    write_hierarchy(tmp_path)
    store = LocalStore(tmp_path)
    write_array(store, "mixed/", some_values([("a", "<i4"), ("b", ">i4")]))
    store.set(
        "g/objects/.zarray", [json.dumps({**json.loads(bytes(store.get("a/.zarray").data)), "dtype": "|O"}).encode()]
    )
    planned = zh.migrate_v2(tmp_path, dry_run=True)
    assert dict(planned.refused).keys() == {"mixed", "g/objects"}
    assert "both byte orders" in dict(planned.refused)["mixed"]
    with pytest.raises(UnsupportedFeatureError, match=r"nothing was migrated.*mixed: structures with numbers of both"):
        zh.migrate_v2(tmp_path)
    assert not list(tmp_path.rglob("zarr.json"))


def test_what_cannot_be_written_or_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        zh.migrate_v2(tmp_path / "nothing")
    zh.create_group(tmp_path / "v3")
    with pytest.raises(NotFoundError, match="no Zarr v2"):
        zh.migrate_v2(tmp_path / "v3")
    write_hierarchy(tmp_path / "v2")
    with pytest.raises(ReadOnlyError):
        zh.migrate_v2(LocalStore(tmp_path / "v2", read_only=True))
    assert len(zh.migrate_v2(LocalStore(tmp_path / "v2", read_only=True), dry_run=True).migrated) == len(NODES)


def test_memory() -> None:
    store = MemoryStore()
    write_array(store, "", some_values("<i4"))
    zh.migrate_v2(store)
    array = zh.open_array(store, "r+")
    array[:, 0] = 5
    assert (array[:, 0] == 5).all()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_hierarchy(tmp_path)
    assert main(["migrate-v2", str(tmp_path), "--dry-run"]) == 0
    assert "5 nodes would get Zarr v3 metadata" in capsys.readouterr().out
    assert not (tmp_path / "zarr.json").exists()
    assert main(["migrate-v2", str(tmp_path), "--remove-v2", "--json"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)["migrated"]) == sorted(NODES)
    assert main(["migrate-v2", str(tmp_path)]) == 2
    assert "no Zarr v2" in capsys.readouterr().err
    write_array(LocalStore(tmp_path / "m"), "", some_values([("a", "<i4"), ("b", ">i4")]))
    assert main(["migrate-v2", str(tmp_path / "m"), "--dry-run"]) == 1
    assert "cannot be migrated: /: structures" in capsys.readouterr().out
    assert main(["migrate-v2", str(tmp_path / "m")]) == 2


def test_converting_makes_shards_that_are_hdf5_files(tmp_path: Path) -> None:
    write_hierarchy(tmp_path / "v2")
    store = LocalStore(tmp_path / "v2")
    write_array(store, "pairs/", some_values([("a", "<i4"), ("b", ">f8")]), order="F")
    before = zh.open_group(tmp_path / "v2")
    done = zh.convert(tmp_path / "v2", tmp_path / "v3.zarr", shards=(8, 12), chunks=(4, 3))
    assert not done.skipped
    assert zh.verify(tmp_path / "v3.zarr")
    after = zh.open_group(tmp_path / "v3.zarr")
    for path in done.converted:
        old, new = before[path], after[path]
        assert isinstance(old, zh.Array)
        assert isinstance(new, zh.Array)
        assert new[...].tolist() == old[...].tolist()
        assert new.hdf5 is not None
        assert np.asarray(new.hdf5.open()[...]).tolist() == old[...].tolist()
    with pytest.raises(zh.errors.AlreadyExistsError, match="within the other"):
        zh.convert(tmp_path / "v2", tmp_path / "v2" / "x.zarr")
    write_array(store, "fortran/", some_values("<i4"), order="F", compressor=numcodecs.Zlib())
    zh.convert(tmp_path / "v2" / "fortran", tmp_path / "f.zarr")
    assert zh.verify(tmp_path / "f.zarr")
    assert (zh.open_array(tmp_path / "f.zarr")[...] == read_zarr_python(tmp_path / "f.zarr")).all()
    assert zh.open_array(tmp_path / "f.zarr")[...].tolist() == without_last_chunk(some_values("<i4"), 0).tolist()
    zh.convert(tmp_path / "v2", tmp_path / "one.h5")
    assert zh.verify(tmp_path / "one.h5")


def test_xarray_sees_the_same_dataset(tmp_path: Path) -> None:
    """What xarray takes for missing in v2 it takes for missing in v3."""
    packed = np.array([[0.0, np.nan, 1.5], [2.0, 0.5, np.nan]])
    data = xr.Dataset(
        {
            "packed": (("time", "x"), packed, {"units": "m"}),
            "float": (("time", "x"), packed.astype("f4")),
            "plain": ("x", np.array([0, 1, 2], "i2")),
            "flag": ("x", np.array([True, False, True])),
        },
        coords={"time": np.array(["2020-01-01", "2020-01-02"], "M8[ns]"), "x": ["a", "bc", "é"]},
        attrs={"title": "t"},
    )
    encoding = {"packed": {"dtype": "i2", "scale_factor": 0.5, "_FillValue": -9}, "float": {"_FillValue": 1e20}}
    data.to_zarr(tmp_path, zarr_format=2, consolidated=False, encoding=encoding)
    with xr.open_zarr(tmp_path, zarr_format=2, consolidated=False) as opened:
        before = opened.load()
    raw = zh.open_array(tmp_path, path="packed")[...]
    assert raw.tolist() == [[0, -9, 3], [4, 1, -9]]
    zh.migrate_v2(tmp_path, remove_v2=True)
    with xr.open_zarr(tmp_path, zarr_format=3, consolidated=False) as opened:
        after = opened.load()
    xr.testing.assert_identical(before, data)
    xr.testing.assert_identical(after, data)
    assert zh.open_array(tmp_path, path="packed")[...].tolist() == raw.tolist()
