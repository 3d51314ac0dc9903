"""A story: text that runs on by itself (the body, a header, a note, a text box), as blocks in order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from actors.extractors.assembly import BlockPiece, line_pieces
from actors.extractors.document import Document
from actors.extractors.docx.fields import OpenFields
from actors.extractors.docx.form_fields import control_field
from actors.extractors.docx.inline import Inline, InlineReader
from actors.extractors.docx.numbering import MAX_LEVEL, Numbering
from actors.extractors.docx.styles import Styles
from actors.extractors.docx.tables import read_table
from actors.extractors.embedded_images import MAX_IMAGES
from actors.extractors.office.drawings import Drawn, DrawnText, Picture, TextBox, chosen_alternative
from actors.extractors.office.package import Package
from actors.extractors.office.pictures import image_of, part_lines
from actors.extractors.office.xml_tree import Element, child, name_of, number_at, value_at
from actors.extractors.table_blocks import table_block


@dataclass(slots=True)
class Reading:
    """What the stories of one document share; list items count on from one to the next."""

    package: Package
    styles: Styles
    numbering: Numbering
    document: Document
    with_tables: bool = True
    notes: dict[tuple[str, str], None] = field(default_factory=dict)

    def warn(self, code: str, message: str) -> None:
        self.document.warn(code, message, 1)


class Story:
    """The stories of one part: its relationships name what they refer to."""

    def __init__(self, reading: Reading, part: str, root: Element) -> None:
        self._reading = reading
        self._relationships = reading.package.relationships(part)
        self._inline = InlineReader(reading.styles, OpenFields(root))
        self._carried = ""
        """Text of paragraphs whose end was deleted: it runs on into the next."""

    def blocks(self, element: Element) -> Iterator[BlockPiece]:
        """Of all paragraphs and tables in `element`."""
        for each in element:
            name = name_of(each)
            if name == "w:p":
                yield from self._paragraph(each)
            elif name == "w:tbl":
                yield from self._table(each)
            elif name in _CONTAINERS:
                yield from self.blocks(each)
            elif name in _HANDLERS:
                yield from _HANDLERS[name](self, each)

    def _paragraph(self, paragraph: Element) -> Iterator[BlockPiece]:
        properties = child(paragraph, "w:pPr")
        style = value_at(properties, "w:pStyle") or self._reading.styles.default
        inline = self._inline.read(paragraph, style)
        self._note(inline)
        mark = child(properties, "w:rPr")
        if child(mark, "w:del") is not None or child(mark, "w:moveFrom") is not None:
            self._carried += inline.text
        else:
            text, self._carried = self._carried + inline.text, ""
            yield from self._text_block(text, style, properties)
        for drawn in inline.drawn:
            yield from self._drawn(drawn)

    def _note(self, inline: Inline) -> None:
        self._reading.notes.update(dict.fromkeys(inline.notes))
        self._reading.document.form_fields.extend(inline.form_fields)
        if inline.has_hidden_text:
            self._reading.warn("hidden-text", "Text that is formatted as hidden was left out.")

    def _text_block(self, text: str, style: str | None, properties: Element | None) -> Iterator[BlockPiece]:
        # Counted also where the item is empty: Word shows its number all the same.
        listed = self._list_place(style, properties)
        marker = self._reading.numbering.marker(*listed) if listed else None
        if not text.strip():
            return
        styles = self._reading.styles
        level = styles.heading_level(style, properties)
        if styles.is_code(style):
            yield BlockPiece("code", line_pieces(text, keep_indent=True))
            return
        lines = line_pieces(f"{marker} {text.lstrip()}" if marker else text)
        if level is not None:
            yield BlockPiece("heading", lines, level=level)
        elif styles.is_named(style, "title"):
            yield BlockPiece("title", lines)
        elif marker is not None and listed is not None:
            yield BlockPiece("list_item", lines, level=min(max(listed[1], 0), MAX_LEVEL) + 1)
        else:
            yield BlockPiece("caption" if styles.is_named(style, "caption") else "paragraph", lines)

    def _list_place(self, style: str | None, properties: Element | None) -> tuple[str, int] | None:
        """The list and level that the paragraph itself names, or its style does; list 0 is none (17.9.18)."""
        own = child(properties, "w:numPr")
        inherited = self._reading.styles.numbering(style)
        list_id, level = value_at(own, "w:numId"), number_at(own, "w:ilvl")
        if list_id is None and inherited is not None:
            list_id = value_at(inherited[0], "w:numId")
            if level is None:
                level = self._reading.numbering.level_of_style(list_id or "", inherited[1])
            if level is None:
                level = number_at(inherited[0], "w:ilvl")
        return (list_id, level or 0) if list_id is not None and list_id != "0" else None

    def _table(self, element: Element) -> Iterator[BlockPiece]:
        beside: list[BlockPiece] = []

        def read_cell(cell: Element) -> str:
            blocks = list(self.blocks(cell))
            blocks.extend(self._rest())
            beside.extend(block for block in blocks if block.type == "figure" and not block.lines)
            return "\n".join(line.text for block in blocks for line in block.lines)

        table = read_table(element, self._reading.styles, read_cell)
        if table.cells:
            yield table_block(table, self._reading.document, with_tables=self._reading.with_tables)
        yield from beside

    def _rest(self) -> Iterator[BlockPiece]:
        """What ran on and met no next paragraph."""
        text, self._carried = self._carried, ""
        if text.strip():
            yield BlockPiece("paragraph", line_pieces(text))

    def _drawn(self, drawn: Drawn) -> Iterator[BlockPiece]:
        match drawn:
            case TextBox(element):
                yield from self.blocks(element)
            case Picture():
                self._list_image(drawn)
                yield BlockPiece("figure", [])
            case DrawnText(text):
                if text.strip():
                    yield BlockPiece("paragraph", line_pieces(text))
            case _:
                lines = part_lines(drawn.relationship, self._relationships, self._reading.package)
                yield BlockPiece("figure", [line for text in lines for line in line_pieces(text)])

    def _list_image(self, picture: Picture) -> None:
        if len(self._reading.document.images) < MAX_IMAGES:
            image = image_of(picture, self._relationships, self._reading.package)
            self._reading.document.images.extend([image] if image is not None else [])

    def _control(self, control: Element) -> Iterator[BlockPiece]:
        content = child(control, "w:sdtContent")
        blocks = list(self.blocks(content)) if content is not None else []
        text = "\n".join(line.text for block in blocks for line in block.lines)
        filled = control_field(control, text)
        if filled is not None:
            self._reading.document.form_fields.append(filled)
        yield from blocks

    def _alternatives(self, element: Element) -> Iterator[BlockPiece]:
        chosen = chosen_alternative(element)
        if chosen is not None:
            yield from self.blocks(chosen)

    def _equation(self, element: Element) -> Iterator[BlockPiece]:
        inline = self._inline.read(element, None)
        if inline.text.strip():
            yield BlockPiece("paragraph", line_pieces(inline.text))

    def _embedded(self, _element: Element) -> Iterator[BlockPiece]:
        self._reading.warn("embedded-document", "A document that is embedded in this one was not read.")
        return iter(())

    def all_blocks(self, element: Element) -> Iterator[BlockPiece]:
        yield from self.blocks(element)
        yield from self._rest()


_CONTAINERS = frozenset({"w:customXml", "w:smartTag", "w:ins", "w:moveTo"})
_HANDLERS: dict[str, Callable[[Story, Element], Iterator[BlockPiece]]] = {
    "w:sdt": Story._control,  # noqa: SLF001
    "mc:AlternateContent": Story._alternatives,  # noqa: SLF001
    "m:oMathPara": Story._equation,  # noqa: SLF001
    "w:altChunk": Story._embedded,  # noqa: SLF001
    "w:subDoc": Story._embedded,  # noqa: SLF001
}
