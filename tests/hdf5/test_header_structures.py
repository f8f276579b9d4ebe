"""Superblocks, object headers and layout messages of files that libhdf5 wrote."""

import io
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from zarr_hdf5.errors import CorruptDataError, NotFoundError, UnsupportedFeatureError
from zarr_hdf5.hdf5.chunk_query import read_chunk_table
from zarr_hdf5.hdf5.data_layout import ChunkIndexType, parse_chunked_layout
from zarr_hdf5.hdf5.description import (
    DatasetDescription,
    GroupDescription,
    check_filters,
    describe,
)
from zarr_hdf5.hdf5.filters import Filter, FilterId, filter_name
from zarr_hdf5.hdf5.library import open_file
from zarr_hdf5.hdf5.links import Target, resolve_path
from zarr_hdf5.hdf5.lookup3 import lookup3
from zarr_hdf5.hdf5.object_header import ATTRIBUTE, DATA_LAYOUT, patch_checksum, read_messages
from zarr_hdf5.hdf5.superblock import SIGNATURE, parse_superblock, patch_end_of_file, signature_offsets
from zarr_hdf5.hdf5.template import DatasetSpec, write_template

LIBVERS: dict[str, tuple[Any, int]] = {
    "version 0": (("earliest", "v108"), 0),
    "version 2": (("v108", "v108"), 2),
    "version 3": (("v110", "v110"), 3),
}


def image(libver: Any = ("earliest", "v108"), user_block: int = 0, **options: Any) -> tuple[bytes, int]:
    """A file of libhdf5's with a dataset /d, and the address of its header."""
    buffer = io.BytesIO()
    block = {"userblock_size": user_block} if user_block else {}
    with h5py.File(buffer, "w", libver=libver, **block) as file:
        options = {"shape": (10, 20), "dtype": "<i4", "chunks": (5, 4), "maxshape": (10, 20)} | options
        dataset = file.create_dataset("d", **options)
        for i in range(12):
            dataset.attrs[f"attribute {i}"] = np.arange(i + 1)
        address = h5py.h5o.get_info(dataset.id).addr
    return buffer.getvalue(), address


@pytest.mark.parametrize(("libver", "version"), LIBVERS.values(), ids=LIBVERS)
@pytest.mark.parametrize("user_block", [0, 512, 4096])
class TestSuperblock:
    def test_fields(self, libver: Any, version: int, user_block: int) -> None:
        data, _ = image(libver, user_block)
        found = parse_superblock(data, user_block)
        assert (found.offset, found.version, found.base_address) == (user_block, version, user_block)
        assert data[user_block : user_block + 8] == SIGNATURE
        assert user_block in signature_offsets(len(data))
        assert found.end_of_file in (len(data), len(data) - user_block)

    def test_patched_file_opens(self, libver: Any, version: int, user_block: int) -> None:
        data, _ = image(libver, user_block)
        found = parse_superblock(data, user_block)
        longer = bytearray(data + bytes(100))
        patch_end_of_file(longer, found, found.end_of_file + 100)
        assert parse_superblock(longer, user_block).end_of_file == found.end_of_file + 100
        with h5py.File(io.BytesIO(longer)) as file:
            assert file["d"].shape == (10, 20)
        if version >= 2:
            assert longer[user_block + 44 : user_block + 48] == struct.pack(
                "<I", lookup3(longer[user_block : user_block + 44])
            )
            assert data[user_block + 44 : user_block + 48] == struct.pack(
                "<I", lookup3(data[user_block : user_block + 44])
            )


