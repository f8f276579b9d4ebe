"""Fields of structures, by their names in a selection: `array["x"]`, `array["x", "y", 2:5]`.

https://numpy.org/doc/stable/user/basics.rec.html#indexing-structured-arrays
"""

from typing import Any, TypeAlias

import numpy as np

from zarr_hdf5.errors import SelectionError

__all__ = ["FieldIndex", "Fields", "parse_fields", "pop_fields"]

Fields: TypeAlias = str | list[str] | tuple[str, ...]
"""What users name: one field, for its elements alone, or some, for smaller structures."""
FieldIndex: TypeAlias = str | list[str]
"""The same as numpy indexes structures."""


def pop_fields(selection: Any) -> tuple[FieldIndex | None, Any]:
    """The names in a selection, if any, and the rest of it."""
    items = selection if isinstance(selection, tuple) else (selection,)
    names = [item for item in items if isinstance(item, str)]
    lists = [item for item in items if isinstance(item, list) and item and all(isinstance(i, str) for i in item)]
    if not names and not lists:
        return None, selection
    if lists and (names or len(lists) > 1):
        raise SelectionError("a selection has either names of fields or one list of them")
    rest = tuple(item for item in items if not isinstance(item, str) and not any(item is found for found in lists))
    return (lists[0] if lists else names[0] if len(names) == 1 else names), rest


def parse_fields(fields: object, dtype: np.dtype[Any]) -> tuple[FieldIndex, np.dtype[Any]]:
    """What `fields` names of a structure, and the data type of those elements; packed, where they are several.

    Raises SelectionError for names that the structure has not, or that are there twice.
    """
    if dtype.names is None:
        raise SelectionError(f"fields {fields!r} of an array whose elements ({dtype}) have no fields")
    if isinstance(fields, str) and fields in dtype.names:
        return fields, dtype[fields]
    names = list(fields) if isinstance(fields, list | tuple) else []
    if not names or len(set(map(str, names))) != len(names) or any(name not in dtype.names for name in names):
        raise SelectionError(f"fields {fields!r}; the structure has {list(dtype.names)}, and each may be named once")
    return names, np.dtype([(name, dtype[name]) for name in names])
