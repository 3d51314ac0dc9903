"""Lines of pages, grouped to blocks: paragraphs, headings, lists, captions, notes, and what repeats on every page."""

import re
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from actors.extractors.assembly import BlockPiece, LinePiece, enclosing
from actors.extractors.captions import is_caption
from actors.extractors.document import BlockType, Box
from actors.extractors.figures import with_figures
from actors.extractors.footnotes import footnote_starts
from actors.extractors.page_layout import LayoutLine, gap

_BULLET = re.compile(r"[•‣◦●○▪▫■□\u2013\u2014*·-]\s+\S|[•‣◦●▪■]\S")
# A capital letter with a full stop begins a name more often than a list: `T. Okafor`.
_NUMBER = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z][.)]|\(?[A-Z]\)|\(?(?:[ivx]{1,5}|[IVX]{2,5})[.)])\s+\S")
_SECTION = re.compile(r"(?:\d{1,2}\.)*\d{1,2}\.?\s+\S")
_HEADING_SIZE = 1.12
"""Size against the document's body text from which a short block is a heading."""
_HEADING_CHARACTERS = 200
_MAX_LEVEL = 6
_LEADING = 0.75
"""A gap between lines above so many line heights starts a new block."""
_EDGE = 0.12
"""Share of the page's height in which headers and footers stand, at either end."""
_REPEATED = 0.5
"""Share of the pages on which a line at the edge must recur."""
_REPEATED_PAGES = 3


@dataclass(slots=True)
class LaidOutPage:
    """What was read on a page, in reading order."""

    height: float
    lines: list[LayoutLine]
    figures: list[Box] = field(default_factory=list)
    blocks: list[BlockPiece] = field(default_factory=list)


def group_into_blocks(pages: Sequence[LaidOutPage]) -> None:
    """Fill each page's `blocks`. All pages at once, as only together they show the body size and what repeats."""
    body = _body_size(line for page in pages for line in page.lines)
    levels = _heading_levels(pages, body)
    repeated = _repeated_lines(pages)
    titled = False
    for page in pages:
        blocks: list[BlockPiece] = []
        for group, is_note in _groups(page, body, repeated):
            block = _footnote(group) if is_note else _block(page, group, body, levels, repeated)
            if block.type == "heading" and not titled and group[0].size >= max(levels, default=0.0):
                block.type, block.level = "title", None
            titled = titled or block.layer == "body"
            blocks.append(block)
        page.blocks = with_figures(blocks, page.figures)


def _body_size(lines: Iterable[LayoutLine]) -> float:
    """The size of most of the text."""
    weights: dict[float, int] = {}
    for line in lines:
        size = round(line.size * 2) / 2
        weights[size] = weights.get(size, 0) + len(line.text)
    return max(weights, key=lambda size: weights[size]) if weights else 0.0


def _heading_levels(pages: Sequence[LaidOutPage], body: float) -> list[float]:
    """Sizes that headings have, the largest first."""
    sizes = {round(line.size * 2) / 2 for page in pages for line in page.lines if _is_large(line, body)}
    return sorted(sizes, reverse=True)


def _is_large(line: LayoutLine, body: float) -> bool:
    return line.size >= _HEADING_SIZE * body and any(character.isalnum() for character in line.text)


Edge = Literal["header", "footer"]


def _edge(line: LayoutLine, height: float) -> Edge | None:
    if line.table is not None:
        return None
    if line.bbox[3] <= _EDGE * height:
        return "header"
    return "footer" if line.bbox[1] >= (1 - _EDGE) * height else None


def _pattern(line: LayoutLine) -> str:
    """The line with its numbers made alike, so that page numbers repeat."""
    return re.sub(r"\d+|\b[ivxlc]+\b", "#", line.text.lower())


def _repeated_lines(pages: Sequence[LaidOutPage]) -> set[tuple[Edge, str]]:
    counts: dict[tuple[Edge, str], int] = {}
    for page in pages:
        edges = {(edge, _pattern(line)) for line in page.lines if (edge := _edge(line, page.height))}
        for each in edges:
            counts[each] = counts.get(each, 0) + 1
    # Left and right pages often have a header each.
    needed = max(_REPEATED_PAGES, _REPEATED * 0.6 * len(pages))
    return {each for each, count in counts.items() if count >= needed}


