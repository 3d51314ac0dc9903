"""Part of a stored document: some of its pages, with or without the places of words. Documents are their JSON."""

from collections.abc import Iterable
from typing import Any

from actors.extractors.page_selection import selected_pages

Json = dict[str, Any]

PAGE_BREAK = "\n\n"


def without_words(document: Json) -> Json:
    """The document without the places of single words, which take most of its room."""
    pages = [
        page | {"lines": [{name: value for name, value in line.items() if name != "words"} for line in page["lines"]]}
        for page in document["pages"]
    ]
    return document | {"pages": pages}


def with_pages(document: Json, selection: str) -> Json:
    """The document as if it had only the selected pages (`1-3,7`), every span moved to where its text is now.

    Raises ValueError for what is no selection.
    """
    last = max((page["number"] for page in document["pages"]), default=0)
    wanted = set(selected_pages(selection, last, last))
    kept = [page for page in document["pages"] if page["number"] in wanted]
    content, moved = _joined(document["content"], [page["span"] for page in kept])
    moves = {page["number"]: move for page, move in zip(kept, moved, strict=True)}
    return document | {
        "content": content,
        "pages": [_moved_page(page, moves[page["number"]]) for page in kept],
        "blocks": [_moved(block, moves[block["page"]]) for block in _on(document["blocks"], wanted)],
        "tables": _on(document["tables"], wanted),
        "images": _on(document["images"], wanted),
        # What belongs to no page belongs to the file.
        "form_fields": _on(document["form_fields"], wanted | {None}),
        "key_values": _on(document["key_values"], wanted | {None}),
        "warnings": _on(document["warnings"], wanted | {None}),
    }


def _joined(content: str, spans: list[list[int]]) -> tuple[str, list[int]]:
    """The texts of the spans, and how far each has moved."""
    parts: list[str] = []
    moves: list[int] = []
    length = 0
    for offset, size in spans:
        if size and length:
            parts.append(PAGE_BREAK)
            length += len(PAGE_BREAK)
        moves.append(length - offset)
        parts.append(content[offset : offset + size])
        length += size
    return "".join(parts), moves


def _on(items: Iterable[Json], pages: set[int | None] | set[int]) -> list[Json]:
    return [item for item in items if item.get("page") in pages]


def _moved(item: Json, by: int) -> Json:
    offset, size = item["span"]
    return item | {"span": [offset + by, size]}


def _moved_page(page: Json, by: int) -> Json:
    return _moved(page, by) | {"lines": [_moved_line(line, by) for line in page["lines"]]}


def _moved_line(line: Json, by: int) -> Json:
    words = {"words": [_moved(word, by) for word in line["words"]]} if "words" in line else {}
    return _moved(line, by) | words
