"""The text of a paragraph, and what stands in it beside text (OpenDocument 1.3, part 3, 6)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from actors.extractors.html.inline import InlineText
from actors.extractors.office.xml_tree import Element, attribute, child, name_of, whole_number
from actors.extractors.opendocument.styles import Styles

_MAX_SPACES = 1000


@dataclass(slots=True)
class Inline:
    """`beside`: frames and shapes; `notes`: footnotes and endnotes; `comments`: annotations."""

    text: str = ""
    beside: list[Element] = field(default_factory=list)
    notes: list[Element] = field(default_factory=list)
    comments: list[Element] = field(default_factory=list)
    has_hidden_text: bool = False


def inline_of(paragraph: Element, styles: Styles) -> Inline:
    reader = _Reader(styles)
    reader.take(paragraph)
    reader.found.text = reader.written.take().rstrip(" ")
    return reader.found


class _Reader:
    """White space is collapsed as in HTML; what is to stay has elements of its own."""

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self.written, self.found = InlineText(), Inline()

    def take(self, element: Element) -> None:
        self.written.add(element.text)
        for each in element:
            self._take_child(each)
            self.written.add(each.tail)

    def _take_child(self, element: Element) -> None:
        name = name_of(element)
        if name in _HANDLERS:
            _HANDLERS[name](self, element)
        elif name.startswith("draw:"):
            self.found.beside.append(element)
        elif name not in _SKIPPED:
            self.take(element)

    def _span(self, element: Element) -> None:
        if self._styles.is_hidden(attribute(element, "text:style-name")):
            self.found.has_hidden_text = True
        else:
            self.take(element)

    def _spaces(self, element: Element) -> None:
        self.written.keep(" " * min(whole_number(attribute(element, "text:c")) or 1, _MAX_SPACES))

    def _tab(self, _element: Element) -> None:
        self.written.keep("\t")

    def _break(self, _element: Element) -> None:
        self.written.keep("\n")

    def _note(self, element: Element) -> None:
        self.found.notes.append(element)

    def _comment(self, element: Element) -> None:
        self.found.comments.append(element)

    def _ruby(self, element: Element) -> None:
        """The reading stands behind the characters, in brackets, as in a line of plain text."""
        base, reading = child(element, "text:ruby-base"), child(element, "text:ruby-text")
        if base is not None:
            self.take(base)
        if reading is not None and reading.text:
            self.written.add(f"({reading.text})")


_SKIPPED = frozenset(
    {"office:annotation-end", "text:hidden-text", "text:hidden-paragraph", "text:script", "text:tracked-changes"}
)
_HANDLERS: dict[str, Callable[[_Reader, Element], None]] = {
    "text:span": _Reader._span,  # noqa: SLF001
    "text:s": _Reader._spaces,  # noqa: SLF001
    "text:tab": _Reader._tab,  # noqa: SLF001
    "text:line-break": _Reader._break,  # noqa: SLF001
    "text:note": _Reader._note,  # noqa: SLF001
    "office:annotation": _Reader._comment,  # noqa: SLF001
    "text:ruby": _Reader._ruby,  # noqa: SLF001
}
