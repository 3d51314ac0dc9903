"""Tables on slides as grids (ECMA-376, part 1, 21.1.3)."""

from actors.extractors.document import Box, Cell, Table
from actors.extractors.office.xml_tree import Element, child, children, whole_number
from actors.extractors.pptx.paragraphs import paragraph_text

_ON = frozenset({"1", "true"})
_MAX_SPAN = 1000


def read_table(element: Element, page: int, bbox: Box | None) -> Table:
    """Of an `a:tbl`. What a cell covers is there as a cell of its own, which says so."""
    properties = child(element, "a:tblPr")
    has_header = properties is not None and properties.get("firstRow") in _ON
    rows = [list(children(row, "a:tc")) for row in children(element, "a:tr")]
    columns = max(map(len, rows), default=0)
    cells = [
        Cell(
            row,
            column,
            _text(cell),
            row_span=_span(cell.get("rowSpan"), len(rows) - row),
            column_span=_span(cell.get("gridSpan"), columns - column),
            header=has_header and row == 0,
        )
        for row, elements in enumerate(rows)
        for column, cell in enumerate(elements)
        if cell.get("hMerge") not in _ON and cell.get("vMerge") not in _ON
    ]
    return Table("", page, len(rows), columns, "native", cells, bbox)


def _span(written: str | None, most: int) -> int:
    return min(max(1, whole_number(written) or 1), most, _MAX_SPAN)


def _text(cell: Element) -> str:
    return "\n".join(map(paragraph_text, children(child(cell, "a:txBody"), "a:p"))).strip("\n")
