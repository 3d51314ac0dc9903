"""What may pass for a table by alignment alone. A false one does more harm than a missed one: it breaks up the text."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean, median

from actors.extractors.aligned_grid import Grid
from actors.extractors.aligned_rows import Chunk, Region, columns_of
from actors.extractors.header_rows import is_datum
from actors.extractors.table_cells import is_bold_header

_LEAST_COLUMNS, _LEAST_ROWS = 2, 3
_RULED = 2
"""Level lines all across from which a table is meant to be one."""
_LEAST_FILLED, _LEAST_FILLED_RULED = 0.55, 0.4
_LEAST_ALIGNED = 0.7
_NEAR = 0.4
"""Of the font size: edges are aligned."""
_PROSE_LENGTH, _PROSE_FILL = 16, 0.75
"""Mean characters of a line, and its share of the column, from which a column is text that was wrapped."""
_LONG_CELL = 60
_LEAST_DATA = 0.6
_LEADERS = re.compile(r"(?:[.·_] ?){4,}|…{2,}")
_MARKER = re.compile(r"[•‣◦●○▪■□–—*·\-]|\[?\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)\]]{1,2}")  # noqa: RUF001
_CODE = re.compile(r"[{};]\s*$|==|=>|\(\)|^\s*(?:#|//|def |if |for |return\b|import )|(?:^|\s)\|\s")
_FORMULA = re.compile("[\u2200-\u22ff\u27e8-\u27ef\uf8e5-\uf8ff]|:=|\\s=(?:\\s|$)")
"""Operators, and the parts of which tall brackets are made."""
_WITHOUT_HEADER = 5
"""Rows that are a table without a header."""
_WRITTEN_TO = re.compile(r"\S@\S|https?://")


def confidence_in(grid: Grid, region: Region, rules: int) -> float | None:
    """Between 0 and 1; None for what is no table. `rules`: how many level lines run all across."""
    if grid.columns < _LEAST_COLUMNS or grid.rows < _LEAST_ROWS:
        return None
    filled = _filled(grid)
    if filled < (_LEAST_FILLED_RULED if rules >= _RULED else _LEAST_FILLED) or _is_something_else(grid):
        return None
    if rules >= _RULED:
        return round(0.7 + 0.3 * filled, 2)
    aligned = _aligned(region)
    if aligned < _LEAST_ALIGNED or not _begins_whole(grid) or _is_prose(region) or not _holds_data(grid):
        return None
    return round(0.5 + 0.25 * filled + 0.25 * aligned, 2)


def _filled(grid: Grid) -> float:
    covered = sum(rows * columns for rows, columns in grid.spans.values()) - len(grid.spans)
    return (len(grid.contents) + covered) / (grid.rows * grid.columns)


def _is_something_else(grid: Grid) -> bool:
    """Contents with leaders, labels with values, lists, code."""
    rows = [" ".join(grid.row_texts(row)) for row in range(grid.rows)]
    first = [grid.text((row, 0)) for row in range(grid.rows)]
    if _share(rows, _LEADERS.search) > 0.3 or _share(rows, _CODE.search) > 0.3 or _share(rows, _FORMULA.search) > 0.3:  # noqa: PLR2004
        return True
    is_pair = grid.columns == _LEAST_COLUMNS
    return (
        is_pair
        and (
            sum(text.endswith(":") for text in first) >= len(first) / 2
            or _share(first, _MARKER.fullmatch) > 0.5  # noqa: PLR2004
            or not all(first[1:])
            or _are_pages(grid)
        )
    )


def _begins_whole(grid: Grid) -> bool:
    """The first row has all columns, but for a corner; without a header there are more rows."""
    named = (place for place in grid.contents if place[0] == 0 and any(map(str.isalnum, grid.text(place))))
    first = sum(grid.spans.get(place, (1, 1))[1] for place in named)
    return first >= grid.columns - 1 and (grid.header_rows > 0 or grid.rows >= _WITHOUT_HEADER)


def _share(texts: Sequence[str], matches: Callable[[str], object]) -> float:
    return sum(bool(matches(text)) for text in texts) / max(len(texts), 1)


def _are_pages(grid: Grid) -> bool:
    """The second of two columns counts up: pages of a table of contents."""
    numbers = grid.column_texts(1)
    if not all(number.isdecimal() for number in numbers):
        return False
    return all(int(a) <= int(b) for a, b in pairwise(numbers))


def _holds_data(grid: Grid) -> bool:
    """Columns of numbers, dates and the like beside words; or a header over short cells."""
    body = [grid.column_texts(column) for column in range(grid.columns)]
    data = [bool(texts) and fmean(map(is_datum, texts)) >= _LEAST_DATA for texts in body]
    longest = max((len(text) for texts in body for text in texts), default=0)
    words = [text for texts in body for text in texts] + grid.row_texts(0)
    if not any(any(map(str.isalpha, text)) for text in words) or any(map(_WRITTEN_TO.search, words)):
        return False
    if grid.columns == _LEAST_COLUMNS:
        has_header = is_bold_header(grid.contents) or grid.header_rows > 0
        return data[1] and not data[0] and grid.rows > _LEAST_ROWS and has_header and longest <= _LONG_CELL
    return any(data[1:]) or (is_bold_header(grid.contents) and grid.rows > _LEAST_ROWS and longest <= _LONG_CELL)


def _by_column(region: Region) -> list[list[Chunk]]:
    columns: list[list[Chunk]] = [[] for _ in region.columns]
    for row in region.rows:
        for chunk in row.chunks:
            reached = columns_of(region.columns, chunk.bbox)
            if len(reached) == 1:
                columns[reached.start].append(chunk)
    return columns


def _aligned(region: Region) -> float:
    """Share of cells that begin, end or are centred where most of their column do."""
    aligned = total = 0
    for chunks in _by_column(region):
        edges = [
            [chunk.bbox[0] for chunk in chunks],
            [chunk.bbox[2] for chunk in chunks],
            [(chunk.bbox[0] + chunk.bbox[2]) / 2 for chunk in chunks],
        ]
        near = _NEAR * region.rows[0].size
        aligned += max((sum(abs(x - median(places)) <= near for x in places) for places in edges if places), default=0)
        total += len(chunks)
    return aligned / max(total, 1)


def _is_prose(region: Region) -> bool:
    """Two columns or more of wrapped text."""
    columns = zip(region.columns, _by_column(region), strict=True)
    return sum(_is_wrapped(column, chunks) for column, chunks in columns if chunks) > 1


def _is_wrapped(column: tuple[float, float], chunks: Sequence[Chunk]) -> bool:
    length = fmean(len(chunk.text) for chunk in chunks)
    fill = median((chunk.bbox[2] - chunk.bbox[0]) / max(column[1] - column[0], 1.0) for chunk in chunks)
    return length >= _PROSE_LENGTH and fill >= _PROSE_FILL
