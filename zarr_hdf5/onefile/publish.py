"""The HDF5 side of all that a ZIP file holds, written behind its members; then its directory; the superblock last.

[ members ... ][ groups, datasets, attributes, by libhdf5 ][ chunk indexes ][ zarr.json members, directory ]

Until the superblock is written nothing has happened for HDF5, and for who goes by it.
"""

from collections.abc import Mapping

import h5py

from zarr_hdf5.array.array import Array
from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.byte_range import ByteRange
from zarr_hdf5.errors import CodecError, CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.appended import MIN_START, Appended, append_metadata
from zarr_hdf5.hdf5.btree_v1 import encode_btree_v1
from zarr_hdf5.hdf5.chunked_dataset import name_filters
from zarr_hdf5.hdf5.data_layout import parse_chunked_layout
from zarr_hdf5.hdf5.index_walk import FileSpace, run_walk
from zarr_hdf5.hdf5.object_header import DATA_LAYOUT, FILTER_PIPELINE, HeaderMessage, walk_messages
from zarr_hdf5.hdf5.scales import write_scales
from zarr_hdf5.hierarchy import Metadata
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.onefile.chunks import chunk_columns
from zarr_hdf5.onefile.datasets import NO_TYPE, create_dataset, dataset_order, shared_twin
from zarr_hdf5.onefile.documents import consolidate, dataset_path, read_nodes
from zarr_hdf5.onefile.front import front
from zarr_hdf5.stores.zip_writer import ZipWriter
from zarr_hdf5.twin.attributes import hdf5_attributes

__all__ = ["publish"]


def publish(writer: ZipWriter, comment: bytes = b"") -> int:
    """Make what `writer` holds the new state of its file, on both sides; the byte at which the file ends then.

    Parameters
    ----------
    comment
        Of the ZIP file.

    Raises
    ------
    UnsupportedFeatureError, CorruptDataError, StorageError
        If it cannot be done; the old state is still there, and this may be tried again.
    """
    with writer.lock:
        nodes = read_nodes(writer)
        consolidate(writer, nodes)
        found = [(dataset_path(m, path), path, m) for path, m in nodes.items() if isinstance(m, ArrayMetadata)]
        arrays = {place: Array(writer, path, m, read_only=True) for place, path, m in found if place is not None}
        appended = append_metadata(
            writer.read_at,
            writer.write_at,
            max(_aligned(writer.end), MIN_START),
            lambda root: _build(root, nodes, arrays),
        )
        end = _write_indexes(writer, appended, arrays)
        end = writer.write_directory(end, comment)
        superblock = appended.superblock(_header(writer, appended, appended.root_address), end)
        writer.cut_at(end)
        writer.write_at(0, front(superblock))
        writer.end = end
        return end


def _aligned(offset: int) -> int:
    return -(-offset // 8) * 8


def _build(root: h5py.Group, nodes: Mapping[str, Metadata], arrays: Mapping[str, Array]) -> dict[str, int]:
    """Make groups and datasets; addresses of the datasets that share their chunks with Zarr."""
    for path, node in nodes.items():
        if not isinstance(node, ArrayMetadata):
            group = root.require_group(path) if path else root
            for name, value in hdf5_attributes(node.attributes, NO_TYPE):
                group.attrs[name] = value
    addresses, names = dict[str, int](), dict[str, tuple[str | None, ...]]()
    for path, array in arrays.items():
        twin = shared_twin(array.metadata, array.stored)
        try:
            dataset = create_dataset(root, path, array)
        except (UnsupportedFeatureError, CodecError, CorruptDataError):
            if twin is not None:
                raise
            # What was copied so far would be taken for the whole. `verify` says what is missing.
            root.pop(path, None)
            continue
        if twin is not None:
            addresses[path] = int(h5py.h5o.get_info(dataset.id).addr)
        if array.dimension_names is not None and array.shape:
            names[path] = tuple(array.dimension_names[axis] for axis in dataset_order(array.stored, twin))
    write_scales(root, names)
    return addresses


def _write_indexes(writer: ZipWriter, appended: Appended[dict[str, int]], arrays: Mapping[str, Array]) -> int:
    """Write the chunk indexes of datasets behind all else, and into their headers where they are; the byte behind."""
    end = _aligned(appended.end)
    for path, address in appended.result.items():
        array = arrays[path]
        twin = shared_twin(array.metadata, array.stored)
        if twin is None:
            continue
        messages = _header(writer, appended, address)
        chunks = chunk_columns(array, twin, writer.start)
        shape = tuple(array.stored.source.grid.chunk_shape[axis] for axis in twin.order)
        index, root = encode_btree_v1(chunks.offsets, chunks.addresses, chunks.nbytes, shape, end)
        writer.write_at(end, index)
        end += len(index)
        for message in messages:
            if message.type == FILTER_PIPELINE:
                for at, data in name_filters(message, twin.filters):
                    writer.write_at(at, data)
            elif message.type == DATA_LAYOUT:
                layout = parse_chunked_layout(message.body, message.offset)
                writer.write_at(layout.address_field, root.to_bytes(8, "little"))
    return end


def _header(writer: ZipWriter, appended: Appended[dict[str, int]], address: int) -> list[HeaderMessage]:
    """The messages of an object header that was just written."""

    def read(wanted: list[ByteRange]) -> list[Buffer]:
        # What libhdf5 has allocated and not written yet may lie behind the end of the file.
        return [byte_view(writer.read_at(one.offset, one.nbytes)).tobytes().ljust(one.nbytes, b"\0") for one in wanted]

    return run_walk(walk_messages(FileSpace(0, appended.end), address), read, appended.end)
