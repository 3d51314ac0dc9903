"""What OCR found on a page, laid out for reading, in the page's own unit."""

import math
import re
import statistics
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from actors.extractors.document import Box, RecognisedLine, RecognisedPage
from actors.extractors.page_layout import LayoutLine, LayoutWord, segments_of
from actors.extractors.reading_order import lines_in_reading_order

Point = tuple[float, float]

_LOW, _HIGH = 0.75, 1.35
"""Heights against the usual one that are no other size of type."""
_WORD = re.compile(r"\S+")


def recognised_lines(page: RecognisedPage, width: float, height: float) -> list[LayoutLine]:
    """Lines in reading order. `width` and `height` are the page's; OCR saw it in pixels of its own."""
    found = _Upright(page, width / max(page.width, 1), height / max(page.height, 1))
    words = [word for number, line in enumerate(page.lines) for word in found.words(line, number)]
    return lines_in_reading_order(segments_of(words))


def page_confidence(page: RecognisedPage) -> float:
    """Mean over characters, 1 where there are none."""
    weights = [len(line.text) for line in page.lines]
    if not sum(weights):
        return 1.0
    return sum(line.confidence * len(line.text) for line in page.lines) / sum(weights)


class _Upright:
    """Turns what was found upright: quarter turns and the skew taken away, so that rows are level."""

    def __init__(self, page: RecognisedPage, across: float, down: float) -> None:
        """`across` and `down`: the page's units in a pixel."""
        self._page, self._across, self._down = page, across, down
        turned = [self._turned(line) for line in page.lines]
        self._slope = _slope(turned)
        self._usual = statistics.median(map(_height, turned)) if turned else 1.0

    def words(self, line: RecognisedLine, number: int) -> Iterator[LayoutWord]:
        corners = self._turned(line)
        shares = _edges(line)
        for match in _WORD.finditer(line.text):
            start, end = shares[match.start()], shares[match.end()]
            seen = _between(line.polygon or _corners(line.bbox), start, end)
            yield LayoutWord(
                text=match[0],
                bbox=_box([self._level(point) for point in _between(corners, start, end)]),
                size=self._size(corners) * self._across,
                line=number,
                confidence=line.confidence,
                place=_box([(x * self._across, y * self._down) for x, y in seen]),
            )

    def _turned(self, line: RecognisedLine) -> tuple[Point, ...]:
        return tuple(self._turn(x, y) for x, y in line.polygon or _corners(line.bbox))

    def _turn(self, x: float, y: float) -> Point:
        """A point, still in pixels, after the page was turned clockwise to stand upright."""
        match self._page.rotation:
            case 90:
                return self._page.height - y, x
            case 180:
                return self._page.width - x, self._page.height - y
            case 270:
                return y, self._page.width - x
            case _:
                return x, y

    def _level(self, point: Point) -> Point:
        """Sheared, not turned: columns stay where they are. In the page's unit."""
        return point[0] * self._across, (point[1] - self._slope * point[0]) * self._across

    def _size(self, corners: Sequence[Point]) -> float:
        """The line's height; the page's usual one where it is near it, for boxes are drawn with a loose hand."""
        height = _height(corners)
        return self._usual if _LOW < height / self._usual < _HIGH else height


def _edges(line: RecognisedLine) -> list[float]:
    """Where characters meet, as shares of the line's length: one more than there are characters."""
    if line.positions:
        inner = [(left + right) / 2 for left, right in pairwise(line.positions)]
        return [0.0, *inner, 1.0]
    widths = [_width(character) for character in line.text]
    return [total / sum(widths) for total in accumulate(widths, initial=0.0)]


def _width(character: str) -> float:
    """Relative width in an average font."""
    if character > "\u2e80":
        return 1.8
    if character in " .,:;'|!iljI()[]":
        return 0.5
    return 1.3 if character.isupper() or character in "mwMW@%" else 1.0


def _corners(box: Box) -> tuple[Point, ...]:
    x0, y0, x1, y1 = box
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)


def _between(corners: Sequence[Point], start: float, end: float) -> list[Point]:
    """The part of a line from share `start` to share `end` of its length."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    return [
        (ax + (bx - ax) * start, ay + (by - ay) * start),
        (ax + (bx - ax) * end, ay + (by - ay) * end),
        (dx + (cx - dx) * end, dy + (cy - dy) * end),
        (dx + (cx - dx) * start, dy + (cy - dy) * start),
    ]


def _box(points: Sequence[Point]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _height(corners: Sequence[Point]) -> float:
    a, _, _, d = corners
    return max(math.dist(a, d), 1.0)


def _slope(lines: Sequence[Sequence[Point]]) -> float:
    """The page's skew as rise over run, by the longer half of its lines."""
    runs = [(b[0] - a[0], (b[1] - a[1]) / (b[0] - a[0])) for a, b, _, _ in lines if b[0] - a[0] > 1]
    if not runs:
        return 0.0
    typical = statistics.median(run for run, _ in runs)
    slope = statistics.median(rise for run, rise in runs if run >= typical)
    return slope if abs(slope) < 1 else 0.0