class TestDamagedStructures:
    def test_superblock(self) -> None:
        data, _ = image()
        with pytest.raises(CorruptDataError, match="no HDF5 signature"):
            parse_superblock(b"x" + data)
        for length in range(8, 64):
            with pytest.raises(CorruptDataError, match="truncated"):
                parse_superblock(data[:length])
        with pytest.raises(UnsupportedFeatureError, match="superblock version 9"):
            parse_superblock(data[:8] + b"\x09" + data[9:])
        with pytest.raises(UnsupportedFeatureError, match="addresses of 4 bytes"):
            parse_superblock(data[:13] + b"\x04" + data[14:])

    @pytest.mark.parametrize(("libver", "version"), LIBVERS.values(), ids=LIBVERS)
    def test_object_header(self, libver: Any, version: int) -> None:
        data, address = image(libver)
        whole = read_messages(data, address)
        for length in range(address, len(data), 7):
            try:
                messages = read_messages(data[:length], address)
            except (CorruptDataError, UnsupportedFeatureError):
                continue
            assert messages == whole  # all of the header is there
        random = np.random.default_rng(1)
        for _ in range(300):
            damaged = bytearray(data)
            for at in random.integers(address, min(len(data), address + 400), 3):
                damaged[at] = random.integers(256)
            try:
                messages = read_messages(damaged, address)
            except (CorruptDataError, UnsupportedFeatureError):
                continue
            assert all(m.offset + m.nbytes <= len(data) for m in messages)

    def test_layout_message(self) -> None:
        for libver, _ in LIBVERS.values():
            data, address = image(libver)
            (message,) = (m for m in read_messages(data, address) if m.type == DATA_LAYOUT)
            body = data[message.offset : message.offset + message.nbytes]
            for length in range(4):
                with pytest.raises(CorruptDataError, match="truncated"):
                    parse_chunked_layout(body[:length], 0)
            with pytest.raises(UnsupportedFeatureError, match="version 9"):
                parse_chunked_layout(b"\x09" + body[1:], 0)
        at = 5 + body[3] * body[4]
        with pytest.raises(CorruptDataError, match="chunk index type 77"):
            parse_chunked_layout(body[:at] + b"\x4d" + body[at + 1 :], 0)
        with pytest.raises(CorruptDataError, match="truncated"):
            parse_chunked_layout(body[:at], 0)


@pytest.mark.parametrize(("libver", "version"), LIBVERS.values(), ids=LIBVERS)
class TestObjectHeader:
    def test_all_attributes_are_found(self, libver: Any, version: int) -> None:
        data, address = image(libver)
        attributes = [m for m in read_messages(data, address) if m.type == ATTRIBUTE]
        if version == 0:
            assert len({m.block for m in attributes}) > 1  # libhdf5 needed a continuation
        names = [data[m.offset : m.offset + m.nbytes].split(b"attribute ")[1].split(b"\0")[0] for m in attributes]
        assert sorted(map(int, names)) == list(range(12)) or len(names) <= 8  # more go to a heap of their own
        for message, name in zip(attributes, names, strict=True):
            values = np.arange(int(name) + 1, dtype="<i8").tobytes()
            assert data[message.offset + message.nbytes - len(values) : message.offset + message.nbytes] == values

    def test_checksums_are_libhdf5s(self, libver: Any, version: int) -> None:
        data, address = image(libver)
        for block in {m.block for m in read_messages(data, address)}:
            assert (block.checked_from is None) == (version == 0)
            patched = bytearray(data)
            if block.checked_from is not None:
                patched[block.end : block.end + 4] = b"\0\0\0\0"
            patch_checksum(patched, block)
            assert patched == data


INDEXES: dict[str, tuple[dict[str, Any], ChunkIndexType]] = {
    "B-tree": ({"libver": ("earliest", "v108")}, ChunkIndexType.BTREE_V1),
    "fixed array": ({"libver": ("v110", "v110")}, ChunkIndexType.FIXED_ARRAY),
    "filtered fixed array": ({"libver": ("v110", "v110"), "compression": 1}, ChunkIndexType.FIXED_ARRAY),
    "single": ({"libver": ("v110", "v110"), "chunks": (10, 20)}, ChunkIndexType.SINGLE_CHUNK),
    "filtered single": (
        {"libver": ("v110", "v110"), "chunks": (10, 20), "compression": 1},
        ChunkIndexType.SINGLE_CHUNK,
    ),
}


@pytest.mark.parametrize(("options", "index_type"), INDEXES.values(), ids=INDEXES)
def test_layout_fields(options: dict[str, Any], index_type: ChunkIndexType) -> None:
    data, address = image(**options, data=np.ones((10, 20), "<i4"), shape=None)
    (message,) = (m for m in read_messages(data, address) if m.type == DATA_LAYOUT)
    layout = parse_chunked_layout(data[message.offset : message.offset + message.nbytes], message.offset)
    assert layout.index_type is index_type
    (value,) = struct.unpack_from("<Q", data, layout.address_field)
    signature = {ChunkIndexType.BTREE_V1: b"TREE", ChunkIndexType.FIXED_ARRAY: b"FAHD"}
    if index_type in signature:
        assert data[value : value + 4] == signature[index_type]
    else:
        with h5py.File(io.BytesIO(data)) as file:
            chunk = file["d"].id.get_chunk_info(0)
        assert value == chunk.byte_offset
        if "compression" in options:
            assert layout.single_size_field is not None
            assert struct.unpack_from("<QI", data, layout.single_size_field) == (chunk.size, 0)
    if index_type is ChunkIndexType.FIXED_ARRAY:
        assert layout.page_bits_field is not None
        assert data[layout.page_bits_field] == data[value + 7]


