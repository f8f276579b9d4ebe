"""Elements of whose bits numpy expects more than any bits can promise.

A bool is taken for 0 or 1, and numpy computes nonsense with others, as with numbers of less than 8 bits where the rest
of the byte is not zero; a character beyond Unicode raises when it is looked at, far from where it was read.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.data_type.low_precision import format_of
from zarr_hdf5.errors import CorruptDataError

__all__ = ["is_fragile", "sound_elements"]

LAST_CHARACTER = 0x10FFFF


def sound_elements(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same elements, every bool 0 or 1, bits that mean nothing 0: `array` itself where that is so, else a copy.

    Writable structures are changed in place. Raises CorruptDataError for characters beyond Unicode.
    """
    dtype = array.dtype
    if dtype.kind == "b":
        # Every byte of a bool but 0 is true.
        raw = array.view(np.uint8)
        return array if raw.max(initial=0) <= 1 else raw != 0
    number = format_of(dtype)
    if number is not None and number.bits < 8:
        raw = array.view(np.uint8)
        return array if raw.max(initial=0) <= number.mask else (raw & np.uint8(number.mask)).view(dtype)
    if dtype.kind == "U":
        _check_characters(array)
    elif dtype.names is not None and is_fragile(dtype):
        for name in dtype.names:
            field = array[name]
            sound = sound_elements(field)
            if sound is not field:
                array = array if array.flags.writeable else array.copy()
                array[name] = sound
    return array


def is_fragile(dtype: np.dtype[Any]) -> bool:
    """Whether there are bits that are no element of `dtype`, or of one of its fields."""
    if dtype.subdtype is not None:
        return is_fragile(dtype.subdtype[0])
    number = format_of(dtype)
    if number is not None:
        return number.bits < 8
    return dtype.kind in "bU" or any(is_fragile(dtype[name]) for name in dtype.names or ())


def _check_characters(array: npt.NDArray[Any]) -> None:
    codes = array.view(np.dtype((f"{array.dtype.str[0]}u4", (array.dtype.itemsize // 4,))))
    highest = int(codes.max(initial=0))
    if highest > LAST_CHARACTER:
        raise CorruptDataError(
            "a character beyond Unicode", expected=f"at most {LAST_CHARACTER:#x}", found=f"{highest:#x}"
        )
