"""Tables as a grid of cells, with what Word merged merged."""

from collections.abc import Callable, Iterator

from actors.extractors.document import Cell, Table
from actors.extractors.docx.styles import Styles
from actors.extractors.office.drawings import chosen_alternative
from actors.extractors.office.xml_tree import Element, attribute, child, is_on, name_of, number_at, value_at

MAX_SPAN = 63
"""Columns of a table in Word; what claims more is broken or means harm."""
_ON = frozenset({"1", "true", "on"})
_FIRST_ROW = 0x20
_TRANSPARENT = frozenset({"w:sdt", "w:sdtContent", "w:customXml", "w:ins", "w:moveTo", "mc:AlternateContent"})


def within(element: Element, *names: str) -> Iterator[Element]:
    """The children of those names, also where markup without a look of its own is wrapped around them."""
    for each in element:
        name = name_of(each)
        if name in names:
            yield each
        elif name in _TRANSPARENT:
            inner = chosen_alternative(each) if name == "mc:AlternateContent" else each
            if inner is not None:
                yield from within(inner, *names)


def read_table(element: Element, styles: Styles, read_cell: Callable[[Element], str]) -> Table:
    """`read_cell` gives the text of a `w:tc`; it is asked in the order of the document."""
    grid = _Grid(read_cell)
    for row in within(element, "w:tr"):
        if child(row, "w:trPr", "w:del") is None:
            grid.add_row(row)
    grid.mark_headers(_first_row_is_set_apart(element, styles))
    columns = max((cell.column + cell.column_span for cell in grid.cells), default=0)
    return Table("", 1, grid.rows, columns, "native", grid.cells)


class _Grid:
    def __init__(self, read_cell: Callable[[Element], str]) -> None:
        self._read_cell = read_cell
        self.cells: list[Cell] = []
        self.rows = 0
        self._open: dict[int, Cell] = {}
        """Cells by their first column that the next row may continue."""
        self._header_rows = 0

    def add_row(self, row: Element) -> None:
        properties = child(row, "w:trPr")
        if is_on(properties, "w:tblHeader") and self._header_rows == self.rows:
            self._header_rows += 1
        column = _span(number_at(properties, "w:gridBefore"), least=0)
        above, self._open = self._open, {}
        before: Cell | None = None
        for element in within(row, "w:tc"):
            cell = self._cell(element, column, above, before)
            column += _span(number_at(element, "w:tcPr", "w:gridSpan"), least=1)
            before = cell
        self.rows += 1

    def _cell(self, element: Element, column: int, above: dict[int, Cell], before: Cell | None) -> Cell:
        properties = child(element, "w:tcPr")
        span = _span(number_at(properties, "w:gridSpan"), least=1)
        if before is not None and value_at(properties, "w:hMerge") == "continue":
            before.column_span += span
            return before
        merge = child(properties, "w:vMerge")
        continued = above.get(column) if merge is not None and attribute(merge, "w:val") != "restart" else None
        if continued is not None:
            continued.row_span += 1
            self._open[column] = continued
            return continued
        cell = Cell(self.rows, column, self._read_cell(element), column_span=span)
        self.cells.append(cell)
        if merge is not None:
            self._open[column] = cell
        return cell

    def mark_headers(self, first_row_is_set_apart: bool) -> None:
        rows = self._header_rows or (1 if first_row_is_set_apart and self.rows > 1 else 0)
        for cell in self.cells:
            cell.header = cell.row < rows


def _span(written: int | None, least: int) -> int:
    return max(least, min(written or 0, MAX_SPAN))


def _first_row_is_set_apart(element: Element, styles: Styles) -> bool:
    """By the table's style, where the table uses that part of it (17.4.55; older files have bits instead)."""
    properties = child(element, "w:tblPr")
    look = child(properties, "w:tblLook")
    first_row = attribute(look, "w:firstRow")
    uses_it = first_row in _ON if first_row is not None else bool(_bits(attribute(look, "w:val")) & _FIRST_ROW)
    return uses_it and styles.formats_first_row(value_at(properties, "w:tblStyle"))


def _bits(written: str | None) -> int:
    try:
        return int(written or "0", 16)
    except ValueError:
        return 0
