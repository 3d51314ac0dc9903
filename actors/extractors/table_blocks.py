"""Tables as blocks of a document: a line for each row, and the grid beside it where it is wanted."""

from actors.extractors.assembly import BlockPiece, LinePiece
from actors.extractors.document import Document, Table

MAX_GRID = 1_000_000
"""Places of a grid; a table with more is text only."""


def table_block(table: Table, document: Document, *, with_tables: bool) -> BlockPiece:
    """The table, or its rows as a paragraph where tables are not wanted or, with a warning, where it is too large."""
    lines = [LinePiece(line) for line in row_lines(table)]
    is_too_large = table.rows * table.columns > MAX_GRID
    if is_too_large:
        warn_too_large(document, table.page)
    if with_tables and not is_too_large:
        return BlockPiece("table", lines, table.bbox, table=table)
    return BlockPiece("paragraph", lines, table.bbox)


def warn_too_large(document: Document, page: int) -> None:
    document.warn("table-too-large", "A table with very many cells is given as text only.", page)


def row_lines(table: Table) -> list[str]:
    """A line for each row, cells parted by tabs."""
    rows: list[list[str]] = [[] for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row].append(" ".join(cell.text.split("\n")))
    return ["\t".join(row) if any(row) else "" for row in rows]
