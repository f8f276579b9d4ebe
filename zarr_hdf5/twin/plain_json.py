"""Plain values of HDF5's own kinds as JSON: what a Zarr document or a `string` array can hold.

NaN and infinities become the strings that Zarr's fill values have; complex numbers pairs; opaque bytes base64.
"""

import base64
import json
import math
from typing import Any

import numpy as np

from zarr_hdf5.hdf5.values import Plain

__all__ = ["json_text", "json_value", "readable"]


def json_value(value: Any) -> Any:
    """`value`, a `Plain` or a numpy scalar or array of numbers or fixed strings, as JSON can say it."""
    match value:
        case np.ndarray() | np.generic() if value.dtype.kind in "biufcSU":
            return json_value(value.tolist())
        case np.ndarray() | np.generic():
            return str(value)
        case list() | tuple():
            return [json_value(item) for item in value]
        case dict():
            return {readable(key): json_value(item) for key, item in value.items()}
        case complex():
            return [json_value(value.real), json_value(value.imag)]
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case str():
            return readable(value)
        case bytes():
            return base64.b64encode(value).decode()
    return value


def json_text(value: Plain) -> str:
    """An element that numpy has no type for: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(json_value(value), ensure_ascii=False)


def readable(text: str) -> str:
    """Text that every program can encode: what is not UTF-8, and comes with lone surrogates, is taken as Latin-1."""
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
