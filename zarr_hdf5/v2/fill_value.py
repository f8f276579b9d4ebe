"""Zarr storage specification v2, "Fill value encoding": the `fill_value` member of `.zarray`.

https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#fill-value-encoding

Numbers are JSON numbers, or "NaN", "Infinity" and "-Infinity"; bytes and structures are base64 of an element as it is
stored. null says that there is none: the default of v3 stands for it. The number 0 is found for every data type,
because zarr-python once wrote it for whatever had no other.
"""

from typing import TypeAlias

import numpy as np

from zarr_hdf5.data_type import DataType, FillValue, as_fill_value, default_fill_value, packed
from zarr_hdf5.data_type.fill_value import parse_base64
from zarr_hdf5.errors import InvalidMetadataError, Problem
from zarr_hdf5.v2.data_type import DType

__all__ = ["parse_fill_value"]

Path: TypeAlias = tuple[str | int, ...]


def parse_fill_value(
    dtype: DType, data_type: DataType, document: object, path: Path, problems: list[Problem]
) -> FillValue | None:
    """The fill value of an array of `data_type` in memory, stored as `dtype`.

    Faults are appended to `problems`; then the result is None.
    """
    if document is None or (type(document) in (int, float) and document == 0 and not _is_number(dtype)):
        return default_fill_value(data_type)
    value: object = document
    if dtype.kind == "S" or dtype.type is np.void or data_type.name == "variable_length_bytes":
        value = parse_base64(document, path, problems)
        if value is None:
            return None
        if dtype.names is not None:
            value = _little_endian(dtype, value, path, problems)
    elif dtype.kind in "UO" and not isinstance(document, str):
        problems.append(Problem(path, "expected a string", "type"))
        return None
    elif isinstance(document, dict) or (isinstance(document, str) and dtype.kind in "biu"):
        problems.append(Problem(path, "expected a number", "type"))
        return None
    if value is None:
        return None
    try:
        return as_fill_value(data_type, value)
    except InvalidMetadataError as error:
        problems.extend(
            Problem((*path, *problem.path[1:]), problem.message, problem.kind) for problem in error.problems
        )
        return None


def _is_number(dtype: DType) -> bool:
    """Whether elements are numbers, dates among them; also of types from outside numpy."""
    return dtype.kind in "biufcmM" or (dtype.kind == "V" and dtype.type is not np.void)


def _little_endian(dtype: DType, raw: bytes, path: Path, problems: list[Problem]) -> bytes | None:
    """An element as it is stored, as one that is little-endian and packed."""
    if len(raw) != dtype.itemsize:
        problems.append(Problem(path, f"expected {dtype.itemsize} bytes, found {len(raw)}"))
        return None
    return np.frombuffer(raw, dtype).astype(packed(dtype)).tobytes()
