"""The `chunk_grid` member: every form that the rectilinear grid's text has, and what is wrong with others."""

from typing import Any

import pytest

from zarr_hdf5.chunk_grid import ChunkEdges, RectilinearChunkGrid, RegularChunkGrid
from zarr_hdf5.errors import Problem
from zarr_hdf5.metadata import ArrayMetadata
from zarr_hdf5.metadata.chunk_grid import chunk_grid_to_json, parse_chunk_grid


def rectilinear(*shapes: Any, kind: str = "inline") -> dict[str, Any]:
    return {"name": "rectilinear", "configuration": {"kind": kind, "chunk_shapes": list(shapes)}}


# Of a dimension of 6 elements: what is written, the edge lengths (those of the text's example and others), and what is
# written back.
FORMS: list[tuple[Any, list[int], Any]] = [
    ([1, 2, 3], [1, 2, 3], [1, 2, 3]),
    ([[4, 2]], [4, 4], [[4, 2]]),
    ([[1, 3], 3], [1, 1, 1, 3], [[1, 3], 3]),
    ([4, 4, 4], [4, 4, 4], [[4, 3]]),
    ([[2, 1], [2, 1], 2], [2, 2, 2], [[2, 3]]),
    ([6], [6], [6]),
    ([[100, 1]], [100], [100]),
]


@pytest.mark.parametrize(("document", "lengths", "again"), FORMS, ids=str)
def test_forms(document: Any, lengths: list[int], again: Any) -> None:
    problems: list[Problem] = []
    parsed = parse_chunk_grid(rectilinear(document, 4), (6, 6), problems)
    assert problems == []
    assert parsed == (ChunkEdges.of(lengths), 4)
    assert chunk_grid_to_json(parsed) == rectilinear(again, 4)
    assert parse_chunk_grid(rectilinear(again, 4), (6, 6), []) == parsed


def test_without_lists_it_is_a_regular_grid() -> None:
    parsed = parse_chunk_grid(rectilinear(4, 2), (6, 6), [])
    assert parsed == (4, 2)
    assert chunk_grid_to_json(parsed) == {"name": "regular", "configuration": {"chunk_shape": [4, 2]}}


PLACE = ("chunk_grid", "configuration")
SHAPES = (*PLACE, "chunk_shapes")
# The document, of an array of shape (6, 6), and the problems.
PROBLEMS: list[tuple[Any, list[tuple[tuple[Any, ...], str]]]] = [
    ("rectilinear", [((*PLACE, "kind"), "missing"), (SHAPES, "missing")]),
    ({"name": "rectilinear", "configuration": {"kind": "inline"}}, [(SHAPES, "missing")]),
    (rectilinear([6], 6, kind="external"), [((*PLACE, "kind"), "unsupported")]),
    (
        {"name": "rectilinear", "configuration": {"kind": None, "chunk_shapes": 6}},
        [
            ((*PLACE, "kind"), "unsupported"),
            (SHAPES, "type"),
        ],
    ),
    (
        {"name": "rectilinear", "configuration": {"kind": "inline", "chunk_shapes": [6, 6], "chunk_shape": [6, 6]}},
        [((*PLACE, "chunk_shape"), "unknown")],
    ),
    (rectilinear([6]), [(SHAPES, "value")]),
    (rectilinear([6], [6], [6]), [(SHAPES, "value")]),
    (rectilinear([], [6]), [((*SHAPES, 0), "value")]),
    (rectilinear([3, 2], [6]), [((*SHAPES, 0), "value")]),
    (rectilinear(["6"], "6"), [((*SHAPES, 0, 0), "type"), ((*SHAPES, 1), "type")]),
    (rectilinear([True, 5], [6.0]), [((*SHAPES, 0, 0), "type"), ((*SHAPES, 1, 0), "type")]),
    (rectilinear([0, 6], [-6, 12]), [((*SHAPES, 0, 0), "value"), ((*SHAPES, 1, 0), "value")]),
    (rectilinear([[2, 3, 1]], [[6]]), [((*SHAPES, 0, 0), "type"), ((*SHAPES, 1, 0), "type")]),
    (rectilinear([[6, 0]], [[0, 6]]), [((*SHAPES, 0, 0, 1), "value"), ((*SHAPES, 1, 0, 0), "value")]),
    (rectilinear([[[6, 1], 1]], [6]), [((*SHAPES, 0, 0, 0), "type")]),
    (rectilinear([2**63], [[2**62, 2]]), [((*SHAPES, 0, 0), "value"), ((*SHAPES, 1), "value")]),
    (rectilinear(0, 2**63), [((*SHAPES, 0), "value"), ((*SHAPES, 1), "value")]),
    ("hexagonal", [(("chunk_grid", "name"), "unsupported")]),
]


@pytest.mark.parametrize(("document", "expected"), PROBLEMS, ids=str)
def test_problems(document: Any, expected: list[tuple[tuple[Any, ...], str]]) -> None:
    problems: list[Problem] = []
    assert parse_chunk_grid(document, (6, 6), problems) is None
    assert [(problem.path, problem.kind) for problem in problems] == expected


def metadata(shape: list[int], *shapes: Any) -> ArrayMetadata:
    return ArrayMetadata.parse(
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": shape,
            "data_type": "uint8",
            "chunk_grid": rectilinear(*shapes),
            "chunk_key_encoding": "default",
            "fill_value": 0,
            "codecs": ["bytes"],
        }
    )


def test_in_a_document() -> None:
    found = metadata([6, 9], [1, [2, 2], 3], 4)
    assert found.chunk_shape == (3, 4)
    edges = (ChunkEdges.of([1, 2, 2, 3]), ChunkEdges.of([4, 4, 4]))
    assert found.chunk_grid == RectilinearChunkGrid((6, 9), edges)
    assert ArrayMetadata.parse(found.to_json()) == found
    assert metadata([6, 9], 3, 4).chunk_grid == RegularChunkGrid((6, 9), (3, 4))


# From the edges [1, 2, 3] of 6 elements and the integer 4 of 9, to a shape: what the document then says.
RESIZED: list[tuple[tuple[int, int], tuple[int, int], list[Any]]] = [
    ((6, 9), (1, 1), [[1, 2, 3], 4]),
    ((6, 100), (1, 1), [[1, 2, 3], 4]),
    ((0, 0), (1, 1), [[1, 2, 3], 4]),
    ((2, 9), (1, 1), [[1, 2, 3], 4]),
    ((9, 9), (1, 1), [[1, 2, [3, 2]], 4]),
    ((10, 9), (1, 1), [[1, 2, 3, 4], 4]),
    ((10, 9), (3, 2), [[1, 2, 3, 6], 4]),
]


@pytest.mark.parametrize(("shape", "unit", "shapes"), RESIZED)
def test_resized(shape: tuple[int, int], unit: tuple[int, int], shapes: list[Any]) -> None:
    found = metadata([6, 9], [1, 2, 3], 4).resized(shape, unit)
    assert found == metadata(list(shape), *shapes)
    assert found.chunk_shape == metadata(list(shape), *shapes).chunk_shape


def test_billions_of_chunks_are_not_written_out() -> None:
    found = metadata([10**18], [[3, 10**9], [10**9, 10**9]])
    assert found.chunk_grid.nchunks == 10**9 + -(-(10**18 - 3 * 10**9) // 10**9)
    assert found.to_json()["chunk_grid"] == rectilinear([[3, 10**9], [10**9, 10**9]])
