"""Rows of RTF as a table: how wide its columns are is all that a cell says of its place."""

from bisect import bisect_left
from dataclasses import dataclass, field

from actors.extractors.document import Cell, Table

_TOLERANCE = 30
"""Twips (twentieths of a point) that edges may be apart and still be one."""
MAX_COLUMNS = 200


@dataclass(slots=True)
class CellPlace:
    """Where a cell ends, in twips from the margin, and whether it goes on from the one above or before."""

    right: int
    continues_above: bool = False
    continues_before: bool = False


@dataclass(slots=True)
class Row:
    left: int = 0
    places: list[CellPlace] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    is_header: bool = False


def table_of(rows: list[Row]) -> Table:
    edges = _edges(rows)
    cells: list[Cell] = []
    above: dict[int, Cell] = {}
    for number, row in enumerate(rows):
        here: dict[int, Cell] = {}
        left = row.left
        before: Cell | None = None
        for index, text in enumerate(row.texts):
            place = row.places[index] if index < len(row.places) else CellPlace(left + 1)
            column = min(_column(edges, left), MAX_COLUMNS)
            span = max(1, _column(edges, place.right) - column)
            left = max(left, place.right)
            if place.continues_before and before is not None:
                before.column_span += span
                continue
            continued = above.get(column) if place.continues_above else None
            if continued is not None:
                continued.row_span += 1
                before = here[column] = continued
                continue
            before = here[column] = Cell(number, column, text, 1, span, row.is_header)
            cells.append(before)
        above = here
    return Table("", 1, len(rows), max((cell.column + cell.column_span for cell in cells), default=0), "native", cells)


def _edges(rows: list[Row]) -> list[int]:
    """All places where cells begin or end, those that are nearly the same once."""
    written = sorted({row.left for row in rows} | {place.right for row in rows for place in row.places})
    edges: list[int] = []
    for edge in written:
        if not edges or edge - edges[-1] > _TOLERANCE:
            edges.append(edge)
    return edges


def _column(edges: list[int], place: int) -> int:
    """The number of the edge that is there or just before."""
    return max(0, bisect_left(edges, place + 1) - 1)
