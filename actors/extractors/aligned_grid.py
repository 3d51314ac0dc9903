"""Which words are one cell of an aligned table: lines of cells joined to rows, headings that span columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from actors.extractors.aligned_rows import AlignedRow, Chunk, Interval, Region, columns_of
from actors.extractors.header_rows import is_datum
from actors.extractors.page_layout import LayoutWord
from actors.extractors.ruled_tables import Rule
from actors.extractors.table_cells import Place

_APART = 1.2
"""Of the usual distance of lines: what is farther apart is in another row."""
_UNDER = 6.0
"""Points below a heading within which a line may stand that says how many columns it spans."""


@dataclass(slots=True)
class Grid:
    rows: int
    columns: int
    contents: dict[Place, list[LayoutWord]] = field(default_factory=dict)
    spans: dict[Place, tuple[int, int]] = field(default_factory=dict)
    header_rows: int = 0

    def text(self, place: Place) -> str:
        return " ".join(word.text for word in self.contents.get(place, ()))

    def row_texts(self, row: int) -> list[str]:
        return [self.text((row, column)) for column in range(self.columns)]

    def column_texts(self, column: int) -> list[str]:
        """Below the header, of cells that hold text."""
        texts = (self.text((row, column)) for row in range(self.header_rows, self.rows))
        return [text for text in texts if text]


def grid_of(region: Region, spanning: int, under: Sequence[Rule]) -> Grid:
    """`spanning`: how many rows at the top may hold headings over several columns; `under`: level lines."""
    groups = [[row] for row in region.rows[:spanning]] + _row_groups(region.rows[spanning:], region.columns)
    grid = Grid(len(groups), len(region.columns), header_rows=spanning)
    for number, group in enumerate(groups):
        for row in group:
            for chunk in row.chunks:
                reached = _reached(chunk, region.columns, under if number < spanning else ())
                grid.contents.setdefault((number, reached.start), []).extend(chunk.words)
                if len(reached) > 1:
                    grid.spans[number, reached.start] = 1, len(reached)
    _span_rows(grid)
    return grid


def _reached(chunk: Chunk, columns: Sequence[Interval], under: Sequence[Rule]) -> range:
    x0, _, x1, y1 = chunk.bbox
    for y, start, end in under:
        over = [index for index, (left, right) in enumerate(columns) if start <= (left + right) / 2 <= end]
        if over and -1.0 <= y - y1 <= _UNDER and start <= (x0 + x1) / 2 <= end:
            return range(over[0], over[-1] + 1)
    reached = columns_of(columns, chunk.bbox)
    if reached:
        return reached
    # Between two columns: over both.
    return range(max(reached.start - 1, 0), min(reached.start + 1, len(columns)))


def _span_rows(grid: Grid) -> None:
    """In a header of two rows with headings over columns, what stands alone in its column spans both."""
    for row in range(grid.header_rows):
        headings = [place for place, (_, columns) in grid.spans.items() if place[0] == row and columns > 1]
        if not headings or row + 1 >= grid.rows:
            continue
        covered = {at + each for _, at in headings for each in range(grid.spans[row, at][1])}
        for column in set(range(grid.columns)) - covered:
            above, below = (row, column), (row + 1, column)
            if below in grid.contents and above not in grid.contents:
                grid.contents[above] = grid.contents.pop(below)
            elif below in grid.contents or above not in grid.contents:
                continue
            grid.spans[above] = 2, 1
        grid.header_rows = max(grid.header_rows, row + 2)


def _row_groups(rows: Sequence[AlignedRow], columns: Sequence[Interval]) -> list[list[AlignedRow]]:
    """Lines joined to rows: by the space between rows where there is more of it, else by what stands in a line."""
    by_space = _by_space(rows)
    data = _data_columns(rows, columns)
    telling = data - {0} or {0}
    anchored = [sum(bool(_reached_by(row, columns) & telling) for row in group) for group in by_space]
    if len(by_space) < len(rows) and all(count <= 1 for count in anchored):
        return by_space
    groups: list[list[AlignedRow]] = []
    for row in rows:
        if groups and not _is_anchored(row, columns, data):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _by_space(rows: Sequence[AlignedRow]) -> list[list[AlignedRow]]:
    steps = [after.bbox[1] - before.bbox[1] for before, after in pairwise(rows)]
    close = min(steps, default=0.0)
    groups = [[rows[0]]]
    for step, row in zip(steps, rows[1:], strict=True):
        if step > _APART * close:
            groups.append([row])
        else:
            groups[-1].append(row)
    return groups


def _data_columns(rows: Sequence[AlignedRow], columns: Sequence[Interval]) -> set[int]:
    """Columns of numbers and the like, which never go on in a next line."""
    texts: dict[int, list[str]] = {}
    for row in rows:
        for chunk in row.chunks:
            texts.setdefault(columns_of(columns, chunk.bbox).start, []).append(chunk.text)
    return {column for column, found in texts.items() if median(map(is_datum, found)) == 1}


def _is_anchored(row: AlignedRow, columns: Sequence[Interval], data: set[int]) -> bool:
    """Whether a row of the table begins with this line."""
    return bool(_reached_by(row, columns) & (data | {0}))


def _reached_by(row: AlignedRow, columns: Sequence[Interval]) -> set[int]:
    return {columns_of(columns, chunk.bbox).start for chunk in row.chunks}
