"""Tables by the lines drawn around their cells. Origin top left."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from actors.extractors.document import Box
from actors.extractors.page_layout import LayoutTable, LayoutWord
from actors.extractors.table_cells import is_bold_header, table_of_cells

_NEAR = 3.0
"""Points within which lines meet, and coordinates are one."""
_MAX_RULES = 1500
_MAX_CELLS = 5000
_MIN_FILLED = 0.4
"""Share of cells that hold text; a drawing's grid holds less."""
_MIN_CELLS = 3
"""Cells with text; one or two words in a frame are no table."""

Rule = tuple[float, float, float]


@dataclass(slots=True)
class Rules:
    """Level ones as (y, from x, to x), plumb ones as (x, from y, to y)."""

    level: list[Rule] = field(default_factory=list)
    plumb: list[Rule] = field(default_factory=list)


def take_tables(words: Sequence[LayoutWord], rules: Rules) -> tuple[list[LayoutTable], list[LayoutWord]]:
    """The ruled tables, from top to bottom, and the words that are in none of them."""
    rest = list(words)
    tables = []
    for grid in _grids(rules):
        inside = [word for word in rest if grid.base_at(word) in grid.owner]
        table = _filled(grid, inside)
        if table is not None:
            tables.append(table)
            taken = {id(word) for word in inside}
            rest = [word for word in rest if id(word) not in taken]
    return sorted(tables, key=lambda table: table.bbox[1]), rest


@dataclass(slots=True)
class _Grid:
    """Cells by the base row and column where they start, with how many of each they span."""

    xs: list[float]
    ys: list[float]
    owner: dict[tuple[int, int], tuple[int, int]]
    """For each base cell, the base cell at the top left of what it belongs to."""

    @property
    def bbox(self) -> Box:
        return self.xs[0], self.ys[0], self.xs[-1], self.ys[-1]

    def base_at(self, word: LayoutWord) -> tuple[int, int]:
        x, y = (word.bbox[0] + word.bbox[2]) / 2, (word.bbox[1] + word.bbox[3]) / 2
        return bisect_right(self.ys, y) - 1, bisect_right(self.xs, x) - 1

    def spans(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Rows and columns of each cell."""
        spans: dict[tuple[int, int], tuple[int, int]] = {}
        for (row, column), owner in self.owner.items():
            height, width = spans.get(owner, (1, 1))
            spans[owner] = max(height, row - owner[0] + 1), max(width, column - owner[1] + 1)
        return spans


def _grids(rules: Rules) -> Iterator[_Grid]:
    if len(rules.level) + len(rules.plumb) > _MAX_RULES:
        return
    for level, plumb in _connected(_merged(rules.level), _merged(rules.plumb)):
        xs, ys = _with_open_edges(_distinct(x for x, _, _ in plumb), level), _distinct(y for y, _, _ in level)
        columns, rows = len(xs) - 1, len(ys) - 1
        if columns > 1 and rows > 1 and columns * rows <= _MAX_CELLS:
            yield _Grid(xs, ys, _owners(xs, ys, level, plumb))


def _with_open_edges(xs: list[float], level: list[Rule]) -> list[float]:
    """Columns at the sides, where all level lines go on beyond the last plumb ones."""
    if not xs:
        return xs
    left, right = min(start for _, start, _ in level), max(end for _, _, end in level)
    is_left = left < xs[0] - 3 * _NEAR and all(start - left <= _NEAR for _, start, _ in level)
    is_right = right > xs[-1] + 3 * _NEAR and all(right - end <= _NEAR for _, _, end in level)
    return [*([left] if is_left else []), *xs, *([right] if is_right else [])]


def _merged(rules: Sequence[Rule]) -> list[Rule]:
    """Pieces of one line put together."""
    merged: list[Rule] = []
    places = _distinct(place for place, _, _ in rules)
    snapped = ((places[bisect_right(places, place) - 1], start, end) for place, start, end in rules)
    for place, start, end in sorted(snapped):
        last = merged[-1] if merged else None
        if last and last[0] == place and start <= last[2] + _NEAR:
            merged[-1] = (place, last[1], max(last[2], end))
        else:
            merged.append((place, start, end))
    return merged


def _connected(level: list[Rule], plumb: list[Rule]) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Lines that cross or touch one another, directly or through others."""
    open_level, open_plumb = list(level), list(plumb)
    while open_level:
        levels, plumbs = [open_level.pop()], []
        fresh = True
        while fresh:
            joining = [rule for rule in open_plumb if any(_meet(each, rule) for each in levels)]
            open_plumb = [rule for rule in open_plumb if rule not in joining]
            plumbs.extend(joining)
            following = [rule for rule in open_level if any(_meet(rule, each) for each in joining)]
            open_level = [rule for rule in open_level if rule not in following]
            levels.extend(following)
            fresh = bool(following)
        yield levels, plumbs


def _meet(level: Rule, plumb: Rule) -> bool:
    y, x0, x1 = level
    x, y0, y1 = plumb
    return x0 - _NEAR <= x <= x1 + _NEAR and y0 - _NEAR <= y <= y1 + _NEAR


def _distinct(values: Iterable[float]) -> list[float]:
    distinct: list[float] = []
    for value in sorted(values):
        if not distinct or value - distinct[-1] > _NEAR:
            distinct.append(value)
    return distinct


def _owners(
    xs: list[float], ys: list[float], level: list[Rule], plumb: list[Rule]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Base cells joined where no line divides them; only to rectangles, as cells are."""
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(len(ys) - 1):
        for column in range(len(xs) - 1):
            if (row, column) in owner:
                continue
            width, height = 1, 1
            while column + width < len(xs) - 1 and (row, column + width) not in owner:
                if _divides(plumb, xs[column + width], ys[row], ys[row + 1]):
                    break
                width += 1
            while row + height < len(ys) - 1:
                left, right = xs[column], xs[column + width]
                if _divides(level, ys[row + height], left, right):
                    break
                height += 1
            for each_row in range(row, row + height):
                for each_column in range(column, column + width):
                    owner.setdefault((each_row, each_column), (row, column))
    return owner


def _divides(rules: list[Rule], place: float, start: float, end: float) -> bool:
    """Whether a line at `place` runs through the middle of `start` to `end`."""
    middle = (start + end) / 2
    return any(abs(each - place) <= _NEAR and from_ - _NEAR <= middle <= to + _NEAR for each, from_, to in rules)


def _filled(grid: _Grid, words: Sequence[LayoutWord]) -> LayoutTable | None:
    contents: dict[tuple[int, int], list[LayoutWord]] = {cell: [] for cell in set(grid.owner.values())}
    for word in words:
        contents[grid.owner[grid.base_at(word)]].append(word)
    filled = sum(bool(content) for content in contents.values())
    if filled < max(_MIN_CELLS, _MIN_FILLED * len(contents)):
        return None
    size = len(grid.ys) - 1, len(grid.xs) - 1
    return table_of_cells(contents, grid.spans(), size, grid.bbox, "ruled", header_rows=int(is_bold_header(contents)))
