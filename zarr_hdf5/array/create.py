"""From what a user asks for to the metadata of a new array."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.codec_arguments import codec_documents, compressor_documents
from zarr_hdf5.array.compose import with_resolved_codecs
from zarr_hdf5.array.grid_arguments import chunks_and_shards, fault, integers
from zarr_hdf5.array_config import ArrayConfig, ArrayConfigOptions
from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.data_type import DataType, as_fill_value, complex_elements, default_fill_value, fill_value_to_json
from zarr_hdf5.errors import InteroperabilityWarning, UnsupportedFeatureError
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.chunk_grid import ChunkLengths, chunk_grid_to_json
from zarr_hdf5.metadata.chunk_key_encoding import CORE_ENCODINGS, KeyEncoding
from zarr_hdf5.shard.options import EXTENSION_KEY, HDF5, options_to_json

__all__ = ["ArrayOptions", "asarray_of", "new_array_metadata"]

BY_NAME = {"string": DataType.string(), "variable_length_bytes": DataType.variable_length_bytes()}
VARIABLE_ITEMSIZE = 32
"""Bytes that chunks and shards are made for where elements are of any length; zarr-python guesses so too."""


class ArrayOptions(TypedDict, total=False):
    """Keywords of `create_array`.

    shape
        Elements along each dimension; an int for one dimension. Default: that of `data`.
    dtype
        Anything numpy takes for a data type; a big-endian one is stored big-endian. Python's str and bytes, or
        "string" and "variable_length_bytes", for elements of any length. "int4", "bfloat16", "complex_float16" and the
        like. Or a `DataType`. Default: that of `data`.
    data
        Array-like to write into the new array.
    chunks
        Shape of the inner chunks, or "auto": at most 256 KiB, shaped like the array. In an unsharded array also a list
        of edge lengths for some dimensions, as in [[10, 20, 30], 5] (a rectilinear chunk grid).
    shards
        Shape of the shards, a multiple of `chunks`; "auto": at most 64 MiB and 16,384 chunks, no larger than the array
        (a dimension of length 0 is taken for one that is appended to); or None for an unsharded array. Also with edge
        lengths, all of them multiples of the chunks.
    filters, serializer, compressors
        Codecs: objects {"name": ..., "configuration": ...}, or codec instances of zarr-python or numcodecs.
        `compressors` also takes "deflate" (the default: shuffle and zlib), "zstd", "blosc" or None.
    fill_value
        Value of elements never written. Default: zero, nothing, or NaT.
    attributes
        JSON values by name.
    dimension_names
        One name, or None, for each dimension.
    chunk_key_encoding
        {"name": "default" | "v2", "separator": "/" | "."}; or, which few programs read, of names "suffix" and "fanout",
        as in {"name": "suffix", "configuration": {"suffix": ".h5"}}.
    overwrite
        Replace whatever is there.
    hdf5
        Whether, or how (`HDF5`), shards are HDF5 files too.
    config
        What this object does that is not said in the metadata: {"write_empty_chunks": True} stores chunks of nothing
        but the fill value, {"read_missing_chunks": False} makes reading a chunk that is not stored an error.
    """

    shape: int | Sequence[int] | None
    dtype: npt.DTypeLike | DataType | None
    data: npt.ArrayLike | None
    chunks: int | Sequence[int | Sequence[int] | ChunkEdges] | Literal["auto"]
    shards: int | Sequence[int | Sequence[int] | ChunkEdges] | Literal["auto"] | None
    filters: Sequence[Any]
    serializer: Any
    compressors: Any
    fill_value: Any
    attributes: Mapping[str, Any] | None
    dimension_names: Sequence[str | None] | None
    chunk_key_encoding: Any
    overwrite: bool
    hdf5: bool | HDF5
    config: ArrayConfigOptions | ArrayConfig | None


def new_array_metadata(name: str, options: ArrayOptions) -> ArrayMetadata:
    """The metadata of an array to be called `name` ("" at the root).

    Raises
    ------
    InvalidMetadataError
        With all that is wrong with the options.
    UnsupportedFeatureError
        If an HDF5 view is asked for that the array cannot have.
    """
    data = options.get("data")
    values = None if data is None else np.asarray(data)
    shape = _shape(options.get("shape"), values)
    data_type, endian = _data_type(options.get("dtype"), values)
    itemsize = VARIABLE_ITEMSIZE if data_type.is_variable else data_type.dtype.itemsize
    explicit = "shards" in options
    asked = (options.get("chunks", "auto"), options.get("shards", "auto"))
    chunks, shards = chunks_and_shards(*asked, shape, itemsize, explicit=explicit)
    serializer = options.get("serializer")
    codecs = [
        *codec_documents(options.get("filters", ())),
        *codec_documents([_serializer(data_type, endian) if serializer is None else serializer]),
        # The bytes of elements of any length lie anywhere: nothing to shuffle.
        *compressor_documents(options.get("compressors", "deflate"), 1 if data_type.is_variable else itemsize),
    ]
    hdf5 = _hdf5_options(options.get("hdf5", True), name, chunks, shards, explicit=explicit)
    if shards is not None:
        codecs = [_sharding_codec(chunks, codecs, "end" if hdf5 is None else hdf5.index_location)]
    value = options.get("fill_value")
    fill = default_fill_value(data_type) if value is None else as_fill_value(data_type, value)
    document: dict[str, Any] = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": data_type.to_json(),
        "chunk_grid": chunk_grid_to_json(chunks if shards is None else shards),
        "chunk_key_encoding": _key_encoding(options.get("chunk_key_encoding")),
        "fill_value": fill_value_to_json(data_type, fill),
        "codecs": codecs,
        "attributes": dict(options.get("attributes") or {}),
    }
    names = options.get("dimension_names")
    if names is not None:
        document["dimension_names"] = list(names)
    if hdf5 is not None:
        document[EXTENSION_KEY] = options_to_json(hdf5)
    metadata = ArrayMetadata.parse(document, f"new array {name!r}")
    _warn_of_keys(metadata)
    return with_resolved_codecs(metadata)


def asarray_of(data: npt.ArrayLike, options: ArrayOptions) -> npt.NDArray[Any]:
    """`data` as an array; lists for structures and for elements of any length are not what numpy takes them for."""
    dtype = options.get("dtype")
    if dtype is None or hasattr(data, "dtype"):
        return np.asarray(data)
    data_type, _ = _data_type(dtype, None)
    if data_type.dtype.names and data_type.is_number:
        return complex_elements(data, data_type.dtype)
    return np.asarray(data, data_type.dtype if data_type.is_variable or data_type.fields else None)


def _shape(shape: int | Sequence[int] | None, values: npt.NDArray[Any] | None) -> tuple[int, ...]:
    if shape is None:
        if values is None:
            raise fault("shape", "is required where there is no data")
        return values.shape
    wanted = integers("shape", shape)
    if values is not None and values.shape != wanted:
        raise fault("shape", f"is {wanted}, but the data have {values.shape}")
    return wanted


def _data_type(
    dtype: npt.DTypeLike | DataType | None, values: npt.NDArray[Any] | None
) -> tuple[DataType, Literal["little", "big"]]:
    """The data type, and the byte order in which it is to be stored."""
    if dtype is None:
        if values is None:
            raise fault("dtype", "is required where there is no data")
        dtype = _type_of_objects(values) or values.dtype
    elif isinstance(dtype, str):
        dtype = BY_NAME.get(dtype) or DataType.low_precision(dtype) or dtype
    if isinstance(dtype, DataType):
        return dtype.canonical, "little"
    return DataType.from_numpy(dtype), "big" if np.dtype(dtype).str[0] == ">" else "little"


def _type_of_objects(values: npt.NDArray[Any]) -> DataType | None:
    """The data type of an array of Python's strings or bytes; None for any other array."""
    if values.dtype == object and values.size:
        kinds = set(map(type, values.flat))
        for kind in (str, bytes):
            if all(issubclass(found, kind) for found in kinds):
                return DataType.from_numpy(kind)
    return None


