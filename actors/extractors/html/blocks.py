"""The blocks of an HTML tree in the order in which they are read, without what a browser does not show."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from actors.extractors.assembly import BlockPiece, LinePiece, line_pieces
from actors.extractors.document import BlockType, Document, Image
from actors.extractors.embedded_images import MAX_IMAGES
from actors.extractors.html.elements import BLOCKS, HEADINGS, LISTS, NOT_SHOWN, SECTIONING, VERBATIM, is_hidden
from actors.extractors.html.inline import InlineText, collapsed
from actors.extractors.html.lists import List, listed
from actors.extractors.html.tables import is_data, read_table
from actors.extractors.office.xml_tree import Element
from actors.extractors.table_blocks import table_block


@dataclass(slots=True)
class HtmlReading:
    """What is read of one tree. `image_at` finds the picture that a `src` names within the file."""

    document: Document
    image_at: Callable[[str], Image | None]
    with_tables: bool = True
    page: int = 1


def blocks_of(root: Element, reading: HtmlReading) -> Iterator[BlockPiece]:
    return _Walk(root, reading, lays_out=False).blocks()


@dataclass(slots=True)
class _Context:
    """What text is, inside of one element."""

    element: Element
    type: BlockType = "paragraph"
    level: int | None = None
    marker: str | None = None
    """Of a list item, until its first text has it."""
    furniture: Literal["header", "footer", "paragraph"] | None = None
    verbatim: bool = False
    items_of: List | None = None


class _Walk:
    """Goes through a tree without recursion: documents are nested as deeply as their writers like."""

    def __init__(self, root: Element, reading: HtmlReading, *, lays_out: bool) -> None:
        """`lays_out`: every table in here is taken for layout."""
        self._root, self._reading, self._lays_out = root, reading, lays_out
        self._document = reading.document
        self._inline = InlineText()
        self._contexts = [_Context(root)]
        self._figures = 0
        self._ready: list[BlockPiece] = []

    def blocks(self) -> Iterator[BlockPiece]:
        walk = etree.iterwalk(self._root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                self._leave(element)
            elif not self._enter(element):
                walk.skip_subtree()
            if self._ready:
                yield from self._ready
                self._ready.clear()

    def _enter(self, element: Element) -> bool:
        """Whether what is inside is to be read."""
        name = str(element.tag)
        if name in BLOCKS:
            self._flush()
        if name in NOT_SHOWN or self._is_hidden(element):
            self._look_for_pictures(element)
            return False
        if name == "table" and not self._lays_out and is_data(element):
            self._table(element)
            return False
        self._open(element, name)
        self._add(element.text)
        return True

    def _leave(self, element: Element) -> None:
        if element.tag in BLOCKS:
            self._flush()
        if element.tag in _CLOSING:
            self._inline.add(_CLOSING[str(element.tag)])
        if len(self._contexts) > 1 and self._contexts[-1].element is element:
            self._contexts.pop()
        if element is not self._root:
            self._add(element.tail)

    def _is_hidden(self, element: Element) -> bool:
        if not is_hidden(element):
            return False
        self._document.warn("hidden-text", "Text that is marked as hidden was left out.", self._reading.page)
        return True

    def _add(self, text: str | None) -> None:
        if self._contexts[-1].verbatim:
            self._inline.keep(text)
        else:
            self._inline.add(text)

    def _open(self, element: Element, name: str) -> None:
        above = self._contexts[-1]
        if name in HEADINGS:
            self._push(element, type="heading", level=HEADINGS[name])
        elif name in LISTS:
            self._push(element, items_of=List.of(element, within=above.items_of))
        elif name == "li":
            self._push(element, type="list_item", **listed(element, above.items_of))
        elif name in VERBATIM:
            self._push(element, type="code", verbatim=True)
        elif name in {"figcaption", "caption"}:
            self._push(element, type="caption")
        elif name in {"nav", "header", "footer"}:
            self._push(element, furniture=above.furniture or _furniture(element))
        elif name == "br":
            self._inline.keep("\n")
        elif name == "img":
            self._inline.add(element.get("alt"))
            self._picture(element.get("src"))
        elif name in _OPENING:
            self._inline.add(_OPENING[name])

    def _push(self, element: Element, **changes: object) -> None:
        above = self._contexts[-1]
        inherited = dataclasses.replace(above, element=element, type="paragraph", level=None, marker=None)
        self._contexts.append(dataclasses.replace(inherited, **changes))  # type: ignore[arg-type]  # its own fields

    def _picture(self, source: str | None) -> None:
        images = self._document.images
        image = self._reading.image_at(source or "") if len(images) < MAX_IMAGES else None
        if image is not None:
            image.page = self._reading.page
            images.append(image)
            self._figures += 1

    def _look_for_pictures(self, element: Element) -> None:
        """Covers of books are pictures in a drawing."""
        for image in element.iterdescendants("image") if element.tag == "svg" else ():
            self._picture(image.get("xlink:href") or image.get("href"))

    def _flush(self) -> None:
        """End the block that was being read."""
        context, text = self._contexts[-1], self._inline.take()
        lines = line_pieces(text, keep_indent=context.verbatim)
        if lines:
            self._ready.append(self._block(context, lines))
        self._ready.extend(BlockPiece("figure", []) for _ in range(self._figures))
        self._figures = 0

    @staticmethod
    def _block(context: _Context, lines: list[LinePiece]) -> BlockPiece:
        kind, marker = context.type, context.marker
        if kind == "list_item":
            if marker is None:
                # Only the first paragraph of an item has its marker.
                kind = "paragraph"
            else:
                lines[0].text = f"{marker} {lines[0].text}"
                context.marker = None
        if context.furniture is None:
            return BlockPiece(kind, lines, level=context.level if kind != "paragraph" else None)
        return BlockPiece(context.furniture, lines, layer="furniture")

    def _table(self, element: Element) -> None:
        caption = next((each for each in element if each.tag == "caption"), None)
        if caption is not None:
            self._ready.extend(BlockPiece("caption", block.lines) for block in self._inside(caption))
        table = read_table(element, self._cell_text)
        table.page = self._reading.page
        self._ready.append(table_block(table, self._document, with_tables=self._reading.with_tables))

    def _cell_text(self, cell: Element) -> str:
        if not len(cell) and not is_hidden(cell):
            # Most cells of large tables: a walk of their own would take ten times as long.
            return collapsed(cell.text).strip()
        return "\n".join(line.text for block in self._inside(cell) for line in block.lines)

    def _inside(self, element: Element) -> Iterator[BlockPiece]:
        # Tables within are read as layout, so that this never goes deeper.
        return _Walk(element, self._reading, lays_out=True).blocks()


_OPENING = {"q": "\u201c", "rt": "("}
_CLOSING = {"q": "\u201d", "rt": ")"}


def _furniture(element: Element) -> Literal["header", "footer", "paragraph"] | None:
    """What stands on every page of a site; the headers and footers of a section belong to it."""
    if element.tag == "nav":
        return "paragraph"
    if any(above.tag in SECTIONING for above in element.iterancestors()):
        return None
    if element.tag == "footer":
        return "footer"
    # The headline of an article often stands in the page's header.
    return None if next(element.iterdescendants("h1"), None) is not None else "header"
