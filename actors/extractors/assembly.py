"""Puts the pieces that an extractor found into one document: content, and the exact span of everything in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from actors.extractors.document import Block, BlockType, Box, Document, Line, Page, Table, Word

# One code point for one code point, so that offsets found before cleaning stay right. PostgreSQL's JSONB refuses NUL
# and lone surrogates; the other controls have no place in a text.
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CLEAN = {0x0C: "\n", 0x0B: "\n", 0x0D: "\n", 0x85: "\n"}

LINE_BREAK = "\n"
BLOCK_BREAK = "\n\n"


def clean_text(text: str) -> str:
    """`text` without what JSON in a database cannot hold: same length, each bad code point replaced by one good one."""
    return _NOT_TEXT.sub(lambda match: _CLEAN.get(ord(match[0]), _stand_in(match[0])), text)


def _stand_in(character: str) -> str:
    return "\ufffd" if character == "\x00" or character >= "\ud800" else " "


@dataclass(slots=True)
class WordPiece:
    """A word of a line; `offset` is where it starts in the line's text."""

    text: str
    offset: int
    bbox: Box | None = None
    confidence: float = 1.0


@dataclass(slots=True)
class LinePiece:
    text: str
    bbox: Box | None = None
    confidence: float = 1.0
    words: list[WordPiece] = field(default_factory=list)


def line_pieces(text: str, *, keep_indent: bool = False) -> list[LinePiece]:
    """The lines of `text` that have something on them."""
    lines = text.split("\n")
    return [LinePiece(line.rstrip() if keep_indent else line.strip()) for line in lines if line.strip()]


@dataclass(slots=True)
class BlockPiece:
    """Lines that belong together, in reading order. A table's lines are its rows, cells separated by tabs."""

    type: BlockType
    lines: list[LinePiece]
    bbox: Box | None = None
    level: int | None = None
    layer: Literal["body", "furniture"] = "body"
    table: Table | None = None


@dataclass(slots=True)
class PagePiece:
    number: int
    width: float
    height: float
    blocks: list[BlockPiece] = field(default_factory=list)
    unit: Literal["pt", "px"] = "pt"
    rotation: int = 0
    source: Literal["text", "ocr", "mixed", "none"] = "text"
    confidence: float = 1.0
    error: str | None = None


def assemble(document: Document, pages: Iterable[PagePiece]) -> Document:
    """Fill `content`, `pages`, `blocks` and `tables` of `document` from `pages`; number its images; set its status."""
    assembly = _Assembly(document)
    for page in pages:
        assembly.add_page(page)
    document.content = "".join(assembly.parts)
    for number, image in enumerate(document.images, start=1):
        image.id = f"i{number}"
        image.bbox = rounded(image.bbox)
    if any(page.error for page in document.pages):
        document.status = "partial"
    return document


class _Assembly:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.parts: list[str] = []
        self.length = 0

    def add_page(self, piece: PagePiece) -> None:
        page = Page(
            number=piece.number,
            width=round(piece.width, 2),
            height=round(piece.height, 2),
            unit=piece.unit,
            rotation=piece.rotation,
            source=piece.source,
            confidence=round(piece.confidence, 4),
            error=piece.error,
        )
        start: int | None = None
        for block in piece.blocks:
            lines = self._add_block(block, piece.number)
            page.lines.extend(lines)
            if start is None and lines:
                start = lines[0].span[0]
        page.span = (self.length, 0) if start is None else (start, self.length - start)
        self.document.pages.append(page)

    def _add_block(self, piece: BlockPiece, page: int) -> list[Line]:
        pieces = [line for line in piece.lines if line.text]
        lines = [self._add_line(line, LINE_BREAK if index else BLOCK_BREAK) for index, line in enumerate(pieces)]
        if piece.table is not None:
            self._add_table(piece.table, page)
        if lines or piece.type in {"figure", "table"}:
            start = lines[0].span[0] if lines else self.length
            self.document.blocks.append(
                Block(
                    id=f"b{len(self.document.blocks) + 1}",
                    type=piece.type,
                    page=page,
                    span=(start, self.length - start),
                    bbox=rounded(piece.bbox or enclosing(line.bbox for line in lines)),
                    level=piece.level,
                    layer=piece.layer,
                )
            )
        return lines

    def _add_line(self, piece: LinePiece, separator: str) -> Line:
        text = clean_text(piece.text)
        start = self._write(text, separator)
        # A document may have hundreds of thousands of words: nothing is done for each that its line can tell.
        box, is_certain = rounded(piece.bbox), piece.confidence == 1.0
        words = [
            Word(
                text[word.offset : word.offset + len(word.text)],
                _rounded_in(word.bbox, piece.bbox, box),
                (start + word.offset, len(word.text)),
                1.0 if is_certain else round(word.confidence, 4),
            )
            for word in piece.words
        ]
        return Line(text, box, (start, len(text)), round(piece.confidence, 4), words)

    def _add_table(self, table: Table, page: int) -> None:
        table.id = f"t{len(self.document.tables) + 1}"
        table.page = page
        table.bbox = rounded(table.bbox)
        for cell in table.cells:
            cell.text = clean_text(cell.text)
        self.document.tables.append(table)

    def _write(self, text: str, separator: str) -> int:
        """Append the clean `text` after `separator` (not before the first text) and say where it starts."""
        if self.parts:
            self.parts.append(separator)
            self.length += len(separator)
        start = self.length
        self.parts.append(text)
        self.length += len(text)
        return start


def enclosing(boxes: Iterable[Box | None]) -> Box | None:
    """The smallest box around all that are known."""
    known = [box for box in boxes if box is not None]
    return around(known) if known else None


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of at least one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def rounded(box: Box | None) -> Box | None:
    return None if box is None else (round(box[0], 2), round(box[1], 2), round(box[2], 2), round(box[3], 2))


def _rounded_in(box: Box | None, line: Box | None, rounded_line: Box | None) -> Box | None:
    """`box` rounded, of a word in a line: most are as high as their line, whose box is rounded already."""
    if box is None or line is None or rounded_line is None or box[1] != line[1] or box[3] != line[3]:
        return rounded(box)
    return round(box[0], 2), rounded_line[1], round(box[2], 2), rounded_line[3]
