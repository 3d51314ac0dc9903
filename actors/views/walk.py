"""A stored document's blocks in reading order, each with what the views make of it. Documents are their JSON."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_BULLET = re.compile(r"^\s*(?:[•‣◦●○▪▫■□–—*·\uf0b7-])\s+")  # noqa: RUF001 - bullets look like other characters
_NUMBERED = re.compile(r"^\s*\(?(\d{1,9})[.)]\s+")
_SPACES = re.compile(r"[ \t\n]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A block, its text, and the table that it stands for."""

    block: Json
    text: str
    table: Json | None


def walk(document: Json, *, furniture: bool = False) -> Iterator[Place]:
    """The body's blocks; headers, footers and the like too where they are wanted."""
    content: str = document["content"]
    tables: dict[int, list[Json]] = {}
    for table in document["tables"]:
        tables.setdefault(table["page"], []).append(table)
    for block in document["blocks"]:
        # Tables stand in the order of their blocks.
        waiting = tables.get(block["page"]) if block["type"] == "table" else None
        table = waiting.pop(0) if waiting else None
        if furniture or block["layer"] == "body":
            offset, size = block["span"]
            yield Place(block, content[offset : offset + size], table)


@dataclass(frozen=True, slots=True)
class ListItem:
    """`number` is None for bullets, and for items without a marker, which count as bullets."""

    number: int | None
    text: str


def list_item(text: str) -> ListItem:
    """The item on one line, its marker apart."""
    if (bullet := _BULLET.match(text)) is not None:
        return ListItem(None, one_line(text[bullet.end() :]))
    if (numbered := _NUMBERED.match(text)) is not None:
        return ListItem(int(numbered[1]), one_line(text[numbered.end() :]))
    return ListItem(None, one_line(text))


def one_line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def lines(text: str) -> list[str]:
    """Those that are not empty, without the space around them."""
    return [line.strip() for line in text.splitlines() if line.strip()]
