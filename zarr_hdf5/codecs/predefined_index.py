"""An index that is the same for all shards, and stands in the sharding codec's configuration.

zarr-specs pull request 368, `index_location` "configuration": `predefined_index` is the index as nested JSON arrays, or
its encoded bytes in BASE64. With JSON arrays `index_codecs` must be empty here: the text allows codecs that turn arrays
into arrays, and does not say of which end of them the JSON is.
"""

import base64

import numpy as np
import numpy.typing as npt

from zarr_hdf5.codecs.pipeline import PreparedChain
from zarr_hdf5.errors import CorruptDataError, InvalidMetadataError, Problem

__all__ = ["PredefinedIndex", "decode_index"]

PredefinedIndex = str | list[object]


def decode_index(document: PredefinedIndex, chain: PreparedChain) -> npt.NDArray[np.uint64]:
    """The index; `chain` decodes its bytes. Raises InvalidMetadataError."""
    if isinstance(document, list):
        return _from_arrays(document, chain.spec.shape)
    try:
        table: npt.NDArray[np.uint64] = chain.decode(base64.b64decode(document, validate=True))
    except CorruptDataError as error:
        raise _fault(f"does not decode: {error.message}") from error
    except ValueError as error:
        raise _fault(f"is not BASE64: {error}") from error
    return table


def _from_arrays(document: list[object], shape: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    """Nested lists as an array; nothing larger than they are is made."""
    items: list[object] = [document]
    for length in shape:
        if not all(isinstance(item, list) and len(item) == length for item in items):
            raise _fault(f"must be nested arrays of shape {list(shape)}")
        items = [inner for item in items if isinstance(item, list) for inner in item]
    numbers = [item for item in items if type(item) is int and 0 <= item < 2**64]
    if len(numbers) < len(items):
        raise _fault("must be of integers from 0 to 2**64 - 1")
    return np.array(numbers, np.uint64).reshape(shape)


def _fault(message: str) -> InvalidMetadataError:
    return InvalidMetadataError([Problem(("predefined_index",), message)], "sharding_indexed")
