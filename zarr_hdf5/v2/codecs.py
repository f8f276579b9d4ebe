"""Zarr storage specification v2, "Filters" and "compressor": configurations of numcodecs as a chain of v3 codecs.

https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#filters
https://numcodecs.readthedocs.io

In v2 a chunk lies in memory, in the array's `order`, and passes through any codecs one after the other: a compressor is
the last filter. v3 has codecs of elements, then one that makes bytes, then codecs of bytes. Knows which of numcodecs'
codecs is which, by what this library's codecs of these names are.
"""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from zarr_hdf5.codecs.protocol import Codec, is_array_array, is_bytes_bytes
from zarr_hdf5.codecs.registry import parse_codec
from zarr_hdf5.data_type import DataType
from zarr_hdf5.errors import Problem
from zarr_hdf5.named_configuration import NamedConfiguration
from zarr_hdf5.v2.data_type import DType, data_type_of, endian_of
from zarr_hdf5.v2.object_codecs import OF_OBJECTS, REFUSED
from zarr_hdf5.v2.translations import Document, in_v3

__all__ = ["Chain", "parse_chain"]

Path: TypeAlias = tuple[str | int, ...]
Configuration: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """What `dtype`, `order`, `filters` and `compressor` come to in v3: the type in memory, and the codecs.

    `attributes`: what v3 has no other place for.
    """

    data_type: DataType
    codecs: tuple[NamedConfiguration, ...]
    attributes: Configuration


def parse_chain(
    dtype: DType, transposes: Sequence[NamedConfiguration], members: Configuration, problems: list[Problem]
) -> Chain | None:
    """The codecs of an array whose elements are stored as `dtype`, behind the `transposes` of its order.

    Faults are appended to `problems`; then the result is None.
    """
    documents = _documents(members, problems)
    if documents is None:
        return None
    if dtype.hasobject:
        return _parse_chain_of_objects(transposes, documents, problems)
    before = len(problems)
    data_type = data_type_of(dtype, ("dtype",), problems)
    of_elements: list[NamedConfiguration] = []
    serializer: NamedConfiguration | None = None
    of_bytes: list[NamedConfiguration] = []
    for document in documents:
        parsed = _parse(document, problems)
        if parsed is None:
            continue
        codec, named = parsed
        if is_bytes_bytes(codec):
            of_bytes.append(named)
        elif of_bytes or serializer is not None:
            message = f"{document.id} is for elements, but a filter before it has made bytes of them"
            problems.append(Problem(document.path, message, "unsupported"))
        elif is_array_array(codec):
            of_elements.append(named)
            dtype = _encoded(dtype, document)
        else:
            serializer = named
    if data_type is None or len(problems) > before:
        return None
    return Chain(data_type, (*transposes, *of_elements, serializer or _bytes(dtype), *of_bytes), {})


def _bytes(dtype: DType) -> NamedConfiguration:
    """What writes elements as `dtype` has them."""
    endian = endian_of(dtype)
    return NamedConfiguration("bytes", {} if endian is None else {"endian": endian})


def _parse_chain_of_objects(
    transposes: Sequence[NamedConfiguration], documents: Sequence[Document], problems: list[Problem]
) -> Chain | None:
    """The first codec makes bytes of the objects; then there may be codecs of bytes."""
    before = len(problems)
    if not documents or documents[0].id not in OF_OBJECTS:
        if not any(document.id in REFUSED for document in documents):
            wanted = ", ".join(OF_OBJECTS)
            problems.append(Problem(("filters",), f"elements are objects; the first filter must be one of {wanted}"))
        for document in documents:
            _parse(document, problems)
        return None
    first, *rest = documents
    data_type, name, attributes = OF_OBJECTS[first.id](first, problems)
    of_bytes: list[NamedConfiguration] = []
    for document in rest:
        parsed = _parse(document, problems)
        if parsed is not None and is_bytes_bytes(parsed[0]):
            of_bytes.append(parsed[1])
        elif parsed is not None:
            problems.append(Problem(document.path, f"{document.id} is for numbers, but the elements are objects"))
    chain = Chain(data_type, (*transposes, NamedConfiguration(name), *of_bytes), attributes)
    return chain if len(problems) == before else None


def _documents(members: Configuration, problems: list[Problem]) -> list[Document] | None:
    """The filters and the compressor, in the order of encoding."""
    before = len(problems)
    filters, compressor = members.get("filters"), members.get("compressor")
    if not isinstance(filters, list | None):
        problems.append(Problem(("filters",), "expected a list or null", "type"))
        filters = None
    found: list[tuple[Path, object]] = [(("filters", i), filter_) for i, filter_ in enumerate(filters or [])]
    if compressor is not None:
        found.append((("compressor",), compressor))
    documents: list[Document] = []
    for path, document in found:
        if not isinstance(document, Mapping):
            problems.append(Problem(path, "expected an object", "type"))
        elif not isinstance(document.get("id"), str):
            message = "expected the name of a codec, a string"
            problems.append(Problem((*path, "id"), message, "type" if "id" in document else "missing"))
        else:
            rest = {key: value for key, value in document.items() if key != "id"}
            documents.append(Document(path, document["id"], rest))
    return documents if len(problems) == before else None


def _parse(document: Document, problems: list[Problem]) -> tuple[Codec, NamedConfiguration] | None:
    """The codec of a document, and what it is called in v3."""
    if document.id in REFUSED or document.id in OF_OBJECTS:
        why = REFUSED.get(document.id, "is for objects, and must be the first filter of an array of them")
        problems.append(Problem((*document.path, "id"), f"{document.id}: {why}", "unsupported"))
        return None
    name, configuration = in_v3(document)
    found: list[Problem] = []
    codec = parse_codec(name, configuration, document.path, found)
    problems.extend(_in_v2(problem, document) for problem in found)
    return None if codec is None or found else (codec, NamedConfiguration(name, configuration))


def _in_v2(problem: Problem, document: Document) -> Problem:
    """A problem of a v3 codec, at its place in v2, where parameters stand beside the codec's name."""
    below = problem.path[len(document.path) :]
    if below == ("name",):
        return Problem((*document.path, "id"), f"the codec {reprlib.repr(document.id)} is not supported", problem.kind)
    below = below[1:] if below[:1] == ("configuration",) else below
    return Problem((*document.path, *below), problem.message, problem.kind)


def _encoded(dtype: DType, document: Document) -> DType:
    """The dtype of what a codec of elements makes of elements stored as `dtype`."""
    if document.id == "packbits":
        return np.dtype("u1")
    for member in ("astype", "encode_dtype", "dtype"):
        if document.configuration.get(member) is not None:
            return np.dtype(document.configuration[member])  # the codec has looked at it
    return dtype
