"""Text that runs on by itself (a body, a note, a text box, a shape), as blocks in order."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from actors.extractors.assembly import BlockPiece, line_pieces
from actors.extractors.document import Box, Document
from actors.extractors.embedded_images import HEAD_BYTES, MAX_IMAGES, embedded_image, media_type_of
from actors.extractors.office.package import Package
from actors.extractors.office.xml_tree import Element, attribute, child, children, descendants, name_of, whole_number
from actors.extractors.opendocument.inline import Inline, inline_of
from actors.extractors.opendocument.lengths import points
from actors.extractors.opendocument.lists import Lists, OpenList
from actors.extractors.opendocument.styles import Styles
from actors.extractors.opendocument.tables import read_cells
from actors.extractors.sheet_grid import sheet_block

_CONTAINERS = frozenset({"text:section", "text:index-body", "text:index-title", "text:numbered-paragraph"})
_INDEXES = frozenset(
    f"text:{name}"
    for name in (
        *("table-of-content", "illustration-index", "table-index", "object-index"),
        *("user-index", "alphabetical-index", "bibliography"),
    )
)
_ITEMS = frozenset({"text:list-item", "text:list-header"})
_PIXELS_PER_POINT = 96 / 72


@dataclass(slots=True)
class Reading:
    """What the stories of one page share. Notes and comments are read when their place in the text has been."""

    package: Package
    styles: Styles
    lists: Lists
    document: Document
    with_tables: bool
    page: int = 1
    has_places: bool = False
    """Shapes stand where they say; on text pages only a layout would tell."""
    notes: list[Element] = field(default_factory=list)
    comments: list[Element] = field(default_factory=list)


class Story:
    def __init__(self, reading: Reading) -> None:
        self._reading, self._styles = reading, reading.styles

    def blocks(self, element: Element) -> Iterator[BlockPiece]:
        for each in element:
            name = name_of(each)
            if name in {"text:p", "text:h"}:
                yield from self._paragraph(each, None, None)
            elif name == "text:list":
                yield from self._list(each, None)
            elif name == "table:table":
                yield from self._table(each)
            elif name in _CONTAINERS or name in _INDEXES:
                yield from self._container(each)
            elif name.startswith("draw:"):
                yield from self.drawn(each)

    def _container(self, element: Element) -> Iterator[BlockPiece]:
        if attribute(element, "text:display") == "none":
            self._note_hidden_text()
        else:
            yield from self.blocks(element)

    def _paragraph(self, element: Element, within: OpenList | None, marker: str | None) -> Iterator[BlockPiece]:
        inline = inline_of(element, self._styles)
        self._take_beside(inline)
        if inline.text.strip():
            yield self._block(element, inline.text, within, marker)
        for each in inline.beside:
            yield from self.drawn(each)

    def _take_beside(self, inline: Inline) -> None:
        self._reading.notes.extend(inline.notes)
        self._reading.comments.extend(inline.comments)
        if inline.has_hidden_text:
            self._note_hidden_text()

    def _note_hidden_text(self) -> None:
        self._reading.document.warn("hidden-text", "Text that is marked as hidden was left out.", self._reading.page)

    def _block(self, element: Element, text: str, within: OpenList | None, marker: str | None) -> BlockPiece:
        style = attribute(element, "text:style-name")
        if name_of(element) == "text:h":
            level = whole_number(attribute(element, "text:outline-level")) or 1
            return BlockPiece("heading", line_pieces(text), level=min(max(level, 1), 9))
        if marker is not None and within is not None:
            return BlockPiece("list_item", line_pieces(f"{marker} {text.lstrip()}"), level=within.level)
        if self._styles.is_title(style):
            return BlockPiece("title", line_pieces(text))
        if self._styles.is_code(style):
            return BlockPiece("code", line_pieces(text, keep_indent=True))
        return BlockPiece("caption" if self._styles.is_caption(style) else "paragraph", line_pieces(text))

    def _list(self, element: Element, within: OpenList | None) -> Iterator[BlockPiece]:
        first = next(descendants(element, "text:p", "text:h"), None)
        opened = self._reading.lists.opened(element, within, attribute(first, "text:style-name"))
        for item in element:
            if name_of(item) in _ITEMS:
                yield from self._item(item, opened)
        self._reading.lists.closed(opened)

    def _item(self, item: Element, opened: OpenList) -> Iterator[BlockPiece]:
        """Only the first paragraph of an item has its marker; one that begins with a list inside has none."""
        begins = next((name_of(each) for each in item), "")
        is_marked = name_of(item) == "text:list-item" and begins != "text:list"
        marker = self._reading.lists.marker(item, opened) if is_marked else None
        for each in item:
            if name_of(each) == "text:list":
                yield from self._list(each, opened)
            elif name_of(each) in {"text:p", "text:h"}:
                yield from self._paragraph(each, opened, marker)
                marker = None

    def _table(self, element: Element) -> Iterator[BlockPiece]:
        beside: list[BlockPiece] = []

        def read_cell(cell: Element) -> str:
            blocks = list(self.blocks(cell))
            beside.extend(block for block in blocks if block.type == "figure" and not block.lines)
            return "\n".join(line.text for block in blocks for line in block.lines)

        reading = self._reading
        cells = read_cells(element, read_cell, is_sheet=False)
        block = sheet_block(cells, reading.page, reading.document, with_tables=reading.with_tables)
        yield from [block] if block is not None else []
        yield from beside

    def drawn(self, element: Element) -> Iterator[BlockPiece]:
        """A frame, a shape with text, or a group of them."""
        box = _box(element) if self._reading.has_places else None
        match name_of(element):
            case "draw:frame":
                found = self._frame(element, box)
            case "draw:g" | "draw:a":
                found = (block for each in element for block in self.drawn(each))
            case _:
                found = self.blocks(element)
        for block in found:
            block.bbox = block.bbox or box
            if block.table is not None:
                block.table.bbox = block.table.bbox or box
            yield block

    def _frame(self, frame: Element, box: Box | None) -> Iterator[BlockPiece]:
        """Its first content that can be shown: the others are the same in other forms."""
        for each in frame:
            match name_of(each):
                case "draw:text-box":
                    yield from self.blocks(each)
                    return
                case "table:table":
                    yield from self._table(each)
                    return
                case "draw:image":
                    self._list_image(attribute(each, "xlink:href") or "", frame, box)
                    yield BlockPiece("figure", [])
                    return

    def _list_image(self, reference: str, frame: Element, box: Box | None) -> None:
        package, images = self._reading.package, self._reading.document.images
        part = reference.removeprefix("./")
        if part not in package or len(images) >= MAX_IMAGES:
            return
        width, height = (points(attribute(frame, f"svg:{side}")) or 0.0 for side in ("width", "height"))
        shown = round(width * _PIXELS_PER_POINT), round(height * _PIXELS_PER_POINT)
        images.append(
            embedded_image(package.head(part, HEAD_BYTES), media_type_of(part), shown, self._reading.page, box)
        )

    def notes(self) -> Iterator[BlockPiece]:
        """The footnotes and endnotes that the text has referred to so far; each once."""
        notes, self._reading.notes = self._reading.notes, []
        for note in notes:
            body = child(note, "text:note-body")
            for block in self.blocks(body) if body is not None else ():
                if block.type not in {"table", "figure"}:
                    block.type, block.level = "footnote", None
                yield block

    def comments(self) -> Iterator[BlockPiece]:
        """What readers wrote beside the text: no part of it."""
        comments, self._reading.comments = self._reading.comments, []
        for comment in comments:
            for paragraph in children(comment, "text:p"):
                yield BlockPiece("paragraph", line_pieces(inline_of(paragraph, self._styles).text), layer="furniture")


def _box(element: Element) -> Box | None:
    x, y, width, height = (points(attribute(element, f"svg:{name}")) for name in ("x", "y", "width", "height"))
    if x is None or y is None or width is None or height is None:
        return None
    return x, y, x + width, y + height
