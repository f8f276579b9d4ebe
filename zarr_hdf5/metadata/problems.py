"""From a list of problems to the one error that tells them all.

Knows the kinds of problems; knows nothing of the documents they were found in.
"""

from collections.abc import Sequence

from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError

__all__ = ["error_of", "raise_problems"]


def error_of(problems: Sequence[Problem], where: str = "") -> InvalidMetadataError | UnsupportedFeatureError:
    """The error that tells `problems` (at least one) of the document at `where`.

    UnsupportedFeatureError if the document is legal, as far as can be told, but asks for what this library does not
    do; InvalidMetadataError otherwise.
    """
    if problems and all(problem.kind == "unsupported" for problem in problems):
        return UnsupportedFeatureError((f"{where}: " if where else "") + "; ".join(map(str, problems)))
    return InvalidMetadataError(problems, where)


def raise_problems(problems: Sequence[Problem], where: str = "") -> None:
    """Raise `error_of` the problems, if there are any."""
    if problems:
        raise error_of(problems, where)
