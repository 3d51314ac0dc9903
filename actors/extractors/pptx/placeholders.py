"""What a shape takes over from the layout and the master of its slide: its place, and how its lists look."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from actors.extractors.office.package import Package, Relationship, related_part
from actors.extractors.office.xml_tree import Element, child, children, descendants

_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"dt", "ftr", "sldNum", "hdr"})
_STYLES = {"title": "p:titleStyle", "body": "p:bodyStyle"}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What kind of placeholder a shape is (19.7.10), and which of its layout's."""

    type: str
    index: str

    @property
    def is_title(self) -> bool:
        return self.type in _TITLES

    @property
    def is_furniture(self) -> bool:
        return self.type in _FURNITURE

    @property
    def on_master(self) -> str:
        """Masters have a title and a body; the kinds of layouts are made of these."""
        if self.is_title:
            return "title"
        return self.type if self.is_furniture else "body"


def placeholder_of(shape: Element) -> Placeholder | None:
    for each in shape:
        found = child(each, "p:nvPr", "p:ph")
        if found is not None:
            return Placeholder(found.get("type", "obj"), found.get("idx", "0"))
    return None


@dataclass(frozen=True, slots=True)
class Layout:
    """The placeholders of a layout and its master, and the master's styles of text. Any of them may be missing."""

    by_index: dict[str, Element] = field(default_factory=dict)
    by_type: dict[str, Element] = field(default_factory=dict)
    on_master: dict[str, Element] = field(default_factory=dict)
    text_styles: Element | None = None

    @classmethod
    def of(cls, layout: Element | None, master: Element | None) -> "Layout":
        on_layout = list(_placeholders(layout))
        return cls(
            by_index={place.index: shape for place, shape in reversed(on_layout)},
            by_type={place.type: shape for place, shape in reversed(on_layout)},
            on_master={place.on_master: shape for place, shape in reversed(list(_placeholders(master)))},
            text_styles=child(master, "p:txStyles"),
        )

    def models(self, place: Placeholder | None) -> Iterator[Element]:
        """The shapes that a placeholder takes after, the nearest first."""
        if place is None:
            return
        on_layout = self.by_index.get(place.index) if place.index != "0" else None
        on_layout = self.by_type.get(place.type) if on_layout is None else on_layout
        for model in (on_layout, self.on_master.get(place.on_master)):
            if model is not None:
                yield model

    def transform(self, shape: Element, place: Placeholder | None) -> Element | None:
        own = child(shape, "p:spPr", "a:xfrm")
        if own is not None:
            return own
        found = (child(model, "p:spPr", "a:xfrm") for model in self.models(place))
        return next((each for each in found if each is not None), None)

    def list_styles(self, shape: Element, place: Placeholder | None) -> list[Element]:
        """Elements with the properties of each level (`a:lvl1pPr`), the nearest first."""
        own = [child(each, "p:txBody", "a:lstStyle") for each in (shape, *self.models(place))]
        name = (
            "p:otherStyle" if place is None else {"title": "p:titleStyle", "body": "p:bodyStyle"}.get(place.on_master)
        )
        general = child(self.text_styles, name) if name else None
        return [style for style in (*own, general) if style is not None]


class Layouts:
    """The layouts of one presentation: most slides share a few."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._known: dict[str, Layout] = {}

    def of_slide(self, relationships: dict[str, Relationship]) -> Layout:
        part = related_part(relationships, "slideLayout")
        if part is None or part not in self._package:
            return Layout()
        if part not in self._known:
            master = related_part(self._package.relationships(part), "slideMaster")
            is_known = master is not None and master in self._package
            self._known[part] = Layout.of(
                self._package.xml(part), self._package.xml(master) if master and is_known else None
            )
        return self._known[part]


def _placeholders(root: Element | None) -> Iterator[tuple[Placeholder, Element]]:
    for tree in children(child(root, "p:cSld"), "p:spTree"):
        for shape in descendants(tree, "p:sp"):
            place = placeholder_of(shape)
            if place is not None:
                yield place, shape
