"""Tables of HTML as grids, and which of them are tables at all: many only lay out a page or a mail."""

from collections.abc import Callable, Iterator

from actors.extractors.document import Cell, Table
from actors.extractors.office.xml_tree import Element

MAX_SPAN = 1000
"""Columns of one cell, as in HTML (4.9.11)."""
_MAX_ROWS = 65_534
_WIDE = 16_384
"""Columns after which a cell is given no more than one: what claims more means harm."""
_SECTIONS = {"thead": 0, "tbody": 1, "tfoot": 2}
_SIGNS_OF_DATA = ("thead", "tfoot", "caption", "colgroup", "col")


def is_data(table: Element) -> bool:
    """Whether its cells belong together as a table's do: by what it says, else by its form."""
    role = table.get("role", "").casefold()
    if role in {"presentation", "none"}:
        return False
    rows = [[cell.tag for cell in _cells(row)] for row, _ in _rows(table)]
    if role in {"table", "grid", "treegrid"} or any("th" in row for row in rows) or _has_sign(table):
        return any(rows)
    holds_another = next(table.iterdescendants("table"), None) is not None
    return not holds_another and len(rows) > 1 and any(len(row) > 1 for row in rows)


def _has_sign(table: Element) -> bool:
    return any(each.tag in _SIGNS_OF_DATA for each in table)


def read_table(table: Element, read_cell: Callable[[Element], str]) -> Table:
    """`read_cell` gives the text of a `td` or `th`; it is asked in the order in which rows are shown."""
    grid = _Grid(read_cell)
    for row, is_head in _rows(table):
        grid.add_row(row, is_head=is_head)
    for cell in grid.cells:
        cell.row_span = min(cell.row_span, grid.rows - cell.row)
    columns = max((cell.column + cell.column_span for cell in grid.cells), default=0)
    return Table("", 1, grid.rows, columns, "native", grid.cells)


def _rows(table: Element) -> Iterator[tuple[Element, bool]]:
    """Rows as they are shown, the head's first, with whether they are in it."""
    for section in sorted(table, key=lambda each: _SECTIONS.get(str(each.tag), 1)):
        if section.tag == "tr":
            yield section, False
        elif section.tag in _SECTIONS:
            yield from ((row, section.tag == "thead") for row in section if row.tag == "tr")


def _cells(row: Element) -> Iterator[Element]:
    return (each for each in row if each.tag in {"td", "th"})


class _Grid:
    """Places cells as HTML does (4.9.12): each in the first column that no cell from above reaches into."""

    def __init__(self, read_cell: Callable[[Element], str]) -> None:
        self._read_cell = read_cell
        self.cells: list[Cell] = []
        self.rows = 0
        self._taken: dict[int, int] = {}
        """Columns that a cell from above reaches into, and the first row that it leaves free."""

    def add_row(self, row: Element, *, is_head: bool) -> None:
        column = 0
        for element in _cells(row):
            while self._taken.get(column, 0) > self.rows:
                column += 1
            cell = self._cell(element, column, is_head=is_head)
            self.cells.append(cell)
            if cell.row_span > 1:
                until = self.rows + cell.row_span
                self._taken.update(dict.fromkeys(range(column, column + cell.column_span), until))
            column += cell.column_span
        self.rows += 1

    def _cell(self, element: Element, column: int, *, is_head: bool) -> Cell:
        return Cell(
            self.rows,
            column,
            self._read_cell(element),
            row_span=_span(element.get("rowspan"), _MAX_ROWS) or _MAX_ROWS,
            column_span=(_span(element.get("colspan"), MAX_SPAN) or 1) if column < _WIDE else 1,
            header=is_head or element.tag == "th",
        )


def _span(written: str | None, most: int) -> int:
    """0 stands for all rows that are left."""
    digits = (written or "1").strip()
    return min(int(digits), most) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 1  # noqa: PLR2004
