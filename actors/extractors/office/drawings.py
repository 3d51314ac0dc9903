"""What drawings hold: text boxes, pictures, diagrams; in the new markup (DrawingML) and in the old (VML)."""

from collections.abc import Iterator
from dataclasses import dataclass

from actors.extractors.office.xml_tree import Element, attribute, children, descendants, name_of, whole_number

_EMU_PER_PIXEL = 9525
"""English Metric Units (914,400 an inch) in a pixel of 96 dpi."""
_KNOWN_TO_WORD = ("http://schemas.microsoft.com/office/word/", "http://schemas.microsoft.com/office/drawing/2010/main")


@dataclass(frozen=True, slots=True)
class TextBox:
    """Its blocks are the children of `element`."""

    element: Element


@dataclass(frozen=True, slots=True)
class Picture:
    """The relationship that names the picture's part, and how large it is shown, in pixels of 96 dpi."""

    relationship: str | None
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class DrawnText:
    """Text that is no story of its own: in a canvas, along a path."""

    text: str


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """A diagram or chart, which has a part of its own."""

    relationship: str


Drawn = TextBox | Picture | DrawnText | DrawnPart


def drawn_in(element: Element) -> Iterator[Drawn]:
    """In order; of alternatives only the one that Word would show."""
    match name_of(element):
        case "mc:AlternateContent":
            yield from _in_children(chosen_alternative(element))
        case "w:txbxContent":
            yield TextBox(element)
        case "a:blip":
            yield Picture(attribute(element, "r:embed"), *_shown_size(element))
        case "v:imagedata":
            yield Picture(attribute(element, "r:id"))
        case "v:textpath":
            yield DrawnText(element.get("string", ""))
        case "a:p":
            yield DrawnText(drawing_paragraph(element))
        case "dgm:relIds":
            yield DrawnPart(attribute(element, "r:dm") or "")
        case "c:chart":
            yield DrawnPart(attribute(element, "r:id") or "")
        case _:
            yield from _in_children(element)


def _in_children(element: Element | None) -> Iterator[Drawn]:
    for each in element if element is not None else ():
        yield from drawn_in(each)


def chosen_alternative(element: Element) -> Element | None:
    """Of `mc:AlternateContent`: the first choice that needs nothing unknown, else the fallback (part 3, 7.5)."""
    for choice in children(element, "mc:Choice"):
        needed = [choice.nsmap.get(prefix) or "" for prefix in choice.get("Requires", "").split()]
        if all(namespace.startswith(_KNOWN_TO_WORD) for namespace in needed):
            return choice
    return next(children(element, "mc:Fallback"), None)


def drawing_paragraph(element: Element) -> str:
    return "".join("\n" if name_of(each) == "a:br" else each.text or "" for each in descendants(element, "a:t", "a:br"))


def _shown_size(blip: Element) -> tuple[int, int]:
    for above in blip.iterancestors():
        if name_of(above) in {"wp:inline", "wp:anchor"}:
            extent = next(children(above, "wp:extent"), None)
            return _pixels(extent, "cx"), _pixels(extent, "cy")
    return 0, 0


def _pixels(extent: Element | None, side: str) -> int:
    return max(0, whole_number(extent.get(side)) or 0) // _EMU_PER_PIXEL if extent is not None else 0
