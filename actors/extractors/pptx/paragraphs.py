"""Paragraphs of DrawingML, with the bullets and numbers that stand before them (ECMA-376, part 1, 21.1.2)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from actors.extractors.office.drawings import chosen_alternative
from actors.extractors.office.equations import equation_text
from actors.extractors.office.list_numbers import formatted
from actors.extractors.office.symbols import symbol
from actors.extractors.office.xml_tree import Element, child, children, descendants, name_of, whole_number

_MAX_LEVEL = 8
_BULLETS = ("a:buNone", "a:buChar", "a:buAutoNum", "a:buBlip")
_SCHEME = re.compile(r"(alphaLc|alphaUc|arabic|romanLc|romanUc)(Period|ParenR|ParenBoth|Plain)")
_FORMATS = {
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "arabic": "decimal",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
}
_MARKS = {"Period": "{}.", "ParenR": "{})", "ParenBoth": "({})", "Plain": "{}."}
"""A plain number gets a full stop: nothing else would tell it from the text."""
_PRIVATE = re.compile("[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`marker` is None where it is no item of a list; `level` counts from 0."""

    text: str
    level: int
    marker: str | None


@dataclass(slots=True)
class _Counter:
    """Counts the numbered paragraphs of one body; one that is not numbered ends the lists at its level and deeper."""

    counts: dict[int, tuple[str, int]] = field(default_factory=dict)

    def next_number(self, level: int, bullet: Element | None) -> tuple[str, int]:
        scheme = "" if bullet is None or name_of(bullet) != "a:buAutoNum" else bullet.get("type", "")
        before = self.counts.get(level)
        self.counts = {above: count for above, count in self.counts.items() if above < level}
        start = max(1, whole_number(None if bullet is None else bullet.get("startAt")) or 1)
        number = before[1] + 1 if before is not None and before[0] == scheme else start
        if scheme:
            self.counts[level] = scheme, number
        return scheme, number


def paragraphs(body: Element | None, list_styles: Sequence[Element] = ()) -> Iterator[Paragraph]:
    """Those of a text body that have text; `list_styles` are those it takes after, the nearest first."""
    counter = _Counter()
    for paragraph in children(body, "a:p"):
        text = paragraph_text(paragraph)
        if not text.strip():
            continue
        properties = child(paragraph, "a:pPr")
        level = min(max(whole_number(None if properties is None else properties.get("lvl")) or 0, 0), _MAX_LEVEL)
        bullet = _bullet(properties, list_styles, level)
        yield Paragraph(text, level, _marker(bullet, *counter.next_number(level, bullet)))


def paragraph_text(paragraph: Element) -> str:
    return "".join(map(_run_text, paragraph))


def _run_text(element: Element) -> str:
    match name_of(element):
        case "a:r" | "a:fld":
            return "".join(each.text or "" for each in children(element, "a:t"))
        case "a:br":
            return "\n"
        case "mc:AlternateContent":
            chosen = chosen_alternative(element)
            equations = descendants(chosen, "m:oMath") if chosen is not None else ()
            return " ".join(map(equation_text, equations))
        case _:
            return ""


def _bullet(properties: Element | None, list_styles: Sequence[Element], level: int) -> Element | None:
    """What the paragraph says of its bullet, or the nearest style that says something."""
    levels = (child(style, f"a:lvl{level + 1}pPr") for style in list_styles)
    for place in (properties, *levels):
        for each in place if place is not None else ():
            if name_of(each) in _BULLETS:
                return each
    return None


def _marker(bullet: Element | None, scheme: str, number: int) -> str | None:
    if bullet is None or name_of(bullet) == "a:buNone":
        return None
    if not scheme:
        return _bullet_character(bullet)
    known = _SCHEME.match(scheme)
    return _MARKS[known[2]].format(formatted(number, _FORMATS[known[1]])) if known else f"{number}."


def _bullet_character(bullet: Element) -> str:
    """As Unicode has it: bullets are often letters of a symbol font."""
    font = child(bullet.getparent(), "a:buFont")
    typeface = None if font is None else font.get("typeface")
    shown = "".join(symbol(ord(each), typeface) for each in bullet.get("char", "•"))
    return _PRIVATE.sub("•", shown)
