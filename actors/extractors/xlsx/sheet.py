"""One sheet as blocks: its name, its cells as a table, what is drawn on it, and comments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from actors.extractors.assembly import BlockPiece, line_pieces
from actors.extractors.document import Document
from actors.extractors.office.drawn_blocks import Drawing
from actors.extractors.office.package import Package, Relationship
from actors.extractors.office.xml_tree import child, descendants
from actors.extractors.sheet_grid import Cells, sheet_block
from actors.extractors.xlsx.cells import Values, area_of, read_cells
from actors.extractors.xlsx.shared_strings import string_of

MAX_CELLS = 1_000_000
"""Of a workbook; what comes after them is left out."""


@dataclass(slots=True)
class Reading:
    """What the sheets of one workbook share. `cells` counts those that were read."""

    package: Package
    values: Values
    document: Document
    with_tables: bool
    show_life: Callable[[], None]
    cells: int = 0


class Sheet:
    def __init__(self, reading: Reading, part: Relationship | None, number: int) -> None:
        self._reading, self._number = reading, number
        self._kind, self._part = (part.kind, part.target) if part is not None else ("", "")
        self._relationships = reading.package.relationships(self._part)

    def blocks(self, name: str) -> Iterator[BlockPiece]:
        """Raises ExtractionFailed for a part that cannot be read."""
        yield BlockPiece("heading", line_pieces(name), level=1)
        if self._kind != "chartsheet":
            table = self._table()
            yield from [table] if table is not None else []
        yield from self._drawings()
        yield from self._comments()

    def _table(self) -> BlockPiece | None:
        reading, document = self._reading, self._reading.document
        cells = Cells()
        for cells in read_cells(reading.package, self._part, reading.values, MAX_CELLS - reading.cells):  # noqa: B007
            reading.show_life()
        reading.cells += cells.count
        if cells.was_cut_off:
            document.warn("rows-omitted", f"Only the first {MAX_CELLS:,} cells of the file were read.", self._number)
        if cells.hides_some:
            document.warn("hidden-rows", "The sheet has rows that are hidden; they were read too.", self._number)
        cells.headers.extend(area for part in self._parts("table") if (area := self._header_of(part)) is not None)
        return sheet_block(cells, self._number, document, with_tables=reading.with_tables)

    def _header_of(self, part: str) -> tuple[int, int, int, int] | None:
        table = self._reading.package.xml(part)
        area = area_of(table.get("ref", "")) if table.get("headerRowCount", "1") != "0" else None
        return None if area is None else (area[0], area[1], area[0], area[3])

    def _drawings(self) -> Iterator[BlockPiece]:
        reading = self._reading
        for part in self._parts("drawing"):
            drawing = Drawing(reading.package, reading.package.relationships(part), reading.document, self._number)
            yield from drawing.blocks(reading.package.xml(part))

    def _comments(self) -> Iterator[BlockPiece]:
        """What readers wrote beside the cells: no part of them."""
        for part in self._parts("comments"):
            for comment in descendants(self._reading.package.xml(part), "x:comment"):
                text = child(comment, "x:text")
                lines = line_pieces("" if text is None else string_of(text))
                yield BlockPiece("paragraph", lines, layer="furniture")

    def _parts(self, kind: str) -> list[str]:
        related = self._relationships.values()
        return [each.target for each in related if each.kind == kind and not each.external and self._has(each.target)]

    def _has(self, part: str) -> bool:
        return part in self._reading.package
