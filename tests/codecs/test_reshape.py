"""`reshape`: what shapes it makes, and what it refuses."""

from typing import Any

import numpy as np
import pytest
from codec_cases import LITTLE, data, encode, prepare

from zarr_hdf5.errors import InvalidMetadataError, UnsupportedFeatureError


@pytest.mark.parametrize(
    ("shape", "configuration", "wanted"),
    [
        ((100, 50, 64, 3), [[0, 1], [2], 3], (5000, 64, 3)),  # the page's own example
        ((2, 3, 4), [[0, 1, 2]], (24,)),
        ((2, 3, 4), [-1], (24,)),
        ((2, 3, 4), [6, -1, 2], (6, 2, 2)),
        ((2, 3, 4), [[0], 12], (2, 12)),
        ((2, 3, 4), [[0], -1, 1], (2, 12, 1)),
        ((2, 3, 4), [1, [0], 1, [1, 2]], (1, 2, 1, 12)),
        ((2, 3, 4), [[0], [], [1], [2]], (2, 1, 3, 4)),
        ((2, 3, 4), [2, [1], 2, 2], (2, 3, 2, 2)),
        ((6,), [2, 3], (2, 3)),
        ((1, 1), [], ()),
        ((), [1], (1,)),
    ],
)
def test_shapes(shape: tuple[int, ...], configuration: list[Any], wanted: tuple[int, ...]) -> None:
    chain = prepare((("reshape", {"shape": configuration}), LITTLE), "<u2", shape)
    assert chain.encoded_spec.shape == wanted
    assert chain.chain.to_json()[0] == {"name": "reshape", "configuration": {"shape": configuration}}
    array = data("<u2", shape)
    for other in (array, np.asarray(array, order="F")):
        assert encode(chain, other) == array.tobytes()
    np.testing.assert_array_equal(chain.decode(array.tobytes()), array)


@pytest.mark.parametrize(
    ("shape", "configuration", "why"),
    [
        ((2, 3), [5], "5 elements instead of 6"),
        ((2, 3), [4, -1], "-1 can stand for no size"),
        ((2, 3), [[0, 2]], "not so many dimensions"),
        ((2, 3), [[1]], "3 elements"),
        ((2, 3), [3, [0]], "does not join"),
        ((2, 3, 2), [3, 2, [2]], ""),
        ((2, 3, 2), [[1], 4], "does not join"),
        ((2, 3, 4), [[0, 2], 3], "does not join"),
    ],
)
def test_other_shapes(shape: tuple[int, ...], configuration: list[Any], why: str) -> None:
    documents = (("reshape", {"shape": configuration}), LITTLE)
    if not why:
        prepare(documents, "<u2", shape)
        return
    with pytest.raises(InvalidMetadataError, match=why):
        prepare(documents, "<u2", shape)


def test_more_dimensions_than_numpy_has() -> None:
    with pytest.raises(UnsupportedFeatureError, match="64"):
        prepare((("reshape", {"shape": [1] * 65}), LITTLE), "<u2", (1,))


def test_what_follows_sees_the_new_shape() -> None:
    documents = (("reshape", {"shape": [3, 4]}), ("transpose", {"order": [1, 0]}), LITTLE)
    array = np.arange(12, dtype="<i4").reshape(2, 6)
    assert encode(prepare(documents, "<i4", (2, 6)), array) == array.reshape(3, 4).T.tobytes()