@pytest.mark.parametrize("nbytes", [0, 1, 3, 4, 11, 12, 13, 24, 25, 1000])
def test_lookup3_of_every_remainder(nbytes: int) -> None:
    """Published: lookup3 of nothing is 0xdeadbeef, of 30 characters 0x17770551; the rest must differ bit by bit."""
    data = bytes(range(256)) * 4
    assert lookup3(b"") == 0xDEADBEEF
    assert lookup3(b"Four score and seven years ago") == 0x17770551
    if nbytes:
        flipped = bytes([data[0] ^ 1]) + data[1:nbytes]
        assert lookup3(data[:nbytes]) != lookup3(flipped)
        assert lookup3(bytearray(data[:nbytes])) == lookup3(memoryview(data)[:nbytes]) == lookup3(data[:nbytes])


SPEC: dict[str, Any] = {
    "path": "/group/d",
    "shape": (5, 7),
    "maxshape": (8, 8),
    "chunk_shape": (4, 4),
    "dtype": np.dtype(">f8"),
    "fill_value": np.float64(2.5),
    "filters": (Filter(FilterId.SHUFFLE, (8,)), Filter(FilterId.DEFLATE, (4,)), Filter(FilterId.ZSTD, (3,))),
    "attributes": (("units", "K"), ("names", ["a", "ü"]), ("numbers", np.arange(3.0))),
    "variable": ("place", 3),
    "dimension_labels": ("y", ""),
    "libver": "earliest",
}


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("user_block", [0, 1024])
class TestTemplate:
    def test_what_libhdf5_says_of_it(self, tmp_path: Path, libver: str, user_block: int) -> None:
        template = write_template(DatasetSpec(**SPEC | {"libver": libver, "user_block_nbytes": user_block}))
        header = template.fill_in(
            end_of_file=user_block + len(template.image),
            index_address=2**64 - 1,
            variable=(7, -1, 2**40),
            page_bits=10,
        )
        assert len(header) == len(template.image)
        (tmp_path / "x.h5").write_bytes(bytes(user_block) + header)
        with open_file(str(tmp_path / "x.h5")) as file:
            assert file.userblock_size == user_block
            found = described(file, "/group/d")
            assert dict(file["group/d"].attrs)["place"].tolist() == [7, -1, 2**40]
        assert isinstance(found, DatasetDescription)
        assert (found.shape, found.maxshape, found.chunk_shape) == ((5, 7), (8, 8), (4, 4))
        assert found.datatype.dtype == np.dtype(">f8")
        assert found.fill_value == 2.5
        assert [f.id for f in found.filters] == [2, 1, 32015]
        assert found.dimension_names == ("y", None)
        attributes = dict(found.attributes.values)
        assert attributes["units"] == "K"
        assert attributes["names"] == ["a", "ü"]
        assert attributes["numbers"].tolist() == [0, 1, 2]

    def test_the_same_spec_gives_the_same_bytes(self, libver: str, user_block: int) -> None:
        spec = DatasetSpec(**SPEC | {"libver": libver, "user_block_nbytes": user_block})
        assert write_template(spec).image == write_template(spec).image

    def test_what_libhdf5_refuses(self, libver: str, user_block: int) -> None:
        for wrong in ({"chunk_shape": (2**32, 1)}, {"chunk_shape": (0, 4)}, {"maxshape": (4, 8)}, {"path": "/"}):
            with pytest.raises(UnsupportedFeatureError, match="libhdf5 cannot make this dataset"):
                write_template(DatasetSpec(**SPEC | wrong | {"libver": libver, "user_block_nbytes": user_block}))


def described(file: h5py.File, path: str) -> DatasetDescription | GroupDescription:
    target = resolve_path(file, path)
    assert isinstance(target, Target)
    return describe(file, target)


