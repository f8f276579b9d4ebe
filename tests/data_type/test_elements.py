from typing import Any

import numpy as np
import pytest

from zarr_hdf5.data_type import sound_elements
from zarr_hdf5.errors import CorruptDataError

PAIR = np.dtype([("n", "<i2"), ("ok", "?"), ("name", "<U1"), ("more", [("yes", "?", (2,))])])


def raw(dtype: Any, *bytes_: int) -> np.ndarray[Any, Any]:
    return np.frombuffer(bytes(bytes_), dtype)


def test_every_true_is_one() -> None:
    assert sound_elements(raw("?", 0, 1, 2, 255)).tobytes() == b"\0\1\1\1"
    found = sound_elements(raw(PAIR, 7, 0, 4, 97, 0, 0, 0, 0, 9))
    assert found.tobytes() == bytes((7, 0, 1, 97, 0, 0, 0, 0, 1))


@pytest.mark.parametrize("array", [raw("?", 0, 1), raw(PAIR, 7, 0, 1, 97, 0, 0, 0, 0, 1), raw("<i2", 1, 2)])
def test_sound_elements_are_not_copied(array: np.ndarray[Any, Any]) -> None:
    assert sound_elements(array) is array


@pytest.mark.parametrize(
    "array",
    [
        raw("<U1", 0, 0, 17, 0),
        raw(">U2", 0, 0, 0, 97, 0, 17, 0, 0),
        raw("<U1", 0, 0, 0, 255),
        raw(PAIR, 7, 0, 1, 0, 0, 17, 0, 0, 1),
    ],
)
def test_characters_beyond_unicode(array: np.ndarray[Any, Any]) -> None:
    with pytest.raises(CorruptDataError, match="beyond Unicode"):
        sound_elements(array)


def test_the_last_character_and_nothing() -> None:
    assert sound_elements(raw("<U1", 255, 255, 16, 0))[0] == "\U0010ffff"
    assert sound_elements(np.empty((0, 2), PAIR)).shape == (0, 2)
    assert sound_elements(np.empty((), "<U2")).shape == ()
