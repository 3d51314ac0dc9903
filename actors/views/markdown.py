"""A document as Markdown (CommonMark, with the tables of GFM). Whatever the document says stays text: nothing in it
becomes markup or HTML.
"""

import re

from actors.views.walk import Json, Place, lines, list_item, one_line, walk

# What begins or ends an inline construct anywhere in a line; `<` and `&` also keep HTML out.
_INLINE = re.compile(r"([\\`*_\[\]<>&|~])")
# What makes a block of a line when it stands at its beginning.
_LINE_START = re.compile(r"^([ \t]*)(#{1,6}(?=\s|$)|[-+](?=\s|$)|>|={1,}\s*$|-{1,}\s*$|(?:\d{1,9})(?=[.)](?:\s|$)))")
_BACKTICKS = re.compile(r"`+")

MAX_LEVEL = 6
INDENT = "    "


def markdown(document: Json) -> str:
    """Body blocks in reading order; headers and footers are left out."""
    writer = _Writer()
    for place in walk(document):
        writer.add(place)
    return "".join(writer.parts) + ("\n" if writer.parts else "")


class _Writer:
    """Writes blocks apart by a blank line, and the items of one list together."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._depth = 0
        """Of the list item before; 0 after anything else."""

    def add(self, place: Place) -> None:
        # An item is at most one level deeper than the one before: more would make code of it.
        block = place.block
        depth = min(block.get("level") or 1, self._depth + 1) if block["type"] == "list_item" else 0
        text = _text(place, depth)
        if not text:
            return
        if self.parts:
            self.parts.append("\n" if depth and self._depth else "\n\n")
        self.parts.append(text)
        self._depth = depth


def _text(place: Place, depth: int) -> str:
    block, text = place.block, place.text
    match block["type"]:
        case "title":
            return _heading(1, text)
        case "heading":
            return _heading(min(MAX_LEVEL, block.get("level") or 1), text)
        case "list_item":
            return _list_item(text, depth)
        case "table":
            return _paragraph(text) if place.table is None else _table(place.table)
        case "code":
            return _code(text)
        case _:
            return _paragraph(text)


def _heading(level: int, text: str) -> str:
    words = one_line(text)
    return f"{'#' * level} {_inline(words)}" if words else ""


def _paragraph(text: str) -> str:
    """Lines stay lines: what the page broke is not joined by guessing."""
    return "\n".join(_escaped_line(line) for line in lines(text))


def _list_item(text: str, depth: int) -> str:
    item = list_item(text)
    marker = "-" if item.number is None else f"{item.number}."
    return f"{INDENT * (depth - 1)}{marker} {_escaped_line(item.text)}"


def _code(text: str) -> str:
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _table(table: Json) -> str:
    """Spans are flattened: a cell's text stands in its first place, the others are empty."""
    grid = [[""] * table["columns"] for _ in range(table["rows"])]
    for cell in table["cells"]:
        grid[cell["row"]][cell["column"]] = _inline(one_line(cell["text"]))
    if not grid:
        return ""
    head, *body = grid
    rule = ["---"] * table["columns"]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *body))


def _escaped_line(line: str) -> str:
    """A line of text that is nothing but text, at the beginning of a line of Markdown too."""
    escaped = _inline(line)
    return _LINE_START.sub(lambda match: _escape_start(match[1], match[2]), escaped)


def _escape_start(space: str, mark: str) -> str:
    # A number is a list's by the mark that follows it.
    return f"{space}{mark}\\" if mark.isdigit() else f"{space}\\{mark}"


def _inline(text: str) -> str:
    return _INLINE.sub(r"\\\1", text)
