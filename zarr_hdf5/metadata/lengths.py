"""Lists of lengths, as they occur in several members of an array's document."""

from zarr_hdf5.errors import Problem

__all__ = ["check_rank", "parse_length", "parse_lengths", "parse_shape"]

MAX_RANK = 32
"""HDF5 and numpy 1 stop here; numpy 2 at 64."""

Path = tuple[str | int, ...]


def parse_length(document: object, minimum: int, path: Path, problems: list[Problem]) -> int | None:
    """An integer from `minimum` to 2**63 - 1; None where it is none, which is noted in `problems`."""
    if isinstance(document, bool) or not isinstance(document, int):
        problems.append(Problem(path, "expected an integer", "type"))
    elif not minimum <= document < 2**63:
        problems.append(Problem(path, f"expected an integer from {minimum} to 2**63 - 1"))
    else:
        return document
    return None


def parse_lengths(document: object, minimum: int, path: Path, problems: list[Problem]) -> tuple[int, ...] | None:
    """A list of such integers; None where it is none."""
    if not isinstance(document, list):
        problems.append(Problem(path, "expected a list of integers", "type"))
        return None
    lengths = [parse_length(length, minimum, (*path, i), problems) for i, length in enumerate(document)]
    return None if None in lengths else tuple(length for length in lengths if length is not None)


def parse_shape(document: object, minimum: int, path: Path, problems: list[Problem]) -> tuple[int, ...] | None:
    """A list of such integers, one for each dimension; more than are supported are noted in `problems`."""
    shape = parse_lengths(document, minimum, path, problems)
    if shape is not None and len(shape) > MAX_RANK:
        problems.append(Problem(path, f"{len(shape)} dimensions are more than {MAX_RANK}", "unsupported"))
    return shape


def check_rank(rank: int, shape: tuple[int, ...] | None, path: Path, problems: list[Problem]) -> None:
    """Note in `problems` a list that is not as long as the shape."""
    if shape is not None and rank != len(shape):
        problems.append(Problem(path, f"has {rank} entries, but the shape has {len(shape)}"))
