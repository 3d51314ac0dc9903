"""One slide as blocks: its title, then its shapes in the order in which they are read out, then notes and comments."""

from collections.abc import Iterator
from dataclasses import dataclass

from actors.extractors.assembly import BlockPiece, line_pieces
from actors.extractors.document import BlockType, Box, Document
from actors.extractors.office.drawings import chosen_alternative
from actors.extractors.office.drawn_blocks import Drawing
from actors.extractors.office.package import Package, related_part
from actors.extractors.office.xml_tree import Element, child, children, corrupt, descendants, name_of
from actors.extractors.pptx.geometry import Frame
from actors.extractors.pptx.paragraphs import paragraph_text, paragraphs
from actors.extractors.pptx.placeholders import Layouts, Placeholder, placeholder_of
from actors.extractors.pptx.tables import read_table
from actors.extractors.table_blocks import table_block

_ON = frozenset({"1", "true"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What the slides of one presentation share."""

    package: Package
    layouts: Layouts
    document: Document
    with_tables: bool


@dataclass(frozen=True, slots=True)
class _Shape:
    element: Element
    place: Placeholder | None
    bbox: Box | None


class Slide:
    def __init__(self, reading: Reading, part: str, number: int) -> None:
        """Raises ExtractionFailed for a part that cannot be read."""
        self._reading, self._package, self._document = reading, reading.package, reading.document
        self._number = number
        self._root = self._package.xml(part)
        if name_of(self._root) != "p:sld":
            raise corrupt()
        self._relationships = self._package.relationships(part)
        self._layout = reading.layouts.of_slide(self._relationships)

    @property
    def is_hidden(self) -> bool:
        return self._root.get("show") in {"0", "false"}

    def blocks(self) -> Iterator[BlockPiece]:
        shapes = list(self._shapes(child(self._root, "p:cSld", "p:spTree"), Frame()))
        # Titles are often drawn after what they head.
        shapes.sort(key=lambda shape: shape.place is None or not shape.place.is_title)
        for shape in shapes:
            yield from self._shape_blocks(shape)
        yield from self._notes()
        yield from self._comments()

    def _shapes(self, tree: Element | None, frame: Frame) -> Iterator[_Shape]:
        for element in tree if tree is not None else ():
            name = name_of(element)
            if name == "mc:AlternateContent":
                yield from self._shapes(chosen_alternative(element), frame)
            elif name == "p:grpSp" and not _is_hidden(element):
                yield from self._shapes(element, frame.of_group(child(element, "p:grpSpPr", "a:xfrm")))
            elif name in _SHAPES and not _is_hidden(element):
                place = placeholder_of(element)
                transform = child(element, "p:xfrm")
                found = self._layout.transform(element, place) if transform is None else transform
                yield _Shape(element, place, frame.box(found))

    def _shape_blocks(self, shape: _Shape) -> Iterator[BlockPiece]:
        table = child(shape.element, "a:graphic", "a:graphicData", "a:tbl")
        if table is not None:
            read = read_table(table, self._number, shape.bbox)
            if read.cells:
                yield table_block(read, self._document, with_tables=self._reading.with_tables)
        elif name_of(shape.element) == "p:sp":
            yield from self._text_blocks(shape)
        else:
            drawing = Drawing(self._package, self._relationships, self._document, self._number)
            yield from drawing.blocks(shape.element, shape.bbox)

    def _text_blocks(self, shape: _Shape) -> Iterator[BlockPiece]:
        styles = self._layout.list_styles(shape.element, shape.place)
        for paragraph in paragraphs(child(shape.element, "p:txBody"), styles):
            kind = _kind(shape.place, self._number)
            if kind == "footer":
                yield BlockPiece(kind, line_pieces(paragraph.text), shape.bbox, layer="furniture")
            elif kind is not None:
                yield BlockPiece(kind, line_pieces(paragraph.text), shape.bbox, 1 if kind == "heading" else None)
            elif paragraph.marker is not None:
                lines = line_pieces(f"{paragraph.marker} {paragraph.text.lstrip()}")
                yield BlockPiece("list_item", lines, shape.bbox, paragraph.level + 1)
            else:
                yield BlockPiece("paragraph", line_pieces(paragraph.text), shape.bbox)

    def _notes(self) -> Iterator[BlockPiece]:
        """What the speaker says to the slide."""
        part = related_part(self._relationships, "notesSlide")
        if part is None or part not in self._package:
            return
        for shape in descendants(self._package.xml(part), "p:sp"):
            place = placeholder_of(shape)
            if place is not None and place.type == "body":
                for paragraph in paragraphs(child(shape, "p:txBody")):
                    yield BlockPiece("footnote", line_pieces(paragraph.text))

    def _comments(self) -> Iterator[BlockPiece]:
        """What readers wrote beside the slide: no part of it. Old ones are plain, new ones have paragraphs."""
        part = related_part(self._relationships, "comments")
        if part is None or part not in self._package:
            return
        for comment in descendants(self._package.xml(part), "p:text", "a:p"):
            text = comment.text or "" if name_of(comment) == "p:text" else paragraph_text(comment)
            yield BlockPiece("paragraph", line_pieces(text), layer="furniture")


_SHAPES = frozenset({"p:sp", "p:pic", "p:graphicFrame", "p:cxnSp"})


def _is_hidden(shape: Element) -> bool:
    properties = next((found for each in shape if (found := next(children(each, "p:cNvPr"), None)) is not None), None)
    return properties is not None and properties.get("hidden") in _ON


def _kind(place: Placeholder | None, number: int) -> BlockType | None:
    """What all text of a placeholder is; None where it depends on the paragraph."""
    if place is None:
        return None
    if place.is_furniture:
        return "footer"
    if not place.is_title:
        return None
    return "title" if place.type == "ctrTitle" and number == 1 else "heading"
