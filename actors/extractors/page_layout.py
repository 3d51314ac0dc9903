"""Words of a page, joined to the segments and lines in which they are read. Origin top left, y grows downwards."""

import statistics
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from actors.extractors.assembly import LinePiece, WordPiece, around
from actors.extractors.document import Box, Table

_COLUMN_GAP = 1.6
"""A gap wider than so many font sizes is not a blank between two words."""
_JOINED_GAP = 0.12
"""Below so many font sizes there is no blank at all, as before a superscript."""


@dataclass(slots=True)
class LayoutWord:
    text: str
    bbox: Box
    """Where it is for the sake of order: on a skewed page, where it would be without the skew."""
    size: float
    bold: bool = False
    line: int = 0
    """Number of the line that the source itself saw."""
    upright: bool = True
    confidence: float = 1.0
    place: Box | None = None
    """Where it is on the page, when that differs from `bbox`."""


@dataclass(slots=True)
class Segment:
    """Words next to one another on one line: what no column gap divides."""

    words: list[LayoutWord]
    bbox: Box
    size: float

    @classmethod
    def of(cls, words: list[LayoutWord]) -> "Segment":
        return cls(words, around([word.bbox for word in words]), max([word.size for word in words]))

    @property
    def upright(self) -> bool:
        return self.words[0].upright

    @property
    def length(self) -> int:
        return sum(len(word.text) for word in self.words) + len(self.words) - 1

    @property
    def middle(self) -> float:
        return (self.bbox[1] + self.bbox[3]) / 2

    @property
    def height(self) -> float:
        return self.bbox[3] - self.bbox[1]

    @property
    def width(self) -> float:
        return self.bbox[2] - self.bbox[0]


@dataclass(slots=True)
class LayoutLine:
    """One line as it is read, with what its block is told by."""

    piece: LinePiece
    bbox: Box
    size: float
    bold: bool
    upright: bool = True
    table: "LayoutTable | None" = None
    """Stands in for a whole table, at its place between the lines."""

    @property
    def text(self) -> str:
        return self.piece.text


@dataclass(slots=True)
class LayoutTable:
    """A table on its page: the table itself, its rows as lines of text, its place."""

    table: Table
    rows: list[LinePiece]
    bbox: Box

    def as_line(self) -> LayoutLine:
        return LayoutLine(LinePiece(""), self.bbox, size=0.0, bold=False, table=self)


def with_tables(lines: Sequence[LayoutLine], tables: Sequence[LayoutTable]) -> list[LayoutLine]:
    """Each table before the first line that stands below it in the same column."""
    ordered = list(lines)
    for table in tables:
        below = (
            index
            for index, line in enumerate(ordered)
            if line.bbox[1] >= table.bbox[3] - line.size / 2 and gap(line.bbox, table.bbox) < 0
        )
        ordered.insert(next(below, len(ordered)), table.as_line())
    return ordered


def segments_of(words: Iterable[LayoutWord]) -> list[Segment]:
    """Words in the source's order, cut where the source's line ends or a gap is too wide for a blank."""
    groups: list[list[LayoutWord]] = []
    for word in words:
        if groups and _continues(groups[-1][-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    return [Segment.of(group) for group in groups]


def _continues(before: LayoutWord, word: LayoutWord) -> bool:
    if before.line != word.line or before.upright != word.upright:
        return False
    if not word.upright:
        return True
    left, right = before.bbox, word.bbox
    if gap(left, right) >= _COLUMN_GAP * max(before.size, word.size):
        return False
    return (left[1] == right[1] and left[3] == right[3] > right[1]) or _share_a_line(left, right)


def gap(left: Box, right: Box) -> float:
    """Horizontal distance of two boxes, whichever comes first; negative where they overlap."""
    return max(right[0] - left[2], left[0] - right[2])


def _share_a_line(a: Box, b: Box) -> bool:
    overlap = min(a[3], b[3]) - max(a[1], b[1])
    return overlap > 0.4 * min(a[3] - a[1], b[3] - b[1])


def rows_of(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Segments grouped by the height at which they stand, from top to bottom, each row in reading direction."""
    rows: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda each: each.middle):
        row = next((row for row in reversed(rows[-4:]) if _stands_in(row, segment)), None)
        if row is None:
            rows.append([segment])
        else:
            row.append(segment)
    for row in rows:
        if len(row) == 1:
            continue
        rtl = direction(word.text for segment in row for word in segment.words) == "rtl"
        row.sort(key=lambda each: -each.bbox[2] if rtl else each.bbox[0])
    return rows


def _stands_in(row: list[Segment], segment: Segment) -> bool:
    """Beside the row's segments at the same height, and over none of them."""
    tallest = max(row, key=lambda each: each.height)
    return _is_level(tallest, segment) and all(_is_beside(each, segment) for each in row)


def stands_beside(segment: Segment, other: Segment) -> bool:
    return _is_level(segment, other) and _is_beside(segment, other)


def _is_level(segment: Segment, other: Segment) -> bool:
    overlap = min(segment.bbox[3], other.bbox[3]) - max(segment.bbox[1], other.bbox[1])
    return overlap > 0.5 * min(segment.height, other.height)


def _is_beside(segment: Segment, other: Segment) -> bool:
    return gap(segment.bbox, other.bbox) > -0.5 * other.size


def direction(texts: Iterable[str]) -> Literal["ltr", "rtl"]:
    """Which way the letters of `texts` run, by majority."""
    characters = "".join(texts)
    if characters.isascii():
        return "ltr"
    balance = 0
    for character in characters:
        kind = unicodedata.bidirectional(character) if character > "\u0590" else "L"
        balance += {"R": -1, "AL": -1, "L": 1 if character.isalpha() else 0}.get(kind, 0)
    return "rtl" if balance < 0 else "ltr"


def line_of(row: Sequence[Segment]) -> LayoutLine:
    """One line of text from segments in reading direction."""
    flat = [word for segment in row for word in segment.words]
    places = [word.place or word.bbox for word in flat]
    text, words = "", []
    before: LayoutWord | None = None
    for word, place in zip(flat, places, strict=True):
        text += _blank(before, word)
        words.append(WordPiece(word.text, len(text), place, word.confidence))
        text += word.text
        before = word
    confidence = statistics.fmean([word.confidence for word in flat])
    return LayoutLine(
        piece=LinePiece(text, around(places), confidence, words),
        bbox=around([segment.bbox for segment in row]),
        size=_common_size(flat),
        bold=all(word.bold for word in flat),
        upright=all(word.upright for word in flat),
    )


def _blank(before: LayoutWord | None, word: LayoutWord) -> str:
    if before is None:
        return ""
    if before.line == word.line:
        return " "
    close = gap(before.bbox, word.bbox) < _JOINED_GAP * max(before.size, word.size)
    return "" if close else " "


def _common_size(words: Sequence[LayoutWord]) -> float:
    """The size of most of the letters."""
    if len({word.size for word in words}) == 1:
        return round(words[0].size, 1)
    weights: dict[float, int] = {}
    for word in words:
        size = round(word.size, 1)
        weights[size] = weights.get(size, 0) + len(word.text)
    return max(weights, key=lambda size: weights[size])
