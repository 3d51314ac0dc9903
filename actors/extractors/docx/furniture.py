"""Headers and footers: once each, however many sections and pages show them."""

from collections.abc import Iterator
from typing import Literal

from actors.extractors.assembly import BlockPiece
from actors.extractors.docx.story import Reading, Story
from actors.extractors.office.package import Relationship
from actors.extractors.office.xml_tree import Element, attribute, children, descendants, is_on


def furniture(
    reading: Reading,
    relationships: dict[str, Relationship],
    body: Element,
    settings: Element | None,
    kind: Literal["header", "footer"],
) -> Iterator[BlockPiece]:
    """The blocks of all headers, or footers, that some page shows; of those that read the same the first."""
    seen: set[tuple[str, ...]] = set()
    for part in _parts(relationships, body, settings, kind):
        if part not in reading.package:
            continue
        root = reading.package.xml(part)
        blocks = list(Story(reading, part, root).all_blocks(root))
        text = tuple(line.text for block in blocks for line in block.lines)
        if text and text in seen:
            continue
        seen.add(text)
        for block in blocks:
            # Tables are how letterheads are laid out; the document's own tables are those of its body.
            block.layer, block.table = "furniture", None
            if block.type != "figure":
                block.type, block.level = kind, None
            yield block


def _parts(relationships: dict[str, Relationship], body: Element, settings: Element | None, kind: str) -> Iterator[str]:
    """Parts in order of their sections; Word keeps those for first and even pages when they are switched off."""
    even_pages_differ = is_on(settings, "w:evenAndOddHeaders")
    seen = set()
    for section in descendants(body, "w:sectPr"):
        first_page_differs = is_on(section, "w:titlePg")
        shown = {"default": True, "first": first_page_differs, "even": even_pages_differ}
        for reference in children(section, f"w:{kind}Reference"):
            related = relationships.get(attribute(reference, "r:id") or "")
            if related is None or related.external or related.target in seen:
                continue
            if shown.get(attribute(reference, "w:type") or "default", False):
                seen.add(related.target)
                yield related.target
