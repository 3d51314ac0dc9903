"""What a paragraph's style says about its part in the document, through all the styles it is based on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from actors.extractors.office.xml_tree import (
    Element,
    attribute,
    child,
    children,
    is_on,
    number_at,
    value_at,
)

_HEADING = re.compile(r"heading ([1-9])")
_MAX_CHAIN = 32
_BODY_TEXT = 9
"""The outline level of what is no heading (17.3.1.20)."""
_CODE = frozenset({"html preformatted", "code", "source code", "macro", "macro text"})


@dataclass(frozen=True, slots=True)
class Style:
    name: str
    based_on: str | None
    element: Element


class Styles:
    """Styles by id. Word names its own in English in every language, with either case (`heading 1`, `Heading 1`)."""

    def __init__(self, root: Element | None) -> None:
        """`root` is the styles part, if there is one."""
        self._styles: dict[str, Style] = {}
        self.default: str | None = None
        for element in children(root, "w:style"):
            style_id = attribute(element, "w:styleId") or ""
            name = (value_at(element, "w:name") or "").casefold()
            self._styles[style_id] = Style(name, value_at(element, "w:basedOn"), element)
            is_default = attribute(element, "w:default") in {"1", "true", "on"}
            if is_default and attribute(element, "w:type") == "paragraph":
                self.default = style_id
        self.language = attribute(child(root, "w:docDefaults", "w:rPrDefault", "w:rPr", "w:lang"), "w:val")

    def chain(self, style_id: str | None) -> Iterator[Style]:
        """The style and those it is based on; no further than that, for they may go round in a circle."""
        for _ in range(_MAX_CHAIN):
            style = self._styles.get(style_id or "")
            if style is None:
                return
            yield style
            style_id = style.based_on

    def heading_level(self, style_id: str | None, properties: Element | None) -> int | None:
        """1 to 9, or None; what the paragraph's own properties say goes first."""
        outline = number_at(properties, "w:outlineLvl")
        if outline is not None:
            return _level_of_outline(outline)
        for style in self.chain(style_id):
            outline = number_at(style.element, "w:pPr", "w:outlineLvl")
            if outline is not None:
                return _level_of_outline(outline)
            heading = _HEADING.fullmatch(style.name)
            if heading is not None:
                return int(heading[1])
        return None

    def is_named(self, style_id: str | None, name: str) -> bool:
        return any(style.name == name for style in self.chain(style_id))

    def is_code(self, style_id: str | None) -> bool:
        return any(style.name in _CODE for style in self.chain(style_id))

    def is_hidden(self, style_id: str | None) -> bool:
        for style in self.chain(style_id):
            if child(style.element, "w:rPr", "w:vanish") is not None:
                return is_on(style.element, "w:rPr", "w:vanish")
        return False

    def numbering(self, style_id: str | None) -> tuple[Element, str] | None:
        """The numbering properties of the nearest style that has some, and that style's id."""
        for style in self.chain(style_id):
            found = child(style.element, "w:pPr", "w:numPr")
            if found is not None and child(found, "w:numId") is not None:
                return found, attribute(style.element, "w:styleId") or ""
        return None

    def formats_first_row(self, style_id: str | None) -> bool:
        """A table style that sets the first row apart."""
        return any(
            attribute(each, "w:type") == "firstRow"
            for style in self.chain(style_id)
            for each in children(style.element, "w:tblStylePr")
        )


def _level_of_outline(outline: int) -> int | None:
    return outline + 1 if 0 <= outline < _BODY_TEXT else None
