"""A PDF that is being written, and all that is known of it."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fpdf import FPDF

from benchmarks.structure.truth import Cell, Structure, TableCells

Lines = Literal["ruled", "booktabs", "none"]
LEFT, TOP, RIGHT, BOTTOM = 62.0, 80.0, 533.0, 745.0
"""Points between which the text of an A4 page stands."""
HEADING_SIZES = {1: 1.9, 2: 1.45, 3: 1.2}
"""Against the body's."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """How a table looks. Widths in points; `aligned` has a letter for each column: left, right or centred."""

    cells: TableCells
    widths: Sequence[float]
    aligned: str
    lines: Lines
    bold_header: bool = True
    header_rows: int = 1
    padding: float = 4.0


@dataclass(slots=True)
class Sheet:
    """Writes from top to bottom; `y` is where the next line's top will be."""

    family: str = "Helvetica"
    size: float = 10.0
    leading: float = 1.3
    pdf: FPDF = field(default_factory=lambda: FPDF(unit="pt", format="A4"))
    truth: Structure = field(default_factory=Structure)
    y: float = TOP

    @classmethod
    def of_chance(cls, chance: random.Random) -> "Sheet":
        sheet = cls(chance.choice(["Helvetica", "Times"]), chance.choice([9.0, 10.0, 11.0]), chance.uniform(1.15, 1.4))
        sheet.pdf.set_auto_page_break(auto=False)
        sheet.new_page()
        return sheet

    def __bytes__(self) -> bytes:
        return bytes(self.pdf.output())

    def new_page(self) -> None:
        self.pdf.add_page()
        self.y = TOP

    @property
    def line_height(self) -> float:
        return self.size * self.leading

    def font(self, *, bold: bool = False, italic: bool = False, size: float | None = None, family: str = "") -> None:
        style = ("B" if bold else "") + ("I" if italic else "")
        self.pdf.set_font(family or self.family, style=style, size=size or self.size)

    def line(self, text: str, x: float, top: float, size: float | None = None) -> None:
        """One line of the current font."""
        self.pdf.text(x, top + 0.8 * (size or self.size), text)

    def wrapped(self, text: str, width: float) -> list[str]:
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.pdf.get_string_width(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def heading(self, text: str, level: int, x: float = LEFT) -> None:
        size = self.size * HEADING_SIZES[level]
        self.y += 0.6 * size
        self.font(bold=True, size=size)
        self.line(text, x, self.y, size)
        self.y += 1.5 * size
        self.truth.headings.append((level, text))
        self.truth.pieces.append(text)

    def paragraph(self, text: str, x: float = LEFT, width: float = RIGHT - LEFT) -> None:
        self.font()
        self.truth.pieces.append(text)
        self._lines(text, x, width)
        self.y += 0.7 * self.line_height

    def _lines(self, text: str, x: float, width: float) -> None:
        for line in self.wrapped(text, width):
            self.line(line, x, self.y)
            self.y += self.line_height

    def list_item(self, marker: str, text: str, depth: int = 0, width: float = RIGHT - LEFT) -> None:
        self.font()
        x = LEFT + 10 + 20 * depth
        self.line(marker, x, self.y)
        self._lines(text, x + 16, width - (x + 16 - LEFT))
        self.truth.list_items.append(f"{marker} {text}")
        self.truth.pieces.append(f"{marker} {text}")

    def verbatim(self, lines: Iterable[str]) -> None:
        """In a typewriter's letters, blanks kept."""
        self.font(family="Courier")
        for line in lines:
            self.line(line, LEFT, self.y)
            self.y += self.line_height
            self.truth.pieces.append(line)
        self.y += self.line_height

    def caption(self, text: str) -> None:
        self.font(italic=True, size=0.9 * self.size)
        self.line(text, LEFT, self.y)
        self.y += 1.8 * self.line_height
        self.truth.captions.append(text)
        self.truth.pieces.append(text)

    def table(self, spec: TableSpec, x: float = LEFT) -> None:
        self.truth.tables.append(spec.cells)
        self.y = _TableWriter(self, spec, x).write() + 0.8 * self.line_height


class _TableWriter:
    """Writes a table at its place: text row by row, lines afterwards."""

    def __init__(self, sheet: Sheet, spec: TableSpec, x: float) -> None:
        self._sheet, self._spec = sheet, spec
        self._xs = [x]
        for width in spec.widths:
            self._xs.append(self._xs[-1] + width)
        self._texts = {cell: self._wrapped(cell) for cell in spec.cells}
        self._ys = [sheet.y]
        for row in range(max(cell.row + cell.row_span for cell in spec.cells)):
            tallest = max(len(self._texts[cell]) for cell in spec.cells if cell.row == row and cell.row_span == 1)
            self._ys.append(self._ys[-1] + tallest * sheet.line_height + spec.padding)

    def write(self) -> float:
        """Where the table ends."""
        for cell in sorted(self._spec.cells, key=lambda each: (each.row, each.column)):
            self._write_cell(cell)
        if self._spec.lines == "ruled":
            self._frame_cells()
        if self._spec.lines == "booktabs":
            self._draw_rules()
        return self._ys[-1]

    def _bold(self, cell: Cell) -> bool:
        return self._spec.bold_header and cell.row < self._spec.header_rows

    def _wrapped(self, cell: Cell) -> list[str]:
        width = self._xs[cell.column + cell.column_span] - self._xs[cell.column] - 10
        self._sheet.font(bold=self._bold(cell))
        return self._sheet.wrapped(cell.text, width) or [""]

    def _write_cell(self, cell: Cell) -> None:
        sheet, left, right = self._sheet, self._xs[cell.column], self._xs[cell.column + cell.column_span]
        sheet.font(bold=self._bold(cell))
        align = "c" if cell.column_span > 1 else self._spec.aligned[cell.column]
        for number, line in enumerate(self._texts[cell]):
            spare = right - left - 10 - sheet.pdf.get_string_width(line)
            x = left + 5 + {"l": 0.0, "c": spare / 2, "r": spare}[align]
            sheet.line(line, x, self._ys[cell.row] + self._spec.padding / 2 + number * sheet.line_height)

    def _frame_cells(self) -> None:
        self._sheet.pdf.set_line_width(0.6)
        for cell in self._spec.cells:
            x, y = self._xs[cell.column], self._ys[cell.row]
            width = self._xs[cell.column + cell.column_span] - x
            self._sheet.pdf.rect(x, y, width, self._ys[cell.row + cell.row_span] - y)

    def _draw_rules(self) -> None:
        for row, weight in ((0, 1.0), (self._spec.header_rows, 0.5), (len(self._ys) - 1, 1.0)):
            self._rule(self._xs[0], self._xs[-1], self._ys[row], weight)
        for cell in self._spec.cells:
            if cell.column_span > 1 and cell.row < self._spec.header_rows:
                end = self._xs[cell.column + cell.column_span]
                self._rule(self._xs[cell.column] + 3, end - 3, self._ys[cell.row + 1], 0.4)

    def _rule(self, start: float, end: float, y: float, weight: float) -> None:
        self._sheet.pdf.set_line_width(weight)
        self._sheet.pdf.line(start, y, end, y)
