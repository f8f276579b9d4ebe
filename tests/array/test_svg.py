from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.array.svg import Box, Cut, array_html, array_svg
from zarr_hdf5.chunk_grid import ChunkEdges

SVG = "{http://www.w3.org/2000/svg}"
Shape = tuple[int, ...]
Line = tuple[float, float, float, float]

# shape, chunks, shards; lines of shards in the array, lines of chunks; remarks
CASES: dict[str, tuple[Shape, Shape, Shape | None, int, int, list[str]]] = {
    "no dimensions": ((), (), None, 0, 0, []),
    "no dimensions, a shard": ((), (), (), 0, 0, []),
    "1-d": ((100,), (7,), None, 0, 14, []),
    "1-d, one chunk": ((100,), (100,), None, 0, 0, []),
    "1-d, chunk longer than the array": ((100,), (101,), None, 0, 0, []),
    "1-d, shards": ((100,), (10,), (20,), 4, 5, ["shaded: one shard"]),
    "2-d": ((10, 20), (5, 5), None, 0, 1 + 3, []),
    "2-d, one shard": ((10, 20), (5, 5), (10, 20), 0, 1 + 3, []),
    "2-d, shards": ((10, 20), (5, 5), (10, 10), 1, 1 + 2, ["shaded: one shard"]),
    "2-d, ragged": ((11, 20), (5, 5), (10, 10), 1 + 1, 1 + 2, ["shaded: one shard"]),
    "3-d, a line on two faces": ((20, 20, 20), (10, 5, 20), None, 0, 2 * (1 + 3), []),
    "3-d, shards": ((20, 20, 20), (10, 10, 10), (20, 10, 20), 2 * 1, 2 * (1 + 1), ["shaded: one shard"]),
    "2-d, many chunks": (
        (50000, 50000),
        (256, 256),
        (4096, 4096),
        12 + 12,
        15 + 15,
        ["shaded, enlarged on the right: one shard"],
    ),
    "4-d": ((7, 20, 20, 20), (1, 10, 5, 20), None, 0, 2 * (1 + 3), ["one of 7 along the first dimensions"]),
    "5-d": ((7, 9, 20, 20, 20), (7, 1, 20, 20, 20), None, 0, 0, ["one of 7 by 9 along the first dimensions"]),
    "flat": ((1, 10**6), (1, 10**5), None, 0, 9, ["not to scale"]),
    "tall": ((10**6, 1), (10**5, 1), None, 0, 9, ["not to scale"]),
    "deep": ((10**6, 3, 3), (10**5, 3, 3), None, 0, 2 * 9, ["not to scale"]),
    "empty": ((0, 10), (1, 5), (2, 5), 0, 0, ["no elements"]),
    "empty, no shards": ((4, 0, 10), (1, 1, 5), None, 0, 0, ["no elements"]),
    "empty beyond what is drawn": ((0, 3, 4, 10), (1, 1, 1, 5), None, 0, 0, ["no elements"]),
}


def drawing(shape: Shape, chunks: Shape, shards: Shape | None) -> ElementTree.Element:
    return ElementTree.fromstring(array_svg(shape, chunks, shards)[0])


def lines(svg: ElementTree.Element, opacity: str) -> list[Line]:
    found = [line for line in svg.iter(f"{SVG}line") if line.get("stroke-opacity") == opacity]
    return [(number(a, "x1"), number(a, "y1"), number(a, "x2"), number(a, "y2")) for a in found]


def number(element: ElementTree.Element, name: str) -> float:
    return float(element.attrib[name])


def corners(polygon: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in polygon.attrib["points"].split())]


def outlines(svg: ElementTree.Element) -> list[list[tuple[float, float]]]:
    return [corners(polygon) for polygon in svg.iter(f"{SVG}polygon") if polygon.get("fill") == "none"]


@pytest.mark.parametrize(("shape", "chunks", "shards", "strong", "fine", "remarks"), CASES.values(), ids=CASES.keys())
def test_lines_and_remarks(
    shape: Shape, chunks: Shape, shards: Shape | None, strong: int, fine: int, remarks: list[str]
) -> None:
    svg = drawing(shape, chunks, shards)
    assert len(lines(svg, ".6")) == strong
    assert len(lines(svg, ".4")) == fine
    assert list(array_svg(shape, chunks, shards)[1]) == remarks


@pytest.mark.parametrize(("shape", "chunks", "shards"), [case[:3] for case in CASES.values()], ids=CASES.keys())
def test_lengths_of_sides(shape: Shape, chunks: Shape, shards: Shape | None) -> None:
    svg = drawing(shape, chunks, shards)
    shard = [min(n, s) for n, s in zip(shape, shards or (), strict=False)] if len(outlines(svg)) % 2 == 0 else []
    labels = sorted(text.text or "" for text in svg.iter(f"{SVG}text"))
    assert labels == sorted(map(str, [*shape[-3:], *shard[-3:]]))


def test_lines_lie_where_chunks_end() -> None:
    svg = drawing((400, 1000), (100, 300), None)
    ((left, top), _, (right, bottom), _) = outlines(svg)[0]
    assert (right - left) / (bottom - top) == pytest.approx(1000 / 400)
    upright = [x for x, _, end, _ in lines(svg, ".4") if x == end]
    level = [y for _, y, _, end in lines(svg, ".4") if y == end]
    assert [(x - left) / (right - left) for x in upright] == pytest.approx([0.3, 0.6, 0.9], abs=0.005)
    assert [(y - top) / (bottom - top) for y in level] == pytest.approx([0.25, 0.5, 0.75], abs=0.005)


