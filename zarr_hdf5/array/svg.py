"""An array drawn for a notebook: its facts as a table, beside them its shards and chunks as an SVG.

Knows shapes and pixels. Does not know what an array is.
The last two dimensions are the front of a box, the third last is its depth, in oblique projection. Lines take the
colour of the surrounding text, so that the drawing suits light and dark pages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from zarr_hdf5.chunk_grid import ChunkEdges
from zarr_hdf5.text import printable

__all__ = ["array_html", "array_svg"]

Triple = tuple[float, float, float]
"""Along depth, height and width, or on the front, top and right faces.

Places within a box are fractions: (0, 0, 0) is the array's origin, (1, 1, 1) the far end.
"""

Step = int | ChunkEdges
"""Length of all chunks along a dimension, or the lengths of each."""

WHOLE: Triple = (1.0, 1.0, 1.0)
FACES = ((0, 0.0), (1, 0.0), (2, 1.0))
"""The visible faces (front, top, right): the axis that each is normal to, and where on that axis it is."""

LONGEST, ZOOMED = 210, 140  # pixels along the longest side, of the array and of the enlarged shard
SHORTEST = 34  # pixels along a side of the front, however short
DEPTH = (14, 0.4, 100)  # pixels at least, of what it would be along a side, pixels at most
RISE = 0.6  # pixels up for each pixel right, along the depth
SPACING = 5  # pixels between two lines, at least
GAP = 40  # pixels between array and enlarged shard
DIGIT = 7  # pixels, width of a digit

SHADES = (0.12, 0.22, 0.34)  # opacity of the front, top and right faces
SHARD_SHADES = (0.45, 0.6, 0.75)
FACE, SHARD = "#5b8db8", "#e39b2d"
EDGE = 'stroke="currentColor" stroke-opacity=".75" stroke-width="1.2"'
STRONG = 'stroke="currentColor" stroke-opacity=".6" stroke-width="1"'
FINE = 'stroke="currentColor" stroke-opacity=".4" stroke-width=".7"'
DASHED = f'{EDGE} stroke-dasharray="4 3"'
GUIDE = f'stroke="{SHARD}" stroke-opacity=".7" stroke-width="1" stroke-dasharray="3 3"'


@dataclass(frozen=True, slots=True)
class Cut:
    """Where lines cross one axis.

    Attributes
    ----------
    places
        Fractions of the axis.
    every
        1, or n if only every n-th line is there, for want of room.
    """

    places: tuple[float, ...]
    every: int


@dataclass(frozen=True, slots=True)
class Box:
    """A box of elements on the page.

    Attributes
    ----------
    lengths
        Elements along depth, height, width; 1 for dimensions that the array lacks.
    ndim
        Dimensions drawn, 0 to 3.
    size
        Pixels: how far right the depth goes, height, width.
    to_scale
        Whether no side was lengthened or shortened to be seen.
    left, top
        Pixels: the front's upper left corner.
    """

    lengths: tuple[int, int, int]
    ndim: int
    size: Triple
    to_scale: bool
    left: float
    top: float

    @classmethod
    def at(cls, shape: Sequence[int], longest: int, left: float) -> "Box":
        """The box for the last dimensions of `shape`; its label at the left begins at `left`."""
        lengths = _last_three(shape)
        scale = longest / max(lengths[1:])
        least, part, most = DEPTH
        wanted = (lengths[0] * scale * part, lengths[1] * scale, lengths[2] * scale)
        ndim = min(len(shape), 3)
        depth = min(max(wanted[0], least), most) if ndim == 3 else 0
        height, width = (max(side, SHORTEST) for side in wanted[1:])
        if ndim < 2:
            height, width = SHORTEST, longest if ndim else SHORTEST
        to_scale = ndim < 2 or ((height, width) == wanted[1:] and (ndim < 3 or depth == wanted[0]))
        margin = len(str(lengths[1])) * DIGIT + 8 if ndim > 1 else 2
        size = (round(depth), round(height), round(width))
        return cls(lengths, ndim, size, to_scale, left + margin, round(depth * RISE) + 4)

    @property
    def right(self) -> float:
        """Pixels: where the box and its labels end."""
        label = len(str(self.lengths[0])) * DIGIT + 6 if self.ndim == 3 else 2
        return self.left + self.size[2] + max(self.size[0] + 2, self.size[0] / 2 + label)

    @property
    def bottom(self) -> float:
        """Pixels: where the box and its labels end."""
        return self.top + self.size[1] + 22

    def point(self, place: Sequence[float]) -> tuple[float, float]:
        """Pixels (x, y) of a place, in the middle of a pixel for crisp lines."""
        depth = place[0] * self.size[0]
        x = self.left + place[2] * self.size[2] + depth
        y = self.top + place[1] * self.size[1] - depth * RISE
        return round(x) + 0.5, round(y) + 0.5

    def cuts(self, steps: Sequence[Step]) -> tuple[Cut, ...]:
        """Where each axis is cut into parts of `steps` elements, or of the edge lengths given."""
        most = 16 if self.ndim == 3 else 48  # each is drawn on two faces of three, or on one
        return tuple(
            _cut(length, step, min(most, max(1, int(pixels / SPACING))))
            for length, step, pixels in zip(self.lengths, (1, 1, 1, *steps)[-3:], self.size, strict=True)
        )


def _last_three(shape: Sequence[int]) -> tuple[int, int, int]:
    depth, height, width = (1, 1, 1, *(max(1, length) for length in shape))[-3:]
    return depth, height, width


def _cut(length: int, step: Step, most: int) -> Cut:
    if isinstance(step, ChunkEdges):
        count = step.count_within(length)
        every = max(1, -(-(count - 1) // most))
        return Cut(tuple(step.bounds(i)[0] / length for i in range(every, count, every)), every)
    every = max(1, -(-((length - 1) // step) // most))
    return Cut(tuple(at / length for at in range(every * step, length, every * step)), every)


def array_html(
    rows: Sequence[tuple[str, str]], shape: Sequence[int], chunks: Sequence[Step], shards: Sequence[Step] | None
) -> str:
    """An HTML fragment, well-formed XML too, that needs nothing from outside.

    Parameters
    ----------
    rows
        (what, value) lines of the table.
    shape, chunks, shards
        In elements; `chunks` are those within shards; `shards` is None for an array without shards. Either may have
        edge lengths in place of a length.
    """
    cell = 'style="text-align:left;vertical-align:top;padding:2px 12px 2px 0'
    lines = "".join(
        f'<tr style="background:none"><th {cell};font-weight:600;white-space:nowrap">{_escaped(what)}</th>'
        f'<td {cell};overflow-wrap:anywhere">{_escaped(value)}</td></tr>'
        for what, value in rows
    )
    svg, notes = array_svg(shape, chunks, shards)
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:12px 32px;align-items:center">'
        f'<table style="border-collapse:collapse;max-width:36em;margin:0"><tbody>{lines}</tbody></table>'
        f'<div>{svg}<div style="font-size:11px;max-width:32em;opacity:.7">{"; ".join(notes)}</div></div></div>'
    )


def array_svg(
    shape: Sequence[int], chunks: Sequence[Step], shards: Sequence[Step] | None
) -> tuple[str, tuple[str, ...]]:
    """The drawing, and remarks to go below it. Parameters as for `array_html`."""
    box = Box.at(shape, LONGEST, 0)
    if not all(shape):
        return _svg([*_edges(box, DASHED), *_labels(box, shape)], box.right, box.bottom), ("no elements",)
    boxes, notes = [box], []
    inner, outer = box.cuts(chunks), box.cuts(shape if shards is None else shards)
    parts = list(_faces(box, FACE, SHADES, WHOLE))
    if shards is None or not any(cut.places for cut in outer):  # the one shard is the whole array
        drawn = inner
        parts += _lines(box, inner, FINE)
    else:
        first = [n.runs[0][0] if isinstance(n, ChunkEdges) else n for n in shards]
        end = _visible_part(box, first)
        parts += _faces(box, SHARD, SHARD_SHADES, end)
        if all(cut.every == 1 for cut in inner):
            drawn = inner
            notes.append("shaded: one shard")
            parts += [*_lines(box, _without(inner, outer), FINE), *_lines(box, outer, STRONG)]
        else:
            shard = [min(pair) for pair in zip(shape, first, strict=True)]
            zoom = Box.at(shard, ZOOMED, box.right + GAP)
            zoom_cuts = zoom.cuts(chunks)
            drawn = (*outer, *zoom_cuts)
            notes.append("shaded, enlarged on the right: one shard")
            parts += [*_lines(box, outer, STRONG), *_guides(box, end, zoom), *_faces(zoom, SHARD, SHARD_SHADES, WHOLE)]
            parts += [*_lines(zoom, zoom_cuts, FINE), *_edges(zoom), *_labels(zoom, shard)]
            boxes.append(zoom)
    parts += [*_edges(box), *_labels(box, shape)]
    notes += _remarks(shape, boxes, drawn)
    return _svg(parts, boxes[-1].right, max(b.bottom for b in boxes)), tuple(notes)


def _remarks(shape: Sequence[int], boxes: Sequence[Box], drawn: Sequence[Cut]) -> Iterator[str]:
    if len(shape) > 3:
        yield f"one of {' by '.join(map(str, shape[:-3]))} along the first dimensions"
    if not all(box.to_scale for box in boxes):
        yield "not to scale"
    if any(cut.every > 1 for cut in drawn):
        yield "only some of the lines are drawn"


def _visible_part(box: Box, shape: Sequence[int]) -> Triple:
    """The far corner of the part of `shape` at the origin; at least 4 pixels away on each axis."""
    depth, height, width = (
        min(1.0, max(part / length, 4 / max(pixels, 4)))
        for part, length, pixels in zip(_last_three(shape), box.lengths, box.size, strict=True)
    )
    return depth, height, width


def _without(cuts: Sequence[Cut], others: Sequence[Cut]) -> list[Cut]:
    return [
        Cut(tuple(place for place in cut.places if place not in other.places), cut.every)
        for cut, other in zip(cuts, others, strict=True)
    ]


def _corner(axis: int, at: float, row: int, along_row: float, column: int, along_column: float) -> list[float]:
    place = [0.0, 0.0, 0.0]
    place[axis], place[row], place[column] = at, along_row, along_column
    return place


def _outlines(box: Box, end: Triple) -> Iterator[str]:
    """Corners of the visible faces of the part of a box from the origin to `end`; "" for an invisible one."""
    for axis, at in FACES if box.ndim == 3 else FACES[:1]:
        if end[axis] < at:
            yield ""
            continue
        row, column = (other for other in range(3) if other != axis)
        ends = ((0.0, 0.0), (end[row], 0.0), (end[row], end[column]), (0.0, end[column]))
        places = (box.point(_corner(axis, at, row, r, column, c)) for r, c in ends)
        yield " ".join(f"{x},{y}" for x, y in places)


def _faces(box: Box, colour: str, shades: Triple, end: Triple) -> Iterator[str]:
    for points, shade in zip(_outlines(box, end), shades, strict=False):
        if points:
            yield f'<polygon points="{points}" fill="{colour}" fill-opacity="{shade}"/>'


def _edges(box: Box, style: str = EDGE) -> Iterator[str]:
    for points in _outlines(box, WHOLE):
        yield f'<polygon points="{points}" fill="none" stroke-linejoin="round" {style}/>'


def _lines(box: Box, cuts: Sequence[Cut], style: str) -> Iterator[str]:
    for axis, at in FACES if box.ndim == 3 else FACES[:1]:
        one, other = (a for a in range(3) if a != axis)
        for crossed, along in ((one, other), (other, one)):
            for place in cuts[crossed].places:
                begin = box.point(_corner(axis, at, crossed, place, along, 0.0))
                yield _line(begin, box.point(_corner(axis, at, crossed, place, along, 1.0)), style)


def _guides(box: Box, end: Triple, zoom: Box) -> Iterator[str]:
    """From the right side of the shaded shard's front to the left side of the enlarged one's."""
    yield _line(box.point((0, 0, end[2])), zoom.point((0, 0, 0)), GUIDE)
    yield _line(box.point((0, end[1], end[2])), zoom.point((0, 1, 0)), GUIDE)


def _line(begin: tuple[float, float], end: tuple[float, float], style: str) -> str:
    return f'<line x1="{begin[0]}" y1="{begin[1]}" x2="{end[0]}" y2="{end[1]}" {style}/>'


def _labels(box: Box, shape: Sequence[int]) -> Iterator[str]:
    """The lengths of the sides."""
    _, height, width = box.size
    if box.ndim > 0:
        yield _text(box.left + width / 2, box.top + height + 16, "middle", shape[-1])
    if box.ndim > 1:
        yield _text(box.left - 6, box.top + height / 2 + 4, "end", shape[-2])
    if box.ndim > 2:
        x, y = box.point((0.5, 1, 1))
        yield _text(x + 6, y + 10, "start", shape[-3])


def _text(x: float, y: float, anchor: str, length: int) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="currentColor">{length}</text>'


def _svg(parts: Sequence[str], width: float, height: float) -> str:
    size = f"{round(width)} {round(height)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="shape and chunks" viewBox="0 0 {size}" '
        f'width="{round(width)}" height="{round(height)}" font-family="sans-serif" font-size="11" '
        f'style="max-width:100%;overflow:visible">{"".join(parts)}</svg>'
    )


def _escaped(text: str) -> str:
    return escape(printable(text))
