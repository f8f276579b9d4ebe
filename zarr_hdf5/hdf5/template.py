"""The metadata of a one-dataset file, written once by libhdf5 and then reused for many files.

libhdf5 writes superblock, root group, dataset header, datatype, fill value, filters and attributes into memory. What is
left for us are the few fields that depend on the bytes put behind them: `Template` knows where each of them lies.
"""

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.hdf5.chunked_dataset import ChunkedDataset, create_chunked_dataset, name_filters
from zarr_hdf5.hdf5.data_layout import ChunkedLayout, parse_chunked_layout
from zarr_hdf5.hdf5.filters import Filter
from zarr_hdf5.hdf5.library import memory_file_name
from zarr_hdf5.hdf5.object_header import (
    ATTRIBUTE,
    DATA_LAYOUT,
    FILTER_PIPELINE,
    Block,
    HeaderMessage,
    patch_checksum,
    read_messages,
)
from zarr_hdf5.hdf5.superblock import Superblock, parse_superblock, patch_end_of_file

__all__ = ["AttributeValue", "DatasetSpec", "Template", "write_template"]

AttributeValue = str | list[str] | np.ndarray[Any, Any] | np.generic
LIBVER = {"earliest": ("earliest", "v108"), "v110": ("v110", "v110")}


@dataclass(frozen=True, slots=True, eq=False)
class DatasetSpec(ChunkedDataset):
    """A chunked dataset, alone in a file. The chunk index of libver "v110" counts chunks of `maxshape`.

    attributes
        Names and values, in order. Strings become variable-length UTF-8.
    variable
        Name and length of an attribute of int64 whose values differ from file to file.
    dimension_labels
        One for each dimension, "" for none.
    user_block_nbytes
        0, or a power of two of at least 512: bytes before the superblock that HDF5 leaves alone.
    """

    attributes: tuple[tuple[str, AttributeValue], ...]
    variable: tuple[str, int]
    dimension_labels: tuple[str, ...] | None
    libver: str
    user_block_nbytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A file image (without user block) whose dataset has no chunk yet, and where in it the variable fields lie."""

    image: bytes
    superblock: Superblock
    layout: ChunkedLayout
    layout_block: Block
    variable_field: int
    variable_nbytes: int
    variable_block: Block

    def fill_in(
        self,
        *,
        end_of_file: int,
        index_address: int,
        variable: tuple[int, ...],
        page_bits: int = 0,
        single_chunk: tuple[int, int] | None = None,
    ) -> bytearray:
        """The image with its variable fields set.

        `index_address` counts from the base address; `end_of_file` from the first byte of the file. `single_chunk` is
        the stored size and filter mask where the layout keeps them itself.
        """
        image = bytearray(self.image)
        if self.layout.page_bits_field is not None:
            _put(image, self.layout.page_bits_field, page_bits, 1)
        if self.layout.single_size_field is not None and single_chunk is not None:
            _put(image, self.layout.single_size_field, single_chunk[0], 8)
            _put(image, self.layout.single_size_field + 8, single_chunk[1], 4)
        at = self.variable_field
        image[at : at + self.variable_nbytes] = np.asarray(variable, "<i8").tobytes()
        _put(image, self.layout.address_field, index_address, 8)
        for block in {self.layout_block, self.variable_block}:
            patch_checksum(image, block)
        patch_end_of_file(image, self.superblock, end_of_file)
        return image

    def index_address(self, image: Buffer) -> int:
        """The address of the chunk index in an image that was filled in."""
        at = self.layout.address_field
        return int.from_bytes(byte_view(image)[at : at + 8], "little")


def _put(image: bytearray, at: int, value: int, width: int) -> None:
    image[at : at + width] = value.to_bytes(width, "little")


def write_template(spec: DatasetSpec) -> Template:
    """Let libhdf5 write the metadata of `spec`, and find the fields.

    Raises
    ------
    UnsupportedFeatureError
        If libhdf5 refuses the dataset.
    """
    try:
        image, header_address = _write_image(spec)
    except (ValueError, RuntimeError, TypeError, OSError) as error:
        raise UnsupportedFeatureError(f"libhdf5 cannot make this dataset: {error}") from error
    messages = read_messages(image, header_address)
    image = _name_filters(image, messages, spec.filters)
    layout = next(m for m in messages if m.type == DATA_LAYOUT)
    variable = _find_attribute(image, messages, spec.variable[0])
    nbytes = spec.variable[1] * 8
    return Template(
        image=image,
        superblock=parse_superblock(image),
        layout=parse_chunked_layout(image[layout.offset : layout.offset + layout.nbytes], layout.offset),
        layout_block=layout.block,
        # The value is the last part of an attribute message, and eight-byte elements need no padding behind them.
        variable_field=variable.offset + variable.nbytes - nbytes,
        variable_nbytes=nbytes,
        variable_block=variable.block,
    )


def _name_filters(image: bytes, messages: list[HeaderMessage], filters: tuple[Filter, ...]) -> bytes:
    """Put third-party filters in place of their placeholders."""
    patched = bytearray(image)
    for message in messages:
        if message.type == FILTER_PIPELINE:
            for at, data in name_filters(message, filters):
                patched[at : at + len(data)] = data
            patch_checksum(patched, message.block)
    return bytes(patched)


def _find_attribute(image: bytes, messages: list[HeaderMessage], name: str) -> HeaderMessage:
    wanted = name.encode() + b"\0"
    for message in messages:
        if message.type == ATTRIBUTE and wanted in image[message.offset : message.offset + 16 + len(wanted)]:
            return message
    raise UnsupportedFeatureError(f"libhdf5 did not store attribute {name!r} in the object header")


def _write_image(spec: DatasetSpec) -> tuple[bytes, int]:
    user_block = {"userblock_size": spec.user_block_nbytes} if spec.user_block_nbytes else {}
    name, libver = memory_file_name(), LIBVER[spec.libver]
    with h5py.File(name, "w", driver="core", backing_store=False, libver=libver, **user_block) as file:
        dataset = create_chunked_dataset(file, spec)
        for name, value in spec.attributes:
            dataset.attrs[name] = value
        dataset.attrs[spec.variable[0]] = np.zeros(spec.variable[1], "<i8")
        for dimension, label in zip(dataset.dims, spec.dimension_labels or (), strict=False):
            dimension.label = label
        file.flush()
        address = int(h5py.h5o.get_info(dataset.id).addr)
        return bytes(file.id.get_file_image()), address
