"""How to create an array like another: its shape, type, meaning, chunks, and codecs as far as they can be kept."""

from zarr_hdf5.array.array import Array
from zarr_hdf5.array.create import ArrayOptions
from zarr_hdf5.codecs.pipeline import PreparedChain
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.twin.filters import has_hdf5_twin, hdf5_twin

__all__ = ["options_like"]


def options_like(source: Array, *, hdf5: bool | HDF5, one_file: bool = False) -> ArrayOptions:
    """Options for a new array of the same contents as `source`, with or without an HDF5 side.

    A scalar is not sharded and has no HDF5 side, and what HDF5 cannot store in chunks has none; in one file it may have
    one all the same, if HDF5 can store it at all.
    """
    in_chunks = bool(source.shape) and has_hdf5_twin(source.dtype)
    if not in_chunks and not (one_file and (has_hdf5_twin(source.dtype) or source.metadata.data_type.is_variable)):
        hdf5 = False
    options: ArrayOptions = {
        "shape": source.shape,
        "dtype": source.metadata.data_type,
        "fill_value": source.fill_value,
        "attributes": source.attrs.asdict(),
        "dimension_names": source.dimension_names,
        "hdf5": hdf5,
    }
    if not source.shape:
        return {**options, "shards": None, "compressors": None}
    stored = source.stored
    if not stored.natural_chunks:
        return options
    options |= _grid_like(source, hdf5)
    packed = source.dtype == source.metadata.data_type.canonical.dtype
    if (
        packed
        and stored.order == tuple(range(len(source.shape)))
        and (hdf5 is False or source.metadata.data_type.is_variable or _has_twin(stored.chain))
    ):
        documents = stored.chain.chain.to_json()
        first = len(stored.chain.chain.array_array)
        options["filters"] = documents[:first]
        options["serializer"] = documents[first]
        options["compressors"] = documents[first + 1 :]
    return options


def _grid_like(source: Array, hdf5: bool | HDF5) -> ArrayOptions:
    """The chunks and shards of `source`, but for chunks of many shapes where HDF5 is to have them."""
    lengths = source.metadata.chunk_lengths
    if lengths is None:
        return {"chunks": source.chunks, "shards": source.shards or "auto"}
    if source.nshards is not None:
        return {"chunks": source.chunks, "shards": lengths}
    return {"chunks": lengths, "shards": None} if hdf5 is False else {}


def _has_twin(chain: PreparedChain) -> bool:
    try:
        hdf5_twin(chain.chain, chain.spec)
    except UnsupportedFeatureError:
        return False
    return True
