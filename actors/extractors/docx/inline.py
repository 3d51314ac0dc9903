"""The text of a paragraph, as Word shows it: insertions in, deletions out, field results without their codes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from actors.extractors.document import FormField
from actors.extractors.docx.fields import OpenFields
from actors.extractors.docx.form_fields import control_field, old_form_field
from actors.extractors.docx.styles import Styles
from actors.extractors.office.drawings import Drawn, chosen_alternative, drawn_in
from actors.extractors.office.equations import equation_text
from actors.extractors.office.symbols import symbol, without_private_characters
from actors.extractors.office.xml_tree import Element, attribute, child, children, is_on, name_of, value_at

_NEWLINES_OF_XML = str.maketrans({"\n": " ", "\r": " ", "\u00ad": None})


@dataclass(slots=True)
class Inline:
    """What was found in one paragraph. `notes` are (`footnote` or `endnote`, id) in order of reference."""

    parts: list[str] = field(default_factory=list)
    drawn: list[Drawn] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    form_fields: list[FormField] = field(default_factory=list)
    has_hidden_text: bool = False

    @property
    def text(self) -> str:
        return "".join(self.parts)


class InlineReader:
    """Reads the paragraphs of one story, in order: a field may begin in one and end in another."""

    def __init__(self, styles: Styles, fields: OpenFields) -> None:
        self._styles, self._fields = styles, fields
        self._inline = Inline()
        self._style: str | None = None
        self._font: str | None = None

    def read(self, paragraph: Element, style: str | None) -> Inline:
        self._inline, self._style = Inline(), style
        self._take_children(paragraph)
        return self._inline

    def _take_children(self, element: Element | None) -> None:
        for each in element if element is not None else ():
            self._take(each)

    def _take(self, element: Element) -> None:
        name = name_of(element)
        if name in _CONTAINERS:
            self._take_children(element)
        elif name in _CHARACTERS:
            self._show(_CHARACTERS[name])
        elif name in _DRAWN:
            self._inline.drawn.extend(drawn_in(element))
        elif name in _HANDLERS:
            _HANDLERS[name](self, element)

    def _show(self, text: str) -> None:
        if not self._fields.hide_text:
            self._inline.parts.append(text)

    def _run(self, run: Element) -> None:
        properties = child(run, "w:rPr")
        if self._is_hidden(properties):
            self._inline.has_hidden_text = True
            for mark in children(run, "w:fldChar"):
                self._fields.mark(mark)
            return
        self._font = attribute(child(properties, "w:rFonts"), "w:ascii")
        self._take_children(run)

    def _is_hidden(self, properties: Element | None) -> bool:
        if child(properties, "w:vanish") is not None:
            return is_on(properties, "w:vanish")
        return self._styles.is_hidden(value_at(properties, "w:rStyle")) or self._styles.is_hidden(self._style)

    def _text(self, element: Element) -> None:
        text = (element.text or "").translate(_NEWLINES_OF_XML)
        self._show(text if text.isascii() else without_private_characters(text, self._font))

    def _symbol(self, element: Element) -> None:
        try:
            code = int(attribute(element, "w:char") or "", 16)
            self._show(symbol(code, attribute(element, "w:font")))
        except (ValueError, OverflowError):
            self._show("\ufffd")

    def _field_mark(self, element: Element) -> None:
        filled = old_form_field(element)
        if filled is not None:
            self._inline.form_fields.append(filled[0])
            self._show(filled[1])
        self._fields.mark(element)

    def _control(self, control: Element) -> None:
        start = len(self._inline.parts)
        self._take_children(child(control, "w:sdtContent"))
        filled = control_field(control, "".join(self._inline.parts[start:]))
        if filled is not None:
            self._inline.form_fields.append(filled)

    def _ruby(self, element: Element) -> None:
        """The reading stands behind the characters, in brackets, as in a line of plain text."""
        self._take_children(child(element, "w:rubyBase"))
        start = len(self._inline.parts)
        self._take_children(child(element, "w:rt"))
        reading = "".join(self._inline.parts[start:])
        self._inline.parts[start:] = [f"({reading})"] if reading else []

    def _note(self, element: Element) -> None:
        kind = "footnote" if name_of(element) == "w:footnoteReference" else "endnote"
        self._inline.notes.append((kind, attribute(element, "w:id") or ""))

    def _alternatives(self, element: Element) -> None:
        self._take_children(chosen_alternative(element))

    def _equation(self, element: Element) -> None:
        self._show(equation_text(element))


_CONTAINERS = frozenset(
    {"w:hyperlink", "w:ins", "w:moveTo", "w:smartTag", "w:customXml", "w:fldSimple", "w:dir", "w:bdo", "m:oMathPara"}
)
_CHARACTERS = {"w:tab": "\t", "w:ptab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "\u2011"}
_DRAWN = frozenset({"w:drawing", "w:pict", "w:object"})
_HANDLERS: dict[str, Callable[[InlineReader, Element], None]] = {
    "w:r": InlineReader._run,  # noqa: SLF001
    "w:t": InlineReader._text,  # noqa: SLF001
    "w:sym": InlineReader._symbol,  # noqa: SLF001
    "w:fldChar": InlineReader._field_mark,  # noqa: SLF001
    "w:sdt": InlineReader._control,  # noqa: SLF001
    "w:ruby": InlineReader._ruby,  # noqa: SLF001
    "w:footnoteReference": InlineReader._note,  # noqa: SLF001
    "w:endnoteReference": InlineReader._note,  # noqa: SLF001
    "mc:AlternateContent": InlineReader._alternatives,  # noqa: SLF001
    "m:oMath": InlineReader._equation,  # noqa: SLF001
}
