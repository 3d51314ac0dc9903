"""Tables and sheets as cells: repeated ones are counted out only where they hold something (part 3, 9)."""

from collections.abc import Callable, Iterator

from actors.extractors.office.xml_tree import Element, attribute, name_of, whole_number
from actors.extractors.sheet_grid import Area, Cells

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
MAX_CELLS = 1_000_000
"""Of one table; rows after them are left out."""
_GROUPS = frozenset({"table:table-header-rows", "table:table-rows", "table:table-row-group"})
_HIDDEN = frozenset({"collapse", "filter"})


def read_cells(table: Element, read_cell: Callable[[Element], str], *, is_sheet: bool) -> Cells:
    """`read_cell` gives the text of a cell. A sheet is as large as what is used of it, another table as it says."""
    reader = _Reader(read_cell)
    for row, is_header in _rows(table, is_header=False):
        if reader.cells.was_cut_off:
            break
        reader.take_row(row, is_header=is_header)
    if not is_sheet:
        reader.cells.size = (reader.row, reader.columns) if reader.row and reader.columns else None
    return reader.cells


def _rows(element: Element, *, is_header: bool) -> Iterator[tuple[Element, bool]]:
    for each in element:
        name = name_of(each)
        if name == "table:table-row":
            yield each, is_header
        elif name in _GROUPS:
            yield from _rows(each, is_header=is_header or name == "table:table-header-rows")


class _Reader:
    def __init__(self, read_cell: Callable[[Element], str]) -> None:
        self._read_cell = read_cell
        self.cells = Cells()
        self.row = self.columns = 0

    def take_row(self, row: Element, *, is_header: bool) -> None:
        repeated = _count(row, "table:number-rows-repeated", MAX_ROWS)
        texts = self._texts(row)
        if is_header:
            self.cells.headers.append((self.row, 0, self.row + repeated - 1, MAX_COLUMNS))
        self.cells.hides_some |= bool(texts) and attribute(row, "table:visibility") in _HIDDEN
        for number in range(self.row, self.row + repeated if texts else self.row):
            if self.cells.count >= MAX_CELLS or number >= MAX_ROWS:
                self.cells.was_cut_off = True
                break
            self.cells.rows[number] = texts
            self.cells.count += len(texts)
        self.row += repeated

    def _texts(self, row: Element) -> dict[int, str]:
        texts: dict[int, str] = {}
        column = 0
        for cell in row:
            repeated = _count(cell, "table:number-columns-repeated", MAX_COLUMNS)
            if name_of(cell) == "table:table-cell":
                text = self._read_cell(cell)
                if text.strip():
                    texts.update((each, text) for each in range(column, min(column + repeated, MAX_COLUMNS)))
                self.cells.merged.extend(_merged(cell, self.row, column))
            elif name_of(cell) != "table:covered-table-cell":
                continue
            column += repeated
        self.columns = max(self.columns, min(column, MAX_COLUMNS))
        return texts


def _merged(cell: Element, row: int, column: int) -> Iterator[Area]:
    rows = _count(cell, "table:number-rows-spanned", MAX_ROWS)
    columns = _count(cell, "table:number-columns-spanned", MAX_COLUMNS)
    if rows > 1 or columns > 1:
        yield row, column, row + rows - 1, column + columns - 1


def _count(element: Element, name: str, most: int) -> int:
    return min(max(1, whole_number(attribute(element, name)) or 1), most)
