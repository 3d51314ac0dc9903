"""What styles say of a paragraph's part in the document, of its lists, and of pages (OpenDocument 1.3, part 3, 16)."""

from collections.abc import Iterator
from dataclasses import dataclass

from actors.extractors.office.xml_tree import Element, attribute, child, descendants, name_of, whole_number
from actors.extractors.opendocument.lengths import points

_MAX_CHAIN = 32
_CODE = frozenset({"Preformatted_20_Text", "Source_20_Text", "Source_20_Code", "Preformatted Text"})
_CAPTIONS = frozenset({"Caption", "Illustration", "Table", "Figure", "Drawing"})


@dataclass(frozen=True, slots=True)
class ListLevel:
    """`bullet` is None for a level that is numbered."""

    bullet: str | None
    number_format: str = "1"
    prefix: str = ""
    suffix: str = ""
    start: int = 1
    shown_levels: int = 1


class Styles:
    """Those of the content and of the styles part; the content's go first."""

    def __init__(self, *roots: Element) -> None:
        self._styles: dict[tuple[str, str], Element] = {}
        self._lists: dict[str, dict[int, ListLevel]] = {}
        self._roots = roots
        for root in reversed(roots):
            for style in descendants(root, "style:style"):
                key = attribute(style, "style:family") or "", attribute(style, "style:name") or ""
                self._styles[key] = style
            for style in descendants(root, "text:list-style"):
                self._lists[attribute(style, "style:name") or ""] = dict(_levels(style))

    def chain(self, name: str | None, family: str = "paragraph") -> Iterator[Element]:
        """The style and those it takes after; no further than that, for they may go round in a circle."""
        for _ in range(_MAX_CHAIN):
            style = self._styles.get((family, name or ""))
            if style is None:
                return
            yield style
            name = attribute(style, "style:parent-style-name")

    def _names(self, name: str | None) -> set[str]:
        return {name or "", *(attribute(style, "style:parent-style-name") or "" for style in self.chain(name))}

    def is_title(self, name: str | None) -> bool:
        return "Title" in self._names(name)

    def is_code(self, name: str | None) -> bool:
        return not _CODE.isdisjoint(self._names(name))

    def is_caption(self, name: str | None) -> bool:
        return not _CAPTIONS.isdisjoint(self._names(name))

    def is_hidden(self, name: str | None, family: str = "text") -> bool:
        for style in self.chain(name, family):
            shown = attribute(child(style, "style:text-properties"), "text:display")
            if shown is not None:
                return shown == "none"
        return False

    def is_shown_table(self, name: str | None) -> bool:
        found = (child(style, "style:table-properties") for style in self.chain(name, "table"))
        return all(attribute(each, "table:display") != "false" for each in found)

    def list_level(self, list_style: str | None, level: int) -> ListLevel:
        """`level` counts from 1."""
        return self._lists.get(list_style or "", {}).get(level, ListLevel("•"))

    def list_style(self, name: str | None) -> str | None:
        """The list that paragraphs of a style belong to."""
        found = (attribute(style, "style:list-style-name") for style in self.chain(name))
        return next((each for each in found if each is not None), None)

    def page_size(self, master: str | None = None) -> tuple[float, float] | None:
        """In points: of the master page of that name, else of the first."""
        pages = [page for root in self._roots for page in descendants(root, "style:master-page")]
        page = next((page for page in pages if attribute(page, "style:name") == master), pages[0] if pages else None)
        wanted = attribute(page, "style:page-layout-name")
        for root in self._roots:
            for layout in descendants(root, "style:page-layout"):
                if attribute(layout, "style:name") == wanted:
                    properties = child(layout, "style:page-layout-properties")
                    width, height = (points(attribute(properties, f"fo:page-{side}")) for side in ("width", "height"))
                    return (width, height) if width and height and width > 0 and height > 0 else None
        return None

    @property
    def language(self) -> str | None:
        """Of paragraphs whose style says nothing else."""
        for root in self._roots:
            for style in descendants(root, "style:default-style"):
                properties = child(style, "style:text-properties")
                language, country = (attribute(properties, f"fo:{name}") for name in ("language", "country"))
                if language not in {None, "none", "zxx"}:
                    return f"{language}-{country}" if country not in {None, "none"} else language
        return None


def _levels(style: Element) -> Iterator[tuple[int, ListLevel]]:
    for level in style:
        number = whole_number(attribute(level, "text:level")) or 1
        match name_of(level):
            case "text:list-level-style-bullet":
                yield number, ListLevel(attribute(level, "text:bullet-char") or "•")
            case "text:list-level-style-image":
                yield number, ListLevel("•")
            case "text:list-level-style-number":
                yield (
                    number,
                    ListLevel(
                        bullet=None,
                        number_format=attribute(level, "style:num-format") or "",
                        prefix=attribute(level, "style:num-prefix") or "",
                        suffix=attribute(level, "style:num-suffix") or "",
                        start=whole_number(attribute(level, "text:start-value")) or 1,
                        shown_levels=whole_number(attribute(level, "text:display-levels")) or 1,
                    ),
                )
