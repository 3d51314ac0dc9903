"""A table on a page, made of the words of its cells."""

from collections.abc import Mapping, Sequence

from actors.extractors.assembly import LinePiece, WordPiece, enclosing
from actors.extractors.document import Box, Cell, Table
from actors.extractors.page_layout import LayoutTable, LayoutWord, line_of, rows_of, segments_of

Place = tuple[int, int]
"""Row and column."""


def table_of_cells(
    contents: Mapping[Place, Sequence[LayoutWord]],
    spans: Mapping[Place, tuple[int, int]],
    size: tuple[int, int],
    bbox: Box,
    method: str,
    header_rows: int = 0,
    confidence: float = 1.0,
) -> LayoutTable:
    """`spans` are of rows and columns, for the cells that have more than one; `size` is in rows and columns."""
    rows, columns = size
    lines = {place: [line_of(row).piece for row in rows_of(segments_of(contents[place]))] for place in sorted(contents)}
    cells = []
    for place, found in lines.items():
        row_span, column_span = spans.get(place, (1, 1))
        text = "\n".join(line.text for line in found)
        cells.append(Cell(*place, text, row_span, column_span, header=place[0] < header_rows))
    table = Table("", 0, rows, columns, method, cells, bbox, confidence)
    by_row: list[list[list[LinePiece]]] = [[] for _ in range(rows)]
    for (row, _), found in lines.items():
        by_row[row].append(found)
    return LayoutTable(table, [_row_line(row) for row in by_row], bbox)


def is_bold_header(contents: Mapping[Place, Sequence[LayoutWord]]) -> bool:
    """Whether the first row's words are bold, and those of the other rows are not."""
    first = [word for place, words in contents.items() if place[0] == 0 for word in words]
    rest = [word for place, words in contents.items() if place[0] > 0 for word in words]
    return bool(first) and all(word.bold for word in first) and not all(word.bold for word in rest)


def _row_line(cells: Sequence[list[LinePiece]]) -> LinePiece:
    """A row as one line: cells divided by tabs, lines within a cell by blanks."""
    text, words = "", []
    for index, lines in enumerate(cells):
        text += "\t" if index else ""
        for number, line in enumerate(lines):
            text += " " if number else ""
            words += [WordPiece(each.text, each.offset + len(text), each.bbox, each.confidence) for each in line.words]
            text += line.text
    if not words:
        return LinePiece("")
    confidence = sum(word.confidence for word in words) / len(words)
    return LinePiece(text, enclosing(word.bbox for word in words), confidence, words)