def test_thinned_lines_are_evenly_spaced_boundaries() -> None:
    svg = drawing((1000,), (10,), None)  # 99 boundaries, room for 42
    ((left, _), _, (right, _), _) = outlines(svg)[0]
    places = [(x - left) / (right - left) for x, *_ in lines(svg, ".4")]
    assert places == pytest.approx([0.03 * n for n in range(1, 34)], abs=0.005)
    assert array_svg((1000,), (10,), None)[1] == ("only some of the lines are drawn",)


@pytest.mark.parametrize("shape", [(1, 10**6), (10**6, 1), (10**6, 1, 1), (1, 10**6, 1), (1, 1, 10**6)])
def test_no_side_vanishes(shape: Shape) -> None:
    front, *others = outlines(drawing(shape, shape, None))
    (left, top), _, (right, bottom), _ = front
    assert right - left >= 30
    assert bottom - top >= 30
    for face in others:
        assert max(x for x, _ in face) - min(x for x, _ in face) >= 10
        assert max(y for _, y in face) - min(y for _, y in face) >= 8


def test_the_shaded_shard_is_in_proportion() -> None:
    svg = drawing((1000, 1000), (50, 50), (250, 500))
    whole, shard = (corners(p) for p in svg.iter(f"{SVG}polygon") if p.get("fill") != "none")
    (left, top), (right, bottom) = whole[0], whole[2]
    assert shard[0] == (left, top)
    assert (shard[2][0] - left) / (right - left) == pytest.approx(1 / 2, abs=0.01)
    assert (shard[2][1] - top) / (bottom - top) == pytest.approx(1 / 4, abs=0.01)


@pytest.mark.parametrize("ndim", [1, 2, 3, 4])
def test_never_more_than_200_lines(ndim: int) -> None:
    svg = drawing((10**9,) * ndim, (1,) * ndim, (100,) * ndim)
    assert 20 < len(list(svg.iter(f"{SVG}line"))) <= 200


LENGTHS = st.one_of(st.integers(0, 40), st.integers(0, 10**6), st.just(2**63 - 1))
STEPS = st.integers(1, 300)


@given(st.lists(st.tuples(LENGTHS, STEPS, STEPS), max_size=5), st.booleans())
def test_any_shape(dims: list[tuple[int, int, int]], sharded: bool) -> None:
    shape = tuple(length for length, _, _ in dims)
    chunks = tuple(chunk for _, chunk, _ in dims)
    shards = tuple(chunk * n for _, chunk, n in dims) if sharded else None
    text, remarks = array_svg(shape, chunks, shards)
    svg = ElementTree.fromstring(text)
    everything = [e for e in svg.iter() if e.tag in (f"{SVG}line", f"{SVG}polygon")]
    assert len([e for e in everything if e.tag == f"{SVG}line"]) <= 200
    width, height = number(svg, "width"), number(svg, "height")
    for x, y in (point for e in everything if e.tag == f"{SVG}polygon" for point in corners(e)):
        assert 0 <= x <= width
        assert 0 <= y <= height
    for kind in (".4", ".6"):
        at = sorted({x for x, _, end, _ in lines(svg, kind) if x == end})
        assert all(b - a >= 2 for a, b in pairwise(at)), "lines run together"
    assert ("no elements" in remarks) == (0 in shape)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=y>',
        "a & b",
        "</td></table>",
        "\x00\x1b[31m\n\r",
        "\ud800",
        "\u202e",
    ],
)
def test_hostile_rows(hostile: str) -> None:
    plain = array_html([("Name", "x"), ("What", "y")], (3,), (2,), None)
    html = array_html([("Name", hostile), (hostile, "y")], (3,), (2,), None)
    root = ElementTree.fromstring(html.encode())
    assert [e.tag for e in root.iter()] == [e.tag for e in ElementTree.fromstring(plain).iter()]
    cells = ["".join(cell.itertext()) for cell in root.iter() if cell.tag in ("th", "td")]
    shown = hostile if hostile.isprintable() else hostile.encode("unicode_escape").decode()
    assert cells == ["Name", shown, shown, "y"]


def test_html_stands_alone() -> None:
    rows = [("Location", "https://example.org/x.zarr")]
    root = ElementTree.fromstring(array_html(rows, (30, 40, 50, 60), (1, 1, 5, 5), (1, 10, 20, 20)))
    allowed = {"div", "table", "tbody", "tr", "th", "td", *(SVG + tag for tag in ("svg", "line", "polygon", "text"))}
    assert {e.tag for e in root.iter()} == allowed
    assert not {name for e in root.iter() for name in e.attrib} & {"href", "src", "id", "class"}
    assert not [value for e in root.iter() for value in e.attrib.values() if "url(" in value or "http" in value]
    assert root.findtext(".//td") == "https://example.org/x.zarr"


def test_lines_at_listed_edges() -> None:
    edges = ChunkEdges.of([10, 20, 40])
    box = Box.at((60, 12), 210, 0)
    assert box.cuts((edges, 5))[1:] == (Cut((10 / 60, 30 / 60), 1), Cut((5 / 12, 10 / 12), 1))
    svg, notes = array_svg((60, 12), (5, 6), (edges, 12))
    assert "shaded: one shard" in notes
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"
    many = ChunkEdges(((3, 10**9), (4, 10**9)))
    (cut,) = Box.at((7 * 10**9,), 210, 0).cuts((many,))[2:]
    assert len(cut.places) <= 48
    assert cut.every > 10**7
