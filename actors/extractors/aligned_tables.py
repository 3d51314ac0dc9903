"""Tables by the alignment of their columns alone, or with level lines only, as books have them."""

from collections.abc import Sequence
from itertools import pairwise

from actors.extractors.aligned_grid import Grid, grid_of
from actors.extractors.aligned_rows import AlignedRow, Region, columns_with, regions
from actors.extractors.header_rows import first_row_is_header
from actors.extractors.page_layout import LayoutTable, Segment, gap, rows_of
from actors.extractors.reading_order import zones_of
from actors.extractors.ruled_tables import Rule
from actors.extractors.table_cells import is_bold_header, table_of_cells
from actors.extractors.table_gate import confidence_in

_MAX_SPANNING = 3
"""Rows at the top that may hold headings over several columns."""
_LEAST_SIDE_BY_SIDE = 3
_MAX_SEGMENTS = 3000
_BEYOND = 12.0
"""Points by which a table's lines may be longer than its text, at either end, above and below."""


def take_aligned_tables(
    segments: Sequence[Segment], level: Sequence[Rule] = ()
) -> tuple[list[LayoutTable], list[Segment]]:
    """The tables, from top to bottom, and the segments that are in none of them. `level` lines stand between rows."""
    upright = [segment for segment in segments if segment.upright]
    if not _may_hold_cells(upright):
        return [], list(segments)
    tables, taken = [], set[int]()
    for zone in zones_of(upright):
        for region in regions([AlignedRow.of(row) for row in rows_of(zone)]):
            table = _table(region, level)
            if table is not None:
                tables.append(table)
                taken |= {id(word) for row in region.rows for chunk in row.chunks for word in chunk.words}
    # A row takes a segment whole.
    left = [segment for segment in segments if id(segment.words[0]) not in taken]
    return sorted(tables, key=lambda table: table.bbox[1]), left


def _may_hold_cells(segments: Sequence[Segment]) -> bool:
    """Whether what follows in drawing stands beside what was before a few times: cheap, and seldom so in prose."""
    if len(segments) > _MAX_SEGMENTS:
        return False
    beside = sum(
        b.bbox[1] < a.bbox[3] and b.bbox[3] > a.bbox[1] and gap(a.bbox, b.bbox) > 0 for a, b in pairwise(segments)
    )
    return beside >= _LEAST_SIDE_BY_SIDE


def _table(region: Region, level: Sequence[Rule]) -> LayoutTable | None:
    rules = _Rules(region, level)
    spanning = max(region.spanning, _spanning_rows(region), rules.ruled_headings())
    region.columns = _columns(region.rows[spanning:]) if spanning else region.columns
    grid = grid_of(region, spanning, rules.short)
    grid.header_rows = max(grid.header_rows, rules.header_rows(grid) or _header_rows(grid))
    confidence = confidence_in(grid, region, rules=len(rules.full))
    if confidence is None:
        return None
    size = grid.rows, grid.columns
    return table_of_cells(grid.contents, grid.spans, size, region.bbox, "aligned", grid.header_rows, confidence)


def _spanning_rows(region: Region) -> int:
    """How many rows at the top hide columns that the rows below have."""
    counts = {0: len(region.columns)}
    for skipped in range(1, min(_MAX_SPANNING, len(region.rows) - 2) + 1):
        counts[skipped] = len(_columns(region.rows[skipped:]))
    return max(counts, key=lambda skipped: (counts[skipped], -skipped))


def _columns(rows: Sequence[AlignedRow]) -> list[tuple[float, float]]:
    columns: list[tuple[float, float]] = []
    for row in rows:
        if len(row.chunks) > 1:
            columns = columns_with(columns, row)
    return columns


def _header_rows(grid: Grid) -> int:
    rows = [grid.row_texts(row) for row in range(grid.rows)]
    return int(is_bold_header(grid.contents) or first_row_is_header(rows))


class _Rules:
    """The level lines within a region and at its edges."""

    def __init__(self, region: Region, level: Sequence[Rule]) -> None:
        self._rows = region.rows
        x0, y0, x1, y1 = region.bbox
        inside = [
            rule
            for rule in level
            if y0 - _BEYOND <= rule[0] <= y1 + _BEYOND and rule[1] >= x0 - 3 * _BEYOND and rule[2] <= x1 + 3 * _BEYOND
        ]
        self.full = sorted(rule for rule in inside if rule[1] <= x0 + _BEYOND and rule[2] >= x1 - _BEYOND)
        self.short = sorted(rule for rule in inside if rule not in self.full)

    def ruled_headings(self) -> int:
        """Rows of a header that has lines below some of its cells."""
        for y, _, _ in self.full:
            above = [row for row in self._rows if (row.bbox[1] + row.bbox[3]) / 2 < y]
            few = min(_MAX_SPANNING, len(self._rows) - 1)
            if 1 < len(above) <= few and any(above[0].bbox[1] < rule[0] < y for rule in self.short):
                return len(above)
        return 0

    def header_rows(self, grid: Grid) -> int:
        """Rows above the first line that runs all across between rows, if they are few."""
        for y, _, _ in self.full:
            above = sum(self._bottom(grid, row) <= y + 1.0 for row in range(grid.rows))
            if 0 < above <= min(_MAX_SPANNING, grid.rows - 1):
                return above
        return 0

    @staticmethod
    def _bottom(grid: Grid, row: int) -> float:
        bottoms = [
            (word.bbox[1] + word.bbox[3]) / 2 for (at, _), words in grid.contents.items() if at == row for word in words
        ]
        return max(bottoms, default=float("inf"))
