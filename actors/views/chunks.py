"""A document in pieces for retrieval: whole blocks of one section, up to a size, with the headings above them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from actors.views.walk import Json, one_line, walk

DEFAULT_CHARACTERS = 1200
"""About 300 tokens of English."""

_SENTENCE_END = re.compile(r"[.!?…。！？]\s+|\n")  # noqa: RUF001 - full-width marks end sentences too
_SPACE = re.compile(r"\s+")


@dataclass(slots=True)
class _Piece:
    """A stretch of `content`, `start` to `end` in code points."""

    start: int
    end: int
    first_page: int
    last_page: int
    headings: tuple[str, ...]


def chunks(document: Json, characters: int = DEFAULT_CHARACTERS) -> list[Json]:
    """`{id, text, span, pages, heading_path}` in reading order; `text` is exactly what `span` says of `content`.

    A piece has at most so many code points: a longer block is divided where a sentence or a word ends. A heading
    begins a new piece, and so does text that is not of the body.
    """
    content: str = document["content"]
    made: list[_Piece] = []
    for piece in _pieces(document, characters):
        if made and _goes_on(made[-1], piece, content, characters):
            made[-1].end, made[-1].last_page = piece.end, piece.last_page
        else:
            made.append(piece)
    return [
        {
            "id": f"c{number}",
            "text": content[piece.start : piece.end],
            "span": [piece.start, piece.end - piece.start],
            "pages": list(range(piece.first_page, piece.last_page + 1)),
            "heading_path": list(piece.headings),
        }
        for number, piece in enumerate(made, 1)
    ]


def _goes_on(before: _Piece, piece: _Piece, content: str, characters: int) -> bool:
    return (
        before.headings == piece.headings
        and piece.end - before.start <= characters
        and not content[before.end : piece.start].strip()
    )


def _pieces(document: Json, characters: int) -> Iterator[_Piece]:
    path: list[tuple[int, str]] = []
    for place in walk(document):
        block, offset = place.block, place.block["span"][0]
        if not place.text.strip():
            continue
        if block["type"] in {"title", "heading"}:
            level = 0 if block["type"] == "title" else block.get("level") or 1
            path = [above for above in path if above[0] < level] + [(level, one_line(place.text))]
        headings = tuple(text for _, text in path)
        for start, end in _divided(place.text, characters):
            yield _Piece(offset + start, offset + end, block["page"], block["page"], headings)


def _divided(text: str, characters: int) -> Iterator[tuple[int, int]]:
    """Stretches of at most so many characters, as long as they can be."""
    start = 0
    while len(text) - start > characters:
        end = _break_before(text, start, start + characters)
        yield start, end
        start = end
    yield start, len(text)


def _break_before(text: str, start: int, limit: int) -> int:
    for separator in (_SENTENCE_END, _SPACE):
        # In the second half: a short first sentence does not make a piece of its own.
        ends = [match.end() for match in separator.finditer(text, (start + limit) // 2, limit)]
        if ends:
            return ends[-1]
    return limit
