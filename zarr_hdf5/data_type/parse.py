"""The `data_type` member of array metadata, from JSON.

https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html
https://github.com/zarr-developers/zarr-extensions/tree/main/data-types

A structure has two spellings: "structured" with [name, type] pairs, zarr-python's until 3.1, and "struct" with objects,
the registry's. Either takes both forms of fields here, as in zarr-python's newest.
"""

import re
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from zarr_hdf5.data_type.data_type import CORE, MAX_DEPTH, MAX_FIELDS, MAX_NBYTES, STRUCT_NAMES, DataType, raw
from zarr_hdf5.errors import Problem, UnsupportedFeatureError

__all__ = ["parse_data_type"]

Path: TypeAlias = tuple[str | int, ...]
Configuration: TypeAlias = Mapping[str, Any]

UNITS = ("generic", "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
_WITHOUT_CONFIGURATION = {
    **CORE,
    "string": DataType.string(),
    "variable_length_bytes": DataType.variable_length_bytes(),
    "bytes": DataType("bytes", np.dtype(object)),
}


def parse_data_type(document: object, path: Path, problems: list[Problem]) -> DataType | None:
    """Parse the `data_type` member: a name, or an object `{"name": ..., "configuration": ...}`.

    Faults are appended to `problems`, each at its place below `path`; then the result is None. A name that is not
    known is of kind "unsupported".
    """
    before = len(problems)
    name, configuration = _name_and_configuration(document, path, problems)
    if name is None or configuration is None:
        return None
    found = _parse(name, configuration, path, problems)
    return found if len(problems) == before else None


def _name_and_configuration(
    document: object, path: Path, problems: list[Problem]
) -> tuple[str | None, Configuration | None]:
    if isinstance(document, str):
        return document, {}
    if not isinstance(document, Mapping):
        problems.append(Problem(path, "expected a name or an object", "type"))
        return None, None
    name, configuration = document.get("name"), document.get("configuration", {})
    if "name" not in document:
        problems.append(Problem((*path, "name"), "is required", "missing"))
    elif not isinstance(name, str):
        problems.append(Problem((*path, "name"), "expected a string", "type"))
        name = None
    if not isinstance(configuration, Mapping):
        problems.append(Problem((*path, "configuration"), "expected an object", "type"))
        configuration = None
    if document.get("must_understand", True) is not True:
        problems.append(Problem((*path, "must_understand"), "a data type must be understood"))
    unknown = [key for key in document if key not in ("name", "configuration", "must_understand")]
    problems.extend(Problem((*path, key), "is not a member of a data type", "unknown") for key in unknown)
    return name, configuration


def _parse(name: str, configuration: Configuration, path: Path, problems: list[Problem]) -> DataType | None:
    place = (*path, "configuration")
    if name in _CONFIGURED:
        members, parse = _CONFIGURED[name]
        missing = [key for key in members if key not in configuration]
        problems.extend(Problem((*place, key), "is required", "missing") for key in missing)
        unknown = [key for key in configuration if key not in members]
        problems.extend(Problem((*place, key), "is not a parameter of this data type", "unknown") for key in unknown)
        return None if missing else parse(name, configuration, place, problems)
    found = _WITHOUT_CONFIGURATION.get(name) or _parse_low_precision(name, path, problems)
    if found is not None:  # no reader may ignore what it does not know
        unknown = list(configuration)
        problems.extend(Problem((*place, key), "this data type has no configuration", "unknown") for key in unknown)
    return found


def _parse_low_precision(name: str, path: Path, problems: list[Problem]) -> DataType | None:
    try:
        return DataType.low_precision(name) or _parse_raw(name, path, problems)
    except UnsupportedFeatureError as error:
        problems.append(Problem(path, str(error), "unsupported"))
        return None


def _parse_raw(name: str, path: Path, problems: list[Problem]) -> DataType | None:
    if re.fullmatch(r"r(0|[1-9][0-9]{0,11})", name):
        bits = int(name[1:])
        if bits == 0 or bits % 8:
            problems.append(Problem(path, f"the number of bits in {name!r} is not a positive multiple of 8"))
            return None
        if bits // 8 <= MAX_NBYTES:
            return raw(bits)
    problems.append(Problem(path, f"the data type {reprlib.repr(name)} is not supported", "unsupported"))
    return None


def _parse_length(name: str, configuration: Configuration, place: Path, problems: list[Problem]) -> DataType | None:
    """Types of a fixed number of bytes, `length_bytes`."""
    size = 4 if name == "fixed_length_utf32" else 1
    nbytes = _integer(configuration, "length_bytes", place, problems)
    if nbytes is None:
        return None
    if nbytes % size:
        problems.append(Problem((*place, "length_bytes"), f"expected a multiple of {size}"))
        return None
    return DataType(name, np.dtype((_LENGTH_TYPES[name], nbytes // size)).newbyteorder("<"))


_LENGTH_TYPES = {"null_terminated_bytes": np.bytes_, "fixed_length_utf32": np.str_, "raw_bytes": np.void}


def _parse_time(name: str, configuration: Configuration, place: Path, problems: list[Problem]) -> DataType | None:
    unit, count = configuration["unit"], _integer(configuration, "scale_factor", place, problems)
    unit = "us" if unit == "\u03bcs" else unit
    if unit not in UNITS:
        problems.append(Problem((*place, "unit"), f"expected one of {', '.join(UNITS)}"))
    elif unit == "generic" and count != 1:
        problems.append(Problem((*place, "scale_factor"), "expected 1 where the unit is generic"))
    elif count is not None:
        code = name.removeprefix("numpy.")
        return DataType(name, np.dtype(f"{code}[{unit}]" if count == 1 else f"{code}[{count}{unit}]").newbyteorder("<"))
    return None


def _integer(configuration: Configuration, key: str, place: Path, problems: list[Problem]) -> int | None:
    value = configuration[key]
    if isinstance(value, bool) or not isinstance(value, int):
        problems.append(Problem((*place, key), "expected an integer", "type"))
    elif not 1 <= value <= MAX_NBYTES:
        problems.append(Problem((*place, key), f"expected an integer from 1 to {MAX_NBYTES}"))
    else:
        return value
    return None


def _parse_struct(name: str, configuration: Configuration, place: Path, problems: list[Problem]) -> DataType | None:
    before, place = len(problems), (*place, "fields")
    documents = configuration["fields"]
    if not isinstance(documents, list):
        problems.append(Problem(place, "expected a list of fields", "type"))
    elif not documents:
        problems.append(Problem(place, "is empty, but a structure has at least one field"))
    elif len(documents) > MAX_FIELDS or place.count("fields") > MAX_DEPTH:
        message = f"more than {MAX_FIELDS} fields, or {MAX_DEPTH} structures within each other"
        problems.append(Problem(place, message, "unsupported"))
    if len(problems) > before:
        return None
    parsed = [_parse_field(document, (*place, i), problems) for i, document in enumerate(documents)]
    fields = tuple(field for field in parsed if field is not None)
    seen: set[str] = set()
    for i, (field, _) in enumerate(fields):
        if field in seen:
            problems.append(Problem((*place, i), f"a second field {field!r:.80}"))
        seen.add(field)
    if sum(1 + kind.nfields for _, kind in fields) > MAX_FIELDS:
        problems.append(Problem(place, f"more than {MAX_FIELDS} fields in all", "unsupported"))
    if sum(kind.dtype.itemsize for _, kind in fields) > MAX_NBYTES:
        problems.append(Problem(place, f"an element of more than {MAX_NBYTES} bytes", "unsupported"))
    return DataType.structure(name, fields) if len(problems) == before else None


def _parse_field(document: object, path: Path, problems: list[Problem]) -> tuple[str, DataType] | None:
    if isinstance(document, list) and len(document) == 2:
        (name, inner), where = document, (*path, 1)
    elif isinstance(document, Mapping) and set(document) == {"name", "data_type"}:
        name, inner, where = document["name"], document["data_type"], (*path, "data_type")
    else:
        problems.append(Problem(path, "expected [name, data type], or an object of `name` and `data_type`", "type"))
        return None
    if not isinstance(name, str):
        problems.append(Problem(path, "expected a string for the field's name", "type"))
        return None
    kind = parse_data_type(inner, where, problems)
    if kind is not None and kind.is_variable:
        problems.append(Problem(where, "a field of variable length", "unsupported"))
        return None
    return None if kind is None else (name, kind)


_Parser: TypeAlias = Callable[[str, Configuration, Path, list[Problem]], DataType | None]
_CONFIGURED: Mapping[str, tuple[tuple[str, ...], _Parser]] = {
    **dict.fromkeys(_LENGTH_TYPES, (("length_bytes",), _parse_length)),
    **dict.fromkeys(("numpy.datetime64", "numpy.timedelta64"), (("unit", "scale_factor"), _parse_time)),
    **dict.fromkeys(STRUCT_NAMES, (("fields",), _parse_struct)),
}
