"""Whether the order in which a page was drawn can be its reading order, and its lines in that order.

Word processors and typesetters draw a page as it is read, and know better than geometry what belongs together. Forms,
tables and designed pages are drawn in any order: there geometry has to do.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from actors.extractors.page_layout import LayoutLine, Segment, direction, line_of, rows_of, stands_beside
from actors.extractors.reading_order import interleaves_columns, lines_in_reading_order

_SHORT_RUN = 4
"""A column of fewer segments is a table's."""
_TOLERATED = 0.03
"""Share of steps back that a well-ordered page may have, for a header drawn last and the like."""
_LABEL = 20
"""Characters below which a segment is a label or a cell rather than a line of text."""

_SIDE_BY_SIDE = 0.2
_FRAME = 3
"""Lines drawn first and last, among which the page's header and footer may be."""


def lines_of_drawn_page(segments: Sequence[Segment]) -> list[LayoutLine]:
    """Lines in reading order, of segments in the order of drawing."""
    if is_read_as_drawn(segments) and not _interleaves_columns(segments):
        return lines_as_drawn(_with_labels_in_rows(segments))
    return lines_in_reading_order(segments)


def is_read_as_drawn(segments: Sequence[Segment]) -> bool:
    """Whether going through the text as it was drawn hardly ever steps back on the page."""
    text = [segment for segment in segments if segment.length >= _LABEL]
    return sum(_steps_back(text)) <= max(1, _TOLERATED * len(text))


def _interleaves_columns(segments: Sequence[Segment]) -> bool:
    """Whether it goes to and fro between columns; only then do many neighbours stand side by side."""
    beside = sum(stands_beside(before, segment) for before, segment in pairwise(segments))
    return beside >= _SIDE_BY_SIDE * len(segments) and interleaves_columns(segments)


def _steps_back(segments: Sequence[Segment]) -> Iterator[bool]:
    """For each segment after the first, whether it is out of order there."""
    run = 0
    for before, segment in pairwise(segments):
        run += 1
        upwards = segment.bbox[3] <= before.bbox[1] and not stands_beside(before, segment)
        # To the next column, if it goes to the right and the column was one.
        yield upwards and (segment.bbox[0] < before.bbox[0] + before.size or run < _SHORT_RUN)
        if upwards:
            run = 0


def _with_labels_in_rows(segments: Sequence[Segment]) -> list[Segment]:
    """Labels of a figure and cells of a table are drawn in any order, in the midst of text that is not."""
    ordered: list[Segment] = []
    for is_label, group in groupby(segments, key=lambda segment: segment.length < _LABEL):
        part = list(group)
        if is_label and any(_steps_back(part)):
            part = [segment for row in rows_of(part) for segment in row]
        ordered.extend(part)
    return ordered


def lines_as_drawn(segments: Sequence[Segment]) -> list[LayoutLine]:
    """Lines in the order of drawing; what was drawn first below all else comes last, and the other way round."""
    return _framed([line_of(row) for row in _rows(segments)])


def _rows(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Neighbours in drawing that stand on one line, in reading direction."""
    row: list[Segment] = []
    for segment in segments:
        if row and not (stands_beside(row[-1], segment) and row[-1].upright == segment.upright):
            yield _directed(row)
            row = []
        row.append(segment)
    if row:
        yield _directed(row)


def _directed(row: list[Segment]) -> list[Segment]:
    if len(row) == 1 or not row[0].upright:
        return row
    if direction(word.text for segment in row for word in segment.words) == "rtl":
        return sorted(row, key=lambda segment: -segment.bbox[2])
    return sorted(row, key=lambda segment: segment.bbox[0])


def _framed(lines: list[LayoutLine]) -> list[LayoutLine]:
    """Headers and footers are drawn first or last; they are read where they stand."""
    early, late = lines[:_FRAME], lines[_FRAME:][-_FRAME:]
    below = [line for line in early if _is_below(line, _others(lines, early))]
    above = [line for line in late if _is_above(line, _others(lines, late))]
    moved = {id(line) for line in (*below, *above)}
    rest = [line for line in lines if id(line) not in moved]
    return [*_downwards(above), *rest, *_downwards(below)]


def _others(lines: Sequence[LayoutLine], some: Sequence[LayoutLine]) -> list[LayoutLine]:
    known = {id(line) for line in some}
    return [line for line in lines if id(line) not in known]


def _downwards(lines: Sequence[LayoutLine]) -> list[LayoutLine]:
    return sorted(lines, key=lambda line: line.bbox[1])


def _is_below(line: LayoutLine, others: Sequence[LayoutLine]) -> bool:
    return bool(others) and all(line.bbox[1] >= other.bbox[3] for other in others)


def _is_above(line: LayoutLine, others: Sequence[LayoutLine]) -> bool:
    return bool(others) and all(line.bbox[3] <= other.bbox[1] for other in others)
