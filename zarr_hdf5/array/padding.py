"""Structures with padding: numpy, copying field by field, leaves out what lies between the fields."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.stored_array import StoredArray

__all__ = ["with_padding"]


def with_padding(stored: StoredArray, out: npt.NDArray[Any]) -> tuple[StoredArray, npt.NDArray[Any]]:
    """The same array and the same memory, with structures that lie as they are stored taken as opaque bytes."""
    if out.dtype.names is None:
        return stored, out
    chain = stored.chain
    spec, serializer = chain.spec, chain.chain.array_bytes
    verbatim = serializer.name == "bytes" and serializer.configuration().get("endian") is None
    if out.dtype != spec.dtype or not verbatim or chain.chain.array_array:
        return stored, out
    fill = np.void(np.array([spec.fill_value], spec.dtype).tobytes())
    opaque = replace(spec, dtype=np.dtype((np.void, spec.dtype.itemsize)), fill_value=fill)
    return replace(stored, chain=chain.chain.prepare(opaque)), out.view(opaque.dtype)
