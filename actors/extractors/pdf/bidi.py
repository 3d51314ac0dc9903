"""Right-to-left text as PDFium gives it: logical order, but for what it cannot know."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise

from actors.extractors.document import Box

_FIRST_RIGHT_TO_LEFT = 0x0590
_RIGHT_TO_LEFT = {"R", "AL"}


def has_right_to_left(codes: Iterable[int]) -> bool:
    return any(_is_right_to_left(code) for code in set(codes) if code >= _FIRST_RIGHT_TO_LEFT)


def direction_changes(codes: Sequence[int]) -> Iterator[int]:
    """Indices at which letters of the other direction begin; what is no letter stays with those before it."""
    directed = [
        (index, code >= _FIRST_RIGHT_TO_LEFT and _is_right_to_left(code))
        for index, code in enumerate(codes)
        if chr(code).isalpha()
    ]
    for (_, before), (index, after) in pairwise(directed):
        if before != after:
            yield index


def with_ligatures_in_order(codes: Sequence[int], box: Callable[[int], Box]) -> list[int]:
    """`codes` with the letters of each ligature in reading order; `box` gives the place of the code at an index.

    PDFium turns a right-to-left line around character by character, also within a glyph that stands for several:
    those share one place.
    """
    ordered: list[int] = []
    for _, glyph in groupby(range(len(codes)), key=box):
        letters = [codes[index] for index in glyph]
        ordered.extend(reversed(letters) if all(map(_is_right_to_left, letters)) else letters)
    return ordered


def _is_right_to_left(code: int) -> bool:
    return unicodedata.bidirectional(chr(code)) in _RIGHT_TO_LEFT
