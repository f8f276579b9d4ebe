"""The `chunk_grid` member of an array's document: `regular` and `rectilinear`.

https://zarr-specs.readthedocs.io/en/latest/v3/chunk-grids/regular-grid/index.html
https://github.com/zarr-developers/zarr-extensions/tree/main/chunk-grids/rectilinear

A rectilinear grid none of whose dimensions lists edge lengths is a regular one, and is written as such.
"""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata.lengths import check_rank, parse_length, parse_lengths
from zarr_hdf5.named_configuration import parse_named_configuration

__all__ = ["ChunkLengths", "chunk_grid_to_json", "parse_chunk_grid"]

Path = tuple[str | int, ...]
ChunkLengths = tuple[int | ChunkEdges, ...]
"""For each dimension: the length of all chunks, or the lengths of each."""

PLACE: Path = ("chunk_grid", "configuration")
PARAMETERS = {"regular": ("chunk_shape",), "rectilinear": ("kind", "chunk_shapes")}


def chunk_grid_to_json(lengths: ChunkLengths) -> dict[str, Any]:
    """The `chunk_grid` member; runs of equal edge lengths as such."""
    if not any(isinstance(length, ChunkEdges) for length in lengths):
        return {"name": "regular", "configuration": {"chunk_shape": list(lengths)}}
    shapes = [_edges_to_json(length) if isinstance(length, ChunkEdges) else length for length in lengths]
    return {"name": "rectilinear", "configuration": {"kind": "inline", "chunk_shapes": shapes}}


def _edges_to_json(edges: ChunkEdges) -> list[int | list[int]]:
    return [length if count == 1 else [length, count] for length, count in edges.runs]


def parse_chunk_grid(document: object, shape: tuple[int, ...] | None, problems: list[Problem]) -> ChunkLengths | None:
    """Parse the member; `shape` is the array's, if it is known. Faults are noted in `problems`, then it is None."""
    grid = parse_named_configuration(document, ("chunk_grid",), problems, ignorable=False)
    if grid is None:
        return None
    if grid.name not in PARAMETERS:
        message = f"the chunk grid {reprlib.repr(grid.name)} is not supported"
        problems.append(Problem(("chunk_grid", "name"), message, "unsupported"))
        return None
    known = PARAMETERS[grid.name]
    before = len(problems)
    for key in grid.configuration:
        if key not in known:
            problems.append(Problem((*PLACE, key), f"is not a parameter of a {grid.name} grid", "unknown"))
    problems += [Problem((*PLACE, key), "is required", "missing") for key in known if key not in grid.configuration]
    if len(problems) > before:
        return None
    if grid.name == "regular":
        return _parse_regular(grid.configuration["chunk_shape"], shape, problems)
    return _Rectilinear(problems).parse(grid.configuration, shape)


def _parse_regular(document: object, shape: tuple[int, ...] | None, problems: list[Problem]) -> tuple[int, ...] | None:
    path = (*PLACE, "chunk_shape")
    chunk_shape = parse_lengths(document, 1, path, problems)
    if chunk_shape is not None:
        check_rank(len(chunk_shape), shape, path, problems)
    return chunk_shape


@dataclass(frozen=True, slots=True)
class _Rectilinear:
    """Parses the configuration of a rectilinear grid."""

    problems: list[Problem]

    def parse(self, configuration: Mapping[str, Any], shape: tuple[int, ...] | None) -> ChunkLengths | None:
        before = len(self.problems)
        path = (*PLACE, "chunk_shapes")
        if configuration["kind"] != "inline":
            kind = reprlib.repr(configuration["kind"])
            self.problems.append(Problem((*PLACE, "kind"), f"the kind {kind} is not supported", "unsupported"))
        document = configuration["chunk_shapes"]
        if not isinstance(document, list):
            self.problems.append(Problem(path, "expected a list", "type"))
            return None
        check_rank(len(document), shape, path, self.problems)
        lengths = tuple(self._dimension(item, (*path, i)) for i, item in enumerate(document))
        if len(self.problems) > before:
            return None
        for i, (length, extent) in enumerate(zip(lengths, shape or (), strict=False)):
            if isinstance(length, ChunkEdges) and length.extent < extent:
                message = f"edge lengths of {length.extent} elements in all do not cover the array's {extent}"
                self.problems.append(Problem((*path, i), message))
        return tuple(length for length in lengths if length is not None) if len(self.problems) == before else None

    def _dimension(self, document: object, path: Path) -> int | ChunkEdges | None:
        if not isinstance(document, list):
            return parse_length(document, 1, path, self.problems)
        if not document:
            self.problems.append(Problem(path, "has no edge length"))
            return None
        runs = [self._run(item, (*path, i)) for i, item in enumerate(document)]
        known = tuple(run for run in runs if run is not None)
        if len(known) < len(runs):
            return None
        # More could not be counted in 64 bits.
        if sum(length * count for length, count in known) >= 2**63:
            self.problems.append(Problem(path, "has edge lengths of 2**63 elements or more in all"))
            return None
        return ChunkEdges(known)

    def _run(self, document: object, path: Path) -> tuple[int, int] | None:
        """An edge length, or [length, number of chunks]."""
        if not isinstance(document, list):
            length = parse_length(document, 1, path, self.problems)
            return None if length is None else (length, 1)
        if len(document) != 2:
            self.problems.append(Problem(path, "expected an integer, or a list of an edge length and a count", "type"))
            return None
        run = parse_lengths(document, 1, path, self.problems)
        return None if run is None else (run[0], run[1])
