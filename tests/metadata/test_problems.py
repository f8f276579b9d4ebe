import pytest

from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError
from zarr_hdf5.metadata import raise_problems

UNSUPPORTED = Problem(("data_type",), "is odd", "unsupported")
INVALID = Problem(("shape", 0), "is negative")


def test_none() -> None:
    raise_problems([], "a")


def test_only_unsupported() -> None:
    with pytest.raises(UnsupportedFeatureError, match=r"^a: data_type: is odd; data_type: is odd$"):
        raise_problems([UNSUPPORTED, UNSUPPORTED], "a")


@pytest.mark.parametrize("problems", [[INVALID, UNSUPPORTED], [UNSUPPORTED, INVALID], [INVALID]])
def test_any_invalid(problems: list[Problem]) -> None:
    with pytest.raises(InvalidMetadataError, match=r"shape\[0\]: is negative") as caught:
        raise_problems(problems, "a")
    assert caught.value.problems == tuple(problems)
    assert caught.value.where == "a"
