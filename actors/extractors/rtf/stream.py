"""Text that runs on by itself (the body, a header, a note), becoming blocks as its paragraphs and rows end."""

import re
from dataclasses import dataclass, field
from typing import Literal

from actors.extractors.assembly import BlockPiece, line_pieces
from actors.extractors.document import Document
from actors.extractors.rtf.characters import paired
from actors.extractors.rtf.tables import Row, table_of
from actors.extractors.table_blocks import table_block

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_CODE = frozenset({"html preformatted", "preformatted text", "source code", "code"})
# Writers without lists put their markers before the text.
_WRITTEN_MARKER = re.compile(r"([•◦▪‣–-]|\(?[0-9a-zA-Z]{1,3}[.)])\t\s*(?=\S)")  # noqa: RUF001
_MAX_CELLS = 1_000_000

Layer = Literal["body", "header", "footer", "footnote", "comment"]


@dataclass(slots=True)
class Paragraph:
    """What a paragraph is; `style` is its style's name, `list_level` counts from 0."""

    style: str = ""
    outline: int | None = None
    list_level: int = 0
    in_table: bool = False


@dataclass(slots=True)
class Stream:
    layer: Layer
    document: Document
    with_tables: bool
    blocks: list[BlockPiece] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _figures: int = 0
    _marker: str = ""
    _cell: list[str] = field(default_factory=list)
    _row: Row = field(default_factory=Row)
    _rows: list[Row] = field(default_factory=list)
    _cells: int = 0

    def write(self, text: str) -> None:
        self._text.append(text)

    def figure(self) -> None:
        self._figures += 1

    def marker(self, text: str) -> None:
        """What stands before the next paragraph as an item of a list."""
        self._marker = " ".join(text.split())

    def end_paragraph(self, paragraph: Paragraph) -> None:
        text, marker = paired("".join(self._text)), self._marker
        self._text, self._marker = [], ""
        if paragraph.in_table:
            self._cell.append(f"{marker} {text.strip()}" if marker else text.strip())
            return
        self._end_table()
        lines = line_pieces(text)
        if lines:
            self.blocks.append(self._block(text, marker, paragraph))
        self._end_figures()

    def end_cell(self, paragraph: Paragraph) -> None:
        paragraph.in_table = True
        self.end_paragraph(paragraph)
        self._row.texts.append("\n".join(line for line in self._cell if line))
        self._cell = []

    def end_row(self, row: Row) -> None:
        """`row` says where its cells are; the texts are those that ended since the last row."""
        self._rows.append(Row(row.left, list(row.places), self._row.texts, row.is_header))
        self._cells += len(self._row.texts)
        self._row = Row()
        if self._cells > _MAX_CELLS:
            self._end_table()

    def end(self) -> list[BlockPiece]:
        self.end_paragraph(Paragraph())
        return self.blocks

    def _end_table(self) -> None:
        if self._row.texts or self._cell:
            self._rows.append(Row(texts=[*self._row.texts, *self._cell]))
            self._row, self._cell = Row(), []
        rows, self._rows, self._cells = self._rows, [], 0
        if rows and (table := table_of(rows)).cells:
            block = table_block(table, self.document, with_tables=self.with_tables and self.layer != "comment")
            self.blocks.append(self._in_layer(block))
            self._end_figures()

    def _end_figures(self) -> None:
        self.blocks.extend(self._in_layer(BlockPiece("figure", [])) for _ in range(self._figures))
        self._figures = 0

    def _block(self, text: str, marker: str, paragraph: Paragraph) -> BlockPiece:
        written = _WRITTEN_MARKER.match(text.lstrip())
        if not marker and written is not None:
            marker, text = written[1], text.lstrip()[written.end() :]
        lines = line_pieces(f"{marker} {text.strip()}" if marker else text)
        style = paragraph.style.casefold()
        heading = _HEADING.fullmatch(style)
        if paragraph.outline is not None or heading is not None:
            level = paragraph.outline + 1 if paragraph.outline is not None else int(heading[1]) if heading else 1
            return self._in_layer(BlockPiece("heading", lines, level=level))
        if marker:
            return self._in_layer(BlockPiece("list_item", lines, level=paragraph.list_level + 1))
        if style in _CODE:
            return self._in_layer(BlockPiece("code", line_pieces(text, keep_indent=True)))
        known = style if style in {"title", "caption"} else "paragraph"
        return self._in_layer(BlockPiece(known, lines))  # type: ignore[arg-type]  # one of the three

    def _in_layer(self, block: BlockPiece) -> BlockPiece:
        match self.layer:
            case "header" | "footer":
                block.layer, block.table = "furniture", None
                if block.type != "figure":
                    block.type, block.level = self.layer, None
            case "comment":
                block.layer = "furniture"
            case "footnote" if block.type not in {"table", "figure"}:
                block.type, block.level = "footnote", None
        return block