def _warn_of_keys(metadata: ArrayMetadata) -> None:
    name = metadata.chunk_key_encoding.name
    if name not in CORE_ENCODINGS:
        message = (
            f"the chunk key encoding {name!r} is a proposal: zarr-python, zarrs, zarrista, tensorstore and zarrita.js "
            "do not read it"
        )
        warnings.warn(message, InteroperabilityWarning, stacklevel=6)


def _hdf5_options(
    hdf5: bool | HDF5, name: str, chunks: ChunkLengths, shards: ChunkLengths | None, *, explicit: bool
) -> HDF5 | None:
    if hdf5 is False:
        return None
    if any(isinstance(length, ChunkEdges) for length in chunks):
        raise UnsupportedFeatureError(
            "HDF5 chunks are all of one shape; give edge lengths of shards, or hdf5=False for an unsharded array"
        )
    if shards is None:
        if not chunks and not explicit and hdf5 is True:
            return None
        raise UnsupportedFeatureError("the HDF5 view is of shards; give shards, or hdf5=False for an unsharded array")
    return (HDF5() if hdf5 is True else hdf5).named(name)


def _serializer(data_type: DataType, endian: Literal["little", "big"]) -> dict[str, Any]:
    if data_type.is_variable:
        return {"name": "vlen-utf8" if data_type.name == "string" else "vlen-bytes", "configuration": {}}
    return {"name": "bytes", "configuration": {"endian": endian}}


def _sharding_codec(chunks: ChunkLengths, codecs: list[dict[str, Any]], location: str) -> dict[str, Any]:
    index_codecs = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c", "configuration": {}}]
    configuration = {
        "chunk_shape": list(chunks),
        "codecs": codecs,
        "index_codecs": index_codecs,
        "index_location": location,
    }
    return {"name": "sharding_indexed", "configuration": configuration}


def _key_encoding(encoding: Any) -> Any:
    """The JSON object; zarr-python's short form {"name", "separator"} is taken too."""
    if encoding is None:
        return {"name": "default", "configuration": {"separator": "/"}}
    if isinstance(encoding, KeyEncoding):
        return encoding.to_json()
    if isinstance(encoding, Mapping) and "separator" in encoding:
        rest = {key: value for key, value in encoding.items() if key != "separator"}
        return {**rest, "configuration": {"separator": encoding["separator"]}}
    return encoding