def _furniture(line: LayoutLine, height: float, repeated: set[tuple[Edge, str]]) -> Edge | None:
    edge = _edge(line, height)
    return edge if edge and (edge, _pattern(line)) in repeated else None


def _groups(page: LaidOutPage, body: float, repeated: set[tuple[Edge, str]]) -> Iterator[tuple[list[LayoutLine], bool]]:
    """Lines of a block each, and whether they are a footnote."""
    places = [_furniture(line, page.height, repeated) for line in page.lines]
    texts = [line for line, place in zip(page.lines, places, strict=True) if place is None]
    notes = footnote_starts(texts, page.height, body)
    starts = {id(texts[index]): begins for index, begins in notes.items()}
    group: list[LayoutLine] = []
    for index, line in enumerate(page.lines):
        begins = starts.get(id(line))
        if group and (places[index - 1] != places[index] or begins or not _goes_on(group, line, starts)):
            yield group, id(group[0]) in starts
            group = []
        group.append(line)
    if group:
        yield group, id(group[0]) in starts


def _goes_on(group: list[LayoutLine], line: LayoutLine, notes: dict[int, bool]) -> bool:
    if id(line) in notes:
        return id(group[0]) in notes
    return id(group[0]) not in notes and _belongs(group, line)


def _belongs(group: list[LayoutLine], line: LayoutLine) -> bool:
    """Whether `line` goes on with the block."""
    before = group[-1]
    if before.table is not None or line.table is not None:
        return False
    if abs(line.size - before.size) > 0.1 * before.size or line.bold != before.bold or _starts_item(line.text):
        return False
    height = max(before.bbox[3] - before.bbox[1], 1.0)
    distance = line.bbox[1] - before.bbox[3]
    if distance > _LEADING * height or distance < -1.5 * height or gap(before.bbox, line.bbox) > 0:
        return False
    return not _is_indented(group, line)


def _is_indented(group: list[LayoutLine], line: LayoutLine) -> bool:
    """A first line set in against the lines before it; list items and single lines set no margin."""
    if len(group) < 2 or _starts_item(group[0].text):  # noqa: PLR2004
        return False
    margin = statistics.median(each.bbox[0] for each in group[1:])
    return line.bbox[0] - margin > line.size and line.bbox[2] >= group[-1].bbox[2] - 2 * line.size


def _starts_item(text: str) -> bool:
    return bool(_BULLET.match(text) or _NUMBER.match(text))


def _block(
    page: LaidOutPage,
    group: list[LayoutLine],
    body: float,
    levels: list[float],
    repeated: set[tuple[Edge, str]],
) -> BlockPiece:
    table = group[0].table
    if table is not None:
        return BlockPiece("table", table.rows, table.bbox, table=table.table)
    pieces, box = _pieces(group)
    furniture = _furniture(group[0], page.height, repeated)
    if furniture is not None:
        return BlockPiece(furniture, pieces, box, layer="furniture")
    if is_caption(" ".join(piece.text for piece in pieces)):
        return BlockPiece("caption", pieces, box)
    level = _level(group, body, levels)
    if level is not None:
        return BlockPiece("heading", pieces, box, level=level)
    return BlockPiece(_plain_type(pieces), pieces, box)


def _footnote(group: list[LayoutLine]) -> BlockPiece:
    pieces, box = _pieces(group)
    return BlockPiece("footnote", pieces, box)


def _pieces(group: list[LayoutLine]) -> tuple[list[LinePiece], Box | None]:
    pieces = [line.piece for line in group]
    return pieces, enclosing(piece.bbox for piece in pieces)


def _plain_type(pieces: list[LinePiece]) -> BlockType:
    return "list_item" if _starts_item(pieces[0].text) else "paragraph"


def _level(group: list[LayoutLine], body: float, levels: list[float]) -> int | None:
    """The level of a heading, None for other text."""
    text = " ".join(line.text for line in group)
    if len(text) > _HEADING_CHARACTERS or not any(character.isalpha() for character in text):
        return None
    if all(_is_large(line, body) for line in group):
        size = round(group[0].size * 2) / 2
        return min(1 + sum(each > size for each in levels), _MAX_LEVEL)
    is_bold_section = group[0].bold and len(group) == 1 and bool(_SECTION.match(text))
    return min(len(levels) + 1, _MAX_LEVEL) if is_bold_section else None
