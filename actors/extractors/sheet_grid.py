"""Cells of a sheet, and the one table that they are: the range that is used, without what is empty around it."""

from dataclasses import dataclass, field

from actors.extractors.assembly import BlockPiece, LinePiece
from actors.extractors.document import Cell, Document, Table
from actors.extractors.header_rows import first_row_is_header
from actors.extractors.table_blocks import MAX_GRID, table_block, warn_too_large

Area = tuple[int, int, int, int]
"""First row and column, last row and column; from 0."""


@dataclass(slots=True)
class Cells:
    """Texts that are not empty, by row and column. `was_cut_off`: there were more than were to be read."""

    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[Area] = field(default_factory=list)
    headers: list[Area] = field(default_factory=list)
    was_cut_off: bool = False
    hides_some: bool = False
    count: int = 0
    last_row: int = -1
    size: tuple[int, int] | None = None
    """Rows and columns of a table that is one as a whole, whatever of it is used; a sheet has none."""


def sheet_block(cells: Cells, page: int, document: Document, *, with_tables: bool) -> BlockPiece | None:
    """None for an empty sheet; lines of text where its range is too large for a table."""
    if not (cells.rows or cells.size):
        return None
    used = _used(cells)
    if (used[2] - used[0] + 1) * (used[3] - used[1] + 1) > MAX_GRID:
        warn_too_large(document, page)
        rows = (" ".join("\t".join(cells.rows[row].values()).split("\n")) for row in sorted(cells.rows))
        return BlockPiece("paragraph", [LinePiece(row) for row in rows])
    return table_block(_table(cells, used, page), document, with_tables=with_tables)


def _used(cells: Cells) -> Area:
    if cells.size is not None:
        return 0, 0, cells.size[0] - 1, cells.size[1] - 1
    columns = [column for row in cells.rows.values() for column in (min(row), max(row))]
    return min(cells.rows), min(columns), max(cells.rows), max(columns)


def _table(cells: Cells, used: Area, page: int) -> Table:
    first_row, first_column, last_row, last_column = used
    spans, covered = _merged(cells, used)
    headers = _headers(cells, used)
    found = []
    for row in range(first_row, last_row + 1):
        texts = cells.rows.get(row, {})
        above = [area for area in headers if area[0] <= row <= area[2]]
        # Also what is empty before the last that is not: only so do columns keep their places.
        last = last_column if cells.size is not None else max(texts, default=-1)
        for column in range(first_column, last + 1):
            if (row, column) in covered:
                continue
            rows, columns = spans.get((row, column), (1, 1))
            header = any(_holds(area, row, column) for area in above)
            place = row - first_row, column - first_column
            found.append(Cell(*place, texts.get(column, ""), rows, columns, header))
    return Table("", page, last_row - first_row + 1, last_column - first_column + 1, "native", found)


def _merged(cells: Cells, used: Area) -> tuple[dict[tuple[int, int], tuple[int, int]], set[tuple[int, int]]]:
    """Of each merged range within the used one its first cell, with its spans; and the cells that it covers."""
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    covered: set[tuple[int, int]] = set()
    places = 0
    for area in cells.merged:
        bottom, right = min(area[2], used[2]), min(area[3], used[3])
        places += max(0, bottom - area[0] + 1) * max(0, right - area[1] + 1)
        if not _holds(used, area[0], area[1]) or places > MAX_GRID:
            continue
        spans[area[0], area[1]] = bottom - area[0] + 1, right - area[1] + 1
        covered.update((row, column) for row in range(area[0], bottom + 1) for column in range(area[1], right + 1))
        covered.discard((area[0], area[1]))
    return spans, covered


def _headers(cells: Cells, used: Area) -> list[Area]:
    """What the sheet itself says its headings are, or a first row that looks so."""
    if cells.headers or cells.size is not None:
        return cells.headers
    columns = range(used[1], used[3] + 1)
    first = [[cells.rows.get(row, {}).get(column, "") for column in columns] for row in (used[0], used[0] + 1)]
    return [(used[0], used[1], used[0], used[3])] if used[2] > used[0] and first_row_is_header(first) else []


def _holds(area: Area, row: int, column: int) -> bool:
    return area[0] <= row <= area[2] and area[1] <= column <= area[3]
