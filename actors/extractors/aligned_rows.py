"""Rows of words that stand in columns: what a table without lines around its cells is told by. Origin top left."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from actors.extractors.assembly import around
from actors.extractors.document import Box
from actors.extractors.page_layout import LayoutWord, Segment, gap

_COLUMN_GAP = 0.7
"""Of the font size: what lies that far apart in every row is in two columns. A blank is about 0.3."""
_ROW_GAP = 1.6
"""Of a row's height: rows of one table are no farther apart."""
_MAX_SINGLE = 4
"""Rows with one cell, one after the other, within a table."""
_LEAST_ROWS = 2
_HEADING_ROWS = 2

Interval = tuple[float, float]


@dataclass(slots=True)
class Chunk:
    """Words of one row that no gap divides: a line of a cell."""

    words: list[LayoutWord]
    bbox: Box

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(slots=True)
class AlignedRow:
    """From left to right."""

    chunks: list[Chunk]
    bbox: Box

    @classmethod
    def of(cls, segments: Sequence[Segment]) -> "AlignedRow":
        words = sorted((word for segment in segments for word in segment.words), key=lambda word: word.bbox[0])
        chunks: list[list[LayoutWord]] = []
        for word in words:
            if chunks and gap(chunks[-1][-1].bbox, word.bbox) < _COLUMN_GAP * max(word.size, chunks[-1][-1].size):
                chunks[-1].append(word)
            else:
                chunks.append([word])
        made = [Chunk(chunk, around(word.bbox for word in chunk)) for chunk in chunks]
        return cls(made, around(chunk.bbox for chunk in made))

    @property
    def height(self) -> float:
        return self.bbox[3] - self.bbox[1]

    @property
    def size(self) -> float:
        return self.chunks[0].words[0].size


@dataclass(slots=True)
class Region:
    """Rows of one table, and the columns in which their cells stand."""

    rows: list[AlignedRow]
    columns: list[Interval]
    spanning: int = 0
    """Rows at the top that bridge columns of those below."""

    @property
    def bbox(self) -> Box:
        return around(row.bbox for row in self.rows)


def regions(rows: Sequence[AlignedRow]) -> Iterator[Region]:
    """Rows that follow one another, have cells side by side, and bridge none of the gaps between them."""
    growing: _Growing | None = None
    for row in rows:
        if growing is not None and growing.takes(row):
            continue
        heading = growing.rows if growing is not None and growing.may_head(row) else []
        if growing is not None and not heading and len(growing.rows) >= _LEAST_ROWS:
            yield growing.region()
        growing = _Growing(row, heading) if len(row.chunks) > 1 else None
    if growing is not None and len(growing.rows) >= _LEAST_ROWS:
        yield growing.region()


class _Growing:
    """A region that is looked for from its first row downwards."""

    def __init__(self, row: AlignedRow, heading: list[AlignedRow]) -> None:
        """`heading`: rows just above that the row does not go on with."""
        self._heading = heading
        self.rows = [row]
        self._columns = columns_with([], row)
        self._pending: list[AlignedRow] = []
        """Rows of one chunk, which belong to the table if another row follows."""

    def takes(self, row: AlignedRow) -> bool:
        last = (self._pending or self.rows)[-1]
        if row.bbox[1] - last.bbox[3] > _ROW_GAP * min(row.height, last.height):
            return False
        if bridges(self._columns, row):
            return self._is_section(row) and self._waits(row)
        if len(row.chunks) == 1:
            return self._waits(row)
        for each in (*self._pending, row):
            if not bridges(self._columns, each):
                self._columns = columns_with(self._columns, each)
        self.rows += [*self._pending, row]
        self._pending = []
        return True

    def may_head(self, row: AlignedRow) -> bool:
        """Whether these few rows can be headings over several columns of the row, which stands right below."""
        near = row.bbox[1] - self.rows[-1].bbox[3] <= _ROW_GAP * row.height
        return near and not self._pending and len(self.rows) <= _HEADING_ROWS and len(row.chunks) > 1

    def _waits(self, row: AlignedRow) -> bool:
        self._pending.append(row)
        return len(self._pending) <= _MAX_SINGLE

    def _is_section(self, row: AlignedRow) -> bool:
        """A heading within the table: at its left edge and no longer than half of it."""
        left, right = self._columns[0][0], self._columns[-1][1]
        at_edge = abs(row.bbox[0] - left) < row.size
        return len(row.chunks) == 1 and at_edge and row.bbox[2] - row.bbox[0] < (right - left) / 2

    def region(self) -> Region:
        """What goes on the last row's cells beyond the first column is of the table too."""
        columns = self._columns
        for row in self._pending:
            last, first = self.rows[-1], columns[0][1]
            near = row.bbox[1] - last.bbox[3] < 0.5 * row.height
            if not near or row.bbox[0] <= first or bridges(columns, row):
                break
            self.rows.append(row)
        return Region([*self._heading, *self.rows], columns, len(self._heading))


def columns_with(columns: Sequence[Interval], row: AlignedRow) -> list[Interval]:
    """`columns`, widened by the row's chunks or with them as new ones."""
    apart = _COLUMN_GAP * row.size
    merged: list[Interval] = []
    for start, end in sorted([*columns, *((chunk.bbox[0], chunk.bbox[2]) for chunk in row.chunks)]):
        if merged and start - merged[-1][1] < (apart if len(row.chunks) > 1 else 0.0):
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def bridges(columns: Sequence[Interval], row: AlignedRow) -> bool:
    """Whether a chunk of the row leaves no gap between two columns."""
    return any(len(columns_of(columns, chunk.bbox, _COLUMN_GAP * row.size)) > 1 for chunk in row.chunks)


def columns_of(columns: Sequence[Interval], bbox: Box, apart: float = 0.0) -> range:
    """The columns that a box reaches, or comes nearer to than `apart`."""
    first = bisect_left(columns, bbox[0] - apart, key=lambda column: column[1])
    last = bisect_left(columns, bbox[2] + apart, key=lambda column: column[0])
    return range(first, max(first, last))
