"""The pages of the three forms of OpenDocument: a text is one, a sheet and a slide are one each."""

from collections.abc import Iterator
from typing import Literal

from actors.extractors.assembly import BlockPiece, line_pieces
from actors.extractors.office.xml_tree import Element, attribute, child, children, descendants, name_of
from actors.extractors.opendocument.inline import inline_of
from actors.extractors.opendocument.story import Reading, Story
from actors.extractors.opendocument.tables import MAX_CELLS, read_cells
from actors.extractors.sheet_grid import sheet_block

_FURNITURE = frozenset({"footer", "header", "date-time", "page-number"})
_VALUES = ("office:string-value", "office:date-value", "office:time-value", "office:boolean-value", "office:value")


def text_blocks(reading: Reading, body: Element, masters: Element | None) -> Iterator[BlockPiece]:
    """Headers, text, notes, comments, footers."""
    story = Story(reading)
    yield from _furniture(reading, masters, "header")
    yield from story.blocks(body)
    yield from story.notes()
    yield from story.comments()
    yield from _furniture(reading, masters, "footer")


def _furniture(reading: Reading, masters: Element | None, kind: Literal["header", "footer"]) -> Iterator[BlockPiece]:
    """Of all pages' headers, or footers, that read the same the first."""
    seen = set()
    for part in descendants(masters, f"style:{kind}", f"style:{kind}-left", f"style:{kind}-first"):
        blocks = [] if attribute(part, "style:display") == "false" else list(Story(reading).blocks(part))
        text = tuple(line.text for block in blocks for line in block.lines)
        if text in seen:
            continue
        seen.add(text)
        for block in blocks:
            block.layer, block.table = "furniture", None
            if block.type != "figure":
                block.type, block.level = kind, None
            yield block


def sheet_blocks(reading: Reading, table: Element) -> Iterator[BlockPiece]:
    """The sheet's name, its cells as one table, what is drawn on it, comments."""
    document, page, story = reading.document, reading.page, Story(reading)
    drawn: list[Element] = []

    def read_cell(cell: Element) -> str:
        inlines = [inline_of(each, reading.styles) for each in children(cell, "text:p")]
        for inline in inlines:
            drawn.extend(inline.beside)
        drawn.extend(each for each in cell if name_of(each).startswith("draw:"))
        reading.comments.extend(children(cell, "office:annotation"))
        return "\n".join(inline.text for inline in inlines) or _value(cell)

    yield BlockPiece("heading", line_pieces(attribute(table, "table:name") or ""), level=1)
    cells = read_cells(table, read_cell, is_sheet=True)
    if cells.was_cut_off:
        document.warn("rows-omitted", f"Only the first {MAX_CELLS:,} cells of the sheet were read.", page)
    if cells.hides_some:
        document.warn("hidden-rows", "The sheet has rows that are hidden; they were read too.", page)
    if not reading.styles.is_shown_table(attribute(table, "table:style-name")):
        document.warn("hidden-sheet", "The sheet is hidden in the workbook.", page)
    block = sheet_block(cells, page, document, with_tables=reading.with_tables)
    yield from [block] if block is not None else []
    for each in (*children(table, "table:shapes"), *drawn):
        yield from story.blocks(each) if name_of(each) == "table:shapes" else story.drawn(each)
    yield from story.comments()


def _value(cell: Element) -> str:
    """Some writers leave out how a value is shown."""
    return next((value for name in _VALUES if (value := attribute(cell, name))), "")


def slide_blocks(reading: Reading, slide: Element) -> Iterator[BlockPiece]:
    """The title, then what else stands on the slide in its order, notes, comments."""
    story = Story(reading)
    shapes = [each for each in slide if name_of(each).startswith("draw:")]
    for shape in sorted(shapes, key=lambda each: attribute(each, "presentation:class") != "title"):
        kind = attribute(shape, "presentation:class")
        for block in story.drawn(shape):
            if kind == "title" and block.type in {"paragraph", "list_item"}:
                block.type, block.level = "heading", 1
            elif kind in _FURNITURE:
                block.type, block.level, block.layer = "footer", None, "furniture"
            yield block
    for shape in children(child(slide, "presentation:notes"), "draw:frame"):
        if attribute(shape, "presentation:class") == "notes":
            for block in story.drawn(shape):
                # They stand on a page of their own.
                yield BlockPiece("footnote", block.lines)
    reading.comments.extend(children(slide, "office:annotation"))
    yield from story.comments()
