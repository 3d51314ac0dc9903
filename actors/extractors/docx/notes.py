"""Footnotes, endnotes and comments, which have parts of their own."""

from collections.abc import Iterator

from actors.extractors.assembly import BlockPiece
from actors.extractors.docx.story import Reading, Story
from actors.extractors.office.package import Relationship, related_part
from actors.extractors.office.xml_tree import Element, attribute, children


def notes(reading: Reading, relationships: dict[str, Relationship]) -> Iterator[BlockPiece]:
    """The notes that the text refers to, in that order: first footnotes, then endnotes."""
    for kind in ("footnote", "endnote"):
        story, elements = _stories(reading, relationships, f"{kind}s", f"w:{kind}")
        referred = [note_id for note_kind, note_id in reading.notes if note_kind == kind]
        for note_id in referred:
            if story is not None and note_id in elements:
                yield from _as_notes(story.all_blocks(elements[note_id]))


def _as_notes(blocks: Iterator[BlockPiece]) -> Iterator[BlockPiece]:
    for block in blocks:
        if block.type not in {"table", "figure"}:
            block.type, block.level = "footnote", None
        yield block


def comments(reading: Reading, relationships: dict[str, Relationship]) -> Iterator[BlockPiece]:
    """What readers wrote beside the text: no part of it."""
    story, elements = _stories(reading, relationships, "comments", "w:comment")
    for element in elements.values():
        for block in story.all_blocks(element) if story is not None else ():
            block.layer, block.table = "furniture", None
            block.type = "paragraph" if block.type == "table" else block.type
            yield block


def _stories(
    reading: Reading, relationships: dict[str, Relationship], kind: str, name: str
) -> tuple[Story | None, dict[str, Element]]:
    part = related_part(relationships, kind)
    if part is None or part not in reading.package:
        return None, {}
    root = reading.package.xml(part)
    return Story(reading, part, root), {attribute(each, "w:id") or "": each for each in children(root, name)}
