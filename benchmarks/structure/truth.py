"""What a document's structure is, whoever says so: the one who wrote it, or a tool that read it."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows and columns count from 0; a cell that spans is named once, by where it starts."""

    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1


TableCells = tuple[Cell, ...]
Heading = tuple[int, str]
"""Level and text; levels count from 1, and a title's may be 0: only their order matters."""


@dataclass(slots=True)
class Structure:
    """Texts may differ from one another in white space."""

    pieces: list[str] = field(default_factory=list)
    """In reading order, furniture left out. What was found may be one long piece."""
    tables: list[TableCells] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    list_items: list[str] = field(default_factory=list)
    """With their markers, or without: those are not compared."""
    captions: list[str] = field(default_factory=list)
    footnotes: list[str] = field(default_factory=list)
    furniture: list[str] = field(default_factory=list)
    """Headers and footers, each as often as it stands on a page."""
    key_values: list[tuple[str, str]] = field(default_factory=list)
    figures: int = 0


def grid_cells(rows: Iterable[Iterable[str]]) -> TableCells:
    """Of a table without spans."""
    return tuple(Cell(row, column, text) for row, texts in enumerate(rows) for column, text in enumerate(texts))
