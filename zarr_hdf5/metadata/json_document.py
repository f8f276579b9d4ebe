"""RFC 8259: bytes of a metadata document to JSON values and back.

https://www.rfc-editor.org/rfc/rfc8259

Stricter than Python's json (UTF-8 only, no name twice in an object) but for one thing: bare NaN and Infinity, which
other writers put into attributes, are read. They are written as the strings that fill values have for them, because
strict readers refuse a whole document for the sake of one bare NaN. Knows nothing of Zarr.
"""

import json
import math
import reprlib
from typing import Any

from zarr_hdf5.errors import InvalidMetadataError

__all__ = ["dump_json", "load_json"]


def load_json(data: bytes, where: str = "") -> object:
    """Decode one JSON value from the bytes of the document at `where`.

    Raises
    ------
    InvalidMetadataError
        If it is not JSON, nested too deeply, or has a number too long to handle.
    """
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_object)
    except InvalidMetadataError as error:
        raise InvalidMetadataError(error.problems, where) from None
    except RecursionError:
        raise InvalidMetadataError("the JSON is nested too deeply", where) from None
    except ValueError as error:  # not UTF-8, not JSON, or an integer of thousands of digits
        raise InvalidMetadataError(f"not JSON: {error}", where) from error


def dump_json(value: object) -> bytes:
    """Encode as UTF-8, indented by 2, names in the order given, with a newline at the end.

    Raises
    ------
    InvalidMetadataError
        If `value` is not made of JSON's types.
    """
    try:
        try:
            return _dump(value, ascii_only=False)
        except UnicodeEncodeError:  # half a surrogate pair: JSON can write it, if only as an escape
            return _dump(value, ascii_only=True)
    except RecursionError:
        raise InvalidMetadataError("nested too deeply for JSON") from None
    except (TypeError, ValueError) as error:
        raise InvalidMetadataError(f"cannot be written as JSON: {error}") from error


def _dump(value: object, *, ascii_only: bool) -> bytes:
    try:
        text = json.dumps(value, indent=2, ensure_ascii=ascii_only, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), indent=2, ensure_ascii=ascii_only)
    return (text + "\n").encode("utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: _finite(member) for name, member in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, member in members:
        if name in value:
            raise InvalidMetadataError(f"the name {reprlib.repr(name)} occurs twice in one object")
        value[name] = member
    return value