class TestDescription:
    def test_chunk_table_is_where_the_bytes_are(self, tmp_path: Path) -> None:
        for user_block in (0, 512):
            path = tmp_path / f"{user_block}.h5"
            block = {"userblock_size": user_block} if user_block else {}
            with h5py.File(path, "w", **block) as file:
                dataset = file.create_dataset("d", (4, 6), "<i4", chunks=(2, 3))
                dataset[2:, :3] = 5
                dataset[:2, 3:] = 6
            with open_file(str(path)) as file:
                table = read_chunk_table(file, "/d")
            data = path.read_bytes()
            found = {
                tuple(c): data[o : o + n]
                for c, o, n in zip(table.coords.tolist(), table.offsets, table.nbytes, strict=True)
            }
            assert found == {(1, 0): np.full(6, 5, "<i4").tobytes(), (0, 1): np.full(6, 6, "<i4").tobytes()}

    def test_not_hdf5(self, tmp_path: Path) -> None:
        (tmp_path / "x.h5").write_bytes(b"plainly no HDF5 file")
        with pytest.raises(CorruptDataError, match=r"x\.h5: libhdf5 cannot read it"), open_file(str(tmp_path / "x.h5")):
            pass
        with pytest.raises(NotFoundError, match="no such file"), open_file(str(tmp_path / "y.h5")):
            pass

    def test_nothing_of_a_file_stays_open(self, tmp_path: Path) -> None:
        path = str(tmp_path / "x.h5")
        with h5py.File(path, "w") as file:
            file["d"] = [1]
        with open_file(path) as empty_handed:
            assert empty_handed
        with open_file(path) as file:
            dataset = file["d"]
        assert not any((empty_handed, file, dataset))
        with h5py.File(path, "w"):  # libhdf5 writes no file that is open for reading
            pass

    def test_filters_without_a_plugin(self) -> None:
        data, _ = image()
        with h5py.File(io.BytesIO(data)) as file:
            check_filters(file["d"])
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((4,))
        properties.set_filter(32013, h5py.h5z.FLAG_OPTIONAL, ())
        with h5py.File(io.BytesIO(), "w") as file:
            space = h5py.h5s.create_simple((4,))
            h5py.h5d.create(file.id, b"d", h5py.h5t.STD_I32LE, space, properties)
            if not h5py.h5z.filter_avail(32013):
                with pytest.raises(UnsupportedFeatureError, match="no plugin for zfp"):
                    check_filters(file["d"])


@pytest.mark.parametrize(("number", "name"), [(1, "deflate"), (32015, "zstd"), (305, "filter 305")])
def test_filter_names(number: int, name: str) -> None:
    assert filter_name(number) == name


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("filters", [(32015,), (2, 32001), (307, 3), (1, 32015, 307)])
def test_third_party_filters_are_named(libver: str, filters: tuple[int, ...], tmp_path: Path) -> None:
    """libhdf5 reads back numbers, client values and names, where values are odd and even in number."""
    wanted = tuple(Filter(number, tuple(range(4, 4 + n))) for n, number in enumerate(filters, start=1))
    wanted = tuple(Filter(f.id, (4,) if f.id in (1, 2) else () if f.id == 3 else f.values) for f in wanted)
    properties = template_properties(wanted, libver, tmp_path)
    found = [properties.get_filter(i) for i in range(properties.get_nfilters())]
    assert [Filter(number, values) for number, _, values, _ in found] == list(wanted)
    names = [name for number, _, _, name in found if number >= 256]
    assert names == [filter_name(f.id).encode() for f in wanted if f.id >= 256]


def template_properties(filters: tuple[Filter, ...], libver: str, tmp_path: Path) -> h5py.h5p.PropDCID:
    spec = DatasetSpec(
        path="/d",
        shape=(4,),
        maxshape=(4,),
        chunk_shape=(2,),
        dtype=np.dtype("<i4"),
        fill_value=np.int32(0),
        filters=filters,
        attributes=(),
        variable=("v", 1),
        dimension_labels=None,
        libver=libver,
    )
    template = write_template(spec)
    image = template.fill_in(
        end_of_file=len(template.image), index_address=2**64 - 1, variable=(0,), page_bits=10, single_chunk=None
    )
    (tmp_path / "t.h5").write_bytes(image)
    with h5py.File(tmp_path / "t.h5", "r") as file:
        return file["d"].id.get_create_plist()
