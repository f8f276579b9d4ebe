"""From what a user asks for to the metadata of a new array."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.chunking import auto_chunks, auto_shards, divide
from zarr_hdf5.array.codec_arguments import codec_documents, compressor_documents
from zarr_hdf5.array.compose import with_resolved_codecs
from zarr_hdf5.data_type import DataType, as_fill_value, complex_elements, default_fill_value, fill_value_to_json
from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.chunk_key_encoding import ChunkKeyEncoding
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
        Shape of the inner chunks, or "auto".
    shards
        Shape of the shards, a multiple of `chunks`; "auto"; or None for an unsharded array.
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
        {"name": "default" | "v2", "separator": "/" | "."}.
    overwrite
        Replace whatever is there.
    hdf5
        Whether, or how (`HDF5`), shards are HDF5 files too.
    """

    shape: int | Sequence[int] | None
    dtype: npt.DTypeLike | DataType | None
    data: npt.ArrayLike | None
    chunks: int | Sequence[int] | Literal["auto"]
    shards: int | Sequence[int] | Literal["auto"] | None
    filters: Sequence[Any]
    serializer: Any
    compressors: Any
    fill_value: Any
    attributes: Mapping[str, Any] | None
    dimension_names: Sequence[str | None] | None
    chunk_key_encoding: Any
    overwrite: bool
    hdf5: bool | HDF5


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
    chunks, shards = _chunks_and_shards(options, shape, itemsize)
    serializer = options.get("serializer")
    codecs = [
        *codec_documents(options.get("filters", ())),
        *codec_documents([_serializer(data_type, endian) if serializer is None else serializer]),
        # The bytes of elements of any length lie anywhere: nothing to shuffle.
        *compressor_documents(options.get("compressors", "deflate"), 1 if data_type.is_variable else itemsize),
    ]
    hdf5 = _hdf5_options(options.get("hdf5", True), name, shards, len(shape), explicit="shards" in options)
    if shards is not None:
        codecs = [_sharding_codec(chunks, codecs, "end" if hdf5 is None else hdf5.index_location)]
    value = options.get("fill_value")
    fill = default_fill_value(data_type) if value is None else as_fill_value(data_type, value)
    document: dict[str, Any] = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": data_type.to_json(),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shards or chunks)}},
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
    return with_resolved_codecs(ArrayMetadata.parse(document, f"new array {name!r}"))


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
            raise _fault("shape", "is required where there is no data")
        return values.shape
    wanted = _lengths("shape", shape)
    if values is not None and values.shape != wanted:
        raise _fault("shape", f"is {wanted}, but the data have {values.shape}")
    return wanted


def _data_type(
    dtype: npt.DTypeLike | DataType | None, values: npt.NDArray[Any] | None
) -> tuple[DataType, Literal["little", "big"]]:
    """The data type, and the byte order in which it is to be stored."""
    if dtype is None:
        if values is None:
            raise _fault("dtype", "is required where there is no data")
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


def _lengths(option: str, value: int | Sequence[int]) -> tuple[int, ...]:
    try:
        values = value if isinstance(value, Sequence | np.ndarray) else (value,)
        return tuple(operator.index(length) for length in values)
    except TypeError as error:
        raise _fault(option, f"must be integers, not {value!r}") from error


def _chunks_and_shards(
    options: ArrayOptions, shape: tuple[int, ...], itemsize: int
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    chunks, shards = options.get("chunks", "auto"), options.get("shards", "auto")
    # A scalar has nothing to shard; zarr-python does not read shards of no dimension.
    wanted = None if shards is None or (shards == "auto" and not shape) else shards
    if wanted is not None and wanted != "auto":
        whole = _lengths("shards", wanted)
        inner = divide(whole, itemsize) if chunks == "auto" else _lengths("chunks", chunks)
        if len(inner) != len(whole) or any(c < 1 or s % c for s, c in zip(whole, inner, strict=True)):
            raise _fault("shards", f"{whole} are not a multiple of the chunks {inner}")
        return inner, whole
    inner = auto_chunks(shape, itemsize) if chunks == "auto" else _lengths("chunks", chunks)
    if len(inner) != len(shape) or any(c < 1 for c in inner):
        raise _fault("chunks", f"{inner} do not fit an array of shape {shape}")
    return inner, None if wanted is None else auto_shards(shape, inner, itemsize)


def _hdf5_options(
    hdf5: bool | HDF5, name: str, shards: tuple[int, ...] | None, rank: int, *, explicit: bool
) -> HDF5 | None:
    if hdf5 is False:
        return None
    if shards is None:
        if rank == 0 and not explicit and hdf5 is True:
            return None
        raise UnsupportedFeatureError("the HDF5 view is of shards; give shards, or hdf5=False for an unsharded array")
    options = HDF5() if hdf5 is True else hdf5
    own_name = name.rsplit("/", 1)[-1]
    return options if options.dataset else replace(options, dataset=f"/{own_name or 'data'}")


def _serializer(data_type: DataType, endian: Literal["little", "big"]) -> dict[str, Any]:
    if data_type.is_variable:
        return {"name": "vlen-utf8" if data_type.name == "string" else "vlen-bytes", "configuration": {}}
    return {"name": "bytes", "configuration": {"endian": endian}}


def _sharding_codec(chunks: tuple[int, ...], codecs: list[dict[str, Any]], location: str) -> dict[str, Any]:
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
    if isinstance(encoding, ChunkKeyEncoding):
        return encoding.to_json()
    if isinstance(encoding, Mapping) and "separator" in encoding:
        rest = {key: value for key, value in encoding.items() if key != "separator"}
        return {**rest, "configuration": {"separator": encoding["separator"]}}
    return encoding


def _fault(option: str, message: str) -> InvalidMetadataError:
    return InvalidMetadataError([Problem((option,), message)], "new array")
